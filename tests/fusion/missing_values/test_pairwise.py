"""Pseudo-covariances: over the rows that have both columns, brought to the nearest that is one."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.correlation_tools import cov_nearest

from fusion import InputError, PairwiseCovariance

N = 83


def _gaps(seed: int, n_features: int = 5, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((N, 2)) @ rng.standard_normal((2, n_features)) + rng.standard_normal((N, n_features))
    return np.where(rng.random((N, n_features)) < share, np.nan, values * np.arange(1, n_features + 1))


def _by_hand(gaps: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Covariance of every two columns' residuals over the rows that have both, in the columns' residual SD."""
    n_features, design = gaps.shape[1], np.column_stack([np.ones(N), z])
    residuals = np.full_like(gaps, np.nan)
    for j, column in enumerate(gaps.T):
        there = ~np.isnan(column)
        left = column[there] - design[there] @ np.linalg.lstsq(design[there], column[there])[0]
        residuals[there, j] = left / np.sqrt(left @ left / (there.sum() - design.shape[1]))
    found = np.empty((n_features, n_features))
    for j in range(n_features):
        for k in range(n_features):
            products = residuals[:, j] * residuals[:, k]
            there = ~np.isnan(products)
            found[j, k] = products[there].sum() / (there.sum() - design.shape[1])
    return found


def test_rows_have_the_covariance_of_pairs() -> None:
    gaps, z = _gaps(1), np.random.default_rng(2).standard_normal((N, 2))
    pairwise = PairwiseCovariance()
    rows = pairwise.fit_transform(gaps, confounds=z)
    assert pairwise.clipped_ == 0
    np.testing.assert_allclose(pairwise.covariance_, _by_hand(gaps, z), atol=1e-10)
    design = np.column_stack([np.ones(N), z])
    residuals = (rows - design @ np.linalg.lstsq(design, rows)[0]) / pairwise.residuals_.scale
    zeroed = np.nan_to_num(pairwise.residuals_.residuals(rows, z))
    np.testing.assert_allclose(zeroed.T @ zeroed / (N - 3), pairwise.covariance_, atol=1e-9)
    assert np.abs(residuals.T @ residuals / (N - 3) - pairwise.covariance_).max() < 0.1  # gaps are not quite centred


def test_of_complete_columns_nothing_changes() -> None:
    whole, z = np.nan_to_num(_gaps(3)), np.random.default_rng(4).standard_normal((N, 2))
    np.testing.assert_allclose(PairwiseCovariance().fit_transform(whole, confounds=z), whole, atol=1e-9)


def test_no_covariance_matrix_is_nearer() -> None:
    gaps = _gaps(5, n_features=70, share=0.45)
    pairwise = PairwiseCovariance(max_missing=0.7).fit(gaps)
    target = _by_hand(gaps, np.empty((N, 0)))
    assert np.linalg.eigvalsh(target)[0] < -0.1
    assert pairwise.clipped_ > 0.01
    assert np.linalg.eigvalsh(pairwise.covariance_)[0] > -1e-9
    ours = np.linalg.norm(pairwise.covariance_ - target)
    assert ours < np.linalg.norm(cov_nearest(target) - target)


def test_rows_that_took_no_part_are_mapped_by_those_that_did() -> None:
    gaps, z = _gaps(6), np.random.default_rng(7).standard_normal((N, 1))
    fitted = PairwiseCovariance().fit(gaps[:60], confounds=z[:60])
    both = fitted.transform(gaps, z)
    np.testing.assert_allclose(fitted.transform(gaps[60:], z[60:]), both[60:], atol=1e-12)
    changed = gaps.copy()
    changed[60:] *= 1e3
    np.testing.assert_array_equal(fitted.transform(changed, z)[:60], both[:60])


def test_features_that_were_not_measured_together_are_refused() -> None:
    table = pd.DataFrame(np.random.default_rng(8).standard_normal((40, 3)), columns=["a", "b", "c"])
    table.iloc[:20, 0] = np.nan
    table.iloc[21:, 2] = np.nan
    with pytest.raises(InputError, match=r"more than 1 training subjects .* 'a' and 'c' have 1: exclude"):
        PairwiseCovariance().fit(table)
    with pytest.raises(InputError, match="'a' has 20 of 40"):
        PairwiseCovariance(max_missing=0.4).fit(table)
