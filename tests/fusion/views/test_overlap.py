"""Who is in every table, in which order, and why the others are not."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion import InputError, align_subjects

ids = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(ids, ids, ids)
def test_rows_bring_every_table_into_one_order_and_nobody_is_lost(a: list[str], b: list[str], c: list[str]) -> None:
    tables = {"genotypes": ["z", *a], "brain": [*b, "z"], "participants": [*c[:1], "z", *c[1:]]}
    overlap = align_subjects(tables)
    for name, table in tables.items():
        assert tuple(np.array(table)[overlap.rows[name]]) == overlap.order
        dropped = [i for reason in overlap.dropped[name].values() for i in reason]
        assert sorted([*dropped, *overlap.order]) == sorted(table)
    assert [i for i in tables["genotypes"] if i in overlap.order] == list(overlap.order)


def test_table_of_counts_by_reason_holds_no_id() -> None:
    overlap = align_subjects(
        {"genotypes": ["s1", "s2", "s3", "s4"], "brain": ["s2", "s5", "s1"], "age": ["s1", "s2", "s3"]}
    )
    expected = [
        {"table": "genotypes", "n": 4, "in_all": 2, "dropped": {"not in brain": 1, "not in brain and age": 1}},
        {"table": "brain", "n": 3, "in_all": 2, "dropped": {"not in genotypes and age": 1}},
        {"table": "age", "n": 3, "in_all": 2, "dropped": {"not in brain": 1}},
    ]
    assert overlap.to_frame().to_dict("records") == expected
    assert json.loads(json.dumps(overlap.to_dict())) == expected


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param({}, "got none", id="nothing"),
        pytest.param(
            {"a": ["x", "y", "x"], "b": ["x"]}, "'a' needs one row per subject; 1 ids repeat", id="repeated id"
        ),
        pytest.param({"a": ["1"], "b": [1]}, "'b' needs text as subject ids; got 1 of type int", id="numbers"),
        pytest.param({"a": ["s1", "s2"], "b": ["t1", "t2"]}, "a: 's1', 's2'; b: 't1', 't2'.*same way", id="strangers"),
        pytest.param({"a": ["s1"], "b": []}, "b: empty", id="empty table"),
        pytest.param({"a": ["sub-01", "sub-02"], "b": ["01", "02"]}, "but for the prefix 'sub-'", id="BIDS prefix"),
        pytest.param({"a": ["hg001"], "b": ["HG001"]}, "upper and lower case", id="case"),
        pytest.param({"a": ["0017"], "b": ["17"]}, "leading zeros", id="leading zeros"),
        pytest.param({"a": ["17.0"], "b": ["17"]}, "ids read as numbers", id="read as numbers"),
        pytest.param({"a": ["NA1_NA1"], "b": ["NA1"]}, "doubled id", id="PLINK's family and individual"),
    ],
)
def test_bad_input_gets_its_sentence(tables: Mapping[str, Sequence[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        align_subjects(tables)
