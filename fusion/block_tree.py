"""Blocks within blocks: families within sites, siblings within families.

The labels of a subject, outermost first, are a path in a tree; what may change places under one node has the same
structure. The composition of the exchanges at all nodes is a uniform draw from their (wreath) product.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.arrays import Positions

Signature = tuple[Any, ...]


@dataclass
class BlockTree:
    """Exchanges that nested labels allow.

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
            (*self._visit(rows[labels == label], level + 1, exchanged=label >= 0, inside=inside or exchanged),)
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
