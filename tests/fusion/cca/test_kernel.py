"""Kernel CCA: outside implementations, its linear limit, links that no linear method sees."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.distance import pdist, squareform

from fusion import InputError, KernelCCA, RidgeCCA

N, P, Q = 41, 3, 5
Views = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def views() -> Views:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((N, P)), rng.standard_normal((N, Q))
    y[:, 1] += x[:, 0] ** 2
    return x, y


def _centred_kernel(view: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    square = squareform(pdist(view, "sqeuclidean"))
    centre = np.eye(N) - 1 / N
    return np.asarray(centre @ np.exp(-square / np.median(pdist(view, "sqeuclidean"))) @ centre)


@pytest.mark.parametrize("penalty", [(0.1, 0.1), (0.5, 0.02)], ids=str)
def test_it_solves_the_generalised_eigenproblem_of_the_kernels(views: Views, penalty: tuple[float, float]) -> None:
    kernels = [_centred_kernel(view) for view in views]
    between = kernels[0] @ kernels[1] / (N - 1)
    within = [(1 - c) * k @ k / (N - 1) + c * k + 1e-12 * np.eye(N) for k, c in zip(kernels, penalty, strict=True)]
    nothing = np.zeros((N, N))
    values = scipy.linalg.eigh(
        np.block([[nothing, between], [between.T, nothing]]), scipy.linalg.block_diag(*within), eigvals_only=True
    )
    found = KernelCCA(4, penalty=penalty).fit(*views)
    np.testing.assert_allclose(found.objective_, values[::-1][:4], atol=1e-7)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_scores_of_new_rows_are_those_of_cca_zoo(views: Views, kernel: str) -> None:
    from cca_zoo.nonparametric import KCCA

    train, new = [view[:31] for view in views], [view[31:] for view in views]
    widths = [float(1 / np.median(pdist(view, "sqeuclidean"))) for view in train]
    theirs = KCCA(2, kernel=kernel, gamma=widths, shrinkage=0.2).fit(train)
    ours = KernelCCA(2, kernel=kernel, penalty=0.2).fit(*train)
    for mine, other in zip(ours.transform(*new), theirs.transform(new), strict=True):
        for a, b in zip(mine.T, np.asarray(other).T, strict=True):
            assert abs(np.corrcoef(a, b)[0, 1]) == pytest.approx(1, abs=1e-7)


def test_with_the_linear_kernel_it_is_canonical_ridge(views: Views) -> None:
    kernel, ridge = KernelCCA(3, kernel="linear", penalty=0.3).fit(*views), RidgeCCA(3, penalty=0.3).fit(*views)
    np.testing.assert_allclose(kernel.objective_, ridge.objective_, atol=1e-10)
    np.testing.assert_allclose(np.abs(kernel.x_scores(views[0])), np.abs(ridge.x_scores(views[0])), atol=1e-7)


def test_all_rows_as_landmarks_are_exact_and_fewer_nearly_so() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 2))
    y = np.column_stack([x[:, 0] ** 2 + 0.5 * rng.standard_normal(300), rng.standard_normal(300)])
    exact, few = (KernelCCA(1, n_landmarks=n).fit(x[:200], y[:200]) for n in (200, 40))
    assert exact.score(x[200:], y[200:]) > 0.8
    assert abs(np.corrcoef(exact.x_scores(x)[:, 0], few.x_scores(x)[:, 0])[0, 1]) > 0.97
    assert RidgeCCA(1).fit(x[:200], y[:200]).score(x[200:], y[200:]) < 0.3


def test_what_cannot_be_fitted_is_said(views: Views) -> None:
    x, y = views
    with pytest.raises(InputError, match="kernel must be one of rbf, linear; got 'cosine'"):
        KernelCCA(kernel="cosine").fit(x, y)
    with pytest.raises(InputError, match="x must vary between subjects"):
        KernelCCA().fit(np.ones((N, 2)), y)
    half = np.repeat([[0.0], [1.0]], [36, 5], axis=0)
    with pytest.raises(InputError, match="more than half of the pairs have distance 0: take the linear kernel"):
        KernelCCA().fit(half, y)
    with pytest.raises(InputError, match="x must have the 3 features it was fitted on; got 2"):
        KernelCCA(1).fit(x, y).x_scores(x[:, :2])
    with pytest.raises(InputError, match="y to be passed"):
        KernelCCA().fit(x, None)
