"""Ancestry components: principal components of standardised genotypes."""

# ruff: noqa: F722

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int64
from scipy.sparse.linalg import LinearOperator, eigsh

from encoders.errors import InputError
from encoders.genome.population.dosages import frequencies

_RECORDS_AT_ONCE = 4_096
_NEIGHBOURS = 50


@dataclass(frozen=True)
class Ancestry:
    """Components of a cohort.

    Parameters
    ----------
    scores : float64 [n_subjects, n_components]
        Unit length over the subjects that define them; the others projected by the same loadings.
    eigenvalues : float64 [n_components]
        Of the genetic relationship matrix of the defining subjects.
    n_records : int
        Records used.
    """

    scores: Float64[np.ndarray, "n_subjects n_components"]
    eigenvalues: Float64[np.ndarray, " n_components"]
    n_records: int


class LinkageThinner:
    """Keeps a record only if it does not correlate with the last kept ones.

    Parameters
    ----------
    n_subjects : int
    max_r2 : float
        Largest squared correlation of two kept neighbours; 1 keeps everything that varies.
    neighbours : int
        Kept records that a record is compared with.
    """

    def __init__(self, n_subjects: int, max_r2: float = 0.2, *, neighbours: int = _NEIGHBOURS) -> None:
        self._recent = np.zeros((neighbours, n_subjects), dtype=np.float32)
        self._max_r2 = max_r2
        self._n_kept = 0

    def keep(self, dosages: Int8[np.ndarray, "n_records n_subjects"]) -> Bool[np.ndarray, " n_records"]:
        """Which of the next records to keep; -1 is missing and read as the mean, no variance is never kept."""
        kept = np.zeros(len(dosages), dtype=np.bool_)
        for record, row in enumerate(dosages):
            known = row >= 0
            centred = np.where(known, row - row[known].mean() if known.any() else 0.0, 0.0).astype(np.float32)
            length = float(np.linalg.norm(centred))
            if length == 0:
                continue
            centred /= length
            if self._max_r2 < 1 and float(np.square(self._recent @ centred).max()) > self._max_r2:
                continue
            kept[record] = True
            self._recent[self._n_kept % len(self._recent)] = centred
            self._n_kept += 1
        return kept


def thin_linked(
    chunks: Iterable[Int8[np.ndarray, "_n_records n_subjects"]], max_r2: float, fit: Bool[np.ndarray, " n_subjects"]
) -> Int8[np.ndarray, "n_kept n_subjects"]:
    """Thinned records of all chunks as one table; linkage is measured in the subjects that define the components.

    Raises
    ------
    InputError
        If nothing is left.
    """
    thinner = LinkageThinner(int(fit.sum()), max_r2)
    kept = [chunk[thinner.keep(chunk[:, fit])] for chunk in chunks]
    if not sum(map(len, kept)):
        raise InputError(
            "Ancestry needs biallelic autosomal records that vary; none is left after the filters: lower the allele "
            "frequency or give genome-wide variants."
        )
    return np.concatenate(kept)


def ancestry_components(
    dosages: Int8[np.ndarray, "n_records n_subjects"],
    n_components: int = 10,
    *,
    fit: Bool[np.ndarray, " n_subjects"] | None = None,
) -> Ancestry:
    """Principal components of genotypes standardised by sqrt(2p(1-p)), without a subjects x subjects matrix.

    Parameters
    ----------
    dosages : int8 [n_records, n_subjects]
        -1 is missing and read as the mean.
    n_components : int
    fit : bool [n_subjects], optional
        Subjects that define frequencies and components; the others are projected, which draws them a little towards
        the centre.

    Returns
    -------
    Ancestry
        The sign of each component makes its largest score positive.

    Raises
    ------
    InputError
        If there are fewer subjects or records than components.

    References
    ----------
    Patterson, Price and Reich (2006), doi:10.1371/journal.pgen.0020190.
    """
    chosen = np.ones(dosages.shape[1], dtype=np.bool_) if fit is None else fit
    fitted = np.flatnonzero(chosen)
    p = frequencies(dosages[:, fitted])
    varying = np.flatnonzero((p > 0) & (p < 1))
    n, m = len(fitted), len(varying)
    if not 0 < n_components < min(n, m):
        raise InputError(
            f"Ancestry needs 0 < components < subjects and records that vary; got {n_components} for {n} subjects and "
            f"{m} records: lower the number of components."
        )
    table = _Standardised(dosages, varying, p[varying])
    operator = LinearOperator(
        (n, n), matvec=lambda v: table.project(table.load(v, fitted), fitted) / m, dtype=np.float64
    )
    start = np.random.default_rng(0).standard_normal(n)
    eigenvalues, vectors = eigsh(operator, k=n_components, which="LA", v0=start, tol=1e-12)
    order = np.argsort(eigenvalues)[::-1]
    eigenvalues, vectors = eigenvalues[order], vectors[:, order]
    everyone = np.arange(dosages.shape[1])
    scores = np.column_stack([table.project(table.load(vector, fitted), everyone) for vector in vectors.T])
    scores /= m * eigenvalues
    largest = np.abs(scores[fitted]).argmax(axis=0)
    scores *= np.sign(scores[fitted][largest, np.arange(n_components)])
    return Ancestry(scores, eigenvalues, m)


class _Standardised:
    """Products with the standardised genotypes, made block by block from the counts."""

    def __init__(
        self,
        dosages: Int8[np.ndarray, "n_records n_subjects"],
        records: Int64[np.ndarray, " n_used"],
        p: Float64[np.ndarray, " n_used"],
    ) -> None:
        self._dosages, self._records = dosages, records
        self._mean, self._scale = 2 * p, np.sqrt(2 * p * (1 - p))

    def _block(self, first: int, columns: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n_block n"]:
        span = slice(first, first + _RECORDS_AT_ONCE)
        raw = self._dosages[np.ix_(self._records[span], columns)]
        centred = np.where(raw >= 0, raw - self._mean[span, np.newaxis], 0.0)
        return np.asarray(centred / self._scale[span, np.newaxis], dtype=np.float64)

    def load(
        self, vector: Float64[np.ndarray, " n"], columns: Int64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n_used"]:
        firsts = range(0, len(self._records), _RECORDS_AT_ONCE)
        return np.concatenate([self._block(first, columns) @ vector.ravel() for first in firsts])

    def project(
        self, loadings: Float64[np.ndarray, " n_used"], columns: Int64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, " n"]:
        total = np.zeros(len(columns))
        for first in range(0, len(self._records), _RECORDS_AT_ONCE):
            total += loadings[first : first + _RECORDS_AT_ONCE] @ self._block(first, columns)
        return total
