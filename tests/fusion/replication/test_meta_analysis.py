"""Meta-analysis gives what published examples print, and what a direct computation gives."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import combine_pvalues, t

from fusion import InputError, combine_correlations
from fusion.replication.meta_analysis import combine_estimates, se_of_interval, stouffer

# Trials of the BCG vaccine: cases and others among the vaccinated, cases and others among controls (Viechtbauer 2010,
# Journal of Statistical Software 36(3), table 1; doi:10.18637/jss.v036.i03).
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)


def relative_risks() -> tuple[np.ndarray, np.ndarray]:
    """Logarithms and their variances."""
    ill, well, ill_control, well_control = BCG.T
    log_ratio = np.log(ill / (ill + well)) - np.log(ill_control / (ill_control + well_control))
    return log_ratio, 1 / ill - 1 / (ill + well) + 1 / ill_control - 1 / (ill_control + well_control)


def test_the_bcg_trials_give_the_digits_that_metafor_prints() -> None:
    """Q as in the article; the others as `rma` of metafor prints them with methods FE and DL."""
    found = combine_estimates(*relative_risks())
    assert round(found.q, 3) == 152.233
    assert found.q_p < 1e-4
    assert (round(found.fixed.rho, 4), round(found.fixed.se, 4)) == (-0.4303, 0.0405)
    assert [round(bound, 4) for bound in found.fixed.interval] == [-0.5097, -0.3509]
    laird = found.dersimonian_laird
    assert (round(found.tau2[0], 4), round(laird.rho, 4), round(laird.se, 4)) == (0.3088, -0.7141, 0.1787)


def test_an_interlaboratory_study_gives_metafors_digits_by_either_estimator() -> None:
    """Kacker (2004), doi:10.1088/0026-1394/41/3/004; values of metafor as the tests of statsmodels record them."""
    y = [61.0, 61.4, 62.21, 62.3, 62.34, 62.6, 62.7, 62.84, 65.9]
    v = [0.2025, 1.2100, 0.0900, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225]
    found = combine_estimates(y, v)
    assert found.tau2 == pytest.approx((0.288049246973751, 0.705395309224248), rel=1e-8)
    assert found.q == pytest.approx(24.801897741835)
    assert found.q_p == pytest.approx(0.00167935146372742)
    mandel = found.paule_mandel
    assert (mandel.rho, mandel.se) == pytest.approx((62.4076199113286, 0.338030602684471))
    assert mandel.interval == pytest.approx((61.7450921043947, 63.0701477182625))
    laird = found.dersimonian_laird
    assert (laird.rho, *laird.interval) == pytest.approx((62.3901386044504, 61.9084781058787, 62.8717991030221))


def test_six_correlations_give_the_digits_of_the_textbook() -> None:
    """Borenstein, Hedges, Higgins & Rothstein (2009), Introduction to Meta-Analysis, chapter 14."""
    n = np.array([40, 90, 25, 400, 60, 50])
    found = combine_correlations([0.50, 0.60, 0.40, 0.20, 0.70, 0.45], (n - 3) ** -0.5)
    assert (round(found.q, 4), round(found.tau2[0], 4), round(found.i2, 4)) == (36.1437, 0.0819, 0.8617)
    assert round(found.fixed.rho, 4) == 0.3584
    assert round(math.atanh(found.dersimonian_laird.rho), 4) == 0.5328
    assert [round(math.atanh(bound), 4) for bound in found.dersimonian_laird.interval] == [0.2784, 0.7872]


@given(st.lists(st.tuples(st.floats(-0.9, 0.9), st.floats(0.03, 0.4)), min_size=2, max_size=9))
@settings(max_examples=30)
def test_hartung_and_knapp_by_hand(studies: list[tuple[float, float]]) -> None:
    rho, se = zip(*studies, strict=True)
    found = combine_correlations(rho, se)
    z, k = np.arctanh(rho), len(rho)
    weights = 1 / (np.square(se) + found.tau2[1])
    mean = weights @ z / weights.sum()
    scale = max(1.0, float(weights @ (z - mean) ** 2 / (k - 1)))  # Paule and Mandel's variance makes it 1, or is 0
    half = t.isf(0.025, k - 1) * math.sqrt(scale / weights.sum())
    np.testing.assert_allclose(np.arctanh(found.hartung_knapp.interval), [mean - half, mean + half], atol=1e-5)
    assert found.weights.sum() == pytest.approx(1.0)
    assert (found.prediction is None) == (k == 2)
    assert 0 <= found.i2 < 1
    assert found.hartung_knapp.se >= found.paule_mandel.se - 1e-12


def test_studies_that_agree_by_chance_are_not_more_certain_than_their_sizes() -> None:
    found = combine_correlations([0.2, 0.2001], [0.1, 0.1])
    assert found.tau2 == (0.0, 0.0)
    assert found.hartung_knapp.interval[0] < found.fixed.interval[0]


@pytest.mark.parametrize(
    ("rho", "se", "sentence"),
    [
        ([0.2], [0.1], "at least two studies"),
        ([0.2, 1.0], [0.1, 0.1], "study 2 has 1 and 0.1"),
        ([0.2, float("nan")], [0.1, 0.1], "study 2 has nan"),
        ([0.2, 0.3], [0.1, 0.0], "study 2 has 0.3 and 0"),
        ([0.2, 0.3], [0.1], "2 correlations and 1 standard errors"),
    ],
)
def test_what_is_no_study_is_named(rho: list[float], se: list[float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        combine_correlations(rho, se)


def test_an_interval_gives_the_standard_error_it_rests_on() -> None:
    low, high = np.tanh(0.31 + np.array([-1.959964, 1.959964]) * 0.083)
    assert se_of_interval(low, high) == pytest.approx(0.083, rel=1e-6)
    with pytest.raises(InputError, match="low before high"):
        se_of_interval(0.3, 0.1)


def test_combined_p_is_scipys_with_root_weights() -> None:
    p, n = [0.03, 0.4, 0.2], [300, 120, 77]
    expected = combine_pvalues(p, method="stouffer", weights=np.sqrt(n)).pvalue
    assert stouffer(p, n, [999] * 3) == pytest.approx(expected)
    assert 0.9 < stouffer([1.0, 1.0], [50, 60], [999, 999]) < 1
