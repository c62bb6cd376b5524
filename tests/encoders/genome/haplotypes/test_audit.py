"""A few of the VCFs that ``make audit-genotypes`` holds against bcftools by the thousand."""

from collections import Counter
from pathlib import Path

from tests.encoders.genome.haplotypes.audit import DIFFERENT, EQUAL, POLICIES, REFUSED, compare
from tests.encoders.genome.haplotypes.generated_vcf import make_vcf

N_FILES = 40
FIRST_SEED = 10_000
"""Beyond the seeds of the make target."""


def test_haplotypes_of_odd_vcfs_equal_bcftools_or_are_refused(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for number, seed in enumerate(range(FIRST_SEED, FIRST_SEED + N_FILES)):
        options = [option for place, option in enumerate(POLICIES) if place % 5 == number % 5]
        found = compare(make_vcf(seed, tmp_path), tmp_path, options)
        assert not [detail for outcome, detail in found if outcome == DIFFERENT]
        outcomes.update(outcome for outcome, _ in found)
    assert outcomes.total() == 2 * N_FILES
    assert outcomes[EQUAL] > N_FILES / 2
    assert outcomes[REFUSED] > 5
