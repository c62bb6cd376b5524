"""Tables on disk give the algebra of the same table in memory, whatever the file's form."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fusion.arrays
from fusion import InputError, TableView, ViewPCA
from fusion.views.column_files import NpyColumns

N, WIDTH = 37, 23
IDS = [f"{i:04d}" for i in range(N)]
VALUES = np.random.default_rng(0).standard_normal((N, WIDTH)).astype(np.float32)


def npy(folder: Path) -> TableView:
    np.save(folder / "x.npy", VALUES)
    return TableView.from_npy(folder / "x.npy", IDS)


def fortran(folder: Path) -> TableView:
    np.save(folder / "x.npy", np.asfortranarray(VALUES))
    return TableView.from_npy(folder / "x.npy", IDS)


def hdf5(folder: Path) -> TableView:
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("X", data=VALUES, chunks=(8, 5), compression="gzip")
        file["eid"] = IDS
    return TableView.from_hdf5(folder / "x.h5")


def parquet_vectors(folder: Path) -> TableView:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(VALUES.ravel()), WIDTH)
    table = pa.table({"eid": IDS, "source_model": ["m"] * N, "vector": vectors})
    pq.write_table(table, folder / "x.parquet", row_group_size=7)
    return TableView.from_parquet(folder / "x.parquet")


def parquet_columns(folder: Path) -> TableView:
    table = pa.table({"eid": IDS} | {f"f{j}": VALUES[:, j] for j in range(WIDTH)})
    pq.write_table(table, folder / "x.parquet", row_group_size=7)
    return TableView.from_parquet(folder / "x.parquet")


@pytest.mark.parametrize("make", [npy, fortran, hdf5, parquet_vectors, parquet_columns])
def test_a_table_on_disk_is_the_table_in_memory(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion.arrays, "BLOCK_BYTES", N * 8 * 5)  # five columns at a time
    stored, held = make(tmp_path), TableView(VALUES, IDS)
    assert stored.subject_ids == tuple(IDS)
    assert stored.dtype == np.float32
    right = np.random.default_rng(1).standard_normal((WIDTH, 3))
    for rows in (None, np.array([30, 2, 11, 5, 6])):
        ours, theirs = stored.take(rows), held.take(rows)
        np.testing.assert_array_equal(ours.multiply(right), theirs.multiply(right))
        left = np.random.default_rng(2).standard_normal((ours.shape[0], 2))
        np.testing.assert_array_equal(ours.multiply_transposed(left), theirs.multiply_transposed(left))
        np.testing.assert_array_equal(ours.column_moments(), theirs.column_moments())
    np.testing.assert_array_equal(ViewPCA(5).fit(stored).components_, ViewPCA(5).fit(held).components_)


def test_the_scratch_file_of_a_parquet_table_goes_with_its_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    view = parquet_vectors(tmp_path)
    assert len(list(scratch.rglob("*.npy"))) == 1
    del view
    assert not list(scratch.iterdir())


def test_a_stored_table_travels_to_workers(tmp_path: Path) -> None:
    view = npy(tmp_path)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view)).multiply(np.eye(WIDTH)), VALUES)


def test_gaps_are_named_with_their_number(tmp_path: Path) -> None:
    gaps = VALUES.copy()
    gaps[[3, 9], 17] = np.nan
    np.save(tmp_path / "x.npy", gaps)
    with pytest.raises(InputError, match="'x17' has 2 missing or infinite values of 37"):
        TableView.from_npy(tmp_path / "x.npy", IDS)


def cut(folder: Path) -> Any:
    np.save(folder / "x.npy", VALUES)
    (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-8])
    return NpyColumns(folder / "x.npy")


def claims(version: bytes, length: bytes) -> Any:
    def make(folder: Path) -> Any:
        np.save(folder / "x.npy", VALUES)
        content = (folder / "x.npy").read_bytes()
        (folder / "x.npy").write_bytes(content[:6] + version + length + content[10:])
        return NpyColumns(folder / "x.npy")

    return make


def not_npy(folder: Path) -> Any:
    (folder / "x.npy").write_text("subject,x\n")
    return NpyColumns(folder / "x.npy")


def float_ids(folder: Path) -> Any:
    pq.write_table(pa.table({"eid": [1.0, 2.0], "x": [1.0, 2.0]}), folder / "x.parquet")
    return TableView.from_parquet(folder / "x.parquet")


def ragged(folder: Path) -> Any:
    pq.write_table(pa.table({"eid": ["a", "b"], "vector": [[1.0, 2.0], [3.0]]}), folder / "x.parquet")
    return TableView.from_parquet(folder / "x.parquet")


def text_column(folder: Path) -> Any:
    pq.write_table(pa.table({"eid": ["a"], "site": ["x"]}), folder / "x.parquet")
    return TableView.from_parquet(folder / "x.parquet")


def endless_texts(folder: Path) -> Any:
    with h5py.File(folder / "x.h5", "w") as file:
        file["X"], file["eid"] = VALUES, [f"s{row}" for row in range(len(VALUES))]
    content = bytearray((folder / "x.h5").read_bytes())
    first = content.index(b"GCOL") + 16
    content[first + 8 : first + 16] = (2**64 - 16).to_bytes(8, "little")
    (folder / "x.h5").write_bytes(content)
    return TableView.from_hdf5(folder / "x.h5")


def no_dataset(folder: Path) -> Any:
    with h5py.File(folder / "x.h5", "w") as file:
        file["Y"] = VALUES
    return TableView.from_hdf5(folder / "x.h5")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(cut, "it was cut short", id="cut short"),
        pytest.param(claims(b"\x01\x2d", b""), r"no version 1\.45 of the format", id="odd version"),
        pytest.param(claims(b"\x02\x00", b"\xff\xff\xff\x7f"), "header claims 2,147,483,647 bytes", id="long header"),
        pytest.param(not_npy, r"must be a \.npy file", id="not npy"),
        pytest.param(lambda folder: NpyColumns(folder / "none.npy"), "there is no such file", id="no file"),
        pytest.param(float_ids, "floats as ids in 'eid'", id="float ids"),
        pytest.param(ragged, r"lengths \[1, 2\]", id="unequal vectors"),
        pytest.param(text_column, "numeric columns beside 'eid'; site is not", id="text column"),
        pytest.param(endless_texts, r"the text at byte [0-9,]+ has no end", id="endless texts"),
        pytest.param(no_dataset, "needs a dataset 'X'; it has Y", id="no dataset"),
    ],
)
def test_bad_files_get_their_sentence(make: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        make(tmp_path)
