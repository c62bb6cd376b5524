"""Probes of labels at random, of copies, and of arms that are equally good: how often something is found."""

import numpy as np
import pytest

from fusion.probing import ProbeTask, compare_probes, fit_probe, score_probe
from tests.calibration.rates import Rates, above, assert_valid, at_most

pytestmark = pytest.mark.calibration

SIZES, N_SETS = (120, 40, 90), 1000
ARMS = {"narrow": 4, "wide": 60, "k-mers": 20}


def _task(rng: np.random.Generator, labels: np.ndarray, copies: int = 1) -> tuple[ProbeTask, np.ndarray]:
    """Labels of a task by split, and which distinct sequence each row of it is."""
    split, distinct = np.repeat([0, 1, 2], SIZES), np.arange(sum(SIZES))
    first = SIZES[0] + SIZES[1]
    distinct[first:] = first + np.arange(SIZES[2]) // copies * copies  # test sequences stand several times
    classes = tuple("abc"[: int(labels.max()) + 1])
    kind = "binary" if len(classes) == 2 else "multiclass"
    return ProbeTask(kind, labels[distinct][:, np.newaxis] * 1.0, split, distinct, classes), distinct


def _of_nothing(seed: int, copies: int) -> dict[str, float]:
    """Two tasks with labels at random, three arms of noise."""
    rng = np.random.default_rng(seed)
    tasks, probes, ignored = {}, {}, {}
    for name, n_classes in (("two", 2), ("three", 3)):
        task, distinct = _task(rng, rng.permutation(np.arange(sum(SIZES)) % n_classes), copies)
        tasks[name] = task
        ignored[name] = ProbeTask(task.kind, task.labels, task.split, np.arange(sum(SIZES)), task.classes)
        for arm, width in ARMS.items():
            vectors = rng.standard_normal((sum(SIZES), width))[distinct]
            probes[name, arm] = fit_probe(vectors, task, (1e-3, 1e-1, 10.0))
    asked = [(arm, None) for arm in ARMS]
    against = compare_probes(tasks, probes, asked, n_permutations=299, random_state=seed)
    naive = compare_probes(ignored, probes, asked, n_permutations=299, random_state=seed)
    paired = compare_probes(tasks, probes, [("wide", "narrow"), ("wide", "k-mers")], n_permutations=299)
    interval = score_probe(tasks["two"], probes["two", "narrow"], n_bootstrap=400, random_state=seed)["AUROC"]
    low, high = against["three", "wide", None].interval
    return {
        "one arm, one task": against["two", "narrow", None].p,
        "any of six, corrected": min(one.p_corrected for one in against.values()),
        "any difference, corrected": min(one.p_corrected for one in paired.values()),
        "bootstrap interval_misses chance": 0.0 if not interval.low <= 0.5 <= interval.high else 1.0,
        "jackknife interval_misses chance": 0.0 if not low <= 0.0 <= high else 1.0,
        "naive: any of six, uncorrected": min(one.p for one in against.values()),
        "naive: any of six, copies taken for sequences": min(one.p_corrected for one in naive.values()),
    }


@pytest.mark.parametrize("copies", [1, 3], ids=["alone", "in threes"])
def test_probes_of_labels_at_random(rates: Rates, copies: int) -> None:
    found = rates(lambda seed: _of_nothing(seed, copies), N_SETS)
    for name in ("one arm, one task", "any of six, corrected", "any difference, corrected"):
        assert_valid(found[name])
    for name in ("bootstrap interval_misses chance", "jackknife interval_misses chance"):
        assert at_most(found[name], 0.08)
    assert above(found["naive: any of six, uncorrected"], 0.12)
    if copies > 1:
        assert above(found["naive: any of six, copies taken for sequences"], 0.1)


def _of_equals(seed: int) -> dict[str, float]:
    """Three arms that see the same signal through noise of one size."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((sum(SIZES), 3))
    task, distinct = _task(rng, signal.argmax(axis=1))
    probes = {
        ("t", arm): fit_probe((signal + rng.standard_normal(signal.shape))[distinct], task, (1e-3, 1e-1, 10.0))
        for arm in ("a", "b", "c")
    }
    found = compare_probes({"t": task}, probes, [("a", "b"), ("a", "c"), ("b", "c")], n_permutations=299)
    return {
        "one pair": found["t", "a", "b"].p,
        "any of three, corrected": min(one.p_corrected for one in found.values()),
        "interval_misses no difference": 0.0
        if not found["t", "a", "b"].interval[0] <= 0 <= found["t", "a", "b"].interval[1]
        else 1.0,
    }


def test_probes_that_are_equally_good(rates: Rates) -> None:
    for name, rate in rates(_of_equals, N_SETS).items():
        assert at_most(rate, 0.08 if "interval" in name else 0.065)
