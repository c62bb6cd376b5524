"""Every layout gives the same rows; odd files are read for what they are or refused with the item named."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from encoders.brain import ImportOptions, detect_layout, read_source
from encoders.brain.completeness import complete
from encoders.brain.records import Records, one_row_per_subject
from encoders.errors import InputError
from encoders.tables import codes_among_numbers

N, D = 37, 16
IDS = [f"{i:04d}" for i in range(N)]
VALUES = np.random.default_rng(3).normal(size=(N, D))


def _npy(folder: Path) -> tuple[Path, ImportOptions]:
    np.save(folder / "x.npy", VALUES)
    (folder / "x_ids.txt").write_text("\n".join(IDS) + "\n")
    return folder / "x.npy", ImportOptions()


def _npy_csv_ids(folder: Path) -> tuple[Path, ImportOptions]:
    np.save(folder / "x.npy", VALUES)
    pd.DataFrame({"eid": IDS, "age": 3}).to_csv(folder / "who.csv", index=False)
    return folder / "x.npy", ImportOptions(ids_file=str(folder / "who.csv"))


def _npz(folder: Path) -> tuple[Path, ImportOptions]:
    np.savez(folder / "x.npz", X=VALUES, eid=np.array(IDS))
    return folder / "x.npz", ImportOptions()


def _npz_by_subject(folder: Path) -> tuple[Path, ImportOptions]:
    np.savez(folder / "x.npz", **{f"sub-{i}": row for i, row in zip(IDS, VALUES, strict=True)})
    return folder / "x.npz", ImportOptions(strip_prefixes=("sub-",))


def _files(folder: Path) -> tuple[Path, ImportOptions]:
    root = folder / "embeddings"
    for number, (subject, row) in enumerate(zip(IDS, VALUES, strict=True)):
        place = root / f"sub-{subject}"
        place.mkdir(parents=True)
        if number % 3 == 0:
            np.save(place / "bold.npy", row)
        elif number % 3 == 1:
            np.savez(place / "bold.npz", embedding=row, seed=np.array(1))
        else:
            torch.save({"embedding": torch.tensor(row), "step": 7}, place / "bold.pt")
    return root, ImportOptions(id_regex=r"sub-(?P<id>\d+)")


def _vectors(folder: Path) -> tuple[Path, ImportOptions]:
    frame = pd.DataFrame({"eid": IDS, "embedding_dim": D, "source_model": "m", "layer": -1, "vector": list(VALUES)})
    pd.concat([frame.assign(layer=3), frame]).to_parquet(folder / "x.parquet", index=False)
    return folder / "x.parquet", ImportOptions(layer="-1")


def _csv(folder: Path) -> tuple[Path, ImportOptions]:
    pd.DataFrame(VALUES, columns=[f"f{j}" for j in range(D)]).assign(eid=IDS).to_csv(folder / "x.csv", index=False)
    return folder / "x.csv", ImportOptions()


def _european(folder: Path) -> tuple[Path, ImportOptions]:
    frame = pd.DataFrame(VALUES, columns=[f"f{j}" for j in range(D)])
    frame.insert(0, "eid", [f" {i} " for i in IDS])
    text = frame.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n", quoting=2)
    (folder / "x.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    return folder / "x.csv", ImportOptions()


def _h5(folder: Path) -> tuple[Path, ImportOptions]:
    with h5py.File(folder / "x.h5", "w") as file:
        file["X"], file["eid"] = VALUES, np.array(IDS, dtype=bytes)
    return folder / "x.h5", ImportOptions()


def _chunks(folder: Path) -> tuple[Path, ImportOptions]:
    for part, columns in (("a", slice(0, 5)), ("b", slice(5, D))):
        (folder / "root" / part).mkdir(parents=True)
        np.save(folder / "root" / part / "embeddings_2_layer_last.npy", VALUES[20:, columns])
        np.save(folder / "root" / part / "embeddings_1_layer_last.npy", VALUES[:20, columns])
        np.save(folder / "root" / part / "iids.npy", np.array(IDS))
    return folder / "root", ImportOptions()


LAYOUTS: dict[str, Callable[[Path], tuple[Path, ImportOptions]]] = {
    "npy": _npy, "npy, csv ids": _npy_csv_ids, "npz": _npz, "npz by subject": _npz_by_subject, "folder": _files,
    "parquet-vector": _vectors, "wide": _csv, "wide, european": _european, "h5": _h5, "chunks": _chunks,
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_recognised_and_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path, options = LAYOUTS[name](tmp_path)
    records, detection = read_source(path, options)
    assert detection.layout == name.split(",")[0].split(" ")[0]
    assert path.name in detection.sentence
    assert records.ids == tuple(IDS)
    np.testing.assert_allclose(records.values, VALUES, rtol=1e-6)


# --- arrays ----------------------------------------------------------------------------------------------------------

TOKENS = np.random.default_rng(5).normal(size=(11, 5, 4))
MASK = np.random.default_rng(6).random((11, 5)) < 0.6
MASK[:, 0] = True


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("cls", TOKENS[:, 0]),
        ("mean", TOKENS.mean(axis=1)),
        ("masked-mean", np.stack([t[m].mean(axis=0) for t, m in zip(TOKENS, MASK, strict=True)])),
        ("none", TOKENS.reshape(11, 20)),
    ],
)
def test_tokens_are_pooled(tmp_path: Path, pooling: str, expected: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", X=TOKENS, eid=np.arange(11), attention_mask=MASK)
    records, _ = read_source(tmp_path / "x.npz", ImportOptions(pooling=pooling))  # type: ignore[arg-type] # parametrized
    np.testing.assert_allclose(records.values, expected)
    with pytest.raises(InputError, match="needs a pooling; 0 has shape"):
        read_source(tmp_path / "x.npz")


def test_named_columns_of_arrays_are_chosen_as_those_of_tables(tmp_path: Path) -> None:
    names = np.array(["lh_a", "age", "rh_a", "meanFD"])
    np.savez(tmp_path / "x.npz", X=VALUES[:, :4], eid=np.array(IDS), feature_names=names)
    records, _ = read_source(tmp_path / "x.npz")
    assert records.names == ("lh_a", "rh_a")
    assert records.left_out == {"age": "an age", "meanFD": "of motion or scan quality"}
    np.testing.assert_array_equal(records.values, VALUES[:, [0, 2]])
    records, _ = read_source(tmp_path / "x.npz", ImportOptions(include=("rh_*", "age")))
    assert records.names == ("age", "rh_a")
    with pytest.raises(InputError, match="Each pattern of exclude must match"):
        read_source(tmp_path / "x.npz", ImportOptions(exclude=("lh_b",)))


def test_windows_runs_and_sessions_become_subjects(tmp_path: Path) -> None:
    rows = {"eid": [], "session": [], "run": [], "window": [], "fd": []}  # type: dict[str, list[object]]
    for session, run, fd, n_windows in (("1", "a", 0.1, 3), ("1", "b", 0.4, 2), ("2", "a", 0.2, 4)):
        for window in range(n_windows):
            for key, value in zip(rows, ("s1", session, run, window, fd), strict=True):
                rows[key].append(value)
    x = np.arange(9, dtype=float)[:, None] ** 2
    np.savez(tmp_path / "x.npz", X=x, **{key: np.array(of) for key, of in rows.items()})
    records, _ = read_source(tmp_path / "x.npz")
    a, b, c = x[:3].mean(), x[3:5].mean(), x[5:].mean()
    for session, weights, expected in (
        ("first", "mean", (a + b) / 2),
        ("first", "fd", (a / 0.1 + b / 0.4) / (1 / 0.1 + 1 / 0.4)),
        ("last", "mean", c),
        ("2", "mean", c),
        ("mean", "mean", ((a + b) / 2 + c) / 2),
    ):
        one = one_row_per_subject(records, session=session, run_weights=weights)  # type: ignore[arg-type] # as above
        assert one.ids == ("s1",)
        assert one.values[0, 0] == pytest.approx(expected)
    with pytest.raises(InputError, match="several of 's1': choose session"):
        one_row_per_subject(records)


def test_objects_and_code_are_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object))
    np.save(tmp_path / "x_ids.npy", np.array(["s1"]))
    with pytest.raises(InputError, match="Python objects, which can run code"):
        read_source(tmp_path / "x.npy")
    (tmp_path / "folder").mkdir()
    torch.save({"x": Path}, tmp_path / "folder" / "s1.pt")
    with pytest.raises(InputError, match="tensors alone"):
        read_source(tmp_path / "folder")
    np.save(tmp_path / "y.npy", np.array([[1.0], [2.0]], dtype=object))
    np.save(tmp_path / "y_ids.npy", np.array(["s1", "s2"], dtype=object))
    records, _ = read_source(tmp_path / "y.npy", ImportOptions(allow_pickle=True))
    assert records.ids == ("s1", "s2")


def test_unequal_lengths_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", s1=np.zeros(4), s2=np.zeros(5))
    with pytest.raises(InputError, match="s2 has 5 values where s1 has 4"):
        read_source(tmp_path / "x.npz")
    np.savez(tmp_path / "z.npz", X=np.array([["a", "b"]]), eid=np.arange(1))
    with pytest.raises(InputError, match="must be numbers; got an array of <U1"):
        read_source(tmp_path / "z.npz")
    np.savez(tmp_path / "y.npz", X=np.zeros((3, 2)), eid=np.arange(4))
    with pytest.raises(InputError, match="ids 4, X 3"):
        read_source(tmp_path / "y.npz")


def test_of_two_arrays_that_could_be_the_values_none_is_taken(tmp_path: Path) -> None:
    both = {"data": VALUES, "embeddings": 2 * VALUES, "eid": np.array(IDS)}
    np.savez(tmp_path / "x.npz", **both)
    with pytest.raises(InputError, match="one array of values; 'data', 'embeddings' could be it"):
        read_source(tmp_path / "x.npz")
    records, _ = read_source(tmp_path / "x.npz", ImportOptions(values_key="data"))
    np.testing.assert_array_equal(records.values, VALUES)
    root = tmp_path / "subjects"
    root.mkdir()
    for subject, row in zip(IDS, VALUES, strict=True):
        np.savez(root / f"sub-{subject}.npz", cls=row, latent=2 * row)
    with pytest.raises(InputError, match="one array of values; 'cls', 'latent' could be it"):
        read_source(root, ImportOptions(id_regex=r"sub-(?P<id>\d+)"))


def test_arrays_that_are_not_read_are_told(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["X"], file["eid"], file["age"], file["mask"] = VALUES, np.arange(N), np.arange(N), np.arange(N) % 2
        file["rois"] = [f"roi{i}" for i in range(D)]
    records, _ = read_source(tmp_path / "x.h5")
    assert records.names[0] == "roi0"
    assert records.notes[-1] == "Values are in 'X', subject ids in 'eid'; not read: 'age', 'mask'."


# --- odd tables ------------------------------------------------------------------------------------------------------


def _read(tmp_path: Path, text: str | bytes, **options: object) -> Records:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    records, _ = read_source(path, ImportOptions(**options))  # type: ignore[arg-type] # options vary by test
    return records


@pytest.mark.parametrize(
    ("text", "options", "ids", "values"),
    [
        ("eid\ta\tb\n007\t1\t2\n08\t3\t4\n", {}, ("007", "08"), [[1, 2], [3, 4]]),
        ('eid;a;b\n"01";1,5;2\n"02";2,5;4\n', {}, ("01", "02"), [[1.5, 2], [2.5, 4]]),
        (",eid,a\n0,x1,1\n1,x2,3\n", {}, ("x1", "x2"), [[1], [3]]),
        ("eid,a\nx1,1\n,\nx2,3\n\n", {}, ("x1", "x2"), [[1], [3]]),
        ("eid,a,b\nx1,NA,n/a\nx2,3,\n", {}, ("x1", "x2"), [[np.nan, np.nan], [3, np.nan]]),
        ("eid,a\nx1,-9\nx2,3\n", {"missing_codes": ("-9",)}, ("x1", "x2"), [[np.nan], [3]]),
        ("eid,a\nx1,inf\nx2,3\n", {"missing_codes": ("inf",)}, ("x1", "x2"), [[np.nan], [3]]),
        ("eid,a\nx1,Failed\nx2,3\n", {"missing_codes": ("failed",)}, ("x1", "x2"), [[np.nan], [3]]),
        ("eid,a,note\nx1,1,good\nx2,3,bad scan\n", {}, ("x1", "x2"), [[1], [3]]),
        ("eid,age,Sex,a\nx1,50,M,1\nx2,51,F,3\n", {}, ("x1", "x2"), [[1], [3]]),
        ("# exported in spring\nSubject ID,a\nx1,\u22121\nx2,3\n", {}, ("x1", "x2"), [[-1], [3]]),
        ("eid|a\nx1|1\nx2|3\n", {}, ("x1", "x2"), [[1], [3]]),
        ("eid   a\nx1  1\nx2  3\n", {}, ("x1", "x2"), [[1], [3]]),
        ("eid,épaisseur\nx1,1\nZoë,3\n", {}, ("x1", "Zoë"), [[1], [3]]),
        ("eid,a\nx1,1\nZoë,3\n".encode("cp1252"), {}, ("x1", "Zoë"), [[1], [3]]),
        ("eid,a\nx1,1\nx2,3\n".encode("utf-16"), {}, ("x1", "x2"), [[1], [3]]),
        ("participant_id,a\nsub-01,1\nsub-02,3\n", {"strip_prefixes": ("sub-",)}, ("01", "02"), [[1], [3]]),
        ("eid,a\nx1\u00a0,1\n\u200bx2,3\n", {}, ("x1", "x2"), [[1], [3]]),
    ],
)
def test_odd_tables_are_read(
    tmp_path: Path, text: str | bytes, options: dict[str, object], ids: tuple[str, ...], values: list[list[float]]
) -> None:
    records = _read(tmp_path, text, **options)
    assert records.ids == ids
    np.testing.assert_array_equal(records.values, values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eid,a\n1001.0,2\n1002.0,3\n", "not floating-point numbers; got '1001.0', '1002.0'"),
        ('eid;a\n"1001,0";2,5\n', "not floating-point numbers; got '1001,0'"),
        ("eid,a\n1e+06,2\n", "not floating-point numbers; got '1e\\+06'"),
        ("eid,a\nx1,2\nNA,3\n", "present in every row; .* has none in 'row 2'"),
        ("eid,a,a\nx1,2,3\n", "repeats 'a'"),
        ("eid,a\nx1,2,3\nx2,2\n", "as many cells as the header"),
        ("eid,a\nx1,1\nx2,2\nx3,3\nx4,fail\n", "'a' in .* holds 'fail': declare these as missing"),
        ("eid,note\nx1,good\nx2,bad\n", "at least one numeric feature"),
        ("eid,a\n", "at least one row"),
        ("", "it is empty"),
        ("who,a\nx1,2\n", "not known by its name .*'who', 'a'"),
        (b"PK\x03\x04rest", "Excel or zip file"),
        (b"eid,a\n\x00\x01,2\n", "binary data"),
    ],
)
def test_bad_tables_are_refused_with_the_item(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _read(tmp_path, text)


def test_repeated_ids_are_refused_unless_a_column_tells_them_apart(tmp_path: Path) -> None:
    text = "eid,visit,a\n01,v1,1\n01,v2,3\n02,v1,5\n"
    with pytest.raises(InputError, match=r"unique, one row per subject; .* repeats '01'.*columns that do: 'visit'"):
        one_row_per_subject(_read(tmp_path, text))
    records = _read(tmp_path, text, session_column="visit")
    first = one_row_per_subject(records, session="v2")
    assert first.ids == ("01",)
    assert "1 subjects do not have it" in first.notes[-1]


@pytest.mark.parametrize("ids", [("sub-01_ses-1", "sub-01_ses-2"), ("01_task-rest", "01_task-nback")])
def test_scans_of_one_subject_are_no_subjects(tmp_path: Path, ids: tuple[str, str]) -> None:
    text = "participant_id,a\n" + "".join(f"{one},{i}\n" for i, one in enumerate((*ids, "sub-02_ses-1")))
    with pytest.raises(InputError, match="several scans of '01' in its ids: name subject"):
        one_row_per_subject(_read(tmp_path, text))
    told = _read(tmp_path, text.replace("task-", "ses-"), id_regex="(?:sub-)?(?P<id>[^_]+)_ses-(?P<session>.+)")
    assert one_row_per_subject(told, session="mean").ids == ("01", "02")


def test_ids_that_differ_by_zeros_or_case_are_kept_and_told(tmp_path: Path) -> None:
    records = _read(tmp_path, "eid,a\n01,1\n1,2\nS1,3\ns1,4\nS2,5\n")
    assert records.ids == ("01", "1", "S1", "s1", "S2")
    assert any(note.startswith("2 ids differ from another only by case or leading zeros") for note in records.notes)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1.5, 2.5, -9, 2.0], -9),
        ([1.5, 2.5, 999, 2.0], 999),
        ([-9.0, -8.5, -9.5, 3], None),
        ([-12.0, 14, -9, 2], None),
        ([-9.0, -9, -9, -9], None),
        ([95.0, 99, 91, 93], None),
        ([np.nan, 1, 2, -999], -999),
    ],
)
def test_codes_for_missing_values_are_suspected(values: list[float], code: float | None) -> None:
    assert codes_among_numbers(np.array(values)) == (() if code is None else (code,))


def test_missing_values_follow_the_policy(tmp_path: Path) -> None:
    records = _read(tmp_path, "eid,a,b\nx1,1,\nx2,3,4\nx3,5,8\n")
    with pytest.raises(InputError, match=r"some in 'b \(1\)'"):
        complete(records, "refuse")
    assert complete(records, "drop-subjects").ids == ("x2", "x3")
    assert complete(records, "mean").values[0, 1] == 6
    infinite = _read(tmp_path, "eid,a,b\nx1,1,inf\nx2,3,4\n")
    with pytest.raises(InputError, match="infinite values in 'b'"):
        complete(infinite, "mean")


def test_nothing_and_unknown_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        detect_layout(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="holds none"):
        detect_layout(tmp_path)
    np.save(tmp_path / "x.npy", VALUES)
    with pytest.raises(InputError, match=r"no x_ids\.txt"):
        read_source(tmp_path / "x.npy")
