"""Pages that claim more than their column holds are refused before room is made for them; other files are read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encoders import parquet_pages
from encoders.errors import InputError
from encoders.parquet_pages import SMALL, check_pages
from encoders.tables import read_spreadsheet

CODECS = ("NONE", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4")


def _table(n_rows: int) -> pa.Table:
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal(n_rows)
    return pa.table(
        {
            "subject_id": [f"s{row:05d}" for row in range(n_rows)],
            "one": numbers,
            "gaps": [None if row % 3 else row for row in range(n_rows)],
            "few": pa.array(["a", "b"] * (n_rows // 2)).dictionary_encode(),
            "vector": [[value, -value] for value in numbers],
            "empty": pa.nulls(n_rows, pa.float64()),
            "zeros": np.zeros(n_rows),
        }
    )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_files_as_they_are_written_are_followed_to_their_end(
    tmp_path: Path, codec: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("encoders.parquet_pages.SMALL", 0)  # every page is held against its column
    path = tmp_path / "t.parquet"
    pq.write_table(
        _table(3_000), path, compression=codec, data_page_version=version, row_group_size=1_000, data_page_size=512,
        write_batch_size=64,
    )  # fmt: skip
    check_pages(path)
    columns = list(parquet_pages._columns(path.read_bytes()))
    metadata = pq.read_metadata(path)
    assert len(columns) == metadata.num_row_groups * metadata.num_columns
    for column in columns:
        claims = list(parquet_pages._claims(path.read_bytes(), column))
        told = column[parquet_pages._UNCOMPRESSED]
        assert claims, "no page was followed"
        assert 0 < told - sum(claims) < 100 * len(claims), "what is left are the headers of the pages"


def _zigzag(number: int) -> bytes:
    coded, written = number << 1, bytearray()
    while coded > 127:
        written.append(coded & 127 | 128)
        coded >>= 7
    return bytes([*written, coded])


@pytest.mark.parametrize("column", ["one", "subject_id", "vector"])
@pytest.mark.parametrize("claimed", [SMALL + 1, 1 << 30])
def test_a_page_that_claims_more_than_its_column_is_refused(tmp_path: Path, column: str, claimed: int) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(_table(400).select([column]), path, use_dictionary=False, compression="NONE")
    place = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    content = path.read_bytes()
    assert content[place : place + 3] == b"\x15\x00\x15", "a header begins with its kind, and its size unpacked"
    behind = next(at for at in range(place + 3, len(content)) if content[at] < 128) + 1
    path.write_bytes(content[: place + 3] + _zigzag(claimed) + content[behind:])
    with pytest.raises(InputError, match=rf"a page of column '{column}.*' claims {claimed:,} bytes"):
        read_spreadsheet(path)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"PAR1" + b"\xff" * 40 + b"PAR1", b"PAR1\x10\x00\x00\x00PAR1"])
def test_what_cannot_be_followed_is_left_to_pyarrow(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(damage)
    check_pages(path)
    with pytest.raises(InputError, match="must be a parquet file; it cannot be read"):
        read_spreadsheet(path)
