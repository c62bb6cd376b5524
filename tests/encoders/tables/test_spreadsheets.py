"""Text tables as programs export them: one reading, told, or two readings, refused."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.brain.ids import place_index
from encoders.errors import InputError
from encoders.tables import codes_among_numbers, read_spreadsheet, read_subject_table
from tests.sentences import or_one_sentence


def _write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _column(folder: Path, cells: Sequence[str], separator: str) -> Path:
    text = "\n".join([f"id{separator}vol", *(f"s{k}{separator}{cell}" for k, cell in enumerate(cells))])
    return _write(folder, text + "\n")


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_points_beside_integers_of_three_digits_may_stand_between_thousands(tmp_path: Path, separator: str) -> None:
    path = _column(tmp_path, ["845", "1.234", "990", "2.101"], separator)
    with pytest.raises(InputError, match=r"'1.234' .* is 1234 .* or 1.234 .*'845' beside it has no decimals"):
        read_spreadsheet(path).numbers("vol")
    assert read_spreadsheet(path, decimal=",").numbers("vol")[0].tolist() == [845, 1234, 990, 2101]
    assert read_spreadsheet(path, decimal=".").numbers("vol")[0].tolist() == [845, 1.234, 990, 2.101]


@pytest.mark.parametrize(
    "cells", [["1.234", "2.345"], ["845", "0.234"], ["845", "1.5"], ["12345", "1.234"], ["1", "1.234"]]
)
def test_points_of_other_columns_are_decimal(tmp_path: Path, cells: list[str]) -> None:
    assert read_spreadsheet(_column(tmp_path, cells, ",")).numbers("vol")[0].tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("cells", [["1.234", "98", "15.321", "7"], ["1.234", "0"], ["-1.234", "-5", "2.345", "NA"]])
def test_shorter_integers_raise_the_doubt_where_spreadsheets_separate(
    tmp_path: Path, separator: str, cells: list[str]
) -> None:
    path = _column(tmp_path, cells, separator)
    whole = max((cell for cell in cells if cell.lstrip("-").isdigit()), key=len).lstrip("-")
    with pytest.raises(InputError, match=rf"'-?1.234' .* is -?1234 .* or -?1.234 .*'{whole}' beside it has no decimal"):
        read_spreadsheet(path).numbers("vol")
    read = read_spreadsheet(path, decimal=".").numbers("vol")[0]
    assert read.dropna().tolist() == [float(cell) for cell in cells if cell != "NA"]


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["1.234", "98", "15.321", "7"], ","),
        (["1.234", "98", "15.321", "7"], " "),
        (["0.234", "7", "1.345"], ";"),
        (["1.234", "7", "1.35"], ";"),
        (["1.234", "7", "1024"], ";"),
        (["1.234", "15.321", "7.000"], ";"),
        (["1.234", "-9", "2.345"], "\t"),
    ],
)
def test_what_shows_a_decimal_point_raises_no_doubt(tmp_path: Path, cells: list[str], separator: str) -> None:
    read = read_spreadsheet(_column(tmp_path, cells, separator)).numbers("vol")[0]
    assert read.tolist() == [float(cell) for cell in cells]


def test_another_column_or_a_declared_code_takes_the_doubt_away(tmp_path: Path) -> None:
    path = _write(tmp_path, "id;vol;thick\ns1;1.234;2.5\ns2;7;2.25\n")
    assert read_spreadsheet(path).numbers("vol")[0].tolist() == [1.234, 7]
    path = _write(tmp_path, "id;vol;thick\ns1;1.234;2,5\ns2;7;2,25\n")
    assert read_spreadsheet(path).numbers("vol")[0].tolist() == [1234, 7]
    path = _write(tmp_path, "id;thick\ns1;1.234\ns2;-9\n")
    assert read_spreadsheet(path).numbers("thick", ("-9",))[0].dropna().tolist() == [1.234]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(0, 999_999), min_size=2, max_size=9))
def test_counts_with_points_between_thousands_are_never_read_as_decimals(tmp_path: Path, counts: list[int]) -> None:
    """Wherever some are thousands and others are not."""
    path = _column(tmp_path, [f"{count:,}".replace(",", ".") for count in counts], ";")
    try:
        read = read_spreadsheet(path).numbers("vol")[0].tolist()
    except InputError:
        return
    assert read == counts or min(counts) >= 1000


PLAIN = "id,site,volume\n01,Köln,2.5\n02,Bonn,1203.25\n03,Köln,0.75\n"
GERMAN = "id;site;volume\n01;Köln;2,5\n02;Bonn;1.203,25\n03;Köln;0,75\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("cp1252"),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\n,,\n").encode(),
        PLAIN.replace("site,volume", " site , volume ").encode(),
        PLAIN.replace("\n", ",,\n").encode(),
        PLAIN.replace("1203.25", '"1,203.25"').encode(),
        ("sep=;\n" + GERMAN).encode(),
        GERMAN.encode(),
        GERMAN.replace(";", "\t").encode("utf-16"),
        GERMAN.replace("1.203", "1'203").encode(),
        GERMAN.replace("1.203", "1\u202f203").encode(),
        ("# made in March\n" + PLAIN).encode(),
        ("# " + PLAIN).encode(),
        gzip.compress(PLAIN.encode(), mtime=0),
    ],
)
def test_one_table_in_many_dialects(tmp_path: Path, content: bytes) -> None:
    frame = read_subject_table(_write(tmp_path, content), "id").frame
    assert frame.index.tolist() == ["01", "02", "03"]
    assert frame["site"].tolist() == ["Köln", "Bonn", "Köln"]
    assert frame["volume"].tolist() == [2.5, 1203.25, 0.75]


@pytest.mark.parametrize(
    ("cells", "readings"),
    [
        (["5,843", "6,141"], "'5,843' .* is 5843 .* or 5.843"),
        (["845", "1,234"], "'1,234' .* is 1234 .* or 1.234"),
        (["3,5", "3.5"], r"'3,5' \(comma\) and '3.5' \(point\)"),
    ],
)
def test_numbers_with_two_readings_are_refused(tmp_path: Path, cells: list[str], readings: str) -> None:
    path = _write(tmp_path, "id\tv\n" + "".join(f"s{i}\t{cell}\n" for i, cell in enumerate(cells)), "t.tsv")
    with pytest.raises(InputError, match=readings):
        read_subject_table(path, "id")


def test_the_decimal_mark_may_be_named_and_one_column_decides_for_another(tmp_path: Path) -> None:
    path = _write(tmp_path, "id\tv\ns1\t845\ns2\t1,234\n", "t.tsv")
    assert read_subject_table(path, "id", decimal=".").frame["v"].tolist() == [845, 1234]
    assert read_subject_table(path, "id", decimal=",").frame["v"].tolist() == [845, 1.234]
    both = _write(tmp_path, "id;v;thick\ns1;5.843;2,34\ns2;6.141;2,1\n")
    frame = read_subject_table(both, "id").frame
    assert (frame["v"].tolist(), frame["thick"].tolist()) == ([5843, 6141], [2.34, 2.1])
    neither = _write(tmp_path, "id;v;thick\ns1;5.843;2,345\ns2;6.141;2,101\n")
    with pytest.raises(InputError, match="no cell of the table decides"):
        read_subject_table(neither, "id")


def test_whole_numbers_words_and_truth_keep_their_kinds(tmp_path: Path) -> None:
    path = _write(tmp_path, "id,n,site,ok,gap\n1,3,A ,True,1\n2,10,none,False,\n3,7,NA,True,-9\n")
    read = read_subject_table(path, "id", missing_codes=("-9",))
    assert read.frame["n"].tolist() == [3, 10, 7]
    assert read.frame["n"].dtype == np.int64
    assert read.frame["ok"].dtype == bool
    assert read.frame["site"].tolist()[:2] == ["A", "none"]
    assert read.frame["site"].isna().tolist() == [False, False, True]
    assert read.missing_words == {"site": ("NA",)}
    assert read.frame["gap"].isna().tolist() == [False, True, True]
    assert any("'site' were trimmed" in note for note in read.notes)


def test_two_separators_that_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 columns by semicolons or 2 columns by commas"):
        read_spreadsheet(_write(tmp_path, "id;a,b\n1;2,5\n2;3,5\n"))


def test_an_index_without_a_name_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"roi": [1.0, 2.0, 4.0]}, index=["P0", "P1", "P2"]).to_parquet(path)
    with pytest.raises(InputError, match="index without a name that holds 'P0', 'P1'"):
        read_subject_table(path)
    assert read_subject_table(path, "__index_level_0__").frame.index.tolist() == ["P0", "P1", "P2"]


@pytest.mark.parametrize("header", [",roi", "Unnamed: 0,roi"])
@pytest.mark.parametrize("binary", [False, True])
def test_an_index_that_a_text_holds_without_a_name_is_seen(tmp_path: Path, header: str, binary: bool) -> None:
    path = _write(tmp_path, f"{header}\nP0,1.5\nP1,2.5\n")
    if binary:
        pd.read_csv(path).to_parquet(tmp_path / "t.parquet")
        path = tmp_path / "t.parquet"
    with pytest.raises(InputError, match="index without a name that holds 'P0', 'P1'"):
        read_subject_table(path)
    assert read_subject_table(path, "__index_level_0__").frame.index.tolist() == ["P0", "P1"]
    sheet = place_index(read_spreadsheet(path), None)
    assert sheet.frame["__index_level_0__"].tolist() == ["P0", "P1"]


def test_row_names_and_counts_are_no_index_of_ids(tmp_path: Path) -> None:
    counted = read_spreadsheet(_write(tmp_path, ",id,roi\n0,P0,1\n1,P1,2\n"))
    assert counted.index is None
    named = read_spreadsheet(_write(tmp_path, ",participant_id,roi\nA,P0,1\nB,P1,2\n"))
    assert place_index(named, None).index is None
    filtered = read_spreadsheet(_write(tmp_path, ",roi\n3,1.5\n7,2.5\n"))
    with pytest.raises(InputError, match="which may count rows"):
        place_index(filtered, None)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([18.0, 80.0, -9.0], (-9.0,)),
        ([2.1, 3.5, -9999.0, -999.0], (-999.0, -9999.0)),
        ([2.1, 3.5, 999.0], (999.0,)),
        ([18.0, 80.0, -9.0, -77.0, -77.0], (-9.0, -77.0)),
        ([-12.0, -9.0, 3.0], ()),
        ([90.0, 99.0, 120.0], ()),
    ],
)
def test_codes_of_missing_values_are_suspected(values: list[float], codes: tuple[float, ...]) -> None:
    assert codes_among_numbers(np.array(values)) == codes


_CELL = st.sampled_from(["1", "2.5", "3,5", "1,234", "1.234", "", "NA", "F", '"', '"a,b"', " x", "-9", "é", "#", "1e5"])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    rows=st.lists(st.lists(_CELL, min_size=1, max_size=4), max_size=5),
    separator=st.sampled_from([",", ";", "\t", "|", " "]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-8-sig"]),
    cut=st.integers(0, 60),
    squeezed=st.booleans(),
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_sentence(
    tmp_path: Path, rows: list[list[str]], separator: str, encoding: str, cut: int, squeezed: bool
) -> None:
    lines = [["id", "a", "b"], *([f"s{i}", *row] for i, row in enumerate(rows))]
    raw = "\n".join(separator.join(line) for line in lines).encode(encoding)
    raw = gzip.compress(raw) if squeezed else raw
    path = _write(tmp_path, raw[: len(raw) - cut] if cut < 30 else raw)
    with or_one_sentence():
        assert read_subject_table(path, "id").frame.index.is_unique


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,age,sex\ns1,20,F\ns2,30\n\ns3\n", "2 rows have fewer cells than the header (row 2 below it: 2 of 3)"),
        ('id\tage\tsex\ns1\t20\t"F"\ns2\t30\n', "1 row has fewer cells than the header (row 2 below it: 2 of 3)"),
        ('id,age,sex\ns1,20,F\n "s2",3"0\n', "1 row has fewer cells than the header (row 2 below it: 2 of 3)"),
    ],
)
def test_rows_without_their_last_cells_are_told(tmp_path: Path, text: str, told: str) -> None:
    sheet = read_spreadsheet(_write(tmp_path, text))
    assert [note for note in sheet.notes if note.startswith(told)]
    assert sheet.frame["sex"].tolist()[:2] == ["F", ""]


@pytest.mark.parametrize(
    "text",
    [
        "id,age,sex,,\ns1,20,F\ns2,30,F",
        "id,age,sex\ns1,20,F\ns2,30,",
        "id,age,sex\ns1,20,F\n\n  \n,,\n",
        'id,age,sex\ns1,20,"F\n,\n"\n',
    ],
)
def test_rows_with_all_cells_are_not(tmp_path: Path, text: str) -> None:
    assert not [note for note in read_spreadsheet(_write(tmp_path, text)).notes if "fewer cells" in note]


@pytest.mark.parametrize(
    "text", ["id,age,sex\ns1,20,F\ns2,3", 'id,age,"sex"\ns1,20,"F"\ns2', "id age sex\ns1 20 F\ns2 3"]
)
def test_a_table_that_was_cut_within_its_last_row_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        InputError, match=r"as the header, 3; its last has [12] and does not end: the file was cut short"
    ):
        read_spreadsheet(_write(tmp_path, text))


def test_between_blanks_a_lacking_cell_has_no_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 2 below it has 2, and between blanks nobody can say which are lacking"):
        read_spreadsheet(_write(tmp_path, "id age sex\ns1 20 F\ns2 M\ns3 30 F\n", "t.txt"))


def test_of_quotes_without_end_the_row_is_named(tmp_path: Path) -> None:
    long = "x" * 140_000
    with pytest.raises(InputError, match=r"behind row 1 this cannot be said .*: repair its quotes"):
        read_spreadsheet(_write(tmp_path, f'id,age\ns1,20\ns2,"{long}"\n'))


@pytest.mark.parametrize(
    ("cells", "spellings"),
    [
        (["01", "02", "1", "2"], "'01' and '1'"),
        (["-07", "1", "-7"], "'-07' and '-7'"),
        (["01", "02", "03"], None),
        (["01", "10", "2"], None),
        (["0", "1", "10"], None),
    ],
)
def test_numbers_spelled_in_two_ways_are_told(tmp_path: Path, cells: list[str], spellings: str | None) -> None:
    table = read_subject_table(_column(tmp_path, cells, ","), "id")
    assert table.frame["vol"].tolist() == [int(cell) for cell in cells]
    said = f"Column 'vol' spells numbers in two ways, such as {spellings}: they are read as one."
    assert list(table.notes) == ([said] if spellings else [])


def test_columns_of_a_parquet_file_that_are_no_text_are_not_read_as_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": pd.Series([b"1.5", b"2.25"], dtype=object), "y": pd.Series([["a"], ["b"]])})
    frame.to_parquet(tmp_path / "t.parquet")
    sheet = read_spreadsheet(tmp_path / "t.parquet")
    assert sheet.written("x") is None
    assert sheet.written("y") is None
    assert sheet.numbers("y")[1] == ["['a']", "['b']"]


def test_text_columns_of_several_row_groups_are_read_at_once(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["0.5", "n/a", "-3e2"], "b": ["1", "2", "30"]})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=1)
    sheet = read_spreadsheet(tmp_path / "t.parquet")
    assert sheet.written("a").tolist()[::2] == [0.5, -300.0]
    assert sheet.written("b").tolist() == [1, 2, 30]
