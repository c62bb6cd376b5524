"""How often the boundary of two pieces lies within a codon."""

# ruff: noqa: F722

import numpy as np
from jaxtyping import Int8, Int64

CHANCE = 2 / 3
"""Share of boundaries within a codon where they fall anywhere."""


def count_cuts(places: Int8[np.ndarray, " n_bases"], starts: Int64[np.ndarray, " n_pieces"]) -> tuple[int, int]:
    """Boundaries between two coding bases, and how many of them cut a codon.

    Parameters
    ----------
    places : int8 [n_bases]
        Place of every base within its codon, -1 where it does not code (`encoders.genome.annotation.codons`).
    starts : int64 [n_pieces]
        Where pieces begin that lie side by side.

    Returns
    -------
    n_boundaries, n_cut : int

    Examples
    --------
    >>> from encoders.dna.pieces.codon_cuts import count_cuts
    >>> import numpy as np
    >>> count_cuts(np.array([-1, 0, 1, 2, 0, 1, 2], np.int8), np.array([0, 1, 3, 4, 6]))
    (3, 2)
    """
    boundaries = starts[starts > 0]
    # Two neighbours of one coding sequence follow one another within a codon, or begin a new one after its last base.
    inside = (places[boundaries] >= 0) & (places[boundaries] == (places[boundaries - 1] + 1) % 3)
    inside &= places[boundaries - 1] >= 0
    return int(inside.sum()), int((inside & (places[boundaries] != 0)).sum())
