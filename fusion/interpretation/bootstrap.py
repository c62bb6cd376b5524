"""Refits to bootstrap samples of the subjects."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Int64
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Scores, cluster_codes
from fusion.cautions import caution
from fusion.interpretation.components import (
    RESAMPLING_KEY,
    UNIQUE_SHARE,
    Components,
    canonical_correlations,
    fit_components,
)
from fusion.interpretation.ties import TiedComponents, TiedSide, count_tied
from fusion.parallel import map_permutations
from fusion.subject_rows import check_same_subjects


@dataclass(frozen=True)
class BootstrapRefit:
    """Weights of bootstrap sample ``index``, x above y, [P + Q, K], matched to the full fit; picklable.

    Attributes
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
    full : Components
    clusters : int array, shape [n_subjects]
        Drawn as wholes.
    seed : int
    """

    x: Float64[np.ndarray, "n_subjects P"]
    y: Float64[np.ndarray, "n_subjects Q"]
    full: Components
    clusters: Int64[np.ndarray, " n_subjects"]
    seed: int

    def counts(self, index: int) -> Int64[np.ndarray, " n_subjects"]:
        """How often every subject is drawn, [n_subjects]."""
        n_clusters = int(self.clusters.max()) + 1
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(RESAMPLING_KEY, 0, index)))
        drawn: NDArray[np.int64] = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters))
        return np.asarray(drawn[self.clusters])

    def __call__(self, index: int) -> Float64[np.ndarray, "PQ K"]:
        fitted = fit_components(self.x, self.y, self.full.x_weights.shape[1], self.counts(index)).matched(self.full)
        return np.vstack([fitted.x_weights, fitted.y_weights])


@dataclass(frozen=True, eq=False)
class BootstrapScores:
    """Components of the full sample, and the scores of every bootstrap sample's refit (of subjects: in memory only).

    Attributes
    ----------
    full : Components
    x_scores, y_scores : float64 arrays, shape [n_subjects, K]
        Of the full fit.
    x_draws, y_draws : float64 arrays, shape [n_subjects, n_draws]
        First component of every sample; no columns where the sample cannot bear refits, or where the component is
        tied with others.
    counts : int array, shape [n_subjects, n_draws], or None
        How often every subject was drawn; None without columns of `x_draws`.
    tied : TiedComponents or None
        Where the first component cannot be told from those after it: what they span together.
    """

    full: Components
    x_scores: Scores
    y_scores: Scores
    x_draws: Float64[np.ndarray, "n_subjects n_draws"]
    y_draws: Float64[np.ndarray, "n_subjects n_draws"]
    counts: Int[np.ndarray, "n_subjects n_draws"] | None
    tied: TiedComponents | None = None

    @property
    def n_draws(self) -> int:
        """Refits that were made."""
        return self.x_draws.shape[1] if self.tied is None else len(self.tied.x.draws)


def bootstrap_refits(
    x: Float64[np.ndarray, "n_subjects P"],
    y: Float64[np.ndarray, "n_subjects Q"],
    *,
    n_components: int = 1,
    clusters: LabelsLike | None = None,
    n_draws: int = 200,
    seed: int = 0,
    n_jobs: int = 1,
) -> BootstrapScores:
    """Fit CCA to two embeddings and again to bootstrap samples of their subjects, matched in sign and axes.

    Parameters
    ----------
    x, y : float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
        Leading principal components without confounds, fixed: the intervals do not hold the uncertainty of PCA and of
        the confounds' coefficients.
    n_components : int
    clusters : array of labels, shape [n_subjects], optional
        Families, drawn as wholes.
    n_draws, seed, n_jobs : int
        Results do not depend on `n_jobs`. No draws are made if P + Q exceeds 60 % of the subjects.
    """
    check_same_subjects(x=x, y=y, clusters=clusters)
    full = _oriented(fit_components(x, y, n_components))
    scores, nothing = (x @ full.x_weights, y @ full.y_weights), np.empty((len(x), 0))
    if x.shape[1] + y.shape[1] >= UNIQUE_SHARE * len(x) or n_draws == 0:
        return BootstrapScores(full, *scores, nothing, nothing, None)
    correlations = canonical_correlations(x, y)
    n_tied = count_tied(correlations, len(x), x.shape[1], y.shape[1])
    fitted = full if n_tied == 1 else fit_components(x, y, n_tied)
    run = BootstrapRefit(x, y, fitted, cluster_codes(clusters, len(x), "clusters"), seed)
    counts = np.empty((len(x), n_draws), dtype=np.int16)  # of many subjects the largest table here, were it int64
    for index in range(n_draws):
        counts[:, index] = run.counts(index)
    weights = map_permutations(run, n_draws, n_jobs=n_jobs)
    of_x, of_y = weights[:, : x.shape[1]], weights[:, x.shape[1] :]
    if n_tied == 1:
        return BootstrapScores(full, *scores, x @ of_x[:, :, 0].T, y @ of_y[:, :, 0].T, counts)
    sides = TiedSide(x, fitted.x_weights, of_x, counts), TiedSide(y, fitted.y_weights, of_y, counts)
    tied = TiedComponents(correlations[:n_tied], *sides)
    caution(tied.warning(), stacklevel=2)
    return BootstrapScores(full, *scores, nothing, nothing, None, tied)


def _oriented(components: Components) -> Components:
    """The largest x loading of every component is positive."""
    largest = np.abs(components.x_loadings).argmax(axis=0)
    signs = np.where(np.take_along_axis(components.x_loadings, largest[np.newaxis], axis=0)[0] < 0, -1.0, 1.0)
    return Components(*(part * signs for part in vars(components).values()))
