"""Sets of genes: against the other genes of the panel, and by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analyses.experiments.attribution.blocks import Panel, find_sets, read_gene_panel
from analyses.results.schema.experiments.attributions import GeneSet
from fusion.attribution import GeneSetTest, column_blocks, competitive_test, gene_scores
from fusion.prediction.outcome import NotDefinedError

if TYPE_CHECKING:
    from analyses.experiments.attribution.material import Material, Question
    from fusion.attribution import BlockAttribution

Fall = tuple[float, float, float]
"""Fall of the measure without a set, p of its exchange, p corrected over the sets."""


def judge_sets(material: Material, question: Question, found: BlockAttribution) -> tuple[Panel, tuple[GeneSet, ...]]:
    """Every set with at least two genes in the panel."""
    panel = read_gene_panel(material.run, found.names)
    sets, n_listed = find_sets(material.run, panel)
    if not sets:
        return panel, ()
    against = {name: _against_others(found, panel, genes) for name, genes in sets.items()}
    q = _false_discovery({name: one.p for name, one in against.items() if isinstance(one, GeneSetTest)})
    own, reason_self = _by_itself(material, question, sets, len(found.names))
    return panel, tuple(
        _describe(name, panel, genes, n_listed[name], against[name], q, own.get(name), reason_self)
        for name, genes in sets.items()
    )


def _against_others(found: BlockAttribution, panel: Panel, genes: Sequence[str]) -> GeneSetTest | str:
    """The competitive test, or why there is none."""
    z = gene_scores(found.family.p, found.n_permutations)
    lengths = None if panel.lengths is None else np.array([panel.lengths[name] for name in found.names], dtype=float)
    try:
        return competitive_test(z, np.isin(found.names, list(genes)), lengths)
    except NotDefinedError as error:
        return str(error)


def _by_itself(
    material: Material, question: Question, sets: Mapping[str, Sequence[str]], n_genes: int
) -> tuple[dict[str, Fall], str]:
    """What is lost without a whole set, and why it is not known of the sets that are missing."""
    columns = column_blocks(material.view("genes", question))
    blocks = {
        name: np.sort(np.concatenate([columns[gene] for gene in genes]))
        for name, genes in sets.items()
        if len(genes) < n_genes
    }
    all_of_it = "all genes of the panel are in it, so that nothing is left without it"
    if not blocks:
        return {}, all_of_it
    try:
        found = material.attribute(question, blocks, repeats=1)
    except NotDefinedError as error:
        return {}, str(error)
    family, falls = found.family, found.null[0]
    values = zip(falls.tolist(), family.p.tolist(), family.p_fwer.tolist(), strict=True)
    return dict(zip(blocks, values, strict=True)), all_of_it


def _false_discovery(p: Mapping[str, float]) -> dict[str, float]:
    from scipy.stats import false_discovery_control

    return dict(zip(p, false_discovery_control(list(p.values())).tolist(), strict=True)) if p else {}


def _describe(
    name: str,
    panel: Panel,
    genes: Sequence[str],
    n_listed: int,
    against: GeneSetTest | str,
    q: Mapping[str, float],
    own: Fall | None,
    reason_self: str,
) -> GeneSet:
    is_tested = isinstance(against, GeneSetTest)
    return GeneSet(
        name=name,
        genes=tuple(panel.labels[gene] for gene in genes),
        n_listed=n_listed,
        difference=against.difference if isinstance(against, GeneSetTest) else None,
        p=against.p if isinstance(against, GeneSetTest) else None,
        q=q[name] if is_tested else None,
        reason=None if isinstance(against, GeneSetTest) else against,
        value=None if own is None else own[0],
        p_self=None if own is None else own[1],
        p_self_fwer=None if own is None else own[2],
        reason_self=reason_self if own is None else None,
    )
