"""Sequences of no subject are none."""

from collections.abc import Callable
from pathlib import Path

from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequences
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles


def test_no_subjects_have_no_sequences(write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]) -> None:
    reference = Reference(write_fasta({"20": "A" * 400}))
    variants = VariantFiles(write_vcf([(150, "A", "C", ".", ["0|1"])]))
    assert haplotype_sequences(reference, variants, Interval("20", 100, 200), []) == {}
    assert len(haplotype_sequences(reference, variants, Interval("20", 100, 200), ["S1"])["S1"]) == 2
