"""Location and scale of one site's standardised features, shrunk towards what all its features have in common."""

import numpy as np

from fusion.arrays import Matrix

CONVERGED = 1e-4
"""Largest relative change at which the parametric iteration stops: that of the published implementations, so that
equal data give equal numbers; a tighter one would move the result by about as much as it is."""

MAX_TURNS = 10_000


def shrink_parametric(standardised: Matrix, location: Matrix, scale: Matrix) -> tuple[Matrix, Matrix]:
    """Posterior means under a normal prior of locations and an inverse-gamma prior of scales, by moments.

    Parameters
    ----------
    standardised : float64 array, shape [n_subjects, n_features]
        Rows of the site.
    location, scale : float64 array, shape [n_features]
        Mean and variance (ddof 1) of each feature among these rows.

    Returns
    -------
    tuple of float64 arrays, shape [n_features]
        Location, and scale (a variance).

    References
    ----------
    Johnson, Li & Rabinovic (2007), doi:10.1093/biostatistics/kxj037.
    """
    n, prior, spread = len(standardised), float(location.mean()), float(location.var(ddof=1))
    mean, variance = float(scale.mean()), float(scale.var(ddof=1))
    if variance == 0:  # the prior is a point: no feature differs in scale
        return (n * spread * location + mean * prior) / (n * spread + mean), np.full_like(scale, mean)
    shape, rate = 2 + mean**2 / variance, mean + mean**3 / variance
    total, square = standardised.sum(axis=0), np.square(standardised).sum(axis=0)
    old = location, scale
    for _ in range(MAX_TURNS):
        new_location = (n * spread * location + old[1] * prior) / (n * spread + old[1])
        squares = square - 2 * new_location * total + n * new_location**2
        new = new_location, (squares / 2 + rate) / (n / 2 + shape - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Signed divisors as published: a change of a negative location does not count.
            change = max(np.max(abs(a - b) / b) for a, b in zip(new, old, strict=True))
        old = new
        if not change > CONVERGED:
            break
    return old


def shrink_location(location: Matrix) -> Matrix:
    """Posterior mean of locations alone, every scale and weight being 1 (mean-only adjustment)."""
    spread = location.var(ddof=1)
    shrunk: Matrix = (spread * location + location.mean()) / (spread + 1)
    return shrunk


def shrink_nonparametric(standardised: Matrix, location: Matrix, scale: Matrix) -> tuple[Matrix, Matrix]:
    """Posterior means under the empirical prior of all other features' locations and scales.

    Likelihoods are weighed as logarithms, so that large sites do not underflow.

    Parameters
    ----------
    standardised, location, scale
        As for `shrink_parametric`.
    """
    n = len(standardised)
    shrunk = np.empty((2, len(location)))
    log_constant = -n / 2 * np.log(2 * np.pi * scale)
    for j, column in enumerate(standardised.T):
        squares = np.square(column).sum() - 2 * location * column.sum() + n * location**2
        log_likelihood = log_constant - squares / (2 * scale)
        log_likelihood[j] = -np.inf
        weights = np.exp(log_likelihood - log_likelihood.max())
        shrunk[:, j] = weights @ location / weights.sum(), weights @ scale / weights.sum()
    return shrunk[0], shrunk[1]
