"""What one alignment found, as JSON values for report, tracking and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.config.run_config import AlignmentConfig
from fusion.interpretation.bootstrap import bootstrap_refits
from fusion.interpretation.loading_table import loading_table, redundancy
from fusion.interpretation.split_half import split_half_cosines
from fusion.power.detectability import NullR1, approximate_null_r1, required_n, rho_c, wachter_edge
from fusion.power.prediction import detectable_rho, predicted_power

if TYPE_CHECKING:
    from fusion.cross_validation.result import CrossValidatedCCA
    from fusion.decomposition.pca import ViewPCA
    from fusion.permutation.result import PermutationTestCCA
    from fusion.views.view import View


def describe_dimensions(
    x_pca: ViewPCA, y_pca: ViewPCA, cca: tuple[int, int], n_effective: int, settings: AlignmentConfig
) -> dict[str, Any]:
    """Components asked for, available, and entering CCA on both sides, by which rule."""
    is_auto = "auto" in (settings.x_dimensions, settings.y_dimensions)
    return {
        "x_requested": x_pca.n_components_requested_,
        "x_effective": x_pca.n_components_,
        "y_requested": y_pca.n_components_requested_,
        "y_effective": y_pca.n_components_,
        "x_cca": cca[0],
        "y_cca": cca[1],
        "rule": f"auto: the largest with N_eff/(P+Q) >= {settings.min_ratio:g}" if is_auto else "as configured",
        "ratio": n_effective / sum(cca),
    }


def describe_in_sample(tests: Mapping[str, PermutationTestCCA], statistic: str) -> dict[str, Any]:
    """Correlations with their p by the chosen statistic, and r1 beside its permutation null (Roy's)."""
    headline, roy = tests[statistic], tests["roy"]
    null_r1 = roy.null_statistics[1:, 0]
    return {
        "canonical_correlations": headline.canonical_correlations.tolist(),
        "statistic": statistic,
        "p_uncorrected": headline.to_dict()["p_uncorrected"],
        "p_fwer": headline.to_dict()["p_fwer"],
        "null_mean_r1": float(null_r1.mean()),
        "null_q95_r1": float(np.quantile(null_r1, 0.95)),
        "n_permutations": headline.n_permutations,
        "projection": headline.projection,
        "scheme": headline.scheme,
        "n_tested": headline.n_tested,
        "roy": {"p_fwer": roy.to_dict()["p_fwer"]},
    }


def describe_held_out(held_out: CrossValidatedCCA, r1: float) -> dict[str, Any]:
    """Held-out correlations beside their null; ``r1`` is the first in-sample correlation."""
    return {
        "rho": held_out.rho.tolist(),
        "p": held_out.p.tolist(),
        "p_fwer": held_out.p_fwer.tolist(),
        "interval": held_out.interval.tolist(),
        "rho_by_fold": held_out.rho_by_fold.tolist(),
        "null_mean": held_out.null_mean.tolist(),
        "null_q95": held_out.null_q95.tolist(),
        "n_splits": len(held_out.n_test),
        "n_unseen_levels": int(held_out.n_unseen.sum()),
        "n_permutations": len(held_out.null) - 1,
        "folds_sha256": held_out.folds_sha256,
        "ratio_to_in_sample": float(held_out.rho[0] / r1),
    }


def describe_detectability(n_effective: int, p: int, q: int, null: NullR1) -> dict[str, Any]:
    """What noise gives, what could be told from it and how likely, and how many subjects would halve that threshold."""
    threshold = rho_c(n_effective, p, q)
    with_power = detectable_rho(n_effective, p, q)
    expected = predicted_power(n_effective, p, q, min(threshold, 0.999))
    return {
        "rho_c": threshold,
        "null_r1_mean": null.mean,
        "null_r1_q95": null.q95,
        "null_r1_closed_form": approximate_null_r1(n_effective, p, q)._asdict(),
        "wachter_edge": wachter_edge(n_effective, p, q),
        "power_at_rho_c": {"roy": expected.roy, "wilks": expected.wilks},
        "rho_at_80_percent_power": with_power,
        "required_n": {"rho": threshold / 2, "n": required_n(threshold / 2, p, q)},
    }


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
