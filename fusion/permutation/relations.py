"""Who belongs together: one value that folds, permutations, intervals and comparisons all ask."""

# ruff: noqa: F722

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from jaxtyping import Int64
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Positions, ViewLike, cluster_codes, label_codes
from fusion.permutation.exchangeability import Blocks, as_blocks
from fusion.subject_rows import RowIds, row_count, row_ids

FEWEST_CLUSTERS = 5
"""Clusters in every part that is resampled: fewer cannot show how clusters differ."""


@dataclass(frozen=True, eq=False)
class Relations:
    """Who belongs together among the rows of a cohort.

    Attributes
    ----------
    n_subjects : int
    groups : int array, shape [n_subjects], or None
        Families, sites: no fold parts them.
    strata : int array, shape [n_subjects], or None
        Balanced over folds.
    blocks : Blocks or None
        What a permutation may exchange.
    row_ids : RowIds or None
        Of the rows, if anything that was given carries ids.
    is_whitened : bool
        Whether rows of a group were made uncorrelated (`fusion.whiten_relatives`): they are exchangeable.

    Examples
    --------
    >>> import numpy as np
    >>> families = np.array(["a", "a", "b", "c", "c"])
    >>> Relations.of(5, blocks=Blocks(families, "whole")).clusters.tolist()
    [0, 0, 1, 2, 2]
    """

    n_subjects: int
    groups: Int64[np.ndarray, " n_subjects"] | None = None
    strata: Int64[np.ndarray, " n_subjects"] | None = None
    blocks: Blocks | None = None
    row_ids: RowIds | None = None
    is_whitened: bool = False

    @classmethod
    def of(
        cls,
        subjects: int | ViewLike,
        *,
        groups: LabelsLike | None = None,
        stratify: LabelsLike | None = None,
        blocks: LabelsLike | Blocks | None = None,
    ) -> "Relations":
        """Convert labels, once.

        Parameters
        ----------
        subjects : int, or view, frame, array
            Their number, or a table of them; labels with ids need the table.
        groups, stratify : labels, shape [n_subjects], optional
        blocks : labels or Blocks, optional

        Raises
        ------
        InputError
            Labels of other subjects, of another number, or missing for a subject.
        """
        given = {"groups": groups, "stratify": stratify, "exchangeability_blocks": blocks}
        n_subjects = row_count(subjects, **given)
        known = [ids for table in (subjects, *given.values()) if (ids := row_ids(table)) is not None]
        return cls(
            n_subjects,
            None if groups is None else cluster_codes(groups, n_subjects),
            None if stratify is None else cluster_codes(stratify, n_subjects, "stratify"),
            as_blocks(blocks, n_subjects),
            next(iter(known), None),
        )

    @property
    def shape(self) -> tuple[int]:
        """Number of subjects."""
        return (self.n_subjects,)

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Who stays together whatever happens, [n_subjects]: groups, joined with blocks that move as a whole."""
        units = None if self.blocks is None else self.blocks.units
        if units is None or self.groups is None:
            known = self.groups if units is None else units
            return np.arange(self.n_subjects) if known is None else label_codes(known)
        return _joined(label_codes(self.groups), label_codes(units))

    def drawn_together(self, parts: Int64[np.ndarray, " n_subjects"] | None = None) -> NDArray[np.int64]:
        """Who is resampled as one, [n_subjects].

        Parameters
        ----------
        parts : int array, shape [n_subjects], optional
            Folds, inside which clusters are drawn; the whole cohort by default.

        Returns
        -------
        int array, shape [n_subjects]
            The clusters; every subject by itself where a part holds fewer than `FEWEST_CLUSTERS` (a few sites), so that
            what is resampled speaks of these clusters and no others.
        """
        clusters = self.clusters
        within = np.zeros(self.n_subjects, dtype=np.int64) if parts is None else parts
        pairs = np.unique(np.column_stack([within, clusters]), axis=0)
        enough = np.bincount(pairs[:, 0]).min() >= FEWEST_CLUSTERS
        return clusters if enough else np.arange(self.n_subjects)

    def warnings(self, parts: Int64[np.ndarray, " n_subjects"] | None = None) -> list[str]:
        """What permutations and resampling do not know of who belongs together, a sentence each.

        Parameters
        ----------
        parts : int array, shape [n_subjects], optional
            Folds, inside which clusters are drawn; the whole cohort by default.
        """
        sentences = []
        if self.groups is not None and self.blocks is None and not self.is_whitened:
            sentences.append(
                "groups keep relatives in one fold but do not restrict the permutation; if members of a group resemble "
                "one another in both views, p is too small: pass exchangeability_blocks as well."
            )
        if len(np.unique(self.drawn_together(parts))) > len(np.unique(self.clusters)):
            part = "The cohort" if parts is None else "A fold"
            sentences.append(
                f"{part} holds fewer than {FEWEST_CLUSTERS} groups, too few to be drawn as wholes: intervals and "
                "comparisons draw single subjects, so they speak of these groups and not of others."
            )
        return sentences

    def updated(
        self,
        subjects: ViewLike,
        *,
        groups: LabelsLike | None = None,
        stratify: LabelsLike | None = None,
        blocks: LabelsLike | Blocks | None = None,
    ) -> "Relations":
        """The same with what is given in place of what was known; arguments as of `of`."""
        given = Relations.of(subjects, groups=groups, stratify=stratify, blocks=blocks)
        found = {name: getattr(given, name) for name in ("groups", "strata", "blocks")}
        return replace(self, **{name: value for name, value in found.items() if value is not None})

    def take(self, rows: Positions) -> "Relations":
        """The relations of these subjects among themselves."""
        groups, strata = (None if codes is None else label_codes(codes[rows]) for codes in (self.groups, self.strata))
        return replace(
            self,
            n_subjects=len(rows),
            groups=groups,
            strata=strata,
            blocks=None if self.blocks is None else self.blocks.take(rows),
            row_ids=None if self.row_ids is None else self.row_ids.take(rows),
        )


def _joined(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The finest clusters that part neither of the two."""
    n_ones = int(one.max()) + 1
    size = n_ones + int(other.max()) + 1
    links = scipy.sparse.coo_array((np.ones(len(one)), (one, n_ones + other)), shape=(size, size))
    n_joined, found = scipy.sparse.csgraph.connected_components(links, directed=False)
    return one if n_joined == n_ones else np.asarray(found[:n_ones][one], dtype=np.int64)
