"""Permutations of exchangeable rows, drawn by index, and what becomes of them when rows are left out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fusion.arrays import ArrayLike
from fusion.errors import InputError
from fusion.permutation.exchangeability import Blocks, Permutation, exchange_classes
from fusion.subject_rows import row_count

DRAWN_INDICES = 2**22
"""Row numbers of a set that is drawn at once, 32 MiB; where there are more, drawing is little beside what it is for."""


@dataclass(frozen=True)
class PermutationSet:
    """Permutations by index: number 0 is the identity, number b depends on the seed and b alone.

    One `numpy.random.SeedSequence` child per index, so neither the order in which permutations are computed nor the
    number of workers changes a result.

    Attributes
    ----------
    classes : tuple of int arrays, shape [n_units, unit size]
        Rows that may be exchanged.
    order : int array, shape [n_rows]
        Positions class by class.
    n_permutations, seed : int
    table : int array, shape [n_permutations + 1, n_rows], or None
        All of them, if `drawn`.
    """

    classes: tuple[Permutation, ...]
    order: Permutation
    n_permutations: int
    seed: int
    table: Permutation | None = None

    @property
    def n_rows(self) -> int:
        """Rows permuted."""
        return len(self.order)

    @property
    def log_size(self) -> float:
        """Natural logarithm of the number of distinct permutations."""
        return sum(math.lgamma(len(units) + 1) for units in self.classes)

    def __len__(self) -> int:
        return self.n_permutations + 1

    def __getitem__(self, index: int) -> Permutation:
        if not 0 <= index < len(self):
            raise IndexError(f"permutation {index} of {len(self)}")
        if self.table is not None:
            return np.asarray(self.table[index])
        permutation = np.arange(self.n_rows)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(index,)))
        for units in self.classes:
            source = units if index == 0 else units[rng.permutation(len(units))]
            permutation[units.ravel()] = permutation[source.ravel()]
        return permutation

    def drawn(self) -> "PermutationSet":
        """The same set, drawn at once where it is small: each step of a test asks for all of them again."""
        if self.table is not None or len(self) * self.n_rows > DRAWN_INDICES:
            return self
        return replace(self, table=np.stack([self[index] for index in range(len(self))]))


def make_permutations(
    n_rows: int,
    n_permutations: int,
    *,
    blocks: Blocks | None = None,
    within: NDArray[np.int64] | None = None,
    random_state: int | None = None,
) -> PermutationSet:
    """Permutations of rows that respect blocks and, if given, an outer partition.

    Parameters
    ----------
    n_rows, n_permutations : int
        The identity is counted on top: the set has ``n_permutations + 1`` members.
    blocks : Blocks, optional
    within : int array, shape [n_rows], optional
    random_state : int, optional
        Fresh entropy if None; the set records it as ``seed``.

    Raises
    ------
    InputError
        If no two units may be exchanged.

    Examples
    --------
    >>> permutations = make_permutations(5, 99, random_state=0)
    >>> len(permutations), permutations[0].tolist()
    (100, [0, 1, 2, 3, 4])
    """
    if n_permutations < 1:
        raise InputError(f"n_permutations must be at least 1; got {n_permutations}.")
    n_rows = row_count(n_rows, blocks=blocks, within=within)
    seed = np.random.SeedSequence(random_state).entropy
    permutations = PermutationSet(*exchange_classes(n_rows, blocks, within), n_permutations, seed)  # type: ignore[arg-type]
    if permutations.log_size == 0:
        raise InputError(
            f"No two of the {n_rows} rows may be exchanged: every block stands alone; use coarser blocks, "
            "or blocks of equal size where whole blocks change places."
        )
    return permutations


def check_permutations(permutations: ArrayLike, n_rows: int) -> Permutation:
    """Injected permutations, shape [n_permutations, n_rows], as integers whose row 0 is the identity."""
    table = np.asarray(permutations).astype(np.intp)
    if table.ndim != 2 or table.shape[1] != n_rows:
        raise InputError(f"permutations must have shape (n_permutations, {n_rows}); got {table.shape}.")
    if not np.array_equal(table[0], np.arange(n_rows)):
        raise InputError("permutations must begin with the identity in row 0, because p counts it.")
    if not (np.sort(table, axis=1) == np.arange(n_rows)).all():
        raise InputError(f"Every row of permutations must hold each of 0..{n_rows - 1} once.")
    return table


def take_permutations(permutations: PermutationSet | Permutation, indices: Sequence[int]) -> Permutation:
    """Several permutations of a set or a table, [n_indices, n_rows]."""
    table = permutations.table if isinstance(permutations, PermutationSet) else permutations
    if table is None:
        return np.stack([permutations[index] for index in indices])
    return np.asarray(table[np.asarray(indices)])


def restrict(permutation: Permutation, kept: NDArray[np.bool_], order: Permutation | None = None) -> Permutation:
    """Permutation of the kept rows that a permutation of all rows implies, or each of a stack.

    Rows that are left out are skipped; a uniform permutation stays uniform, and exchanges stay inside their class.

    Parameters
    ----------
    permutation : int array, shape [..., n_rows]
    kept : bool array, shape [n_rows]
    order : int array, shape [n_rows], optional
        Positions class by class.

    Examples
    --------
    >>> import numpy as np
    >>> restrict(np.array([2, 0, 3, 1]), np.array([True, True, True, False])).tolist()
    [2, 0, 1]
    """
    positions = np.arange(permutation.shape[-1]) if order is None else order
    sources = permutation[..., positions]
    numbers = np.cumsum(kept) - 1
    restricted = np.empty((*permutation.shape[:-1], int(kept.sum())), dtype=np.intp)
    restricted[..., numbers[positions[kept[positions]]]] = numbers[sources[kept[sources]]].reshape(restricted.shape)
    return restricted
