"""The leakage canary: a link that exists in test rows only, which whoever fits a step on all rows will find."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from fusion import CanonicalCorrelation, ViewPCA, cross_validated_cca, make_folds
from fusion.cross_validation.folds import Folds

N, WIDTH = 240, 200
ALARM = 4.0
"""Standard errors of a held-out correlation above which the canary sings: 1 in 30,000 without a leak."""

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]


def planted(seed: int) -> tuple[np.ndarray, np.ndarray, Folds]:
    """Views unrelated in training rows; in the test rows of fold 0 one direction of each is shared.

    It is one of 200 directions, so axes of the training rows hardly see it; but its variance in the test rows is such
    that axes fitted on all rows turn to it.
    """
    rng = np.random.default_rng(seed)
    folds = make_folds(N, 2, random_state=seed)
    tested = folds.assignments == 0
    signal = rng.standard_normal(int(tested.sum()))
    views = []
    for _ in range(2):
        view, direction = rng.standard_normal((N, WIDTH)), rng.standard_normal(WIDTH)
        view[tested] += 4 * np.outer(signal, direction / np.linalg.norm(direction))
        views.append(view)
    return views[0], views[1], folds


def held_out(x: np.ndarray, y: np.ndarray, folds: Folds, embed: Embed) -> float:
    """|Correlation| of fold 0's test rows, its axes from `embed`, CCA from the training rows."""
    train, test = next(iter(folds))
    a, b = embed(x, train), embed(y, train)
    scores = CanonicalCorrelation(1).fit(a[train], b[train]).transform(a[test], b[test])
    return abs(float(np.corrcoef(scores[0][:, 0], scores[1][:, 0])[0, 1]))


def _honest(view: np.ndarray, train: np.ndarray) -> np.ndarray:
    return ViewPCA(1, scale=False).fit(view, rows=train).transform(view)


def _leaky_pca(view: np.ndarray, train: np.ndarray) -> np.ndarray:
    return ViewPCA(1, scale=False).fit(view).transform(view)


def _sings(values: list[float], n_test: int) -> bool:
    """Whether the held-out correlations of several data sets are too large for chance."""
    z = np.arctanh(np.array(values)) * np.sqrt(n_test - 3)
    expected, spread = np.sqrt(2 / np.pi), np.sqrt(1 - 2 / np.pi)
    return bool((z.mean() - expected) / spread * np.sqrt(len(z)) > ALARM)


def _cross_validated(x: np.ndarray, y: np.ndarray, folds: Folds) -> float:
    settings = {"n_permutations": 1, "n_bootstrap": 2, "random_state": 0}
    result = cross_validated_cca(x, y, folds=folds, x_dimensions=1, y_dimensions=1, scale=False, **settings)
    return abs(float(result.rho_by_fold[0, 0]))


def test_a_leak_through_pca_is_caught_and_we_have_none() -> None:
    data = [planted(seed) for seed in range(12)]
    n_test = int((data[0][2].assignments == 0).sum())
    ours = [_cross_validated(*one) for one in data]
    assert _sings([held_out(*one, _leaky_pca) for one in data], n_test)
    assert not _sings(ours, n_test)
    np.testing.assert_allclose(ours, [held_out(*one, _honest) for one in data], atol=1e-9)


@pytest.mark.parametrize("step", ["scaling", "confounds"])
def test_a_leak_through_scaling_or_confounds_moves_what_must_stand_still(step: str) -> None:
    """Held-out scores are affine in a test row: shifted and stretched test rows may not change the fit at all.

    The other test rows' part in a step shows as a score of the first test row that moves with them.
    """
    rng = np.random.default_rng(3)
    x, y, z = rng.standard_normal((N, 9)), rng.standard_normal((N, 7)), rng.standard_normal((N, 2))
    folds = make_folds(N, 3, random_state=0)
    _, test = next(iter(folds))
    first, others = test[0], test[1:]
    moved, z_moved = x.copy(), z.copy()
    if step == "scaling":
        moved[others] *= np.linspace(1, 30, 9)
    else:
        z_moved[others] += 5 * moved[others, :2]
    settings = {"n_permutations": 1, "n_bootstrap": 2, "random_state": 0, "x_dimensions": 3, "y_dimensions": 3}

    def score(view: np.ndarray, confounds: np.ndarray) -> float:
        result = cross_validated_cca(view, y, confounds, folds=folds, **settings)
        return float(result.x_scores[first, 0])

    def leaky_score(view: np.ndarray, confounds: np.ndarray) -> float:
        return float(ViewPCA(3, confounds=confounds).fit(view).transform(view)[first, 0])

    # Which way a component points is nobody's choice: last bits decide.
    assert abs(score(moved, z_moved)) == pytest.approx(abs(score(x, z)), rel=1e-9)
    assert abs(leaky_score(moved, z_moved)) != pytest.approx(abs(leaky_score(x, z)), rel=1e-3)


def test_the_alarm_itself_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    noise = np.abs(np.tanh(rng.standard_normal((2000, 12)) / np.sqrt(117)))
    assert sum(_sings(list(values), 120) for values in noise) <= 3
    assert norm.sf(ALARM) < 1e-4
