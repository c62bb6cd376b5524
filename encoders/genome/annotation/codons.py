"""Where codons begin: the place of every base within its codon, in the orientation of the gene."""

# ruff: noqa: F722

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int8

from encoders.genome.intervals import CodingPart, Interval

NOT_CODING = -1


def order_coding(parts: Sequence[CodingPart], strand: str) -> tuple[CodingPart, ...]:
    """Parts of one coding sequence 5' to 3', every phase known.

    Where the annotation leaves a phase open, the sequence is taken to begin with a codon and to be whole.

    Parameters
    ----------
    parts : sequence of CodingPart
        In any order.
    strand : {"+", "-"}

    Examples
    --------
    >>> from encoders.genome.annotation.codons import order_coding
    >>> from encoders.genome.intervals import CodingPart, Interval
    >>> parts = [CodingPart(Interval("1", start, end, "-"), None) for start, end in ((10, 14), (20, 25))]
    >>> [(part.interval.start, part.phase) for part in order_coding(parts, "-")]
    [(20, 0), (10, 1)]
    """
    ordered = sorted(parts, key=lambda part: part.interval.start, reverse=strand == "-")
    if all(part.phase is not None for part in ordered):
        return tuple(ordered)
    before = np.cumsum([0, *(len(part.interval) for part in ordered)]).tolist()
    return tuple(CodingPart(part.interval, -n % 3) for part, n in zip(ordered, before, strict=False))


def codon_places(interval: Interval, coding: Sequence[CodingPart]) -> Int8[np.ndarray, " n_bases"]:
    """Place of every base of a stretch within its codon: 0, 1, 2; -1 where it does not code.

    Parameters
    ----------
    interval : Interval
        With the strand in which its bases are read.
    coding : sequence of CodingPart
        Of one transcript, every phase known.

    Returns
    -------
    int8 [n_bases]
        In the order in which the strand is read.

    Examples
    --------
    >>> from encoders.genome.annotation.codons import codon_places
    >>> from encoders.genome.intervals import CodingPart, Interval
    >>> codon_places(Interval("1", 8, 15, "-"), [CodingPart(Interval("1", 5, 13, "-"), 1)]).tolist()
    [-1, -1, 2, 0, 1, 2, 0]
    """
    places = np.full(len(interval), NOT_CODING, dtype=np.int8)
    position = np.arange(interval.start, interval.end)
    for part, phase in coding:
        inside = (position >= part.start) & (position < part.end)
        from_5_prime = part.end - 1 - position if interval.strand == "-" else position - part.start
        places[inside] = ((from_5_prime - (phase or 0)) % 3)[inside]
    return places[::-1].copy() if interval.strand == "-" else places
