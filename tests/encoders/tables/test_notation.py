"""Numbers of a column that all programs read alike are what the search for their notation says they are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.tables import read_subject_table, spreadsheets
from encoders.tables.notation import find_evidence, has_points_alone, read_written
from encoders.tables.spreadsheets import Spreadsheet

NOTATIONS = [
    r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}",
    r"[+-]?[1-9][0-9]{0,2}(?:[., ][0-9]{3}){0,2}(?:[.,][0-9]{0,2})?",
    r"[+-]?[0-9]{1,4}(?:[.,][0-9]{1,4})?(?:[eE][+-]?[0-9]{1,2})?",
    r"NA|nan|inf|-9|\.5|5\.|1e5|0x10|1_000|F||[0-9]{1,3}",
]
CELLS = st.one_of(
    *(st.lists(st.from_regex(one, fullmatch=True), min_size=1, max_size=6) for one in NOTATIONS),
    st.lists(st.one_of(*(st.from_regex(one, fullmatch=True) for one in NOTATIONS)), min_size=1, max_size=8),
)


def _by_search(sheet: Spreadsheet, cells: pd.Series) -> list[float] | str:
    try:
        return list(pd.to_numeric(sheet.plain("x", cells), errors="coerce").astype(float))
    except InputError as error:
        return str(error)


@given(CELLS, st.sampled_from(["1.5", "1,5", "word"]))
def test_a_column_of_plain_numbers_is_read_as_the_search_for_its_notation_would(cells: list[str], beside: str) -> None:
    column = pd.Series(cells, dtype="str")
    other = pd.Series([beside] * len(cells), dtype="str")
    sheet = Spreadsheet(Path("t.csv"), pd.DataFrame({"x": column, "y": other}), None, ())
    trimmed = column.mask(column.str.lower().isin(["", "na", "nan"]), None)
    expected = _by_search(sheet, trimmed)
    try:
        found: list[float] | str = list(sheet.numbers("x")[0])
    except InputError as error:
        found = str(error)
    pd.testing.assert_series_equal(pd.Series(found), pd.Series(expected))


def test_a_few_cells_show_a_point_that_is_certain() -> None:
    assert has_points_alone(pd.Series(["1.25", None, "3"], dtype="str"))
    assert has_points_alone(pd.Series(["1", "22"], dtype="str"))
    doubtful = pd.Series(["1.234", "9.125"], dtype="str")
    assert not has_points_alone(doubtful)
    assert not find_evidence([doubtful]).certain


PLAIN = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 100).map("{:.3f}".format),
    st.integers(-(10**19), 10**19).map(str),
    st.sampled_from(["", "NA", "n/a", "-0", "0.5", "-9", "-9.0"]),
)
ANY = PLAIN | st.sampled_from(["007", "1e400", "+1", "1.", ".5", " 2.5", "True", "x", "nA", "inf"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.one_of(*(st.lists(kind, min_size=1, max_size=6) for kind in (PLAIN, ANY))),
    codes=st.sampled_from([(), ("-9",), ("x", "0.5")]),
)
def test_a_column_read_at_once_is_what_reading_cell_by_cell_gives(
    tmp_path: Path, cells: list[str], codes: tuple[str, ...]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,vol\n" + "".join(f"s{row},{cell}\n" for row, cell in enumerate(cells)), "utf-8")

    def read() -> tuple[pd.Series, tuple[str, ...]] | str:
        try:
            table = read_subject_table(path, "id", missing_codes=codes)
        except InputError as error:
            return str(error)
        return table.frame["vol"], table.notes

    at_once = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spreadsheets, "read_written", lambda _: None)
        one_by_one = read()
    if isinstance(at_once, str) or isinstance(one_by_one, str):
        assert at_once == one_by_one
        return
    pd.testing.assert_series_equal(at_once[0], one_by_one[0], check_exact=True)
    assert at_once[1] == one_by_one[1]


def test_columns_that_programs_write_are_read_at_once() -> None:
    assert read_written(pd.Series(["0.25", "n/a", "-1e-3", "4"])).tolist()[::2] == [0.25, -1e-3]
    assert read_written(pd.Series(["3", "-12", "0"])).dtype == np.int64
    for cells in (["1.234", "2.345"], ["1,5", "2,5"], ["01", "1"], ["NA", ""], ["1.5", "low"]):
        assert read_written(pd.Series(cells)) is None
