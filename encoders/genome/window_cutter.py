"""Turns edits of one region into window sequences; each set of edits of a window is spelled once."""

from collections.abc import Iterator

from encoders.genome.haplotypes.consensus import Edit
from encoders.genome.haplotypes.haplotype_sequences import apply_edits
from encoders.genome.intervals import Interval
from encoders.genome.regions import Tile, split_edit
from encoders.genome.sequences import AMBIGUITY, reverse_complement

_MASK = str.maketrans(dict.fromkeys(AMBIGUITY, "N"))


class WindowCutter:
    """Windows of one region.

    Parameters
    ----------
    raw : str
        Reference of the region, plus strand. Its ambiguity codes become N.
    tiles : tuple of Tile
    interval : Interval
        The region, with the strand in which windows are written.
    index_of : dict of str to int
        Number of every distinct sequence so far; added to.
    codes : bool
        Whether a policy writes ambiguity codes, which then stay.
    """

    def __init__(
        self, raw: str, tiles: tuple[Tile, ...], interval: Interval, index_of: dict[str, int], *, codes: bool
    ) -> None:
        self.tiles = tiles
        self.interval = interval
        self._masked = raw.translate(_MASK)
        self._codes = codes
        self._index_of = index_of
        self._parts: dict[Edit, tuple[tuple[int, Edit], ...]] = {}
        self._known: dict[tuple[int, tuple[Edit, ...]], int] = {}
        self.reference = [self._number(number, ()) for number in range(len(tiles))]

    def cut(self, edits: tuple[Edit, ...]) -> Iterator[tuple[int, int]]:
        """Windows that these edits change, each with the index of its new sequence."""
        touched: dict[int, tuple[Edit, ...]] = {}
        for edit in edits:
            if edit not in self._parts:
                self._parts[edit] = split_edit(edit, self.tiles)
            for number, part in self._parts[edit]:
                touched[number] = (*touched.get(number, ()), part)
        for key in touched.items():
            if key not in self._known:
                self._known[key] = self._number(*key)
            if self._known[key] != self.reference[key[0]]:
                yield key[0], self._known[key]

    def _number(self, number: int, edits: tuple[Edit, ...]) -> int:
        tile = self.tiles[number]
        sequence = apply_edits(self._masked[tile.start : tile.end], edits)
        identity = self.identify(sequence if self._codes else sequence.translate(_MASK), number)
        return self._index_of.setdefault(identity, len(self._index_of))

    def identify(self, sequence: str, number: int) -> str:
        """What makes two windows one: their letters in the orientation of the gene."""
        return reverse_complement(sequence) if self.interval.strand == "-" else sequence
