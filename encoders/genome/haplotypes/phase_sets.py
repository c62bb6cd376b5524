"""Phase sets: heterozygotes of different sets are phased within each set alone, so one window may hold one set."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Int64

from encoders.errors import InputError
from encoders.genome.haplotypes.alleles import UnphasedPolicy
from encoders.genome.variants.genotypes import ONE_PHASE_SET, GenotypeBlock

JOINED = "phase_sets_joined"
"""Event: a subject's window in which heterozygotes of several phase sets were joined in the order written."""

_NONE_YET = ONE_PHASE_SET - 1 - (1 << 62)


def follow_phase_sets(
    chunks: Iterable[GenotypeBlock],
    windows: Sequence[tuple[int, int]],
    *,
    unphased: UnphasedPolicy,
    events: Counter[str],
) -> Iterator[GenotypeBlock]:
    """The same chunks, checked on their way.

    Parameters
    ----------
    chunks : iterable of GenotypeBlock
        Consecutive records of one file over one region.
    windows : sequence of (start, end)
        Places within which phase matters, from 0, half-open.
    unphased : str
        Under "phased" two sets in one window are refused; under "as-written" and "iupac-unphased", which follow what
        is written, they are counted; under the other policies phase plays no part.
    events : Counter
        ``phase_sets_joined`` is added to, once for each subject and window.

    Raises
    ------
    InputError
        Naming the record, the subject and both sets.
    """
    if unphased in {"iupac", "alternate"}:
        yield from chunks
        return
    starts, ends = (np.array(sorted(bounds), dtype=np.int64) for bounds in zip(*windows, strict=True))
    first: dict[int, Int64[np.ndarray, " n_subjects"]] = {}
    joined: dict[int, Bool[np.ndarray, " n_subjects"]] = {}
    for chunk in chunks:
        for record, sets in _heterozygotes(chunk, first):
            begin = np.searchsorted(ends, chunk.positions[record], side="right")
            stop = np.searchsorted(starts, chunk.info_ends[record], side="left")
            for window in range(int(begin), int(stop)):
                known = first.setdefault(window, np.full(len(sets), _NONE_YET, dtype=np.int64))
                other = (sets != _NONE_YET) & (known != _NONE_YET) & (sets != known)
                if other.any() and unphased == "phased":
                    column = int(other.argmax())
                    _refuse(chunk, record, column, int(known[column]))
                seen = joined.setdefault(window, np.zeros(len(sets), dtype=np.bool_))
                events[JOINED] += int((other & ~seen).sum())
                seen |= other
                first[window] = np.where(known == _NONE_YET, sets, known)
        yield chunk


def _heterozygotes(
    chunk: GenotypeBlock, first: dict[int, Int64[np.ndarray, " n_subjects"]]
) -> Iterator[tuple[int, Int64[np.ndarray, " n_subjects"]]]:
    """Records with the phase sets of their phased heterozygotes; none as long as the file has named no set."""
    if chunk.phase_sets is None and not first:
        return
    sets = np.full(chunk.phased.shape, ONE_PHASE_SET) if chunk.phase_sets is None else chunk.phase_sets
    alleles = chunk.alleles
    speaks = chunk.phased & (alleles[..., 0] != alleles[..., 1]) & (alleles >= 0).all(axis=2)
    for record in np.flatnonzero(speaks.any(axis=1)).tolist():
        yield record, np.where(speaks[record], sets[record], _NONE_YET)


def _refuse(chunk: GenotypeBlock, record: int, column: int, other: int) -> None:
    sets = chunk.phase_sets
    own = ONE_PHASE_SET if sets is None else int(sets[record, column])
    raise InputError(
        f"Heterozygotes of one window must be phased with one another; {chunk.describe(record)} of "
        f"{chunk.subjects[column]} is of phase set {_say(own)}, an earlier one of the same window of {_say(other)}: "
        "phase them together, or choose an unphased policy (as-written joins the sets as if they were one)."
    )


def _say(number: int) -> str:
    """PSL names sets by texts, which are kept as numbers below that of no set."""
    return "no name" if number == ONE_PHASE_SET else str(number) if number >= 0 else "another list (PSL)"
