"""Held-out correlation of smaller studies, by subjects drawn from one that was made: what fewer would have shown.

Draws of n among N subjects share subjects, so they scatter less than studies of n do, and their mean knows no more than
the N subjects tell. Of a statistic whose influence is that of subjects, draws without replacement have (1 - n / N) of
the variance of a study of n, and their mean has n / N of it; both are made good here. Nothing is said of more subjects
than there are.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import t

from fusion.arrays import Positions, Real, ViewLike
from fusion.cca.base import paired_correlations
from fusion.cca.dimensions import Dimensions, settle_dimensions
from fusion.cca.exact import leading_pairs
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.cross_validation.folds import Folds, folds_of
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.parallel import Progress, one_blas_thread
from fusion.subject_rows import check_same_subjects
from fusion.views.view import View, as_view

FEWEST_DRAWS = 3
LARGEST = 1 - 1e-9
"""Correlations are kept below 1, where Fisher's z ends."""


@dataclass(frozen=True, eq=False)
class Subsample:
    """Studies of one size.

    Attributes
    ----------
    n_subjects : int
        Mean over draws: what belongs together is drawn together.
    share : float
        Of all subjects, as asked.
    dimensions : tuple of int
        Leading components of x and y, the most common over draws; (0, 0) where there is no value.
    by_draw : float64 array, shape [n_draws]
        Fold-averaged held-out correlation of the first component.
    rho : float
        Tangent of the mean of Fisher's z.
    interval : float64 array, shape [2]
        95 %, of what such studies find on average.
    studies : float64 array, shape [2]
        Where 95 % of further studies of this size find theirs.
    reason : str or None
        Why there is no value; the arrays are NaN then.
    """

    n_subjects: int
    share: float
    dimensions: tuple[int, int]
    by_draw: Float64[np.ndarray, " n_draws"]
    rho: float
    interval: Float64[np.ndarray, " 2"]
    studies: Float64[np.ndarray, " 2"]
    reason: str | None = None


def subsample_curve(  # noqa: PLR0913 (one call says the whole procedure)
    x: ViewLike,
    y: ViewLike,
    confounds: ConfoundsLike = None,
    *,
    folds: Folds,
    shares: Sequence[Real] = (0.2, 0.4, 0.6, 0.8),
    n_draws: int = 20,
    x_dimensions: Dimensions = "auto",
    y_dimensions: Dimensions = "auto",
    pca_components: int = 512,
    scale: Scaling = True,
    min_ratio: Real = 10,
    random_state: int = 0,
    progress: Progress | None = None,
) -> list[Subsample]:
    """Align parts of a cohort, each as a study of its own: its own folds, confounds, PCA and dimensions.

    Parameters
    ----------
    x, y, confounds, x_dimensions, y_dimensions, pca_components, scale, min_ratio
        As in `fusion.cross_validated_cca`.
    folds : Folds
        Of the whole cohort; they tell how many folds, and who belongs together.
    shares : sequence of float
        Of the subjects, in (0, 1).
    n_draws : int
        Of each share, at least 3, without replacement.
    random_state : int
    progress : callable, optional

    Raises
    ------
    InputError
        Shares outside (0, 1), too few draws, or tables of other subjects.

    References
    ----------
    Draws without replacement and the variance of a study: Shao & Wu (1989), doi:10.1214/aos/1176347263; Politis,
    Romano & Wolf (1999), ISBN 978-0-387-98854-2; of their mean: Hoeffding (1948), doi:10.1214/aoms/1177730196.

    Examples
    --------
    >>> from fusion import make_folds, subsample_curve
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.standard_normal((151, 4)), rng.standard_normal((151, 3))
    >>> y[:, 0] += x[:, 0]
    >>> few, many = subsample_curve(x, y, folds=make_folds(151, 3, random_state=0), shares=(0.3, 0.9), n_draws=5)
    >>> few.n_subjects, many.n_subjects, bool(np.ptp(few.studies) > np.ptp(many.studies))
    (45, 136, True)
    """
    if not shares or not all(0 < share < 1 for share in shares):
        raise InputError(f"shares of the subjects must lie between 0 and 1; got {list(shares)}.")
    if n_draws < FEWEST_DRAWS:
        raise InputError(f"n_draws must be at least {FEWEST_DRAWS}, or their scatter says nothing; got {n_draws}.")
    confounds = Confounds.of(confounds)
    check_same_subjects(x=x, y=y, confounds=confounds.given, folds=folds.relations)
    study = _Study(
        (as_view(x), as_view(y)), confounds, folds, (x_dimensions, y_dimensions), pca_components, scale, min_ratio
    )
    found, done = [], 0
    for place, share in enumerate(sorted(map(float, shares))):
        draws: list[_Found] = []
        reason = None
        for draw in range(n_draws):
            seed = np.random.SeedSequence(random_state, spawn_key=(place, draw))
            try:
                draws.append(study(share, seed))
            except InputError as error:
                reason = str(error)
                break
            if progress is not None:
                progress(done + draw + 1, n_draws * len(shares))
        done += n_draws
        found.append(_describe(share, study, draws, reason))
    return found


_Found = tuple[int, tuple[int, int], float]
"""Subjects, dimensions, correlation."""


@dataclass(frozen=True)
class _Study:
    """Everything but the subjects."""

    views: tuple[View, View]
    confounds: Confounds
    folds: Folds
    dimensions: tuple[Dimensions, Dimensions]
    pca_components: int
    scale: Scaling
    min_ratio: Real

    @property
    def n_components(self) -> int:
        """Of the embeddings: no more than CCA takes, where that is known."""
        wanted = [wish for wish in self.dimensions if not isinstance(wish, str)]
        return self.pca_components if len(wanted) < 2 else min(self.pca_components, max(wanted))

    def draw(self, share: float, rng: np.random.Generator) -> Positions:
        """Clusters in a random order until the share is reached, rows ascending."""
        clusters = self.folds.relations.clusters
        place = np.argsort(rng.permutation(int(clusters.max()) + 1))[clusters]
        taken: Positions = np.flatnonzero(place <= np.sort(place)[max(round(share * len(place)), 1) - 1])
        return taken

    def __call__(self, share: float, seed: np.random.SeedSequence) -> _Found:
        rng = np.random.default_rng(seed)
        rows = self.draw(share, rng)
        relations = self.folds.relations.take(rows)
        folds = folds_of(relations, self.folds.n_splits, int(rng.integers(2**31)))
        views = self.views[0].take(rows), self.views[1].take(rows)
        with one_blas_thread():
            embedded = embed_folds(
                views, self.confounds.take(rows), folds, n_components=self.n_components, scale=self.scale
            )
            n_effective = min(fold.n_effective for fold in embedded)
            available = min(fold.x.shape[1] for fold in embedded), min(fold.y.shape[1] for fold in embedded)
            size = settle_dimensions(n_effective, available, self.dimensions, min_ratio=self.min_ratio)
            rho = [_test_correlation(fold.whiten(*size)) for fold in embedded]
        return len(rows), size, float(np.average(rho, weights=np.bincount(folds.assignments)))


def _test_correlation(fold: FoldEmbedding) -> float:
    a, b, _ = leading_pairs(fold.x[fold.train].T @ fold.y[fold.train], 1)
    return float(paired_correlations(fold.x[fold.test] @ a, fold.y[fold.test] @ b)[0])


def _describe(share: float, study: _Study, draws: Sequence[_Found], reason: str | None) -> Subsample:
    n_all = len(study.folds.assignments)
    if reason is not None:
        nothing = np.full(2, np.nan)
        return Subsample(round(share * n_all), share, (0, 0), np.zeros(0), np.nan, nothing, nothing, reason)
    sizes = [size for _, size, _ in draws]
    n_subjects = float(np.mean([n for n, _, _ in draws]))
    by_draw = np.array([rho for _, _, rho in draws])
    z = np.arctanh(np.clip(by_draw, -LARGEST, LARGEST))
    within, part = float(z.var(ddof=1)), n_subjects / n_all
    of_a_study = within / (1 - part)
    of_the_mean = part * of_a_study + within / len(z)
    reach = float(t.ppf(0.975, len(z) - 1))
    expected, further = (
        np.tanh(z.mean() + reach * np.array([-1, 1]) * np.sqrt(variance))
        for variance in (of_the_mean, of_a_study + of_the_mean)
    )
    return Subsample(
        n_subjects=round(n_subjects),
        share=share,
        dimensions=max(sizes, key=sizes.count),
        by_draw=by_draw,
        rho=float(np.tanh(z.mean())),
        interval=expected,
        studies=further,
    )
