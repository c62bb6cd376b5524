"""Sequences longer than an encoder reads at once: an insertion can outgrow a window that fits the reference."""

import math
from itertools import pairwise


def split_long(bases: str, *, max_bp: int | None, min_bp: int) -> list[str]:
    """Cut a sequence into the fewest pieces of at most `max_bp`, of nearly equal length.

    Neighbours overlap by ``min_bp - 1`` bases, so that every k-mer (``k = min_bp``) lies in exactly one piece.

    Examples
    --------
    >>> split_long("ACGTACGTAC", max_bp=6, min_bp=3)
    ['ACGTAC', 'ACGTAC']
    >>> split_long("ACGT", max_bp=6, min_bp=3)
    ['ACGT']
    """
    if max_bp is None or len(bases) <= max_bp:
        return [bases]
    n_kmers = len(bases) - min_bp + 1
    n_pieces = math.ceil(n_kmers / (max_bp - min_bp + 1))
    starts = [round(i * n_kmers / n_pieces) for i in range(n_pieces + 1)]
    return [bases[start : end + min_bp - 1] for start, end in pairwise(starts)]
