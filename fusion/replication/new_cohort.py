"""A fitted alignment tested in subjects of another cohort: nothing of it is fitted again, only confounds are removed.

Both sides become scores by the weights of the first cohort, so that each pair of scores is one correlation to test, in
one direction. Confounds act in every cohort in its own way and are removed with coefficients of the new one; residuals
are then not exchangeable, and Theil's are permuted, as in the held-out test of `fusion.cross_validation`.
"""

# ruff: noqa: F722

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import norm

from fusion.arrays import LabelsLike, Matrix, Real, ViewLike
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.confounds.learned_view import fitted_on
from fusion.cross_validation.resampling import bootstrap_correlations, percentile_interval
from fusion.cross_validation.score_tails import ScoreTails
from fusion.errors import InputError
from fusion.parallel import one_blas_thread
from fusion.permutation.assumptions.sentences import assumption_warnings
from fusion.permutation.exchangeability import Blocks, Permutation
from fusion.permutation.permutations import make_permutations
from fusion.permutation.projections import Identity, Theil, keep_rows, nuisance_basis
from fusion.permutation.relations import Relations
from fusion.replication.frozen_alignment import FrozenAlignment, column_spread, unlike_spread
from fusion.replication.result import ReplicatedCCA
from fusion.subject_rows import check_same_subjects
from fusion.views.view import as_view

FEWEST_EFFECTIVE = 10
"""Subjects less intercept and confounds below which nothing is tested."""

NAMED = 5
ROUNDING = 1e-10
"""Share of scores that is left once confounds are removed, below which nothing is."""


def replicate_cca(
    model: FrozenAlignment,
    x: ViewLike,
    y: ViewLike,
    confounds: ConfoundsLike = None,
    *,
    groups: LabelsLike | None = None,
    exchangeability_blocks: LabelsLike | Blocks | None = None,
    relations: Relations | None = None,
    n_components: int | None = None,
    n_permutations: int = 999,
    n_bootstrap: int = 2000,
    random_state: int | None = None,
) -> ReplicatedCCA:
    """Test a fitted alignment in new subjects.

    Component k is tested by itself, since its weights are given; p_fwer is the running maximum, which controls the
    family-wise error of hypotheses in a given order. A correlation counts only in the direction of the first cohort.

    Parameters
    ----------
    model : FrozenAlignment
        Of other people: the same ones show nothing.
    x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]
        The columns of the first cohort, in any order. What a view learns (ComBat, normal scores), it learns from these
        subjects.
    confounds : array or (DataFrame, ConfoundDesign), optional
        Of the new cohort: columns, levels and coefficients are its own.
    groups, exchangeability_blocks, relations
        Who belongs together; see `fusion.cross_validated_cca`. Labels take the place of what `relations` knows.
    n_components : int, optional
        Pairs of scores that are reported; all by default. The trace takes all.
    n_permutations, n_bootstrap : int
    random_state : int, optional

    Returns
    -------
    ReplicatedCCA

    Raises
    ------
    InputError
        Other columns than those of the first cohort, or too few subjects for their confounds.

    References
    ----------
    Theil (1965), doi:10.1080/01621459.1965.10480851; Maurer, Hothorn & Lehmacher (1995), on tests in a given order, in
    Vollmar (ed.), Biometrie in der chemisch-pharmazeutischen Industrie 6, 3-18.

    Examples
    --------
    >>> import numpy as np
    >>> from fusion import LateFusion
    >>> rng = np.random.default_rng(0)
    >>> link = rng.standard_normal((307, 1))
    >>> genes, brain = link + rng.standard_normal((307, 5)), link + rng.standard_normal((307, 4))
    >>> first = FrozenAlignment.of_late_fusion(LateFusion(1).fit(genes[:200], brain[:200]), n_subjects=200)
    >>> replicate_cca(first, genes[200:], brain[200:], random_state=1).p.tolist()
    [0.001]
    """
    confounds = Confounds.of(confounds)
    check_same_subjects(x=x, y=y, confounds=confounds.given)
    known = relations or Relations.of(x)
    check_same_subjects(x=x, y=y, confounds=confounds.given, relations=known)
    known = known.updated(x, groups=groups, blocks=exchangeability_blocks)
    check_same_subjects(y=y, groups=groups, exchangeability_blocks=exchangeability_blocks, confounds=confounds.given)
    seed = int(np.random.SeedSequence(random_state).entropy)  # type: ignore[arg-type]
    views = tuple(fitted_on(as_view(side), None) for side in (x, y))
    model = model.aligned_to(x=views[0].column_groups, y=views[1].column_groups)
    coded = confounds.coded(np.arange(known.n_subjects))
    nuisance = nuisance_basis(known.n_subjects, coded)
    n_effective = known.n_subjects - nuisance.shape[1]
    if n_effective < FEWEST_EFFECTIVE:
        raise InputError(
            f"A replication needs at least {FEWEST_EFFECTIVE} subjects beyond intercept and confounds; got "
            f"{known.n_subjects} subjects and {nuisance.shape[1] - 1} confounds: take more subjects."
        )
    with one_blas_thread():
        weights = model.x_weights, model.y_weights
        scores = [_residuals(view.multiply(w), nuisance) for view, w in zip(views, weights, strict=True)]
        null = _null(scores, known, nuisance if coded is not None else None, n_permutations, seed)
        spread = column_spread(views[1], np.zeros((known.n_subjects, 0)) if coded is None else coded)
        kept = min(n_components or model.n_components, model.n_components)
        said = assumption_warnings(scores[0], scores[1], confounds.by_name(), known, (kept, kept))
    one_fold = np.zeros(known.n_subjects, dtype=np.int64)
    shown = scores[0][:, :kept], scores[1][:, :kept]
    tails = ScoreTails.of(*shown, one_fold)
    draws = bootstrap_correlations(
        *shown,
        one_fold,
        known.drawn_together(),
        # Residuals scatter less than errors, by the degrees of freedom that confounds took.
        widening=math.sqrt((known.n_subjects - 1) / n_effective),
        n_draws=n_bootstrap,
        seed=seed,
    )
    return ReplicatedCCA(
        null=null[:, :kept],
        trace_null=null @ model.correlations,
        interval=np.where(tails.too_heavy[:, np.newaxis], np.nan, percentile_interval(draws)),
        n_subjects=known.n_subjects,
        n_effective=n_effective,
        seed=seed,
        warnings=(
            *known.warnings(),
            *_unit_warnings(model, spread),
            *_constant_warnings(scores, kept),
            *tails.warnings(),
            *said,
        ),
        x_scores=shown[0],
        y_scores=shown[1],
    )


def _residuals(scores: Matrix, nuisance: Matrix) -> Matrix:
    """Scores without what intercept and confounds explain of them: all before it is linear, so nothing else changes.

    Exactly 0 where only rounding is left.
    """
    residuals = scores - nuisance @ (nuisance.T @ scores)
    varies = np.linalg.norm(residuals, axis=0) > ROUNDING * np.linalg.norm(scores, axis=0)
    if not varies[0]:
        raise InputError(
            "Scores of the first component must vary in the new cohort once confounds are removed; they do not: check "
            "that genes and brain features vary there as they did in the first cohort."
        )
    return np.asarray(np.where(varies, residuals, 0.0))


def _constant_warnings(scores: list[Matrix], n_components: int) -> list[str]:
    """Say which components are 0 because their scores do not vary in the new cohort."""
    still = [k + 1 for k in range(n_components) if not (scores[0][:, k].any() and scores[1][:, k].any())]
    if not still:
        return []
    return [
        f"Scores of component {', '.join(map(str, still))} do not vary in the new cohort: the correlation counts as 0."
    ]


@dataclass(frozen=True)
class PermutedScores:
    """Correlations of residual scores, [K], when rows of x change places.

    The residuals of x are a part that Theil's residuals span and a part that no permutation moves, orthogonal to each
    other; so their length stays, and only one product of rows changes.

    Attributes
    ----------
    rows, partners : float64 array, shape [n_rows, K]
        Of x and y: Theil residuals, or all rows where there are no confounds.
    still : float64 array, shape [K]
        Product of what stays in place.
    lengths : float64 array, shape [K]
        Infinite where scores do not vary, so that the correlation is 0.
    """

    rows: Matrix
    partners: Matrix
    still: Matrix
    lengths: Matrix

    @classmethod
    def of(cls, x: Matrix, y: Matrix, projection: Theil | Identity) -> "PermutedScores":
        """Prepare residuals of both sides, [n_subjects, K] each."""
        rows, partners = projection.apply(x), projection.apply(y)
        lengths = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
        still = (x * y).sum(axis=0) - (rows * partners).sum(axis=0)
        return cls(rows, partners, still, np.where(lengths > 0, lengths, np.inf))

    def __call__(self, permutation: Permutation) -> Float64[np.ndarray, " K"]:
        moved = np.einsum("ik,ik->k", self.rows[permutation], self.partners)
        return np.asarray((self.still + moved) / self.lengths)


def _null(
    scores: list[Matrix], relations: Relations, nuisance: Matrix | None, n_permutations: int, seed: int
) -> Float64[np.ndarray, "n_draws K"]:
    blocks, projection = relations.blocks, Identity(relations.n_subjects)
    chosen: Theil | Identity = projection
    if nuisance is not None:
        chosen = Theil(nuisance, keep_rows(nuisance, None if blocks is None else blocks.units))
        blocks = None if blocks is None else blocks.take(chosen.kept)
    permuted = PermutedScores.of(scores[0], scores[1], chosen)
    permutations = make_permutations(chosen.n_rows, n_permutations, blocks=blocks, random_state=seed)
    return np.stack([permuted(permutations[index]) for index in range(len(permutations))])


def _unit_warnings(model: FrozenAlignment, spread: Matrix) -> list[str]:
    odd = unlike_spread(model, spread)
    if not odd:
        return []
    more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
    return [
        f"{len(odd)} brain features scatter more than three times as much as in the first cohort, or less than a "
        f"third: {', '.join(odd[:NAMED])}{more}. If their units differ, bring them to those of the first cohort: its "
        "weights are applied as they are."
    ]


def replication_power(rho: Real, n_effective: int, *, level: float = 0.05) -> float:
    """Probability that one correlation of this size is found in a new cohort, one-sided, by Fisher's z.

    Parameters
    ----------
    rho : float
        Correlation of the frozen scores in the population, in (-1, 1).
    n_effective : int
        Subjects less intercept and confounds.
    level : float

    References
    ----------
    Fisher (1921), Metron 1, 3-32.

    Examples
    --------
    >>> round(replication_power(0.2, 154), 2)
    0.8
    """
    return float(norm.sf(norm.isf(level) - math.atanh(float(rho)) * math.sqrt(max(n_effective - 2, 1))))


def replicable_rho(n_effective: int, *, power: float = 0.8, level: float = 0.05) -> float:
    """Smallest correlation of frozen scores that a new cohort finds with this power; see `replication_power`.

    Examples
    --------
    >>> round(replicable_rho(154), 2)
    0.2
    """
    return math.tanh((float(norm.isf(level)) + float(norm.ppf(power))) / math.sqrt(max(n_effective - 2, 1)))
