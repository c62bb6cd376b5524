"""The input gate: whole files pass it, and each way a file cannot fit the reference is named."""

from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import read_panel
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.reference_check import check_build, check_reference_alleles


def _assert_a_shift_is_named(
    reference: Reference, variants: VariantFiles, region: str, write_vcf: Callable[..., Path]
) -> None:
    sites = sorted(variants.sites(parse_region(region)))
    for shift, direction in ((1, "earlier"), (-1, "later")):
        records = [(site.position + 1 + shift, site.ref, site.alts, ".", ["0|0"]) for site in sites]
        shifted = VariantFiles(write_vcf(records, name=direction))
        with pytest.raises(InputError, match=f"one base {direction}: the positions are off by one"):
            check_reference_alleles(reference, shifted, [parse_region(region)])


def _assert_empty_places_are_named(reference: Reference, variants: VariantFiles) -> None:
    with pytest.raises(InputError, match="Contig chr21 is not in the reference"):
        check_reference_alleles(reference, variants, [Interval("chr21", 0, 10)])
    with pytest.raises(InputError, match="they have none in 1 places"):
        check_reference_alleles(reference, variants, [Interval("20", 0, 10)])


@pytest.fixture
def reference(simulated_genome: Path) -> Reference:
    return Reference(simulated_genome / "genome.fa.gz")


def _without_samples(source: Path, target: Path) -> Path:
    with pysam.VariantFile(str(source), drop_samples=True) as file:
        plain = target.with_suffix("")
        plain.write_text(str(file.header) + "".join(map(str, file)))
    return Path(pysam.tabix_index(str(plain), preset="vcf", force=True))


@pytest.mark.parametrize("region", ["20:1-60000", "chr20:1-60000", "22:1-26000"])
@pytest.mark.parametrize("name", ["phased", "mixed", "sites"])
def test_every_record_passes_the_gate(
    simulated_genome: Path, reference: Reference, tmp_path: Path, name: str, region: str
) -> None:
    path = simulated_genome / f"{'phased' if name == 'sites' else name}.vcf.gz"
    with pysam.TabixFile(str(path)) as lines:
        n_records = sum(1 for _ in lines.fetch(region.removeprefix("chr").split(":")[0]))
    if name == "sites":
        path = _without_samples(path, tmp_path / "sites.vcf.gz")
    report = check_reference_alleles(reference, VariantFiles(path), [parse_region(region)])
    assert (report.n_records, report.n_matching, report.share) == (n_records, n_records, 1.0)
    assert n_records > 150


def test_another_build_stops_with_the_cause(
    simulated_genome: Path, reference: Reference, write_fasta: Callable[..., Path]
) -> None:
    """The same genes lie 37 bases further on in the other build."""
    sequence = reference.fetch(Interval("22", 0, 26_000))
    other = Reference(write_fasta({"22": "N" * 37 + sequence}))
    panel = read_panel(simulated_genome / "genes.gtf", ["G7"])
    with pytest.raises(InputError, match="another genome build"):
        check_reference_alleles(other, VariantFiles(simulated_genome / "phased.vcf.gz"), panel)


def test_an_off_by_one_stops_with_the_cause(
    simulated_genome: Path, reference: Reference, write_vcf: Callable[..., Path]
) -> None:
    variants = VariantFiles(simulated_genome / "phased.vcf.gz")
    _assert_a_shift_is_named(reference, variants, "20:11001-41777", write_vcf)


def test_contigs_and_regions_without_records_stop_the_gate(simulated_genome: Path, reference: Reference) -> None:
    _assert_empty_places_are_named(reference, VariantFiles(simulated_genome / "phased.vcf.gz"))


def test_records_spread_over_a_contig_tell_another_build(
    simulated_genome: Path, reference: Reference, write_fasta: Callable[..., Path], write_vcf: Callable[..., Path]
) -> None:
    """A region without records tells nothing; where the reference has no bases there is nothing to hold against it."""
    variants = VariantFiles(simulated_genome / "mixed.vcf.gz")
    check_build(reference, variants, "22")
    check_build(reference, variants, "chr22")
    sequence = reference.fetch(Interval("22", 0, 26_000))
    moved = Reference(write_fasta({"22": "N" * 37 + sequence}, name="moved"))
    with pytest.raises(InputError, match=r"\d of \d+ records spread over 22 do, as by chance"):
        check_build(moved, variants, "22")
    padded = Reference(write_fasta({"22": "N" * 20_000 + sequence[20_000:]}, name="padded"))
    check_build(padded, variants, "22")
    check_build(padded, VariantFiles(write_vcf([(5, "A", "C", ".", ["0|1"])] * 9, chrom="22")), "22")


REAL_FILES = (
    ("grch37_chr20", "*EUR300*.vcf.gz", "20:1000001-2000000", 7568),
    ("grch37_chr20", "*EUR203*.vcf.gz", "20:1000001-2000000", 7568),
    ("grch37_chr20", "*sites_only*.vcf.gz", "chr20:1000001-2000000", 28998),
    ("grch37_chr22", "*.vcf.gz", "22:1-21000000", 608),
    ("grch38_chr22", "*.vcf.gz", "22:19929001-19974999", 1379),
)


def test_every_real_record_passes_the_gate(real_data: Path) -> None:
    for folder, pattern, region, n_records in REAL_FILES:
        place = real_data / "genome" / folder
        report = check_reference_alleles(
            Reference(next(place.glob("*.fa.gz"))), VariantFiles(next(place.glob(pattern))), [parse_region(region)]
        )
        assert (report.n_records, report.n_matching, report.share) == (n_records, n_records, 1.0), (folder, pattern)


def test_real_files_that_do_not_fit_stop_with_the_cause(real_data: Path, write_vcf: Callable[..., Path]) -> None:
    genome = real_data / "genome"
    reference = Reference(next((genome / "grch37_chr22").glob("*.fa.gz")))
    variants = VariantFiles(next((genome / "grch38_chr22").glob("*.vcf.gz")))
    panel = read_panel(next((genome / "grch37_chr22").glob("*.gtf")), ["COMT"])
    with pytest.raises(InputError, match="another genome build"):
        check_reference_alleles(reference, variants, panel)
    place = genome / "grch37_chr20"
    reference, variants = Reference(next(place.glob("*.fa.gz"))), VariantFiles(next(place.glob("*EUR300*.vcf.gz")))
    _assert_a_shift_is_named(reference, variants, "20:1093906-1160596", write_vcf)
    _assert_empty_places_are_named(reference, variants)
