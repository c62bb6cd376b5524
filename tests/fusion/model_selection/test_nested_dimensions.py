"""Dimensions chosen inside training folds."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from fusion import InputError, cross_validated_cca, make_folds
from fusion.model_selection.nested_dimensions import nested_dimensions, smallest_within_one_se
from tests.calibration.rates import at_most, count, level, sets

N = 240
QUICK: dict[str, Any] = {"n_permutations": 99, "random_state": 0, "inner_splits": 3}


def _linked(seed: int, *, at: int, strength: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """A link that lives in principal component ``at`` (from 1) of both views."""
    rng = np.random.default_rng(seed)
    scale = 4.0 / np.arange(1, 17)
    x, y = rng.standard_normal((N, 16)), rng.standard_normal((N, 16))
    shared = rng.standard_normal(N)
    for view in (x, y):
        view[:, at - 1] = (strength * shared + view[:, at - 1]) / np.hypot(strength, 1)
    return x * scale, y * scale


def test_smallest_within_one_standard_error_by_hand() -> None:
    assert smallest_within_one_se(np.array([0.1, 0.28, 0.3, 0.29]), np.array([0.01, 0.01, 0.03, 0.01])) == 1
    assert smallest_within_one_se(np.array([0.1, 0.2, 0.3]), np.zeros(3)) == 2


def test_a_link_in_the_second_component_needs_two() -> None:
    x, y = _linked(1, at=2)
    found = nested_dimensions(x, y, grid=[1, 2, 12], folds=make_folds(N, 4, random_state=0), scale=False, **QUICK)
    assert found.chosen.tolist() == [2, 2, 2, 2]
    assert found.rho > 0.4
    assert found.p == pytest.approx(0.01)
    assert found.grid_p[1] == pytest.approx(0.01)
    assert found.grid_p[0] > 0.05


def test_one_size_equals_the_plain_cross_validation() -> None:
    x, y = _linked(2, at=1)
    z = np.random.default_rng(3).standard_normal((N, 3))
    folds = make_folds(N, 4, random_state=0)
    found = nested_dimensions(x, y, z, grid=[5], folds=folds, **QUICK)
    plain = cross_validated_cca(
        x, y, z, folds=folds, x_dimensions=5, y_dimensions=5, n_components=1, pca_components=5, n_permutations=99,
        random_state=0,
    )  # fmt: skip
    assert found.null == pytest.approx(plain.null[:, 0], abs=1e-9)
    assert found.rho_by_fold == pytest.approx(plain.rho_by_fold[:, 0], abs=1e-9)


def test_the_choice_does_not_see_the_outer_test_rows() -> None:
    x, y = _linked(4, at=2)
    folds = make_folds(N, 4, random_state=0)
    before = nested_dimensions(x, y, grid=[1, 2, 6], folds=folds, **QUICK)
    test = folds.assignments == 0
    x[test], y[test] = 1e3, -1e3 * np.arange(test.sum())[:, None]
    after = nested_dimensions(
        x + 1e-9 * np.random.default_rng(0).standard_normal(x.shape), y, grid=[1, 2, 6], folds=folds, **QUICK
    )
    assert after.inner_mean[0] == pytest.approx(before.inner_mean[0], abs=1e-6)


def test_a_grid_without_numbers_is_refused() -> None:
    x, y = _linked(5, at=1)
    with pytest.raises(InputError, match=r"grid must hold numbers of components >= 1; got \[0, 2\]"):
        nested_dimensions(x, y, grid=[0, 2], folds=make_folds(N, 4, random_state=0))


@pytest.mark.calibration
def test_p_of_the_choice_is_uniform_without_a_link() -> None:
    p, n_sets = [], 300
    for seed in range(sets(n_sets)):
        rng = np.random.default_rng(seed)
        x, y, z = (rng.standard_normal((120, width)) for width in (20, 15, 4))
        x, y = x + 0.5 * z[:, :1], y + 0.5 * z[:, :1]
        folds = make_folds(120, 4, random_state=seed)
        p.append(nested_dimensions(x, y, z, grid=[1, 3, 8], folds=folds, **QUICK | {"random_state": seed}).p)
    found = count(np.array(p), n_sets)
    print(f"nested dimensions, sets without a link: {found} below .05")
    assert at_most(found, 0.09)
    assert kstest(p, "uniform").pvalue > level(0.01)
