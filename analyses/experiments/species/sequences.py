"""Genes by species, on one strand, and which of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError
from analyses.progress import progress_bar
from analyses.results.schema.experiments.orthologs import SpeciesRead
from encoders.dna.sequence_check import REFUSE_ABOVE, unknown_fraction
from encoders.genome.orthologs import is_other_strand, normalised_edit_distance, read_genes_of_species
from encoders.genome.sequences import reverse_complement

if TYPE_CHECKING:
    from analyses.run.run import Run

SHOWN = 5
"""Names of genes in a sentence."""


@dataclass(frozen=True)
class Orthologs:
    """Genes that two species or more have.

    Attributes
    ----------
    species, genes : tuple of str
    sequences : list of dict of gene to bases, one a species
    turned : tuple of int
        By species, genes that were turned to the first one's strand.
    left_out : tuple of str
    """

    species: tuple[str, ...]
    genes: tuple[str, ...]
    sequences: list[dict[str, str]]
    turned: tuple[int, ...]
    left_out: tuple[str, ...]

    @property
    def present(self) -> np.ndarray:
        """Which species has which gene, bool [n_species, n_genes]."""
        return np.array([[gene in own for gene in self.genes] for own in self.sequences])

    def describe(self) -> tuple[SpeciesRead, ...]:
        """Every species in figures."""
        return tuple(
            SpeciesRead(
                name=name,
                n_genes=len(own),
                n_turned=n_turned,
                median_length=float(np.median([len(bases) for bases in own.values()])),
            )
            for name, own, n_turned in zip(self.species, self.sequences, self.turned, strict=True)
        )

    def alignment_distances(self) -> np.ndarray:
        """Edits over the longer length, [n_species, n_species, n_genes]; NaN where a species lacks the gene."""
        n = len(self.species)
        found = np.full((n, n, len(self.genes)), np.nan)
        with progress_bar("species: alignment of sequences") as advance:
            for done, gene in enumerate(self.genes, start=1):
                for one, other in combinations(range(n), 2):
                    pair = [self.sequences[at].get(gene) for at in (one, other)]
                    if pair[0] is not None and pair[1] is not None:
                        found[one, other, done - 1] = normalised_edit_distance(pair[0], pair[1])
                        found[other, one, done - 1] = found[one, other, done - 1]
                advance(done, len(self.genes))
        return found


def read_orthologs(run: Run, *, shortest: int = 1) -> Orthologs:
    """The genes of every species of the configuration.

    Parameters
    ----------
    shortest : int
        Bases that the encoders need.

    Raises
    ------
    InputError
        No gene is in two species; and what reading refuses.
    """
    settings = run.config.species
    read = {one.name: read_genes_of_species(one.path) for one in settings.genomes}
    usable = {name: {g: b for g, b in genes.items() if _is_readable(b, shortest)} for name, genes in read.items()}
    shared = [gene for gene in _all_genes(read) if sum(gene in own for own in usable.values()) > 1]
    if not shared:
        raise InputError(
            "species.genomes must name genes alike in two species or more; no name is in two of "
            f"{', '.join(f'{name} ({len(own)} genes, such as {next(iter(own))})' for name, own in read.items())}: give "
            "records of orthologs one name."
        )
    sequences = [{gene: own[gene] for gene in shared if gene in own} for own in usable.values()]
    turned = [0] * len(sequences)
    if settings.strands == "turned":
        turned = _turn(sequences, shared)
    return Orthologs(tuple(read), tuple(shared), sequences, tuple(turned), tuple(_left_out(read, usable, shared)))


def _is_readable(bases: str, shortest: int) -> bool:
    return len(bases) >= shortest and unknown_fraction(bases, 1) <= REFUSE_ABOVE


def _all_genes(read: Mapping[str, Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(gene for own in read.values() for gene in own))


def _turn(sequences: list[dict[str, str]], genes: list[str]) -> list[int]:
    """Turn genes to the strand of the first species that has them, in place; how many of each species."""
    turned = [0] * len(sequences)
    for gene in genes:
        first = next(own[gene] for own in sequences if gene in own)
        for at, own in enumerate(sequences):
            if gene in own and is_other_strand(own[gene], first):
                own[gene] = reverse_complement(own[gene])
                turned[at] += 1
    return turned


def _left_out(
    read: Mapping[str, Mapping[str, str]], usable: Mapping[str, Mapping[str, str]], shared: list[str]
) -> list[str]:
    unreadable = sorted({gene for name, own in read.items() for gene in own if gene not in usable[name]})
    alone = sorted(set(_all_genes(read)) - set(shared) - set(unreadable))
    sentences = []
    for genes, why in ((unreadable, "too short or mostly N in a species"), (alone, "in one species alone")):
        if genes:
            more = f" and {len(genes) - SHOWN} more" if len(genes) > SHOWN else ""
            sentences.append(f"{len(genes)} genes are {why}: {', '.join(genes[:SHOWN])}{more}.")
    return sentences
