"""Views and tables as users hold them, made ready for LateFusion."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from fusion.arrays import ViewLike
from fusion.errors import InputError
from fusion.views.view import View, as_view


def read_x(estimator: Any, x: ViewLike, *, reset: bool) -> View:
    """Return x as a view; scikit-learn checks what is a plain array or frame, and notes its width and names."""
    if hasattr(x, "multiply_transposed"):
        view = as_view(x)
        if reset:
            estimator.n_features_in_ = view.shape[1]
        return view
    options = {"dtype": None, "ensure_all_finite": False, "ensure_min_samples": 2 if reset else 1}
    try:
        checked = validate_data(estimator, x, reset=reset, **options)
    except ValueError as error:
        raise InputError(f"x must be a table of subjects x features: {error}") from None
    return as_view(x if hasattr(x, "iloc") else _numbers(checked))


def read_y(y: ViewLike) -> View:
    """Return y as a view; a single column may be flat."""
    if hasattr(y, "multiply_transposed") or (hasattr(y, "iloc") and hasattr(y, "columns")):
        return as_view(y)
    values = np.asarray(y)
    return as_view(_numbers(values[:, np.newaxis] if values.ndim == 1 else values))


def _numbers(values: Any) -> Any:
    return values.astype(np.float64) if values.dtype.kind == "O" else values
