"""How subjects are related in numbers, where rows of relatives are made uncorrelated (``cohort.relatives: whiten``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.kinship_tables import read_kinship_tables
from analyses.cohort.pedigree import read_pedigree
from analyses.config.inputs import CohortConfig
from analyses.errors import InputError
from encoders.genome.population.relationship import FEWEST_RECORDS, related_blocks, relationship_matrix
from fusion.errors import InputError as FusionError
from fusion.relatives.kinship_model import SAME_GENOME, KinshipModel

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from encoders.genome.variants.files import VariantFiles

MIN_MAF, MAX_MISSING = 0.01, 0.05
"""Of the records that relationships are made of: rare ones weigh most and say least."""


@dataclass(frozen=True)
class Relationship:
    """Relationships of a cohort, and where they are from.

    Attributes
    ----------
    matrix : sparse float64 array [n_subjects, n_subjects]
        Twice the kinship, 1 on the diagonal, nothing between families.
    families : int array [n_subjects]
        Who is connected by kinship.
    source : str
        In words, for the report.
    """

    matrix: csr_array
    families: np.ndarray
    source: str

    @property
    def n_related(self) -> int:
        """Subjects with a relative in the cohort."""
        return int((np.bincount(self.families)[self.families] > 1).sum())


def read_relationship(
    config: CohortConfig, subjects: Sequence[str], variants: Callable[[], VariantFiles]
) -> Relationship:
    """Relationships by pedigree or kinship table; by the genotypes where the configuration names neither.

    Parameters
    ----------
    variants : callable
        Opens the run's genotypes.

    Raises
    ------
    InputError
        Nobody is related; two with one genome; too few records; relations that no pedigree has, or a family that is
        too large; and what the readers refuse.
    """
    if config.knows_families:
        known = config.pedigree
        pairs = read_kinship_tables(config.kinship_table, subjects) if known is None else read_pedigree(known, subjects)
        matrix, source = _with_diagonal(pairs.kinship), f"kinship of cohort.{config.family_key}"
    else:
        matrix, source = _of_genotypes(variants(), subjects)
    _check(matrix, source)
    try:
        families = KinshipModel.of(matrix).families
    except FusionError as error:
        raise InputError(f"cohort.relatives: whiten cannot use {source}: {_without_rows(str(error))}") from None
    return Relationship(matrix, families, source)


def _with_diagonal(kinship: csr_array) -> csr_array:
    from scipy.sparse import csr_array, eye_array

    return csr_array(eye_array(kinship.shape[0]) + 2 * kinship)


def _of_genotypes(variants: VariantFiles, subjects: Sequence[str]) -> tuple[csr_array, str]:
    from encoders.genome.population.dosages import RecordReport, read_dosages

    chunks = read_dosages(variants, subjects, RecordReport(), min_maf=MIN_MAF, max_missing=MAX_MISSING)
    found = relationship_matrix(chunks, len(subjects))
    if found.n_records < FEWEST_RECORDS:
        raise InputError(
            f"cohort.relatives: whiten makes relationships of at least {FEWEST_RECORDS:,} common variants; "
            f"genome.variants have {found.n_records:,}: give cohort.kinship_table or cohort.pedigree, or variants of "
            "the whole genome."
        )
    return related_blocks(found), f"a relationship matrix of {found.n_records:,} common variants of genome.variants"


def _check(matrix: csr_array, source: str) -> None:
    from scipy.sparse import triu

    pairs = triu(matrix, 1)
    if not (pairs.data > 0).any():
        raise InputError(
            f"cohort.relatives: whiten needs relatives; by {source} no two subjects are related: leave it out, or "
            "correct the source."
        )
    if n_same := int((pairs.data > SAME_GENOME).sum()):
        raise InputError(
            f"cohort.relatives: whiten needs subjects of unlike genomes; by {source} {n_same} pairs have one "
            "(identical twins, or one subject twice): leave one of each pair out, or set relatives to keep-all."
        )


def _without_rows(sentence: str) -> str:
    """A sentence of the library, which numbers rows, for a reader who knows no rows."""
    import re

    return re.sub(r", with row \d+ in it,", "", sentence)
