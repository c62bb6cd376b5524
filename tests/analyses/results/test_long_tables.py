"""Every experiment's result gives long tables: whole rows that a tracking store can put below one another."""

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pandas as pd
import pytest

from analyses.results.schema.experiments import RESULT_TYPES, ExperimentResult, PredictResult
from analyses.results.serialisation import read_result

GOLDENS = Path(__file__).resolve().parents[2] / "goldens" / "experiments_5"


def example(kind: Any, name: str = "") -> Any:
    """A value of this type; every list holds three."""
    parts = get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: example(hints[field.name], field.name) for field in fields(kind)})
    if get_origin(kind) is Literal:
        return parts[0]
    if get_origin(kind) is tuple:
        return tuple(example(part, name) for part in (parts[:1] * 3 if parts[-1] is Ellipsis else parts))
    if get_origin(kind) in (dict, Mapping):
        return {f"{name} {number}": example(parts[1], name) for number in range(2)}
    if get_origin(kind) in (Union, types.UnionType):
        return example(next(part for part in parts if part is not type(None)), name)
    return {str: name, int: 3, float: 0.25, bool: True}[kind]


@pytest.mark.parametrize("kind", RESULT_TYPES.values(), ids=RESULT_TYPES)
def test_every_experiment_has_tables_of_whole_rows(kind: type[ExperimentResult]) -> None:
    found = example(kind).tables
    assert found
    for name, columns in found.items():
        table = pd.DataFrame(columns)
        assert len(table) >= 2, name
        numbers = table.select_dtypes("number")
        assert numbers.shape[1], f"{name} holds no number"
        assert not table.isna().all().any(), f"{name}: {list(table)} has an empty column"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_table_holds_what_the_result_holds() -> None:
    result = read_result(PredictResult, GOLDENS / "predict.json")
    table = pd.DataFrame(result.tables["predictors"]).set_index("name")
    metric = next(iter(result.predictors[0].metrics))
    for one in result.predictors:
        row = table.loc[one.name]
        assert (row["outcome"], row["kind"], row["value"]) == (result.outcome.column, one.kind, one.value)
        assert (row["lower"], row["upper"]) == one.interval
        assert row[metric] == one.metrics[metric]
    pivoted = pd.DataFrame(result.tables["prediction_differences"]).pivot_table("difference", "first", "second")
    one = result.differences[0]
    assert pivoted.loc[one.first, one.second] == pytest.approx(one.difference)
