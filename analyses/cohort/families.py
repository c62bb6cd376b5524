"""Families of a cohort: where they are known from, and what may change places by kinship."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.kinship_tables import read_kinship_tables
from analyses.cohort.labels import read_labels
from analyses.cohort.pedigree import read_pedigree
from analyses.cohort.related_pairs import RelatedPairs
from analyses.config.inputs import CohortConfig
from analyses.errors import InputError
from fusion import Blocks
from fusion.permutation.kinship import kinship_blocks

if TYPE_CHECKING:
    import pandas as pd

_TWINS = re.compile(r"(mz|dz|mono-?zygotic|di-?zygotic)( ?twins?)?", re.IGNORECASE)
"""Labels of two at most: of four it could not be said who is whose twin."""


@dataclass(frozen=True)
class Families:
    """Who is of one family, and what they are to one another.

    Attributes
    ----------
    labels : array [n_subjects]
    kinds : array [n_subjects] or None
        What each is to the family (`CohortConfig.kinship_column`); None for those alone in it.
    pairs : RelatedPairs or None
        From a pedigree or kinship table.
    """

    labels: np.ndarray
    kinds: np.ndarray | None
    pairs: RelatedPairs | None

    @property
    def blocks(self) -> Blocks:
        """What may change places: by kinship where it is known, else whole families of equal size."""
        if self.kinds is None and self.pairs is None:
            return Blocks(self.labels, "whole")
        return kinship_blocks(self.labels, kinds=self.kinds, kinship=None if self.pairs is None else self.pairs.codes)

    @property
    def sizes(self) -> np.ndarray:
        """Members of every subject's family, [n_subjects]."""
        _, codes = np.unique(self.labels, return_inverse=True)
        return np.asarray(np.bincount(codes)[codes])

    def describe(self) -> str:
        """How kept families change places, in a sentence."""
        if self.kinds is None and self.pairs is None:
            return (
                "Families of equal size change places whatever their kinship; where pairs of twins, siblings and "
                "others are among them p is too small: give cohort.kinship_column, or families by cohort.pedigree or "
                "cohort.kinship_table."
            )
        kinds, first = self.blocks.labels[:, 0], np.unique(self.blocks.labels[:, 1], return_index=True)[1]
        counts = np.bincount(kinds[first])[1:]
        sizes = [int(self.sizes[kinds == kind][0]) for kind in range(1, len(counts) + 1)]
        told = sorted(zip(sizes, counts.tolist(), strict=True))
        alone = sum(1 for _, n in told if n == 1)
        said = ", ".join(f"{n:,} of {size}" for size, n in told if n > 1)
        more = f"; {alone:,} families are the only ones of their kind and keep their places" if alone else ""
        return f"Families change places with families of their kind: {said}{more}."


def read_families(config: CohortConfig, covariates: pd.DataFrame) -> Families | None:
    """Families of these subjects; None where nothing says who is related.

    Parameters
    ----------
    covariates : DataFrame [n_subjects, n_columns]
        Indexed by subject.

    Raises
    ------
    InputError
        A subject without a family, or without a kind though it has relatives; files that cannot be used.
    """
    if not config.knows_families:
        return None
    ids = list(map(str, covariates.index))
    pairs = None
    if config.pedigree:
        pairs = read_pedigree(config.pedigree, ids)
    elif config.kinship_table:
        pairs = read_kinship_tables(config.kinship_table, ids)
    if pairs is not None:
        labels = pairs.families
    else:
        labels = read_labels(covariates, str(config.family_column), key="cohort.family_column")
    found = Families(labels, None, pairs)
    if config.kinship_column is None:
        return found
    return Families(labels, _kinds(covariates, config.kinship_column, found), pairs)


def _kinds(covariates: pd.DataFrame, column: str, families: Families) -> np.ndarray:
    related = families.sizes > 1
    kinds = np.full(len(covariates), None, dtype=object)
    if related.any():
        kinds[related] = read_labels(covariates.loc[related], column, key="cohort.kinship_column")
    _check_twins(covariates, column, kinds, families.labels)
    return kinds


def _check_twins(covariates: pd.DataFrame, column: str, kinds: np.ndarray, labels: np.ndarray) -> None:
    counts: dict[tuple[object, str], int] = {}
    for row, (family, kind) in enumerate(zip(labels.tolist(), kinds.tolist(), strict=True)):
        if kind is None or not _TWINS.fullmatch(kind):
            continue
        counts[family, kind] = counts.get((family, kind), 0) + 1
        if counts[family, kind] > 2:
            raise InputError(
                f"cohort.kinship_column must say who is whose twin; '{column}' is '{kind}' for more than two of one "
                f"family, {covariates.index[row]} among them: number the pairs ('{kind} 1', '{kind} 2'), and label "
                "siblings of twins as siblings."
            )
