"""A small genome in real files, and commands run on it."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pysam
import pytest

SEQUENCE = "".join(random.Random(17).choices("ACGT", k=2_000))
Records = Sequence[tuple[int, str, str, Sequence[str]]]


@pytest.fixture
def small_genome(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """Reference, annotation and a named VCF of one contig: ``small_genome(records, chrom="20", name="v")``."""

    def write(records: Records, *, chrom: str = "20", name: str = "v") -> dict[str, Path]:
        reference, annotation = (tmp_path / f"{chrom}.{suffix}" for suffix in ("fa", "gtf"))
        plain = tmp_path / f"{name}.vcf"
        reference.write_text(f">{chrom}\n" + "\n".join(SEQUENCE[n : n + 60] for n in range(0, 2_000, 60)) + "\n")
        tags = 'gene_id "ENSG1"; transcript_id "ENST1"; gene_name "ALFA"; gene_type "protein_coding"; '
        tags += 'tag "Ensembl_canonical";'
        spans = {"gene": (101, 900), "transcript": (101, 900), "exon": (101, 900)}
        annotation.write_text(
            "".join(f"{chrom}\tx\t{kind}\t{first}\t{last}\t.\t+\t.\t{tags}\n" for kind, (first, last) in spans.items())
        )
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1", "S2", "S3"]
        rows = [
            [chrom, str(position), ".", ref, alt, ".", ".", ".", "GT", *genotypes]
            for position, ref, alt, genotypes in records
        ]
        header = [
            "##fileformat=VCFv4.2",
            f"##contig=<ID={chrom},length=2000>",
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
        ]
        plain.write_text("\n".join([*header, *("\t".join(row) for row in [columns, *rows])]) + "\n")
        vcf = Path(pysam.tabix_index(str(plain), preset="vcf", force=True))
        return {"reference": reference, "annotation": annotation, "variants": vcf}

    return write


@pytest.fixture
def snps() -> Records:
    """Seventeen substitutions of the sequence, carried in turn."""
    calls = ["0|1", "1|0", "1|1", "0|0"]
    return [
        (position, SEQUENCE[position - 1], "ACGT"["CGTA".index(SEQUENCE[position - 1])],
         [calls[(position + n) % 4] for n in range(3)])
        for position in range(110, 960, 53)
    ]  # fmt: skip
