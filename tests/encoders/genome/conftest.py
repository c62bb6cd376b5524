"""Small genomes in real file formats, and bcftools itself as the outside answer."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

Record = tuple[int, str, str, str, Sequence[str]]
"""POS (from 1), REF, ALT, INFO, one genotype per sample."""

HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=PASS,Description="All filters passed">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##ALT=<ID=DEL,Description="Deletion">
##ALT=<ID=CN0,Description="Copy number 0">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""
FORMATS = [
    f'##FORMAT=<ID={name},Number={number},Type={kind},Description="{name}">'
    for name, number, kind in (
        ("GT", "1", "String"), ("DP", "1", "Integer"), ("AD", "R", "Integer"), ("DS", "A", "Float"),
        ("GP", "G", "Float"), ("HDS", "2", "Float"), ("PS", "1", "Integer"), ("PSL", "2", "String"),
    )
]  # fmt: skip


@pytest.fixture
def write_vcf(tmp_path: Path) -> Callable[..., Path]:
    """Write and index a VCF.gz: ``write_vcf(records, samples=("S1",), chrom="20", name="v")``."""

    def write(
        records: Sequence[Record], *, samples: Sequence[str] = ("S1",), chrom: str = "20", name: str = "v"
    ) -> Path:
        lines = [HEADER, f"##contig=<ID={chrom},length=3000000>\n"]
        lines.append("\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *samples]) + "\n")
        for position, ref, alt, info, genotypes in records:
            lines.append("\t".join([chrom, str(position), ".", ref, alt, ".", "PASS", info, "GT", *genotypes]) + "\n")
        plain = tmp_path / f"{name}.vcf"
        plain.write_text("".join(lines))
        return Path(pysam.tabix_index(str(plain), preset="vcf", force=True))

    return write


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    """Write and index a VCF.gz of whole lines: ``write_lines(["20\\t150\\t..."], samples=("S1",), version="4.2")``."""

    def write(lines: Sequence[str], *, samples: Sequence[str] = ("S1",), version: str = "4.2", name: str = "v") -> Path:
        header = [
            f"##fileformat=VCFv{version}", "##contig=<ID=20,length=3000>",
            '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
            '##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">',
            '##INFO=<ID=NOTE,Number=1,Type=String,Description="Text">',
            *FORMATS,
            "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]),
        ]  # fmt: skip
        plain = tmp_path / f"{name}.vcf"
        plain.write_bytes("".join(f"{line}\n" for line in [*header, *lines]).encode("latin-1"))
        return Path(pysam.tabix_index(str(plain), preset="vcf", force=True))

    return write


@pytest.fixture
def write_fasta(tmp_path: Path) -> Callable[..., Path]:
    """Write a FASTA of named contigs, 60 letters a line: ``write_fasta({"20": "ACGT"})``."""

    def write(contigs: dict[str, str], *, name: str = "reference") -> Path:
        path = tmp_path / f"{name}.fa"
        with path.open("w") as file:
            for contig, sequence in contigs.items():
                file.write(f">{contig}\n")
                file.writelines(sequence[start : start + 60] + "\n" for start in range(0, len(sequence), 60))
        return path

    return write


@pytest.fixture
def bcftools_consensus(tmp_path: Path) -> Callable[..., str]:
    """Sequence by the bcftools that ships with pysam: ``bcftools_consensus(sequence, "20:11-90", vcf, "-H", "1")``."""

    def consensus(sequence: str, region: str, vcf: Path, *options: str) -> str:
        fasta, answer = tmp_path / "region.fa", tmp_path / "answer.fa"
        fasta.write_text(f">{region}\n" + "".join(sequence[n : n + 60] + "\n" for n in range(0, len(sequence), 60)))
        pysam.bcftools.consensus("-f", str(fasta), "-o", str(answer), *options, str(vcf), catch_stdout=False)
        return "".join(answer.read_text().splitlines()[1:]).upper()

    return consensus


@pytest.fixture
def plink2(tmp_path: Path) -> Callable[..., Path]:
    """Run plink2, an outside answer: ``plink2("--vcf", vcf, "--make-pgen")`` returns the output prefix."""
    program = shutil.which("plink2")
    if program is None:
        pytest.skip("plink2 is not installed: it is an outside answer, not a requirement")

    def run(*arguments: object, name: str = "plink") -> Path:
        prefix = tmp_path / name
        command = [program, *map(str, arguments), "--threads", "1", "--out", str(prefix)]
        subprocess.run(command, check=True, capture_output=True)
        return prefix

    return run
