"""Dependence beyond linear: against scikit-learn, sums written out, and statistics of permuted tables."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from sklearn.preprocessing import KernelCenterer

from fusion import Blocks, DependenceTest, InputError, dependence_test, linear_cka
from fusion.permutation.permutations import make_permutations
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis

N, P, Q = 37, 4, 3


def views(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, P))
    return x, np.column_stack([x[:, 0] ** 2, rng.standard_normal((N, Q - 1))])


def distance_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Bias-corrected, by the sums of Szekely & Rizzo (2014), section 2."""

    def centred(view: np.ndarray) -> np.ndarray:
        d, n = euclidean_distances(view), len(view)
        out = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                if i != j:
                    out[i, j] = (
                        d[i, j]
                        - sum(d[i, k] for k in range(n)) / (n - 2)
                        - sum(d[k, j] for k in range(n)) / (n - 2)
                        + d.sum() / ((n - 1) * (n - 2))
                    )
        return out

    a, b = centred(x), centred(y)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def hsic(x: np.ndarray, y: np.ndarray) -> float:
    kernels = []
    for view in (x, y):
        square = euclidean_distances(view, squared=True)
        width = np.median(square[np.triu_indices(len(view), 1)])
        kernels.append(KernelCenterer().fit_transform(rbf_kernel(view, gamma=1 / width)))
    k, m = kernels
    return float(np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m)))


def test_statistics_are_those_of_others_and_every_permutation_is_that_of_the_table() -> None:
    x, y = views()
    found = dependence_test(x, y, n_permutations=3, random_state=5)
    permutations = make_permutations(N, 3, random_state=5)
    for index in range(4):
        moved = x[permutations[index]]
        expected = [linear_cka(moved, y), distance_correlation(moved, y), hsic(moved, y)]
        np.testing.assert_allclose(found.null[index], expected, atol=1e-10)


def test_independent_views_have_a_corrected_distance_correlation_about_zero() -> None:
    rng = np.random.default_rng(0)
    values = [
        dependence_test(*rng.standard_normal((2, 40, 5)), statistics=("dcor",), n_permutations=1).values[0]
        for _ in range(60)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)


def test_what_is_not_linear_is_found_by_the_two_that_see_it() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((150, 2))
    found = dependence_test(x, x**2 + 0.3 * rng.standard_normal((150, 2)), n_permutations=199, random_state=1)
    rv, dcor, hsic_p = found.p_corrected
    assert max(dcor, hsic_p) == 1 / 200
    assert rv > 0.05
    assert (found.p_corrected >= found.p).all()


def test_confounds_are_removed_and_their_rows_with_them() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((N, 2))
    x, y = z @ rng.standard_normal((2, P)) * 3, z @ rng.standard_normal((2, Q)) * 3
    x, y = x + rng.standard_normal(x.shape), y + rng.standard_normal(y.shape)
    assert dependence_test(x, y, n_permutations=99, random_state=0).p.max() == 0.01
    found = dependence_test(x, y, z, n_permutations=99, random_state=0)
    assert found.p.min() > 0.05
    assert found.n_rows == N - 3
    nuisance = nuisance_basis(N, z)
    theil = Theil(nuisance, keep_rows(nuisance))
    assert found.values[0] == pytest.approx(linear_cka(theil.apply(x), theil.apply(y)))
    moved = dependence_test(x + z @ np.ones((2, P)), y, z, n_permutations=99, random_state=0)
    np.testing.assert_allclose(moved.null, found.null, atol=1e-9)


def test_blocks_are_never_left_and_labels_that_differ_between_blocks_alone_are_no_link() -> None:
    site = np.repeat(np.arange(5), [9, 8, 7, 7, 6])
    rng = np.random.default_rng(1)
    x, y = (4 * rng.standard_normal((5, 2))[site] + rng.standard_normal((N, 2)) for _ in range(2))
    assert dependence_test(x, y, n_permutations=99, random_state=0).p.max() <= 0.02
    within = dependence_test(x, y, n_permutations=99, exchangeability_blocks=site, random_state=0)
    as_blocks = dependence_test(x, y, n_permutations=99, exchangeability_blocks=Blocks(site), random_state=0)
    np.testing.assert_array_equal(within.null, as_blocks.null)
    assert within.p.min() > 0.02


def test_a_result_is_saved_and_workers_change_nothing(tmp_path: Any) -> None:
    found, again = (dependence_test(*views(), n_permutations=70, random_state=4, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(found.null, again.null)
    found.save(tmp_path / "dependence.npz")
    np.testing.assert_array_equal(DependenceTest.load(tmp_path / "dependence.npz").null, found.null)
    assert found.to_dict()["names"] == ["rv", "dcor", "hsic"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statistics": ("mutual",)}, "some of rv, dcor, hsic; got mutual"),
        ({"statistics": ()}, "got none"),
        ({"y": np.ones((N, 2))}, "every column of y is constant"),
        ({"y": np.repeat([[0.0], [1.0]], [N - 2, 2], axis=0), "statistics": ("hsic",)}, "have distance 0"),
        ({"x": np.zeros((10_001, 1)), "y": np.zeros((10_001, 1))}, "at most 10000; got 10001"),
        ({"confounds": np.random.default_rng(0).standard_normal((N, N - 4))}, "at least 4 subjects"),
    ],
)
def test_what_cannot_be_tested_is_refused(change: dict[str, Any], message: str) -> None:
    x, y = views()
    with pytest.raises(InputError, match=message):
        dependence_test(**{"x": x, "y": y, "n_permutations": 9} | change)
