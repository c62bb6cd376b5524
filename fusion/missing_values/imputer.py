"""Missing values from what was measured of the same subject: learned from training rows, applied to any."""

# ruff: noqa: F722

import warnings
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import ArrayLike, Matrix, Real, ViewLike, feature_names, stores_parameters
from fusion.cautions import caution
from fusion.errors import InputError
from fusion.missing_values.gaps import MAX_MISSING, check_columns_measured
from fusion.missing_values.low_rank import LowRank
from fusion.missing_values.observed_residuals import ObservedResiduals
from fusion.missing_values.rows import LearnsFromGaps

MOST_ITERATIVE = 30
"""Columns up to which every one gets a regression of its own: the work grows with the cube of their number."""

Method = Literal["auto", "iterative", "low-rank"]


class Imputer(LearnsFromGaps):
    """Fill in what was not measured, from the confounds and from what was measured of the same subject.

    ``x = [1, Z] @ b + scale * r``: b and scale come from the training rows that have a column, missing r from the row's
    other residuals, by scikit-learn's `IterativeImputer` (a Bayesian ridge regression of every column on the confounds
    and all other columns) or by probabilistic principal components with the confounds in the mean. So the expectation
    of what is filled in stays linear in the confounds, and a later removal of them removes it. Values that were
    measured stay as they are.

    Parameters
    ----------
    method : {"auto", "iterative", "low-rank"}
        "auto" is iterative up to 30 columns, low-rank beyond.
    max_missing : float
        Share of training rows that may lack a column.
    max_rank : int
        Of low-rank.

    Attributes
    ----------
    method_ : str
        "iterative" or "low-rank".
    rank_ : int or None
        Components of low-rank.
    residuals_ : ObservedResiduals
    model_ : IterativeImputer or LowRank

    References
    ----------
    van Buuren & Groothuis-Oudshoorn (2011), doi:10.18637/jss.v045.i03; Tipping & Bishop (1999),
    doi:10.1111/1467-9868.00196.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.outer(np.linspace(-1, 1, 40), [1.0, 2.0, -1.0])
    >>> x[3, 1] = np.nan
    >>> bool(abs(Imputer().fit_transform(x)[3, 1] - 2 * x[3, 0]) < 0.01)
    True
    """

    @stores_parameters
    def __init__(self, method: Method = "auto", *, max_missing: Real = MAX_MISSING, max_rank: int = 24) -> None:
        self.method = method
        self.max_missing = max_missing
        self.max_rank = max_rank

    def fit(self, X: ViewLike, y: object = None, *, confounds: ArrayLike | None = None) -> "Imputer":
        """Learn from training rows.

        Parameters
        ----------
        X : float array of shape (n_train, n_features)
            NaN where nothing was measured.
        y : ignored
        confounds : float array of shape (n_train, n_confounds), optional
            Numbers without intercept and without gaps.

        Raises
        ------
        InputError
            An unknown method, a column with too few values, a row without any, infinite values.
        """
        if self.method not in ("auto", "iterative", "low-rank"):
            raise InputError(f"Imputer needs method 'auto', 'iterative' or 'low-rank'; got {self.method!r}.")
        values, Z = self._read(X, confounds, reset=True)
        self.residuals_ = ObservedResiduals.fit(values, Z)
        design = self.residuals_.basis(Z)
        names = feature_names(self)
        check_columns_measured(
            values, None if names is None else tuple(names), n_needed=design.shape[1], max_missing=self.max_missing
        )
        is_wide = values.shape[1] > MOST_ITERATIVE
        self.method_ = ("low-rank" if is_wide else "iterative") if self.method == "auto" else self.method
        residuals = self.residuals_.residuals(values, Z)
        if self.method_ == "iterative":
            self.model_: Any = _fit_iterative(_beside(design, residuals))
        else:
            self.model_ = LowRank.fit(residuals, design, max_rank=self.max_rank)
        self.rank_ = self.model_.rank if self.method_ == "low-rank" else None
        return self

    def transform(self, X: ViewLike, confounds: ArrayLike | None = None) -> Float64[np.ndarray, "n_rows n_features"]:
        """Return these rows without gaps, float64 of shape (n_rows, n_features).

        Raises
        ------
        InputError
            Other columns or confounds than at the fit, a row without any value.
        """
        check_is_fitted(self)
        values, Z = self._read(X, confounds, reset=False)
        missing = np.isnan(values)
        if not missing.any():
            return values
        residuals, design = self.residuals_.residuals(values, Z), self.residuals_.basis(Z)
        if self.method_ == "iterative":
            expected = self.model_.transform(_beside(design, residuals))[:, design.shape[1] - 1 :]
        else:
            expected = self.model_.expected(residuals, design)
        return np.where(missing, self.residuals_.restore(expected, Z), values)


def _beside(design: Matrix, residuals: Matrix) -> Matrix:
    """Confounds, in standard deviations of training rows, beside residuals: what every column is regressed on."""
    return np.hstack([design[:, 1:] / np.abs(design[0, 0]), residuals])


def _fit_iterative(columns: Matrix) -> Any:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (what makes the class importable)
    from sklearn.impute import IterativeImputer

    # Of constant columns nothing is to be learned, yet they keep their place.
    imputer = IterativeImputer(max_iter=50, tol=0.01, random_state=0, keep_empty_features=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        imputer.fit(columns)
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        caution(
            f"Missing values still moved after {imputer.max_iter} iterations of IterativeImputer: what stands for them "
            "is less exact; choose method low-rank, or leave features with few values out.",
            stacklevel=2,
        )
    return imputer
