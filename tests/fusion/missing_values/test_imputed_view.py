"""Views with gaps in folds: training rows teach, complete tables stay as they are, links are found."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusion import (
    ComBat,
    Confound,
    ConfoundDesign,
    HarmonizedView,
    ImputedView,
    Imputer,
    InputError,
    NormalScoresView,
    PairwiseView,
    TableView,
    as_view,
    cross_validated_cca,
    make_folds,
    permutation_test_cca,
)
from fusion.arrays import dense
from fusion.confounds.coding import Confounds
from fusion.confounds.learned_view import LearnedView
from fusion.cross_validation.fold_embedding import embed_folds

N = 90
KINDS = (partial(ImputedView, imputer=Imputer("low-rank")), PairwiseView)
DESIGN = ConfoundDesign([Confound("age"), Confound("site", "categorical")])


@pytest.fixture(scope="module")
def covariates() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = {"age": rng.normal(60, 8, N), "site": np.array(["Bonn", "Oslo"])[np.arange(N) % 2]}
    return pd.DataFrame(table, [f"s{i:02d}" for i in range(N)])


@pytest.fixture(scope="module")
def gaps(covariates: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    values = rng.standard_normal((N, 2)) @ rng.standard_normal((2, 7)) + 0.5 * rng.standard_normal((N, 7))
    values[rng.random((N, 7)) < 0.15] = np.nan
    values[(covariates["site"] == "Oslo").to_numpy() & (rng.random(N) < 0.6), 3] = np.nan
    return pd.DataFrame(values, covariates.index, [f"roi{j}" for j in range(7)])


@pytest.mark.parametrize("kind", KINDS, ids=["imputed", "pairwise"])
def test_held_out_rows_never_move_what_training_rows_give(
    kind: Any, gaps: pd.DataFrame, covariates: pd.DataFrame
) -> None:
    folds = make_folds(N, 4, random_state=2)
    x = TableView(np.random.default_rng(1).standard_normal((N, 6)), list(gaps.index))
    (train, test), *_ = folds
    changed = gaps.copy()
    changed.iloc[test] *= 1e4
    before, after = (
        embed_folds((x, kind(of, (covariates, DESIGN))), Confounds.of((covariates, DESIGN)), folds, n_components=5)[0]
        for of in (gaps, changed)
    )
    np.testing.assert_array_equal(before.y[train], after.y[train])
    assert not np.array_equal(before.y[test], after.y[test])


@pytest.mark.parametrize("kind", KINDS, ids=["imputed", "pairwise"])
def test_a_complete_table_gives_the_same_bits(kind: Any, gaps: pd.DataFrame, covariates: pd.DataFrame) -> None:
    whole = gaps.fillna(0.0)
    x = pd.DataFrame(np.random.default_rng(1).standard_normal((N, 6)), gaps.index)
    settings = {"x_dimensions": 3, "y_dimensions": 3, "n_components": 1, "n_permutations": 19, "random_state": 5}
    confounds = (covariates, DESIGN)
    plain, viewed = (cross_validated_cca(x, y, confounds, **settings) for y in (whole, kind(whole, confounds)))
    np.testing.assert_array_equal(plain.rho_by_fold, viewed.rho_by_fold)
    np.testing.assert_array_equal(plain.null, viewed.null)
    dummies = DESIGN.fit(covariates).transform(covariates)
    views = as_view(whole), kind(whole)
    tests = [permutation_test_cca(x, view, dummies, n_permutations=19, random_state=1) for view in views]
    np.testing.assert_array_equal(tests[0].null_statistics, tests[1].null_statistics)


@pytest.mark.parametrize("kind", KINDS, ids=["imputed", "pairwise"])
def test_a_view_learns_anew_from_rows_that_were_taken(kind: Any, gaps: pd.DataFrame, covariates: pd.DataFrame) -> None:
    rows, inner = np.arange(6, 76), np.arange(52)
    view = kind(gaps, (covariates, DESIGN))
    taken = view.take(rows)
    np.testing.assert_array_equal(dense(taken), dense(view)[rows])  # the columns of the whole
    alone = kind(gaps.iloc[rows], (covariates.iloc[rows], DESIGN))
    assert isinstance(taken, LearnedView)
    np.testing.assert_array_equal(dense(taken.fitted_on(inner)), dense(alone.fitted_on(inner)))


def test_sites_and_ranks_are_learnt_of_what_was_filled_in(gaps: pd.DataFrame, covariates: pd.DataFrame) -> None:
    train, imputed = np.arange(5, 71), ImputedView(gaps, (covariates, DESIGN))
    filled = dense(imputed.fitted_on(train))
    sites = covariates["site"].to_numpy()
    combat = ComBat().fit(filled[train], sites=sites[train])
    np.testing.assert_array_equal(
        dense(HarmonizedView(imputed, sites).fitted_on(train)), combat.transform(filled, sites)
    )
    np.testing.assert_array_equal(
        dense(NormalScoresView(imputed).fitted_on(train)), dense(NormalScoresView(filled).fitted_on(train))
    )


@pytest.mark.parametrize("kind", KINDS, ids=["imputed", "pairwise"])
def test_a_link_is_found_that_leaving_subjects_out_would_lose(kind: Any) -> None:
    rng = np.random.default_rng(8)
    x, n = rng.standard_normal((200, 4)), 200
    y = 0.6 * x[:, [0]] + rng.standard_normal((n, 12))
    y[rng.random((n, 12)) < 0.2] = np.nan
    settings = {"x_dimensions": 4, "y_dimensions": 4, "n_components": 1, "n_permutations": 39, "random_state": 1}
    assert cross_validated_cca(x, kind(y), **settings).p[0] <= 0.05
    kept = ~np.isnan(y).any(axis=1)
    assert kept.sum() < 25


def test_bad_input_gets_a_sentence(gaps: pd.DataFrame, covariates: pd.DataFrame) -> None:
    nobody = gaps.copy()
    nobody.iloc[11] = np.nan
    with pytest.raises(InputError, match="'s11' has none"):
        ImputedView(nobody)
    with pytest.raises(InputError, match=r"is .*, not numeric"):
        ImputedView(gaps.assign(roi3="thick"))
    with pytest.raises(InputError, match="infinite"):
        PairwiseView(gaps.replace(gaps.iloc[1, 1], np.inf))
    with pytest.raises(InputError, match="confounds must have the rows of table"):
        ImputedView(gaps, covariates.iloc[1:])
    oslo = np.flatnonzero(covariates["site"] == "Oslo")
    scarce = gaps.copy()
    scarce["roi3"] = 1.5 * scarce["roi2"].fillna(0.0) + scarce["roi1"].fillna(0.0)
    scarce.iloc[oslo, 5] = np.nan
    for kind in KINDS:
        with pytest.raises(InputError, match="'roi5' has 0 of 45"):
            kind(scarce).fitted_on(oslo)
    assert ImputedView(scarce, imputer=Imputer(max_missing=0.7)).fitted_on(np.arange(N)).shape == (N, 7)
