"""Records of one contig from several files: pieces of it, SNPs and others apart, some subjects in two of them."""

# ruff: noqa: F722

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.genotypes import GenotypeBlock, join_chunks

_NO_SEQUENCE = {"*", "<*>", "<NON_REF>"}


@dataclass
class Feed:
    """Records of one file in order of position.

    Parameters
    ----------
    path : Path
    first : int
        Position of the first record, from 0; nothing is read from ``chunks`` before the other files come to it.
    chunks : iterator of GenotypeBlock
    """

    path: Path
    first: int
    chunks: Iterator[GenotypeBlock]


def merge_feeds(feeds: Sequence[Feed]) -> Iterator[GenotypeBlock]:
    """Records of all files by position; one that several files hold, with the same genotypes, comes once.

    Where files meet at one position, substitutions come before insertions and deletions, so that neither hides the
    other, and else records follow the order of the files. Each file keeps its own order.

    Parameters
    ----------
    feeds : sequence of Feed
        Their blocks have the same subjects in the same order.

    Yields
    ------
    GenotypeBlock
        Its path names all files.

    Raises
    ------
    InputError
        If two files differ in the genotypes of a record, or hold one allele in records that differ otherwise.
    """
    if len(feeds) == 1:
        yield from feeds[0].chunks
        return
    named = Path(" or ".join(str(feed.path) for feed in feeds))
    for parts in _in_order(feeds):
        yield replace(parts[0] if len(parts) == 1 else _merge(parts), path=named)


def _in_order(feeds: Sequence[Feed]) -> Iterator[list[GenotypeBlock]]:
    """Pieces of the files that lie between one position and the next up to which all of them are known."""
    waiting = sorted(range(len(feeds)), key=lambda number: feeds[number].first)
    held: dict[int, GenotypeBlock] = {}
    ended: set[int] = set()
    while waiting or held:
        known_to = [int(block.positions[-1]) for number, block in held.items() if number not in ended]
        frontier = min([*known_to, *(feeds[number].first for number in waiting[:1])], default=None)
        counts = {n: _n_before(block, frontier) for n, block in sorted(held.items())}
        if any(counts.values()):
            yield [held[number].keep(slice(0, count)) for number, count in counts.items() if count]
            rest = {number: held[number].keep(slice(count, None)) for number, count in counts.items()}
            held = {number: block for number, block in rest.items() if len(block.positions)}
            continue
        begun = [number for number in waiting if feeds[number].first == frontier]
        waiting = waiting[len(begun) :]
        for number in [*begun, *(n for n in held if n not in ended and held[n].positions[-1] == frontier)]:
            following = next(feeds[number].chunks, None)
            if following is None:
                ended.add(number)
            else:
                held[number] = join_chunks([held[number], following]) if number in held else following


def _n_before(block: GenotypeBlock, frontier: int | None) -> int:
    return len(block.positions) if frontier is None else int(np.searchsorted(block.positions, frontier))


def _merge(parts: Sequence[GenotypeBlock]) -> GenotypeBlock:
    """Records of several files, sorted, without repeats."""
    joined = join_chunks(parts)
    file_of = np.repeat(np.arange(len(parts)), [len(part.positions) for part in parts])
    order = np.argsort(joined.positions, kind="stable")
    bounds = np.flatnonzero(np.diff(joined.positions[order], prepend=-1, append=-1))
    first_file, last_file = (f.reduceat(file_of[order], bounds[:-1]) for f in (np.minimum, np.maximum))
    meeting = _Meeting(joined, file_of, [part.path for part in parts])
    pieces, done = [], 0
    for group in np.flatnonzero(first_file != last_file).tolist():
        first, end = bounds[group : group + 2].tolist()
        pieces += [order[done:first], meeting.settle(order[first:end].tolist())]
        done = end
    rows = np.concatenate([*pieces, order[done:]])
    return replace(joined.keep(rows), n_repeated=len(order) - len(rows))


@dataclass(frozen=True)
class _Meeting:
    """Records of several files at one position."""

    block: GenotypeBlock
    file_of: Int64[np.ndarray, " n_records"]
    paths: Sequence[Path]

    def settle(self, rows: Sequence[int]) -> Int64[np.ndarray, " n_kept"]:
        """The rows in their order, each record once."""
        queues = [[row for row in rows if self.file_of[row] == file] for file in range(len(self.paths))]
        kept: list[int] = []
        while heads := [queue[0] for queue in queues if queue]:
            row = min(heads, key=lambda head: (self._changes_length(head), self.file_of[head]))
            queues[self.file_of[row]].pop(0)
            if not self._is_repeat(row, kept):
                kept.append(row)
        return np.array(kept, dtype=np.int64)

    def _changes_length(self, row: int) -> bool:
        return any(len(alt) != len(self.block.refs[row]) or not alt.isalpha() for alt in self.block.alts[row])

    def _is_repeat(self, row: int, kept: Sequence[int]) -> bool:
        """Whether another file says the same; refused where it says something else of the same allele."""
        for other in kept:
            if self.file_of[other] == self.file_of[row] or self._place(other) != self._place(row):
                continue
            if self.block.alts[other] == self.block.alts[row]:
                self._check_genotypes(row, other)
                return True
            if shared := set(self.block.alts[other]) & set(self.block.alts[row]) - _NO_SEQUENCE:
                raise InputError(
                    f"An allele may be in one record of a place only; {min(shared)} is in {self._describe(other)} and "
                    f"in {self._describe(row)}: write both files alike (bcftools norm -m -any) or leave one out."
                )
        return False

    def _place(self, row: int) -> tuple[str, int]:
        return self.block.refs[row], int(self.block.info_ends[row])

    def _check_genotypes(self, row: int, other: int) -> None:
        """Equal alleles and, in heterozygotes, equal phase: without it the alleles have no order."""
        block = self.block
        ours, theirs = block.alleles[row], block.alleles[other]
        in_order = (ours == theirs).all(axis=1)
        turned = (ours == theirs[:, ::-1]).all(axis=1) & ~block.phased[row] & ~block.phased[other]
        unequal = ~(in_order | turned)
        unequal |= (ours[:, 0] != ours[:, 1]) & (block.phased[row] != block.phased[other])
        if (sets := block.phase_sets) is not None:
            unequal |= (ours[:, 0] != ours[:, 1]) & (sets[row] != sets[other])
        if unequal.any():
            raise InputError(
                f"Files that hold the same record must agree; {self._describe(other)} and {self._describe(row)} differ "
                f"in {block.subjects[int(unequal.argmax())]}: leave out the file that is wrong."
            )

    def _describe(self, row: int) -> str:
        return replace(self.block, path=self.paths[self.file_of[row]]).describe(row)


def keep_each_subject_once(blocks: Sequence[GenotypeBlock], interval: Interval) -> list[GenotypeBlock]:
    """Drop subjects that an earlier block holds; where blocks share some, they must hold the same records.

    Raises
    ------
    InputError
        If they do not: the records that one of them lacks are unknown for the subjects of the other.
    """
    kept: list[GenotypeBlock] = []
    for block in blocks:
        rest = np.ones(len(block.subjects), dtype=bool)
        for other in kept:
            shared = np.isin(np.array(block.subjects), np.array(other.subjects))
            if shared.any() and not _repeats(block.take(np.flatnonzero(shared)), other):
                raise InputError(
                    f"Files with some subjects in common must hold the same records of them; {other.path} and "
                    f"{block.path} share {block.subjects[int(shared.argmax())]} and differ in {interval}: make one "
                    "file of them (bcftools merge) or leave out who is not in both."
                )
            rest &= ~shared
        if rest.any():
            kept.append(block.take(np.flatnonzero(rest)))
    return kept


def _repeats(block: GenotypeBlock, other: GenotypeBlock) -> bool:
    """Whether both hold the same records, with the same genotypes of the subjects of ``block``."""
    if not np.array_equal(block.positions, other.positions) or (block.refs, block.alts) != (other.refs, other.alts):
        return False
    column_of = {name: column for column, name in enumerate(other.subjects)}
    return np.array_equal(other.alleles[:, [column_of[name] for name in block.subjects]], block.alleles)
