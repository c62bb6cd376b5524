"""The masked-language rule (https://arxiv.org/abs/1810.04805): what the network reads, and what it is to tell.

Of the chosen tokens 80 % are replaced by [MASK], 10 % by a token drawn at random, and 10 % stay; all of them are to be
told, and no other. The published code of DNABERT takes these shares token by token: in 47 % of the spans of six at
least one token stays and spells the hidden base out. Taken run by run (the default), a run that is masked is masked as
a whole, and the shares of tokens are the same.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int64

from encoders.training.masking.spans import Chosen, draw_spans, label_runs

IGNORED = -100
"""Label of a token that is not to be told; torch leaves it out of a cross-entropy."""

MASKED, RANDOM = 0.8, 0.1
"""Shares of chosen tokens; the others stay."""

TokenIds = Int64[np.ndarray, " n_tokens"]

Unit = Literal["run", "token"]


@dataclass(frozen=True, slots=True)
class MaskingRule:
    """How the tokens of one vocabulary are masked.

    Attributes
    ----------
    span : int
        Tokens of a span: k for overlapping k-mers, 1 for tokens that share no base.
    mask_id : int
        Id of [MASK].
    first_id, end_id : int
        Ids of the tokens that may be masked and drawn, the second exclusive: those of known bases.
    unit : {"run", "token"}
        What is replaced as one: a run of chosen tokens, or each token as in the published code of DNABERT.
    """

    span: int
    mask_id: int
    first_id: int
    end_id: int
    unit: Unit = "run"


class MaskedTokens(NamedTuple):
    """What is read, and what is to be told: `IGNORED`, or the token that stood there."""

    input_ids: TokenIds
    labels: TokenIds


def mask_tokens(ids: TokenIds, rule: MaskingRule, share: float, rng: np.random.Generator) -> MaskedTokens:
    """Mask one sequence.

    Parameters
    ----------
    ids : int64 array, shape (n_tokens,)
        Special tokens, and those of unknown bases, are never masked.
    rule : MaskingRule
        Of the vocabulary.
    share : float
        Probability of each token to be chosen.
    rng : numpy.random.Generator
        Draws everything.
    """
    can_be = (ids >= rule.first_id) & (ids < rule.end_id)
    chosen = draw_spans(len(ids), rule.span, share, rng) & can_be
    return replace_chosen(ids, chosen, rule, rng)


def replace_chosen(ids: TokenIds, chosen: Chosen, rule: MaskingRule, rng: np.random.Generator) -> MaskedTokens:
    """Replace 80 % of what was chosen by [MASK] and 10 % by random tokens, in units of the rule."""
    units = label_runs(chosen) if rule.unit == "run" else np.where(chosen, np.cumsum(chosen) - 1, -1)
    fate = rng.random(int(units.max(initial=-1)) + 1)
    of_token = np.append(fate, 1.0)[units]  # of tokens not chosen the last: they stay
    drawn = rng.integers(rule.first_id, rule.end_id, len(ids))
    read = np.where(of_token < MASKED, rule.mask_id, np.where(of_token < MASKED + RANDOM, drawn, ids))
    return MaskedTokens(read, np.where(chosen, ids, IGNORED))
