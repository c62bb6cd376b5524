"""What the genome files of a study hold: contigs, genes in which anything varies, samples, phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analyses.config.inputs import GenomeConfig
from analyses.errors import InputError
from analyses.genome.windows import Genome, open_genome
from encoders.errors import InputError as EncodersError

_RECORDS, _SUBJECTS = 400, 100
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
    """Unphased and all heterozygous genotypes among the first records of the first contig."""
    subjects = genome.samples[:_SUBJECTS]
    contig = genome.variants.contigs[0]
    try:
        block = next(iter(genome.variants.chunks(contig, subjects, n_records=_RECORDS)), None)
    except (InputError, EncodersError):  # a contig whose subjects are spread over files; a run will say what it needs
        return 0, 0
    if block is None:
        return 0, 0
    first, second = block.alleles[:, :, 0], block.alleles[:, :, 1]
    is_heterozygous = (first != second) & (first >= 0) & (second >= 0)
    return int(np.count_nonzero(is_heterozygous & ~block.phased)), int(np.count_nonzero(is_heterozygous))
