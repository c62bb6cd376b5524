"""CovBat: ComBat, then the same for the leading components of what ComBat leaves, so that covariances agree too."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import LabelsLike, Matrix, Real, ViewLike, stores_parameters
from fusion.cautions import collected
from fusion.confounds.coding import Confounds, ConfoundsLike
from fusion.confounds.combat import ComBat
from fusion.errors import InputError


class CovBat(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Remove the location, scale and covariance of sites, keeping covariates.

    ComBat first. What it leaves beyond the covariates is standardised, and the leading components' scores go through
    ComBat without shrinkage; the components behind stay as they are. Everything is learned in `fit`.

    Parameters
    ----------
    combat : ComBat, optional
        Of the first step; its policy for unseen sites and its reference hold for the second as well.
    explained : float
        Share of the variance that the components brought together explain, 0 to 1; as published .95.

    Attributes
    ----------
    combat_, score_combat_ : ComBat
        Of the features, and of the components' scores.
    mean_, sd_ : float64 array, shape [n_features]
        Of what ComBat leaves in the training rows; 1 for the SD of a constant feature.
    components_ : float64 array, shape [n_components, n_features]

    References
    ----------
    Chen, Beer, Tustison et al. (2022), doi:10.1002/hbm.25688.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> site = np.repeat(["Bonn", "Oslo"], [16, 21])
    >>> x = rng.standard_normal((37, 11))
    >>> x[16:] += 2 * rng.standard_normal((21, 1))
    >>> CovBat().fit(x, sites=site).transform(x[:2], sites=site[:2]).shape
    (2, 11)
    """

    @stores_parameters
    def __init__(self, *, combat: ComBat | None = None, explained: Real = 0.95) -> None:
        self.combat = combat
        self.explained = explained

    def fit(
        self, X: ViewLike, y: object = None, *, sites: LabelsLike | None = None, covariates: ConfoundsLike = None
    ) -> "CovBat":
        """Learn sites from training rows; see `fusion.ComBat.fit`.

        Raises
        ------
        InputError
            A share that is none, and whatever ComBat refuses: of the scores, a site with one subject.
        """
        if not 0 < self.explained <= 1:
            raise InputError(f"CovBat needs a share of variance from 0 to 1; got explained={self.explained!r}.")
        combat: ComBat = clone(self.combat) if self.combat is not None else ComBat()
        covariates = Confounds.of(covariates)
        self.combat_ = combat.fit(X, sites=sites, covariates=covariates)
        self.n_features_in_ = combat.n_features_in_
        if hasattr(combat, "feature_names_in_"):
            self.feature_names_in_ = combat.feature_names_in_
        left = self._left(combat.transform(X, sites, covariates), covariates)
        self.mean_ = left.mean(axis=0)
        self.sd_ = np.where(combat.varies_, left.std(axis=0), 1.0)
        standardised = (left - self.mean_) / self.sd_
        _, singular, axes = np.linalg.svd(standardised, full_matrices=False)
        self.components_ = axes[: _n_leading(singular**2, float(self.explained))]
        self.score_combat_ = ComBat(empirical_bayes=False, reference=combat.reference, unseen=combat.unseen)
        self.score_combat_.fit(standardised @ self.components_.T, sites=sites)
        return self

    def transform(
        self, X: ViewLike, sites: LabelsLike | None = None, covariates: ConfoundsLike = None
    ) -> Float64[np.ndarray, "n_rows n_features"]:
        """Return harmonised rows, [n_subjects, n_features], by what training taught.

        Raises
        ------
        InputError
            As `fusion.ComBat.transform`.
        """
        check_is_fitted(self)
        covariates = Confounds.of(covariates)
        harmonised = self.combat_.transform(X, sites, covariates)
        standardised = (self._left(harmonised, covariates) - self.mean_) / self.sd_
        scores = standardised @ self.components_.T
        with collected():  # ComBat of the features has said which sites are unseen
            moved = self.score_combat_.transform(scores, sites) - scores
        result: Matrix = harmonised + moved @ self.components_ * np.where(self.combat_.varies_, self.sd_, 0.0)
        return result

    def fit_transform(
        self, X: ViewLike, y: object = None, *, sites: LabelsLike | None = None, covariates: ConfoundsLike = None
    ) -> Float64[np.ndarray, "n_rows n_features"]:
        """Fit on the rows and return them harmonised."""
        covariates = Confounds.of(covariates)
        return self.fit(X, y, sites=sites, covariates=covariates).transform(X, sites, covariates)

    def _left(self, harmonised: Matrix, covariates: Confounds) -> Matrix:
        """What ComBat leaves beyond mean and covariates; 0 for features that are constant in training."""
        left: Matrix = harmonised - self.combat_.expected_values(covariates, len(harmonised))
        return np.where(self.combat_.varies_, left, 0.0)


def _n_leading(variances: Matrix, share: float) -> int:
    """The fewest leading components that explain more than a share, or all of those that vary."""
    explained = np.cumsum(variances) / variances.sum()
    n_varying = int((variances > variances[0] * 1e-12).sum())
    return min(int(np.searchsorted(explained, share, side="right")) + 1, n_varying)
