"""Indexes of other FASTA files, and files that are damaged: every base is in its place, or there is a refusal."""

import bz2
import gzip
import lzma
import os
import random
import re
import shutil
import warnings
from pathlib import Path

import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.blocks import Blocks, NotABlockError
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference

Contigs = dict[str, str]


def _contigs(seed: int, *lengths: int) -> Contigs:
    rng = random.Random(seed)
    return {f"chr{number}": "".join(rng.choices("ACGTN", k=length)) for number, length in enumerate(lengths, 1)}


def _write(path: Path, contigs: Contigs, width: int = 60, newline: str = "\n", told: str = "", end: str = "\n") -> Path:
    """A FASTA; bgzip if its name says so."""
    text = newline.join(
        line
        for name, letters in contigs.items()
        for line in (f">{name}{told}", *(letters[n : n + width] for n in range(0, len(letters), width)))
    )
    plain = path.with_name(path.name.removesuffix(".gz"))
    plain.write_bytes((text + end).encode())
    if path.suffix == ".gz":
        pysam.tabix_compress(str(plain), str(path), force=True)
        plain.unlink()
    return path


def _move_indexes(source: Path, target: Path) -> None:
    pysam.faidx(str(source))
    for suffix in (".fai", ".gzi"):
        if Path(f"{source}{suffix}").is_file():
            shutil.move(f"{source}{suffix}", f"{target}{suffix}")


def _check(path: Path, contigs: Contigs) -> None:
    reference, rng = Reference(path), random.Random(len(contigs))
    assert reference.contigs == {name: len(letters) for name, letters in contigs.items()}
    for name, letters in contigs.items():
        for _ in range(4):
            start, end = sorted(rng.sample(range(len(letters) + 1), 2))
            assert reference.fetch(Interval(name, start, end)) == letters[start:end]


CONTIGS = _contigs(1, 3_011, 977, 150)
FORMER = {
    "wider lines": (CONTIGS, 80),
    "one line a contig": (CONTIGS, 10_000),
    "another order": (dict(reversed(CONTIGS.items())), 60),
    "other names": (dict(zip(("chr1", "chr3", "chr2"), CONTIGS.values(), strict=True)), 60),
    "without its last contig": (dict(list(CONTIGS.items())[:2]), 60),
    "without its first contig": (dict(list(CONTIGS.items())[1:]), 60),
    "one base less": (CONTIGS | {"chr1": CONTIGS["chr1"][1:]}, 60),
    "other contigs": (_contigs(2, 500, 40), 60),
}


@pytest.mark.parametrize("suffix", ["fa", "fa.gz"])
@pytest.mark.parametrize("former", FORMER)
@pytest.mark.parametrize("seconds", [-9_000, 9_000])
def test_with_the_index_of_another_file_every_base_is_in_its_place(
    tmp_path: Path, suffix: str, former: str, seconds: int
) -> None:
    path = _write(tmp_path / f"r.{suffix}", CONTIGS)
    _move_indexes(_write(tmp_path / f"former.{suffix}", *FORMER[former]), path)
    os.utime(f"{path}.fai", (path.stat().st_mtime + seconds,) * 2)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.warns(
        UserWarning, match=rf"r\.{suffix}\.fai is not that of r\.{suffix} .* run samtools faidx r\.{suffix}"
    ):
        _check(path, CONTIGS)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_table_of_blocks_of_another_file_is_not_used(tmp_path: Path) -> None:
    """The unpacked files are the same and the .fai fits both; the blocks are not."""
    contigs = {"chr1": "ACGT" * 40_000, "chr2": "".join(random.Random(4).choices("ACGT", k=150_000))}
    path, former = (
        _write(tmp_path / "r.fa.gz", contigs),
        _write(tmp_path / "former.fa.gz", dict(reversed(contigs.items()))),
    )
    pysam.faidx(str(path))
    pysam.faidx(str(former))
    shutil.copy(f"{former}.gzi", f"{path}.gzi")
    with pytest.warns(UserWarning, match="table of blocks does not hold"):
        _check(path, contigs)


def test_a_block_that_ends_before_it_begins_is_none(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.fa.gz", {"chr1": "ACGT" * 40_000})
    content = bytearray(path.read_bytes())
    content[16:18] = b"\x00\x00"
    path.write_bytes(content)
    with Blocks(path) as blocks, pytest.raises(NotABlockError, match="no block begins at byte 0"):
        blocks.span(0)
    with pytest.raises(InputError):
        Reference(path)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=5),
    width=st.integers(1, 90),
    newline=st.sampled_from(["\n", "\r\n"]),
    told=st.sampled_from(["", " Homo sapiens >1", "\tAC:CM000663.2"]),
    end=st.sampled_from(["", "\n", "\n\n\n"]),
    suffix=st.sampled_from(["fa", "fa.gz"]),
)
def test_the_right_index_is_never_doubted(
    tmp_path: Path, lengths: list[int], width: int, newline: str, told: str, end: str, suffix: str
) -> None:
    contigs = _contigs(sum(lengths), *lengths)
    path = _write(tmp_path / f"r{len(list(tmp_path.iterdir()))}.{suffix}", contigs, width, newline, told, end)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _check(path, contigs)
        _check(path, contigs)


@pytest.mark.parametrize("suffix", ["fa", "fa.gz"])
@pytest.mark.parametrize("n_bases", [3_500, 3_011, 2_000])
def test_a_file_that_was_cut_off_since_it_was_indexed_is_refused(tmp_path: Path, suffix: str, n_bases: int) -> None:
    path, whole = tmp_path / f"r.{suffix}", _write(tmp_path / f"whole.{suffix}", CONTIGS)
    left = {"chr1": CONTIGS["chr1"][:n_bases], "chr2": CONTIGS["chr2"][: max(0, n_bases - 3_011)]}
    _write(path, {name: letters for name, letters in left.items() if letters}, end="")
    _move_indexes(whole, path)
    with pytest.raises(InputError, match=rf"must be whole; .* {n_bases:,} bases of the 4,138 that its index knows"):
        Reference(path)


def test_a_bgzip_file_without_its_end_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.fa.gz", CONTIGS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="is truncated"):
        Reference(path)


REFUSALS = {
    "before": r"one letter per base; .*r\.fa has something else at chr1:634 |is damaged at chr1:601-900",
    "after": r"only letters in them; an index of .*r\.fa cannot hold|at chr1:634 ",
}


@pytest.mark.parametrize("indexed", REFUSALS)
@pytest.mark.parametrize("letter", [b"\0", b"-", b"1", b"\xe9", b" "])
def test_what_is_no_base_is_never_left_out(tmp_path: Path, letter: bytes, indexed: str) -> None:
    path = _write(tmp_path / "r.fa", CONTIGS)
    if indexed == "before":
        pysam.faidx(str(path))
    content = bytearray(path.read_bytes())
    place = content.index(CONTIGS["chr1"][600:640].encode()) + 33
    content[place : place + 1] = letter
    path.write_bytes(content)
    with pytest.raises(InputError, match=REFUSALS[indexed]):
        Reference(path).fetch(Interval("chr1", 600, 900))


def test_files_that_no_index_can_hold_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "twice.fa", CONTIGS)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(InputError, match=r"a name of its own .* cannot hold all of it"):
        Reference(path)
    uneven = tmp_path / "uneven.fa"
    uneven.write_text(">chr1\nACGT\nACGTACGT\nAC\n")
    with pytest.raises(InputError, match=r"cannot be indexed, .*lines of one length"):
        Reference(uneven)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf>chr1\nACGT\n", "begins with a byte order mark"),
        (">chr1\nACGT\n".encode("utf-16"), "is UTF-16"),
        (bz2.compress(b">chr1\nACGT\n"), "is bzip2: unpack it"),
        (lzma.compress(b">chr1\nACGT\n"), "is xz: unpack it"),
        (b"@read1\nACGT\n+\nIIII\n", "is FASTQ"),
        (b"LOCUS       SCU49845     5028 bp\n", "is GenBank"),
        (b"<!DOCTYPE html><html>Not found</html>", "is a page of the web"),
        (b"ACGTACGT\nACGT\n", "begins with 'ACGTACGT'"),
        (b"\n>chr1\nACGT\n", "begins with an empty line"),
        (b"", "is empty"),
        (b">chr1\rACGT\r>chr2\rAC\r", "end in CR alone"),
    ],
)
def test_what_is_no_fasta_is_called_by_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "reference.fa"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(said)):
        Reference(path)
    assert [one.name for one in tmp_path.iterdir()] == ["reference.fa"]


def test_two_mitochondria_stop_no_other_chromosome(tmp_path: Path) -> None:
    """UCSC's hg19 has chrM, 16,571 bases, and chrMT, the 16,569 of the Cambridge reference."""
    contigs = {"chrM": "ACGT", "chr20": "AAATC", "chrMT": "TTTT", "20": "GGG"}
    reference = Reference(_write(tmp_path / "hg19.fa", contigs))
    assert reference.fetch(Interval("chr20", 0, 5)) == "AAATC"
    assert reference.fetch(Interval("20", 0, 3)) == "GGG"
    with pytest.raises(InputError, match="M may be chrM or chrMT"):
        reference.resolve("M")
    other = _write(tmp_path / "other.fa", {"chr21": "AC", "MT": "GT"})
    assert Reference([tmp_path / "hg19.fa", other]).fetch(Interval("21", 0, 2)) == "AC"
    with pytest.raises(InputError, match=r"in one FASTA only; chrM is in .*hg19\.fa and in .*again\.fa"):
        Reference([tmp_path / "hg19.fa", _write(tmp_path / "again.fa", {"chrM": "ACGT"})])


@pytest.mark.parametrize("suffix", ["fa", "fa.gz"])
def test_lines_that_were_damaged_since_they_were_indexed_are_never_read_past(tmp_path: Path, suffix: str) -> None:
    """The index accounts for every byte, as many as before: bases are skipped to by it, and line ends left out."""
    contigs = _contigs(1, 600, 300)
    path = _write(tmp_path / f"r.{suffix}", contigs)
    pysam.faidx(str(path))
    whole = gzip.decompress(path.read_bytes()) if suffix == "fa.gz" else path.read_bytes()
    gone = whole.index(b"\n", whole.index(b"\n") + 1 + 200)  # the end of the fourth line of chr1
    damaged = whole[:gone] + whole[gone + 1 : gone + 31] + b"\n" + whole[gone + 31 :]
    indexes = {one: one.read_bytes() for one in path.parent.glob(f"{path.name}.*")}
    plain = tmp_path / "r.fa"
    plain.write_bytes(damaged)
    if suffix == "fa.gz":
        pysam.tabix_compress(str(plain), str(path), force=True)
    for index, content in indexes.items():
        index.write_bytes(content)
    reference = Reference(path)
    assert reference.fetch(Interval("chr2", 0, 300)) == contigs["chr2"]
    if suffix == "fa.gz":  # of blocks with checksums it is asked what is read alone
        assert reference.fetch(Interval("chr1", 0, 180)) == contigs["chr1"][:180]
        assert reference.fetch(Interval("chr1", 300, 600)) == contigs["chr1"][300:]
    for start, end in ((230, 250), (0, 600), (241, 290), *([(500, 510)] if suffix == "fa" else [])):
        with pytest.raises(InputError, match=r"(do not|something else) at chr1:2\d\d"):
            reference.fetch(Interval("chr1", start, end))


def test_a_header_within_a_contig_that_was_indexed_before_is_refused(tmp_path: Path) -> None:
    contigs = _contigs(2, 600)
    path = _write(tmp_path / "r.fa", contigs)
    pysam.faidx(str(path))
    index = Path(f"{path}.fai").read_bytes()
    place = path.read_bytes().index(b"\n", 200) + 1
    path.write_bytes(path.read_bytes()[:place] + b">" + path.read_bytes()[place + 1 :])
    Path(f"{path}.fai").write_bytes(index)
    with pytest.raises(InputError, match="the file was damaged since it was indexed"):
        Reference(path).fetch(Interval("chr1", 500, 510))
