"""Figures of a fine-tuned model on test sequences, with intervals over sequences and over trainings.

Figures are scikit-learn's. An interval over sequences is a percentile bootstrap (Efron 1979,
https://doi.org/10.1214/aos/1176344552) of the mean over trainings: sequences are drawn with replacement, those of a
cluster together. One over trainings is Student's, of their mean.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from encoders.training.finetuning.resampled import resampled_figures
from encoders.training.tasks.card import TaskKind

Figures = dict[str, float]

AT_ONCE = 2**22
"""Counts of sequences that are held at once."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over several trainings.

    Attributes
    ----------
    name : str
        Of the figure.
    values : tuple of float
        One a training.
    mean : float
        Their mean.
    over_sequences : (float, float)
        Interval of the mean if other sequences were tested.
    over_trainings : (float, float) or None
        Interval of the mean if other trainings were made; None of one training.
    n_undefined : int
        Draws of sequences of which the figure is not defined, such as those of one class.
    undefined : str or None
        Why the mean is not defined, where it is not.
    """

    name: str
    values: tuple[float, ...]
    mean: float
    over_sequences: tuple[float, float]
    over_trainings: tuple[float, float] | None
    n_undefined: int
    undefined: str | None = None


def figures_of(kind: TaskKind, labels: np.ndarray, told: np.ndarray) -> Figures:
    """Figures of one training.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
    labels : array
        As of `LabelledSequences`.
    told : array, shape (n_sequences, n_classes), or (n_sequences,) of a regression
        Probabilities, or values.

    Returns
    -------
    dict
        accuracy, f1, mcc, auroc, auprc: f1 of the second class of two, else the mean over classes; auroc and auprc of
        each class against the others, their mean. Of several labels at once each label counts alike. Of a regression:
        r2, pearson, spearman, rmse. NaN where a figure is not defined.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of figures that are not defined, which are NaN
        if kind == "regression":
            return _of_values(labels, told)
        return _of_labels(labels, told) if kind == "multilabel" else _of_classes(kind, labels, told)


def _of_classes(kind: TaskKind, labels: np.ndarray, told: np.ndarray) -> Figures:
    from sklearn import metrics

    chosen, classes = told.argmax(axis=1), np.arange(told.shape[1])
    average = "binary" if kind == "binary" else "macro"
    one_hot = labels[:, None] == classes
    if kind == "binary":
        one_hot, told = one_hot[:, 1:], told[:, 1:]
    return {
        "accuracy": float(metrics.accuracy_score(labels, chosen)),
        "f1": float(metrics.f1_score(labels, chosen, average=average, labels=None if kind == "binary" else classes)),
        "mcc": float(metrics.matthews_corrcoef(labels, chosen)),
        "auroc": _mean_of_columns(metrics.roc_auc_score, one_hot, told),
        "auprc": _mean_of_columns(metrics.average_precision_score, one_hot, told),
    }


def _of_labels(labels: np.ndarray, told: np.ndarray) -> Figures:
    from sklearn import metrics

    chosen = (told >= 0.5).astype(np.int64)
    return {
        "accuracy": float((chosen == labels).mean()),
        "f1": float(metrics.f1_score(labels, chosen, average="macro", zero_division=0)),
        "mcc": float(np.mean([metrics.matthews_corrcoef(*pair) for pair in zip(labels.T, chosen.T, strict=True)])),
        "auroc": _mean_of_columns(metrics.roc_auc_score, labels, told),
        "auprc": _mean_of_columns(metrics.average_precision_score, labels, told),
    }


def _of_values(labels: np.ndarray, told: np.ndarray) -> Figures:
    from sklearn import metrics

    same = np.ptp(labels) == 0  # of which nothing can be explained
    return {
        "r2": float("nan") if same else float(metrics.r2_score(labels, told)),
        "pearson": float("nan") if same or np.ptp(told) == 0 else float(stats.pearsonr(labels, told)[0]),
        "spearman": float(stats.spearmanr(labels, told)[0]),
        "rmse": float(metrics.root_mean_squared_error(labels, told)),
    }


def _mean_of_columns(figure: Callable[..., float], wanted: np.ndarray, told: np.ndarray) -> float:
    """Of each class against the others; not defined where a class has no sequence, or all of them."""
    if not all(0 < column.sum() < len(column) for column in wanted.T):
        return float("nan")
    return float(np.mean([figure(*pair) for pair in zip(wanted.T, told.T, strict=True)]))


def summarise(
    kind: TaskKind,
    labels: np.ndarray,
    told: Sequence[np.ndarray],
    clusters: Sequence[str],
    *,
    n_bootstrap: int,
    level: float,
    seed: int,
    classes: Sequence[str] = (),
) -> list[Figure]:
    """Figures of several trainings on the same sequences.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel", "regression"}
    labels : array, shape (n_sequences, ...)
        Of the test sequences.
    told : sequence of arrays
        One a training, as of `figures_of`.
    clusters : sequence of str
        Sequences of one name are drawn together.
    n_bootstrap : int
        Draws.
    level : float
        Coverage of the intervals.
    seed : int
        Of the draws.
    classes : sequence of str
        Their names, by which it is said which of them test lacks; their numbers if not given.
    """
    values = [figures_of(kind, labels, one) for one in told]
    names, number = np.unique(np.asarray(clusters), return_inverse=True)
    rng, parts = np.random.default_rng(seed), []
    at_once = max(1, AT_ONCE // len(labels))
    for first in range(0, n_bootstrap, at_once):
        n_draws = min(at_once, n_bootstrap - first)
        counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), n_draws)[:, number].astype(np.float64)
        found = [resampled_figures(kind, labels, one, counts) for one in told]
        parts.append({name: np.mean([one[name] for one in found], axis=0) for name in found[0]})
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    why = _why_undefined(kind, labels, told, classes)
    return [_figure(name, [one[name] for one in values], drawn[name], level, why) for name in drawn]


def _why_undefined(kind: TaskKind, labels: np.ndarray, told: Sequence[np.ndarray], classes: Sequence[str]) -> str:
    """What a figure that is not defined lacks."""
    if kind == "regression":
        same = "all test sequences have" if np.ptp(labels) == 0 else "a training tells all of them"
        return f"{same} the same value"
    wanted = labels if kind == "multilabel" else labels[:, None] == np.arange(told[0].shape[1])
    names = classes or [str(number) for number in range(wanted.shape[1])]
    lacking = next((name for name, column in zip(names, wanted.T, strict=True) if not column.any()), None)
    if lacking is not None:
        return f"test has no sequence of class {lacking}"
    everywhere = next((name for name, column in zip(names, wanted.T, strict=True) if column.all()), None)
    return f"all test sequences are of class {everywhere}"


def _figure(name: str, values: Sequence[float], drawn: np.ndarray, level: float, why: str) -> Figure:
    defined = drawn[np.isfinite(drawn)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(defined, tails).tolist() if len(defined) else (float("nan"), float("nan"))
    mean, over_trainings = float(np.mean(values)), None
    if not np.isfinite(mean):  # the trainings of which it is defined are not all of them
        return Figure(name, tuple(values), mean, (np.nan, np.nan), None, len(drawn) - len(defined), why)
    if len(values) > 1:
        reach = float(stats.t.ppf(tails[1], len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
        over_trainings = (mean - reach, mean + reach)
    return Figure(name, tuple(values), mean, (low, high), over_trainings, len(drawn) - len(defined))


def as_json(figures: Sequence[Figure]) -> Mapping[str, object]:
    """Plain data by name; what is not defined is null."""
    return {
        one.name: {
            "mean": _plain(one.mean),
            "of_each_training": [_plain(value) for value in one.values],
            "interval_over_sequences": [_plain(value) for value in one.over_sequences],
            "interval_over_trainings": None
            if one.over_trainings is None
            else [_plain(value) for value in one.over_trainings],
            "n_draws_undefined": one.n_undefined,
            "undefined": one.undefined,
        }
        for one in figures
    }


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
