"""What arms are, apart from how they align: consistency of strands, likeness of representations, cost."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.arms.arm import Arm, SequenceArm
from analyses.arms.cost import count_flops
from analyses.arms.strands import measure_rc_consistency
from analyses.results.workspace import Workspace
from fusion.comparison.similarity import linear_cka, principal_angles
from fusion.decomposition.loadings import group_loadings

if TYPE_CHECKING:
    from fusion.cross_validation.result import CrossValidatedCCA
    from fusion.views.view import View

ALIKE_DEGREES = 30.0
"""Directions of two representations closer than this are counted as shared."""


def describe_arm(arm: Arm, workspace: Workspace) -> dict[str, Any]:
    """Strand consistency over genes (written per gene beside) and the cost of the arm's vectors so far.

    Both are None for vectors that were made elsewhere.
    """
    spec = arm.spec
    known: dict[str, Any] = {"arm": arm.name, "arm_label": spec.label, "rc_mode": spec.rc_mode}
    known |= {"hidden_dim": spec.hidden_dim, "trained": spec.trained}
    if not isinstance(arm, SequenceArm):
        return known | {"rc_consistency": None, "cost": None}
    return known | {"rc_consistency": _strands(arm, workspace), "cost": _cost(arm)}


def _strands(arm: SequenceArm, workspace: Workspace) -> dict[str, Any]:
    import pandas as pd

    genes = measure_rc_consistency(arm.encoder, arm.windows())
    workspace.write_text(f"comparison/rc_consistency__{arm.name}.csv", pd.DataFrame(genes).to_csv(index=False))
    return {
        "n_genes": len(genes),
        "median_cosine": median(gene["cosine"] for gene in genes),
        "least_cosine": min(gene["cosine"] for gene in genes),
        "median_relative_l2": median(gene["relative_l2"] for gene in genes),
        "most_relative_l2": max(gene["relative_l2"] for gene in genes),
    }


def _cost(arm: SequenceArm) -> dict[str, Any]:
    """What all vectors have cost so far, and the operations of the longest reference window."""
    table = arm.windows()
    longest = max((table.sequences[index] for index in table.reference_index), key=len)
    return arm.cost() | {"window_bp": len(longest), "gflop_per_window": count_flops(arm.encoder, longest) / 1e9}


def loading_stability(view: View, held_out: CrossValidatedCCA, nuisance: np.ndarray) -> dict[str, float]:
    """Do the genes that carry the first component stay the same from fold to fold?

    In the subjects that each fold held out, genes are ranked by their correlation with these subjects' held-out scores.

    Returns
    -------
    dict
        ``mean`` and ``least`` Spearman correlation of the genes' loadings over all pairs of folds. The test subjects of
        two folds are different people, so loadings that are noise correlate by about 0 only if genes are equally wide.
    """
    from scipy.stats import spearmanr

    loadings = []
    for _, test in held_out.folds:
        scores = np.asarray(held_out.x_scores)[test, 0]
        table = group_loadings(view, scores, confounds=nuisance, rows=test)
        loadings.append(table.set_index("gene_id")["loading"].sort_index().to_numpy())
    values = [float(spearmanr(a, b).statistic) for a, b in combinations(loadings, 2)]
    return {"mean": float(np.mean(values)), "least": min(values)}


def compare_representations(scores: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Linear CKA and principal angles between every two arms' subject scores.

    Parameters
    ----------
    scores : mapping of arm to float array [n_subjects, n_components]
        What enters CCA: confounds removed, the same number of components in every arm.
    """
    return [
        {"arm_a": a, "arm_b": b, "cka": linear_cka(scores[a], scores[b]), **_angles(scores[a], scores[b])}
        for a, b in combinations(scores, 2)
    ]


def _angles(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    angles = principal_angles(a, b)
    return {
        "smallest_angle": float(angles[0]),
        "median_angle": float(np.median(angles)),
        "largest_angle": float(angles[-1]),
        "n_alike": int((angles < ALIKE_DEGREES).sum()),
        "n_components": len(angles),
    }
