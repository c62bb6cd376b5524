"""Held-out scores beside outcomes and in strata: what is planted is found, and what has no answer says so."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.alignment.files import read_held_out
from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments import associate, stratify
from analyses.experiments.strata.answer import sentences
from analyses.results.folder import load_results
from analyses.results.schema.experiments import AssociateResult, StratifyResult
from analyses.results.serialisation import to_json
from analyses.results.workspace import Workspace
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import EXPERIMENTS, Experiment

Ask = Callable[..., Any]
QUICK = {
    "associate": ("associate.n_permutations=99", "associate.n_bootstrap=100"),
    "stratify": ("stratify.n_permutations=39", "stratify.n_bootstrap=100"),
}
PLANTED = (
    "[planted, {column: amount}, {column: degree, kind: ordinal, levels: [low, mid, high]}, "
    "{column: years, kind: time, event: ill}]"
)


@pytest.fixture(scope="module")
def participants(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The participants with outcomes of every kind that follow the leading axis of the linked brain."""
    rng = np.random.default_rng(3)
    table = pd.read_csv(cohort.participants, sep="\t", dtype={"subject_id": str})
    n = len(table)
    brain = pd.read_parquet(cohort.brain_linked).set_index("subject_id").loc[table["subject_id"]]
    columns = ((brain - brain.mean()) / brain.std()).to_numpy()
    covariates = pd.get_dummies(table[["age", "site", "sex", "batch"]], dtype=float).to_numpy()
    rest = columns - covariates @ np.linalg.lstsq(covariates, columns, rcond=None)[0]
    score = np.linalg.svd(rest, full_matrices=False)[0][:, 0] * np.sqrt(n) + 0.3 * rng.standard_normal(n)
    table["planted"] = np.where(score > 0, "case", "control")
    table["amount"] = 10 + 2 * score
    table["degree"] = np.array(["low", "mid", "high"])[np.digitize(score, (-0.7, 0.7))]
    table["years"] = rng.exponential(np.exp(-score)).round(3)
    table["ill"] = rng.choice(["yes", "no"], n, p=[0.7, 0.3])
    table["coin"] = rng.choice(["heads", "tails"], n)
    table["three"] = rng.choice(["a", "b", "c"], n)
    table["constant"] = "same"
    table["rare"] = np.where(np.arange(n) < 2, "yes", "no")
    table["mdd_diagnosis"] = table["coin"]
    table["thickness"] = brain["lh_insula_thickness"].to_numpy()
    table["codes"] = rng.integers(1, 5, n)
    table["negative"] = rng.standard_normal(n)
    table["gaps"] = table["coin"].where(np.arange(n) % 5 > 0)
    table["coupled"] = table["coin"]
    dates = pd.Series(20200101 + np.arange(n) % 2)
    table["day"] = dates.where(np.arange(n) % 7 > 0)  # whole numbers with gaps become floats
    path = tmp_path_factory.mktemp("outcomes") / "participants.tsv"
    table.to_csv(path, sep="\t", index=False)
    return path


@pytest.fixture(scope="module")
def associated(experiment: Experiment, participants: Path) -> dict[str, Any]:
    settings = (f"participants=[{{path: {participants}}}]", f"associate.outcomes={PLANTED}", "associate.n_components=1")
    return experiment("associate", *settings, *QUICK["associate"], until="report")


@pytest.fixture(scope="module")
def ask(associated: dict[str, Any], cohort: DemoCohort, participants: Path) -> Ask:
    """Runs one of the two beside the alignments that are there."""

    def ask(name: str, *settings: str) -> Any:
        folder = (f"output={associated['folder']}", "workers=1", "folds.n_splits=4", *QUICK[name])
        named = (f"participants=[{{path: {participants}}}]", *settings)
        config = load_config(
            EXPERIMENTS / f"{name}.yaml", (*folder, *named), variables={"DEMO_COHORT": str(cohort.folder)}
        )
        module = {"associate": associate, "stratify": stratify}[name]
        run = Run(config)
        module.check(run)
        result = module.run(run)
        json.dumps(to_json(result), allow_nan=False)
        return result

    return ask


def test_what_is_planted_is_found_in_every_kind(associated: dict[str, Any]) -> None:
    result = load_results(associated["folder"]).experiment
    assert isinstance(result, AssociateResult)
    brain = {
        (one.column, one.measure): one for one in result.associations if (one.score, one.view) == ("brain", "linked")
    }
    assert set(brain) == {
        ("planted", "odds ratio"),
        ("degree", "odds ratio"),
        ("years", "hazard ratio"),
        ("amount", "partial correlation"),
        ("amount", "partial rank correlation"),
    }
    for one in brain.values():
        assert one.p_max_t is not None
        assert one.p is not None
        assert one.q is not None
        assert one.p <= one.q <= one.p_max_t < 0.05
        assert one.interval is not None
        assert one.interval[0] > 1 or one.interval[1] < 1
    assert result.answer[0].startswith("Held-out scores go with ")
    assert len(result.trials) == 10 - 2  # two alignments, four outcomes
    assert result.metrics["associate/n_found"] >= 5
    assert "site (categorical)" in result.adjusted_for


def test_the_page_and_the_figures_show_it_and_nobody(associated: dict[str, Any], participants: Path) -> None:
    folder: Path = associated["folder"]
    page = (folder / "report.html").read_text()
    assert "Scores of genes and brain beside outcomes" in page
    for name in ("associate_ratios", "associate_correlations"):
        assert (folder / "figures" / f"{name}.svg").exists()
        assert not pd.read_csv(folder / "figures" / f"{name}.csv").empty
    shown = page + (folder / "experiments" / "associate.json").read_text()
    assert not any(one in shown for one in pd.read_csv(participants, sep="\t")["subject_id"])


def test_a_null_outcome_is_not_found(ask: Ask) -> None:
    result = ask("associate", "associate.outcomes=[coin, three]", "associate.scores=[genes, brain, product]")
    assert {one.contrast for one in result.associations} == {
        "coin: tails against heads",
        *(f"three: {level} against the rest" for level in "abc"),
    }
    assert all(one.p_max_t >= 0.05 for one in result.associations if one.role == "test")
    assert result.answer[0].startswith("No held-out score goes with coin or three; the closest is the ")
    assert 0 < result.detectable < 0.5


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("constant", "it has fewer than two distinct values"),
        ("rare", "one of its two sides has fewer than 10 subjects"),
        ("site", "'site' is among the confounds"),
    ],
)
def test_what_has_no_answer_says_why(ask: Ask, outcome: str, reason: str) -> None:
    result = ask("associate", f"associate.outcomes={outcome}")
    assert reason in result.outcomes[0].reason
    assert result.answer[0].startswith(f"Associations with {outcome} are not defined: ")
    assert result.associations == ()
    assert result.metrics == {}


def test_a_brain_that_holds_the_outcome_is_not_held_against_itself(ask: Ask) -> None:
    result = ask("associate", "associate.outcomes=thickness", "associate.n_components=1")
    of_linked = {one.score: one for one in result.associations if one.view == "linked"}
    assert "column 'lh_insula_thickness' of linked tells the outcome by itself" in of_linked["brain"].reason
    assert of_linked["average"].p is None
    assert of_linked["genes"].value is not None


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        (
            "associate",
            "associate.outcomes=[mdd_label]",
            r"outcomes\.0\.column names column 'mdd_label'.*'mdd_diagnosis'\?",
        ),
        ("associate", "associate.outcomes=[codes]", "whether 'codes' holds classes or amounts.*or ordinal"),
        ("associate", "associate.outcomes=[coin, coin]", "each column once; 'coin' is named twice"),
        ("associate", "associate.outcomes=[{column: years, kind: time}]", "event names the column"),
        ("associate", "associate.outcomes=[{column: degree, kind: ordinal}]", "must give the order of the levels"),
        (
            "associate",
            "associate.outcomes=[{column: degree, kind: ordinal, levels: [low, high]}]",
            "every level of 'degree'.*'mid' is not among them",
        ),
        (
            "associate",
            "associate.outcomes=[{column: negative, kind: time, event: ill}]",
            "needs times from 0 on; column 'negative'",
        ),
        (
            "associate",
            "associate.outcomes=[{column: years, kind: time, event: codes}]",
            r"outcomes\.0\.event must be a column of two levels.*'codes' has 4",
        ),
        ("associate", "associate.outcomes=[]", "must name columns of the participants"),
        ("stratify", "stratify.column=null", "must name the column of the participants"),
        ("stratify", "stratify.column=age", "must give cut points where a column holds amounts; 'age'"),
        ("stratify", "stratify.levels=[F, W]", "nobody has 'W'"),
        ("stratify", "stratify.bands=[3, 2]", "bands must ascend"),
        ("stratify", "stratify.bands=[3]", "'sex' holds text"),
        ("stratify", "stratify.column=subject", "column names column 'subject'"),
    ],
)
def test_what_is_wrong_or_ambiguous_is_said(ask: Ask, name: str, setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(name, setting)


def test_coupling_that_differs_is_found_and_alike_strata_are_not(
    ask: Ask, associated: dict[str, Any], participants: Path
) -> None:
    held_out = read_held_out(Workspace(associated["folder"]), "kmer-5", "linked")
    table = pd.read_csv(participants, sep="\t", dtype={"subject_id": str})
    ids = json.loads((associated["folder"] / "private" / "subjects.json").read_text())["analysed"]
    assert held_out.x_scores is not None
    assert held_out.y_scores is not None
    together = held_out.x_scores[:, 0] * held_out.y_scores[:, 0] > 0
    of_subject = pd.Series(np.where(together, "tight", "loose"), index=ids)
    known = table["subject_id"].map(of_subject)
    swapped = np.arange(len(table)) % 7 == 0
    table["coupled"] = known.where(~swapped, "loose").fillna("loose")
    table.to_csv(participants, sep="\t", index=False)
    result = ask("stratify", "stratify.column=coupled", "stratify.separate=false")
    assert isinstance(result, StratifyResult)
    (linked,) = (one for one in result.findings if one.view == "linked")
    (difference,) = linked.differences
    assert (difference.first, difference.second) == ("loose", "tight")
    assert difference.difference < 0
    assert difference.p_corrected < 0.05
    assert result.answer[0].startswith("Coupling of genes and brain differs between strata of coupled")

    alike = ask("stratify", "stratify.column=coin")
    assert all(row.p_corrected >= 0.05 for one in alike.findings for row in one.differences)
    assert {one.models for one in alike.findings} == {"one model", "own models"}
    assert "not shown to be coupled otherwise" in alike.answer[0]
    assert all(0 < row.smallest < 1 for one in alike.findings for row in one.differences)


def test_levels_that_are_numbers_are_called_by_their_column(ask: Ask) -> None:
    result = ask("stratify", "stratify.column=codes", "stratify.levels=['2', '1']")
    assert [one.name for one in result.strata] == ["codes 2", "codes 1"]
    assert " in codes 2 and " in result.answer[0]


def test_models_of_one_dimension_are_not_said_to_agree(ask: Ask) -> None:
    result = ask("stratify")
    own = [one for one in result.findings if one.models == "own models" and one.differences]
    assert any(size > 1 for one in own for size in one.dimensions or ())

    def said(*dimensions: int) -> str:
        return next(one for one in sentences("sex", [replace(one, dimensions=dimensions) for one in own], None)[1:])

    assert "the scores of both models correlate by" in said(2, 2)
    assert "(brain)" not in said(2, 1)
    assert "one dimension a side, so that their scores are the same but for the sign" in said(1, 1)


def test_levels_of_many_digits_stay_apart(ask: Ask) -> None:
    result = ask("stratify", "stratify.column=day", "stratify.separate=false")
    assert [one.name for one in result.strata] == ["day 20200101", "day 20200102"]


def test_strata_are_drawn(ask: Ask, tmp_path: Path) -> None:
    result = ask("stratify", "stratify.column=age", "stratify.bands=[45, 60]")
    assert [one.name for one in result.strata] == ["below 45", "45 to below 60", "60 and more"]
    assert not any("age" in name for name in result.held_fixed)
    assert {len(one.differences) for one in result.findings if one.reason is None} == {3}
    drawn = stratify.draw(result, tmp_path)
    assert set(drawn) == {"stratify", "stratify_differences"}
    assert len(pd.read_csv(tmp_path / "stratify.csv")) == 3 * sum(one.reason is None for one in result.findings)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (("stratify.column=rare",), "stratum 'yes' has fewer than 14 subjects"),
        (("stratify.column=constant",), "the column has fewer than two levels"),
        (("stratify.column=site", "alignment.exchangeable_within=site"), "strata and blocks are the same"),
    ],
)
def test_strata_that_cannot_be_compared_say_why(ask: Ask, settings: tuple[str, ...], reason: str) -> None:
    result = ask("stratify", *settings)
    assert reason in result.reason
    assert result.answer == (f"A comparison of strata of {result.column} is not defined: {result.reason}.",)
    assert result.findings == ()
    assert stratify.draw(result, Path("nowhere")) == {}
