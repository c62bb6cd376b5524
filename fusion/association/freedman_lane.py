"""Scores held against responses by permutation: what covariates leave of the scores changes places.

A score is a model of covariates plus an error, and under the null the errors tell nothing of any response. So residuals
of the scores are permuted (Freedman & Lane), put back on what covariates explain, and residualised again, which gives
them the length that permuted data have. Nothing is assumed of the responses: they, and who lacks them, stay as they
are. One permutation moves all scores at once, so that tests of many scores and responses are one family.
"""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Matrix, Positions, Scores
from fusion.association.null_models import FEWEST, null_residuals
from fusion.association.response import Response
from fusion.association.separation import undecided
from fusion.errors import NotDefinedError
from fusion.parallel import one_blas_thread
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.permutations import make_permutations
from fusion.permutation.projections import nuisance_basis

VANISHED = 1e-8
"""Share of a score's length below which covariates have explained all of it."""


@dataclass(frozen=True, eq=False)
class AssociationTests:
    """Tests of every score against every response that can be answered.

    Attributes
    ----------
    statistics : mapping of response to float64 array, shape [n_permutations + 1, K]
        Correlation of what covariates leave of score and response, times the root of the degrees of freedom, so that
        all are on one scale; the identity first.
    tested : mapping of response to Response
        As it was tested: known of those alone whose covariates do not decide it (of a binary one).
    bases : mapping of response to float64 array, shape [n_known, R]
        Intercept and covariates of those of whom it is known as tested, orthonormal.
    reasons : mapping of response to str
        Why the others have none.
    """

    statistics: Mapping[str, Float64[np.ndarray, "n_draws K"]]
    tested: Mapping[str, Response]
    bases: Mapping[str, Float64[np.ndarray, "_ _"]]
    reasons: Mapping[str, str]


def associate_scores(
    scores: Scores,
    responses: Mapping[str, Response],
    covariates: Float64[np.ndarray, "n_subjects R"] | None = None,
    *,
    assignments: Int64[np.ndarray, " n_subjects"],
    blocks: Blocks | None = None,
    n_permutations: int = 999,
    random_state: int | None = None,
) -> AssociationTests:
    """Test held-out scores against responses.

    Parameters
    ----------
    scores : float64 array, shape [n_subjects, K]
        Of every subject, folds aligned (`fusion.association.align_folds`).
    responses : mapping of name to Response
    covariates : float64 array, shape [n_subjects, R], optional
        Adjusted for, beside the folds.
    assignments : int array, shape [n_subjects]
        Fold of every subject: permutations stay inside, since every fold has a model of its own.
    blocks : Blocks, optional
    n_permutations : int
    random_state : int, optional

    Raises
    ------
    InputError
        No two subjects may be exchanged.

    References
    ----------
    Freedman & Lane (1983), doi:10.2307/1391660; Winkler et al. (2014), doi:10.1016/j.neuroimage.2014.01.060.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> scores, folds = rng.standard_normal((97, 2)), np.arange(97) % 4
    >>> amount = Response("continuous", scores[:, 0] + rng.standard_normal(97), np.ones(97, dtype=bool))
    >>> found = associate_scores(scores, {"amount": amount}, assignments=folds, n_permutations=99, random_state=0)
    >>> np.abs(found.statistics["amount"][0]).argmax()
    np.int64(0)
    """
    adjusted = adjusted_columns(covariates, assignments)
    tests, reasons = {}, {}
    for name, response in responses.items():
        try:
            tests[name] = _Test.of(response, adjusted)
        except NotDefinedError as error:
            reasons[name] = str(error)
    permutations = make_permutations(
        len(scores), n_permutations, blocks=blocks, within=assignments, random_state=random_state
    )
    basis = nuisance_basis(len(scores), adjusted)
    residuals = scores - basis @ (basis.T @ scores)
    varies = np.linalg.norm(residuals, axis=0) > VANISHED * np.maximum(np.linalg.norm(scores, axis=0), VANISHED)
    residuals = np.where(varies, residuals, 0.0)
    statistics = {name: np.zeros((len(permutations), scores.shape[1])) for name in tests}
    with one_blas_thread():
        for index in range(len(permutations)):
            moved = residuals[permutations[index]]
            for name, test in tests.items():
                statistics[name][index] = test(moved)
    tested, bases = ({name: getattr(test, part) for name, test in tests.items()} for part in ("response", "basis"))
    return AssociationTests(statistics, tested, bases, reasons)


def adjusted_columns(
    covariates: Float64[np.ndarray, "n_subjects R"] | None, assignments: Int64[np.ndarray, " n_subjects"]
) -> Float64[np.ndarray, "n_subjects C"]:
    """Covariates, and an indicator of every fold but the first."""
    folds: Matrix = np.equal.outer(assignments, np.unique(assignments)[1:]).astype(np.float64)
    return folds if covariates is None else np.asarray(np.column_stack([covariates, folds]))


@dataclass(frozen=True, eq=False)
class _Test:
    """One response: its residual, of unit length, and the covariates of those who have it."""

    response: Response
    rows: Positions
    residual: Float64[np.ndarray, " n_known"]
    basis: Float64[np.ndarray, "n_known R"]

    @classmethod
    def of(cls, response: Response, adjusted: Matrix) -> "_Test":
        rows = response.rows
        if len(rows) < 2:
            raise NotDefinedError("fewer than two subjects have it")
        if response.kind == "binary":
            response = _open(response, adjusted[rows])
            rows = response.rows
        basis = nuisance_basis(len(rows), adjusted[rows])
        residual = null_residuals(response, basis)
        return cls(response, rows, residual / np.linalg.norm(residual), basis)

    def __call__(self, moved: Matrix) -> Float64[np.ndarray, " K"]:
        known = moved[self.rows]
        explained = self.basis.T @ known
        squares = (known**2).sum(axis=0) - (explained**2).sum(axis=0)
        lengths = np.sqrt(np.maximum(squares, 0.0))
        varies = lengths > VANISHED * np.sqrt(len(self.rows))
        free = len(self.rows) - self.basis.shape[1]
        return np.asarray(
            np.where(varies, np.sqrt(free) * (self.residual @ known) / np.where(varies, lengths, 1.0), 0.0)
        )


def _open(response: Response, adjusted: Matrix) -> Response:
    """The response of those whose covariates leave it open; whoever's do not has a residual of 0 with any score."""
    values, known = response.values[response.rows], response.known.copy()
    if min((values == code).sum() for code in (0, 1)) < FEWEST:
        return response  # which is said where it is fitted
    known[response.rows] = undecided(values, adjusted)
    if min((response.values[known] == code).sum() for code in (0, 1)) < FEWEST:
        raise NotDefinedError("the covariates tell it by themselves (separation)")
    return replace(response, known=known)


def two_sided(statistics: Sequence[Float64[np.ndarray, "n_draws K"]]) -> Float64[np.ndarray, "n_draws n_tests"]:
    """All statistics of a family beside one another without their signs, equal ones free of rounding."""
    return np.asarray(np.abs(np.column_stack(list(statistics))).round(12))
