"""From token vectors to one vector; padding never takes part, special tokens neither, but for "cls"."""

import torch
from torch import Tensor

from encoders.errors import InputError

POOLINGS = ("mean", "cls", "max")


def check_pooling(pooling: str) -> None:
    """Raise InputError where there is no such pooling."""
    if pooling not in POOLINGS:
        raise InputError(f"pooling must be one of {', '.join(POOLINGS)}; got {pooling!r}.")


def pool(hidden: Tensor, is_base: Tensor, pooling: str) -> Tensor:
    """Pool the token vectors of each sequence.

    Parameters
    ----------
    hidden : Tensor, shape (n_sequences, n_tokens, hidden_dim)
        Token vectors.
    is_base : bool Tensor, shape (n_sequences, n_tokens)
        True where a token stands for bases: neither padding nor a special token.
    pooling : {"mean", "cls", "max"}
        "cls" takes the first token, whatever it is.

    Returns
    -------
    Tensor, shape (n_sequences, hidden_dim)
    """
    if pooling == "cls":
        return hidden[:, 0]
    kept = is_base.unsqueeze(-1)
    if pooling == "max":
        return hidden.masked_fill(~kept, -torch.inf).amax(dim=1)
    return (hidden * kept).sum(dim=1) / kept.sum(dim=1)
