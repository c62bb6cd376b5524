"""The selective scan of a network that learns: states are kept at the ends of short stretches and made again between.

With s_t = d_t s_(t-1) + x_t b_t, y_t = c_t s_t, d_t = exp(step_t a) and x_t = step_t u_t, the gradient of the states
runs against the steps: g_t = c_t dy_t + d_(t+1) g_(t+1). All others follow from it at each step by itself. States are
made again rather than kept as in https://arxiv.org/abs/2312.00752 (section 3.3.2).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from encoders.dna.networks.scans.plain import is_compiled

KEPT_EVERY = 16
"""Steps between the states that are kept: memory is that of the states of two such stretches, beside the kept ones."""


class LearningScan(torch.autograd.Function):
    """`encoders.dna.networks.scans.plain.selective_scan` with gradients for all inputs; float32 or float64 inside."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, step: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Outputs, shape (2, n_steps, n_sequences, d_inner), and the state after the last step."""
        ctx.dtypes = [one.dtype for one in (u, step, a, b, c, state)]
        u, step, a, b, c, state = (_exact(one) for one in (u, step, a, b, c, state))
        if is_compiled(u):
            from encoders.dna.networks.scans.compiled import compiled_scan_with_states  # numba: a second to import

            y, state, states = compiled_scan_with_states(u, step, a, b, c, state, per_stretch=KEPT_EVERY)
            ctx.save_for_backward(u, step, a, b, c, states)
            return y, state
        kept, outputs = [], []
        for first in range(0, u.shape[1], KEPT_EVERY):
            part = slice(first, first + KEPT_EVERY)
            kept.append(state)
            _, states = _states(u[:, part], step[:, part], a, b[:, part], state)
            state = states[:, -1]
            outputs.append((c[:, part].unsqueeze(-2) @ states).squeeze(-2))
        ctx.save_for_backward(u, step, a, b, c, torch.stack(kept))
        return torch.cat(outputs, dim=1), state.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_state: Tensor) -> tuple[Tensor, ...]:
        """Gradients of u, step, a, b, c and the state before the first step."""
        u, step, a, b, c, kept = ctx.saved_tensors
        grad_y, flowing = grad_y.to(u.dtype), grad_state.to(u.dtype)
        if is_compiled(u):
            from encoders.dna.networks.scans.compiled_gradient import compiled_gradient

            found = compiled_gradient(u, step, a, b, c, kept, grad_y, flowing, per_stretch=KEPT_EVERY)
            return tuple(one.to(dtype) for one, dtype in zip(found, ctx.dtypes, strict=True))
        grads = [torch.empty_like(one) for one in (u, step, b, c)]
        grad_a = torch.zeros_like(a)
        for number in reversed(range(len(kept))):
            part = slice(number * KEPT_EVERY, (number + 1) * KEPT_EVERY)
            before = kept[number]
            decay, states = _states(u[:, part], step[:, part], a, b[:, part], before)
            of_states = c[:, part].unsqueeze(-1) * grad_y[:, part].unsqueeze(-2)
            for index in reversed(range(of_states.shape[1])):
                of_states[:, index] += flowing
                flowing = decay[:, index] * of_states[:, index]
            earlier = torch.cat([before.unsqueeze(1), states[:, :-1]], dim=1)
            of_rate = of_states * decay * earlier  # of step_t a
            scaled = step[:, part] * u[:, part]
            of_scaled = (of_states * b[:, part].unsqueeze(-1)).sum(-2)
            grads[0][:, part] = of_scaled * step[:, part]
            grads[1][:, part] = of_scaled * u[:, part] + (of_rate * a[:, None, None]).sum(-2)
            grads[2][:, part] = (of_states @ scaled.unsqueeze(-1)).squeeze(-1)
            grads[3][:, part] = (states @ grad_y[:, part].unsqueeze(-1)).squeeze(-1)
            grad_a += (of_rate * step[:, part].unsqueeze(-2)).sum((1, 2))
        found = (grads[0], grads[1], grad_a, grads[2], grads[3], flowing)
        return tuple(one.to(dtype) for one, dtype in zip(found, ctx.dtypes, strict=True))


def _states(u: Tensor, step: Tensor, a: Tensor, b: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Decays and states of a stretch, both of shape (2, n_steps, n_sequences, d_state, d_inner)."""
    decay = (step.unsqueeze(-2) * a[:, None, None]).exp_()
    states = (step * u).unsqueeze(-2) * b.unsqueeze(-1)
    for index in range(states.shape[1]):
        state = states[:, index].addcmul_(decay[:, index], state)
    return decay, states


def _exact(x: Tensor) -> Tensor:
    """Errors of a recurrence add up, so that fewer bits than those of float32 are too few."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
