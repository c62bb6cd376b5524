"""Models fitted in folds: what is there is found, nothing leaks, swaps respect who belongs together."""

import sys
from typing import Any

import numpy as np
import pytest

from fusion import make_folds
from fusion.errors import InputError
from fusion.prediction import (
    Outcome,
    Split,
    concatenated,
    contrast,
    discriminate,
    fit_boosting,
    fit_linear,
    make_splits,
    paired_permutation,
    predict_splits,
    stacked,
)
from fusion.prediction.discrimination import Discrimination
from fusion.prediction.held_out import HeldOutPrediction, fold_widening
from fusion.prediction.outcome import NotDefinedError

N = 120


def study(kind: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Outcome]:
    rng = np.random.default_rng(seed)
    genes, brain = rng.standard_normal((N, 7)), rng.standard_normal((N, 11))
    latent = genes[:, 2] + 1.6 * brain[:, 4] + 0.5 * rng.standard_normal(N)
    if kind == "continuous":
        return genes, brain, Outcome("continuous", latent)
    cuts = (0.0,) if kind == "binary" else (-0.8, 0.8)
    codes = np.digitize(latent, cuts).astype(float)
    return genes, brain, Outcome(kind, codes, ("a", "b", "c")[: len(cuts) + 1])  # type: ignore[arg-type]


def told(blocks: tuple[np.ndarray, ...], outcome: Outcome, fuse: Any = concatenated, learner: Any = fit_linear) -> Any:
    splits = make_splits(make_folds(N, 4, random_state=1), outcome, np.ones(N, dtype=bool))
    prediction = predict_splits(
        splits, outcome, lambda split: fuse(blocks, split.train, outcome.take(split.train), split.inner, learner)
    )
    return discriminate(outcome, prediction), prediction


@pytest.mark.parametrize("kind", ["binary", "multiclass", "continuous"])
def test_both_sides_together_tell_more_where_each_holds_a_part(kind: str) -> None:
    genes, brain, outcome = study(kind)
    alone = told((genes,), outcome)
    for fuse in (stacked,) if kind == "continuous" else (concatenated,):
        fusion = told((genes, brain), outcome, fuse)
        found = contrast(outcome, fusion, alone)
        assert found.difference > 0.05
        assert found.shares.sum() == pytest.approx(found.difference)
        assert 1.0 <= found.widening <= np.sqrt(2)
        assert paired_permutation({"x": found}, np.arange(N), n_permutations=199)["x"][0] < 0.05
        low, high = found.interval(np.arange(N))
        assert 0 < low < found.difference < high


@pytest.mark.parametrize("kind", ["binary", "multiclass", "continuous"])
def test_trees_find_what_is_no_straight_line(kind: str) -> None:
    genes, _, outcome = study(kind)
    bent = Outcome("continuous", np.abs(genes[:, 0])) if kind == "continuous" else outcome
    if kind == "binary":
        bent = Outcome("binary", (np.abs(genes[:, 0]) > 0.7).astype(float), ("a", "b"))
    if kind == "multiclass":
        bent = Outcome("multiclass", np.digitize(np.abs(genes[:, 0]), (0.4, 1.0)).astype(float), ("a", "b", "c"))
    trees, line = (told((genes,), bent, learner=learner)[0].value for learner in (fit_boosting, fit_linear))
    assert trees > line + 0.2


def test_without_lightgbm_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    genes, _, outcome = study("binary")
    with pytest.raises(InputError, match=r"pip install 'gene-brain-fusion\[boosting\]'"):
        told((genes,), outcome, learner=fit_boosting)


def test_test_subjects_take_no_part_in_what_is_said_of_them() -> None:
    """Another outcome of a test subject changes nothing that its own fold's model says."""
    genes, _, outcome = study("binary")
    _, before = told((genes[:, :3],), outcome)
    fold = make_folds(N, 4, random_state=1).assignments
    changed = outcome.values.copy()
    changed[fold == 2] = 1 - changed[fold == 2]
    _, after = told((genes[:, :3],), Outcome("binary", changed, outcome.classes))
    np.testing.assert_allclose(after.predicted[fold == 2], before.predicted[fold == 2], atol=1e-12)
    assert not np.allclose(after.predicted[fold == 1], before.predicted[fold == 1])


def test_families_stay_together_in_inner_folds_and_subjects_without_an_outcome_are_left_out() -> None:
    families = np.arange(N) // 2
    _, _, outcome = study("binary")
    known = np.ones(N, dtype=bool)
    known[:9] = False
    for split in make_splits(make_folds(N, 4, groups=families, random_state=0), outcome, known):
        assert known[split.train].all()
        assert known[split.test].all()
        for train, test in split.inner:
            assert not set(families[split.train[train]]) & set(families[split.train[test]])


def test_a_class_that_training_lacks_and_features_that_do_not_vary_are_not_defined() -> None:
    outcome = Outcome("binary", (np.arange(N) == 3).astype(float), ("no", "yes"))
    with pytest.raises(NotDefinedError, match="class 'yes' is missing"):
        make_splits(make_folds(N, 4, random_state=0), outcome, np.ones(N, dtype=bool))
    with pytest.raises(NotDefinedError, match="no feature varies"):
        told((np.ones((N, 3)),), study("binary")[2])


def _contrast(shares: np.ndarray, fold: np.ndarray) -> Any:
    found = Discrimination(0.5 + shares.sum(), np.array([np.nan]), shares, shares - shares.mean())
    said = np.zeros((len(shares), 1))
    return contrast(Outcome("binary", fold * 1.0, ("a", "b")), (found, HeldOutPrediction(said, said, fold, said[None])))


def test_signs_of_a_family_change_as_one() -> None:
    """Twins that say the same are one subject: of three pairs all signs agree in 2 of 8 changes."""
    fold, pairs = np.zeros(6, dtype=np.int64), np.repeat(np.arange(3), 2)
    one = _contrast(np.full(6, 0.05), fold)
    by_pairs, alone = (
        paired_permutation({"x": one}, codes, n_permutations=3999)["x"][0] for codes in (pairs, np.arange(6))
    )
    assert by_pairs == pytest.approx(2 / 8, abs=0.03)
    assert alone == pytest.approx(2 / 64, abs=0.01)


def test_predictors_that_say_the_same_do_not_differ() -> None:
    genes, _, outcome = study("binary")
    one = told((genes,), outcome)
    same = contrast(outcome, one, one)
    assert paired_permutation({"x": same}, np.arange(N), n_permutations=99)["x"] == (1.0, 1.0)
    assert same.interval(np.arange(N)) == (0.0, 0.0)


def test_noise_scatters_wider_than_its_test_subjects_and_certainty_does_not() -> None:
    rng = np.random.default_rng(2)
    genes, _, outcome = study("continuous")
    noise = Outcome("continuous", rng.standard_normal(N))
    sure = Outcome("continuous", genes[:, 0] + 0.01 * rng.standard_normal(N))
    assert fold_widening(told((genes,), noise)[1]) > 1.3
    assert fold_widening(told((genes,), sure)[1]) < 1.05
    assert 1.0 <= fold_widening(told((genes,), outcome)[1]) < 1.3


def test_a_single_split_is_not_widened() -> None:
    outcome = study("binary")[2]
    genes = study("binary")[0]
    split: Split = make_splits(make_folds(N, 4, random_state=1), outcome, np.ones(N, dtype=bool))[0]
    prediction = predict_splits(
        [split],
        outcome,
        lambda one: concatenated((genes,), one.train, outcome.take(one.train), one.inner, fit_linear),
    )
    assert fold_widening(prediction) == 1.0
    assert np.isnan(prediction.predicted[prediction.fold < 0]).all()
    assert prediction.tested.sum() == len(split.test)
