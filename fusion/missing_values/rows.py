"""What is learnt from training rows with gaps, and takes rows with gaps: the checks that all of it shares."""

# ruff: noqa: F722

from typing import Any

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from fusion.arrays import ArrayLike, Matrix, ViewLike
from fusion.confounds.basis import check_confounds
from fusion.missing_values.gaps import check_rows_measured
from fusion.subject_rows import check_same_subjects, row_ids


class LearnsFromGaps(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of `Imputer` and `PairwiseCovariance`: NaN is allowed, a row of nothing else is not."""

    n_confounds_: int

    def fit_transform(
        self, X: ViewLike, y: object = None, *, confounds: ArrayLike | None = None
    ) -> Float64[np.ndarray, "n_rows n_features"]:
        """Fit on the rows and return what `transform` makes of them."""
        filled: Matrix = self.fit(X, y, confounds=confounds).transform(X, confounds)
        return filled

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: ViewLike, confounds: ArrayLike | None, *, reset: bool) -> tuple[Matrix, Matrix]:
        """Values and confounds of the same rows; with `reset` they are the training rows."""
        values: Matrix = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset)
        ids = row_ids(X)
        check_rows_measured(values, tuple(map(str, range(len(values)))) if ids is None else ids.names)
        Z = check_confounds(confounds, len(values), n_columns=None if reset else self.n_confounds_)
        check_same_subjects(X=X if hasattr(X, "shape") else values, confounds=confounds)
        if reset:
            self.n_confounds_ = Z.shape[1]
        return values, Z
