"""A simulated link between genes and a brain view, as told in a run's record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from analyses.results.serialisation import OMITTED_IF_NONE, Number


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedHaplotype:
    """A haplotype whose copies carry the link: its ``rank`` among its gene's by ``frequency``, its ``weight`` in the
    score, its alternate alleles as ``chrom:position:ref>alt``."""

    gene: str
    rank: int
    frequency: float
    weight: Number
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedLink:
    """A simulated link, and where it lies.

    Attributes
    ----------
    genes, features : tuple of str
        That hold it.
    view : str
    strength : float
        As the simulation or the configuration scales it.
    how : str
        For readers.
    haplotypes : tuple, optional
        Described by the simulation, or named ``gene:haplotype`` by a run that planted them.
    """

    genes: tuple[str, ...]
    view: str
    features: tuple[str, ...]
    strength: Number
    how: str
    haplotypes: Annotated[tuple[PlantedHaplotype | str, ...] | None, OMITTED_IF_NONE] = None
