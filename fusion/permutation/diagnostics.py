"""Sentences that a user must see beside a permutation test: lost rank, leverage, heavy tails, few permutations."""

import hashlib
import math

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fusion.arrays import Matrix
from fusion.cca.exact import RANK_TOLERANCE, Basis
from fusion.errors import InputError
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.permutations import PermutationSet
from fusion.permutation.projections import HuhJhun, Theil
from fusion.permutation.variates import WhitenedViews

LEVERAGE_FACTOR = 10
KURTOSIS_LIMIT = 20
FEWEST_PERMUTATIONS = 20
"""Distinct permutations, identity included, below which no p-value can reach 5 %."""

LIBERAL_KURTOSIS, LIBERAL_SHARE = 9, 0.1
"""Mean kurtosis of the columns of both views, and confounds (with the mean) per subject, above which the test may
reject more than 6.5 % at 5 %, whatever the projection: 6 to 8 % with t(2), 15 confounds, 100 subjects (normal: 3)."""

THEIL_CHOSEN = (
    "Columns have heavy tails (kurtosis above 20), so confounds were removed by Theil's residuals, whose "
    "rows are subjects, not by the Huh-Jhun projection, whose rows mix the outlying ones."
)

CENTRED = 1e-10
"""A column whose sum falls below this share of its norm (times the root of its length) was centred beforehand."""


def collect_warnings(
    views: WhitenedViews, matrices: tuple[Matrix, Matrix], blocks: Blocks | None, permutations: object
) -> tuple[str, ...]:
    """All sentences of an in-sample test, each once.

    Parameters
    ----------
    views : WhitenedViews
    matrices : pair of float64 arrays, shape [n_subjects, n_features]
        As given.
    blocks : Blocks or None
        Of all subjects.
    permutations : PermutationSet or int array
    """
    sentences = permutation_warnings(permutations)
    for name, side, matrix in (("x", views.x, matrices[0]), ("y", views.y, matrices[1])):
        sentences += rank_warnings(name, side.basis) + duplicate_warnings(name, matrix, side.basis)
        sentences += leverage_warnings(f"confounds of {name}", side.nuisance)
        sentences += kurtosis_warnings(name, side.kurtosis)
        if side.nuisance.shape[1] == 1:
            sentences += residual_warnings(name, matrix, side.rank, blocks)
    if is_liberal(views):
        sentences.append(
            f"Heavy tails in both views and {views.x.nuisance.shape[1] - 1} confounds of {len(views.x.nuisance)} "
            "subjects: the in-sample p is too small (up to 8 % below 5 % where there is no link), so it is not to be "
            "reported; the held-out p is valid, and so is this one with normal scores of a view (normal_scores: true "
            "of a brain view, fusion.NormalScoresView)."
        )
    return tuple(dict.fromkeys(sentences))


def rotates_outliers(views: WhitenedViews) -> bool:
    """Whether the Huh-Jhun projection mixes rows of columns with heavy tails."""
    heavy = any((side.kurtosis > KURTOSIS_LIMIT).any() for side in (views.x, views.y))
    return isinstance(views.projection, HuhJhun) and heavy


def is_liberal(views: WhitenedViews) -> bool:
    """Whether tails are so heavy, and confounds so many, that no projection keeps the level."""
    share = max(side.nuisance.shape[1] for side in (views.x, views.y)) / len(views.x.nuisance)
    tails = min(float(side.kurtosis.mean()) for side in (views.x, views.y))
    return isinstance(views.projection, HuhJhun | Theil) and share > LIBERAL_SHARE and tails > LIBERAL_KURTOSIS


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


def duplicate_warnings(name: str, matrix: Matrix, basis: Basis) -> list[str]:
    """One sentence if columns repeat earlier ones; looked for only where rank is missing."""
    if len(basis.weights) == basis.n_vanished + basis.rank:
        return []
    first: dict[bytes, int] = {}
    digests = (hashlib.blake2b(column.tobytes()).digest() for column in matrix.T)
    repeated = [(j, earlier) for j, digest in enumerate(digests) if (earlier := first.setdefault(digest, j)) != j]
    if not repeated:
        return []
    column, earlier = repeated[0]
    others = f" (and {len(repeated) - 1} more columns repeat others)" if len(repeated) > 1 else ""
    return [f"{name}: column {column} repeats column {earlier}{others}; repeated columns count once."]


def residual_warnings(name: str, matrix: Matrix, rank: int, blocks: Blocks | None) -> list[str]:
    """Warn of a view that confounds were removed from beforehand, where the numbers show it; they cannot always.

    They do when the view is wide, centred, and yet does not span the centred space of its rows, and when every column
    sums to zero inside every block. A narrow view leaves room for any number of confounds removed.

    Parameters
    ----------
    matrix : float64 array, shape [n_subjects, n_features]
        Given without confounds.
    rank : int
        Of the centred view.
    blocks : Blocks or None
        Of all subjects.
    """
    advice = "pass the view as measured, and its confounds: shuffled residuals give false positives."
    sentences = []
    n_subjects, width = matrix.shape
    if rank < n_subjects - 1 <= width and _sums_vanish(matrix, np.zeros(n_subjects, dtype=np.int64)):
        sentences.append(
            f"{name}: {width} centred columns span only {rank} of {n_subjects - 1} dimensions, as after removing "
            f"{n_subjects - 1 - rank} confounds beforehand; {advice}"
        )
    labels = None if blocks is None or blocks.mode != "within" else blocks.labels
    if labels is not None and 1 < labels.max() + 1 <= n_subjects // 2 and _sums_vanish(matrix, labels):
        sentences.append(f"{name}: every column sums to 0 in every block, as after removing block means; {advice}")
    return sentences


def _sums_vanish(matrix: Matrix, labels: NDArray[np.int64]) -> bool:
    members = (np.ones(len(labels)), (labels, np.arange(len(labels))))
    sums = scipy.sparse.csr_array(members) @ matrix
    norms = np.sqrt(np.einsum("ij,ij->j", matrix, matrix))
    return bool((np.abs(sums) <= CENTRED * np.sqrt(len(matrix)) * norms).all())


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
        f"{name}: {n_heavy} of {len(kurtosis)} columns with kurtosis above {KURTOSIS_LIMIT} (highest "
        f"{kurtosis.max():.3g}, column {int(kurtosis.argmax())}); consider normal scores of the residuals "
        "(fusion.NormalScoresView)."
    ]


def check_permutations_suffice(permutations: PermutationSet) -> None:
    """Raise an `InputError` if so few distinct permutations exist that no p-value can reach 5 %."""
    if permutations.log_size < math.log(FEWEST_PERMUTATIONS) - 1e-9:
        size = round(math.exp(permutations.log_size))
        raise InputError(
            f"A test at 5 % needs at least {FEWEST_PERMUTATIONS} distinct permutations; {permutations.n_rows} rows in "
            f"these blocks allow {size}, so that no p can fall below {1 / size:.2g}: use more or coarser blocks."
        )


def permutation_warnings(permutations: object) -> list[str]:
    """Warn when blocks leave fewer distinct permutations than were asked for."""
    if not isinstance(permutations, PermutationSet) or permutations.log_size >= math.log(len(permutations)):
        return []
    return [
        f"Blocks allow only {round(math.exp(permutations.log_size))} distinct permutations; p cannot fall below "
        f"{math.exp(-permutations.log_size):.2g}, whatever their number ({permutations.n_permutations} drawn)."
    ]
