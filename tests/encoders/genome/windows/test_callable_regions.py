"""BED files that are none: one sentence each."""

import gzip
from pathlib import Path

import pytest

from encoders.errors import InputError
from encoders.genome.windows.callable_regions import CallableRegions


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1\t²\t300\n".encode(), "line 1 of .*'1.t²"),
        (f"1\t0\t{'9' * 23}\n".encode(), "line 1"),
        (f"1\t0\t{'9' * 5000}\n".encode(), "line 1"),
        (b"1\t0\xff\t3\n", "line 1"),
        (b"1\t5\t5\n", "start < end"),
        (gzip.compress(b"1\t0\t300\n", mtime=0)[:-9], "cut or damaged gzip"),
        (gzip.compress(b"1\t0\t300\n")[:11] + b"\xff" * 30, "cut or damaged gzip"),
        (b"\x1f\x8b", "cut or damaged gzip"),
    ],
    ids=["superscript", "overflow", "endless", "no text", "empty region", "cut", "damaged", "two bytes"],
)
def test_a_bed_that_is_none_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "b.bed").write_bytes(content)
    with pytest.raises(InputError, match=words):
        CallableRegions(tmp_path / "b.bed")


def test_letters_of_another_encoding_stop_no_other_region(tmp_path: Path) -> None:
    (tmp_path / "b.bed").write_bytes("1\t0\t300\tSchütz\n".encode("latin-1"))
    CallableRegions(tmp_path / "b.bed").check_contigs(["1"])
