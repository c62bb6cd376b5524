"""A small genome with genes on both strands: introns that begin with GT and end with AG, gaps, soft-masked bases."""

from itertools import pairwise
from pathlib import Path

import numpy as np

N_GENES = {"1": 30, "2": 13, "3": 17}
GENE, GAP = 2400, 700
EXONS = ((0, 240), (700, 1003), (1500, 1620), (2000, 2400))
"""Of a gene on the plus strand, from its first base."""


def write_genome(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """FASTA and GTF; coding sequence is all of every exon, its lines carry the phase."""
    rng = np.random.default_rng(seed)
    records, lines, number = [], [], 0
    for chrom, n_genes in N_GENES.items():
        bases = rng.choice(list("ACGT"), size=GAP + n_genes * (GENE + GAP), p=(0.29, 0.21, 0.21, 0.29))
        for at in range(n_genes):
            number += 1
            start, strand = GAP + at * (GENE + GAP), "+-"[number % 2]
            exons = [(start + a, start + b) for a, b in EXONS]
            if strand == "-":
                exons = [(start + GENE - b, start + GENE - a) for a, b in EXONS]
            for (_, low), (high, _) in pairwise(sorted(exons)):
                first, last = ("GT", "AG") if strand == "+" else ("CT", "AC")
                bases[low : low + 2], bases[high - 2 : high] = list(first), list(last)
            lines += _gtf(chrom, f"G{number:03d}", strand, exons)
        text = "".join(bases)
        text = text[:400] + "N" * 60 + text[460:]  # a gap between genes
        text = text[: GAP + 900] + text[GAP + 900 : GAP + 1700].lower() + text[GAP + 1700 :]
        records.append(f">{chrom}\n" + "\n".join(text[i : i + 60] for i in range(0, len(text), 60)) + "\n")
    fasta, gtf = folder / "genome.fa", folder / "genes.gtf"
    fasta.write_text("".join(records))
    gtf.write_text("".join(lines))
    return fasta, gtf


def _gtf(chrom: str, gene: str, strand: str, exons: list[tuple[int, int]]) -> list[str]:
    named = f'gene_id "{gene}"; gene_name "{gene}"; gene_type "protein_coding";'
    of = f'{named} transcript_id "{gene}-1";'
    first, last = min(a for a, _ in exons), max(b for _, b in exons)
    lines = [
        _line(chrom, "gene", first, last, strand, ".", named),
        _line(chrom, "transcript", first, last, strand, ".", of),
    ]
    before = 0
    for start, end in exons:  # 5' to 3'
        lines.append(_line(chrom, "exon", start, end, strand, ".", of))
        lines.append(_line(chrom, "CDS", start, end, strand, str(-before % 3), of))
        before += end - start
    return lines


def _line(chrom: str, kind: str, start: int, end: int, strand: str, phase: str, attributes: str) -> str:
    return "\t".join([chrom, "made", kind, str(start + 1), str(end), ".", strand, phase, attributes]) + "\n"
