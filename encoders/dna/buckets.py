"""Batches of like lengths: padding is the greatest waste of an encoder's time."""

from collections.abc import Sequence

import numpy as np


def make_buckets(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Split items into batches, longest first, whose padded size stays within a budget.

    Parameters
    ----------
    lengths : sequence of int
        Length of each item.
    budget : int
        Most that (items x longest item) of a batch may be; a longer item goes alone.

    Returns
    -------
    list of list of int
        Indexes into `lengths`, each exactly once. Longest first, so that memory runs out at once or not at all.

    Examples
    --------
    >>> make_buckets([3, 9, 4, 3], 8)
    [[1], [2, 0], [3]]
    """
    buckets: list[list[int]] = []
    for index in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if buckets and (len(buckets[-1]) + 1) * lengths[buckets[-1][0]] <= budget:
            buckets[-1].append(index)
        else:
            buckets.append([index])
    return buckets
