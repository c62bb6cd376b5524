"""What an escalation leaves: scores by method, differences, curves; one family of tests; child runs of tracking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments import Metrics, Trial
from analyses.results.schema.experiments.escalations import CurvePoint, MethodDifference, MethodScore, Retrieval
from analyses.results.serialisation import optional_interval, tuples
from fusion import westfall_young
from fusion.comparison.paired_differences import paired_differences, paired_family
from fusion.methods import HeldOutMethod, HeldOutMethods, LearningCurve

LINEAR = "linear"
METHOD_LABELS: Mapping[str, str] = MappingProxyType(
    {LINEAR: "linear CCA", "kernel": "kernel CCA", "contrastive": "contrastive alignment", "deep": "deep CCA"}
)

Corrected: TypeAlias = Mapping[tuple[str, str, str, str], float]
"""p by arm, view, method and what was tested: ``rho`` or ``retrieval``."""


@dataclass(frozen=True)
class Tested:
    """All methods on one arm and view."""

    arm: str
    arm_label: str
    view: str
    role: Role
    found: HeldOutMethods
    curve: Sequence[LearningCurve]


def correct(tested: Sequence[Tested]) -> Corrected:
    """p of every method, arm and view of one role, of correlation and retrieval, corrected together by max-T."""
    corrected: dict[tuple[str, str, str, str], float] = {}
    for role in dict.fromkeys(one.role for one in tested):
        nulls = {
            (one.arm, one.view, name, kind): null
            for one in tested
            if one.role == role
            for name, method in one.found.methods.items()
            for kind, null in (("rho", method.null), ("retrieval", method.retrieval_null))
        }
        by_number = {str(number): (float(null[0]), null) for number, null in enumerate(nulls.values())}
        corrected |= dict(zip(nulls, westfall_young(by_number, is_mixed=True).values(), strict=True))
    return corrected


def describe_scores(tested: Tested, corrected: Corrected) -> Iterator[MethodScore]:
    """Every method of one arm and view."""
    for name, method in tested.found.methods.items():
        of_rho, of_retrieval = (corrected[tested.arm, tested.view, name, kind] for kind in ("rho", "retrieval"))
        yield MethodScore(
            arm=tested.arm,
            arm_label=tested.arm_label,
            view=tested.view,
            role=tested.role,
            method=name,
            label=METHOD_LABELS[name],
            components=tested.found.dimensions,
            rho=float(method.rho[0]),
            interval=optional_interval(method.interval[0]),
            rho_by_fold=tuples(method.rho_by_fold),
            null_mean=float(method.null[1:].mean()),
            null_q95=float(np.quantile(method.null[1:], 0.95)),
            p=method.p[0],
            p_corrected=of_rho,
            retrieval=_describe_retrieval(method, of_retrieval),
        )


def _describe_retrieval(method: HeldOutMethod, p_corrected: float) -> Retrieval:
    place, null_q95 = int(np.flatnonzero(method.sizes == method.asked)[0]), np.quantile(method.recall_null[1:], 0.95, 0)
    return Retrieval(
        k=method.asked,
        recall=float(method.retrieval_null[0]),
        chance=float(method.chance[place]),
        null_q95=float(null_q95[place]),
        p=method.p[1],
        p_corrected=p_corrected,
        sizes=tuples(method.sizes),
        genes_to_brain=tuples(method.recall[0]),
        brain_to_genes=tuples(method.recall[1]),
        by_chance=tuples(method.chance),
        by_null_q95=tuples(null_q95),
    )


def describe_differences(tested: Tested, seed: int) -> Iterator[MethodDifference]:
    """Every pair of methods, what is beyond linear first."""
    methods = dict(reversed(tested.found.methods.items()))
    corrected = paired_family(methods, random_state=seed)
    for (first, second), found in paired_differences(methods, random_state=seed).items():
        yield MethodDifference(
            arm=tested.arm,
            arm_label=tested.arm_label,
            view=tested.view,
            role=tested.role,
            first=first,
            second=second,
            first_label=METHOD_LABELS[first],
            second_label=METHOD_LABELS[second],
            difference=found.difference,
            interval=optional_interval(found.interval),
            p=found.p,
            p_corrected=corrected[first, second],
        )


def describe_curve(tested: Tested) -> Iterator[CurvePoint]:
    """Every method at every number of training subjects, all of them last."""
    n_subjects, folds = tested.found.n_subjects, next(iter(tested.found.methods.values())).folds
    whole = LearningCurve(
        share=1.0,
        n_train=round(n_subjects * (1 - 1 / folds.n_splits)),
        rho={name: method.rho for name, method in tested.found.methods.items()},
        reason=None,
    )
    for point in (*tested.curve, whole):
        for name in tested.found.methods:
            rho = point.rho.get(name)
            yield CurvePoint(
                arm=tested.arm,
                view=tested.view,
                method=name,
                label=METHOD_LABELS[name],
                share=point.share,
                n_train=point.n_train,
                rho=None if rho is None else float(rho.mean()),
                lowest=None if rho is None else float(rho.min()),
                highest=None if rho is None else float(rho.max()),
                reason=point.reason,
            )


def list_metrics(scores: Sequence[MethodScore], differences: Sequence[MethodDifference]) -> Metrics:
    """The best of every method among tested views, and the clearest difference from linear CCA."""
    found: Metrics = {}
    tested = [score for score in scores if score.role == "test"]
    for name in dict.fromkeys(score.method for score in tested):
        of_method = [score for score in tested if score.method == name]
        found[f"escalate/rho_{name}"] = max(score.rho for score in of_method)
        found[f"escalate/p_{name}"] = min(min(one.p_corrected, one.retrieval.p_corrected) for one in of_method)
        found[f"escalate/recall_{name}"] = max(score.retrieval.recall for score in of_method)
    for one in sorted(differences, key=lambda one: -one.p_corrected):
        if one.role == "test" and one.second == LINEAR:
            found[f"escalate/{one.first}_less_linear"] = one.difference
            found[f"escalate/p_{one.first}_less_linear"] = one.p_corrected
    return found


def make_trial(score: MethodScore, differences: Sequence[MethodDifference]) -> Trial:
    """One method on one arm and view as a child run of tracking."""
    metrics: Metrics = {
        "escalate/rho_1": score.rho,
        "escalate/p_corrected": score.p_corrected,
        "escalate/p": score.p,
        "escalate/null_q95": score.null_q95,
        "escalate/recall": score.retrieval.recall,
        "escalate/recall_chance": score.retrieval.chance,
        "escalate/recall_p_corrected": score.retrieval.p_corrected,
    }
    for one in differences:
        if (one.arm, one.view, one.first, one.second) == (score.arm, score.view, score.method, LINEAR):
            metrics |= {"escalate/less_linear": one.difference, "escalate/p_less_linear": one.p_corrected}
    return Trial(
        name=f"{score.arm} x {score.view}, {score.label}",
        params={"encoder.name": score.arm, "brain.view": score.view, "method": score.method},
        metrics=metrics,
    )
