"""``experiment: escalate``: does a method beyond linear CCA find more?

Linear CCA, kernel CCA and two contrastive towers on the same components, folds and permutations; in every permutation
each is fitted anew with all its choices, and all of them are one family of tests, so that a method wins only honestly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.design import make_design
from analyses.errors import InputError
from analyses.experiments.escalation import answer
from analyses.experiments.escalation.record import (
    LINEAR,
    Tested,
    correct,
    describe_curve,
    describe_differences,
    describe_scores,
    list_metrics,
    make_trial,
)
from analyses.privacy.counts import show_sentence
from analyses.privacy.identities import Identities
from analyses.progress import Advance, progress_bar
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments import EscalateResult
from analyses.results.schema.experiments.escalations import UndefinedPair
from fusion.errors import InputError as FusionInputError
from fusion.methods import KernelMethod, LearningCurve, LinearMethod, Method, cross_validated_methods, learning_curve

if TYPE_CHECKING:
    from analyses.run.run import Run


def check(run: Run) -> None:
    """What can be said before anything is embedded.

    Raises
    ------
    analyses.errors.InputError, encoders.errors.InputError
        A device that is not there, or test folds too small for retrieval.
    """
    make_methods(run)
    smallest = int(np.bincount(run.folds.assignments).min())
    if run.config.escalate.recall_at >= smallest:
        raise InputError(
            f"escalate.recall_at must lie below the {smallest} subjects of the smallest test fold; got "
            f"{run.config.escalate.recall_at}. Lower it, or take fewer folds."
        )


def run(run: Run) -> EscalateResult:
    """Every method on every arm and view."""
    methods = make_methods(run)
    found: list[Tested] = []
    undefined: list[UndefinedPair] = []
    for arm in run.arms:
        for view in run.config.brain:
            try:
                found.append(_test(run, arm, view, methods))
            except FusionInputError as error:
                reason = show_sentence(str(error), run.config.privacy.smallest_count)
                undefined.append(UndefinedPair(arm=arm, arm_label=run.specs[arm].label, view=view, reason=reason))
    corrected = correct(found)
    scores = tuple(score for one in found for score in describe_scores(one, corrected))
    differences = tuple(difference for one in found for difference in describe_differences(one, run.seeds.held_out))
    masked = Identities(run.cohort.known_ids)
    said = dict.fromkeys(sentence for one in found for sentence in one.found.warnings)
    return EscalateResult(
        scores=scores,
        differences=differences,
        curve=tuple(point for one in found for point in describe_curve(one)),
        undefined=tuple(undefined),
        n_permutations=run.config.escalate.n_permutations,
        warnings=tuple(masked.mask(show_sentence(one, run.config.privacy.smallest_count)) for one in said),
        answer=answer.sentences(scores, differences, undefined),
        metrics=list_metrics(scores, differences),
        trials=tuple(make_trial(score, differences) for score in scores),
    )


def make_methods(run: Run) -> dict[str, Method]:
    """Linear CCA and the methods asked for, by name.

    Raises
    ------
    encoders.errors.InputError
        A device that is not there.
    """
    settings = run.config.escalate
    made: dict[str, Method] = {LINEAR: LinearMethod()}
    if "kernel" in settings.methods:
        made["kernel"] = KernelMethod(settings.kernel, settings.penalties, settings.n_landmarks)
    if {"contrastive", "deep"} & set(settings.methods):
        from analyses.alignment.contrastive import ContrastiveMethod
        from analyses.alignment.deep_cca import DeepCCAMethod
        from encoders.dna.token_models.token_encoder import read_device

        shared = ("hidden", "n_epochs", "patience", "batch_size", "learning_rate", "weight_decay", "noise")
        chosen: dict[str, Any] = {name: getattr(settings, name) for name in shared}
        chosen["device"] = str(read_device(settings.device))
        towers = {
            "contrastive": ContrastiveMethod(width=settings.width, **chosen),
            "deep": DeepCCAMethod(width=settings.deep_width, **chosen),
        }
        made |= {name: method for name, method in towers.items() if name in settings.methods}
    return made


@dataclass(frozen=True)
class _Pair:
    """One arm and view as the library takes them."""

    run: Run
    arm: str
    view: str

    @property
    def dimensions(self) -> tuple[int, int]:
        """Components asked for, or those of the alignment."""
        asked = self.run.config.escalate.n_components
        if asked is not None:
            return asked, asked
        file = f"alignments/{self.arm}__{self.view}/alignment.json"
        found = self.run.workspace.read_result(AlignmentSummary, file).dimensions
        return found.x_cca, found.y_cca

    def arguments(self) -> tuple[Any, Any, Any]:
        """Views and confounds."""
        confounds = (self.run.cohort.covariates, make_design(self.run.config)) if self.run.config.confounds else None
        return self.run.arms[self.arm].gene_view(), self.run.brain_view(self.view), confounds

    def settings(self, methods: Mapping[str, Method]) -> dict[str, Any]:
        """What the test and the curve share."""
        alignment = self.run.config.alignment
        return {
            "methods": methods,
            "folds": self.run.folds,
            "scale": (alignment.scale_x, alignment.scale_y),
            "inner_splits": self.run.config.escalate.inner_splits,
            "random_state": self.run.seeds.held_out,
        }


def _test(run: Run, arm: str, view: str, methods: Mapping[str, Method]) -> Tested:
    pair, settings = _Pair(run, arm, view), run.config.escalate
    on_device = any(getattr(method, "device", "cpu") != "cpu" for method in methods.values())
    with progress_bar(f"escalate {arm} x {view}") as advance:
        found = cross_validated_methods(
            *pair.arguments(),
            dimensions=pair.dimensions,
            recall_at=settings.recall_at,
            n_permutations=settings.n_permutations,
            n_jobs=1 if on_device else run.engine.n_jobs,
            progress=advance,
            **pair.settings(methods),
        )
    with progress_bar(f"escalate {arm} x {view}, learning curve") as advance:
        curve = _curve(pair, found.dimensions, methods, advance)
    return Tested(arm, run.specs[arm].label, view, run.config.brain[view].role, found, curve)


def _curve(
    pair: _Pair, dimensions: tuple[int, int], methods: Mapping[str, Method], advance: Advance
) -> list[LearningCurve]:
    settings = pair.run.config.escalate
    shares = [share for share in settings.curve if share < 1]
    if not shares:
        return []
    return learning_curve(
        *pair.arguments(),
        dimensions=dimensions,
        shares=shares,
        n_draws=settings.curve_draws,
        progress=advance,
        **pair.settings(methods),
    )


def draw(result: EscalateResult, folder: Path) -> dict[str, Path]:
    """Methods beside their nulls, learning curves, retrieval."""
    from analyses.figures.escalation import draw_escalation

    return draw_escalation(result, folder)
