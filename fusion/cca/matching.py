"""Components of several fits brought to common signs and axes before anything of theirs is averaged.

Sequences of components are free up to signs, and components of nearly equal correlation up to rotation. A fold's (a
bootstrap sample's, a half's) components are rotated onto a reference by orthogonal Procrustes of their loadings on the
columns that both have. The first component keeps its axis, so that the statistic of the headline is untouched by the
others: only its sign is matched.
"""

# ruff: noqa: F722

import numpy as np
import scipy.linalg
from jaxtyping import Float64


def matching_rotation(cross: Float64[np.ndarray, "K K"], *, keep_first: bool = True) -> Float64[np.ndarray, "K K"]:
    """Rotation R that brings components to a reference, [n_components, n_components].

    Parameters
    ----------
    cross : float64 array, shape [n_components, n_components]
        ``loadings.T @ reference`` over common columns; ``loadings @ R`` is nearest to the reference.
    keep_first : bool
        The first component is matched by its sign only, the rest among themselves; otherwise all of them together.

    References
    ----------
    Schönemann (1966), doi:10.1007/BF02289451.

    Examples
    --------
    >>> import numpy as np
    >>> matching_rotation(np.array([[-2.0, 0.0, 0.0], [0.0, 0.0, 3.0], [0.0, 1.0, 0.0]]))
    array([[-1.,  0.,  0.],
           [ 0.,  0.,  1.],
           [ 0.,  1.,  0.]])
    """
    if not keep_first:
        left, _, right = scipy.linalg.svd(cross, check_finite=False)
        return np.asarray(left @ right)
    rotation = np.zeros_like(cross)
    rotation[0, 0] = -1.0 if cross[0, 0] < 0 else 1.0
    if len(cross) > 1:
        rotation[1:, 1:] = matching_rotation(cross[1:, 1:], keep_first=False)
    return rotation


def matching_signs(cross: Float64[np.ndarray, "*stack K K"]) -> Float64[np.ndarray, "*stack K"]:
    """Signs that bring components to a reference, [..., n_components], each 1 or -1.

    What is tested is matched in nothing but this: a rotation would mix what is real into what is not.

    Parameters
    ----------
    cross : float64 array, shape [..., n_components, n_components]
        ``loadings.T @ reference`` over common columns.

    Examples
    --------
    >>> import numpy as np
    >>> matching_signs(np.array([[-2.0, 0.0], [1.0, 3.0]])).tolist()
    [-1.0, 1.0]
    """
    return np.where(np.diagonal(cross, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
