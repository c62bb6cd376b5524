"""Kernel CCA: canonical ridge in the feature spaces of two kernels, so that links of any form can be found."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import Scores, ViewLike, as_matrix, check_columns, column_names, stores_parameters
from fusion.cca.base import check_varies, paired_correlations
from fusion.cca.kernel_features import Kernel, KernelFeatures
from fusion.cca.ridge import Penalty, RidgeCCA
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects


class KernelCCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Regularised kernel canonical correlation analysis of two views.

    With centred kernels K_x and K_y it maximises ``a' Kx Ky b / (n - 1)`` subject to
    ``a' ((1 - c_x) Kx Kx / (n - 1) + c_x Kx) a = 1`` and the same for b: `RidgeCCA` of the views' coordinates in the
    kernels' feature spaces. With the linear kernel it is `RidgeCCA` of the views.

    Parameters
    ----------
    n_components : int, optional
        All min(rank_x, rank_y) by default.
    kernel : {"rbf", "linear"}
        Gaussian with the median squared distance of two rows as its width, or inner products. Columns count as they
        are scaled.
    penalty : float or pair of float
        c, or (c_x, c_y), each in [0, 1]. Without a penalty a Gaussian kernel correlates any two views perfectly.
    n_landmarks : int, optional
        Training rows, drawn at random, that span the feature spaces; all by default: exact, for the cost of all pairs
        of rows.
    random_state : int
        Of the landmarks.

    Attributes
    ----------
    x_features_, y_features_ : KernelFeatures
    aligner_ : RidgeCCA
        Of the features.
    canonical_correlations_, objective_ : float64 array, shape [n_components]
        In the training rows.

    References
    ----------
    Hardoon, Szedmak & Shawe-Taylor (2004), doi:10.1162/0899766042321814.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((200, 1))
    >>> model = KernelCCA(1).fit(x[:150], x[:150] ** 2)
    >>> bool(model.score(x[150:], x[150:] ** 2) > 0.9)
    True
    """

    @stores_parameters
    def __init__(
        self,
        n_components: int | None = None,
        *,
        kernel: Kernel | str = "rbf",
        penalty: Penalty = 0.1,
        n_landmarks: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.kernel = kernel
        self.penalty = penalty
        self.n_landmarks = n_landmarks
        self.random_state = random_state

    def fit(self, X: ViewLike, y: ViewLike | None) -> "KernelCCA":
        """Fit on the rows of two views, shapes [n_subjects, n_x] and [n_subjects, n_y].

        Raises
        ------
        InputError
            Different subjects, values that are not finite numbers, a view without variance, too many components.
        """
        if y is None:
            raise InputError("KernelCCA requires y to be passed, but the target y is None.")
        check_same_subjects(x=X, y=y)
        x, y_values = as_matrix(X, "x"), as_matrix(y, "y")
        for name, matrix in (("x", x), ("y", y_values)):
            check_varies(matrix, name)
        self.n_features_in_, self.x_columns_, self.y_columns_ = x.shape[1], column_names(X), column_names(y)
        settings: dict[str, Any] = {"n_landmarks": self.n_landmarks, "random_state": self.random_state}
        self.x_features_ = KernelFeatures.of(x, self.kernel, **settings)
        self.y_features_ = KernelFeatures.of(y_values, self.kernel, **settings)
        self.aligner_ = RidgeCCA(self.n_components, penalty=self.penalty)
        self.aligner_.fit(self.x_features_(x), self.y_features_(y_values))
        self.canonical_correlations_, self.objective_ = self.aligner_.canonical_correlations_, self.aligner_.objective_
        self._n_features_out = len(self.objective_)
        return self

    def transform(self, X: ViewLike, y: ViewLike | None = None) -> Scores | tuple[Scores, Scores]:
        """Scores of x, or of both views, for any rows: [n_subjects, n_components] each."""
        check_same_subjects(x=X, y=y)
        return self.x_scores(X) if y is None else (self.x_scores(X), self.y_scores(y))

    def x_scores(self, X: ViewLike) -> Scores:
        """Scores of any rows of the first view, [n_subjects, n_components]."""
        check_is_fitted(self)
        check_columns(X, self.x_columns_, "x")
        return np.asarray(self.aligner_.x_scores(self.x_features_(_checked(X, "x", self.x_features_))))

    def y_scores(self, y: ViewLike) -> Scores:
        """Scores of any rows of the second view, [n_subjects, n_components]."""
        check_is_fitted(self)
        check_columns(y, self.y_columns_, "y")
        return np.asarray(self.aligner_.y_scores(self.y_features_(_checked(y, "y", self.y_features_))))

    def score(self, X: ViewLike, y: ViewLike) -> float:
        """Correlation of the first pair of scores in these rows."""
        check_same_subjects(x=X, y=y)
        return float(paired_correlations(self.x_scores(X)[:, :1], self.y_scores(y)[:, :1])[0])


def _checked(table: ViewLike, name: str, features: KernelFeatures) -> np.ndarray[Any, np.dtype[np.float64]]:
    matrix, expected = as_matrix(table, name), features.landmarks.shape[1]
    if matrix.shape[1] != expected:
        raise InputError(f"{name} must have the {expected} features it was fitted on; got {matrix.shape[1]}.")
    return matrix
