"""What the first component is made of, as it is saved: loadings, how sure they are, what each side explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.results.schema.interpretations import (
    Angle,
    FeatureLoading,
    GeneLoading,
    Interpretation,
    Redundancy,
    SplitHalf,
    SplitHalves,
    Tied,
    VarianceExtracted,
)
from analyses.results.serialisation import tuples
from fusion.interpretation.bootstrap import bootstrap_refits
from fusion.interpretation.loading_table import communality_table, loading_table, redundancy
from fusion.interpretation.split_half import split_half_cosines
from fusion.interpretation.ties import TiedComponents

if TYPE_CHECKING:
    import pandas as pd

    from fusion.views.view import View

N_DRAWS = 200
N_HALVES = 50


@dataclass(frozen=True)
class FirstComponent:
    """What the first component is made of, by gene and by brain feature, and how sure that is."""

    gene_loadings: tuple[GeneLoading, ...]
    feature_loadings: tuple[FeatureLoading, ...]
    interpretation: Interpretation


def interpret(
    views: tuple[View, View],
    embeddings: tuple[np.ndarray, np.ndarray],
    *,
    confounds: np.ndarray,
    correlations: tuple[float, float],
    clusters: np.ndarray,
    seed: int,
    n_jobs: int,
) -> FirstComponent:
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
    clusters : array [n_subjects]
        Who is drawn as one.
    """
    x, y = embeddings
    refits = bootstrap_refits(x, y, clusters=clusters, n_draws=N_DRAWS, seed=seed, n_jobs=n_jobs)
    scores = refits.x_scores[:, 0], refits.y_scores[:, 0]
    settings: dict[str, Any] = {"counts": refits.counts, "confounds": confounds}
    genes, of_genes = loading_table(views[0], *scores, draws=refits.x_draws, grouped=True, **settings)
    features, of_brain = loading_table(views[1], *scores[::-1], draws=refits.y_draws, grouped=False, **settings)
    tied = refits.tied
    if tied is not None:
        genes = genes.join(communality_table(views[0], tied.x, confounds=confounds, grouped=True), on="gene_id")
        features = features.join(communality_table(views[1], tied.y, confounds=confounds, grouped=False), on="feature")
    in_sample, held_out = correlations
    halves = split_half_cosines(x, y, clusters=clusters, n_repeats=N_HALVES, seed=seed, n_jobs=n_jobs)
    return FirstComponent(
        gene_loadings=tuple(GeneLoading(**row) for row in _records(genes)),
        feature_loadings=tuple(FeatureLoading(**row) for row in _records(features)),
        interpretation=Interpretation(
            n_bootstrap=refits.n_draws,
            n_halves=N_HALVES,
            split_half=None if halves is None else _describe_halves(halves),
            variance_extracted=VarianceExtracted(of_genes, of_brain),
            redundancy=Redundancy(
                genes_given_brain=redundancy(of_genes, in_sample),
                brain_given_genes=redundancy(of_brain, in_sample),
                genes_given_brain_held_out=redundancy(of_genes, held_out),
                brain_given_genes_held_out=redundancy(of_brain, held_out),
            ),
            tied=None if tied is None else _describe_tied(tied),
        ),
    )


def _describe_tied(tied: TiedComponents) -> Tied:
    of_genes, of_brain = (Angle(**vars(side.angle())) for side in (tied.x, tied.y))
    return Tied(canonical_correlations=tuples(tied.correlations), genes=of_genes, brain=of_brain)


def _describe_halves(halves: Mapping[str, dict[str, Any]]) -> SplitHalves:
    found = {side: SplitHalf(**half | {"interval": tuples(half["interval"])}) for side, half in halves.items()}
    return SplitHalves(**found)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows whose missing bounds are None, as JSON wants them."""
    return [
        {str(key): None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
