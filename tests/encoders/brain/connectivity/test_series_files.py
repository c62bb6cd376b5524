"""Text files of time series: columns are regions by name, a header is known from a time point, nothing is joined."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.brain.connectivity.connectivity import connectivity_vectors
from encoders.brain.connectivity.series_files import read_series_file
from encoders.brain.connectivity.timeseries import read_timeseries
from encoders.brain.connectivity.visits import Visits
from encoders.errors import InputError

NAMES = ["A", "B", "C", "D", "E"]
SERIES = {f"s{i}": np.random.default_rng(i).normal(size=(17 + i, 5)) for i in range(4)}
ROWS = SERIES["s0"]


def _joined(separator: str, rows: np.ndarray = ROWS) -> str:
    return "".join(separator.join(f"{value:.17g}" for value in row) + "\n" for row in rows)


HEADERS = {
    "csv": ("A,B,C,D,E\n" + _joined(","), NAMES),
    "csv, quoted": ('"A","B","C","D","E"\n' + _joined(","), NAMES),
    "tsv, bom": ("\ufeffA\tB\tC\tD\tE\n" + _joined("\t"), NAMES),
    "blanks": ("A B C D E\n" + _joined("  "), NAMES),
    "numpy": ("# A B C D E\n" + _joined(" "), NAMES),
    "numpy, commas": ("# A,B,C,D,E\n" + _joined(","), NAMES),
    "comments": ("# parcellated by me\n# A B C D E\n" + _joined(" "), NAMES),
    "decimal commas": ("A;B;C;D;E\n" + _joined(";").replace(".", ","), NAMES),
    "decimal commas, blanks": ("A B C D E\n" + _joined(" ").replace(".", ","), NAMES),
    "counted from 0": ("0,1,2,3,4\n" + _joined(","), list("01234")),
    "counted from 1": ("1 2 3 4 5\n" + _joined(" "), list("12345")),
    "labels of an atlas": ("2001\t2002\t2101\t2111\t9170\n" + _joined("\t"), ["2001", "2002", "2101", "2111", "9170"]),
    "words and numbers": ("1,2,C,D,5\n" + _joined(","), ["1", "2", "C", "D", "5"]),
    "no header": (_joined(","), None),
    "no header, tabs at the end": (_joined("\t").replace("\n", "\t\n"), None),
    "no header, a comment": ("# mean of voxels\n" + _joined(" "), None),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_is_known_from_a_time_point(tmp_path: Path, kind: str) -> None:
    text, names = HEADERS[kind]
    (tmp_path / "s0.txt").write_text(text, encoding="utf-8")
    file = read_series_file(tmp_path / "s0.txt")
    assert file.names == (None if names is None else tuple(names))
    np.testing.assert_allclose(file.values, ROWS, rtol=1e-15)


def test_whole_numbers_without_a_header(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(9000, 11000, size=(13, 4))
    rows[0] = [10500, 9800, 10100, 9900]
    (tmp_path / "s0.txt").write_text(_joined(" ", rows))
    assert read_series_file(tmp_path / "s0.txt").values.tolist() == rows.tolist()
    rows[0].sort()
    (tmp_path / "s0.txt").write_text(_joined(" ", rows))
    with pytest.raises(
        InputError, match=r"\(9800, 9900, 10100, 10500, ...\) may be the numbers of regions or the first"
    ):
        read_series_file(tmp_path / "s0.txt")
    assert read_series_file(tmp_path / "s0.txt", header=False).values.shape == (13, 4)
    assert read_series_file(tmp_path / "s0.txt", header=True).names == ("9800", "9900", "10100", "10500")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,B\n1,2\n3\n", "row 3 has 1 where the first has 2"),
        ("A,B\n1,2\n3,fail\n", "holds 'fail'"),
        ("\n\n", "holds no row of numbers"),
        ("A,A\n1,2\n3,4\n5,6\n", "unique; .* repeats 'A'"),
        ("A,\n1,2\n3,4\n5,6\n", "column 2 has none"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s0.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_timeseries(tmp_path)


def _write(folder: Path, orders: dict[str, list[int]]) -> Path:
    for subject, order in orders.items():
        frame = pd.DataFrame(SERIES[subject][:, order], columns=[NAMES[i] for i in order])
        frame.to_csv(folder / f"{subject}.csv", index=False)
    return folder


def test_regions_are_matched_by_name_across_subjects(tmp_path: Path) -> None:
    orders = {"s0": [0, 1, 2, 3, 4], "s1": [3, 0, 2, 1, 4], "s2": [4, 3, 2, 1, 0], "s3": [0, 1, 2, 4, 3]}
    read = read_timeseries(_write(tmp_path, orders))
    assert read.roi_names == tuple(NAMES)
    edges, names = connectivity_vectors(read, "correlation", fisher_z=False, estimator="empirical")
    for subject, row in zip(read.subject_ids, edges, strict=True):
        matrix = pd.DataFrame(SERIES[subject], columns=NAMES).corr()
        assert row.tolist() == pytest.approx([matrix.loc[tuple(name.split("--"))] for name in names], abs=1e-12)


def test_files_that_name_other_regions_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, {"s0": [0, 1, 2, 3, 4], "s1": [3, 0, 2, 1]})
    with pytest.raises(InputError, match=r"s1\.csv lacks 'E', compared with s0\.csv"):
        read_timeseries(tmp_path)
    (tmp_path / "s1.csv").write_text("a,B,C,D,E\n" + _joined(","))
    with pytest.raises(InputError, match="lacks 'A' and has 'a' besides"):
        read_timeseries(tmp_path)
    (tmp_path / "s1.csv").write_text(_joined(","))
    with pytest.raises(InputError, match=r"'s1\.csv' of 2 have no names"):
        read_timeseries(tmp_path)
    (tmp_path / "s1.csv").unlink()
    np.save(tmp_path / "s1.npy", ROWS)
    with pytest.raises(InputError, match=r"'s1\.npy' of 2 have no names"):
        read_timeseries(tmp_path)


def test_names_of_an_archive_must_fit(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **SERIES, roi_names=np.array(NAMES[:4]))
    with pytest.raises(InputError, match=r"roi_names has 4 names for \[5\] columns"):
        read_timeseries(tmp_path / "x.npz")


def test_columns_that_are_no_regions_are_left_out_and_named(tmp_path: Path) -> None:
    for subject, series in SERIES.items():
        frame = pd.DataFrame(series, columns=NAMES)
        frame.insert(0, "time_s", np.arange(len(frame)) * 0.72)
        frame["clock"] = 100 + np.arange(len(frame)) * 2.5
        frame["framewise_displacement"] = np.abs(series[:, 0])
        frame.to_csv(tmp_path / f"{subject}.csv")  # and the index of pandas
    read = read_timeseries(tmp_path)
    assert read.roi_names == tuple(NAMES)
    assert read.left_out == {
        "time_s": "a count of time points",
        "framewise_displacement": "of motion or scan quality",
        "clock": "a count of time points",
    }
    for series, written in zip(read.series, SERIES.values(), strict=True):
        np.testing.assert_allclose(series, written, rtol=1e-15)


def test_files_of_other_kinds_are_counted(tmp_path: Path) -> None:
    _write(tmp_path, {"s0": [0, 1, 2, 3, 4]})
    (tmp_path / "s1.csv.gz").touch()
    assert "1 files of other kinds were not read (.gz)." in read_timeseries(tmp_path).notes


VISIT = r"sub-(?P<id>[^_]+)_ses-(?P<session>[^_]+)(?:_run-(?P<run>\d+))?"


def test_sessions_and_runs_are_chosen_or_joined_but_not_unasked(tmp_path: Path) -> None:
    names = ("sub-a_ses-2_run-1", "sub-a_ses-2_run-2", "sub-a_ses-10_run-1", "sub-b_ses-2_run-1")
    for name, series in zip(names, SERIES.values(), strict=True):
        np.save(tmp_path / f"{name}_bold.npy", series + 7 * len(series))
    with pytest.raises(InputError, match="several scans of 'a' in its ids: name subject"):
        read_timeseries(tmp_path)
    with pytest.raises(InputError, match="several of 'a': choose session first, last, joined"):
        read_timeseries(tmp_path, id_regex=VISIT)
    last = read_timeseries(tmp_path, id_regex=VISIT, visits=Visits("last"))
    assert [len(series) for series in last.series] == [19, 20]
    with pytest.raises(InputError, match="several of 'a': ask for its runs to be joined"):
        read_timeseries(tmp_path, id_regex=VISIT, visits=Visits("2"))
    runs = read_timeseries(tmp_path, id_regex=VISIT, visits=Visits("2", join="runs"))
    assert [len(series) for series in runs.series] == [17 + 18, 20]
    # Runs of other means are no signal: joined, regions correlate as their centred runs do.
    centred = np.concatenate([SERIES[name] - SERIES[name].mean(axis=0) for name in ("s0", "s1")])
    np.testing.assert_allclose(runs.series[0], centred, atol=1e-12)
    both = read_timeseries(tmp_path, id_regex=VISIT, visits=Visits(join="sessions"))
    assert [len(series) for series in both.series] == [17 + 18 + 19, 20]
    assert "3 series of 1 subjects were joined end to end, as asked (join sessions)." in both.notes
    np.save(tmp_path / "sub-b_ses-2_run-1_copy.npy", SERIES["s0"])
    with pytest.raises(InputError, match="repeats 'b / 2 / 1'"):
        read_timeseries(tmp_path, id_regex=VISIT, visits=Visits(join="sessions"))
