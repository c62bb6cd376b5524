"""Packed and endless text is refused before it fills the memory."""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from encoders.brain.layouts.array_files import load_torch
from encoders.claims import LONGEST_LINE, bounded_lines, check_zip, unpack_gzip
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.errors import InputError
from encoders.genome import read_panel
from encoders.tables import read_subject_table


def bomb(path: Path, megabytes: int) -> Path:
    """A gzip file of zeros, a thousand times smaller than what it unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + piece * megabytes + zlib.compress(b"", wbits=-15) + bytes(8))
    return path


def test_a_bomb_is_refused_by_its_gain(tmp_path: Path) -> None:
    path = bomb(tmp_path / "t.csv.gz", 400)
    with pytest.raises(InputError, match=r"must hold data; its .* bytes unpack to more than 268,435,456"):
        unpack_gzip(path)
    with pytest.raises(InputError, match="as nothing but repeats do"):
        read_subject_table(path, "subject_id")


def test_a_line_without_end(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.gtf.gz", 40)
    with pytest.raises(InputError, match=r"line 1 has more than 16,777,216 letters"):
        read_panel(path)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    lines = ["a\n", "\n", "b" * 1000 + "\n", "no end"]
    (tmp_path / "t.txt").write_text("".join(lines))
    with (tmp_path / "t.txt").open() as file:
        assert list(bounded_lines(file, tmp_path / "t.txt")) == lines
    assert LONGEST_LINE > 1 << 20  # attributes of an annotation have thousands of letters


def test_what_is_packed_as_data_is_comes_back(tmp_path: Path) -> None:
    content = b"subject_id,roi\n" + b"".join(b"s%d,%d\n" % (n, n * n) for n in range(997))
    (tmp_path / "t.gz").write_bytes(gzip.compress(content))
    assert unpack_gzip(tmp_path / "t.gz") == content


@pytest.mark.parametrize(("packed", "words"), [(0x60000000, "of the"), (20, "out of")])
@pytest.mark.parametrize("read", [check_zip, load_torch, read_weights])
def test_tensors_whose_sizes_claim_gigabytes_are_refused_before_any_is_allocated(
    tmp_path: Path, read: Callable[[Path], object], packed: int, words: str
) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": torch.zeros(5)}, path)
    read(path)
    content, name = bytearray(path.read_bytes()), b"x/data/0"
    entry = content.rindex(name) - 46  # of the central directory, which torch believes
    assert content[entry : entry + 4] == b"PK\x01\x02"
    content[entry + 20 : entry + 28] = struct.pack("<II", packed, 0x60000000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"'x/data/0' claims 1,610,612,736 bytes {words} [\d,]{{2,5}}"):
        read(path)
