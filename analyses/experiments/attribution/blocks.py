"""What is left out as one: the columns of a gene, of a region, of a set of genes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.genome.gene_sets import read_gene_sets
from encoders.brain.connectivity.edges import split_edge

if TYPE_CHECKING:
    from analyses.run.run import Run

#: A hemisphere, a region and a measure, as FreeSurfer and ENIGMA name columns.
_MEASURED = re.compile(
    r"(?P<region>(?:lh|rh|L|R)_.+)_(?:thickness|thicknessstd|thickavg|area|surfavg|volume|grayvol|meancurv|gauscurv"
    r"|foldind|curvind)"
)


def region_blocks(names: Sequence[str], rule: str) -> dict[str, np.ndarray]:
    """Columns of every region, [n_columns] each, in the order in which regions first appear.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    rule : {"auto", "column"}
        ``auto``: several measures of one region of FreeSurfer or ENIGMA belong together, and an edge to both of its
        regions; any other column stands alone.
    """
    found: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        for region in _regions_of(name) if rule == "auto" else (name,):
            found.setdefault(region, []).append(column)
    return {region: np.array(columns) for region, columns in found.items()}


def _regions_of(name: str) -> tuple[str, ...]:
    edge, measured = split_edge(name), _MEASURED.fullmatch(name)
    if edge is not None:
        return tuple(dict.fromkeys(edge))
    return (name if measured is None else measured["region"],)


@dataclass(frozen=True)
class Panel:
    """Genes of a view, as the annotation knows them.

    Attributes
    ----------
    labels : dict of str to str
        Symbol by gene id; the id where none is known.
    lengths : dict of str to int, or None
        Base pairs of the gene body; None where no annotation was read or it lacks a gene.
    """

    labels: dict[str, str]
    lengths: dict[str, int] | None

    def find(self, genes: Sequence[str]) -> list[str]:
        """Ids of those that are in the panel, by id, id without version, or symbol."""
        wanted = {gene.casefold() for gene in genes}
        return [gene for gene, label in self.labels.items() if wanted & set(_names(gene, label))]


def _names(gene: str, label: str) -> Iterator[str]:
    yield from (gene.casefold(), gene.partition(".")[0].casefold(), label.casefold())


def read_gene_panel(run: Run, gene_ids: Sequence[str]) -> Panel:
    """Symbols and lengths of these genes."""
    known = {} if run.config.genome is None else {gene.gene_id: gene for gene in run.genome.panel.genes}
    labels = {gene: known[gene].name or gene if gene in known else gene for gene in gene_ids}
    if any(gene not in known for gene in gene_ids):
        return Panel(labels, None)
    return Panel(labels, {gene: known[gene].interval.end - known[gene].interval.start for gene in gene_ids})


def find_sets(run: Run, panel: Panel) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Genes of every set that are in the panel, of sets with two or more, and how many genes each lists."""
    path = run.config.attribute.gene_sets
    listed: Mapping[str, tuple[str, ...]] = {} if path is None else read_gene_sets(path)
    inside = {name: panel.find(genes) for name, genes in listed.items()}
    kept = {name: genes for name, genes in inside.items() if len(genes) > 1}
    return kept, {name: len(listed[name]) for name in kept}
