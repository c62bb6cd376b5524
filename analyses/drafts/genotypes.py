"""What the genome files of a study hold: contigs, genes in which anything varies, samples, phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from analyses.config.inputs import GenomeConfig
from analyses.errors import InputError
from analyses.genome.windows import Genome, open_genome
from encoders.errors import InputError as EncodersError

if TYPE_CHECKING:
    from encoders.genome.intervals import Gene
    from encoders.genome.variants import GenotypeBlock

Item = TypeVar("Item")

_GENES, _RECORDS, _SUBJECTS = 8, 100, 1000
"""How much is looked at, spread over panel and files: genes, records of each in each file, subjects."""

_CHECKED: tuple[dict[str, object], ...] = (
    {},
    {"contig_aliases": True},
    {"unstranded": "forward"},
    {"contig_aliases": True, "unstranded": "forward"},
)
"""Settings under which the files can be read together, the strictest first."""


@dataclass(frozen=True)
class GenotypesFound:
    """What was found out.

    Parameters
    ----------
    genome : Genome
    settings : mapping of str to object
        What had to be set for the files to be read together.
    reason : str
        Why, in the words of the reader; empty where nothing had to be set.
    n_unphased, n_heterozygous : int
        Of the heterozygous genotypes looked at.
    """

    genome: Genome
    settings: dict[str, object]
    reason: str
    n_unphased: int
    n_heterozygous: int

    @property
    def genes(self) -> tuple[str, ...]:
        """Names of the genes that could be used, as the annotation calls them; ids where a name is given twice."""
        names = [gene.name or gene.gene_id for gene in self.genome.panel.genes]
        return tuple(
            name if names.count(name) == 1 else gene.gene_id
            for name, gene in zip(names, self.genome.panel.genes, strict=True)
        )


def look_at_genotypes(
    reference: Sequence[Path], annotation: Sequence[Path], variants: Sequence[Path]
) -> GenotypesFound:
    """Open the files together and look at the first genotypes.

    Raises
    ------
    InputError, encoders.errors.InputError
        They cannot be read, whatever is set.
    """
    files = {"reference": tuple(reference), "annotation": tuple(annotation), "variants": tuple(variants)}
    refused: ValueError | None = None
    for settings in _CHECKED:
        try:
            genome = open_genome(GenomeConfig.model_validate({**files, **settings}), usable_only=True)
        except (InputError, EncodersError) as error:
            refused = refused or error
            continue
        return GenotypesFound(genome, settings, str(refused or ""), *_count_phase(genome))
    assert refused is not None
    raise refused


def _count_phase(genome: Genome) -> tuple[int, int]:
    """Unphased and all heterozygous genotypes, of genes and subjects from all over the files: one may be phased."""
    subjects, n_unphased, n_heterozygous = _spread(genome.samples, _SUBJECTS), 0, 0
    for gene in _spread(genome.panel.genes, _GENES):
        for block in _first_records(genome, gene, subjects):
            first, second = block.alleles[:, :, 0], block.alleles[:, :, 1]
            is_heterozygous = (first != second) & (first >= 0) & (second >= 0)
            n_unphased += int(np.count_nonzero(is_heterozygous & ~block.phased))
            n_heterozygous += int(np.count_nonzero(is_heterozygous))
    return n_unphased, n_heterozygous


def _first_records(genome: Genome, gene: Gene, subjects: Sequence[str]) -> list[GenotypeBlock]:
    try:
        streams = genome.variants.stream(gene.interval, subjects, n_records=_RECORDS)
        return [block for _, chunks in streams for block in islice(chunks, 1)]
    except (InputError, EncodersError):  # a run will say what the gene needs
        return []


def _spread(items: Sequence[Item], most: int) -> Sequence[Item]:
    """At most so many of them, at equal distances."""
    step = max(len(items) / most, 1.0)
    return [items[int(place * step)] for place in range(min(most, len(items)))]
