"""Pseudo-covariances: of every two columns over the rows that have both, brought to the nearest covariance matrix."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import ArrayLike, Matrix, Real, ViewLike, feature_names, stores_parameters
from fusion.errors import InputError
from fusion.missing_values.gaps import MAX_MISSING, check_columns_measured
from fusion.missing_values.observed_residuals import ObservedResiduals
from fusion.missing_values.rows import LearnsFromGaps

TOLERANCE = 1e-10
"""Eigenvalues below this share of the largest are zero."""


class PairwiseCovariance(LearnsFromGaps):
    """Rows whose covariance is that of all pairs of columns, each over the rows that have both; nothing is imputed.

    Residuals of [1, confounds] of the rows that have a column, zero where it is missing, are mapped linearly so that
    the covariance of the training rows becomes C, the positive semidefinite matrix nearest to the pairwise one
    (Frobenius): with C = V L V', what is missing adds nothing, and principal components of the result are those of C.
    After the analysis of UK Biobank and HCP, of subjects there, of features here, so that rows that took no part get
    scores as well.

    Parameters
    ----------
    max_missing : float
        Share of training rows that may lack a column.

    Attributes
    ----------
    residuals_ : ObservedResiduals
    covariance_ : float64 array, shape (n_features, n_features)
        C, in units of the columns' residual standard deviations.
    map_ : float64 array, shape (n_features, n_features)
        Applied to residuals with zeros.
    clipped_ : float
        Share of the eigenvalues' absolute sum that was negative and is left out.

    References
    ----------
    Higham (1988), doi:10.1016/0024-3795(88)90223-6; Smith et al. (2015), doi:10.1038/nn.4125.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((60, 3))
    >>> x[:20, 0] = np.nan
    >>> rows = PairwiseCovariance().fit_transform(x)
    >>> both = x[20:, :2] - np.nanmean(x[:, :2], axis=0)
    >>> np.allclose(np.cov(rows.T)[0, 1], (both[:, 0] @ both[:, 1]) / 39)
    True
    """

    @stores_parameters
    def __init__(self, *, max_missing: Real = MAX_MISSING) -> None:
        self.max_missing = max_missing

    def fit(self, X: ViewLike, y: object = None, *, confounds: ArrayLike | None = None) -> "PairwiseCovariance":
        """Learn from training rows.

        Parameters
        ----------
        X : float array of shape (n_train, n_features)
            NaN where nothing was measured.
        y : ignored
        confounds : float array of shape (n_train, n_confounds), optional

        Raises
        ------
        InputError
            A column with too few values, two columns that too few rows have, a row without any value.
        """
        values, Z = self._read(X, confounds, reset=True)
        self.residuals_ = ObservedResiduals.fit(values, Z)
        needed, names = 1 + self.residuals_.basis.rank, feature_names(self)
        check_columns_measured(
            values, None if names is None else tuple(names), n_needed=needed, max_missing=self.max_missing
        )
        observed = np.isfinite(values).astype(np.float64)
        together = observed.T @ observed
        _check_pairs(together, needed, names)
        zeroed = np.nan_to_num(self.residuals_.residuals(values, Z))
        pairwise = zeroed.T @ zeroed / (together - needed)
        found, axes = np.linalg.eigh(pairwise)
        kept = found > TOLERANCE * found[-1]
        self.clipped_ = float(-found[found < 0].sum() / np.abs(found).sum())
        axes, strength = axes[:, kept], found[kept]
        self.covariance_ = (axes * strength) @ axes.T
        inflation = len(values) / observed.sum(axis=0)  # so that products with any complete column are pairwise too
        scores = (zeroed * inflation) @ axes
        half = _inverse_root(scores.T @ scores / (len(values) - needed))
        self.map_ = (inflation[:, None] * axes) @ half * np.sqrt(strength) @ axes.T
        return self

    def transform(self, X: ViewLike, confounds: ArrayLike | None = None) -> Float64[np.ndarray, "n_rows n_features"]:
        """Return these rows through the map of the training rows, in the columns' units, confounds put back.

        Raises
        ------
        InputError
            Other columns or confounds than at the fit, a row without any value.
        """
        check_is_fitted(self)
        values, Z = self._read(X, confounds, reset=False)
        zeroed = np.nan_to_num(self.residuals_.residuals(values, Z))
        return self.residuals_.restore(zeroed @ self.map_, Z)


def _check_pairs(together: Matrix, needed: int, names: list[str] | None) -> None:
    few = together <= needed
    if few.any():
        pair = [int(j) for j in np.argwhere(few)[0]]
        left, right = (repr(j if names is None else names[j]) for j in pair)
        raise InputError(
            f"A covariance needs more than {needed} training subjects (intercept and confounds) with both features; "
            f"{left} and {right} have {int(together[pair[0], pair[1]])}: exclude one of them, or impute."
        )


def _inverse_root(gram: Matrix) -> Matrix:
    """Symmetric inverse square root; directions without variance stay without."""
    found, axes = np.linalg.eigh(gram)
    kept = found > TOLERANCE * found[-1]
    return np.asarray((axes[:, kept] / np.sqrt(found[kept])) @ axes[:, kept].T)
