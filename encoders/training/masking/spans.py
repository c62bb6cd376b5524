"""Contiguous spans of masked tokens, as DNABERT masks (https://doi.org/10.1093/bioinformatics/btab083).

Of overlapping k-mers every base is in k tokens: a token that is masked alone is spelt out by its neighbours. A span of
k tokens hides the one base that all of them share. The published code draws the middles of spans with probability
``share / k``, by which spans that overlap leave 14.1 % of the tokens masked where 15 % are named; here the probability
is such that every token, also those at the ends, is masked with the probability named.
"""

import numpy as np
from jaxtyping import Bool

Chosen = Bool[np.ndarray, " n_tokens"]


def draw_spans(n_tokens: int, span: int, share: float, rng: np.random.Generator) -> Chosen:
    """Tokens that are in a span.

    Parameters
    ----------
    n_tokens : int
        Tokens in a row, special ones not counted.
    span : int
        Tokens of a span; those that begin before the first token, or end after the last, are cut.
    share : float
        Probability of each token to be in a span.
    rng : numpy.random.Generator
        Draws where spans begin, each place independently of the others.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.training.masking.spans import draw_spans
    >>> draw_spans(12, 3, 0.2, np.random.default_rng(6)).astype(int).tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    """
    begins = rng.random(n_tokens + span - 1) < 1 - (1 - share) ** (1 / span)
    counts = np.concatenate([[0], np.cumsum(begins)])
    return np.asarray(counts[span:] > counts[:-span])


def label_runs(chosen: Chosen) -> np.ndarray:
    """Number, from 0, of the run of neighbouring chosen tokens that each chosen token is in; -1 elsewhere."""
    begins = chosen & ~np.concatenate([[False], chosen[:-1]])
    return np.where(chosen, np.cumsum(begins) - 1, -1)
