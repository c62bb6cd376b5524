"""Sentences that a user must see beside a permutation test: lost rank, leverage, heavy tails, few permutations."""

import math

from fusion.cca import RANK_TOLERANCE, Basis
from fusion.exchangeability import PermutationSet
from fusion.matrices import Matrix

LEVERAGE_FACTOR = 10
KURTOSIS_LIMIT = 20


def rank_warnings(name: str, basis: Basis) -> list[str]:
    """One sentence each for columns without variance and for columns that are linear in others."""
    width, rank = basis.weights.shape
    n_linear = width - basis.n_vanished - rank
    sentences = []
    if basis.n_vanished:
        sentences.append(
            f"{name}: {basis.n_vanished} of {width} columns left out: constant, or explained by the confounds."
        )
    if n_linear:
        sentences.append(
            f"{name}: {width - basis.n_vanished} columns have rank {rank} (tolerance {RANK_TOLERANCE:g} of the "
            f"largest singular value); the test uses rank {rank}."
        )
    return sentences


def leverage_warnings(name: str, nuisance: Matrix) -> list[str]:
    """Warn of subjects that determine the confound fit by themselves: leverage > 10 (R + 1) / N.

    Parameters
    ----------
    nuisance : float64 array, shape [n_subjects, R + 1]
        Orthonormal columns.
    """
    leverage = (nuisance**2).sum(axis=1)
    limit = LEVERAGE_FACTOR * nuisance.shape[1] / len(nuisance)
    n_high = int((leverage > limit).sum())
    if not n_high:
        return []
    return [
        f"{name}: {n_high} subjects have leverage above {limit:.3g} (highest {leverage.max():.3g}, row "
        f"{int(leverage.argmax())}); check their confounds."
    ]


def kurtosis_warnings(name: str, kurtosis: Matrix) -> list[str]:
    """Warn of columns with kurtosis > 20 (3 for a normal), where Gaussian arguments are weakest."""
    n_heavy = int((kurtosis > KURTOSIS_LIMIT).sum())
    if not n_heavy:
        return []
    return [
        f"{name}: {n_heavy} columns have kurtosis above {KURTOSIS_LIMIT} (highest {kurtosis.max():.3g}, column "
        f"{int(kurtosis.argmax())}); consider a rank-based inverse normal transform of the residuals."
    ]


def permutation_warnings(permutations: object) -> list[str]:
    """Warn when blocks leave fewer distinct permutations than were asked for."""
    if not isinstance(permutations, PermutationSet) or permutations.log_size >= math.log(len(permutations)):
        return []
    return [
        f"Blocks allow only {round(math.exp(permutations.log_size))} distinct permutations; p cannot fall below "
        f"{math.exp(-permutations.log_size):.2g}, whatever their number ({permutations.n_permutations} drawn)."
    ]
