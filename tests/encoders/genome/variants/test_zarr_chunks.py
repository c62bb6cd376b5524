"""What a chunk of a Zarr store claims is held against its bytes before room is made for it."""

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from encoders.genome.variants.zarr_chunks import check_chunks, open_store

TEXTS = np.array(["A", "CAT", "", "G"] * 5, dtype=object)
CODECS: dict[str, dict[int, Any]] = {
    "blosc": {2: numcodecs.Blosc("zstd"), 3: zarr.codecs.BloscCodec()},
    "gzip": {2: numcodecs.GZip(), 3: zarr.codecs.GzipCodec()},
    "zstd": {2: numcodecs.Zstd(), 3: zarr.codecs.ZstdCodec()},
    "none": {2: None, 3: None},
}


def _array(folder: Path, values: np.ndarray, codec: Any, version: Any, chunk: int) -> Path:
    """One array; the path of its first chunk."""
    kind = str if values.dtype == object else values.dtype
    group = zarr.open_group(folder, mode="w", zarr_format=version)
    made = group.create_array("x", shape=values.shape, chunks=(chunk,), dtype=kind, compressors=codec)
    made[:] = values
    return folder / "x" / ("0" if version == 2 else "c/0")


def _read(folder: Path) -> np.ndarray:
    array = zarr.open_group(open_store(folder), mode="r")["x"]
    check_chunks(array)
    return np.asarray(array[:])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("codec", CODECS)
def test_texts_and_numbers_that_are_well_are_read(codec: str, version: int, tmp_path: Path) -> None:
    for values in (TEXTS, np.arange(100_000, dtype=np.int32)):
        _array(tmp_path, values, CODECS[codec][version], version, chunk=len(values) // 2)
        assert _read(tmp_path).tolist() == values.tolist()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("codec", CODECS)
def test_a_number_of_texts_that_no_bytes_hold_is_refused(codec: str, version: int, tmp_path: Path) -> None:
    chunk = _array(tmp_path, TEXTS, CODECS[codec][version], version, chunk=20)
    packer = None if codec == "none" else numcodecs.get_codec({"id": codec})
    content = chunk.read_bytes() if packer is None else bytes(packer.decode(chunk.read_bytes()))
    content = (2**31).to_bytes(4, "little") + content[4:]
    chunk.write_bytes(content if packer is None else packer.encode(content))
    with pytest.raises(ValueError, match=r"claims to hold 2,147,483,648 texts"):
        _read(tmp_path)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("codec", "head"),
    [
        ("blosc", b"\x02\x01\x33\x01\x00\x00\x00\x7f"),
        ("zstd", b"\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x7f"),  # a single segment, its size in four bytes
        ("zstd", b"\x28\xb5\x2f\xfd\xc0\x58\x00\x00\x00\x00\x01\x00\x00\x00"),  # a window, its size in eight
    ],
)
def test_bytes_that_nothing_unpacks_to_are_refused(codec: str, head: bytes, version: int, tmp_path: Path) -> None:
    values = np.arange(64, dtype=np.int8)
    chunk = _array(tmp_path, values, CODECS[codec][version], version, chunk=64)
    chunk.write_bytes(head + chunk.read_bytes()[len(head) :])
    with pytest.raises(ValueError, match=r"claims to unpack to [0-9,]{10,}"):
        _read(tmp_path)
