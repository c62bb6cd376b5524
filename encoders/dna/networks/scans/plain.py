"""The selective scan (https://arxiv.org/abs/2312.00752) in plain torch: any kind of number, and as a GPU wants it."""

import math

import torch
from torch import Tensor
from torch.nn import functional

SCAN_STEPS = 8
"""Steps whose states are held at once: what fits a processor's cache."""


def is_compiled(*inputs: Tensor) -> bool:
    """Whether the compiled scans take these: float32 on a processor."""
    return all(one.device.type == "cpu" and one.dtype == torch.float32 for one in inputs)


def selective_scan(u: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """States ``s_t = exp(step_t a) s_(t-1) + step_t b_t u_t`` and outputs ``y_t = c_t s_t`` of both directions.

    Parameters
    ----------
    u, step : Tensor, shape (2, n_steps, n_sequences, d_inner)
        Inputs and step sizes.
    a : Tensor, shape (2, d_state, d_inner)
        Negative rates.
    b, c : Tensor, shape (2, n_steps, n_sequences, d_state)
        Weights of inputs and states.
    state : Tensor, shape (2, n_sequences, d_state, d_inner)
        State before the first step.

    Returns
    -------
    y : Tensor, shape (2, n_steps, n_sequences, d_inner)
    state : Tensor
        State after the last step.
    """
    y, scaled = torch.empty_like(u), step * u
    for start in range(0, u.shape[1], SCAN_STEPS):
        part = slice(start, start + SCAN_STEPS)
        decay = (step[:, part].unsqueeze(-2) * a[:, None, None]).exp_()
        states = scaled[:, part].unsqueeze(-2) * b[:, part].unsqueeze(-1)
        for index in range(states.shape[1]):
            state = states[:, index].addcmul_(decay[:, index], state)
        y[:, part] = (c[:, part].unsqueeze(-2) @ states).squeeze(-2)
    return y, state


def blocked_scan(u: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """What `selective_scan` gives, in as few launches as a GPU needs: all blocks of steps advance together.

    Every block begins at state zero; then the states are carried from block to block, and what was carried into a
    block is added to its outputs, decayed by the steps since. Decays are products of factors up to 1, so nothing
    can overflow. Parameters and results are those of `selective_scan`.
    """
    n_steps = u.shape[1]
    n_in_block = math.ceil((n_steps / 2) ** 0.5)
    n_blocks = math.ceil(n_steps / n_in_block)
    # Steps of size 0 fill the last block: they change no state.
    parts = (functional.pad(x, (0, 0, 0, 0, 0, n_blocks * n_in_block - n_steps)) for x in (u, step, b, c))
    u, step, b, c = (part.reshape(2, n_blocks, n_in_block, *part.shape[2:]) for part in parts)
    rates, scaled, elapsed = a[:, None, None], (step * u).unsqueeze(-2), step.cumsum(2).unsqueeze(-2)
    own = u.new_zeros(*u.shape[:2], *u.shape[3:-1], *a.shape[1:])
    y = torch.empty_like(u)
    for index in range(n_in_block):
        own = (step[:, :, index].unsqueeze(-2) * rates).exp_().mul_(own)
        own.addcmul_(scaled[:, :, index], b[:, :, index].unsqueeze(-1))
        y[:, :, index] = (c[:, :, index].unsqueeze(-2) @ own).squeeze(-2)
    through = (elapsed[:, :, -1] * rates).exp_()
    carried = torch.empty_like(own)
    for block in range(n_blocks):
        carried[:, block] = state
        state = torch.addcmul(own[:, block], through[:, block], state)
    for index in range(n_in_block):
        left = (elapsed[:, :, index] * rates).exp_().mul_(carried)
        y[:, :, index] += (c[:, :, index].unsqueeze(-2) @ left).squeeze(-2)
    return y.flatten(1, 2)[:, :n_steps], state
