"""Figures of many draws of the same sequences at once, each draw as a count of every sequence.

scikit-learn gives one figure of one sample in milliseconds, and an interval needs thousands; sorted once, the sequences
give a figure of all draws by sums along their order. The figures are scikit-learn's, which the tests hold.
"""

import numpy as np
from jaxtyping import Float64

from encoders.training.tasks.card import TaskKind

Counts = Float64[np.ndarray, "n_draws n_sequences"]
Drawn = dict[str, np.ndarray]

SAME = 1e-12
"""Spread of values, beside the largest, that is rounding."""


def resampled_figures(kind: TaskKind, labels: np.ndarray, told: np.ndarray, counts: Counts) -> Drawn:
    """The figures of `figures_of` in every draw.

    Parameters
    ----------
    kind, labels, told
        As of `figures_of`.
    counts : float64 array, shape (n_draws, n_sequences)
        How often each sequence is in a draw.

    Returns
    -------
    dict of str to float64 array, shape (n_draws,)
        NaN where a figure is not defined.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "regression":
            return _of_values(labels, told, counts)
        if kind == "multilabel":
            return _of_labels(labels, told, counts)
        return _of_classes(kind, labels, told, counts)


def _of_classes(kind: TaskKind, labels: np.ndarray, told: np.ndarray, counts: Counts) -> Drawn:
    n_classes, chosen = told.shape[1], told.argmax(axis=1)
    cell = np.eye(n_classes**2)[labels * n_classes + chosen]
    table = (counts @ cell).reshape(-1, n_classes, n_classes)
    hit, wanted, given = table.diagonal(axis1=1, axis2=2), table.sum(axis=2), table.sum(axis=1)
    n = counts.sum(axis=1)
    f1 = np.nan_to_num(
        2 * hit / (wanted + given)
    )  # 0 of a class that is neither there nor told, as scikit-learn has it
    covariance = n * hit.sum(axis=1) - (wanted * given).sum(axis=1)
    spread = (n**2 - (wanted**2).sum(axis=1)) * (n**2 - (given**2).sum(axis=1))
    columns = range(1, 2) if kind == "binary" else range(n_classes)
    return {
        "accuracy": hit.sum(axis=1) / n,
        "f1": f1[:, 1] if kind == "binary" else f1.mean(axis=1),
        "mcc": np.where(spread > 0, covariance / np.sqrt(spread), 0.0),
        "auroc": np.mean([_auroc(labels == one, told[:, one], counts) for one in columns], axis=0),
        "auprc": np.mean([_auprc(labels == one, told[:, one], counts) for one in columns], axis=0),
    }


def _of_labels(labels: np.ndarray, told: np.ndarray, counts: Counts) -> Drawn:
    each = []
    for wanted, p in zip(labels.T, told.T, strict=True):
        two = np.stack([1 - p, p], axis=1)
        two[p == 0.5] = (0.0, 1.0)  # told from one half on
        found = _of_classes("binary", wanted, two, counts)
        found["auroc"], found["auprc"] = _auroc(wanted == 1, p, counts), _auprc(wanted == 1, p, counts)
        each.append(found)
    return {name: np.mean([one[name] for one in each], axis=0) for name in each[0]}


def _sorted_sums(is_class: np.ndarray, p: np.ndarray, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of the class, and others, down to each distinct probability; the first column is 0."""
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    sums = []
    for member in (is_class, ~is_class):
        total = np.cumsum(counts[:, order] * member[order], axis=1)[:, ends]
        sums.append(np.concatenate([np.zeros((len(counts), 1)), total], axis=1))
    return sums[0], sums[1]


def _auroc(is_class: np.ndarray, p: np.ndarray, counts: Counts) -> np.ndarray:
    hits, misses = _sorted_sums(is_class, p, counts)
    area = (np.diff(misses, axis=1) * (hits[:, 1:] + hits[:, :-1]) / 2).sum(axis=1)
    return np.asarray(area / (hits[:, -1] * misses[:, -1]))


def _auprc(is_class: np.ndarray, p: np.ndarray, counts: Counts) -> np.ndarray:
    hits, misses = _sorted_sums(is_class, p, counts)
    precision = np.nan_to_num(hits[:, 1:] / (hits[:, 1:] + misses[:, 1:]))
    found = (np.diff(hits, axis=1) * precision).sum(axis=1) / hits[:, -1]
    return np.where(misses[:, -1] > 0, found, np.nan)


def _of_values(labels: np.ndarray, told: np.ndarray, counts: Counts) -> Drawn:
    n = counts.sum(axis=1)
    squares = counts @ (labels - told) ** 2
    mean = counts @ labels / n
    around = ((labels - mean[:, None]) ** 2 * counts).sum(axis=1)
    varies = around > n * (SAME * np.abs(labels).max()) ** 2
    return {
        "r2": np.where(varies, 1 - squares / around, np.nan),
        "pearson": _correlation(np.broadcast_to(labels, counts.shape), np.broadcast_to(told, counts.shape), counts),
        "spearman": _correlation(_ranks(labels, counts), _ranks(told, counts), counts),
        "rmse": np.sqrt(squares / n),
    }


def _ranks(values: np.ndarray, counts: Counts) -> np.ndarray:
    """Mean ranks of the sequences in each draw."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max() + 1))
    of_group = np.add.reduceat(counts[:, order], starts, axis=1)
    before = np.cumsum(of_group, axis=1) - of_group
    return np.asarray((before + (of_group + 1) / 2)[:, group])


def _correlation(x: np.ndarray, y: np.ndarray, counts: Counts) -> np.ndarray:
    n, least = counts.sum(axis=1, keepdims=True), [SAME * np.abs(one).max() for one in (x, y)]
    x, y = (one - (counts * one).sum(axis=1, keepdims=True) / n for one in (x, y))
    cross, spreads = (counts * x * y).sum(axis=1), [np.sqrt((counts * one**2).sum(axis=1)) for one in (x, y)]
    varies = (spreads[0] > least[0]) & (spreads[1] > least[1])
    return np.where(varies, cross / (spreads[0] * spreads[1]), np.nan)
