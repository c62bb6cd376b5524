"""What the components of an alignment are made of, how sure that is, and how much of each view they explain."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fusion.arrays import Matrix
from fusion.confounds.residualize import check_confounds
from fusion.decomposition.loadings import structure_correlations, tabulate_features, tabulate_groups
from fusion.decomposition.residual_view import ResidualView
from fusion.errors import InputError
from fusion.loading_intervals import column_intervals, group_intervals
from fusion.parallel import map_permutations
from fusion.refits import UNIQUE_SHARE, BootstrapRefit, Components, HalvesRefit, cluster_codes, fit_components
from fusion.views.view import as_view

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Refits:
    """Components of the full sample, and the scores of every bootstrap sample's refit (of subjects: in memory only).

    Attributes
    ----------
    full : Components
    x_scores, y_scores : float64 arrays, shape [n_subjects, K]
        Of the full fit.
    x_draws, y_draws : float64 arrays, shape [n_subjects, n_draws]
        First component of every sample; no columns where the sample cannot bear refits.
    counts : int array, shape [n_subjects, n_draws]
        How often every subject was drawn.
    """

    full: Components
    x_scores: Matrix
    y_scores: Matrix
    x_draws: Matrix
    y_draws: Matrix
    counts: Any


def bootstrap_refits(
    x: Matrix,
    y: Matrix,
    *,
    n_components: int = 1,
    clusters: Any = None,
    n_draws: int = 200,
    seed: int = 0,
    n_jobs: int = 1,
) -> Refits:
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
    full = _oriented(fit_components(x, y, n_components))
    run = BootstrapRefit(x, y, full, cluster_codes(clusters, len(x)), seed)
    n_draws = n_draws if x.shape[1] + y.shape[1] < UNIQUE_SHARE * len(x) else 0
    weights = map_permutations(run, n_draws, n_jobs=n_jobs)[:, :, 0].T if n_draws else np.empty((0, 0))
    p = x.shape[1]
    draws = (x @ weights[:p], y @ weights[p:]) if n_draws else (np.empty((len(x), 0)),) * 2
    counts = np.stack([run.counts(index) for index in range(n_draws)], axis=1) if n_draws else None
    return Refits(full, x @ full.x_weights, y @ full.y_weights, *draws, counts)


def _oriented(components: Components) -> Components:
    """The largest x loading of every component is positive."""
    largest = np.abs(components.x_loadings).argmax(axis=0)
    signs = np.where(np.take_along_axis(components.x_loadings, largest[np.newaxis], axis=0)[0] < 0, -1.0, 1.0)
    return Components(*(part * signs for part in vars(components).values()))


def loading_table(
    view: Any,
    scores: Matrix,
    other_scores: Matrix,
    *,
    draws: Matrix,
    counts: Any,
    confounds: Any = None,
    grouped: bool,
) -> "tuple[pd.DataFrame, float]":
    """Loadings of the first component on the columns of a view, and the share of their variance that it carries.

    Parameters
    ----------
    view : View or table of shape (n_subjects, n_columns)
    scores, other_scores : float64 arrays, shape [n_subjects]
        Of this side and of the other.
    draws, counts : arrays, shape [n_subjects, n_draws]
        Of this side, from `bootstrap_refits`.
    confounds : float64 array, shape [n_subjects, n_confounds], optional
    grouped : bool
        One row per gene (root mean square over its columns) instead of one per column.

    Returns
    -------
    tuple of DataFrame and float
        ``gene_id`` or ``feature``, ``loading``, ``lo``, ``hi`` (95 % bootstrap interval, NaN without draws),
        ``cross_loading`` (with the other side's score), ``rank`` (1 = largest loading), and for genes ``max`` and
        ``n_columns``; mean squared structure loading over columns.
    """
    view = as_view(view)
    found = structure_correlations(view, np.column_stack([scores, other_scores]), confounds=confounds)
    own, cross = found.T
    tabulate = tabulate_groups if grouped else tabulate_features
    table = tabulate(view.column_groups, own)
    key = table.columns[0]
    crossed = tabulate(view.column_groups, cross).set_index(key)["loading"]
    if grouped or crossed.index.is_unique:
        table["cross_loading"] = table[key].map(crossed)
    else:
        raise InputError("Features need unique names for a table of loadings; some are repeated.")
    table[["lo", "hi"]] = np.nan
    if draws.shape[1]:
        residual = ResidualView(view, check_confounds(confounds, view.shape[0]))
        if grouped:
            bounds = group_intervals(residual, own, draws, counts, view.column_groups).loc[table[key]].to_numpy()
        else:
            order = table[key].map({name: j for j, name in enumerate(view.column_groups)}).to_numpy()
            bounds = np.nan_to_num(column_intervals(residual, own, draws, counts))[order]
        table[["lo", "hi"]] = bounds
    return table, float(np.nanmean(own**2))


def redundancy(variance_extracted: float, correlation: float) -> float:
    """Share of a view's variance that the other view's variate explains: mean squared loading times r squared.

    Negative correlations, as held-out ones may be, explain nothing.

    References
    ----------
    Stewart & Love (1968), doi:10.1037/h0026143.

    Examples
    --------
    >>> redundancy(0.25, 0.4)
    0.04000000000000001
    """
    return variance_extracted * max(correlation, 0.0) ** 2


def split_half_cosines(
    x: Matrix, y: Matrix, *, clusters: Any = None, n_repeats: int = 50, seed: int = 0, n_jobs: int = 1
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
    if x.shape[1] + y.shape[1] >= len(x) // 2 - 1:
        return None
    run = HalvesRefit(x, y, 1, cluster_codes(clusters, len(x)), n_repeats, seed)
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
