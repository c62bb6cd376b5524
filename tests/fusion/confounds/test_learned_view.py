"""ComBat and normal scores that every fold learns from its training rows."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata

from fusion import (
    ComBat,
    Confound,
    ConfoundDesign,
    HarmonizedView,
    InputError,
    NormalScoresView,
    TableView,
    cross_validated_cca,
    make_folds,
    permutation_test_cca,
)
from fusion.arrays import dense
from fusion.confounds.coding import Confounds
from fusion.confounds.learned_view import LearnedView
from fusion.cross_validation.fold_embedding import embed_folds
from fusion.model_selection.nested_dimensions import nested_dimensions

N = 90
SITES = np.array(["Bonn", "Oslo", "Rome"], dtype=object)[np.arange(N) % 3]


@pytest.fixture(scope="module")
def brain() -> np.ndarray:
    rng = np.random.default_rng(3)
    scale = np.array([1.0, 3.0, 0.4])[np.arange(N) % 3, np.newaxis]
    return scale * (rng.standard_normal((N, 7)) + rng.standard_normal((3, 7))[np.arange(N) % 3])


@pytest.fixture(scope="module")
def covariates() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame({"age": rng.normal(60, 8, N), "sex": rng.choice(["f", "m"], N), "site": SITES})


def _design() -> ConfoundDesign:
    return ConfoundDesign([Confound("age"), Confound("sex", "categorical")])


def _views(brain: np.ndarray, covariates: pd.DataFrame) -> dict[str, LearnedView]:
    kept = (covariates, _design())
    sites = covariates["site"].to_numpy()
    return {"combat": HarmonizedView(brain, sites, kept), "scores": NormalScoresView(brain, kept)}


def test_combat_of_a_fold_is_combat_of_its_training_rows(brain: np.ndarray, covariates: pd.DataFrame) -> None:
    train = np.arange(5, 71)
    learnt = dense(_views(brain, covariates)["combat"].fitted_on(train))
    combat = ComBat().fit(brain[train], sites=SITES[train], covariates=(covariates.iloc[train], _design()))
    np.testing.assert_array_equal(learnt, combat.transform(brain, SITES, (covariates, _design())))


def test_normal_scores_of_a_fold_rank_its_training_residuals(brain: np.ndarray, covariates: pd.DataFrame) -> None:
    train = np.arange(5, 71)
    learnt = dense(_views(brain, covariates)["scores"].fitted_on(train))
    z = np.column_stack([np.ones(N), covariates["age"], covariates["sex"] == "m"]).astype(float)
    residual = brain[train] - z[train] @ np.linalg.lstsq(z[train], brain[train], rcond=None)[0]
    expected = norm.ppf((rankdata(residual, axis=0) - 0.375) / (len(train) + 0.25))
    np.testing.assert_allclose(learnt[train], expected, atol=1e-12)
    assert np.abs(learnt).max() <= np.abs(expected).max()


@pytest.mark.parametrize("kind", ["combat", "scores"])
def test_held_out_rows_never_move_what_training_rows_give(
    kind: str, brain: np.ndarray, covariates: pd.DataFrame
) -> None:
    folds = make_folds(N, 4, stratify=SITES, random_state=2)
    x = np.random.default_rng(1).standard_normal((N, 6))
    (train, test), *_ = folds
    changed = brain.copy()
    changed[test] *= 1e4
    before, after = (
        embed_folds((TableView(x, view.subject_ids), view), Confounds(), folds, n_components=5)[0]
        for view in (_views(of, covariates)[kind] for of in (brain, changed))
    )
    np.testing.assert_array_equal(before.y[train], after.y[train])
    assert not np.array_equal(before.y[test], after.y[test])


@pytest.mark.parametrize("kind", ["combat", "scores"])
def test_cross_validation_learns_in_every_fold(kind: str, brain: np.ndarray, covariates: pd.DataFrame) -> None:
    folds = make_folds(N, 4, stratify=SITES, random_state=2)
    x = np.random.default_rng(1).standard_normal((N, 6))
    view = _views(brain, covariates)[kind]
    settings = {"x_dimensions": 3, "y_dimensions": 3, "n_components": 1, "n_permutations": 19, "random_state": 5}
    found = cross_validated_cca(x, view, (covariates, _design()), folds=folds, **settings)
    for fold, (train, _) in enumerate(folds):
        by_hand = cross_validated_cca(x, dense(view.fitted_on(train)), (covariates, _design()), folds=folds, **settings)
        np.testing.assert_array_equal(found.rho_by_fold[fold], by_hand.rho_by_fold[fold])


def test_a_view_learns_anew_from_rows_that_were_taken(brain: np.ndarray, covariates: pd.DataFrame) -> None:
    rows, inner = np.arange(6, 66), np.arange(42)
    for kind, view in _views(brain, covariates).items():
        taken = view.take(rows)
        np.testing.assert_array_equal(dense(taken), dense(view)[rows])  # the columns of the whole
        alone = _views(brain[rows], covariates.iloc[rows])[kind]
        assert isinstance(taken, LearnedView)
        np.testing.assert_array_equal(dense(taken.fitted_on(inner)), dense(alone.fitted_on(inner)))


def test_scores_of_harmonised_columns(brain: np.ndarray) -> None:
    train = np.arange(60)
    learnt = NormalScoresView(HarmonizedView(brain, SITES)).fitted_on(train)
    inner = NormalScoresView(dense(HarmonizedView(brain, SITES).fitted_on(train))).fitted_on(train)
    np.testing.assert_array_equal(dense(learnt), dense(inner))


def test_choices_inside_folds_take_the_view(brain: np.ndarray) -> None:
    x = np.random.default_rng(1).standard_normal((N, 6))
    folds = make_folds(N, 3, stratify=SITES, random_state=2)
    settings = {"grid": [2, 4], "folds": folds, "stratify": SITES, "n_permutations": 9, "random_state": 1}
    changed = brain.copy()
    changed[folds.assignments == 0] *= 1e4
    before, after = (nested_dimensions(x, HarmonizedView(of, SITES), **settings) for of in (brain, changed))
    np.testing.assert_array_equal(before.inner_mean[0], after.inner_mean[0])
    assert not np.array_equal(before.inner_mean[1], after.inner_mean[1])


def test_in_sample_tests_take_the_view(brain: np.ndarray) -> None:
    x = np.random.default_rng(1).standard_normal((N, 6))
    view, dummies = HarmonizedView(brain, SITES), np.eye(3)[np.arange(N) % 3][:, 1:]
    settings = {"n_permutations": 99, "random_state": 1}
    left = permutation_test_cca(x, view, dummies, **settings)
    right = permutation_test_cca(x, dense(view), dummies, **settings)
    np.testing.assert_allclose(left.null_statistics, right.null_statistics, atol=1e-12)


def test_sites_of_their_own_scale_hide_a_link_that_combat_shows() -> None:
    rng = np.random.default_rng(8)
    x, noise = rng.standard_normal((300, 4)), rng.standard_normal((300, 6))
    site = np.arange(300) % 3
    y = (noise + 0.35 * x[:, :1]) * np.array([1.0, 12.0, 0.2])[site, np.newaxis]
    dummies = np.eye(3)[site][:, 1:]
    settings = {"x_dimensions": 4, "y_dimensions": 6, "stratify": site, "n_permutations": 9, "random_state": 1}
    plain = cross_validated_cca(x, y, dummies, **settings).rho[0]
    harmonised = cross_validated_cca(x, HarmonizedView(y, site), dummies, **settings).rho[0]
    assert harmonised > plain + 0.1


def test_bad_input_gets_a_sentence(brain: np.ndarray, covariates: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="sites must have the rows of view: got 89 for 90"):
        HarmonizedView(brain, SITES[1:])
    with pytest.raises(InputError, match="confounds must have the rows of view"):
        NormalScoresView(brain, covariates.iloc[1:])
    with pytest.raises(InputError, match=r"knows the sites 'Bonn', 'Oslo'; got 'Rome'"):
        HarmonizedView(brain, SITES).fitted_on(np.flatnonzero(SITES != "Rome"))
    pooled = HarmonizedView(brain, SITES, combat=ComBat(unseen="pooled"))
    with pytest.warns(UserWarning, match="sites that training did not have"):
        pooled.fitted_on(np.flatnonzero(SITES != "Rome"))
