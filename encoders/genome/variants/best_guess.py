"""Dosages and genotype probabilities of imputed records as called genotypes, and how sure each call is."""

# ruff: noqa: F722

from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int8, Int16

from encoders.errors import InputError

DosagePolicy = Literal["refuse", "best-guess"]

CALLED, GUESSED, UNCERTAIN = 0, 1, 2
"""A genotype that somebody called; one guessed here; one guessed here that is not sure."""

_FURTHEST = 0.1
"""Largest distance of a dosage from a whole number of alleles that counts as sure, as plink2's hard calls have it."""
_TOLERANCE = 0.02

Pairs = Int16[np.ndarray, "n_subjects 2"]
Sureness = Int8[np.ndarray, " n_subjects"]


def check_dosage_policy(policy: str) -> None:
    """Refuse a policy that does not exist.

    Raises
    ------
    InputError
    """
    if policy not in get_args(DosagePolicy):
        raise InputError(
            f"The policy for dosages must be one of {', '.join(get_args(DosagePolicy))}; got {policy!r}: choose one."
        )


def from_dosages(dosages: Float[np.ndarray, " n_subjects"]) -> tuple[Pairs, Sureness]:
    """The nearest genotype of a record with one ALT.

    Parameters
    ----------
    dosages : float [n_subjects]
        Expected copies of ALT, 0 to 2; NaN where nothing is known.

    Returns
    -------
    pairs : int16 [n_subjects, 2]
        The smaller allele first; -1 where nothing is known.
    sureness : int8 [n_subjects]
        ``GUESSED``; ``UNCERTAIN`` where the dosage is more than 0.1 from a whole number; ``CALLED`` where nothing is
        known, so that nothing was guessed.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.genome.variants.best_guess import from_dosages
    >>> pairs, sureness = from_dosages(np.array([0.02, 0.7, 2.0, np.nan]))
    >>> pairs.tolist(), sureness.tolist()
    ([[0, 0], [0, 1], [1, 1], [-1, -1]], [1, 2, 1, 0])
    """
    copies = np.rint(np.nan_to_num(dosages))
    pairs = np.stack([copies > 1, copies > 0], axis=1).astype(np.int16)
    return _known(pairs, np.abs(dosages - copies) <= _FURTHEST, ~np.isnan(dosages))


def from_haplotype_dosages(dosages: Float[np.ndarray, "n_subjects 2"]) -> tuple[Pairs, Sureness]:
    """The nearest allele of each haplotype of a record with one ALT; the order of the haplotypes is kept."""
    copies = np.rint(np.nan_to_num(dosages))
    sure = (np.abs(dosages - copies) <= _FURTHEST).all(axis=1)
    return _known(copies.astype(np.int16), sure, ~np.isnan(dosages).any(axis=1))


def from_probabilities(
    probabilities: Float[np.ndarray, "n_subjects n_genotypes"], n_alleles: int
) -> tuple[Pairs, Sureness]:
    """The most probable genotype.

    Parameters
    ----------
    probabilities : float [n_subjects, n_genotypes]
        In the order of the VCF specification: 00, 01, 11, 02, 12, 22, ...
    n_alleles : int
    """
    known = ~np.isnan(probabilities).any(axis=1)
    best = np.nan_to_num(probabilities).argmax(axis=1)
    sure = probabilities.max(axis=1) >= 1 - _FURTHEST
    return _known(_genotypes(n_alleles)[best], sure, known)


def from_haplotype_probabilities(
    probabilities: Float[np.ndarray, "n_subjects 2 n_alleles"],
) -> tuple[Pairs, Sureness]:
    """The most probable allele of each haplotype; the order of the haplotypes is kept."""
    known = ~np.isnan(probabilities).any(axis=(1, 2))
    best: Pairs = np.nan_to_num(probabilities).argmax(axis=2).astype(np.int16)
    return _known(best, (probabilities.max(axis=2) >= 1 - _FURTHEST).all(axis=1), known)


def are_probabilities(values: Float[np.ndarray, "n_subjects n_values"]) -> bool:
    """Whether every known row is from 0 to 1 and sums to 1, to what writers round."""
    known = values[~np.isnan(values).any(axis=1)]
    sums: Float[np.ndarray, " n_known"] = known.sum(axis=1)
    return bool(((known >= 0) & (known <= 1 + _TOLERANCE)).all() and (np.abs(sums - 1) <= _TOLERANCE).all())


def _known(
    pairs: Pairs, sure: Bool[np.ndarray, " n_subjects"], known: Bool[np.ndarray, " n_subjects"]
) -> tuple[Pairs, Sureness]:
    sureness = np.where(known, np.where(sure, GUESSED, UNCERTAIN), CALLED).astype(np.int8)
    return np.where(known[:, None], pairs, np.int16(-1)), sureness


@lru_cache
def _genotypes(n_alleles: int) -> Int16[np.ndarray, "n_genotypes 2"]:
    return np.array([(low, high) for high in range(n_alleles) for low in range(high + 1)], dtype=np.int16)
