"""What an attribution leaves: every block with its change, its p and its loading, the largest change first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.experiments.attribution.blocks import Panel
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments.attributions import Attribution, BlockChange, GeneSet, SmallestValues
from analyses.results.serialisation import optional_interval
from fusion.attribution import attainable_floors

if TYPE_CHECKING:
    from fusion.attribution import BlockAttribution
    from fusion.attribution.parts import Blocks


def undefined(known: Mapping[str, Any], reason: str) -> Attribution:
    """An attribution that has no answer, and why."""
    return Attribution(
        **known,
        measure="",
        whole=None,
        reason=reason,
        dimensions=(),
        n_given=0,
        smallest=None,
        blocks=(),
        sets=(),
        length_known=False,
    )


def describe(
    known: Mapping[str, Any],
    found: BlockAttribution,
    blocks: Blocks,
    columns: Sequence[str],
    summary: AlignmentSummary | None,
    panel: Panel | None,
    sets: Sequence[GeneSet],
) -> Attribution:
    """Everything that was found of one arm, view and side.

    Parameters
    ----------
    known : mapping
        Fields that were known before.
    found : BlockAttribution
    blocks : mapping of block to columns
    columns : sequence of str
        Gene or feature of every column of the view.
    summary : AlignmentSummary or None
        Whose loadings stand beside.
    panel : Panel or None
        Of genes.
    sets : sequence of GeneSet
    """
    loadings = _loadings(known["side"], blocks, columns, summary)
    order = np.argsort([-abs(value) for value in loadings.values()], kind="stable")
    ranks = {list(loadings)[block]: rank for rank, block in enumerate(order.tolist(), start=1)}
    family = found.family
    listed = [
        BlockChange(
            block=name,
            label=name if panel is None else panel.labels[name],
            n_columns=len(blocks[name]),
            value=change.difference,
            interval=optional_interval(np.array(change.interval)),
            p=float(family.p[place]),
            p_fwer=float(family.p_fwer[place]),
            q=float(family.q[place]),
            q_any=float(family.q_any[place]),
            p_resampled=None if np.isnan(change.p) else change.p,
            loading=loadings.get(name),
            loading_rank=ranks.get(name),
        )
        for place, (name, change) in enumerate(zip(found.names, found.resampled, strict=True))
    ]
    floors = attainable_floors(len(listed), found.n_permutations, found.n_folds)
    return Attribution(
        **known,
        measure=found.measure,
        whole=found.value,
        reason=None,
        dimensions=found.dimensions,
        n_given=found.n_given,
        smallest=SmallestValues(**asdict(floors)),
        blocks=tuple(sorted(listed, key=lambda one: -one.value)),
        sets=tuple(sets),
        length_known=panel is not None and panel.lengths is not None,
    )


def _loadings(side: str, blocks: Blocks, columns: Sequence[str], summary: AlignmentSummary | None) -> dict[str, float]:
    """Of every block in the first component: the root mean square where it has several columns."""
    if summary is None:
        return {}
    if side == "genes":
        known = {one.gene_id: one.loading for one in summary.gene_loadings}
        return {name: known[name] for name in blocks if name in known}
    known = {one.feature: one.loading for one in summary.roi_loadings}
    return {name: _together([known[columns[column]] for column in block]) for name, block in blocks.items()}


def _together(loadings: Sequence[float]) -> float:
    return loadings[0] if len(loadings) == 1 else float(np.sqrt(np.mean(np.square(loadings))))
