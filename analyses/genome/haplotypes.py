"""A subject's haplotypes of one region as FASTA: a user's check of what is really embedded."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from encoders.genome.haplotypes.alleles import MissingPolicy, UnphasedPolicy


def haplotype_fasta(
    reference: Sequence[Path],
    variants: Sequence[Path],
    region: str,
    subject: str,
    *,
    haplotype: int | None = None,
    unphased: UnphasedPolicy = "phased",
    missing: MissingPolicy = "reference",
    contig_aliases: bool = False,
) -> str:
    """FASTA text, 60 bases a line, one record per haplotype (one in all under ``iupac`` and ``alternate``).

    Parameters
    ----------
    region : str
        ``CHROM:START-END``, 1-based, both ends included.
    haplotype : {1, 2} or None
        Both if ``None``.

    Raises
    ------
    encoders.errors.InputError
        Missing files, unknown contig or subject, unphased genotypes under ``phased``, REF mismatch: in a record that is
        applied, or in most records spread over the contig.
    """
    from encoders.genome.contigs import check_autosome, check_spelling
    from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequence
    from encoders.genome.intervals import parse_region
    from encoders.genome.reference import Reference
    from encoders.genome.variants.files import VariantFiles
    from encoders.genome.variants.reference_check import check_build

    interval = parse_region(region)
    genome, genotypes = Reference(list(reference)), VariantFiles(list(variants))
    if not contig_aliases:
        check_spelling([interval.chrom], genome.contigs, of="reference")
        check_spelling([interval.chrom], genotypes.contigs, of="variant files", joined=True)
    check_autosome(interval.chrom, str(interval), genome.contigs[genome.resolve(interval.chrom)])
    check_build(genome, genotypes, interval.chrom)
    wanted = (1,) if unphased in {"iupac", "alternate"} else (haplotype,) if haplotype else (1, 2)
    records = []
    for copy in wanted:
        sequence = haplotype_sequence(
            genome, genotypes, interval, subject, haplotype=copy, unphased=unphased, missing=missing
        )
        label = unphased if unphased in {"iupac", "alternate"} else f"haplotype={copy}"
        records.append(f">{subject} {region} {label}\n" + "\n".join(textwrap.wrap(sequence, 60)) + "\n")
    return "".join(records)
