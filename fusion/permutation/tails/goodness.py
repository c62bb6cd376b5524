"""Whether a fitted law describes the permuted values: Anderson-Darling statistics and their p under that very fit."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.permutation.tails.laws import Law, ParetoTail, PearsonIII

LEAST_SURVIVAL = 1e-300
"""Logarithms are taken of no less."""


def goodness_of_pearson(law: PearsonIII, draws: Float64[np.ndarray, " n_draws"], kind: Law) -> float:
    """p of a law with the draws' own moments, by the Anderson-Darling statistic that weighs the upper tail.

    AU^2 = n/2 - 2 sum F_i - sum (2 - (2 i - 1)/n) log S_i over the ordered draws. Its null depends on which moments
    were fitted and on the skewness, not on mean and standard deviation.

    Returns
    -------
    float
        Interpolated between 0.01 and 0.5, and these at either end; 0 outside the skewnesses of the table.

    References
    ----------
    Sinclair, Spurr & Ahmad (1990), doi:10.1080/03610929008830405.
    """
    skewness, table = SKEWNESSES[kind], PEARSON_TABLES[kind]
    if not skewness[0] <= law.skewness <= skewness[-1]:
        return 0.0
    survival = np.maximum(law.survival(np.sort(draws)), LEAST_SURVIVAL)
    n = len(draws)
    weights = 2 - (2 * np.arange(1, n + 1) - 1) / n
    statistic = n / 2 - 2 * (1 - survival).sum() - (weights * np.log(survival)).sum()
    return _p(statistic, law.skewness, skewness, table, LEVELS)


def goodness_of_pareto(law: ParetoTail, excesses: Float64[np.ndarray, " n_tail"]) -> float:
    """p of a generalised Pareto law with both parameters fitted, by the Anderson-Darling statistic.

    Parameters
    ----------
    excesses : float64 array, shape [n_tail]
        Values above the threshold.

    Returns
    -------
    float
        Interpolated between 0.001 and 0.5, and these at either end.

    References
    ----------
    Choulakian & Stephens (2001), doi:10.1198/00401700152672573, table 2: A^2, both parameters unknown.
    """
    survival = np.clip(law.survival(np.sort(excesses)), LEAST_SURVIVAL, 1 - 1e-16)
    n = len(excesses)
    weights = (2 * np.arange(1, n + 1) - 1) / n
    statistic = -n - (weights * (np.log1p(-survival) + np.log(survival[::-1]))).sum()
    return _p(statistic, law.shape, PARETO_SHAPES, PARETO_TABLE, PARETO_LEVELS)


def _p(statistic: float, at: float, rows: Matrix, table: Matrix, levels: Matrix) -> float:
    """p of a statistic, its critical values interpolated at a shape, its logarithm between levels."""
    critical = [float(np.interp(at, rows, column)) for column in table.T]
    return float(np.exp(np.interp(statistic, critical, np.log(levels))))


LEVELS = np.array([0.5, 0.25, 0.1, 0.05, 0.025, 0.01])
SKEWNESSES: dict[Law, Matrix] = {
    "gamma": np.array([0.1, 0.5, 1.0, 1.5, 2.0]),
    "pearson III": np.array([-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25]),
}
PEARSON_TABLES: dict[Law, Matrix] = {
    "gamma": np.array(
        [
            [0.166, 0.236, 0.325, 0.391, 0.458, 0.545],
            [0.165, 0.232, 0.317, 0.381, 0.449, 0.548],
            [0.167, 0.238, 0.329, 0.401, 0.472, 0.565],
            [0.173, 0.251, 0.357, 0.439, 0.520, 0.638],
            [0.188, 0.283, 0.414, 0.523, 0.634, 0.795],
        ]
    ),
    "pearson III": np.array(
        [
            [0.158, 0.224, 0.313, 0.382, 0.457, 0.572],
            [0.146, 0.204, 0.276, 0.331, 0.387, 0.456],
            [0.141, 0.195, 0.262, 0.312, 0.360, 0.424],
            [0.140, 0.196, 0.266, 0.316, 0.368, 0.430],
            [0.144, 0.200, 0.273, 0.329, 0.383, 0.459],
            [0.152, 0.216, 0.299, 0.363, 0.436, 0.539],
            [0.162, 0.237, 0.343, 0.432, 0.536, 0.688],
            [0.181, 0.277, 0.424, 0.559, 0.725, 1.051],
        ]
    ),
}
"""Upper points of AU^2 in 20,000 samples of 1,000 draws for each row; the tests draw some anew."""

PARETO_LEVELS = np.array([0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
PARETO_SHAPES = np.array([-0.9, -0.5, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
PARETO_TABLE = np.array(
    [
        [0.339, 0.471, 0.641, 0.771, 0.905, 1.086, 1.226, 1.559],
        [0.356, 0.499, 0.685, 0.830, 0.978, 1.180, 1.336, 1.707],
        [0.376, 0.534, 0.741, 0.903, 1.069, 1.296, 1.471, 1.893],
        [0.386, 0.550, 0.766, 0.935, 1.110, 1.348, 1.532, 1.966],
        [0.397, 0.569, 0.796, 0.974, 1.158, 1.409, 1.603, 2.064],
        [0.410, 0.591, 0.831, 1.020, 1.215, 1.481, 1.687, 2.176],
        [0.426, 0.617, 0.873, 1.074, 1.283, 1.567, 1.788, 2.314],
        [0.445, 0.649, 0.924, 1.140, 1.365, 1.672, 1.909, 2.475],
        [0.468, 0.688, 0.985, 1.221, 1.465, 1.799, 2.058, 2.674],
        [0.496, 0.735, 1.061, 1.321, 1.590, 1.958, 2.243, 2.922],
    ]
)
