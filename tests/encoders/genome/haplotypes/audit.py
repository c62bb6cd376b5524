"""Haplotypes of generated VCFs against bcftools itself: equal, or refused with a reason, never different.

``python -m tests.encoders.genome.haplotypes.audit 2000`` (``make audit-genotypes``) prints what came out.
"""

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pysam
import pysam.bcftools
import pysam.utils

from encoders.errors import InputError
from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequence
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from tests.encoders.genome.haplotypes.generated_vcf import GeneratedVcf, make_vcf

POLICIES: dict[str, dict[str, Any]] = {
    "-H 1": {"haplotype": 1}, "-H 2": {"haplotype": 2},
    "-H 1 ": {"haplotype": 1, "unphased": "as-written"}, "-H 2 ": {"haplotype": 2, "unphased": "as-written"},
    "-H 1 -M N": {"haplotype": 1, "unphased": "as-written", "missing": "N"},
    "-H 2 -M N": {"haplotype": 2, "missing": "N"}, "-H 2pIu": {"haplotype": 2, "unphased": "iupac-unphased"},
    "-H 1pIu -M N": {"haplotype": 1, "unphased": "iupac-unphased", "missing": "N"},
    "-I": {"unphased": "iupac"}, "-I -M N": {"unphased": "iupac", "missing": "N"},
}  # fmt: skip
"""Options of bcftools consensus, and the policies that mean the same; a blank tells two of one meaning apart."""

EQUAL, REFUSED, DIFFERENT = "equal", "refused", "different"
LEADING = "equal once /0/1 is written 0/1, which bcftools takes for phased"
STAR = "a * that bcftools writes out"
NO_ANSWER = "bcftools stops, we answer"


def compare(vcf: GeneratedVcf, folder: Path, options: Iterable[str]) -> list[tuple[str, str]]:
    """What came out for each policy, and the reason of a refusal or the difference."""
    reference = folder / "reference.fa"
    reference.write_text(f">20\n{vcf.genome}\n")
    Path(f"{reference}.fai").unlink(missing_ok=True)
    genome, outcomes = Reference(reference), []
    region = Interval("20", vcf.start, vcf.end)
    for option in options:
        expected = _bcftools(vcf, folder, option)
        try:
            found = haplotype_sequence(genome, VariantFiles(vcf.path), region, vcf.subject, **POLICIES[option])
        except InputError as error:
            outcomes.append((REFUSED, _reason(str(error), vcf)))
            continue
        if expected not in (None, found) and "pIu" in option and re.search(r"\t[|/]", vcf.text):
            expected = _bcftools(vcf.without_leading_phases(), folder, option)
            vcf = make_vcf(vcf.seed, folder)
            if found == expected:
                outcomes.append((LEADING, ""))
                continue
        if expected is None:
            outcomes.append((NO_ANSWER, ""))
        elif "*" in expected:
            outcomes.append((STAR, ""))
        else:
            detail = f"{option} {vcf.subject}\n{vcf.text}bcftools {expected}\nwe       {found}"
            outcomes.append((EQUAL, "") if found == expected else (DIFFERENT, detail))
    return outcomes


def _bcftools(vcf: GeneratedVcf, folder: Path, option: str) -> str | None:
    """None where bcftools stops, which may take its process along: it has one of its own."""
    fasta, answer, samples = folder / "region.fa", folder / "answer.fa", folder / "samples.txt"
    fasta.write_text(f">20:{vcf.start + 1}-{vcf.end}\n{vcf.genome[vcf.start : vcf.end]}\n")
    samples.write_text(vcf.subject.replace(" ", "\\ ") + "\n")
    chosen = [*option.split(), "-S", str(samples)]
    if not (child := os.fork()):
        try:
            pysam.bcftools.consensus("-f", str(fasta), "-o", str(answer), *chosen, str(vcf.path), catch_stdout=False)
        except pysam.utils.SamtoolsError:
            os._exit(2)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        return None
    return "".join(answer.read_text().splitlines()[1:]).upper()


def _reason(message: str, vcf: GeneratedVcf) -> str:
    """The rule of a message, without the record."""
    return re.split(r"[;(]", message.replace(str(vcf.path), "FILE"))[0].strip()


def main(n_files: int) -> int:
    """Print the counts, every refusal by its rule, and the first differences; 1 where there is any."""
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    different = []
    pysam.set_verbosity(0)
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(n_files):
            for outcome, detail in compare(make_vcf(seed, Path(scratch)), Path(scratch), POLICIES):
                outcomes[outcome] += 1
                if outcome == REFUSED:
                    reasons[detail] += 1
                elif outcome == DIFFERENT:
                    different.append(f"seed {seed} {detail}")
    print(f"{n_files:,} files, {len(POLICIES)} policies each")
    for counts in (outcomes, reasons):
        print("\n".join(f"{n:>8,}  {name}" for name, n in counts.most_common()), end="\n\n")
    print("\n\n".join(different[:5]))
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
