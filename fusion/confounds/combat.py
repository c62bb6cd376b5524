"""ComBat: differences between sites in location and scale, learned from training rows and removed from any."""

# ruff: noqa: F722

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fusion.archive import load_archive, write_archive
from fusion.arrays import (
    LabelsLike,
    Matrix,
    ViewLike,
    check_finite,
    feature_names,
    restore_feature_names,
    stores_parameters,
    unmasked,
)
from fusion.cautions import caution
from fusion.confounds.coding import ConfoundCoding, Confounds, ConfoundsLike, plain
from fusion.confounds.empirical_bayes import shrink_location, shrink_nonparametric, shrink_parametric
from fusion.errors import InputError
from fusion.subject_rows import check_same_subjects

ROUNDING = 1e-10
"""A feature whose pooled standard deviation is below this share of its root mean square is constant."""

_ARRAYS = ("grand_mean_", "pooled_sd_", "covariate_weights_", "varies_", "location_", "scale_")


class ComBat(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Remove the location and scale of sites from every feature, keeping covariates.

    ``x = grand mean + covariates @ weights + pooled sd * (location[site] + sqrt(scale[site]) * error)``; location and
    scale are shrunk over features by empirical Bayes. Everything is learned in `fit`; `transform` only applies it, so
    that held-out subjects never shape what is done to them.

    Parameters
    ----------
    empirical_bayes : bool
        Shrink over features; without it each feature stands alone.
    parametric : bool
        Normal and inverse-gamma priors; otherwise the empirical prior of the other features (n_features squared work).
    mean_only : bool
        Leave scales as they are.
    reference : label, optional
        The site that stays as it is and to which the others are brought.
    unseen : {"error", "pooled"}
        What `transform` does with a site that training did not have: an error that names it, or the pooled location
        and scale, which leave its subjects unchanged, with a warning.

    Attributes
    ----------
    sites_ : list
        Training sites in order.
    site_counts_ : int array, shape [n_sites]
    location_, scale_ : float64 array, shape [n_sites, n_features]
        In pooled standard deviations, and as a factor of the pooled variance.
    grand_mean_, pooled_sd_ : float64 array, shape [n_features]
        Mean over subjects of the site means where all coded covariates are zero (of the reference, if there is one);
        residual SD, divisor n.
    covariate_weights_ : float64 array, shape [n_covariate_columns, n_features]
    varies_ : bool array, shape [n_features]
        Features that are not constant in training; the others are passed through and shape no prior.

    References
    ----------
    Johnson, Li & Rabinovic (2007), doi:10.1093/biostatistics/kxj037; Fortin et al. (2018),
    doi:10.1016/j.neuroimage.2017.11.024.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> site = np.repeat(["Bonn", "Oslo"], [16, 21])
    >>> x = rng.standard_normal((37, 11)) + 3 * (site == "Oslo")[:, None]
    >>> combat = ComBat().fit(x, sites=site)
    >>> combat.transform(x[:2] + 1, sites=site[:2]).shape
    (2, 11)
    """

    @stores_parameters
    def __init__(
        self,
        *,
        empirical_bayes: bool = True,
        parametric: bool = True,
        mean_only: bool = False,
        reference: Hashable | None = None,
        unseen: Literal["error", "pooled"] = "error",
    ) -> None:
        self.empirical_bayes = empirical_bayes
        self.parametric = parametric
        self.mean_only = mean_only
        self.reference = reference
        self.unseen = unseen

    def fit(
        self, X: ViewLike, y: object = None, *, sites: LabelsLike | None = None, covariates: ConfoundsLike = None
    ) -> "ComBat":
        """Learn sites from training rows.

        Parameters
        ----------
        X : array or DataFrame, shape [n_train, n_features]
        y : ignored
        sites : labels, shape [n_train]
            Required.
        covariates : DataFrame, (DataFrame, ConfoundDesign) or array of numbers, shape [n_train, n_covariates], optional
            What must survive harmonisation; without the site itself.

        Raises
        ------
        InputError
            No sites, fewer than two, one subject alone at a site (unless `mean_only`), covariates that the sites
            explain, values that are not finite, an unknown reference.
        """
        if self.unseen not in ("error", "pooled"):
            raise InputError(f"ComBat needs unseen='error' or 'pooled'; got {self.unseen!r}.")
        values, covariates = self._values(X, reset=True), Confounds.of(covariates)
        labels = _labels(sites, len(values))
        _check_rows(X, values, sites, covariates)
        codes = self._learn_sites(labels)
        self.coding_ = ConfoundCoding.learn(covariates)
        design = self.coding_.encode(covariates, len(values), "ComBat")
        standardised = self._standardise(values, codes, design)
        self._learn_effects(standardised, codes)
        return self

    def transform(
        self, X: ViewLike, sites: LabelsLike | None = None, covariates: ConfoundsLike = None
    ) -> Float64[np.ndarray, "n_rows n_features"]:
        """Return harmonised rows, [n_subjects, n_features], by what training taught.

        Raises
        ------
        InputError
            No sites, a site unseen in training under ``unseen="error"``, covariates unlike those at fit.
        """
        check_is_fitted(self)
        values, covariates = self._values(X, reset=False), Confounds.of(covariates)
        labels = _labels(sites, len(values))
        _check_rows(X, values, sites, covariates)
        codes = self._known(labels)
        expected = self.expected_values(covariates, len(values))
        # Code -1, an unseen site, takes the last row: the pooled location and scale.
        location = np.vstack([self.location_, np.zeros_like(self.grand_mean_)])[codes]
        scale = np.vstack([self.scale_, np.ones_like(self.grand_mean_)])[codes]
        harmonised = ((values - expected) - self.pooled_sd_ * location) / np.sqrt(scale) + expected
        untouched = (~self.varies_)[np.newaxis] | ((location == 0) & (scale == 1))
        return np.where(untouched, values, harmonised)

    def fit_transform(
        self, X: ViewLike, y: object = None, *, sites: LabelsLike | None = None, covariates: ConfoundsLike = None
    ) -> Float64[np.ndarray, "n_rows n_features"]:
        """Fit on the rows and return them harmonised."""
        covariates = Confounds.of(covariates)
        return self.fit(X, y, sites=sites, covariates=covariates).transform(X, sites, covariates)

    def expected_values(self, covariates: ConfoundsLike, n_rows: int) -> Float64[np.ndarray, "n_rows n_features"]:
        """What grand mean and covariates alone make of every row, [n_rows, n_features]: no site has a part in it."""
        encoded = self.coding_.encode(Confounds.of(covariates), n_rows, "ComBat")
        expected: Matrix = self.grand_mean_ + encoded @ self.covariate_weights_
        return expected

    def save(self, path: Path | str) -> Path:
        """Write parameters and estimates (no subjects) to one ``.npz``, without pickle."""
        return write_archive(path, "ComBat", *self.to_parts())

    @classmethod
    def load(cls, path: Path | str) -> "ComBat":
        """Read what `save` wrote."""
        return load_archive(path, "ComBat", cls.from_parts)

    def to_parts(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and a JSON record that hold the fitted estimator."""
        check_is_fitted(self)
        parameters = self.get_params()
        parameters["reference"] = None if self.reference is None else plain(self.reference)
        record = {"parameters": parameters, "sites": [plain(site) for site in self.sites_]}
        arrays = {name: getattr(self, name) for name in (*_ARRAYS, "site_counts_")}
        record["feature_names"] = feature_names(self)
        return arrays, record | {"coding": self.coding_.to_record(), "n_features_in": self.n_features_in_}

    @classmethod
    def from_parts(cls, arrays: dict[str, NDArray[Any]], record: dict[str, Any]) -> "ComBat":
        """Make a fitted estimator from :meth:`to_parts`."""
        combat = cls(**record["parameters"])
        for name in (*_ARRAYS, "site_counts_"):
            setattr(combat, name, arrays[name])
        combat.sites_, combat.n_features_in_ = record["sites"], record["n_features_in"]
        combat.coding_ = ConfoundCoding.from_record(record["coding"])
        restore_feature_names(combat, record["feature_names"])
        return combat

    def _values(self, X: ViewLike, *, reset: bool) -> Matrix:
        options = {"dtype": np.float64, "ensure_all_finite": False, "ensure_min_samples": 2 if reset else 1}
        try:
            values: Matrix = validate_data(self, X, reset=reset, **options)
        except ValueError as error:
            raise InputError(f"X must hold numbers only, subjects x features: {error}") from None
        check_finite(values, "X", list(X.columns) if hasattr(X, "columns") else None)
        return values

    def _learn_sites(self, labels: list[Any]) -> NDArray[np.int64]:
        self.sites_ = sorted(set(labels), key=lambda site: (isinstance(site, str), site))
        codes = self._known(labels)
        self.site_counts_ = np.bincount(codes, minlength=len(self.sites_))
        if len(self.sites_) < 2:
            raise InputError(f"ComBat needs two sites or more; all {len(labels)} training subjects are of one.")
        if self.reference is not None and self.reference not in self.sites_:
            raise InputError(
                f"ComBat needs its reference among the training sites; got {self.reference!r}, not one of "
                f"{', '.join(map(repr, self.sites_[:5]))}: name a site of these."
            )
        alone = [site for site, count in zip(self.sites_, self.site_counts_, strict=True) if count < 2]
        if alone and not self.mean_only:
            raise InputError(
                f"ComBat needs two training subjects per site for a scale; site {alone[0]!r} has one: merge it, leave "
                "it out, or set mean_only=True."
            )
        return codes

    def _known(self, labels: list[Any]) -> NDArray[np.int64]:
        code = {site: j for j, site in enumerate(self.sites_)}
        codes = np.array([code.get(label, -1) for label in labels], dtype=np.int64)
        unseen = sorted({repr(label) for label, j in zip(labels, codes, strict=True) if j < 0})
        if not unseen:
            return codes
        if self.unseen == "error":
            raise InputError(
                f"ComBat knows the sites {', '.join(map(repr, self.sites_[:5]))}; got {', '.join(unseen[:5])}: fit "
                "with subjects of these sites, leave them out, or set unseen='pooled' to leave them as they are."
            )
        message = f"ComBat left {int((codes < 0).sum())} subjects of sites that training did not have as they are: "
        caution(message + ", ".join(unseen[:5]) + ".", stacklevel=3)
        return codes

    def _standardise(self, values: Matrix, codes: NDArray[np.int64], covariates: Matrix) -> Matrix:
        n_sites = len(self.sites_)
        design = np.hstack([np.eye(n_sites)[codes], covariates])
        _check_design(design, n_sites)
        coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
        residuals = values - design @ coefficients
        if self.reference is None:
            self.grand_mean_ = self.site_counts_ / len(values) @ coefficients[:n_sites]
        else:
            at_reference = self.sites_.index(self.reference)
            self.grand_mean_ = coefficients[at_reference]
            residuals = residuals[codes == at_reference]
        self.covariate_weights_ = coefficients[n_sites:]
        spread = np.sqrt(np.square(residuals).mean(axis=0))
        self.varies_ = spread > ROUNDING * np.sqrt(np.square(values).mean(axis=0))
        self.pooled_sd_ = np.where(self.varies_, spread, 1.0)
        standardised: Matrix = (values - self.grand_mean_ - covariates @ self.covariate_weights_) / self.pooled_sd_
        return standardised

    def _learn_effects(self, standardised: Matrix, codes: NDArray[np.int64]) -> None:
        n_varying = int(self.varies_.sum())
        if self.empirical_bayes and n_varying < 2:
            raise InputError(
                f"ComBat shrinks over features and needs two that vary; got {n_varying} (n_features = "
                f"{standardised.shape[1]}): give more features, or leave harmonisation out (empirical_bayes=False of "
                "the class harmonises each feature by itself)."
            )
        shape = len(self.sites_), standardised.shape[1]
        self.location_, self.scale_ = np.zeros(shape), np.ones(shape)
        for code, site in enumerate(self.sites_):
            if self.reference is None or site != self.reference:
                rows = standardised[codes == code][:, self.varies_]
                self.location_[code, self.varies_], self.scale_[code, self.varies_] = self._effects(rows)

    def _effects(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        location, scale = rows.mean(axis=0), np.ones(rows.shape[1])
        if not self.mean_only:
            scale = rows.var(axis=0, ddof=1)
            scale[scale <= ROUNDING**2] = 1.0  # constant at this site: nothing to divide by
        if not self.empirical_bayes:
            return location, scale
        if not self.parametric:
            return shrink_nonparametric(rows, location, scale)
        return (shrink_location(location), scale) if self.mean_only else shrink_parametric(rows, location, scale)


def _check_design(design: Matrix, n_sites: int) -> None:
    """Refuse covariates whose effects cannot be told from those of the sites."""
    n_subjects, width = design.shape
    if np.linalg.matrix_rank(design) < width or width >= n_subjects:
        raise InputError(
            f"ComBat needs covariates that sites do not explain and more subjects than sites and covariates; got "
            f"{n_subjects} subjects, {n_sites} sites and {width - n_sites} covariate columns: leave out "
            "covariates that are constant within every site, the site itself first of all."
        )


def _check_rows(X: ViewLike, values: Matrix, sites: LabelsLike | None, covariates: Confounds) -> None:
    """Refuse tables whose ids say that their rows are other subjects."""
    check_same_subjects(X=X if hasattr(X, "shape") else values, sites=sites, covariates=covariates.given)


def _labels(sites: LabelsLike | None, n_rows: int) -> list[Any]:
    if sites is None:
        raise InputError("ComBat needs the site of every subject: pass sites=.")
    labels = np.asarray(unmasked(sites), dtype=object).ravel().tolist()
    if len(labels) != n_rows:
        raise InputError(f"ComBat needs one site per subject; got {len(labels)} for {n_rows} subjects.")
    missing = int(pd.isna(np.array(labels, dtype=object)).sum())
    if missing:
        raise InputError(f"ComBat needs the site of every subject; {missing} of {n_rows} are missing: leave them out.")
    return labels
