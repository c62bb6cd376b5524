"""Arrays that models export: npy, npz, HDF5, tensors, time series, and embeddings computed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch

from encoders.brain.connectivity.timeseries import TimeSeries, read_timeseries
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.sources import read_source
from encoders.brain.records import Records
from encoders.precomputed import PrecomputedPanel, open_precomputed
from fusion.views.column_files import Hdf5Columns, NpyColumns, unpack_parquet
from tests.fuzz.reader import Files, Reader
from tests.fuzz.readers.tables import IDS, NUMBERS

_CUBE = np.random.default_rng(4).normal(size=(11, 3, 5)).astype(np.float32)
_SERIES = np.random.default_rng(5).normal(size=(23, 4))


def npy(array: np.ndarray) -> bytes:
    made = BytesIO()
    np.save(made, array)
    return made.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    made = BytesIO()
    np.savez_compressed(made, **arrays)
    return made.getvalue()


def _npy_files(_: Path) -> Sequence[Files]:
    ids = "\n".join(IDS).encode()
    return [
        {"x.npy": npy(NUMBERS), "x_ids.txt": ids},
        {"x.npy": npy(_CUBE), "x_ids.npy": npy(np.array(IDS))},
        {
            "x.npy": npy(np.asfortranarray(NUMBERS)),
            "x_ids.csv": b"subject_id,age\n" + b",3\n".join(ids.split(b"\n")) + b",3",
        },
    ]


def _npz_files(_: Path) -> Sequence[Files]:
    names = np.array(IDS)
    session = np.array(["ses-1", "ses-2"] * 5 + ["ses-3"])
    mask = np.ones((11, 3), dtype=bool)
    return [
        {"x.npz": npz(X=NUMBERS, eid=names)},
        {"x.npz": npz(embeddings=_CUBE, attention_mask=mask, subject_ids=names, session=session)},
        {"x.npz": npz(**{name: NUMBERS[row] for row, name in enumerate(IDS)})},
    ]


def _h5_files(folder: Path) -> Sequence[Files]:
    found = []
    for number, options in enumerate([{"compression": "gzip"}, {}, {"chunks": (3, 5), "shuffle": True}]):
        path = folder / f"{number}.h5"
        with h5py.File(path, "w", libver="latest" if number else "earliest", track_order=False) as file:
            file.create_dataset("X", data=NUMBERS, **options)
            file["eid"] = np.array(IDS, dtype=bytes)
            file["feature_names"] = [f"f{n}" for n in range(5)]
        found.append({"x.h5": path.read_bytes()})
    return found


def _tensors(_: Path) -> Sequence[Files]:
    made = []
    for content in ({"embedding": torch.tensor(_CUBE[0])}, torch.tensor(NUMBERS[0])):
        one = BytesIO()
        torch.save(content, one)
        made.append({"x/s00.pt": one.getvalue(), "x/s01.pt": one.getvalue()})
    made.append({"x/s00.npy": npy(NUMBERS[0]), "x/s01.npz": npz(values=NUMBERS[1])})
    return made


def _series(_: Path) -> Sequence[Files]:
    header = "\t".join(f"roi{n}" for n in range(4))
    rows = "\n".join("\t".join(f"{cell:.4f}" for cell in row) for row in _SERIES)
    return [
        {"x/s1.tsv": f"{header}\n{rows}".encode(), "x/s2.tsv": f"{header}\n{rows}".encode()},
        {"x/s1.1D": f"# made by hand\n{rows}".replace("\t", "  ").encode()},
        {"x/s1.csv": f"{header}\n{rows}".replace("\t", ";").replace(".", ",").encode()},
        {"x/s1.npy": npy(_SERIES), "x/s2.npy": npy(_SERIES[:9])},
    ]


def _series_archive(_: Path) -> Sequence[Files]:
    return [{"x.npz": npz(s1=_SERIES, s2=_SERIES[:17], roi_names=np.array(list("abcd")))}]


def _precomputed(_: Path) -> Sequence[Files]:
    ids, table = np.array(IDS), BytesIO()
    pd.DataFrame({"eid": IDS, "vector": list(NUMBERS.astype(np.float32))}).to_parquet(table, index=False)
    return [
        {"p/G1.npz": npz(embeddings=NUMBERS, iids=ids), "p/G2.npz": npz(X=NUMBERS[:7], eid=ids[:7])},
        {"p/G1.parquet": table.getvalue()},
        {
            "p/G1/embeddings_0_layer_last.npy": npy(NUMBERS[:4]),
            "p/G1/embeddings_1_layer_last.npy": npy(NUMBERS[4:]),
            "p/G1/iids.npy": npy(ids),
        },
    ]


def _read_precomputed(folder: Path) -> PrecomputedPanel:
    panel = open_precomputed(folder / "p")
    panel.read_columns(slice(0, panel.shape[1]))
    return panel


def _columns(folder: Path) -> Sequence[Files]:
    return [
        *({"x.npy": files["x.npy"]} for files in _npy_files(folder) if "x_ids.npy" not in files),
        *_h5_files(folder),
        *({"x.parquet": files["p/G1.parquet"]} for files in _precomputed(folder) if "p/G1.parquet" in files),
    ]


def _read_columns(folder: Path) -> object:
    made: Any
    if (folder / "x.parquet").exists():
        made, ids, _ = unpack_parquet(folder / "x.parquet")
    elif (folder / "x.h5").exists():
        made = Hdf5Columns(folder / "x.h5")
        ids = made.read_ids()
    else:
        made, ids = NpyColumns(folder / "x.npy"), []
    return made.read_columns(slice(0, min(3, made.shape[1]))), ids


def _source(folder: Path) -> Records:
    path = next((one for name in ("x.npy", "x.npz", "x.h5", "x") if (one := folder / name).exists()), folder / "x.npy")
    return read_source(path, ImportOptions(pooling="mean"))[0]


def _same_as_numpy(folder: Path, value: object) -> None:
    assert isinstance(value, Records)
    stored = np.load(folder / "x.npy")
    if stored.ndim == 2 and stored.dtype.kind in "fiub":
        assert np.array_equal(value.values, stored.astype(np.float64), equal_nan=True)


def _read_series(folder: Path) -> TimeSeries:
    return read_timeseries(folder / "x" if (folder / "x").exists() else folder / "x.npz")


_ARRAYS = {".npy": "npy", ".npz": "zip/npy", ".txt": "text", ".csv": "text"}
_OF_HDF5 = (b"\x89HDF", b"OHDR", b"TREE", b"SNOD", b"HEAP", b"eid", b"FRHP", b"GCOL")
READERS = (
    Reader("npy", _npy_files, _source, _ARRAYS, (b"s01", b"NA"), _same_as_numpy),
    Reader("npz", _npz_files, _source, _ARRAYS),
    Reader(
        "hdf5",
        _h5_files,
        _source,
        {".h5": "bytes"},
        _OF_HDF5,
    ),
    Reader("tensors", _tensors, _source, {".pt": "zip/bytes", **_ARRAYS}),
    Reader("time series", _series, _read_series, {".tsv": "text", ".1D": "text", ".csv": "text", ".npy": "npy"}),
    Reader("time series archive", _series_archive, _read_series, _ARRAYS),
    Reader("precomputed", _precomputed, _read_precomputed, {**_ARRAYS, ".parquet": "bytes"}),
    Reader("columns", _columns, _read_columns, {".npy": "npy", ".h5": "bytes", ".parquet": "bytes"}),
)
