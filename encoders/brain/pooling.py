"""From the array that a brain model exports for one scan to one vector."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from encoders.brain.import_options import Pooling
from encoders.errors import InputError

Exported = Float[np.ndarray, "..."]
Mask = Bool[np.ndarray, "..."]
Vector = Float[np.ndarray, " _n_features"]
Features = Float[np.ndarray, "n_rows n_features"]


def pool(exported: Exported, pooling: Pooling | None, mask: Mask | None, item: object) -> Vector:
    """Make one vector of an array of one subject (session, run).

    Parameters
    ----------
    exported : float array, shape (hidden_dim,), (n_tokens, hidden_dim) or (n_windows, n_tokens, hidden_dim)
        Windows are averaged after their tokens were pooled.
    pooling : str, optional
        ``cls`` takes the first token, ``mean`` averages all, ``masked-mean`` those of the mask, ``none`` lays the
        tokens end to end. Needed where there are tokens.
    mask : bool array, shape of `exported` without its last axis, optional
        True for tokens that count.
    item
        Subject or file, for messages.

    Raises
    ------
    InputError
        Tokens without a choice of pooling, a mask that is missing, of another shape or empty, more than three axes.
    """
    array = as_floats(exported)
    if array.size == 0:
        raise InputError(f"Features must be numbers; {item} has none, its shape is {array.shape}: export it again.")
    while array.ndim > 1 and array.shape[0] == 1 and mask is None:
        array = array[0]
    if array.ndim == 1:
        return array
    if array.ndim > 3 or array.ndim == 0:
        raise InputError(
            f"One vector, tokens x hidden or windows x tokens x hidden is needed; {item} has {array.shape}."
        )
    if pooling is None:
        raise InputError(
            f"An array of tokens x hidden needs a pooling; {item} has shape {array.shape}: choose cls, mean, "
            "masked-mean or none (tokens end to end); time points x regions become connectivity instead."
        )
    pooled = _pool_tokens(array, pooling, mask, item)
    return pooled if pooled.ndim == 1 else np.asarray(pooled.mean(axis=0))


def as_floats(exported: np.ndarray) -> Exported:
    """float32 stays what it is, so that large exports are not doubled; anything else becomes float64."""
    array = np.asarray(exported)
    if array.dtype.kind not in "fiubO":
        raise InputError(f"Features must be numbers; got an array of {array.dtype}: name the array that holds them.")
    try:
        return array if array.dtype == np.float32 else array.astype(np.float64)
    except (TypeError, ValueError) as error:  # objects that are no numbers
        raise InputError(
            f"Features must be numbers; got an array of objects ({error}): name the array that holds numbers."
        ) from error


def _pool_tokens(array: Exported, pooling: Pooling, mask: Mask | None, item: object) -> np.ndarray:
    if pooling == "cls":
        return np.asarray(array[..., 0, :])
    if pooling == "mean":
        return np.asarray(array.mean(axis=-2))
    if pooling == "none":
        return array.reshape(*array.shape[:-2], -1)
    if mask is None or mask.shape != array.shape[:-1]:
        found = "none" if mask is None else f"one of shape {mask.shape}"
        raise InputError(f"masked-mean needs a mask of shape {array.shape[:-1]}; {item} has {found}.")
    weights = np.asarray(mask, dtype=np.float64)
    counts = weights.sum(axis=-1, keepdims=True)
    if (counts == 0).any():
        raise InputError(f"masked-mean needs at least one token that counts; {item} has none.")
    return np.asarray((array * weights[..., None]).sum(axis=-2) / counts)


def stack_vectors(vectors: Sequence[Vector], items: Sequence[object]) -> Features:
    """Vectors of all rows, one under the other; unequal lengths are refused with the item named."""
    if not vectors:
        raise InputError("A row is needed for every subject; there is none: export the vectors again.")
    for vector, item in zip(vectors, items, strict=True):
        if len(vector) != len(vectors[0]):
            raise InputError(
                f"Every vector must have the same length; {item} has {len(vector)} values where {items[0]} has "
                f"{len(vectors[0])}: export one layer of one model, or choose a pooling."
            )
    return np.stack(vectors)


def vector_names(n: int) -> tuple[str, ...]:
    """``v0, v1, ...``."""
    return tuple(f"v{i}" for i in range(n))
