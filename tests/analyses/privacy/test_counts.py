"""Small counts of subjects are not shown, and cannot be computed from what is."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyses.alignment.summary import shown_summary
from analyses.cohort.flow import Flow, count_flow, describe_flow
from analyses.cohort.subjects import Cohort
from analyses.privacy.counts import Count, show_sentence
from analyses.run import record
from tests.analyses.example_alignment import ARMS, make_alignment

SMALLEST = 5


def cohort(dropped: list[dict[str, int]], left_out: list[int], *, n: int = 20, remarks: tuple[str, ...] = ()) -> Cohort:
    """Tables whose subjects are dropped for these reasons, then subjects left out after the join."""
    in_all = n + sum(left_out)
    return Cohort(
        subject_ids=tuple(f"s{i}" for i in range(n)),
        covariates=pd.DataFrame(),
        brain={},
        overlap=[
            {"table": f"t{i}", "n": in_all + sum(of.values()), "in_all": in_all, "dropped": of}
            for i, of in enumerate(dropped)
        ],
        exclusions=[{"reason": f"missing x{i}", "n": many} for i, many in enumerate(left_out)],
        unread=[{"reason": "brain t1: missing brain value", "n": 3}],
        remarks=remarks,
    )


def counts(flow: Flow) -> list[Count]:
    """Every count of a flow."""
    of_tables = [(table["n"], table["in_all"], *table["dropped"].values()) for table in flow.overlap]
    return [*itertools.chain(*of_tables), flow.in_all, *(one["n"] for one in flow.exclusions)]


SIZES = st.integers(1, 9)


@given(
    st.lists(st.dictionaries(st.sampled_from(["not in a", "not in b"]), SIZES, max_size=2), min_size=1, max_size=3),
    st.lists(SIZES, max_size=3),
    st.integers(1, 4),
)
def test_what_is_shown_is_the_same_whatever_the_small_counts_are(
    dropped: list[dict[str, int]], left_out: list[int], other: int
) -> None:
    """No reader can tell one small count from another: all cohorts that differ in them look alike."""

    def with_other(n: int) -> int:
        return other if n < SMALLEST else n

    changed = [{reason: with_other(n) for reason, n in of.items()} for of in dropped]
    shown = count_flow(cohort(dropped, left_out), SMALLEST)
    assert shown == count_flow(cohort(changed, [with_other(n) for n in left_out]), SMALLEST)
    assert not [n for n in counts(shown) if isinstance(n, int) and 0 < n < SMALLEST]


@given(st.lists(st.dictionaries(st.just("not in a"), SIZES), min_size=1, max_size=3), st.lists(SIZES, max_size=3))
def test_a_bound_holds_and_1_shows_everything(dropped: list[dict[str, int]], left_out: list[int]) -> None:
    exact = counts(count_flow(cohort(dropped, left_out), 1))
    assert all(isinstance(n, int) for n in exact)
    for n, shown in zip(exact, counts(count_flow(cohort(dropped, left_out), SMALLEST)), strict=True):
        assert n == shown or int(n) < int(str(shown).removeprefix("<"))


def test_the_flow_in_words_holds_no_small_count() -> None:
    remarks = ("t1: 3 subjects lack values and were left out: 'a' (2), 'b' (40).", "t0: age (-9) seems to hold a code")
    lines = describe_flow(cohort([{"not in t1": 2, "not in t2": 1200}, {}], [4], remarks=remarks), SMALLEST)
    assert lines == [
        "<1,229 subjects in t0 (<5 not in t1; 1,200 not in t2)",
        "<25 subjects in t1",
        "<25 subjects are in all tables",
        "<5 left out: missing x0",
        "<5 left out: brain t1: missing brain value",
        "20 subjects are analysed",
        "t1: <5 subjects lack values and were left out: 'a' (<5), 'b' (40).",
        "t0: age (-9) seems to hold a code",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "3 cells of column 'site' were trimmed of white space.",
        "2 empty rows were left out.",
        "1 of 300 subjects were left out: a feature is missing.",
        "Session '2' was taken: 40 of 44 rows; 4 subjects do not have it.",
        "embeddings mine: subjects whom another gene lacks were left out: 3 of APOE, 1 of BIN1",
        "ComBat left 2 subjects of sites that training did not have as they are: 'B'.",
        "Confound 'site' has one training subject in level 'B': its residual is zero.",
    ],
)
def test_a_sentence_keeps_its_other_numbers(sentence: str) -> None:
    shown = show_sentence(sentence, SMALLEST)
    assert shown.count("<5") >= 1
    assert show_sentence(sentence, 1) == sentence
    assert show_sentence(shown, SMALLEST) == shown
    kept = sentence.replace(" 2 subjects", " # subjects")
    assert [word for word in ("'2'", "40 of 44", "'B'", "300") if word in kept] == [
        word for word in ("'2'", "40 of 44", "'B'", "300") if word in shown
    ]


@pytest.mark.parametrize("sentence", ["4 columns without a name were left out.", "alpha 0.3 of 2 views", "id_1 values"])
def test_what_counts_no_subjects_stays(sentence: str) -> None:
    assert show_sentence(sentence, SMALLEST) == sentence


def test_remarks_of_readers_name_nobody() -> None:
    said = "brain t1: subject s3 has 2 rows, of which 1 row was left out."
    known = replace(cohort([{}], [], remarks=(said,)), known_ids=frozenset({"s3", "s11", "subject-4"}))
    (remark,) = record._count_subjects(known, SMALLEST).remarks
    assert remark == "brain t1: subject (an id) has <5 rows, of which <5 rows was left out."
    assert record._count_subjects(known, 1).remarks == (said.replace("s3", "(an id)"),)


def test_what_an_alignment_publishes_names_nobody_and_counts_few_as_few() -> None:
    example, _ = make_alignment(ARMS[0], "linked", strength=0.3, rng=np.random.default_rng(0))
    said = ("Subject P0001 has the largest weight.", "Confound 'site' has one training subject in level 'B'.")
    summary = replace(example, warnings=said, held_out=replace(example.held_out, n_unseen_levels=2))
    shown = shown_summary(summary, ["P0001", "P0002"], SMALLEST)
    assert shown.held_out.n_unseen_levels == "<5"
    assert shown.warnings == (
        "Subject (an id) has the largest weight.",
        "Confound 'site' has <5 training subjects in level 'B'.",
    )


def test_the_results_of_a_run_hold_no_small_count_and_the_private_folder_holds_all(results: Path) -> None:
    shown: dict[str, Any] = json.loads((results / "run.json").read_text())["cohort"]
    exact: dict[str, Any] = json.loads((results / "private" / "cohort.json").read_text())
    assert exact["n_subjects"] + sum(one["n"] for one in exact["exclusions"]) == exact["overlap"][0]["in_all"] == 300
    assert [one["reason"] for one in shown["exclusions"]] == [one["reason"] for one in exact["exclusions"]]
    small = [one for one in exact["exclusions"] if one["n"] < SMALLEST]
    assert [one["n"] for one in shown["exclusions"] if isinstance(one["n"], str)] == ["<5"] * len(small)
