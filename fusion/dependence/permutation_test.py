"""Permutation test of dependence, with the confounds, blocks and max-T of the alignment."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from fusion.archive import Saved, jsonable
from fusion.arrays import LabelsLike, Matrix, ViewLike, as_matrix
from fusion.dependence.kernels import MATRICES, STATISTICS, Statistic
from fusion.errors import InputError
from fusion.parallel import map_permutations, one_blas_thread
from fusion.permutation.exchangeability import Blocks, as_blocks
from fusion.permutation.p_values import permutation_p, standardised, step_down_max_t
from fusion.permutation.permutations import PermutationSet, make_permutations
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis
from fusion.subject_rows import check_same_subjects

MOST_ROWS = 10_000
"""Subjects up to which matrices of subjects x subjects are made (0.8 GB each, four at a time)."""

ROWS_AT_ONCE = 256
"""Rows that are permuted together: no permuted copy of a whole matrix is made."""

FEWEST_ROWS = 4
"""Rows under which distances cannot be centred without bias."""


@dataclass(frozen=True, eq=False)
class DependenceTest(Saved):
    """Statistics of dependence between two views and their permutation nulls.

    Attributes
    ----------
    names : tuple of str
        ``rv``, ``dcor``, ``hsic``, as asked for.
    null : float64 array, shape [n_permutations + 1, n_statistics]
        The observed ones first.
    n_subjects, n_rows : int
        All; exchangeable rows, fewer by intercept and confounds.
    seed : int
    """

    names: tuple[str, ...]
    null: Float64[np.ndarray, "n_draws n_statistics"]
    n_subjects: int
    n_rows: int
    seed: int

    @property
    def values(self) -> Float64[np.ndarray, " n_statistics"]:
        """The observed statistics."""
        return np.asarray(self.null[0])

    @property
    def p(self) -> Float64[np.ndarray, " n_statistics"]:
        """p of each alone, identity counted."""
        return permutation_p(self.null)

    @property
    def p_corrected(self) -> Float64[np.ndarray, " n_statistics"]:
        """p corrected over the statistics by step-down max-T, each in the standard deviations of its null."""
        return step_down_max_t(standardised(self.null))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready copy with the p-values, without the null distribution."""
        record = super().to_dict()
        del record["null"]
        return record | {name: jsonable(getattr(self, name)) for name in ("values", "p", "p_corrected")}


@dataclass(frozen=True)
class PermutedProducts:
    """Inner product of two centred matrices after permutation ``index`` of the first, [1]; picklable."""

    first: Float64[np.ndarray, "n_rows n_rows"]
    second: Float64[np.ndarray, "n_rows n_rows"]
    permutations: PermutationSet

    def __call__(self, index: int) -> Float64[np.ndarray, " 1"]:
        permutation = self.permutations[index]
        total = 0.0
        for start in range(0, len(permutation), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            total += float(np.vdot(self.first[permutation[rows]][:, permutation], self.second[rows]))
        return np.array([total])


def dependence_test(
    x: ViewLike,
    y: ViewLike,
    confounds: ViewLike | None = None,
    *,
    statistics: Sequence[Statistic | str] = STATISTICS,
    n_permutations: int = 999,
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    random_state: int | None = None,
    n_jobs: int = 1,
) -> DependenceTest:
    """Test whether two views depend on one another, linearly (RV) or in any way (distance correlation, HSIC).

    Rows are subjects, or with confounds Theil's residuals, which are exchangeable under the null and belong to one
    subject each. All statistics see the same permutations, and so do calls with the same subjects, confounds, blocks
    and seed (`fusion.westfall_young`).

    Parameters
    ----------
    x, y : array, DataFrame or fusion view, shapes [n_subjects, n_x] and [n_subjects, n_y]
        Leading principal components, say: columns count as they are scaled.
    confounds : array or DataFrame, shape [n_subjects, n_confounds], optional
        Without intercept. Removed linearly.
    statistics : sequence of {"rv", "dcor", "hsic"}
    n_permutations : int
        The identity is counted on top.
    exchangeability_blocks : array of labels or Blocks, optional
        See `fusion.permutation_test_cca`.
    random_state : int, optional
    n_jobs : int
        Results do not depend on it.

    Raises
    ------
    InputError
        More than 10,000 subjects, since all pairs of them are held; a view that does not vary; unknown statistics.

    References
    ----------
    Josse & Holmes (2016), doi:10.1214/16-SS116, on all three; Theil (1965), doi:10.1080/01621459.1965.10480851.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((60, 1))
    >>> found = dependence_test(x, x**2, statistics=("rv", "hsic"), n_permutations=99, random_state=0)
    >>> found.p_corrected[1]
    np.float64(0.01)
    """
    unknown = [name for name in statistics if name not in STATISTICS]
    if unknown or not statistics:
        raise InputError(f"statistics must be some of {', '.join(STATISTICS)}; got {', '.join(unknown) or 'none'}.")
    check_same_subjects(x=x, y=y, confounds=confounds, exchangeability_blocks=exchangeability_blocks)
    views = as_matrix(x, "x"), as_matrix(y, "y")
    n_subjects = len(views[0])
    if n_subjects > MOST_ROWS:
        raise InputError(
            f"Tests of dependence hold all pairs of subjects, of at most {MOST_ROWS}; got {n_subjects}: test a random "
            "part of them, or the linear link alone (fusion.cross_validated_cca), which takes any number."
        )
    nuisance = None if confounds is None else as_matrix(confounds, "confounds")
    with one_blas_thread():
        rows, blocks = _exchangeable_rows(views, nuisance, as_blocks(exchangeability_blocks, n_subjects))
        n_rows = len(rows[0])
        permutations = make_permutations(n_rows, n_permutations, blocks=blocks, random_state=random_state)
        matrices = ((MATRICES[name](rows[0]), MATRICES[name](rows[1])) for name in statistics)  # one pair at a time
        nulls = [_null(first, second, permutations, n_jobs) for first, second in matrices]
    return DependenceTest(tuple(statistics), np.column_stack(nulls), n_subjects, n_rows, permutations.seed)


def _exchangeable_rows(
    views: tuple[Matrix, Matrix], confounds: Matrix | None, blocks: Blocks | None
) -> tuple[tuple[Matrix, Matrix], Blocks | None]:
    """Rows that may change places, and their blocks."""
    for name, view in zip("xy", views, strict=True):
        if (np.ptp(view, axis=0) == 0).all():
            raise InputError(f"Dependence needs columns that vary; every column of {name} is constant.")
    if confounds is None:
        rows = views
    else:
        nuisance = nuisance_basis(len(views[0]), confounds)
        theil = Theil(nuisance, keep_rows(nuisance, None if blocks is None else blocks.units))
        rows = theil.apply(views[0]), theil.apply(views[1])
        blocks = None if blocks is None else blocks.take(theil.kept)
    if len(rows[0]) < FEWEST_ROWS:
        raise InputError(
            f"Dependence needs at least {FEWEST_ROWS} subjects beyond intercept and confounds; {len(rows[0])} are "
            "left: use fewer confounds or more subjects."
        )
    return rows, blocks


def _null(first: Matrix, second: Matrix, permutations: PermutationSet, n_jobs: int) -> Matrix:
    """Scaled inner products of every permutation, [n_permutations + 1]."""
    run = PermutedProducts(first, second, permutations)
    found = map_permutations(run, len(permutations), n_jobs=n_jobs)[:, 0]
    return np.asarray(found / (np.linalg.norm(first) * np.linalg.norm(second)))
