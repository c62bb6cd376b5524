"""Places on the genome: 0-based, half-open, immutable."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from encoders.errors import InputError

_REGION = re.compile(r"^(?P<chrom>[^\s]+):(?P<first>\d[\d,]{0,14})-(?P<last>\d[\d,]{0,14})$")


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of one chromosome.

    Parameters
    ----------
    chrom : str
        Contig name.
    start : int
        First base, counted from 0.
    end : int
        One past the last base, counted from 0.
    strand : str
        "+", "-" or "." where it is unknown.
    """

    chrom: str
    start: int
    end: int
    strand: str = "+"

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InputError(
                f"An interval needs 0 <= start < end (0-based, half-open); got {self.start} and {self.end} on "
                f"{self.chrom}: correct the coordinates."
            )
        if self.strand not in {"+", "-", "."}:
            raise InputError(f"Strand must be '+', '-' or '.'; got {self.strand!r} for {self}: correct the annotation.")

    def __len__(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        """1-based inclusive text, as genome browsers and samtools write it."""
        return f"{self.chrom}:{self.start + 1}-{self.end}"


class CodingPart(NamedTuple):
    """A stretch of a coding sequence; ``phase`` is the number of its bases, at its 5' end, before the first base of a
    codon (0, 1 or 2), None where the annotation does not say."""

    interval: Interval
    phase: int | None


@dataclass(frozen=True, slots=True)
class Gene:
    """One gene of a panel.

    Parameters
    ----------
    gene_id, name : str
        Stable identifier and symbol.
    interval : Interval
        The gene body, 0-based half-open, with its strand.
    exons : tuple of Interval
        In transcript order, 5' to 3'.
    transcript : str
        The transcript chosen and the rule that chose it.
    coding : tuple of CodingPart
        Coding sequence of that transcript, 5' to 3', every phase known; empty where the annotation has none, and
        where exons of several transcripts were merged, whose frames differ.
    """

    gene_id: str
    name: str
    interval: Interval
    exons: tuple[Interval, ...]
    transcript: str
    coding: tuple[CodingPart, ...] = ()


def parse_region(text: str) -> Interval:
    """Read "chrom:first-last" (1-based, both ends included).

    Raises
    ------
    InputError
        If the text is not of that form.

    Examples
    --------
    >>> from encoders.genome.intervals import parse_region
    >>> parse_region("20:1093906-1160596")
    Interval(chrom='20', start=1093905, end=1160596, strand='+')
    """
    match = _REGION.match(text.strip())
    if match is None:
        raise InputError(f"A region is written chrom:first-last (1-based, inclusive); got {text!r}: write 20:1-2000.")
    first, last = (int(match[group].replace(",", "")) for group in ("first", "last"))
    if not 1 <= first <= last:
        raise InputError(
            f"A region runs from its first base, 1 or later, to its last, both included; got {text!r}: correct it."
        )
    return Interval(match["chrom"], first - 1, last)
