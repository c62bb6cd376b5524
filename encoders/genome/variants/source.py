"""What every file format of genotypes offers: sites, and blocks of genotypes by place or in order."""

# ruff: noqa: F722

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.genotypes import GenotypeBlock


class Site(NamedTuple):
    """Place and alleles of one record; ``position`` is the first base of REF, from 0."""

    position: int
    ref: str
    alts: str
    path: Path


@runtime_checkable
class VariantSource(Protocol):
    """One file, or one set of files that belong together, of one format.

    Contigs are named as the file names them; positions count from 0.
    """

    path: Path
    samples: tuple[str, ...]
    contigs: tuple[str, ...]

    @property
    def subjects_apart(self) -> bool:
        """Whether some subjects are read for the price of some; elsewhere every record is decoded for all."""

    @property
    def contig_lengths(self) -> Mapping[str, int]:
        """Bases of contigs, as far as the file states them."""

    def has_records(self, contig: str) -> bool:
        """Whether the file has any record there."""

    def sites(self, contig: str, interval: Interval) -> Iterator[Site]:
        """Records that overlap a region, without genotypes."""

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time."""


def check_samples(samples: Sequence[str], path: Path) -> tuple[str, ...]:
    """Sample names, each of which must be there once.

    Raises
    ------
    InputError
        If a file names no sample twice or more.
    """
    if len(set(samples)) < len(samples):
        repeated = next(name for name in samples if list(samples).count(name) > 1)
        raise InputError(
            f"A sample may be in a variant file once; {repeated} is named {list(samples).count(repeated)} times in "
            f"{path}: rename or remove one of them."
        )
    return tuple(samples)


def read_lines(path: Path) -> list[str]:
    """Lines of a table of samples.

    Raises
    ------
    InputError
        If it is no text in UTF-8.
    """
    try:
        return path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"A table of samples is text in UTF-8; {path} is not ({error}): save it so.") from error


def check_order(block: GenotypeBlock, last: int = -1) -> GenotypeBlock:
    """The block, if its records are sorted by position and follow position ``last``.

    Raises
    ------
    InputError
        Naming the first record that stands before its predecessor.
    """
    steps = np.diff(block.positions, prepend=last)
    if (steps < 0).any():
        record = int((steps < 0).argmax())
        raise InputError(
            f"Records must be sorted by position; {block.describe(record)} follows position "
            f"{block.positions[record] - steps[record] + 1}: sort the file (bcftools sort) and index it anew."
        )
    return block


def overlapping(
    starts: Int64[np.ndarray, " n_records"],
    ends: Int64[np.ndarray, " n_records"],
    furthest: Int64[np.ndarray, " n_records"],
    interval: Interval,
) -> Int64[np.ndarray, " n_found"]:
    """Numbers of the records of one contig that overlap a region.

    Parameters
    ----------
    starts : int64 [n_records]
        Sorted.
    ends : int64 [n_records]
    furthest : int64 [n_records]
        Running maximum of ``ends``: it is sorted, so that a long record far to the left is found by bisection.
    interval : Interval
    """
    first = int(np.searchsorted(furthest, interval.start, side="right"))
    last = int(np.searchsorted(starts, interval.end, side="left"))
    return first + np.flatnonzero(ends[first:last] > interval.start)
