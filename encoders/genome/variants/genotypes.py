"""Records of one region with genotypes, as arrays."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int8, Int16, Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval

ONE_PHASE_SET = -1
"""Phase set of phased genotypes that name none: all of them are of one set (VCF specification)."""


@dataclass(frozen=True)
class GenotypeBlock:
    """Records of one file that overlap one region, with the genotypes of some subjects.

    Parameters
    ----------
    subjects : tuple of str
    chrom : str
        Contig as the file names it.
    positions : int64 [n_records]
        First base of REF, from 0, in file order.
    refs : tuple of str [n_records]
    alts : tuple of tuple of str [n_records]
        Empty for a record without ALT.
    info_ends : int64 [n_records]
        One past the last reference base of the record (from 0), INFO/END and SVLEN included.
    alleles : int16 [n_records, n_subjects, 2]
        0 is REF, k is the k-th ALT, -1 is missing.
    phased : bool [n_records, n_subjects]
    path : Path
    phase_sets : int64 [n_records, n_subjects], optional
        Genotypes are phased with one another where this is equal; None where a file has one set.
    guessed : int8 [n_records, n_subjects], optional
        :data:`~encoders.genome.variants.best_guess.CALLED`, ``GUESSED`` or ``UNCERTAIN``; None where all were called.
    """

    subjects: tuple[str, ...]
    chrom: str
    positions: Int64[np.ndarray, " n_records"]
    refs: tuple[str, ...]
    alts: tuple[tuple[str, ...], ...]
    info_ends: Int64[np.ndarray, " n_records"]
    alleles: Int16[np.ndarray, "n_records n_subjects 2"]
    phased: Bool[np.ndarray, "n_records n_subjects"]
    path: Path
    phase_sets: Int64[np.ndarray, "n_records n_subjects"] | None = None
    guessed: Int8[np.ndarray, "n_records n_subjects"] | None = None

    def describe(self, record: int) -> str:
        """The record as messages name it."""
        alts = ",".join(self.alts[record]) or "."
        return f"{self.chrom}:{self.positions[record] + 1} {self.refs[record]}>{alts} of {self.path}"

    def take(self, columns: Int64[np.ndarray, " n_kept"]) -> "GenotypeBlock":
        """The same records with some of the subjects."""
        return replace(
            self,
            subjects=tuple(self.subjects[column] for column in columns),
            alleles=self.alleles[:, columns],
            phased=self.phased[:, columns],
            phase_sets=None if self.phase_sets is None else self.phase_sets[:, columns],
            guessed=None if self.guessed is None else self.guessed[:, columns],
        )

    def without_genotypes(self) -> "GenotypeBlock":
        """The records alone: no subjects, and little memory."""
        none: Int64[np.ndarray, " 0"] = np.empty(0, dtype=np.int64)
        bare = self.take(none)
        return replace(bare, alleles=bare.alleles.copy(), phased=bare.phased.copy(), phase_sets=None, guessed=None)


def join_chunks(chunks: Sequence[GenotypeBlock]) -> GenotypeBlock:
    """Consecutive records of one file and the same subjects as one block; at least one chunk is needed."""
    if len(chunks) == 1:
        return chunks[0]
    return replace(
        chunks[0],
        positions=np.concatenate([chunk.positions for chunk in chunks]),
        refs=tuple(ref for chunk in chunks for ref in chunk.refs),
        alts=tuple(alts for chunk in chunks for alts in chunk.alts),
        info_ends=np.concatenate([chunk.info_ends for chunk in chunks]),
        alleles=np.concatenate([chunk.alleles for chunk in chunks]),
        phased=np.concatenate([chunk.phased for chunk in chunks]),
        phase_sets=_join([chunk.phase_sets for chunk in chunks], chunks, np.int64(ONE_PHASE_SET)),
        guessed=_join([chunk.guessed for chunk in chunks], chunks, np.int8(0)),
    )


def _join(parts: Sequence[np.ndarray | None], chunks: Sequence[GenotypeBlock], absent: np.generic) -> np.ndarray | None:
    """Arrays of chunks one after the other, where at least one has any; a value stands for those that have none."""
    if all(part is None for part in parts):
        return None
    filled = [
        np.full(chunk.phased.shape, absent) if part is None else part for part, chunk in zip(parts, chunks, strict=True)
    ]
    return np.concatenate(filled)


def drop_repeats(blocks: Sequence[GenotypeBlock], interval: Interval) -> list[GenotypeBlock]:
    """Keep each subject once: files that overlap (per-gene files do) must repeat one another."""
    if len(blocks) < 2:
        return list(blocks)
    kept: list[GenotypeBlock] = []
    for block in sorted(blocks, key=lambda block: -len(block.positions)):
        rest = np.ones(len(block.subjects), dtype=bool)
        for other in kept:
            shared = np.isin(np.array(block.subjects), np.array(other.subjects))
            if shared.any() and not _repeats(block.take(np.flatnonzero(shared)), other):
                subject = block.subjects[int(shared.argmax())]
                raise InputError(
                    f"A subject may be in one file only for a region; {subject} is in {other.path} and {block.path}, "
                    f"which differ in {interval}: drop one of the files."
                )
            rest &= ~shared
        if rest.any():
            kept.append(block.take(np.flatnonzero(rest)))
    return kept


def _repeats(block: GenotypeBlock, other: GenotypeBlock) -> bool:
    """Whether every record of ``block``, with its genotypes, is in ``other``."""
    rows = {key: row for row, key in enumerate(zip(other.positions.tolist(), other.refs, other.alts, strict=True))}
    keys = list(zip(block.positions.tolist(), block.refs, block.alts, strict=True))
    if any(key not in rows for key in keys):
        return False
    column_of = {name: column for column, name in enumerate(other.subjects)}
    columns = [column_of[name] for name in block.subjects]
    return np.array_equal(other.alleles[np.ix_([rows[key] for key in keys], columns)], block.alleles)
