"""Token models whose frame of special tokens is their own: one before, none after, or none at all."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from encoders.dna.protocol import EncoderSpec
from encoders.dna.token_models.long_sequences import Window, WindowPlan, plan_windows
from encoders.dna.token_models.token_encoder import Part, TokenEncoder
from encoders.dna.tokenizers.framed_tokenizer import FramedTokenizer
from encoders.errors import InputError


class FramedEncoder(TokenEncoder):
    """A token model as an encoder; padding is on the right, so a causal model never sees it.

    Parameters
    ----------
    model, spec, device, plan
        As of `TokenEncoder`.
    tokenizer : FramedTokenizer
        From bases to token ids.
    max_tokens : int or None
        Most tokens that the network reads at once, special ones included; a sequence of more is refused by name
        unless there is a plan of windows. `max_bp` alone cannot say it where an N costs more tokens than other bases.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: FramedTokenizer,
        spec: EncoderSpec,
        *,
        device: torch.device,
        max_tokens: int | None = None,
        plan: WindowPlan | None = None,
    ) -> None:
        super().__init__(model, tokenizer.encode, spec, pad_id=tokenizer.pad_id, device=device, plan=plan)
        self.tokenizer = tokenizer
        self.n_special = (tokenizer.n_before, tokenizer.n_after)
        self._max_tokens = max_tokens if plan is None else None

    def _read(self, bases: str) -> tuple[list[Window], list[Part]]:
        windows, parts = super()._read(bases)
        n_tokens = max(len(part.ids) for part in parts)
        if self._max_tokens is not None and n_tokens > self._max_tokens:
            raise InputError(
                f"{self.spec.label} reads at most {self._max_tokens} tokens and never truncates; a sequence of "
                f"{len(bases)} bp has {n_tokens}, as unknown bases cost more tokens. Use shorter windows, or "
                "long='stitch'."
            )
        return windows, parts


def plan_by_tokens(
    spec: EncoderSpec, asked: Mapping[str, int] | None, default: WindowPlan, *, max_tokens: int, n_special: int
) -> tuple[EncoderSpec, WindowPlan | None]:
    """`plan_windows` for a network bounded in tokens that stand for several bases each."""
    if asked is None:
        return spec, None
    bounded = replace(spec, max_bp=max_tokens - n_special + spec.min_bp - 1)
    return plan_windows(bounded, asked, default, n_special=n_special)
