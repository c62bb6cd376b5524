"""How alike the components of two random halves are, against shuffled pairs."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Matrix, cluster_codes
from fusion.interpretation.components import RESAMPLING_KEY, fit_components
from fusion.parallel import map_permutations
from fusion.subject_rows import check_same_subjects


@dataclass(frozen=True)
class SplitHalfCosines:
    """Cosines between two random halves, [2, 2, K]: weights or loadings, of x or y; picklable.

    The halves' components are matched in sign and axes, x and y together. Index 0 .. n_repeats - 1 are the observed
    pairs; in the n_repeats after them the subjects of y are shuffled within the same halves, which is what instability
    alone gives at this size.
    """

    x: Float64[np.ndarray, "n_subjects P"]
    y: Float64[np.ndarray, "n_subjects Q"]
    n_components: int
    clusters: Int64[np.ndarray, " n_subjects"]
    n_repeats: int
    seed: int

    def __call__(self, index: int) -> Float64[np.ndarray, "2 2 K"]:
        is_shuffled, repeat = divmod(index, self.n_repeats)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(RESAMPLING_KEY, 1, repeat)))
        n_clusters = int(self.clusters.max()) + 1
        first = (rng.permutation(n_clusters) < n_clusters // 2)[self.clusters]
        halves = [np.flatnonzero(first == wanted) for wanted in (True, False)]
        return self._cosines(halves, [rng.permutation(rows) for rows in halves] if is_shuffled else halves)

    def _cosines(self, halves: list[NDArray[np.intp]], partners: list[NDArray[np.intp]]) -> Matrix:
        one, other = (
            fit_components(self.x, self.y, self.n_components, rows=(rows, mates))
            for rows, mates in zip(halves, partners, strict=True)
        )
        one = one.matched(other)
        return np.array(
            [
                [_cosine(one.x_weights, other.x_weights), _cosine(one.y_weights, other.y_weights)],
                [_cosine(one.x_loadings, other.x_loadings), _cosine(one.y_loadings, other.y_loadings)],
            ]
        )


def _cosine(a: Matrix, b: Matrix) -> Matrix:
    return np.asarray((a * b).sum(axis=0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0))


def split_half_cosines(
    x: Float64[np.ndarray, "n_subjects P"],
    y: Float64[np.ndarray, "n_subjects Q"],
    *,
    clusters: LabelsLike | None = None,
    n_repeats: int = 50,
    seed: int = 0,
    n_jobs: int = 1,
) -> dict[str, dict[str, Any]] | None:
    """How alike the first component is when fitted to two random halves, over repeated halves.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
        Embeddings, as for `bootstrap_refits`.
    clusters, seed, n_jobs
        As there.
    n_repeats : int

    Returns
    -------
    dict or None
        ``x_weights, y_weights, x_loadings, y_loadings``, each with ``median``, ``interval`` (central 95 % of the
        repeats) and ``null_median``, ``null_q95`` (the pairing of subjects shuffled within halves: noise has large
        cosines of loadings where few axes carry the variance). None if a half does not bear the fit.
    """
    check_same_subjects(x=x, y=y, clusters=clusters)
    if x.shape[1] + y.shape[1] >= len(x) // 2 - 1:
        return None
    run = SplitHalfCosines(x, y, 1, cluster_codes(clusters, len(x), "clusters"), n_repeats, seed)
    observed, shuffled = np.split(map_permutations(run, 2 * n_repeats, n_jobs=n_jobs)[..., 0], 2)
    found = {}
    for i, kind in enumerate(("weights", "loadings")):
        for j, side in enumerate("xy"):
            values, null = observed[:, i, j], shuffled[:, i, j]
            found[f"{side}_{kind}"] = {
                "median": float(np.median(values)),
                "interval": np.quantile(values, [0.025, 0.975]).tolist(),
                "null_median": float(np.median(null)),
                "null_q95": float(np.quantile(null, 0.95)),
            }
    return found
