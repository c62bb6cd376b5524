"""Missing values: recovered where columns hang together, as scikit-learn and Gaussian conditioning say."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (what makes the class importable)
from sklearn.impute import IterativeImputer
from sklearn.preprocessing import StandardScaler

from fusion import Imputer, InputError
from fusion.missing_values.low_rank import LowRank

N, P = 130, 17
METHODS = ("iterative", "low-rank")


def _low_rank(seed: int, n_features: int = P) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of three components and two confounds in units of their own, what is missing of them, the confounds."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, 2))
    values = rng.standard_normal((N, 3)) @ rng.standard_normal((3, n_features))
    values += 0.3 * rng.standard_normal((N, n_features)) + 2 * z @ rng.standard_normal((2, n_features))
    return values * rng.uniform(0.01, 100, n_features) + 7, rng.random((N, n_features)) < 0.15, z


@pytest.mark.parametrize(("method", "n_features"), [("iterative", P), ("low-rank", P), ("low-rank", 2 * N)])
def test_what_was_measured_tells_what_was_not(method: str, n_features: int) -> None:
    values, missing, z = _low_rank(1, n_features)
    train, test = np.arange(100), np.arange(100, N)
    gaps = np.where(missing, np.nan, values)
    imputer = Imputer(method).fit(gaps[train], confounds=z[train])  # type: ignore[arg-type]
    filled = imputer.transform(gaps, z)
    np.testing.assert_array_equal(filled[~missing], values[~missing])
    scale = values.std(axis=0)
    for rows in (train, test):
        lost = missing[rows]
        error = ((filled - values) / scale)[rows][lost]
        of_mean = ((np.nanmean(gaps[train], axis=0) - values) / scale)[rows][lost]
        assert np.sqrt(np.mean(error**2)) < 0.4 * np.sqrt(np.mean(of_mean**2))


def test_without_confounds_it_is_scikit_learns_imputer_on_standardised_columns() -> None:
    values, missing, _ = _low_rank(2, 6)
    gaps = np.where(missing, np.nan, values)
    scaler = StandardScaler()
    theirs = IterativeImputer(max_iter=50, tol=0.01, random_state=0).fit(scaler.fit_transform(gaps[:90]))
    expected = scaler.inverse_transform(theirs.transform(scaler.transform(gaps)))
    found = Imputer("iterative").fit(gaps[:90]).transform(gaps)
    spread = values.std(axis=0)
    np.testing.assert_allclose(
        found / spread, expected / spread, atol=2e-3
    )  # their SD has divisor n, and ridges feel it


def test_low_rank_fills_in_the_conditional_mean_of_its_normal_distribution() -> None:
    values, missing, _ = _low_rank(3)
    gaps = np.where(missing, np.nan, (values - values.mean(axis=0)) / values.std(axis=0))
    design = np.full((N, 1), 1 / np.sqrt(N))
    model = LowRank.fit(gaps, design)
    covariance = model.weights @ model.weights.T + model.noise * np.eye(P)
    mean = (design @ model.offset)[0]
    expected = model.expected(gaps, design)
    for row in np.flatnonzero(missing.any(axis=1))[:9]:
        lost, there = missing[row], ~missing[row]
        slope = covariance[np.ix_(lost, there)] @ np.linalg.inv(covariance[np.ix_(there, there)])
        by_hand = mean[lost] + slope @ (gaps[row, there] - mean[there])
        np.testing.assert_allclose(expected[row, lost], by_hand, atol=1e-9)


def test_low_rank_climbs_the_likelihood_of_what_was_measured() -> None:
    values, missing, z = _low_rank(4)
    gaps = np.where(missing, np.nan, (values - values.mean(axis=0)) / values.std(axis=0))
    design = np.linalg.qr(np.column_stack([np.ones(N), z])).Q

    def likelihood(model: LowRank) -> float:
        covariance = model.weights @ model.weights.T + model.noise * np.eye(P)
        mean = design @ model.offset
        rows = [(row, ~missing[row]) for row in range(N)]
        return sum(
            multivariate_normal.logpdf(gaps[row, kept], mean[row, kept], covariance[np.ix_(kept, kept)])
            for row, kept in rows
        )

    fitted = LowRank.fit(gaps, design)
    other = [LowRank(fitted.weights * factor, fitted.noise, fitted.offset, 0) for factor in (0.9, 1.1)]
    other += [LowRank(fitted.weights, fitted.noise * factor, fitted.offset, 0) for factor in (0.9, 1.1)]
    other.append(LowRank(fitted.weights, fitted.noise, fitted.offset + 0.3, 0))
    assert all(likelihood(fitted) > likelihood(one) for one in other)


@pytest.mark.parametrize("method", METHODS)
def test_a_confound_added_is_a_confound_filled_in(method: str) -> None:
    """So what is filled in stays linear in the confounds, and removing them removes it."""
    values, missing, z = _low_rank(5, 5)
    gaps = np.where(missing, np.nan, values)
    added = z @ np.array([[3.0, 0, -1, 2, 5], [1, 1, 0, -4, 2]]) * values.std(axis=0)
    imputer = Imputer(method)  # type: ignore[arg-type]
    plain, shifted = imputer.fit_transform(gaps, confounds=z), imputer.fit_transform(gaps + added, confounds=z)
    np.testing.assert_allclose((shifted - plain - added) / values.std(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_units_and_the_order_of_rows_do_not_matter(method: str) -> None:
    values, missing, z = _low_rank(6, 5)
    gaps = np.where(missing, np.nan, values)
    order, units = np.random.default_rng(0).permutation(N), np.array([1e-3, 1, 5, 1e4, 2])
    imputer = Imputer(method)  # type: ignore[arg-type]
    plain = imputer.fit_transform(gaps, confounds=z)
    moved = imputer.fit_transform((gaps * units)[order], confounds=z[order])
    np.testing.assert_allclose(moved / (plain * units)[order], 1, atol=1e-5)


def test_the_way_is_chosen_by_size_and_said() -> None:
    values, missing, z = _low_rank(7, 31)
    gaps = np.where(missing, np.nan, values)
    wide = Imputer().fit(gaps, confounds=z)
    assert (wide.method_, wide.rank_) == ("low-rank", 3)
    narrow = Imputer().fit(gaps[:, :4])
    assert (narrow.method_, narrow.rank_) == ("iterative", None)


@pytest.mark.parametrize("method", METHODS)
def test_a_feature_that_a_site_lacks_is_filled_in_from_the_others(method: str) -> None:
    values, _, z = _low_rank(8, 6)
    site = np.arange(N) % 3
    dummies = np.column_stack([z, site == 1, site == 2]).astype(float)
    values += 5 * (site == 1)[:, None] * values.std(axis=0)
    gaps = values.copy()
    gaps[site == 1, 2] = np.nan
    filled = Imputer(method).fit_transform(gaps, confounds=dummies)  # type: ignore[arg-type]
    lost = site == 1
    assert np.corrcoef(filled[lost, 2], values[lost, 2])[0, 1] > 0.8


def test_columns_and_rows_without_enough_are_refused() -> None:
    rng = np.random.default_rng(9)
    table = pd.DataFrame(rng.standard_normal((41, 3)), [f"s{i}" for i in range(41)], ["a", "b", "c"])
    few = table.copy()
    few.iloc[:22, 1] = np.nan
    with pytest.raises(InputError, match=r"in 50% of them; 'b' has 19 of 41"):
        Imputer().fit(few)
    Imputer(max_missing=0.6).fit(few)
    few.iloc[:39, 1] = np.nan
    with pytest.raises(InputError, match=r"more than 3 training subjects .* 'b' has 2 of 41"):
        Imputer(max_missing=1.0).fit(few, confounds=rng.standard_normal((41, 2)))
    nobody = table.copy()
    nobody.iloc[[4, 9]] = np.nan
    with pytest.raises(InputError, match=r"'s4' has none, and 2 in all"):
        Imputer().fit(nobody)
    with pytest.raises(InputError, match="got 'mean'"):
        Imputer("mean").fit(table)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="need the 0 columns of the fit; got 1"):
        Imputer().fit(few.fillna(0)).transform(few, rng.standard_normal((41, 1)))
