"""Numbers of a column that all programs read alike are what the search for their notation says they are."""

from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.tables.notation import find_evidence, has_points_alone
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
