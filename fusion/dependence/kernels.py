"""Centred similarity matrices of which every statistic of dependence is the scaled inner product.

A permutation of subjects permutes rows and columns of one matrix, which stays centred and keeps its norm.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from scipy.spatial.distance import pdist, squareform

from fusion.arrays import Matrix
from fusion.errors import InputError

Statistic = Literal["rv", "dcor", "hsic"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

Square = Float64[np.ndarray, "n_rows n_rows"]


def linear_gram(view: Matrix) -> Square:
    """Inner products of centred rows: of two views, their RV coefficient (linear CKA).

    References
    ----------
    Escoufier (1973), doi:10.2307/2529140.
    """
    centred = view - view.mean(axis=0)
    return np.asarray(centred @ centred.T)


def gaussian_gram(view: Matrix) -> Square:
    """Gaussian kernel, its width the median distance of two rows, doubly centred: HSIC scaled by its norms.

    References
    ----------
    Gretton et al. (2007), NeurIPS 20, "A kernel statistical test of independence"; Cortes, Mohri & Rostamizadeh
    (2012), JMLR 13:795, for the scaling.
    """
    square = pdist(view, "sqeuclidean")
    width = float(np.median(square))
    if width == 0:
        raise InputError(
            "HSIC takes the median distance between subjects as the width of its kernel; more than half of the pairs "
            "have distance 0: leave hsic out, or give a view with more distinct rows."
        )
    kernel = squareform(np.exp(-square / width))
    np.fill_diagonal(kernel, 1.0)
    return np.asarray(kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, np.newaxis] + kernel.mean())


def centred_distances(view: Matrix) -> Square:
    """U-centred Euclidean distances: of two views, their squared distance correlation without bias.

    References
    ----------
    Szekely & Rizzo (2014), doi:10.1214/14-AOS1255.
    """
    distances = squareform(pdist(view))
    n = len(distances)
    of_rows = distances.sum(axis=0) / (n - 2)
    centred = distances - of_rows - of_rows[:, np.newaxis] + distances.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centred, 0.0)
    return np.asarray(centred)


MATRICES: dict[str, Callable[[Matrix], Square]] = {
    "rv": linear_gram,
    "dcor": centred_distances,
    "hsic": gaussian_gram,
}
