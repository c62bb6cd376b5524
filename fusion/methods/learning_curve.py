"""Held-out correlation against the number of subjects that a method learns from."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fusion.arrays import Matrix, Positions, Real, ViewLike
from fusion.cca.base import paired_correlations
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.cross_validation.fold_embedding import embed_folds
from fusion.cross_validation.folds import Folds
from fusion.decomposition.pca import Scaling
from fusion.errors import InputError
from fusion.methods.held_out import whiten
from fusion.methods.method import Method, make_learning_rows
from fusion.methods.permuted_folds import unit_variance
from fusion.parallel import Progress, one_blas_thread
from fusion.subject_rows import check_same_subjects
from fusion.views.view import View, as_view


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Every method at one number of subjects.

    Attributes
    ----------
    share : float
        Of every fold's training subjects.
    n_train : int
        Mean number of them.
    rho : mapping of method to float64 array, shape [n_draws]
        Fold-averaged held-out correlation of every draw of subjects; empty where there are too few of them.
    reason : str or None
        Why it is empty.
    """

    share: float
    n_train: int
    rho: dict[str, Float64[np.ndarray, " n_draws"]]
    reason: str | None


def learning_curve(
    x: ViewLike,
    y: ViewLike,
    confounds: ConfoundsLike = None,
    *,
    methods: Mapping[str, Method],
    folds: Folds,
    dimensions: tuple[int, int],
    shares: Sequence[Real] = (0.25, 0.5, 0.75, 1.0),
    n_draws: int = 3,
    scale: Scaling = True,
    inner_splits: int = 4,
    random_state: int = 0,
    progress: Progress | None = None,
) -> list[LearningCurve]:
    """Learn from a random part of every fold's training subjects, and test on all of its test subjects.

    Parameters
    ----------
    x, y, confounds, methods, folds, dimensions, scale, inner_splits
        As in `fusion.methods.cross_validated_methods`.
    shares : sequence of float
        Of the training subjects, in (0, 1]; what belongs together is taken together. A larger part holds the smaller.
    n_draws : int
        Parts of each size; of all subjects there is one.
    random_state : int
    progress : callable, optional

    Raises
    ------
    InputError
        Shares outside (0, 1], or other subjects.
    """
    if not shares or not all(0 < share <= 1 for share in shares):
        raise InputError(f"shares of the training subjects must lie in (0, 1]; got {list(shares)}.")
    confounds = Confounds.of(confounds)
    check_same_subjects(x=x, y=y, confounds=confounds.given, folds=folds.relations)
    point = _Point((as_view(x), as_view(y)), confounds, methods, folds, dimensions, scale, inner_splits)
    curve = []
    for done, share in enumerate(sorted(map(float, shares)), start=1):
        curve.append(point(share, [random_state + draw for draw in range(n_draws if share < 1 else 1)]))
        if progress is not None:
            progress(done, len(shares))
    return curve


@dataclass(frozen=True)
class _Point:
    """Everything but the number of subjects."""

    views: tuple[View, View]
    confounds: Confounds
    methods: Mapping[str, Method]
    folds: Folds
    dimensions: tuple[int, int]
    scale: Scaling
    inner_splits: int

    def __call__(self, share: float, seeds: Sequence[int]) -> LearningCurve:
        parts = [[(self._part(train, share, seed), test) for train, test in self.folds] for seed in seeds]
        n_train = round(float(np.mean([len(train) for draw in parts for train, _ in draw])))
        try:
            found = [self._correlations(draw, seed) for draw, seed in zip(parts, seeds, strict=True)]
        except InputError as error:
            return LearningCurve(share, n_train, {}, str(error))
        return LearningCurve(share, n_train, dict(zip(self.methods, np.column_stack(found), strict=True)), None)

    def _part(self, train: Positions, share: float, seed: int) -> Positions:
        """Clusters in a random order until the share is reached, the last one as a whole."""
        if share == 1:
            return train
        clusters = self.folds.relations.clusters[train]
        order = np.random.default_rng(seed).permutation(int(self.folds.relations.clusters.max()) + 1)
        place = np.argsort(order)[clusters]
        taken: Positions = train[place <= np.sort(place)[max(round(share * len(train)), 1) - 1]]
        return taken

    def _correlations(self, parts: Sequence[tuple[Positions, Positions]], seed: int) -> Matrix:
        """Fold-averaged correlation of every method, [n_methods]."""
        relations = self.folds.relations
        with one_blas_thread():
            embedded = embed_folds(
                self.views, self.confounds, parts, n_components=max(self.dimensions), scale=self.scale
            )
            whitened, total = whiten(embedded, self.dimensions), np.zeros(len(self.methods))
            for fold in whitened:
                rows = make_learning_rows(fold.train, relations, inner_splits=self.inner_splits, seed=seed)
                x = unit_variance(fold.x, rows)[np.newaxis]
                for number, method in enumerate(self.methods.values()):
                    scores = (side[0, fold.test, :1] for side in method(x, fold.y, rows))
                    total[number] += len(fold.test) * float(paired_correlations(*scores)[0])
        return np.asarray(total / sum(len(test) for _, test in parts))
