"""What a model is trained on and what it is judged on: parts of a genome without unknown bases that never overlap."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from encoders.errors import InputError
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.reference import Reference

CHUNK = 1_000_000
"""Bases that are read at once."""

_KNOWN = re.compile("[ACGT]+")


@dataclass(frozen=True)
class Stretches:
    """Known bases of a genome, each base as likely to be read as any other.

    Parameters
    ----------
    reference : Reference
        Holds them.
    intervals : tuple of Interval
        Runs of A, C, G, T.
    """

    reference: Reference
    intervals: tuple[Interval, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", list(accumulate(map(len, self.intervals))))

    @property
    def n_bases(self) -> int:
        """Bases in all intervals."""
        return sum(map(len, self.intervals))

    def draw(self, length: int, rng: np.random.Generator) -> str:
        """A sequence of the plus strand; shorter where the stretch that is hit is."""
        ends: list[int] = self._ends  # type: ignore[attr-defined]  # set once, when frozen
        hit = self.intervals[int(np.searchsorted(ends, int(rng.integers(ends[-1])), side="right"))]
        length = min(length, len(hit))
        start = hit.start + int(rng.integers(len(hit) - length + 1))
        return self.reference.fetch(Interval(hit.chrom, start, start + length))

    def texts(self, overlap: int = 0) -> Iterator[str]:
        """All bases in pieces of at most `CHUNK`, the next piece beginning with the last `overlap` bases of one."""
        for interval in self.intervals:
            for start in range(interval.start, interval.end, CHUNK):
                first = max(interval.start, start - overlap)
                yield self.reference.fetch(Interval(interval.chrom, first, min(start + CHUNK, interval.end)))


def split_genome(
    reference: Reference, train_on: Sequence[str], held_out: Sequence[str], min_bases: int
) -> tuple[Stretches, Stretches]:
    """Stretches to train on and stretches held out.

    Parameters
    ----------
    reference : Reference
        The genome.
    train_on, held_out : sequence of str
        Contigs, or regions as ``chrom:first-last``; an empty `train_on` stands for all contigs. What is held out is
        taken away from what is trained on.
    min_bases : int
        Shortest run of known bases that is kept.

    Raises
    ------
    InputError
        A contig is unknown, or one of the two has no such run.
    """
    out = [_read_place(reference, text) for text in held_out]
    places = [_read_place(reference, text) for text in (train_on or reference.contigs)]
    kept = [part for place in _merged(places) for part in _subtract(place, out)]
    found = []
    for name, rest, intervals in (
        ("train_on", "train_on without what hold_out takes", kept),
        ("hold_out", "hold_out", _merged(out)),
    ):
        runs = tuple(run for interval in intervals for run in _known_runs(reference, interval) if len(run) >= min_bases)
        if not runs:
            raise InputError(
                f"Pretraining needs known bases to train on and others to be judged on, in runs of {min_bases} at "
                f"least; {rest} has none: correct genome.{name}, or window.min_bases."
            )
        found.append(Stretches(reference, runs))
    return found[0], found[1]


def _read_place(reference: Reference, text: str) -> Interval:
    if text in reference.contigs or ":" not in text:  # HLA-A*01:01:01:01 is a contig of GRCh38
        name = reference.resolve(text)
        return Interval(name, 0, reference.contigs[name])
    region = parse_region(text)
    name = reference.resolve(region.chrom)
    if region.end > reference.contigs[name]:
        raise InputError(f"{text} runs past the end of {name}, which has {reference.contigs[name]} bases: correct it.")
    return Interval(name, region.start, region.end)


def _merged(places: Sequence[Interval]) -> list[Interval]:
    """The same bases, none twice."""
    merged: list[Interval] = []
    for place in sorted(places, key=lambda one: (one.chrom, one.start)):
        if merged and merged[-1].chrom == place.chrom and place.start <= merged[-1].end:
            merged[-1] = Interval(place.chrom, merged[-1].start, max(merged[-1].end, place.end))
        else:
            merged.append(place)
    return merged


def _subtract(place: Interval, others: Sequence[Interval]) -> Iterator[Interval]:
    start = place.start
    for other in _merged([one for one in others if one.chrom == place.chrom]):
        if start < min(other.start, place.end):
            yield Interval(place.chrom, start, min(other.start, place.end))
        start = max(start, other.end)
    if start < place.end:
        yield Interval(place.chrom, start, place.end)


def _known_runs(reference: Reference, interval: Interval) -> Iterator[Interval]:
    """Runs of A, C, G, T; one that crosses from chunk to chunk is one."""
    begun: tuple[int, int] | None = None
    for start in range(interval.start, interval.end, CHUNK):
        text = reference.fetch(Interval(interval.chrom, start, min(start + CHUNK, interval.end)))
        for match in _KNOWN.finditer(text):
            first, last = start + match.start(), start + match.end()
            if begun is not None and begun[1] == first:
                begun = begun[0], last
                continue
            if begun is not None:
                yield Interval(interval.chrom, *begun)
            begun = first, last
    if begun is not None:
        yield Interval(interval.chrom, *begun)
