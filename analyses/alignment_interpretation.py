"""What an alignment's first component is made of: loadings with intervals, stability over halves, redundancy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fusion.interpretation.bootstrap import bootstrap_refits
from fusion.interpretation.loading_table import loading_table, redundancy
from fusion.interpretation.split_half import split_half_cosines

if TYPE_CHECKING:
    from fusion.views.view import View

N_DRAWS = 200
N_HALVES = 50


def interpret(
    views: tuple[View, View],
    embeddings: tuple[np.ndarray, np.ndarray],
    *,
    confounds: np.ndarray,
    correlations: tuple[float, float],
    clusters: np.ndarray | None,
    seed: int,
    n_jobs: int,
) -> dict[str, Any]:
    """Loadings by gene and by brain feature, how alike random halves are, and what each side explains of the other.

    Parameters
    ----------
    views : pair of View [n_subjects, n_columns]
        Genes, brain.
    embeddings : pair of arrays [n_subjects, n_dimensions]
        The leading components that CCA takes.
    confounds : array [n_subjects, n_confounds]
    correlations : pair of float
        First correlation in sample, and held out.
    clusters : array [n_subjects], optional
        Families, drawn as wholes.

    Returns
    -------
    dict
        ``gene_loadings``, ``roi_loadings`` (records) and ``interpretation``.
    """
    x, y = embeddings
    refits = bootstrap_refits(x, y, clusters=clusters, n_draws=N_DRAWS, seed=seed, n_jobs=n_jobs)
    scores = refits.x_scores[:, 0], refits.y_scores[:, 0]
    settings: dict[str, Any] = {"counts": refits.counts, "confounds": confounds}
    genes, of_genes = loading_table(views[0], *scores, draws=refits.x_draws, grouped=True, **settings)
    features, of_brain = loading_table(views[1], *scores[::-1], draws=refits.y_draws, grouped=False, **settings)
    in_sample, held_out = correlations
    return {
        "gene_loadings": _records(genes),
        "roi_loadings": _records(features),
        "interpretation": {
            "n_bootstrap": refits.x_draws.shape[1],
            "n_halves": N_HALVES,
            "split_half": split_half_cosines(x, y, clusters=clusters, n_repeats=N_HALVES, seed=seed, n_jobs=n_jobs),
            "variance_extracted": {"genes": of_genes, "brain": of_brain},
            "redundancy": {
                "genes_given_brain": redundancy(of_genes, in_sample),
                "brain_given_genes": redundancy(of_brain, in_sample),
                "genes_given_brain_held_out": redundancy(of_genes, held_out),
                "brain_given_genes_held_out": redundancy(of_brain, held_out),
            },
        },
    }


def _records(table: Any) -> list[dict[str, Any]]:
    """Rows whose missing bounds are None, as JSON wants them."""
    return [
        {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
