"""In-sample permutation test of canonical correlations with nuisance: stepwise, closed, and valid.

Shuffling residuals is not: residuals live in fewer dimensions than subjects. The test therefore takes the views *and*
their confounds, and permutes rows of a semi-orthogonal projection (Huh-Jhun or Theil).
"""

from types import ModuleType
from typing import Any

from fusion.arrays import ArrayLike, LabelsLike, Matrix, Real, ViewLike, as_matrix
from fusion.errors import InputError
from fusion.parallel import Progress, one_blas_thread
from fusion.permutation.assumptions.sentences import assumption_warnings
from fusion.permutation.assumptions.sides import named_columns
from fusion.permutation.diagnostics import (
    THEIL_CHOSEN,
    check_permutations_suffice,
    collect_warnings,
    is_liberal,
    rotates_outliers,
)
from fusion.permutation.exchangeability import Blocks, Permutation, as_blocks
from fusion.permutation.permutations import PermutationSet, check_permutations, make_permutations
from fusion.permutation.relations import Relations
from fusion.permutation.result import PermutationTestCCA
from fusion.permutation.statistics import Statistic
from fusion.permutation.steps import Precision, StepComputation
from fusion.permutation.variates import Method, Reference, WhitenedViews, order_variates, whiten_views
from fusion.subject_rows import check_same_subjects

CHOICES = {
    "statistic": ("wilks", "roy"),
    "projection": ("auto", "huh-jhun", "theil"),
    "reference": ("data-space", "permcca"),
    "precision": ("float64", "screen"),
}


def permutation_test_cca(  # noqa: PLR0913 (the published interface)
    x: ViewLike,
    y: ViewLike,
    confounds: ViewLike | None = None,
    confounds_x: ViewLike | None = None,
    confounds_y: ViewLike | None = None,
    *,
    n_permutations: int = 999,
    statistic: Statistic | str = "wilks",
    projection: Method | str = "auto",
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    reference: Reference | str = "data-space",
    n_steps: int | None = None,
    condition_on_tested: bool = True,
    stop_at: Real | None = None,
    precision: Precision | str = "float64",
    array_namespace: ModuleType | None = None,
    device: object = None,
    random_state: int | None = None,
    n_jobs: int = 1,
    permutations: ArrayLike | None = None,
    bases: tuple[ViewLike | None, ViewLike | None] | None = None,
    progress: Progress | None = None,
) -> PermutationTestCCA:
    """Test the canonical correlations of two views, step by step, by permutation.

    Step k asks whether the correlations k..K are all zero. Closure makes ``p_fwer`` the running maximum of the steps'
    p-values, which controls the family-wise error over components.

    Parameters
    ----------
    x, y : array, DataFrame or fusion view, shapes [n_subjects, n_x] and [n_subjects, n_y]
        Rows of the same subjects in the same order. Columns that are constant, or linear in others or in the
        confounds, are truncated and named in ``warnings``.
    confounds : array or DataFrame, shape [n_subjects, n_confounds], optional
        Nuisance of both views (partial CCA), without intercept.
    confounds_x, confounds_y : array or DataFrame, optional
        Nuisance of one view (part CCA), or a different one of each (bipartial CCA).
    n_permutations : int
        Drawn besides the identity, which is counted.
    statistic : {"wilks", "roy"}
        -log Wilks' lambda of the block, or its largest correlation (stronger for a single component).
    projection : {"auto", "huh-jhun", "theil"}
        Huh-Jhun rotates rows, which then are no subjects: it cannot be combined with blocks. Theil leaves out as many
        subjects as there are nuisance columns, and its rows remain subjects. Without confounds rows are permuted as
        they are. "auto" is Huh-Jhun, and Theil where a column has heavy tails (kurtosis above 20): mixed rows of
        outlying subjects make the test liberal. ``projection`` and ``warnings`` of the result say which was used.
    exchangeability_blocks : array of labels or Blocks, shape [n_subjects] or [n_subjects, n_levels], optional
        Labels are permuted within; `Blocks` may also exchange whole blocks. Several columns are nested blocks,
        outermost first: families exchanged within sites, siblings within families (see `Blocks` for signs).
    reference : {"data-space", "permcca"}
        Where variates are completed to full bases. "permcca" is the published code's coefficient space, which depends
        on the coding of the larger view; for parity only.
    n_steps : int, optional
        Steps to test; all by default.
    condition_on_tested : bool
        From step 2, add the tested variates to the nuisance; without it strong leading components make the later
        steps liberal. Costs one matrix product per step and permutation instead of one per permutation.
    stop_at : float, optional
        Leave steps untested (NaN) after the first whose ``p_fwer`` exceeds this level.
    precision : {"float64", "screen"}
        "screen" computes in float32 what is not near the observed statistic (`fusion.permutation.screening`): the same
        p-values, in half the time, but null statistics with seven digits. The default keeps all of them, because null
        distributions are also compared across tests and with other software.
    array_namespace : module, optional
        `torch` or `cupy`: permutations are computed by it, on ``device`` (such as "cuda"; the library's default if
        None). The same permutations give the same p-values. With n_jobs=1.
    device : object, optional
    random_state : int, optional
    n_jobs : int
        Results do not depend on it.
    permutations : int array, shape [n_permutations, n_rows], optional
        Reordering the projected rows of the first view; row 0 the identity.
    bases : pair of arrays [n_subjects, n_rows] or None, optional
        Semi-orthogonal bases for the centred views instead of ``projection``; None is the identity.
    progress : callable, optional
        Called with permutations done and total, per step that is tested on its own.

    Returns
    -------
    PermutationTestCCA

    Raises
    ------
    InputError
        Rows that differ between the tables; missing values; a view without variance; ranks too large for the number
        of subjects; blocks with the Huh-Jhun projection.

    References
    ----------
    Winkler, Renaud, Smith & Nichols (2020), doi:10.1016/j.neuroimage.2020.117065.
    """
    return permutation_tests_cca(
        x,
        y,
        confounds,
        confounds_x,
        confounds_y,
        statistics=(statistic,),
        n_permutations=n_permutations,
        projection=projection,
        exchangeability_blocks=exchangeability_blocks,
        reference=reference,
        n_steps=n_steps,
        condition_on_tested=condition_on_tested,
        stop_at=stop_at,
        precision=precision,
        array_namespace=array_namespace,
        device=device,
        random_state=random_state,
        n_jobs=n_jobs,
        permutations=permutations,
        bases=bases,
        progress=progress,
    )[statistic]


def permutation_tests_cca(  # noqa: PLR0913 (the published interface)
    x: ViewLike,
    y: ViewLike,
    confounds: ViewLike | None = None,
    confounds_x: ViewLike | None = None,
    confounds_y: ViewLike | None = None,
    *,
    statistics: tuple[Statistic | str, ...] = ("wilks", "roy"),
    n_permutations: int = 999,
    projection: Method | str = "auto",
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    reference: Reference | str = "data-space",
    n_steps: int | None = None,
    condition_on_tested: bool = True,
    stop_at: Real | None = None,
    precision: Precision | str = "float64",
    array_namespace: ModuleType | None = None,
    device: object = None,
    random_state: int | None = None,
    n_jobs: int = 1,
    permutations: ArrayLike | None = None,
    bases: tuple[ViewLike | None, ViewLike | None] | None = None,
    progress: Progress | None = None,
) -> dict[str, PermutationTestCCA]:
    """Several statistics of the same permutations, for one product per permutation.

    Parameters
    ----------
    statistics : tuple of {"wilks", "roy"}
    x, y, confounds, confounds_x, confounds_y, and all others
        As in `permutation_test_cca`, whose results these are, to the last bit unless ``precision="screen"``.
    """
    names: tuple[Statistic, ...] = tuple(_chosen("statistic", statistic) for statistic in statistics)
    asked = _chosen("projection", projection)
    method: Method = "huh-jhun" if asked == "auto" else asked
    space: Reference = _chosen("reference", reference)
    digits: Precision = _chosen("precision", precision)
    _check_together(method, space, condition_on_tested, exchangeability_blocks)
    computation = StepComputation(n_steps, condition_on_tested, stop_at, digits, array_namespace, device, n_jobs)
    sides = _pair_confounds(confounds, confounds_x, confounds_y)
    check_same_subjects(
        x=x, y=y, confounds_x=sides[0], confounds_y=sides[1], exchangeability_blocks=exchangeability_blocks
    )
    with one_blas_thread():
        matrices = as_matrix(x, "x"), as_matrix(y, "y")
        nuisance = _optional(sides[0], "confounds_x"), _optional(sides[1], "confounds_y")
        blocks = as_blocks(exchangeability_blocks, len(matrices[0]))
        given = None if bases is None else (_optional(bases[0], "bases[0]"), _optional(bases[1], "bases[1]"))
        views = whiten_views(matrices, nuisance, method=method, blocks=blocks, bases=given, reference=space)
        if asked == "auto" and space == "data-space" and permutations is None and rotates_outliers(views):
            del views  # as large as the views themselves, like the next ones
            views = whiten_views(matrices, nuisance, method="theil")
        del matrices  # of a table that makes itself an array when it is asked to, they are made again below
        variates = order_variates(views, space)
        views = views.without_columns()
        drawn = _permutation_set(views, permutations, n_permutations, random_state)
        null = computation.null_statistics(views, variates, drawn, names, progress)
    matrices = as_matrix(x, "x"), as_matrix(y, "y")
    warnings = collect_warnings(views, matrices, None if bases else blocks, drawn)
    if asked == "auto" and views.method == "theil":
        warnings = (*warnings, THEIL_CHOSEN)
    told: dict[str, Any] = {
        "canonical_correlations": variates.correlations,
        "n_subjects": len(matrices[0]),
        "n_effective": views.n_effective,
        "ranks": (views.x.rank, views.y.rank),
        "projection": "injected" if bases is not None else views.projection_name,
        "scheme": "injected permutations" if permutations is not None else views.scheme,
        "reference": space,
        "conditioned": condition_on_tested,
        "seed": drawn.seed if isinstance(drawn, PermutationSet) else None,
        "is_liberal": is_liberal(views),
    }
    del views, variates
    if bases is None:
        of_sides = {name: part for side in sides for name, part in named_columns(side).items()}
        warnings += tuple(assumption_warnings(*matrices, of_sides, Relations(len(matrices[0]), blocks=blocks)))
    return {
        name: PermutationTestCCA(null_statistics=null[name], statistic_name=name, warnings=warnings, **told)
        for name in names
    }


def _chosen(name: str, choice: str) -> Any:
    if choice not in CHOICES[name]:
        raise InputError(f"{name} must be one of {', '.join(CHOICES[name])}; got {choice!r}.")
    return choice


def _check_together(projection: Method, reference: Reference, condition_on_tested: bool, blocks: object) -> None:
    if reference == "permcca" and condition_on_tested:
        raise InputError("reference='permcca' is the published procedure: pass condition_on_tested=False with it.")
    if blocks is not None and projection == "huh-jhun":
        raise InputError(
            "exchangeability_blocks need projection='theil': the rows of the Huh-Jhun projection are no subjects and "
            "belong to no block."
        )


def _pair_confounds(
    both: ViewLike | None, of_x: ViewLike | None, of_y: ViewLike | None
) -> tuple[ViewLike | None, ViewLike | None]:
    if both is not None and (of_x is not None or of_y is not None):
        raise InputError("Pass either confounds (of both views) or confounds_x and confounds_y, not both.")
    return (both, both) if both is not None else (of_x, of_y)


def _optional(table: ViewLike | None, name: str) -> Matrix | None:
    return None if table is None else as_matrix(table, name)


def _permutation_set(
    views: WhitenedViews, permutations: ArrayLike | None, n_permutations: int, random_state: int | None
) -> PermutationSet | Permutation:
    n_rows = views.projection.n_rows
    if permutations is not None:
        return check_permutations(permutations, n_rows)
    drawn = make_permutations(n_rows, n_permutations, blocks=views.blocks, random_state=random_state).drawn()
    check_permutations_suffice(drawn)
    return drawn
