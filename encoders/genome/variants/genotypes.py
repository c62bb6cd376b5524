"""Records of one region with genotypes, as arrays."""

# ruff: noqa: F722

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int8, Int16, Int64

DELETION = "<DEL>"
_OF_LENGTH = re.compile(r"<DEL:(\d+)>")
_END = re.compile(r"(?:^|;)END=(\d+)")
_LENGTHS = re.compile(r"(?:^|;)SVLEN=((?:-?\d+|\.)(?:,(?:-?\d+|\.))*)")
_IN_DOUBT = re.compile(r"<DEL:END (\d+), SVLEN (\d+)>")

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
        Empty for a record without ALT; see `spell_deletions`.
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
    n_repeated : int
        Records of other files that say the same as records here and were dropped.
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
    n_repeated: int = 0

    def describe(self, record: int) -> str:
        """The record as messages name it."""
        alts = ",".join(self.alts[record]) or "."
        return f"{self.chrom}:{self.positions[record] + 1} {self.refs[record]}>{alts} of {self.path}"

    def keep(self, records: Int64[np.ndarray, " n_kept"] | slice) -> "GenotypeBlock":
        """Some of the records with all subjects; what was dropped in their favour is not counted again."""
        numbers = np.arange(len(self.positions))[records].tolist()
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        arrays: dict[str, Any] = {name: of[records] for name, of in values.items() if isinstance(of, np.ndarray)}
        return replace(
            self,
            **arrays,
            refs=tuple(self.refs[number] for number in numbers),
            alts=tuple(self.alts[number] for number in numbers),
            n_repeated=0,
        )

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
    """Records of the same subjects, one after the other, as one block; at least one chunk is needed."""
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
        n_repeated=sum(chunk.n_repeated for chunk in chunks),
    )


def _join(parts: Sequence[np.ndarray | None], chunks: Sequence[GenotypeBlock], absent: np.generic) -> np.ndarray | None:
    """Arrays of chunks one after the other, where at least one has any; a value stands for those that have none."""
    if all(part is None for part in parts):
        return None
    filled = [
        np.full(chunk.phased.shape, absent) if part is None else part for part, chunk in zip(parts, chunks, strict=True)
    ]
    return np.concatenate(filled)


def find_end(info: str, start: int) -> int | None:
    """Bases from POS, which is ``start`` from 0, to INFO/END; None where a record has no END past it."""
    found = _END.search(info)
    return None if found is None or int(found[1]) <= start + 1 else int(found[1]) - start - 1


def find_lengths(info: str) -> list[int | None]:
    """INFO/SVLEN, one an allele."""
    found = _LENGTHS.search(info)
    return [None if one == "." else int(one) for one in found[1].split(",")] if found else []


def spell_deletions(alts: tuple[str, ...], lengths: Sequence[int | None], by_end: int | None = None) -> tuple[str, ...]:
    """ALT alleles of a record, upper case, in which deletions say what END cannot say of them.

    Those of unlike length become ``<DEL:LENGTH>``, of none ``<DEL:.>``; the only one of which END and SVLEN say
    different lengths becomes ``<DEL:END LENGTH, SVLEN LENGTH>``.

    Parameters
    ----------
    alts : tuple of str
    lengths : sequence of int or None
        INFO/SVLEN, one an allele; fewer where the file has fewer.
    by_end : int, optional
        Bases from POS to INFO/END; None where the record has no END.

    Examples
    --------
    >>> from encoders.genome.variants.genotypes import spell_deletions
    >>> spell_deletions(("<DEL>", "<DEL>"), (-5, -10))
    ('<DEL:5>', '<DEL:10>')
    >>> spell_deletions(("<DEL>", "A"), (-5, None))
    ('<DEL>', 'A')
    >>> spell_deletions(("<DEL>",), (-5,), 8)
    ('<DEL:END 8, SVLEN 5>',)
    """
    of_allele = dict(enumerate(lengths))
    own = [abs(of_allele.get(k) or 0) if alt == DELETION else 0 for k, alt in enumerate(alts)]
    if alts.count(DELETION) == 1 and sum("<" in alt for alt in alts) == 1:
        length = max(own)
        is_doubted = by_end is not None and length != 0 and length != by_end
        return tuple(f"<DEL:END {by_end}, SVLEN {length}>" if alt == DELETION and is_doubted else alt for alt in alts)
    if alts.count(DELETION) < 2 or len({length for length, alt in zip(own, alts, strict=True) if alt == DELETION}) == 1:
        return alts
    return tuple(f"<DEL:{length or '.'}>" if alt == DELETION else alt for length, alt in zip(own, alts, strict=True))


def lengths_in_doubt(alt: str) -> tuple[int, int] | None:
    """Bases that END and that SVLEN say a deletion lacks, where these differ; None of other alleles."""
    found = _IN_DOUBT.fullmatch(alt)
    return None if found is None else (int(found[1]), int(found[2]))


def deleted_length(alt: str) -> int | None:
    """Bases that an allele with a length of its own deletes, after the first of REF; None of other alleles."""
    found = _OF_LENGTH.fullmatch(alt)
    return None if found is None else int(found[1])
