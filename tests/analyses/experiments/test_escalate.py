"""A run asks whether methods beyond linear CCA find more: its sentence, its page, what cannot be answered."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments.escalation import answer, escalate
from analyses.experiments.escalation.record import METHOD_LABELS
from analyses.results.folder import load_results
from analyses.results.schema.experiments import EscalateResult
from analyses.results.schema.experiments.escalations import MethodDifference, MethodScore, Retrieval, UndefinedPair
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from encoders.errors import InputError as EncodersError
from tests.analyses.commands import EXPERIMENTS, Experiment

QUICK = (
    "encoders=[kmer-spectrum]",
    "alignment.n_permutations=19",
    "folds.n_splits=3",
    "escalate.n_permutations=39",
    "escalate.n_components=3",
    "escalate.n_landmarks=24",
    "escalate.width=4",
    "escalate.hidden=8",
    "escalate.n_epochs=8",
    "escalate.curve=[0.1, 0.5]",
    "escalate.curve_draws=1",
)


@pytest.fixture(scope="module")
def escalated(experiment: Experiment) -> dict[str, Any]:
    return experiment("escalate", *QUICK, until="report")


@pytest.fixture(scope="module")
def result(escalated: dict[str, Any]) -> EscalateResult:
    found = load_results(escalated["folder"]).experiment
    assert isinstance(found, EscalateResult)
    return found


def test_every_method_stands_on_every_view_and_linear_finds_the_planted_link(result: EscalateResult) -> None:
    assert [(score.view, score.method) for score in result.scores] == [
        (view, method) for view in ("linked", "control") for method in ("linear", "kernel", "contrastive")
    ]
    by_name = {(score.view, score.method): score for score in result.scores}
    assert by_name["linked", "linear"].p_corrected < 0.05
    assert all(score.p_corrected >= 0.05 for score in result.scores if score.view == "control")
    assert all(score.p_corrected >= score.p for score in result.scores)
    assert {score.components for score in result.scores} == {(3, 3)}
    assert [(one.first, one.second) for one in result.differences[:3]] == [
        ("contrastive", "kernel"),
        ("contrastive", "linear"),
        ("kernel", "linear"),
    ]


def test_the_curve_ends_in_the_test_itself(result: EscalateResult) -> None:
    whole = {(point.view, point.method): point.rho for point in result.curve if point.share == 1}
    assert whole == {(score.view, score.method): score.rho for score in result.scores}
    sizes = [point.n_train for point in result.curve if (point.view, point.method) == ("linked", "linear")]
    assert sizes == sorted(set(sizes))


def test_the_answer_comes_first_on_the_page_and_figures_have_their_tables(
    escalated: dict[str, Any], result: EscalateResult
) -> None:
    folder: Path = escalated["folder"]
    page = (folder / "report.html").read_text("utf-8")
    assert "Beyond linear CCA" in page
    assert " linear CCA in kmer-5 × linked: held-out ρ₁ " in result.answer[0]
    assert any("linear CCA" in one and "a link, corrected over all 6 tests" in one for one in result.answer)
    drawn = {path.stem for path in (folder / "figures").glob("escalate_*.svg")}
    views = ("linked", "control")
    expected = {f"escalate_{kind}__kmer-5__{view}" for kind in ("curve", "retrieval") for view in views}
    assert drawn == expected | {"escalate_methods"}
    for name in drawn:
        assert not pd.read_csv(folder / "figures" / f"{name}.csv").empty
    assert {trial.params["method"] for trial in result.trials} == {"linear", "kernel", "contrastive"}
    assert "escalate/contrastive_less_linear" in result.metrics


def _load(cohort: DemoCohort, folder: Path, *settings: str) -> Run:
    chosen = (*QUICK, f"output={folder}", *settings)
    return Run(
        load_config(EXPERIMENTS / "escalate.yaml", chosen, variables={"DEMO_COHORT": str(cohort.folder)}), dry=True
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("escalate.recall_at=900", "escalate.recall_at must lie below the 9[0-9] subjects of the smallest test fold"),
        ("escalate.device=abacus", "device must be 'auto', 'cpu' or"),
        ("escalate.penalties=[0]", "every number must lie above 0 and be at most 1; got 0"),
        ("escalate.methods=[kernel, kernel]", "every method may be named once"),
        ("escalate.methods=[shallow]", "kernel"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_embedded(
    cohort: DemoCohort, tmp_path: Path, setting: str, sentence: str
) -> None:
    with pytest.raises((InputError, EncodersError), match=sentence):
        escalate.check(_load(cohort, tmp_path / "none", setting))


def _score(method: str, p: float) -> MethodScore:
    retrieval = Retrieval(
        k=5,
        recall=0.25,
        chance=0.1,
        null_q95=0.14,
        p=p,
        p_corrected=p,
        sizes=(1, 5),
        genes_to_brain=(0.1, 0.3),
        brain_to_genes=(0.0, 0.2),
        by_chance=(0.02, 0.1),
        by_null_q95=(0.05, 0.14),
    )
    return MethodScore(
        arm="a",
        arm_label="A",
        view="v",
        role="test",
        method=method,
        label=METHOD_LABELS[method],
        components=(3, 4),
        rho=0.3,
        interval=(None, None),
        rho_by_fold=(0.3, 0.3),
        null_mean=0.0,
        null_q95=0.2,
        p=p,
        p_corrected=p,
        retrieval=retrieval,
    )


def _difference(value: float, p: float) -> MethodDifference:
    return MethodDifference(
        arm="a",
        arm_label="A",
        view="v",
        role="test",
        first="kernel",
        second="linear",
        first_label="kernel CCA",
        second_label="linear CCA",
        difference=value,
        interval=(None, None),
        p=p,
        p_corrected=p,
    )


def test_sentences_say_more_less_neither_nothing_and_why_not() -> None:
    scores = [_score("linear", 0.4), _score("kernel", 0.01)]
    undefined = UndefinedPair(arm="a", arm_label="A", view="w", reason="too few.")
    more = answer.sentences(scores, [_difference(0.2, 0.01)], [undefined])
    assert more[0] == (
        "Kernel CCA finds more than linear CCA in A × v: held-out ρ₁ 0.30 against 0.30, difference 0.20 (no valid 95 % "
        "interval, p = 0.010 corrected)."
    )
    assert more[1].startswith("Kernel CCA finds a link, corrected over all 4 tests: linear CCA ρ₁ 0.30")
    assert more[2].startswith("Of held-out subjects 25 % have their partner among the 5 nearest by kernel CCA")
    assert more[3] == "Not defined for A × w: too few."
    less, neither = (answer.sentences(scores, [_difference(-0.2, p)], [])[0] for p in (0.01, 0.3))
    assert less.startswith("Kernel CCA finds less than linear CCA")
    assert neither.startswith("Kernel CCA is not shown to find more or less than linear CCA")
    nothing = answer.sentences([_score("linear", 0.4), _score("kernel", 0.3)], [], [])
    assert nothing[0].startswith("No method finds a link, corrected over all 4 tests")
    assert answer.sentences([], [], [undefined]) == ("Methods beyond linear CCA cannot be tested: too few.",)
