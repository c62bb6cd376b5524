"""Where genotypes were called: the regions of a BED file; elsewhere "no record" does not mean "like the reference"."""

# ruff: noqa: F722

import gzip
import zlib
from collections import defaultdict
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int64

from encoders.claims import bounded_lines
from encoders.damage import how_absent
from encoders.errors import InputError
from encoders.genome.contigs import find_contig, list_contigs
from encoders.genome.haplotypes.consensus import Edit
from encoders.genome.intervals import Interval

_MOST_DIGITS = 12
"""Of a coordinate; the longest chromosome known needs 11."""

OutsidePolicy = Literal["reference", "N"]
_NO_REGIONS: Int64[np.ndarray, "n_regions 2"] = np.empty((0, 2), dtype=np.int64)


def check_outside(policy: str) -> None:
    """Refuse a policy that does not exist.

    Raises
    ------
    InputError
    """
    if policy not in get_args(OutsidePolicy):
        raise InputError(
            f"Bases outside callable regions may be one of {', '.join(get_args(OutsidePolicy))}; got {policy!r}: "
            "choose one."
        )


class CallableRegions:
    """Regions of one BED file, plain or gz, 0-based half-open; overlapping ones are merged.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file is missing or empty, or if a line is no region.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"The BED file {path} {how_absent(path)}: correct the path.")
        found = _read(self.path)
        if not found:
            raise InputError(f"A BED file of callable regions needs at least one; {path} has none: give the targets.")
        self._regions = {chrom: _merge(regions) for chrom, regions in found.items()}

    def check_contigs(self, chroms: Sequence[str]) -> None:
        """Refuse a BED without regions on any of these contigs: it belongs to another assembly or naming.

        Raises
        ------
        InputError
        """
        if not any(find_contig(chrom, self._regions) for chrom in chroms):
            raise InputError(
                f"Callable regions are needed on the contigs of the panel ({list_contigs(chroms)}); {self.path} has "
                f"{list_contigs(self._regions)}: give the BED of this assembly."
            )

    def inside(self, interval: Interval) -> Bool[np.ndarray, " n_bases"]:
        """Which bases of an interval are callable."""
        mask = np.zeros(len(interval), dtype=np.bool_)
        name = find_contig(interval.chrom, self._regions)
        regions = _NO_REGIONS if name is None else self._regions[name]
        first = int(np.searchsorted(regions[:, 1], interval.start, side="right"))
        last = int(np.searchsorted(regions[:, 0], interval.end, side="left"))
        for start, end in regions[first:last].tolist():
            mask[max(0, start - interval.start) : end - interval.start] = True
        return mask


def mask_outside(sequence: str, inside: Bool[np.ndarray, " n_bases"]) -> str:
    """The sequence with N wherever nothing was called."""
    return "".join(base if known else "N" for base, known in zip(sequence, inside.tolist(), strict=True))


def keep_inside(edits: Sequence[Edit], inside: Bool[np.ndarray, " n_bases"]) -> tuple[Edit, ...]:
    """Edits that touch a callable base: one they replace, or the anchor of an insertion."""
    return tuple(edit for edit in edits if inside[max(0, min(edit.start, edit.end - 1)) : max(edit.end, 1)].any())


def _read(path: Path) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    try:
        with _open(path) as file:
            for number, line in enumerate(bounded_lines(file, path), start=1):
                if line.strip() and not line.startswith(("#", "track", "browser")):
                    chrom, start, end = _parse(line, number, path)
                    found[chrom].append((start, end))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"The BED file {path} is a cut or damaged gzip ({error}): make it again.") from error
    return found


def _open(path: Path) -> TextIOWrapper:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    if zipped:
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")  # letters that are none make a name that no contig has


def _parse(line: str, number: int, path: Path) -> tuple[str, int, int]:
    fields = line.split()
    if len(fields) < 3 or not _is_place(fields[1]) or not _is_place(fields[2]) or int(fields[1]) >= int(fields[2]):
        raise InputError(
            f"A BED line is contig, start, end with start < end (0-based, half-open); line {number} of {path} is "
            f"{line.strip()[:60]!r}: correct it."
        )
    return fields[0], int(fields[1]), int(fields[2])


def _is_place(text: str) -> bool:
    """Whether a text is a whole number that a chromosome may have; longer ones overflow what regions are kept in."""
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _merge(regions: Sequence[tuple[int, int]]) -> Int64[np.ndarray, "n_regions 2"]:
    merged: list[list[int]] = []
    for start, end in sorted(regions):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return np.array(merged, dtype=np.int64)
