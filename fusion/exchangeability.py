"""Which rows may be exchanged under the null, and permutations drawn by index."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fusion.block_tree import BlockTree
from fusion.errors import InputError

Permutation = NDArray[np.intp]


@dataclass(frozen=True)
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
        (see `fusion.block_tree.BlockTree`).

    Examples
    --------
    Families exchanged within sites, and siblings within families; then with siblings kept in their order:

    >>> site, family = np.array([1, 1, 1, 1, 2, 2]), np.array([1, 1, 2, 2, 3, 3])
    >>> nested = Blocks(np.column_stack([site, family]))
    >>> ordered = Blocks(np.column_stack([site, -family]))
    """

    labels: NDArray[np.int64]
    mode: Literal["within", "whole", "nested"] = "within"

    def __post_init__(self) -> None:
        if self.mode not in ("within", "whole", "nested"):
            raise InputError(f"Blocks.mode must be 'within' or 'whole'; got {self.mode!r}.")
        labels = np.asarray(self.labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim not in (1, 2) or labels.size == 0:
            raise InputError(f"Exchangeability blocks need one label per subject; got shape {labels.shape}.")
        missing = np.array([label is None or label != label for label in labels.ravel().tolist()])
        if missing.any():
            raise InputError(f"Exchangeability blocks need a label for every subject; {missing.sum()} have none.")
        nested = labels.ndim == 2
        coded = np.column_stack([_code_level(level) for level in labels.T]) if nested else _code(labels)
        object.__setattr__(self, "labels", coded)
        object.__setattr__(self, "mode", "nested" if nested else self.mode)

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


def _code(labels: NDArray[Any]) -> NDArray[np.int64]:
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _code_level(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Codes 1, 2, ... that keep the sign of numbers; other labels are positive."""
    signs = np.where(labels.astype(float) < 0, -1, 1) if np.issubdtype(labels.dtype, np.number) else 1
    return np.asarray((_code(labels) + 1) * signs)


def as_blocks(blocks: Any, n_subjects: int) -> Blocks | None:
    """Labels or `Blocks`, checked against the number of subjects; None stays None."""
    if blocks is None:
        return None
    made = blocks if isinstance(blocks, Blocks) else Blocks(np.asarray(blocks))
    if len(made) != n_subjects:
        raise InputError(f"Exchangeability blocks need one label per subject: got {len(made)} for {n_subjects}.")
    return made


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
        _check_folds(outer, _split(_code(BlockTree(blocks.labels).units)))
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


@dataclass(frozen=True)
class PermutationSet:
    """Permutations by index: number 0 is the identity, number b depends on the seed and b alone.

    One `numpy.random.SeedSequence` child per index, so neither the order in which permutations are computed nor the
    number of workers changes a result.
    """

    classes: tuple[Permutation, ...]
    order: Permutation
    n_permutations: int
    seed: int

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
        permutation = np.arange(self.n_rows)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(index,)))
        for units in self.classes:
            source = units if index == 0 else units[rng.permutation(len(units))]
            permutation[units.ravel()] = permutation[source.ravel()]
        return permutation


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
    seed = np.random.SeedSequence(random_state).entropy
    permutations = PermutationSet(*exchange_classes(n_rows, blocks, within), n_permutations, seed)  # type: ignore[arg-type]
    if permutations.log_size == 0:
        raise InputError(
            f"No two of the {n_rows} rows may be exchanged: every block stands alone; use coarser blocks, "
            "or blocks of equal size where whole blocks change places."
        )
    return permutations


def check_permutations(permutations: Any, n_rows: int) -> Permutation:
    """Injected permutations, shape [n_permutations, n_rows], as integers whose row 0 is the identity."""
    table = np.asarray(permutations).astype(np.intp)
    if table.ndim != 2 or table.shape[1] != n_rows:
        raise InputError(f"permutations must have shape (n_permutations, {n_rows}); got {table.shape}.")
    if not np.array_equal(table[0], np.arange(n_rows)):
        raise InputError("permutations must begin with the identity in row 0, because p counts it.")
    if not (np.sort(table, axis=1) == np.arange(n_rows)).all():
        raise InputError(f"Every row of permutations must hold each of 0..{n_rows - 1} once.")
    return table


def restrict(permutation: Permutation, kept: NDArray[np.bool_], order: Permutation | None = None) -> Permutation:
    """Permutation of the kept rows that a permutation of all rows implies.

    Rows that are left out are skipped; a uniform permutation stays uniform, and exchanges stay inside their class.

    Parameters
    ----------
    permutation : int array, shape [n_rows]
    kept : bool array, shape [n_rows]
    order : int array, shape [n_rows], optional
        Positions class by class.

    Examples
    --------
    >>> restrict(np.array([2, 0, 3, 1]), np.array([True, True, True, False])).tolist()
    [2, 0, 1]
    """
    positions = np.arange(len(permutation)) if order is None else order
    sources = permutation[positions]
    numbers = np.cumsum(kept) - 1
    restricted = np.empty(int(kept.sum()), dtype=np.intp)
    restricted[numbers[positions[kept[positions]]]] = numbers[sources[kept[sources]]]
    return restricted
