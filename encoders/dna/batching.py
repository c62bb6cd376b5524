"""Batches of like lengths, and sequences cut into segments that fit: an insertion can outgrow a window."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def make_buckets(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Split items into batches, longest first, whose padded size stays within a budget.

    Parameters
    ----------
    lengths : sequence of int
        Length of each item.
    budget : int
        Most that (items x longest item) of a batch may be, since padding is the greatest waste of an encoder's time; a
        longer item goes alone.

    Returns
    -------
    list of list of int
        Indexes into `lengths`, each exactly once. Longest first, so that memory runs out at once or not at all.

    Examples
    --------
    >>> from encoders.dna.batching import make_buckets
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


def split_long(bases: str, *, max_bp: int | None, min_bp: int) -> list[str]:
    """Cut a sequence into the fewest segments of at most `max_bp`, of nearly equal length.

    Neighbours overlap by ``min_bp - 1`` bases, so that every k-mer (``k = min_bp``) lies in exactly one segment.

    Examples
    --------
    >>> from encoders.dna.batching import split_long
    >>> split_long("ACGTACGTAC", max_bp=6, min_bp=3)
    ['ACGTAC', 'ACGTAC']
    >>> split_long("ACGT", max_bp=6, min_bp=3)
    ['ACGT']
    """
    if max_bp is None or len(bases) <= max_bp:
        return [bases]
    n_kmers = len(bases) - min_bp + 1
    n_segments = math.ceil(n_kmers / (max_bp - min_bp + 1))
    starts = [round(i * n_kmers / n_segments) for i in range(n_segments + 1)]
    return [bases[start : end + min_bp - 1] for start, end in pairwise(starts)]
