"""Which predictors are compared, and whether they differ: swapped predictions, DeLong's test, the corrected t."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError
from analyses.experiments.prediction.predictors import BRAIN, COVARIATES, FUSION, GENES, POLYGENIC, STACKED, Told
from analyses.results.schema.experiments.predictions import PredictionDifference
from fusion.prediction.corrected_t import corrected_resampled_t
from fusion.prediction.delong import delong_test
from fusion.prediction.discrimination import NAMES
from fusion.prediction.outcome import Outcome
from fusion.prediction.paired import contrast, paired_permutation
from fusion.prediction.splits import Split

if TYPE_CHECKING:
    from analyses.run.run import Run

QUESTIONS = (
    (FUSION, GENES),
    (FUSION, BRAIN),
    (FUSION, COVARIATES),
    (FUSION, POLYGENIC),
    (STACKED, GENES),
    (STACKED, BRAIN),
    (STACKED, COVARIATES),
    (GENES, COVARIATES),
    (GENES, POLYGENIC),
    (BRAIN, COVARIATES),
    (GENES, GENES),
)
"""Kinds of predictors that are compared; two of genes are two arms."""


def check_test(run: Run, outcome: Outcome) -> None:
    """Raise InputError where DeLong's test is asked for and does not hold."""
    if run.config.predict.test != "delong":
        return
    column, clusters = run.config.predict.outcome, run.relations.clusters
    if outcome.kind != "binary":
        raise InputError(
            f"predict.test: delong compares two AUROC of a binary outcome; '{column}' is {outcome.kind}. Set "
            "predict.test to permutation."
        )
    if len(np.unique(clusters)) < len(clusters):
        raise InputError(
            "predict.test: delong takes subjects for independent; this cohort keeps families or groups together. Set "
            "predict.test to permutation."
        )


Pair = tuple[str, str]


def _pairs(told: Mapping[str, Told]) -> Iterator[tuple[Pair, str]]:
    """Pairs of predictors that differ in what is asked alone, each with its question."""
    for one, other in QUESTIONS:
        firsts = [name for name in told if told[name].predictor.kind == one]
        seconds = [name for name in told if told[name].predictor.kind == other]
        pairs = combinations(firsts, 2) if one == other else ((a, b) for a in firsts for b in seconds)
        for first, second in pairs:
            a, b = told[first].predictor, told[second].predictor
            shares = all(x is None or y is None or x == y for x, y in ((a.arm, b.arm), (a.view, b.view)))
            if a.model == b.model and (shares or one == other):
                yield (first, second), "arm - arm" if one == other else f"{one} - {other}"


def compare_predictors(
    run: Run, outcome: Outcome, told: Mapping[str, Told], splits: Sequence[Split]
) -> tuple[PredictionDifference, ...]:
    """Every pair that is compared, by the test that is asked for, corrected over all of them.

    Parameters
    ----------
    told : mapping of predictor's name to Told
    splits : sequence of Split
        Of the run's own folds; DeLong takes the first.
    """
    questions = dict(_pairs(told))
    settings = run.config.predict
    if settings.test == "permutation":
        tested = _by_permutation(run, outcome, told, questions)
    else:
        test = _delong if settings.test == "delong" else _corrected_t
        tested = _holm({pair: test(outcome, told, pair, splits) for pair in questions})
    return tuple(
        PredictionDifference(
            first=pair[0],
            second=pair[1],
            first_label=told[pair[0]].predictor.label,
            second_label=told[pair[1]].predictor.label,
            question=question,
            difference=tested[pair].difference,
            interval=tested[pair].interval,
            p=tested[pair].p,
            p_corrected=tested[pair].p_corrected,
            reason=tested[pair].reason,
        )
        for pair, question in questions.items()
    )


@dataclass
class _Tested:
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_corrected: float | None = None
    reason: str | None = None


def _by_permutation(
    run: Run, outcome: Outcome, told: Mapping[str, Told], pairs: Mapping[Pair, str]
) -> dict[Pair, _Tested]:
    clusters = run.relations.clusters
    contrasts = {
        pair: contrast(outcome, *((told[name].found, told[name].prediction) for name in pair)) for pair in pairs
    }
    p = paired_permutation(
        contrasts, clusters, n_permutations=run.config.predict.n_permutations, random_state=run.seeds.held_out
    )
    return {pair: _Tested(one.difference, one.interval(clusters), *p[pair]) for pair, one in contrasts.items()}


def _delong(outcome: Outcome, told: Mapping[str, Told], pair: Pair, splits: Sequence[Split]) -> _Tested:
    test = splits[0].test
    is_case = outcome.codes[test] == 1
    if min(is_case.sum(), (~is_case).sum()) < 2:
        return _Tested(reason="the first fold has fewer than two cases or two controls")
    first, second = (told[name].prediction.predicted[test, 0] for name in pair)
    found = delong_test(is_case, first, second)
    if np.isnan(found.p):
        return _Tested(found.difference, reason="neither prediction varies among cases or among controls")
    return _Tested(found.difference, found.interval, found.p)


def _corrected_t(outcome: Outcome, told: Mapping[str, Told], pair: Pair, splits: Sequence[Split]) -> _Tested:
    first, second = (np.concatenate([one.by_fold for one in (told[name].found, *told[name].repeated)]) for name in pair)
    differences = first - second
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:
        return _Tested(reason=f"{NAMES[outcome.kind]} is defined in fewer than two folds")
    share = float(np.mean([len(split.test) / len(split.train) for split in splits]))
    found = corrected_resampled_t(differences, share)
    if np.isnan(found.p):
        return _Tested(found.difference, reason="the difference is the same in all folds")
    return _Tested(found.difference, found.interval, found.p)


def _holm(tested: dict[Pair, _Tested]) -> dict[Pair, _Tested]:
    from statsmodels.stats.multitest import multipletests

    defined = [one for one in tested.values() if one.p is not None]
    if defined:
        corrected = multipletests([one.p for one in defined], method="holm")[1]
        for one, p in zip(defined, corrected, strict=True):
            one.p_corrected = float(p)
    return tested
