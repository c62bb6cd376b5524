"""Kernel CCA whose penalty inner folds choose, anew in every fold and permutation."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fusion import lapack
from fusion.arrays import Matrix, Positions, Real
from fusion.cca.base import paired_correlations
from fusion.cca.exact import leading_pairs
from fusion.cca.kernel_features import Kernel, KernelFeatures
from fusion.errors import InputError
from fusion.methods.method import LearningRows, Permuted, ScoreStack


@dataclass(frozen=True)
class KernelMethod:
    """`fusion.KernelCCA` with a choice of its penalty.

    Attributes
    ----------
    kernel : {"rbf", "linear"}
    penalties : sequence of float
        Candidates in (0, 1]; features are scaled so that the leading one of the training rows has variance 1.
    n_landmarks : int
        Training rows that span the feature spaces.
    n_components : int
        Pairs of scores.
    """

    kernel: Kernel = "rbf"
    penalties: Sequence[Real] = (0.03, 0.1, 0.3, 0.9)
    n_landmarks: int = 64
    n_components: int = 8

    def __post_init__(self) -> None:
        if not self.penalties or not all(0 < penalty <= 1 for penalty in self.penalties):
            raise InputError(
                f"Kernel CCA needs penalties in (0, 1], at least one; got {list(self.penalties)}: without one "
                "any two views correlate perfectly."
            )

    def __call__(
        self, x: Permuted, y: Float64[np.ndarray, "n_subjects Q"], rows: LearningRows
    ) -> tuple[ScoreStack, ScoreStack]:
        """See `fusion.methods.method.Method`."""
        of_y = _Side.of(self._features(y, rows), rows)
        found = [self._scores(_Side.of(self._features(one, rows), rows), of_y, rows) for one in x]
        x_scores, y_scores = zip(*found, strict=True)
        return np.stack(x_scores), np.stack(y_scores)

    def _features(self, view: Matrix, rows: LearningRows) -> Matrix:
        settings = {"n_landmarks": self.n_landmarks, "random_state": rows.seed}
        learnt = KernelFeatures.of(view[rows.train], self.kernel, **settings)
        return np.asarray(learnt(view))

    def _scores(self, x: "_Side", y: "_Side", rows: LearningRows) -> tuple[Matrix, Matrix]:
        judged = [self._judge(number, x, y, rows) for number in range(len(rows.inner))]
        penalty = self.penalties[int(np.argmax(np.mean(judged, axis=0)))]
        k = min(self.n_components, x.width, y.width)
        left, right, values = _weights(x.bases[-1], y.bases[-1], _product(x, y, -1, rows.train), penalty, k)
        weight = np.sqrt(np.maximum(values, 0.0))
        scores = x.features @ (left * weight), y.features @ (right * weight)
        padding = ((0, 0), (0, self.n_components - k))  # a narrower pair has no more to say
        return np.pad(scores[0], padding), np.pad(scores[1], padding)

    def _judge(self, number: int, x: "_Side", y: "_Side", rows: LearningRows) -> list[float]:
        """Held-out correlation of every penalty in one inner fold."""
        fit, judged = rows.inner[number]
        product, found = _product(x, y, number, fit), []
        for penalty in self.penalties:
            left, right, _ = _weights(x.bases[number], y.bases[number], product, penalty, 1)
            found.append(float(paired_correlations(x.features[judged] @ left, y.features[judged] @ right)[0]))
        return found


@dataclass(frozen=True)
class _Basis:
    """Eigenvectors [width, width] and eigenvalues [width] of some rows' covariance, and the rows' means [width]."""

    vectors: Matrix
    values: Matrix
    mean: Matrix


@dataclass(frozen=True)
class _Side:
    """Features of all rows, and what every inner fold and, last, all training rows make of them."""

    features: Matrix
    bases: Sequence[_Basis]

    @property
    def width(self) -> int:
        return int(self.features.shape[1])

    @classmethod
    def of(cls, features: Matrix, rows: LearningRows) -> "_Side":
        leading = lapack.largest_eigenvalue(np.cov(features[rows.train], rowvar=False).reshape([features.shape[1]] * 2))
        scaled = (features - features[rows.train].mean(axis=0)) / np.sqrt(leading)
        return cls(scaled, [_basis(scaled[part]) for part in (*(fit for fit, _ in rows.inner), rows.train)])


def _basis(part: Matrix) -> _Basis:
    mean = part.mean(axis=0)
    centred = part - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / (len(part) - 1))
    return _Basis(vectors, np.maximum(values, 0.0), mean)


def _product(x: _Side, y: _Side, number: int, part: Positions) -> Matrix:
    """Cross-covariance of some rows along the eigenvectors of both sides."""
    of_x, of_y = x.bases[number], y.bases[number]
    covariance = (x.features[part] - of_x.mean).T @ (y.features[part] - of_y.mean) / (len(part) - 1)
    return np.asarray(of_x.vectors.T @ covariance @ of_y.vectors)


def _weights(x: _Basis, y: _Basis, product: Matrix, penalty: Real, k: int) -> tuple[Matrix, Matrix, Matrix]:
    """Leading weights of canonical ridge and what they maximise."""
    of_x, of_y = (1 / np.sqrt((1 - penalty) * one.values + penalty) for one in (x, y))
    whitened = of_x[:, np.newaxis] * product * of_y
    left, right, _ = leading_pairs(whitened, k)
    values = np.einsum("ik,ij,jk->k", left, whitened, right)
    return x.vectors @ (of_x[:, np.newaxis] * left), y.vectors @ (of_y[:, np.newaxis] * right), values
