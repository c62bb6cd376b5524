"""Classes with one composition: members are paired off by GC, and by dinucleotides where that is asked for."""

# ruff: noqa: F722

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

Match = Literal["none", "gc", "dinucleotides"]

TOLERANCE = 0.02
"""Largest difference in GC between members that are paired off."""

NEAREST = 64
"""Members nearest in GC among which the one nearest in dinucleotides is taken."""

_CODES = np.full(256, 4, dtype=np.int64)
_CODES[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)


def gc_content(sequences: Sequence[str]) -> Float64[np.ndarray, " n"]:
    """Share of G and C among the bases that are known.

    Examples
    --------
    >>> from encoders.training.tasks.composition import gc_content
    >>> gc_content(["GGCA", "ATNN"]).tolist()
    [0.75, 0.0]
    """
    strong = np.array([one.count("G") + one.count("C") for one in sequences], dtype=np.float64)
    known = np.array([len(one) - one.count("N") for one in sequences], dtype=np.float64)
    return np.asarray(strong / np.maximum(known, 1))


def dinucleotide_shares(sequences: Sequence[str]) -> Float64[np.ndarray, "n 16"]:
    """Shares of the 16 dinucleotides, AA, AC, ... TT."""
    found = np.zeros((len(sequences), 16))
    for row, sequence in zip(found, sequences, strict=True):
        codes = _CODES[np.frombuffer(sequence.encode(), np.uint8)]
        known = (codes[1:] < 4) & (codes[:-1] < 4)
        row[:] = np.bincount((4 * codes[:-1] + codes[1:])[known], minlength=16)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1))


def match_classes(
    sequences: Sequence[str],
    labels: Int64[np.ndarray, " n"],
    rng: np.random.Generator,
    *,
    match: Match = "gc",
    tolerance: float = TOLERANCE,
    most: int | None = None,
) -> Int64[np.ndarray, " n_kept"]:
    """Rows of a set in which every class has as many members and one composition.

    Every member of the smallest class takes the nearest unused member of each other class, up to `tolerance`; one that
    finds none is left out.

    Parameters
    ----------
    sequences : sequence of str
    labels : int64 [n]
        Classes from 0; the largest number says how many there are.
    rng : numpy.random.Generator
        The order in which members choose.
    match : {"none", "gc", "dinucleotides"}
        "none" draws as many of each class at random.
    tolerance : float
        In shares of GC.
    most : int, optional
        Members of a class.

    Returns
    -------
    int64 [n_kept]
        Ascending; a multiple of the number of classes.
    """
    members = [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]
    smallest = min(range(len(members)), key=lambda label: len(members[label]))
    n = min(len(members[smallest]), most or len(labels))
    if match == "none":
        drawn = [rng.permutation(rows)[:n] for rows in members]
        return np.sort(np.concatenate(drawn))
    gc = gc_content(sequences)
    shares = dinucleotide_shares(sequences) if match == "dinucleotides" else None
    pools = [_Pool(rows, gc, shares, rng) for label, rows in enumerate(members) if label != smallest]
    kept: list[int] = []
    for row in rng.permutation(members[smallest]).tolist():
        partners = [pool.nearest(row, tolerance) for pool in pools]
        if any(partner is None for partner in partners):
            continue
        kept += [row, *(pool.take(place) for pool, place in zip(pools, partners, strict=True) if place is not None)]
        if len(kept) >= n * len(members):
            break
    return np.sort(np.array(kept, dtype=np.int64))


class _Pool:
    """Unused members of a class by their GC."""

    def __init__(
        self,
        rows: Int64[np.ndarray, " n_members"],
        gc: Float64[np.ndarray, " n"],
        shares: Float64[np.ndarray, "n 16"] | None,
        rng: np.random.Generator,
    ) -> None:
        shuffled = rng.permutation(rows)
        ordered = shuffled[np.argsort(gc[shuffled], kind="stable")]
        self._rows, self._gc = ordered.tolist(), gc[ordered].tolist()
        self._all_gc, self._shares = gc, shares

    def nearest(self, row: int, tolerance: float) -> int | None:
        """Place of the member that is nearest to a row of another class."""
        wanted = float(self._all_gc[row])
        at = bisect_left(self._gc, wanted)
        reach = 1 if self._shares is None else NEAREST // 2
        places = [
            place
            for place in range(max(0, at - reach), min(len(self._gc), at + reach))
            if abs(self._gc[place] - wanted) <= tolerance + 1e-12
        ]
        if not places:
            return None
        if self._shares is None:
            return min(places, key=lambda place: abs(self._gc[place] - wanted))
        own, others = self._shares[row], self._shares[[self._rows[place] for place in places]]
        return places[int(np.abs(others - own).sum(axis=1).argmin())]

    def take(self, place: int) -> int:
        """Use a member."""
        self._gc.pop(place)
        row: int = self._rows.pop(place)
        return row
