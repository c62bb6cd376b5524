"""Which rows may be exchanged under the null: all, inside blocks, whole blocks, or blocks within blocks."""

import copy
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Positions, label_array, label_codes
from fusion.errors import InputError
from fusion.subject_rows import RowIds, row_ids

Permutation = NDArray[np.intp]
Mode = Literal["within", "whole", "nested"]


@dataclass(frozen=True, init=False)
class Blocks:
    """Exchangeability blocks.

    Attributes
    ----------
    labels : int array, shape [n_subjects] or [n_subjects, n_levels]
        One label per subject, coded 0, 1, ...; or one per level of nested blocks, outermost first. Nested labels keep
        their sign: what is inside a positive label may be exchanged, what is inside a negative one keeps its place.
    mode : {"within", "whole", "nested"}
        ``within``: rows change places inside their block (sites). ``whole``: blocks of equal size change places as
        units, rows keeping their order (families). ``nested`` for labels of several levels, whatever is asked: blocks
        of equal structure inside the same block change places, and so do the rows of the innermost
        (see `fusion.permutation.exchangeability.BlockTree`).
    row_ids : RowIds or None
        Of the labels, if they carry ids: other rows refuse these blocks.

    Examples
    --------
    Families exchanged within sites, and siblings within families; then with siblings kept in their order:

    >>> import numpy as np
    >>> site, family = np.array([1, 1, 1, 1, 2, 2]), np.array([1, 1, 2, 2, 3, 3])
    >>> nested = Blocks(np.column_stack([site, family]))
    >>> ordered = Blocks(np.column_stack([site, -family]))
    """

    labels: NDArray[np.int64]
    mode: Mode
    row_ids: RowIds | None

    def __init__(self, labels: LabelsLike, mode: str = "within") -> None:
        if mode not in ("within", "whole", "nested"):
            raise InputError(f"Blocks.mode must be 'within' or 'whole'; got {mode!r}.")
        object.__setattr__(self, "row_ids", row_ids(labels))
        labels = label_array(labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim not in (1, 2) or labels.size == 0:
            raise InputError(f"Exchangeability blocks need one label per subject; got shape {labels.shape}.")
        missing = int(pd.isna(labels).sum())
        if missing:
            raise InputError(f"Exchangeability blocks need a label for every subject; {missing} have none.")
        nested = labels.ndim == 2
        coded = np.column_stack([_code_level(level) for level in labels.T]) if nested else label_codes(labels)
        object.__setattr__(self, "labels", coded)
        object.__setattr__(self, "mode", "nested" if nested else mode)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def units(self) -> NDArray[np.int64] | None:
        """What can only leave together, [n_subjects]: blocks that move as a whole; None if rows move by themselves."""
        if self.mode == "nested":
            return BlockTree(self.labels).units
        return self.labels if self.mode == "whole" else None

    def take(self, rows: NDArray[np.intp]) -> "Blocks":
        """Blocks of some of the subjects."""
        return Blocks(self.labels[rows], self.mode)

    def positional(self) -> "Blocks":
        """The same without ids, once these were held against those of other tables."""
        same = copy.copy(self)
        object.__setattr__(same, "row_ids", None)
        return same


def _code_level(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Codes 1, 2, ... that keep the sign of numbers; other labels are positive."""
    labels = np.asarray(labels.tolist())  # a column of a frame may hold numbers beside one of text
    signs = np.where(labels.astype(float) < 0, -1, 1) if np.issubdtype(labels.dtype, np.number) else 1
    return np.asarray((label_codes(labels) + 1) * signs)


def as_blocks(blocks: LabelsLike | Blocks | None, n_subjects: int) -> Blocks | None:
    """Labels or `Blocks`, checked against the number of subjects and from here on by position; None stays None."""
    if blocks is None:
        return None
    made = blocks if isinstance(blocks, Blocks) else Blocks(blocks)
    if len(made) != n_subjects:
        raise InputError(f"Exchangeability blocks need one label per subject: got {len(made)} for {n_subjects}.")
    return made.positional()


def exchange_classes(
    n_rows: int, blocks: Blocks | None = None, within: NDArray[np.int64] | None = None
) -> tuple[tuple[Permutation, ...], Permutation]:
    """Sets of units that may change places.

    Parameters
    ----------
    n_rows : int
    blocks : Blocks, optional
    within : int array, shape [n_rows], optional
        An outer partition that no exchange crosses, such as the fold of each row.

    Returns
    -------
    tuple of int arrays, each of shape [n_units, unit_size]
        The rows of one array may be exchanged with one another, one array after the other; only those of nested
        blocks overlap.
    int array, shape [n_rows]
        Positions, class by class: the order that `restrict` keeps.
    """
    outer = np.zeros(n_rows, dtype=np.int64) if within is None else np.asarray(within)
    if blocks is not None and blocks.mode == "nested":
        _check_folds(outer, _split(label_codes(BlockTree(blocks.labels).units)))
        tree = BlockTree(np.column_stack([-1 - outer, blocks.labels]))
        return tuple(tree.classes), tree.order
    if blocks is None or blocks.mode == "within":
        inner = np.zeros(n_rows, dtype=np.int64) if blocks is None else blocks.labels
        _, codes = np.unique(np.column_stack([outer, inner]), axis=0, return_inverse=True)
        classes = tuple(rows[:, np.newaxis] for rows in _split(codes.ravel()))
        return classes, np.concatenate(classes).ravel()
    whole: dict[tuple[int, int], list[Permutation]] = {}
    families = _split(blocks.labels)
    _check_folds(outer, families)
    for rows in families:
        whole.setdefault((int(outer[rows[0]]), len(rows)), []).append(rows)
    stacks = tuple(np.stack(units) for units in whole.values())
    return stacks, np.concatenate([units.ravel() for units in stacks])


def _check_folds(outer: NDArray[np.int64], units: list[Permutation]) -> None:
    if any(len(np.unique(outer[rows])) > 1 for rows in units):
        raise InputError("A block that is exchanged as a whole must lie in one fold; pass it as groups as well.")


def _split(codes: NDArray[np.int64]) -> list[Permutation]:
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])


Signature = tuple[Any, ...]


@dataclass
class BlockTree:
    """Exchanges that nested labels allow: families within sites, siblings within families.

    The labels of a subject, outermost first, are a path in a tree; what may change places under one node has the same
    structure. The composition of the exchanges at all nodes is a uniform draw from their (wreath) product.

    Parameters
    ----------
    levels : int array, shape [n_rows, n_levels]
        Outermost first. The sub-blocks of a positive label (its rows, at the last level) may change places where
        their structure is the same; those of a negative label keep theirs. The outermost blocks never do.

    Attributes
    ----------
    classes : list of int arrays, each of shape [n_units, unit_size]
        Units of equal structure under one node, their rows in matching order; outer nodes first.
    order : int array, shape [n_rows]
        Positions, exchangeable ones side by side.
    units : int array, shape [n_rows]
        Outermost unit that moves as a whole, or the row itself.

    References
    ----------
    Winkler, Webster, Vidaurre, Nichols & Smith (2015), doi:10.1016/j.neuroimage.2015.05.092.
    """

    levels: NDArray[np.int64]
    classes: list[Positions] = field(init=False, default_factory=list)
    order: Positions = field(init=False)
    units: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.units = np.arange(len(self.levels))
        self.order = self._visit(np.arange(len(self.levels)), 0, exchanged=False, inside=False)[1]

    def _visit(self, rows: Positions, level: int, *, exchanged: bool, inside: bool) -> tuple[Signature, Positions]:
        """Structure of a block and its rows in canonical order; notes what may be exchanged in it.

        Parameters
        ----------
        exchanged : bool
            Whether the parts of this block may change places.
        inside : bool
            Whether the block is part of one that moves as a whole.
        """
        if level == self.levels.shape[1]:
            if exchanged and len(rows) > 1:
                self.classes.append(rows[:, np.newaxis])
            return ("rows", exchanged, len(rows)), rows
        slot = len(self.classes)
        labels = self.levels[rows, level]
        parts = [
            (*self._visit(rows[labels == label], level + 1, exchanged=bool(label >= 0), inside=inside or exchanged),)
            for label in np.unique(labels)
        ]
        if exchanged:
            parts.sort(key=lambda part: part[0])
            self.classes[slot:slot] = _stacks(parts)
            if not inside:
                for _, members in parts:
                    self.units[members] = members.min()
        return ("blocks", exchanged, tuple(part[0] for part in parts)), np.concatenate([part[1] for part in parts])


def _stacks(parts: list[tuple[Signature, Positions]]) -> list[Positions]:
    alike: dict[Signature, list[Positions]] = {}
    for signature, rows in parts:
        alike.setdefault(signature, []).append(rows)
    return [np.stack(units) for units in alike.values() if len(units) > 1]
