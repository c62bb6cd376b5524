"""A damaged file is refused in one sentence, whatever the library that reads it raises."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from encoders.brain import ImportOptions, read_source
from encoders.brain.canonical_table import read_provenance
from encoders.brain.pooling import pool
from encoders.errors import InputError

IDS = [f"s{i:02d}" for i in range(11)]
VALUES = np.random.default_rng(2).normal(size=(11, 5))


def _npy(folder: Path) -> Path:
    np.save(folder / "x.npy", VALUES)
    (folder / "x_ids.txt").write_text("\n".join(IDS))
    return folder / "x.npy"


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "x.npz", X=VALUES, eid=np.array(IDS))
    return folder / "x.npz"


def _h5(folder: Path) -> Path:
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("X", data=VALUES, compression="gzip")
        file["eid"] = np.array(IDS, dtype=bytes)
    return folder / "x.h5"


def _torch(folder: Path) -> Path:
    (folder / "x").mkdir()
    torch.save({"embedding": torch.tensor(VALUES[0])}, folder / "x" / "s00.pt")
    return folder / "x" / "s00.pt"


def _parquet(folder: Path) -> Path:
    pd.DataFrame({"eid": IDS, "vector": list(VALUES)}).to_parquet(folder / "x.parquet", index=False)
    return folder / "x.parquet"


def _stats(folder: Path) -> Path:
    path = folder / "x" / "sub-01" / "stats" / "lh.aparc.stats"
    path.parent.mkdir(parents=True)
    path.write_text("# ColHeaders StructName NumVert ThickAvg\nbankssts 1300 2.5\ncuneus 1200 1.9\n")
    return path


def _gzipped(folder: Path) -> Path:
    pd.DataFrame(VALUES, columns=list("abcde")).assign(eid=IDS).to_csv(folder / "x.csv.gz", index=False)
    return folder / "x.csv.gz"


MAKERS: dict[str, Callable[[Path], Path]] = {
    "npy": _npy, "npz": _npz, "h5": _h5, "pt": _torch, "parquet": _parquet, "stats": _stats, "csv.gz": _gzipped,
}  # fmt: skip


def _source(path: Path) -> Path:
    """What is imported: the folder of a file that belongs to one."""
    return path.parents[2] if path.suffix == ".stats" else path.parent if path.suffix == ".pt" else path


@pytest.mark.parametrize("kind", MAKERS)
def test_files_that_are_cut_or_changed_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path)
    options = ImportOptions(stats_files=("lh.aparc.stats",))
    whole, _ = read_source(_source(path), options)
    assert whole.values.size
    content, rng, refused = path.read_bytes(), np.random.default_rng(5), []
    for attempt in range(24):
        changed = bytearray(content)
        if attempt % 2:
            del changed[int(rng.integers(len(content))) :]
        else:
            for place in rng.integers(len(content), size=3):
                changed[place] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            read_source(_source(path), options)
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert all(said.endswith(".") and "\n" not in said for said in refused)
    path.write_bytes(b"")
    with pytest.raises(InputError):
        read_source(_source(path), options)


def test_an_archive_under_the_name_of_one_array_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=VALUES)
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    (tmp_path / "x_ids.txt").write_text("\n".join(IDS))
    with pytest.raises(InputError, match="must hold one array; it is an archive"):
        read_source(tmp_path / "x.npy")


def test_arrays_of_words_where_numbers_are_needed(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=VALUES, eid=np.array(IDS), fd=np.array(["low"] * 11))
    with pytest.raises(InputError, match="must be numbers"):
        read_source(tmp_path / "x.npz")
    np.save(tmp_path / "y.npy", np.array([["a"], ["b"]], dtype=object))
    np.save(tmp_path / "y_ids.npy", np.array(["s1", "s2"]))
    with pytest.raises(InputError, match="array of objects"):
        read_source(tmp_path / "y.npy", ImportOptions(allow_pickle=True))
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file["X"], file["eid"] = h5py.Empty("f"), np.array(IDS, dtype=bytes)
    with pytest.raises(InputError):
        read_source(tmp_path / "z.h5")


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 2**32 - 1), (0, 2**15, 2**40)])
def test_an_array_without_numbers_is_refused_whatever_it_claims(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="s01 has none, its shape is"):
        pool(np.zeros(shape, dtype=np.float32), "mean", None, "s01")


def test_a_column_name_that_is_no_text_is_a_damaged_table(tmp_path: Path) -> None:
    pd.DataFrame({"eid": IDS, "thickness": range(len(IDS))}).to_parquet(tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(content.replace(b"thickness", b"thick\x80ess"))
    assert read_provenance(tmp_path / "x.parquet") is None
    with pytest.raises(InputError, match="must be a parquet"):
        read_source(tmp_path / "x.parquet")


def test_names_of_features_that_are_no_text_are_refused(tmp_path: Path) -> None:
    names = np.array([b"a", b"b\x80", b"c", b"d"])
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["X"], file["eid"], file["feature_names"] = np.eye(4), np.array(IDS[:4], dtype=bytes), names
    with pytest.raises(InputError, match="array 'feature_names' is text in UTF-8"):
        read_source(tmp_path / "x.h5")


@pytest.mark.parametrize("name", ["x.npz", "x.h5"])
def test_ids_that_are_no_text_are_refused(tmp_path: Path, name: str) -> None:
    ids = np.array([b"s00", b"s\x8a1", b"s02", b"s03"])
    if name.endswith("npz"):
        np.savez(tmp_path / name, X=np.eye(4), eid=ids)
    else:
        with h5py.File(tmp_path / name, "w") as file:
            file["X"], file["eid"] = np.eye(4), ids
    with pytest.raises(InputError, match=r"ids must be text in UTF-8; .* has b's.+8a1'"):
        read_source(tmp_path / name)


def test_a_column_of_two_names_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"eid": IDS, "vector": list(np.eye(len(IDS)))})
    table = pa.Table.from_pandas(frame)
    told = table.schema.metadata[b"pandas"].replace(b'"name": "vector"', b'"name": "tector"')
    table = table.replace_schema_metadata({b"pandas": told})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InputError, match="'vector' has another name in what pandas wrote of it"):
        read_source(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"X": np.empty((0, 2**31)), "eid": np.array([], dtype="U3")}, {}, r"array 'X' of shape \(0, 2147483648\)"),
        ({"eid": np.empty((1, 127, 0)), "s1": np.ones(5)}, {"pooling": "mean"}, "needs an array of values"),
        ({"eid": np.ones((2, 3))}, {"ids_key": "eid", "values_key": "eid"}, "'eid' is named for both"),
    ],
)
def test_arrays_that_hold_no_values_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], options: dict[str, str], message: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_source(tmp_path / "x.npz", ImportOptions(**options))
