"""Records of one region with genotypes, as arrays."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int16, Int64


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
        subjects = tuple(self.subjects[column] for column in columns)
        return replace(self, subjects=subjects, alleles=self.alleles[:, columns], phased=self.phased[:, columns])


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
        n_repeated=sum(chunk.n_repeated for chunk in chunks),
    )
