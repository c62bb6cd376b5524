"""Probes find what is planted, say nothing of what is not, and their scores are scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from fusion import InputError
from fusion.errors import NotDefinedError
from fusion.probing import Probe, ProbeTask, compare_probes, fit_probe, fit_weight_matrix, score_probe
from fusion.probing.scores import _of_classes, _of_ranks

SIZES = (61, 23, 47)
SPLIT = np.repeat([0, 1, 2], SIZES)
N = sum(SIZES)
ALONE = np.arange(N)
CLASSES = ("a", "b", "c")


def make_task(kind: Any, seed: int = 0, clusters: np.ndarray = ALONE) -> tuple[ProbeTask, np.ndarray]:
    """A task and vectors of which the first columns carry it."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((N, 7))
    noisy = vectors + 0.5 * rng.standard_normal(vectors.shape)
    if kind == "regression":
        return ProbeTask(kind, noisy[:, :1], SPLIT, clusters), vectors
    if kind == "multilabel":
        return ProbeTask(kind, (noisy[:, :3] > 0) * 1.0, SPLIT, clusters, CLASSES), vectors
    codes = noisy[:, :3].argmax(axis=1) if kind == "multiclass" else (noisy[:, 0] > 0) * 1
    classes = CLASSES if kind == "multiclass" else CLASSES[:2]
    return ProbeTask(kind, codes[:, np.newaxis] * 1.0, SPLIT, clusters, classes), vectors


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_what_is_planted_is_found_and_scores_are_those_of_scikit_learn(kind: str) -> None:
    task, vectors = make_task(kind)
    probe = fit_probe(vectors, task)
    found = score_probe(task, probe, n_bootstrap=200)
    test, said = task.labels[task.rows(2)], probe.predicted
    if kind == "regression":
        assert found["correlation"].value == pytest.approx(np.corrcoef(test[:, 0], said[:, 0])[0, 1])
        assert found["correlation"].value > 0.7
        return
    if kind == "multiclass":
        codes, chosen = test[:, 0].astype(int), said.argmax(axis=1)
        wanted = {
            "AUROC": metrics.roc_auc_score(codes, said, multi_class="ovr"),
            "AUPRC": np.mean([metrics.average_precision_score(codes == k, said[:, k]) for k in range(3)]),
            "MCC": metrics.matthews_corrcoef(codes, chosen),
            "F1": metrics.f1_score(codes, chosen, average="macro"),
            "accuracy": metrics.accuracy_score(codes, chosen),
        }
    else:
        each = [(test[:, k], said[:, k], said[:, k] >= 0.5) for k in range(test.shape[1])]
        wanted = {
            "AUROC": np.mean([metrics.roc_auc_score(y, p) for y, p, _ in each]),
            "AUPRC": np.mean([metrics.average_precision_score(y, p) for y, p, _ in each]),
            "MCC": np.mean([metrics.matthews_corrcoef(y, c) for y, _, c in each]),
            "F1": np.mean([metrics.f1_score(y, c) for y, _, c in each]),
            "accuracy": np.mean([metrics.accuracy_score(y, c) for y, _, c in each]),
        }
    assert {name: one.value for name, one in found.items()} == pytest.approx(wanted)
    assert all(one.low <= one.value <= one.high for one in found.values())
    assert found["AUROC"].low > 0.6


def test_draws_are_weights_and_ties_are_taken_together() -> None:
    """A draw scores what the drawn rows themselves score, by scikit-learn."""
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, size=(6, 40)) * 1.0
    case, said = rng.random(40) < 0.4, rng.integers(0, 6, size=40) / 5
    auroc, auprc = _of_ranks(case, said, counts)
    accuracy, f1, mcc = _of_classes(case * 1, (said > 0.5) * 1, 2, counts)
    for draw, weights in enumerate(counts):
        rows = np.repeat(np.arange(40), weights.astype(int))
        assert auroc[draw] == pytest.approx(metrics.roc_auc_score(case[rows], said[rows]))
        assert auprc[draw] == pytest.approx(metrics.average_precision_score(case[rows], said[rows]))
        assert accuracy[draw] == pytest.approx(metrics.accuracy_score(case[rows], said[rows] > 0.5))
        assert f1[draw] == pytest.approx(metrics.f1_score(case[rows], said[rows] > 0.5))
        assert mcc[draw] == pytest.approx(metrics.matthews_corrcoef(case[rows], said[rows] > 0.5))


def lacking(kind: Any) -> tuple[ProbeTask, np.ndarray, str]:
    """A task whose test lacks what its first score needs, and what it lacks."""
    task, vectors = make_task(kind)
    in_test = (SPLIT == 2)[:, np.newaxis]
    if kind == "regression":
        return ProbeTask(kind, np.where(in_test, 0.3, task.labels), SPLIT, ALONE), vectors, "have the same value"
    if kind == "multilabel":
        labels = np.where(in_test & (np.arange(3) == 1), 0.0, task.labels)
        return ProbeTask(kind, labels, SPLIT, ALONE, CLASSES), vectors, "no sequence of class b"
    last = len(task.classes) - 1
    labels = np.where(in_test & (task.labels == last), 0.0, task.labels)
    return ProbeTask(kind, labels, SPLIT, ALONE, task.classes), vectors, f"no sequence of class {CLASSES[last]}"


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_a_score_of_what_test_lacks_is_not_defined_and_says_why(kind: str) -> None:
    task, vectors, why = lacking(kind)
    probe = fit_probe(vectors, task)
    first, *others = score_probe(task, probe, n_bootstrap=50).values()
    assert np.isnan([first.value, first.low, first.high]).all()
    assert str(first.undefined).endswith(why)
    assert np.isfinite(others[-1].value)
    with pytest.raises(NotDefinedError, match=why):
        compare_probes({"t": task}, {("t", "a"): probe}, [("a", None)], n_permutations=19)


def test_a_probe_that_says_one_value_of_all_has_no_correlation() -> None:
    """0.1 in every row leaves rounding when its mean is taken off, which is no spread."""
    task, vectors = make_task("regression")
    found = score_probe(task, fit_probe(np.full_like(vectors, 0.1), task), n_bootstrap=50)
    assert np.isnan(found["correlation"].value)
    assert str(found["correlation"].undefined) == "the probe says the same value of every test sequence"
    assert found["R2"].value == pytest.approx(0.0, abs=0.2)


def test_draws_that_lack_a_class_are_passed_over() -> None:
    """With one case in test a third of all draws lack it; the interval is that of the others, and is one of AUROC."""
    labels = np.zeros(N)
    labels[::3] = 1.0
    labels[SPLIT == 2] = np.arange(SIZES[2]) == 5
    task = ProbeTask("binary", labels[:, np.newaxis], SPLIT, ALONE, ("no", "yes"))
    said = np.linspace(0.1, 0.9, SIZES[2])[:, np.newaxis]
    found = score_probe(task, Probe(said, np.array([0.3]), (1.0,)), n_bootstrap=400)["AUROC"]
    assert found.value == pytest.approx(5 / (SIZES[2] - 1))
    assert 0 < found.low < found.value < found.high < 0.5


def test_test_sequences_take_no_part_in_the_fit() -> None:
    task, vectors = make_task("binary")
    other = vectors.copy()
    other[task.rows(2)[1:]] = 99.0
    labels = task.labels.copy()
    labels[task.rows(2)] = 1 - labels[task.rows(2)]
    changed = ProbeTask("binary", labels, SPLIT, ALONE, task.classes)
    assert fit_probe(other, changed).predicted[0] == pytest.approx(fit_probe(vectors, task).predicted[0])


def test_a_column_that_does_not_vary_in_train_says_nothing() -> None:
    task, vectors = make_task("binary")
    flat = np.hstack([vectors, np.where(SPLIT == 2, 7.0, 1.0)[:, np.newaxis]])
    assert fit_probe(flat, task).predicted == pytest.approx(fit_probe(vectors, task).predicted)


def test_a_weight_matrix_is_the_product_of_its_positions() -> None:
    """Log-odds by hand: counts of bases by class and position, with a pseudocount."""
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, size=(N, 9))
    labels = (rng.random(N) < 0.5) * 1.0
    codes[labels == 1, 4] = np.where(rng.random(int(labels.sum())) < 0.8, 2, codes[labels == 1, 4])
    one_hot = np.eye(4)[codes].reshape(N, -1)
    task = ProbeTask("binary", labels[:, np.newaxis], SPLIT, ALONE, ("no", "yes"))
    found = fit_weight_matrix(one_hot, task)
    seen = SPLIT < 2
    odds = np.full(SIZES[2], np.log(labels[seen].mean() / (1 - labels[seen].mean())))
    for position in range(9):
        share = []
        for label in (1, 0):
            counts = np.bincount(codes[seen & (labels == label), position], minlength=4) + found.choice[0]
            share.append(counts / counts.sum())
        odds += np.log(share[0] / share[1])[codes[SPLIT == 2, position]]
    np.testing.assert_allclose(np.log(found.predicted[:, 0] / (1 - found.predicted[:, 0])), odds, atol=1e-8)
    assert score_probe(task, found, n_bootstrap=19)["AUROC"].value > 0.7
    with pytest.raises(InputError, match="tells classes apart"):
        fit_weight_matrix(one_hot, make_task("regression")[0])


def test_better_arms_are_told_from_worse_ones_and_twins_are_not() -> None:
    rng = np.random.default_rng(3)
    tasks, probes = {}, {}
    for number, kind in enumerate(["binary", "multiclass", "multilabel", "regression"]):
        task, vectors = make_task(kind, seed=number + 10)
        tasks[kind] = task
        for arm, noise in {"good": 0.1, "twin": 0.1, "bad": 9.0}.items():
            probes[kind, arm] = fit_probe(vectors + noise * rng.standard_normal(vectors.shape), task)
    against = compare_probes(tasks, probes, [("good", None), ("bad", None)], n_permutations=999)
    paired = compare_probes(tasks, probes, [("good", "bad"), ("good", "twin")], n_permutations=999)
    for kind in tasks:
        assert against[kind, "good", None].p_corrected < 0.02
        assert against[kind, "bad", None].p > 0.01
        assert paired[kind, "good", "bad"].p_corrected < 0.05
        assert paired[kind, "good", "bad"].interval[0] > 0
        assert paired[kind, "good", "twin"].p_corrected > 0.05
    values = score_probe(tasks["multiclass"], probes["multiclass", "good"], n_bootstrap=9)
    assert against["multiclass", "good", None].difference == pytest.approx(values["AUROC"].value - 0.5)
    with pytest.raises(InputError, match="both were asked for"):
        compare_probes(tasks, probes, [("good", None), ("good", "bad")])


def test_the_same_probe_twice_differs_by_nothing() -> None:
    task, vectors = make_task("binary")
    probe = fit_probe(vectors, task)
    found = compare_probes({"t": task}, {("t", "a"): probe, ("t", "b"): probe}, [("a", "b")], n_permutations=99)
    assert (found["t", "a", "b"].difference, found["t", "a", "b"].p) == (0.0, 1.0)


def test_clusters_widen_intervals() -> None:
    """Four copies of each test sequence, known to be copies, tell no more than one."""
    task, vectors = make_task("binary", seed=5)
    probe, test = fit_probe(vectors, task), task.rows(2)
    rows = np.concatenate([np.flatnonzero(SPLIT < 2), np.repeat(test, 4)])
    copied = Probe(np.repeat(probe.predicted, 4, axis=0), probe.expected, probe.choice)
    width = {}
    for name, clusters in {"alone": np.arange(len(rows)), "known": ALONE[rows]}.items():
        many = ProbeTask("binary", task.labels[rows], SPLIT[rows], clusters, task.classes)
        score = score_probe(many, copied, n_bootstrap=400)["AUROC"]
        width[name] = score.high - score.low
    once = score_probe(task, probe, n_bootstrap=400)["AUROC"]
    assert width["known"] == pytest.approx(once.high - once.low, rel=0.25)
    assert width["alone"] < 0.7 * width["known"]


def test_shuffled_labels_are_found_as_often_as_chance_says() -> None:
    """Chance lies within the 95 % interval, and p is below .05, as often as they should; small sets, many of them."""
    inside, below = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        task = ProbeTask("binary", rng.permutation(N)[:, np.newaxis] % 2 * 1.0, SPLIT, ALONE, ("no", "yes"))
        probe = fit_probe(rng.standard_normal((N, 5)), task, (1e-2, 1.0))
        score = score_probe(task, probe, n_bootstrap=200, random_state=seed)["AUROC"]
        inside.append(score.low <= 0.5 <= score.high)
        told = compare_probes({"t": task}, {("t", "a"): probe}, [("a", None)], n_permutations=99, random_state=seed)
        below.append(told["t", "a", None].p <= 0.05)
    assert np.mean(inside) > 0.85
    assert np.mean(below) < 0.15


def test_what_cannot_be_probed_is_refused() -> None:
    task, vectors = make_task("multiclass")
    with pytest.raises(InputError, match="dev has none"):
        ProbeTask("binary", task.labels, np.where(SPLIT == 1, 0, SPLIT), ALONE, ("a", "b"))
    labels = np.where((task.labels == 2) & (SPLIT == 0)[:, np.newaxis], 0.0, task.labels)
    with pytest.raises(InputError, match="class c lacks some"):
        fit_probe(vectors, ProbeTask("multiclass", labels, SPLIT, ALONE, CLASSES))
    with pytest.raises(InputError, match="values that differ"):
        fit_probe(vectors, ProbeTask("regression", np.ones((N, 1)), SPLIT, ALONE))
