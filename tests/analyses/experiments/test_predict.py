"""A planted outcome is predicted and a null one is not; what cannot be answered says why, and is no number."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments.prediction import predict
from analyses.experiments.prediction.answer import sentences
from analyses.results.folder import load_results
from analyses.results.schema.experiments import PredictResult
from analyses.results.serialisation import to_json
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import EXPERIMENTS, Experiment

Ask = Callable[..., PredictResult]
QUICK = ("predict.n_components=8", "predict.n_permutations=199")


@pytest.fixture(scope="module")
def participants(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The participants with outcomes of every kind."""
    rng = np.random.default_rng(3)
    table = pd.read_csv(cohort.participants, sep="\t", dtype={"subject_id": str})
    brain = pd.read_parquet(cohort.brain_linked).set_index("subject_id").loc[table["subject_id"]]
    leading = np.linalg.svd(((brain - brain.mean()) / brain.std()).to_numpy(), full_matrices=False)[0][:, 0]
    score = leading / leading.std() + 0.5 * rng.standard_normal(len(table))
    table["planted"] = np.where(score > 0, "case", "control")
    table["amount"] = 10 + 2 * score
    table["three"] = np.array(["low", "mid", "high"])[np.digitize(score, (-0.7, 0.7))]
    table["coin"] = rng.choice(["heads", "tails"], len(table))
    table["constant"] = "same"
    table["rare"] = np.where(np.arange(len(table)) < 2, "yes", "no")
    table["nearly_age"] = table["age"] + 0.1 * rng.standard_normal(len(table))
    table["thickness"] = brain["lh_insula_thickness"].to_numpy()
    table["gaps"] = table["planted"].where(np.arange(len(table)) % 5 > 0)
    table["codes"] = rng.integers(1, 5, len(table))
    table["prs"] = score + rng.standard_normal(len(table))
    path = tmp_path_factory.mktemp("outcomes") / "participants.tsv"
    table.to_csv(path, sep="\t", index=False)
    return path


@pytest.fixture(scope="module")
def planted(experiment: Experiment, participants: Path) -> dict[str, Any]:
    settings = (f"participants=[{{path: {participants}}}]", "predict.outcome=planted", "encoders=[kmer-spectrum]")
    return experiment("predict", *settings, "predict.polygenic_score=prs", *QUICK, until="report")


@pytest.fixture(scope="module")
def ask(planted: dict[str, Any], cohort: DemoCohort, participants: Path) -> Ask:
    """Predicts another outcome beside the alignments that are there."""

    def ask(outcome: str, *settings: str) -> PredictResult:
        chosen = (f"output={planted['folder']}", "workers=1", "folds.n_splits=4", "encoders=[kmer-spectrum]", *QUICK)
        named = (f"participants=[{{path: {participants}}}]", f"predict.outcome={outcome}", *settings)
        config = load_config(
            EXPERIMENTS / "predict.yaml", (*chosen, *named), variables={"DEMO_COHORT": str(cohort.folder)}
        )
        result = predict.run(Run(config))
        json.dumps(to_json(result), allow_nan=False)
        return result

    return ask


def by_kind(result: PredictResult) -> dict[str, Any]:
    return {score.kind: score for score in result.predictors}


def questions(result: PredictResult) -> dict[str, Any]:
    return {one.question: one for one in result.differences}


def test_a_planted_outcome_is_found_by_brain_and_fusion(planted: dict[str, Any]) -> None:
    result = load_results(planted["folder"]).experiment
    assert isinstance(result, PredictResult)
    scores = by_kind(result)
    assert set(scores) == {"covariates", "polygenic score", "genes", "brain", "fusion", "stacked fusion"}
    for kind in ("brain", "fusion", "stacked fusion"):
        assert scores[kind].value > 0.7
        assert scores[kind].p_corrected < 0.05
    assert scores["fusion"].components == ((8, 8), (8, 8))
    assert questions(result)["fusion - genes"].p_corrected < 0.05
    assert questions(result)["fusion - genes"].interval[0] > 0
    assert list(result.outcome.classes) == ["case", "control"]
    assert result.answer[0].startswith("planted (control against case) is predicted in held-out subjects (290 have it)")


def test_the_page_and_the_figures_show_it_and_subjects_stay_private(planted: dict[str, Any]) -> None:
    folder: Path = planted["folder"]
    page = (folder / "report.html").read_text()
    assert "Prediction of planted" in page
    for name in ("scores", "calibration", "benefit"):
        assert (folder / "figures" / f"predict_{name}.svg").exists()
        assert not pd.read_csv(folder / "figures" / f"predict_{name}.csv").empty
    told = pd.read_csv(folder / "private" / "predictions.csv")
    assert len(told) == 290
    shown = page + (folder / "experiments" / "predict.json").read_text()
    assert not any(subject in shown for subject in told["subject_id"])


def test_where_covariates_tell_most_the_answer_says_that_genes_and_brain_do_not(planted: dict[str, Any]) -> None:
    result = load_results(planted["folder"]).experiment
    assert isinstance(result, PredictResult)
    told = [
        replace(score, value=0.95, interval=(0.9, 0.98), p_corrected=0.001) if score.kind == "covariates" else score
        for score in result.predictors
    ]
    first = sentences(result.outcome, told, result.differences, [])[0]
    assert first.startswith(
        "Genes and brain tell planted (control against case) no better than covariates alone in held-out subjects "
        "(290 have it), which reach AUROC 0.95 (95 % interval 0.90 to 0.98); the nearest is AUROC 0."
    )
    assert first.count("covariates") == 1


def test_what_is_said_of_fusion_holds_for_either_way_of_it(planted: dict[str, Any]) -> None:
    result = load_results(planted["folder"]).experiment
    assert isinstance(result, PredictResult)
    ways = ("fusion - brain", "stacked fusion - brain")
    assert {one.question for one in result.differences} >= set(ways)
    for clear in ways:
        told = [
            replace(one, difference=0.2, p=0.001, p_corrected=0.004 if one.question == clear else 0.6)
            for one in result.differences
            if one.question in ways
        ]
        (said,) = (line for line in sentences(result.outcome, result.predictors, told, []) if "brain alone" in line)
        assert said.startswith("Genes and brain together tell more than brain alone: by 0.20 (")
        assert said.endswith(
            f"p = 0.004 corrected) for {next(one for one in told if one.question == clear).first_label}."
        )


def test_a_null_outcome_is_not_found(ask: Ask) -> None:
    result = ask("coin")
    assert min(score.p_corrected or 1.0 for score in result.predictors) >= 0.05
    assert min(one.p_corrected or 1.0 for one in result.differences) >= 0.05
    assert result.answer[0].startswith("Nothing predicts coin (tails against heads) in held-out subjects")


def test_numbers_and_three_classes_are_predicted(ask: Ask) -> None:
    amount, three = ask("amount", "predict.models=[linear, boosting]"), ask("three", "predict.n_components=4")
    assert amount.outcome.metric == "correlation"
    assert by_kind(amount)["brain"].metrics.keys() == {"R2", "MAE"}
    assert {score.model for score in amount.predictors} == {"linear", "boosting"}
    assert min(one.p_corrected or 1.0 for one in amount.predictors if one.kind == "brain") < 0.05
    assert three.outcome.metric == "macro AUROC"
    assert by_kind(three)["brain"].value > 0.6
    assert three.calibration == ()


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("constant", "it has fewer than two distinct values"),
        ("rare", "class 'yes' has fewer than 8 subjects, 2 for each of 4 folds"),
        ("age", "'age' is among the confounds"),
        ("nearly_age", "100 % of its variance is that of the confounds"),
    ],
)
def test_what_cannot_be_predicted_says_why_and_leaves_no_older_predictions(
    ask: Ask, planted: dict[str, Any], outcome: str, reason: str
) -> None:
    older = planted["folder"] / "private" / "predictions.csv"
    older.write_text("subject_id,outcome\n", "utf-8")
    result = ask(outcome)
    assert not older.exists()
    assert result.reason is not None
    assert reason in result.reason
    assert result.answer == (f"A prediction of {outcome} is not defined: {result.reason}.",)
    assert result.predictors == ()
    assert result.metrics == {}


def test_a_brain_that_holds_the_outcome_is_not_defined_and_the_rest_is(ask: Ask) -> None:
    scores = by_kind(ask("thickness"))
    for kind in ("brain", "fusion", "stacked fusion"):
        assert scores[kind].value is None
        assert "column 'lh_insula_thickness' of linked tells the outcome by itself" in scores[kind].reason
    assert scores["genes"].value is not None


def test_subjects_without_an_outcome_are_counted_and_left_out(ask: Ask) -> None:
    result = ask("gaps")
    assert isinstance(result.outcome.n_subjects, int)
    assert isinstance(result.outcome.n_missing, int)
    assert result.outcome.n_subjects + result.outcome.n_missing == 290
    assert by_kind(result)["brain"].p_corrected < 0.05


def test_delong_takes_the_first_fold_and_the_corrected_t_repeats_them(ask: Ask) -> None:
    delong = ask("planted", "predict.test=delong")
    assert {len(score.by_fold) for score in delong.predictors} == {1}
    assert delong.correction == "Holm"
    assert all(one.p_corrected is not None and one.p_corrected >= (one.p or 0.0) for one in delong.differences)
    repeated = ask("planted", "predict.test=corrected-t", "predict.repeats=2", "predict.n_components=4")
    added = questions(repeated)["fusion - genes"]
    assert added.interval[0] < added.difference < added.interval[1]
    assert 0 < added.p <= added.p_corrected <= 1
    with pytest.raises(InputError, match="a binary outcome; 'amount' is continuous"):
        ask("amount", "predict.test=delong")
    with pytest.raises(InputError, match=r"another column than predict\.outcome; got 'amount' for both"):
        ask("amount", "predict.polygenic_score=amount")


def test_without_confounds_covariates_are_not_defined(ask: Ask) -> None:
    result = ask("planted", "confounds=[]")
    assert by_kind(result)["covariates"].reason == "the configuration names no confounds"
    assert any("Not defined for covariates alone" in sentence for sentence in result.answer)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("codes",), "predict.kind must say whether 'codes' holds classes or amounts: it has 4 distinct whole numbers"),
        (("plantd",), r"predict\.outcome names column 'plantd'.*did you mean 'planted'\?"),
        (("planted", "predict.kind=continuous"), "needs numbers; column 'planted' holds text"),
        (("three", "predict.kind=binary"), "needs two levels; column 'three' has 3: high, low, mid"),
        (("planted", "predict.positive=ill"), "a level of 'planted', case or control; got 'ill'"),
    ],
)
def test_what_is_wrong_or_ambiguous_is_said(ask: Ask, settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(*settings)


def test_the_outcome_must_be_named(cohort: DemoCohort) -> None:
    with pytest.raises(InputError, match=r"predict\.outcome: must name the column"):
        load_config(
            EXPERIMENTS / "predict.yaml", ("predict.outcome=null",), variables={"DEMO_COHORT": str(cohort.folder)}
        )
