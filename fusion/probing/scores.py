"""Accuracy, F1, MCC, AUROC and AUPRC of a probe (or correlations and R2), with intervals over test sequences.

Intervals are percentiles of a bootstrap that draws clusters of alike sequences as wholes. Its draws are weights, so
that every score is one formula, and the observed value is that of weights of one.
"""

# ruff: noqa: F722

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, label_codes
from fusion.probing.probe import TEST, Probe, ProbeTask

Weights = Float64[np.ndarray, "n_draws n_test"]
Values = Float64[np.ndarray, " n_draws"]
AT_ONCE = 128
"""Draws that are computed together."""
SAME = 1e-12
"""Spread of values, beside the largest, that is rounding."""


@dataclass(frozen=True)
class Score:
    """A score and its 95 % interval; NaN where it is not defined, and why it is not."""

    value: float
    low: float
    high: float
    undefined: str | None = None


def score_probe(task: ProbeTask, probe: Probe, *, n_bootstrap: int = 1000, random_state: int = 0) -> dict[str, Score]:
    """Scores of the test sequences.

    Parameters
    ----------
    task : ProbeTask
    probe : Probe
    n_bootstrap, random_state : int

    Returns
    -------
    dict of str to Score
        Classes: ``AUROC`` and ``AUPRC`` (one class against the rest, averaged, for several), ``MCC``, ``F1`` (averaged
        over classes for several, of the case for two), ``accuracy``; of a multi-label task the means over classes.
        Values: ``correlation``, ``R2`` (against the mean of what was trained on). AUROC and AUPRC are not defined where
        test lacks a class, nor a correlation where values or predictions do not vary; draws in which that is so are
        passed over.

    References
    ----------
    Matthews' correlation of several classes: Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006; averaged F1: Opitz
    & Burst 2019, doi:10.48550/arXiv.1911.03347; clusters drawn: Field & Welsh 2007,
    doi:10.1111/j.1467-9868.2007.00593.x.
    """
    parts: dict[str, list[np.ndarray]] = {}
    for weights in _draws(label_codes(task.clusters[task.rows(TEST)]), n_bootstrap, random_state):
        for name, values in _scores(task, probe, weights).items():
            parts.setdefault(name, []).append(values)
    found = {}
    for name, drawn in parts.items():
        values = np.concatenate(drawn)
        defined = values[1:][np.isfinite(values[1:])]
        low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
        if np.isfinite(values[0]):
            found[name] = Score(float(values[0]), float(low), float(high))
        else:
            found[name] = Score(np.nan, np.nan, np.nan, why_undefined(task, probe))
    return found


def why_undefined(task: ProbeTask, probe: Probe) -> str | None:
    """Why AUROC (correlation, of values) of the test sequences is not defined; None where it is.

    A mean over those classes alone that test holds would be another number under the same name.
    """
    if task.kind == "regression":
        if np.ptp(task.columns) == 0:
            return "all test sequences have the same value"
        return "the probe says the same value of every test sequence" if np.ptp(probe.predicted) == 0 else None
    names = task.classes[1:] if task.kind == "binary" else task.classes
    for name, column in zip(names, task.columns.T, strict=True):
        if not column.any():
            return f"test has no sequence of class {name}"
        if column.all():
            return f"all test sequences are of class {name}"
    return None


def _draws(clusters: Int64[np.ndarray, " n_test"], n: int, seed: int) -> Iterator[Weights]:
    """Weights of one, then how often each sequence is drawn."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    n_clusters = int(clusters.max()) + 1
    yield np.ones((1, len(clusters)))
    for start in range(0, n, AT_ONCE):
        size = min(AT_ONCE, n - start)
        counts = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=size)
        yield counts[:, clusters].astype(np.float64)


def _scores(task: ProbeTask, probe: Probe, weights: Weights) -> Mapping[str, Values]:
    columns, predicted = task.columns, probe.predicted
    if task.kind == "regression":
        return _of_values(columns[:, 0], predicted[:, 0], float(probe.expected[0]), weights)
    ranked = [_of_ranks(columns[:, k] > 0, predicted[:, k], weights) for k in range(columns.shape[1])]
    auroc, auprc = (np.mean([one[at] for one in ranked], axis=0) for at in (0, 1))
    if task.kind == "multiclass":
        accuracy, f1, mcc = _of_classes(columns.argmax(axis=1), predicted.argmax(axis=1), columns.shape[1], weights)
    else:
        each = [
            _of_classes((columns[:, k] > 0).astype(np.int64), (predicted[:, k] >= 0.5).astype(np.int64), 2, weights)
            for k in range(columns.shape[1])
        ]
        accuracy, f1, mcc = (np.mean([one[at] for one in each], axis=0) for at in range(3))
    return {"AUROC": auroc, "AUPRC": auprc, "MCC": mcc, "F1": f1, "accuracy": accuracy}


def _of_ranks(is_case: np.ndarray, predicted: np.ndarray, weights: Weights) -> tuple[Values, Values]:
    """AUROC and average precision, equal predictions taken together."""
    order = np.argsort(-predicted, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(predicted[order]) != 0, True))
    ordered = weights[:, order]
    hits = np.cumsum(ordered * is_case[order], axis=1)[:, ends]
    every = np.cumsum(ordered, axis=1)[:, ends]
    misses = every - hits
    n_cases, n_others = hits[:, -1], misses[:, -1]
    gained, passed = (np.diff(one, axis=1, prepend=0.0) for one in (hits, misses))
    with np.errstate(invalid="ignore", divide="ignore"):
        auroc = (passed * (hits - gained / 2)).sum(axis=1) / (n_cases * n_others)
        precision = np.where(every > 0, hits / every, 0.0)
        auprc = (gained * precision).sum(axis=1) / n_cases
    return auroc, np.where(n_others > 0, auprc, np.nan)


def _of_classes(
    observed: np.ndarray, said: np.ndarray, n_classes: int, weights: Weights
) -> tuple[Values, Values, Values]:
    """Accuracy, F1 (of the case of two classes, else averaged over classes) and Matthews' correlation."""
    cells = np.eye(n_classes**2)[observed * n_classes + said]
    table = (weights @ cells).reshape(-1, n_classes, n_classes)
    n, right = table.sum(axis=(1, 2)), np.trace(table, axis1=1, axis2=2)
    of_observed, of_said = table.sum(axis=2), table.sum(axis=1)
    diagonal = np.einsum("dcc->dc", table)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(of_observed + of_said > 0, 2 * diagonal / (of_observed + of_said), 0.0)
        covariance = right * n - (of_observed * of_said).sum(axis=1)
        scale = np.sqrt((n**2 - (of_said**2).sum(axis=1)) * (n**2 - (of_observed**2).sum(axis=1)))
        mcc = np.where(scale > 0, covariance / scale, 0.0)
    return right / n, f1[:, 1] if n_classes == 2 else f1.mean(axis=1), mcc


def _of_values(observed: np.ndarray, predicted: np.ndarray, expected: float, weights: Weights) -> Mapping[str, Values]:
    share: Matrix = weights / weights.sum(axis=1, keepdims=True)
    y, x = (one - share @ one[:, np.newaxis] for one in (observed, predicted))
    spreads = [np.sqrt((share * part**2).sum(axis=1)) for part in (y, x)]
    varies = [spread > SAME * np.abs(one).max() for spread, one in zip(spreads, (observed, predicted), strict=True)]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(varies[0] & varies[1], (share * x * y).sum(axis=1) / (spreads[0] * spreads[1]), np.nan)
        r2 = 1 - (share @ (observed - predicted) ** 2) / (share @ (observed - expected) ** 2)
    return {"correlation": correlation, "R2": r2}
