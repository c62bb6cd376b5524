"""What a network is really given: the token ids that reach its first embedding table, however the encoder is built.

Nothing is asked of the encoder but its `model`, a torch module called with input_ids and attention_mask.
"""

import sys
from typing import TYPE_CHECKING, Any

from encoders.dna.protocol import SequenceEncoder
from encoders.dna.reverse_complement import ReverseComplementAverage

if TYPE_CHECKING:
    from torch import Tensor, nn

_NEXT_BASE = str.maketrans("ACGT", "CGTA")


def innermost(encoder: SequenceEncoder) -> SequenceEncoder:
    """The encoder under an average of both strands."""
    while isinstance(encoder, ReverseComplementAverage):
        encoder = encoder.encoder
    return encoder


def network(encoder: SequenceEncoder) -> "nn.Module | None":
    """The torch module of an encoder, None where it shows none."""
    torch = sys.modules.get("torch")  # an encoder without torch must not cost its import
    model = getattr(innermost(encoder), "model", None)
    return model if torch is not None and isinstance(model, torch.nn.Module) else None


class _Seen(Exception):  # noqa: N818 - no error: it ends a forward pass of which only the input is wanted
    """Carries what the first embedding table was asked for."""

    def __init__(self, ids: "Tensor") -> None:
        super().__init__()
        self.ids = ids.detach().cpu()


def seen_ids(encoder: SequenceEncoder, sequence: str) -> list[int] | None:
    """Token ids that the network is given for one sequence, None where no embedding table is asked.

    Nothing beyond the tokens is computed. Of a network that reads both strands at once, those of the first; of a
    sequence that is read in windows, those of one window.

    Raises
    ------
    InputError
        The encoder refuses the sequence.
    """
    from torch import nn

    model = network(encoder)
    if model is None:
        return None

    def show(_: "nn.Module", inputs: tuple[Any, ...]) -> None:
        raise _Seen(inputs[0])

    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    hooks = [table.register_forward_pre_hook(show) for table in tables]
    try:
        innermost(encoder).embed([sequence])
    except _Seen as seen:
        return _first_strand(seen.ids)
    finally:
        for hook in hooks:
            hook.remove()
    return None


def special_counts(encoder: SequenceEncoder, sequence: str) -> tuple[int, int] | None:
    """How many tokens at the start and at the end are special: those that no letter of the sequence changes.

    Parameters
    ----------
    encoder : SequenceEncoder
        Any encoder.
    sequence : str
        Letters A, C, G, T; read four times, every base replaced by the next one in each.
    """
    variants = [sequence]
    for _ in range(3):
        variants.append(variants[-1].translate(_NEXT_BASE))
    read = [seen_ids(encoder, variant) for variant in variants]
    ids = [one for one in read if one is not None]
    if len(ids) < len(read):
        return None
    return _n_equal(ids), _n_equal([one[::-1] for one in ids])


def hidden_state(encoder: SequenceEncoder, input_ids: list[int], layer: int = -1) -> "Tensor":
    """Vectors of one sequence's tokens in one layer, shape (n_tokens, hidden_dim), on the CPU.

    Raises
    ------
    TypeError
        The encoder shows no network.
    """
    import torch

    model = network(encoder)
    if model is None:
        raise TypeError(f"{encoder.spec.label} shows no torch module as `model`")
    device = next(model.parameters()).device
    ids = torch.tensor([input_ids], device=device)
    with torch.inference_mode():
        output = model(ids, attention_mask=torch.ones_like(ids))
        states = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
    state: Tensor = states[0].float().cpu()
    return state


def _first_strand(ids: "Tensor") -> list[int]:
    while ids.ndim > 1:
        ids = ids.select(min(range(ids.ndim), key=lambda axis: ids.shape[axis]), 0)
    first: list[int] = ids.tolist()
    return first


def _n_equal(rows: list[list[int]]) -> int:
    """Length of the part that all rows begin with."""
    n = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        n += 1
    return n
