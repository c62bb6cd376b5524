"""Coupling in strata: a planted difference is found, labels follow confounds, and too few are said."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from fusion import Blocks
from fusion.association import align_folds
from fusion.confounds.coding import Confounds
from fusion.cross_validation.fold_embedding import embed_folds
from fusion.cross_validation.folds import Folds
from fusion.errors import NotDefinedError
from fusion.stratification import compare_separate_models, compare_strata, draw_labels
from fusion.stratification.coupling import couple, indicators
from fusion.stratification.one_model import check_sizes
from fusion.views.view import as_view

N = 263
FOLDS = np.arange(N) % 4


def scores(seed: int, coupled: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and scores whose strata differ in mean and spread, and in coupling as asked."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, N)
    x = rng.standard_normal(N)
    rho = np.where(labels == 0, *coupled)
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(N)
    return labels, align_folds(x[:, None] + labels[:, None], FOLDS)[:, 0], y * (1 + labels) - labels


def test_coupling_is_the_correlation_of_the_stratum_about_its_folds() -> None:
    labels, x, y = scores(0, (0.5, 0.5))
    found = couple(x[None], y[None], labels[None] == 1, indicators(FOLDS), np.arange(N))
    inside = labels == 1
    a, b = x[inside].copy(), y[inside].copy()
    for fold in range(4):
        rows = FOLDS[inside] == fold
        a[rows] -= a[rows].mean()
        b[rows] -= b[rows].mean()
    assert found.rho[0] == pytest.approx(pearsonr(a, b).statistic)
    assert found.variance[0] == pytest.approx(1 / inside.sum(), rel=0.5)


@pytest.mark.parametrize(("coupled", "is_found"), [((0.7, 0.1), True), ((0.5, 0.5), False)])
def test_a_difference_is_found_and_unlike_means_and_spreads_are_none(
    coupled: tuple[float, float], is_found: bool
) -> None:
    labels, x, y = scores(3, coupled)
    draws = draw_labels(labels, assignments=FOLDS, n_permutations=199, random_state=0)
    found = compare_strata(x, y, draws, assignments=FOLDS, clusters=np.arange(N), n_bootstrap=400)
    p = (found.distances[:, 0] >= found.distances[0, 0]).mean()
    assert (p < 0.05) == is_found
    assert found.difference_interval[0, 0] < found.differences[0] < found.difference_interval[0, 1]
    assert (found.difference_interval[0, 0] > 0) == is_found
    smallest = found.smallest_difference(np.quantile(found.distances[1:], 0.95))[0]
    assert 0.15 < smallest < 0.5
    assert found.n_subjects.tolist() == np.bincount(labels).tolist()


def test_labels_keep_their_numbers_and_what_ties_them_to_confounds() -> None:
    rng = np.random.default_rng(1)
    age = rng.standard_normal(N)
    labels = 1 * (age + rng.standard_normal(N) > 0.5)
    tied, free = (
        draw_labels(labels, confounds, assignments=FOLDS, n_permutations=99, random_state=1)
        for confounds in (age[:, None], None)
    )
    for drawn in (tied, free):
        for fold in range(4):
            assert set(drawn.labels[:, fold == FOLDS].sum(axis=1)) == {labels[fold == FOLDS].sum()}
    observed = np.corrcoef(age, labels)[0, 1]
    means = [np.mean([np.corrcoef(age, one)[0, 1] for one in drawn.labels[1:]]) for drawn in (tied, free)]
    assert means[0] == pytest.approx(observed, abs=0.05)
    assert means[1] == pytest.approx(0, abs=0.05)
    assert 0.3 < tied.changed < free.changed


def test_families_exchange_labels_as_wholes() -> None:
    families, folds = np.arange(240) // 2, np.arange(240) // 2 % 4
    labels = np.random.default_rng(2).integers(0, 2, 120)[families]
    drawn = draw_labels(
        labels, assignments=folds, blocks=Blocks(families, "whole"), n_permutations=19, random_state=0
    ).labels
    assert (drawn[:, ::2] == drawn[:, 1::2]).all()
    assert (drawn[1:] != labels).any()


def test_labels_that_cannot_change_are_said() -> None:
    old = np.arange(N) // 4 % 2
    age = 10 * old + np.random.default_rng(0).standard_normal(N)
    with pytest.raises(NotDefinedError, match="confounds tell the strata apart"):
        draw_labels(old, age[:, None], assignments=FOLDS, n_permutations=19, random_state=0)
    with pytest.raises(NotDefinedError, match="strata and blocks are the same"):
        draw_labels(FOLDS % 2, assignments=FOLDS, blocks=Blocks(FOLDS % 2), n_permutations=19)
    with pytest.raises(NotDefinedError, match="stratum 'cases' has fewer than 14 subjects"):
        check_sizes(1 * (np.arange(N) < 2), FOLDS, ("controls", "cases"))


def views(seed: int, other: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One stratum couples its first columns, the other its column of this number."""
    rng = np.random.default_rng(seed)
    labels, x, y = rng.integers(0, 2, N), rng.standard_normal((N, 5)), rng.standard_normal((N, 4))
    y[:, 0] += np.where(labels == 0, 1.5 * x[:, 0], 0)
    y[:, other] += np.where(labels == 1, 1.5 * x[:, other], 0)
    return labels, x, y


@pytest.mark.parametrize(("other", "agree"), [(0, True), (2, False)])
def test_models_of_strata_agree_where_strata_couple_by_the_same(other: int, agree: bool) -> None:
    labels, x, y = views(4, other)
    embedded = embed_folds((as_view(x), as_view(y)), Confounds.of(None), Folds(FOLDS), n_components=5)
    draws = draw_labels(labels, assignments=FOLDS, n_permutations=39, random_state=0)
    found = compare_separate_models(
        embedded, draws, np.arange(N), clusters=np.arange(N), dimensions=(5, 4), min_ratio=5, n_bootstrap=99
    )
    assert found.dimensions == (5, 4)
    assert (found.comparison.rho > 0.6).all()
    assert (np.abs(found.agreement).min() > 0.8) == agree
    assert np.abs(found.agreement).max() < 1
    p = (found.comparison.distances[:, 0] >= found.comparison.distances[0, 0]).mean()
    assert p >= 0.05


def test_heavy_scores_have_no_interval_in_models_of_strata_either() -> None:
    labels, x, y = views(4, 0)
    heavy = np.exp(2.5 * x[:, 0])
    x[:, 0], y[:, 0] = heavy, heavy + 0.1 * y[:, 0]
    embedded = embed_folds((as_view(x), as_view(y)), Confounds.of(None), Folds(FOLDS), n_components=5)
    draws = draw_labels(labels, assignments=FOLDS, n_permutations=19, random_state=0)
    found = compare_separate_models(
        embedded, draws, np.arange(N), clusters=np.arange(N), dimensions=(5, 4), min_ratio=5, n_bootstrap=99
    ).comparison
    assert np.isnan(found.interval).all()
    assert np.isnan(found.difference_interval).all()


def test_a_model_of_one_stratum_that_alone_couples_finds_it_and_two_subjects_teach_none() -> None:
    rng = np.random.default_rng(6)
    labels, x, y = rng.integers(0, 2, N), rng.standard_normal((N, 5)), rng.standard_normal((N, 4))
    y[:, 0] += np.where(labels == 0, 2 * x[:, 0], 0)
    embedded = embed_folds((as_view(x), as_view(y)), Confounds.of(None), Folds(FOLDS), n_components=5)
    draws = draw_labels(labels, assignments=FOLDS, n_permutations=39, random_state=0)
    found = compare_separate_models(
        embedded, draws, np.arange(N), clusters=np.arange(N), n_bootstrap=99, min_ratio=5
    ).comparison
    assert (found.distances[:, 0] >= found.distances[0, 0]).mean() < 0.05
    rare = draw_labels(1 * (np.arange(N) < 16), assignments=FOLDS, n_permutations=19, random_state=0)
    with pytest.raises(NotDefinedError, match="fewer than 20 training subjects"):
        compare_separate_models(embedded, rare, np.arange(N), clusters=np.arange(N))
