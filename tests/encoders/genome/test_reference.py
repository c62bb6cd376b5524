"""FASTA files as one reference."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from encoders.errors import InputError
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.reference import Reference


def test_several_files_act_as_one_and_aliases_are_found(write_fasta: Callable[..., Path]) -> None:
    paths = [write_fasta({"20": "acgtn" * 30}), write_fasta({"chr21": "TTTT", "chrM": "GGG"}, name="other")]
    reference = Reference(paths)
    assert reference.contigs == {"20": 150, "chr21": 4, "chrM": 3}
    assert reference.fetch(Interval("chr20", 58, 63)) == "TNACG"
    assert reference.fetch(parse_region("21:1-4")) == "TTTT"
    assert reference.resolve("MT") == "chrM"
    assert Path(f"{paths[0]}.fai").is_file()


def test_letters_that_are_no_nucleotides_are_refused_and_u_is_t(write_fasta: Callable[..., Path]) -> None:
    reference = Reference(write_fasta({"20": "ACGUTNRYacgux" * 5, "21": "ACGTACGEF"}))
    assert reference.fetch(Interval("20", 0, 13)) == "ACGTTNRYACGTX"
    with pytest.raises(InputError, match=r"must be DNA .* has E at 21:8: give the FASTA of the genome"):
        reference.fetch(Interval("21", 2, 9))


def test_bgzip_gets_both_indexes_and_reads_the_same(write_fasta: Callable[..., Path]) -> None:
    plain = write_fasta({"20": "ACGTT" * 60})
    packed = plain.with_name("packed.fa.gz")
    pysam.tabix_compress(str(plain), str(packed))
    interval = Interval("20", 11, 201)
    assert Reference(packed).fetch(interval) == Reference(plain).fetch(interval)
    assert Path(f"{packed}.gzi").is_file()


def test_bgzip_with_its_own_index_is_read_wherever_a_block_ends(simulated_genome: Path) -> None:
    path = simulated_genome / "genome.fa.gz"
    before = sorted(path.parent.iterdir())
    reference = Reference(path)
    assert reference.contigs == {"20": 60_000, "22": 26_000}
    text = gzip.decompress(path.read_bytes()).decode()
    contigs = {part.split("\n", 1)[0]: part.split("\n", 1)[1].replace("\n", "").upper() for part in text[1:].split(">")}
    for chrom, start, end in (
        ("20", 0, 60_000),
        ("chr20", 9_990, 10_007),
        ("22", 25_001, 26_000),
        ("22", 3_999, 4_001),
    ):
        assert reference.fetch(Interval(chrom, start, end)) == contigs[chrom.removeprefix("chr")][start:end]
    assert sorted(path.parent.iterdir()) == before


def test_real_bgzip_with_its_own_index_is_read(real_data: Path) -> None:
    reference = Reference(real_data / "genome/grch37_chr20/GRCh37.chr20_1-2Mb.npad.fa.gz")
    assert reference.contigs == {"20": 2_000_000}
    assert reference.fetch(parse_region("20:1300000-1300009")) == "AGTCAAGGAG"


def test_bad_references_are_refused(write_fasta: Callable[..., Path], tmp_path: Path) -> None:
    path = write_fasta({"20": "ACGT"})
    plain_gzip = tmp_path / "plain.fa.gz"
    plain_gzip.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="plain gzip"):
        Reference(plain_gzip)
    with pytest.raises(InputError, match="does not exist"):
        Reference(tmp_path / "missing.fa")
    with pytest.raises(InputError, match="in one FASTA only"):
        Reference([path, write_fasta({"chr20": "ACGT"}, name="again")])
    reference = Reference(path)
    with pytest.raises(InputError, match="Contig 7 is not in the reference"):
        reference.resolve("7")
    with pytest.raises(InputError, match="runs past the end"):
        reference.fetch(Interval("20", 2, 5))


def test_without_index_a_folder_that_cannot_be_written_is_named(
    write_fasta: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_fasta({"20": "ACGT"})
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match=r"no \.fai index and its folder is not writable"):
        Reference(path)
