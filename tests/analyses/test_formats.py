"""Tables that a spreadsheet opens without running anything, and that read back."""

import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from analyses.formats import table_text


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), min_size=1), min_size=1))
def test_no_cell_is_a_formula_and_nothing_else_changes(cells: list[str]) -> None:
    text = table_text(pd.DataFrame({"name": cells, "value": range(len(cells))}))
    read = pd.read_csv(io.StringIO(text), dtype={"name": str}, keep_default_na=False)
    for written, came in zip(cells, read["name"], strict=True):
        assert came in (written, f"'{written}")
        assert not came.startswith(("=", "+", "-", "@")) or pd.notna(pd.to_numeric(came, errors="coerce"))


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame({"-x": [-1.5, 2e-300], "n": [-3, 4], "id": ["-12", "=1+1"], "ok": [True, False]})
    assert table_text(table) == "'-x,n,id,ok\n-1.5,-3,-12,True\n2e-300,4,'=1+1,False\n"
    assert table_text(table[["n"]], separator="\t") == "n\n-3\n4\n"
