"""Writers of the simulated genome in the formats of real cohorts: indexed FASTA, GTF, bgzipped and indexed VCF."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from analyses.simulation.genome import Contig, Haplotypes
from encoders.genome.intervals import CodingPart, Gene, Interval

_LINE = 60
_UNTRANSLATED = 40
"""Bases of a transcript before its first codon, and at least so many after its last."""

_SOURCE = "gene-brain-fusion simulation"


def write_fasta(path: Path, sequences: Mapping[str, str]) -> None:
    """Write contigs in lines of 60 bases, and the ``.fai`` index beside them."""
    import pysam

    write_records(path, sequences)
    pysam.faidx(str(path))


def write_records(path: Path, sequences: Mapping[str, str]) -> None:
    """Write sequences in lines of 60 bases, without an index."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for name, sequence in sequences.items():
            file.write(f">{name} {_SOURCE}\n")
            file.writelines(f"{sequence[i : i + _LINE]}\n" for i in range(0, len(sequence), _LINE))


def write_gtf(path: Path, contigs: Sequence[Contig]) -> None:
    """Write one canonical transcript per gene as Ensembl does: 1-based, both ends included, exons 5' to 3'."""
    lines = [f"#!genome-build {_SOURCE}", "#!genebuild simulated"]
    lines += [line for contig in contigs for gene in contig.genes for line in _gtf_lines(gene)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _gtf_lines(gene: Gene) -> Iterator[str]:
    common = f'gene_id "{gene.gene_id}"; gene_name "{gene.name}"; gene_biotype "protein_coding";'
    transcript = f'{common} transcript_id "{gene.transcript}"; transcript_biotype "protein_coding";'
    canonical = 'tag "Ensembl_canonical";'
    yield _gtf_line("gene", gene.interval, common)
    yield _gtf_line("transcript", gene.interval, f"{transcript} {canonical}")
    for number, exon in enumerate(gene.exons, start=1):
        yield _gtf_line("exon", exon, f'{transcript} exon_number "{number}"; {canonical}')
    for part, phase in coding_sequence(gene):
        yield _gtf_line("CDS", part, f"{transcript} {canonical}", str(phase))


def coding_sequence(gene: Gene) -> Iterator[CodingPart]:
    """Exonic bases between two untranslated ends, 5' to 3', a whole number of codons."""
    n_coding = (sum(map(len, gene.exons)) - 2 * _UNTRANSLATED) // 3 * 3
    before = -_UNTRANSLATED  # bases of the coding sequence that lie 5' of an exon
    for exon in gene.exons:
        first, last = max(0, -before), min(len(exon), n_coding - before)
        if first < last:
            start, end = (
                (exon.end - last, exon.end - first) if exon.strand == "-" else (exon.start + first, exon.start + last)
            )
            yield CodingPart(Interval(exon.chrom, start, end, exon.strand), -max(0, before) % 3)
        before += len(exon)


def _gtf_line(feature: str, at: Interval, attributes: str, phase: str = ".") -> str:
    return "\t".join(
        [at.chrom, "simulated", feature, str(at.start + 1), str(at.end), ".", at.strand, phase, attributes]
    )


def write_vcf(
    path: Path, subject_ids: Sequence[str], contigs: Sequence[Contig], haplotypes: Mapping[str, Haplotypes]
) -> None:
    """Write phased genotypes of all contigs, bgzipped, and the ``.tbi`` index beside them."""
    import pysam

    with pysam.BGZFile(str(path), "w", index=None) as file:
        file.write(("\n".join(_vcf_header(subject_ids, contigs)) + "\n").encode())
        for contig in contigs:
            for record in _vcf_records(contig.name, haplotypes[contig.name]):
                file.write(record)
    pysam.tabix_index(str(path), preset="vcf", force=True)


def _vcf_header(subject_ids: Sequence[str], contigs: Sequence[Contig]) -> list[str]:
    return [
        "##fileformat=VCFv4.2",
        f"##source={_SOURCE}",
        "##reference=reference.fa",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        *(f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs),
        '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of each alternate allele">',
        '##INFO=<ID=AN,Number=1,Type=Integer,Description="Called alleles">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *subject_ids]),
    ]


def _vcf_records(chrom: str, haplotypes: Haplotypes) -> Iterator[bytes]:
    for position, texts, alleles in zip(haplotypes.positions, haplotypes.texts, haplotypes.alleles, strict=True):
        counts = np.bincount(alleles.ravel(), minlength=len(texts))[1:]
        info = f"AC={','.join(map(str, counts))};AN={alleles.size}"
        site = [chrom, str(position + 1), ".", texts[0], ",".join(texts[1:]), ".", "PASS", info, "GT"]
        yield "\t".join(site).encode() + _genotypes(alleles) + b"\n"


def _genotypes(alleles: np.ndarray) -> bytes:
    """Write ``\t0|1`` for each row of [n_subjects, 2]; a site has at most four alleles, so one digit each."""
    text = np.empty((len(alleles), 4), dtype=np.uint8)
    text[:, 0], text[:, 2] = ord("\t"), ord("|")
    text[:, 1::2] = alleles + ord("0")
    return text.tobytes()
