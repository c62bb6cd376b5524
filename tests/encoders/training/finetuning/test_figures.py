"""Figures against scikit-learn, intervals against what the sampling really does."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from encoders.training.finetuning.figures import as_json, figures_of, summarise
from encoders.training.finetuning.resampled import resampled_figures


def test_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    told = rng.dirichlet(np.ones(3), 60) + 0.5 * np.eye(3)[labels]
    told /= told.sum(axis=1, keepdims=True)
    found = figures_of("multiclass", labels, told)
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(labels, told, multi_class="ovr", average="macro"))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, told.argmax(1), average="macro"))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(labels, told.argmax(1)))
    two = figures_of("binary", labels % 2, told[:, :2])
    assert two["auprc"] == pytest.approx(metrics.average_precision_score(labels % 2, told[:, 1]))
    several = figures_of("multilabel", np.eye(3, dtype=np.int64)[labels], told)
    assert several["auroc"] == pytest.approx(found["auroc"])
    values = figures_of("regression", labels.astype(float), told[:, 2])
    assert values["spearman"] == pytest.approx(stats.spearmanr(labels, told[:, 2])[0])
    assert np.isnan(figures_of("binary", np.zeros(9, dtype=np.int64), told[:9, :2])["auroc"])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_figures_of_draws_are_those_of_the_drawn_sequences(kind: str) -> None:
    rng = np.random.default_rng(7)
    n, n_classes = 31, {"binary": 2, "multiclass": 3, "multilabel": 2, "regression": 1}[kind]
    told = np.round(rng.dirichlet(np.ones(max(2, n_classes)), n), 1)  # with ties
    labels = rng.integers(0, n_classes, n)
    if kind == "multilabel":
        labels = rng.integers(0, 2, (n, 2))
    if kind == "regression":
        labels, told = np.round(rng.normal(size=n), 1), told[:, 0]
    counts = rng.multinomial(n, np.full(n, 1 / n), 40).astype(np.float64)
    found = resampled_figures(kind, labels, told, counts)  # type: ignore[arg-type]
    for draw, count in enumerate(counts):
        rows = np.repeat(np.arange(n), count.astype(int))
        expected = figures_of(kind, labels[rows], told[rows])  # type: ignore[arg-type]
        assert {name: one[draw] for name, one in found.items()} == pytest.approx(expected, nan_ok=True)


def draws(n: int, seed: int, size_of_cluster: int = 1) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Answers right with probability 0.7, the same of all members of a cluster."""
    rng = np.random.default_rng(seed)
    n_clusters = n // size_of_cluster
    labels = np.repeat(rng.integers(0, 2, n_clusters), size_of_cluster)
    right = np.repeat(rng.random(n_clusters) < 0.7, size_of_cluster)
    p = np.where(right, labels, 1 - labels) * 0.8 + 0.1
    return labels, np.stack([1 - p, p], axis=1), [str(one) for one in np.repeat(range(n_clusters), size_of_cluster)]


def test_the_interval_is_that_of_binomial_counts_and_of_clusters_where_they_are_drawn() -> None:
    for size in (1, 4):
        labels, told, clusters = draws(240, 5, size)
        (accuracy,) = (
            one
            for one in summarise("binary", labels, [told], clusters, n_bootstrap=400, level=0.95, seed=1)
            if one.name == "accuracy"
        )
        p = accuracy.mean
        expected = 1.96 * (p * (1 - p) / (240 / size)) ** 0.5
        low, high = accuracy.over_sequences
        assert (high - low) / 2 == pytest.approx(expected, rel=0.12)
        assert accuracy.over_trainings is None


def test_over_trainings_it_is_students_and_what_is_not_defined_is_null() -> None:
    labels, told, clusters = draws(30, 6)
    others = [told, told[:, ::-1], 0.3 * told + 0.7 * told[:, ::-1]]
    found = summarise("binary", labels, others, clusters, n_bootstrap=100, level=0.9, seed=2)
    mcc = next(one for one in found if one.name == "mcc")
    low, high = stats.t.interval(0.9, 2, loc=np.mean(mcc.values), scale=stats.sem(mcc.values))
    assert mcc.over_trainings == pytest.approx((low, high))
    one_class = summarise(
        "binary", np.ones(8, dtype=np.int64), [told[:8]], clusters[:8], n_bootstrap=100, level=0.9, seed=3
    )
    told_of: Any = as_json(one_class)["auroc"]
    assert told_of["mean"] is None
    assert told_of["n_draws_undefined"] == 100
    assert told_of["undefined"] == "test has no sequence of class 0"


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_a_class_that_test_lacks_is_named(kind: Any) -> None:
    rng = np.random.default_rng(9)
    told = rng.dirichlet(np.ones(3), 20)
    labels = np.arange(20) % 2
    if kind == "multilabel":
        labels = np.eye(3, dtype=np.int64)[labels]
    clusters = [str(one) for one in range(20)]
    found = summarise(
        kind, labels, [told, told], clusters, n_bootstrap=20, level=0.9, seed=0, classes=("no", "donor", "acceptor")
    )
    figures = {one.name: one for one in found}
    assert figures["auroc"].undefined == figures["auprc"].undefined == "test has no sequence of class acceptor"
    assert figures["auroc"].over_trainings is None
    assert figures["accuracy"].undefined is None
    assert np.isfinite(figures["accuracy"].over_sequences).all()


def test_what_does_not_vary_has_no_correlation() -> None:
    """0.1 in every row leaves rounding when its mean is taken off, which is no spread."""
    labels, same = np.linspace(0.1, 2.1, 7), np.full(7, 0.1)
    clusters = [str(one) for one in range(7)]
    told = as_json(summarise("regression", labels, [same], clusters, n_bootstrap=30, level=0.9, seed=0))
    for name, wanted in (("pearson", True), ("spearman", True), ("r2", False), ("rmse", False)):
        one: Any = told[name]
        assert (one["mean"] is None) == wanted
        assert one["undefined"] == ("a training tells all of them the same value" if wanted else None)
    constant: Any = as_json(summarise("regression", same, [labels], clusters, n_bootstrap=30, level=0.9, seed=0))
    assert {constant[name]["mean"] for name in ("pearson", "spearman", "r2")} == {None}
    assert constant["r2"]["undefined"] == "all test sequences have the same value"
    assert constant["rmse"]["mean"] == pytest.approx(np.sqrt(np.mean((labels - 0.1) ** 2)))
