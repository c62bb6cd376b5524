"""What arms are, apart from how they align: consistency of strands, likeness of representations, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from analyses.arms.arm import Arm, SequenceArm
from analyses.arms.cost import count_flops
from analyses.arms.strands import measure_rc_consistency
from analyses.formats import table_text
from analyses.results.schema.comparisons import (
    ArmProperties,
    EmbeddingCost,
    LoadingStability,
    RepresentationLikeness,
    StrandConsistency,
)
from analyses.results.workspace import Workspace
from fusion.comparison.similarity import linear_cka, principal_angles
from fusion.decomposition.loadings import group_loadings

if TYPE_CHECKING:
    from fusion.cross_validation.result import CrossValidatedCCA

ALIKE_DEGREES = 30.0
"""Directions of two representations closer than this are counted as shared."""


def describe_arm(arm: Arm, workspace: Workspace) -> ArmProperties:
    """Strand consistency over genes (written per gene beside) and the cost of the arm's vectors so far."""
    spec = arm.spec
    return ArmProperties(
        arm=arm.name,
        arm_label=spec.label,
        rc_mode=spec.rc_mode,
        hidden_dim=spec.hidden_dim,
        trained=spec.trained,
        rc_consistency=_strands(arm, workspace) if isinstance(arm, SequenceArm) else None,
        cost=_cost(arm) if isinstance(arm, SequenceArm) else None,
    )


def _strands(arm: SequenceArm, workspace: Workspace) -> StrandConsistency:
    import pandas as pd

    genes = measure_rc_consistency(arm.encoder, arm.windows())
    workspace.write_text(f"comparison/rc_consistency__{arm.name}.csv", table_text(pd.DataFrame(genes)))
    return StrandConsistency(
        n_genes=len(genes),
        median_cosine=median(gene.cosine for gene in genes),
        least_cosine=min(gene.cosine for gene in genes),
        median_relative_l2=median(gene.relative_l2 for gene in genes),
        most_relative_l2=max(gene.relative_l2 for gene in genes),
    )


def _cost(arm: SequenceArm) -> EmbeddingCost:
    """What all vectors have cost so far, and the operations of the longest reference window."""
    table = arm.windows()
    longest = max((table.sequences[index] for index in table.reference_index), key=len)
    return EmbeddingCost(
        **asdict(arm.cost()), window_bp=len(longest), gflop_per_window=count_flops(arm.encoder, longest) / 1e9
    )


def loading_stability(arm: Arm, view: str, held_out: CrossValidatedCCA, nuisance: np.ndarray) -> LoadingStability:
    """Do the genes that carry the first component stay the same from fold to fold?

    In the subjects that each fold held out, genes are ranked by their correlation with these subjects' held-out scores.
    The test subjects of two folds are different people, so loadings that are noise correlate by about 0 only if genes
    are equally wide. Not defined where a fold gives genes no order: one gene, genes of one loading, constant scores.

    Parameters
    ----------
    arm : Arm
    view : str
        Brain view that the arm was aligned with.
    held_out : CrossValidatedCCA
        Of that alignment, with its scores.
    nuisance : float array [n_subjects, n_confounds]
    """
    from scipy.stats import spearmanr

    nowhere = LoadingStability(arm=arm.name, view=view, mean=None, least=None)
    loadings, gene_view = [], arm.gene_view()
    for _, test in held_out.folds:
        scores = np.asarray(held_out.x_scores)[test, 0]
        if np.ptp(scores) == 0:  # a rare allele that none of them carries
            return nowhere
        table = group_loadings(gene_view, scores, confounds=nuisance, rows=test)
        loadings.append(table.set_index("gene_id")["loading"].sort_index().to_numpy())
        if np.ptp(loadings[-1]) == 0:
            return nowhere
    values = [float(spearmanr(a, b).statistic) for a, b in combinations(loadings, 2)]
    return LoadingStability(arm=arm.name, view=view, mean=float(np.mean(values)), least=min(values))


def compare_representations(scores: Mapping[str, np.ndarray]) -> tuple[RepresentationLikeness, ...]:
    """Linear CKA and principal angles between every two arms' subject scores.

    Parameters
    ----------
    scores : mapping of arm to float array [n_subjects, n_components]
        What enters CCA: confounds removed, the same number of components in every arm.
    """
    return tuple(_likeness((a, b), scores[a], scores[b]) for a, b in combinations(scores, 2))


def _likeness(arms: tuple[str, str], a: np.ndarray, b: np.ndarray) -> RepresentationLikeness:
    angles = principal_angles(a, b)
    return RepresentationLikeness(
        arm_a=arms[0],
        arm_b=arms[1],
        cka=linear_cka(a, b),
        smallest_angle=float(angles[0]),
        median_angle=float(np.median(angles)),
        largest_angle=float(angles[-1]),
        n_alike=int((angles < ALIKE_DEGREES).sum()),
        n_components=len(angles),
    )
