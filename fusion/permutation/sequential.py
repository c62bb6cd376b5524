"""A test that stops drawing once enough permutations reach the observed value: valid, and quick where there is no link.

It is for one test that has its permutations to itself. A run shares them: all arms and views are corrected by the
maxima of the same permutations, and their null distributions are drawn and kept, so no arm of it can stop alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Matrix, ViewLike, as_matrix
from fusion.errors import InputError
from fusion.parallel import Stacked, map_permutations, one_blas_thread
from fusion.permutation.diagnostics import check_permutations_suffice, rotates_outliers
from fusion.permutation.exchangeability import Blocks, as_blocks
from fusion.permutation.permutations import make_permutations
from fusion.permutation.statistics import PermutedStatistics, Statistic
from fusion.permutation.variates import order_variates, trailing_blocks, whiten_views
from fusion.subject_rows import check_same_subjects

BATCH = 1024
"""Permutations between two looks at the count; the count itself stops at the very permutation, whatever the batch."""


@dataclass(frozen=True, slots=True)
class SequentialP:
    """p of a test that may have stopped.

    Attributes
    ----------
    p : float
        n_exceeding / n_permutations where it stopped, (1 + n_exceeding) / (1 + n_permutations) where it did not.
    n_permutations, n_exceeding : int
        Until it stopped, the identity left out; those of them that reach the observed value.
    is_stopped : bool
    """

    p: float
    n_permutations: int
    n_exceeding: int
    is_stopped: bool


def sequential_p(
    statistic: Callable[[int], NDArray[Any]], n_permutations: int, *, n_exceeding: int = 10, n_jobs: int = 1
) -> SequentialP:
    """p by permutations that are drawn until `n_exceeding` of them reach the observed value.

    Exact under the null for any number of exceedances that was chosen beforehand, and the same for any number of
    workers: the permutations are those of their indices, and are counted in that order.

    Parameters
    ----------
    statistic : callable
        Of a permutation's index, 0 the identity; gives one number, large is evidence. Picklable if n_jobs != 1.
    n_permutations : int
        At most.
    n_exceeding : int
    n_jobs : int

    Raises
    ------
    InputError
        No permutation or no exceedance is asked for.

    References
    ----------
    Besag & Clifford (1991), doi:10.1093/biomet/78.2.301.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([2.0, 3.0, 1.0, 4.0, 0.0])
    >>> sequential_p(lambda index: values[index : index + 1], 4, n_exceeding=2)
    SequentialP(p=0.6666666666666666, n_permutations=3, n_exceeding=2, is_stopped=True)
    """
    if n_permutations < 1 or n_exceeding < 1:
        raise InputError(f"n_permutations and n_exceeding must be at least 1; got {n_permutations} and {n_exceeding}.")
    observed = float(np.ravel(statistic(0))[0])
    if np.isnan(observed):
        raise InputError("The statistic of the identity must be a number; it is NaN: leave out what does not vary.")
    limit = observed - 1e-12 * abs(observed) if np.isfinite(observed) else observed
    found = 0
    for start in range(1, n_permutations + 1, BATCH):
        size = min(BATCH, n_permutations + 1 - start)
        values = map_permutations(_From(statistic, start), size, n_jobs=n_jobs).reshape(size, -1)[:, 0]
        counts = found + np.cumsum(~(values < limit))  # NaN is no evidence
        found = int(counts[-1])
        if found >= n_exceeding:
            drawn = start + int(np.searchsorted(counts, n_exceeding))
            return SequentialP(n_exceeding / drawn, drawn, n_exceeding, is_stopped=True)
    return SequentialP((1 + found) / (1 + n_permutations), n_permutations, found, is_stopped=False)


@dataclass(frozen=True)
class _From:
    """A statistic whose indices begin later; picklable."""

    statistic: Callable[[int], NDArray[Any]]
    start: int

    def __call__(self, index: int) -> NDArray[Any]:
        return self.statistic(self.start + index)

    @property
    def at_once(self) -> int:
        """Permutations that are taken together."""
        return self.statistic.at_once if isinstance(self.statistic, Stacked) else 1

    def stack(self, indices: Sequence[int]) -> NDArray[Any]:
        """Of several indices at once."""
        shifted = [self.start + index for index in indices]
        if isinstance(self.statistic, Stacked):
            return self.statistic.stack(shifted)
        return np.stack([self.statistic(index) for index in shifted])


def sequential_test_cca(
    x: ViewLike,
    y: ViewLike,
    confounds: ViewLike | None = None,
    *,
    n_permutations: int = 99_999,
    n_exceeding: int = 10,
    statistic: Statistic = "wilks",
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    random_state: int | None = None,
    n_jobs: int = 1,
) -> SequentialP:
    """In-sample test of any link at all, the first step of `fusion.permutation_test_cca`, stopped by `sequential_p`.

    Parameters
    ----------
    x, y : array, DataFrame or fusion view, shapes [n_subjects, n_x] and [n_subjects, n_y]
    confounds : array or DataFrame, shape [n_subjects, n_confounds], optional
    statistic, exchangeability_blocks, random_state, n_jobs
        As in `fusion.permutation_test_cca`, whose permutations these are, its projection chosen by itself.
    n_permutations, n_exceeding : int
        As in `sequential_p`.
    """
    check_same_subjects(x=x, y=y, confounds=confounds, exchangeability_blocks=exchangeability_blocks)
    with one_blas_thread():
        matrices = as_matrix(x, "x"), as_matrix(y, "y")
        nuisance: Matrix | None = None if confounds is None else as_matrix(confounds, "confounds")
        blocks = as_blocks(exchangeability_blocks, len(matrices[0]))
        views = whiten_views(
            matrices, (nuisance, nuisance), method="huh-jhun" if blocks is None else "theil", blocks=blocks
        )
        if rotates_outliers(views):
            views = whiten_views(matrices, (nuisance, nuisance), method="theil", blocks=blocks)
        permutations = make_permutations(
            views.projection.n_rows, n_permutations, blocks=views.blocks, random_state=random_state
        ).drawn()
        check_permutations_suffice(permutations)
        trailing = trailing_blocks(order_variates(views), 1)
    run = PermutedStatistics(trailing, permutations, (statistic,))
    return sequential_p(run, n_permutations, n_exceeding=n_exceeding, n_jobs=n_jobs)
