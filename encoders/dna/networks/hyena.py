"""The Hyena operator (https://arxiv.org/abs/2302.10866): a causal convolution as long as the sequence, gated twice.

Its filter is a small network of the position; filter and Fourier transforms stay in float32 or better. In bfloat16 the
positions themselves would be rounded, and a third of the signal lost.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

ACTIVATION_FREQUENCY = 10.0
_SLOWEST_DECAY, _FASTEST_DECAY = math.log(0.01) / 1.5, math.log(0.01) / 0.3
_SHIFT = 0.05
SHORT_FILTER = 3


class HyenaOperator(nn.Module):
    """``out_proj(x0 * (filter * (x1 v)))`` of the three parts of a projection that a short filter has passed over.

    Parameters
    ----------
    width : int
        Dimensions of a token vector.
    filter_sizes : dict of str to int
        `emb_dim`, `filter_order`, `num_inner_mlps` and `max_seq_len` of `HyenaFilter`.
    """

    def __init__(self, width: int, filter_sizes: dict[str, int]) -> None:
        super().__init__()
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.short_filter = nn.Conv1d(3 * width, 3 * width, SHORT_FILTER, groups=3 * width)
        self.filter_fn = HyenaFilter(width, **filter_sizes)

    def forward(self, hidden: Tensor) -> Tensor:
        """Mixed token vectors, shape (n_sequences, n_tokens, width); a token sees itself and those before it."""
        projected = self.in_proj(hidden).transpose(1, 2)
        gate, inner_gate, value = self.short_filter(pad(projected, (SHORT_FILTER - 1, 0))).chunk(3, dim=1)
        out: Tensor = self.out_proj((self.filter_fn(value * inner_gate) * gate).transpose(1, 2))
        return out


class HyenaFilter(nn.Module):
    """Causal convolution with a filter that a network of sines gives for each position.

    The features z and t of the positions belong to `max_seq_len`, not to the sequence: the filter of a shorter sequence
    is the first rows of one filter. z, t and the decays are stored with the published weights, and the file wins over
    the formulas here. The sines magnify rounding (1e-4 in a filter at full size), so the filter is computed for the
    length asked, as the authors do, and not cut from a longer one: it costs little beside the layer.
    """

    bias: nn.Parameter

    def __init__(self, width: int, *, emb_dim: int, filter_order: int, num_inner_mlps: int, max_seq_len: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(width))
        self.pos_emb = _Positions(emb_dim, max_seq_len)
        self.modulation = _Decay(width)
        sine = _Sine(filter_order)
        layers: list[nn.Module] = [_ExactLinear(emb_dim, filter_order), sine]
        for _ in range(num_inner_mlps):  # the sines share one frequency, stored once as that of the first
            layers += [_ExactLinear(filter_order, filter_order), _SharedSine(sine)]
        self.implicit_filter = nn.Sequential(*layers, _ExactLinear(filter_order, width, bias=False))

    def forward(self, value: Tensor) -> Tensor:
        """Convolved values, shape (n_sequences, width, n_tokens)."""
        n_tokens = value.shape[-1]
        exact, n = value.float(), 2 * n_tokens
        spectrum = torch.fft.rfft(exact, n=n) * torch.fft.rfft(self.taps(n_tokens), n=n)
        convolved = torch.fft.irfft(spectrum, n=n)[..., :n_tokens]
        out: Tensor = (convolved + exact * self.bias[:, None]).to(value.dtype)
        return out

    def taps(self, n_tokens: int) -> Tensor:
        """Filter of the first positions, float32, shape (width, n_tokens)."""
        hidden = self.implicit_filter(self.pos_emb.z[0, :n_tokens])
        decay = torch.exp(-self.pos_emb.t[0, :n_tokens] * self.modulation.deltas[0].abs())
        taps: Tensor = (hidden * (decay + _SHIFT)).T.contiguous()
        return taps


class _ExactLinear(nn.Linear):
    """A linear layer that `linears` leaves alone: another library's rounding is magnified by the sines."""


class _Positions(nn.Module):
    """Features of each position: its share of `max_seq_len`, and slow waves."""

    t: Tensor
    z: Tensor

    def __init__(self, emb_dim: int, max_seq_len: int) -> None:
        super().__init__()
        n_bands = (emb_dim - 1) // 2
        share = torch.linspace(0, 1, max_seq_len)[None, :, None]
        angle = 2 * math.pi * torch.arange(max_seq_len)[None, :, None] / max_seq_len
        waves = torch.linspace(1e-4, n_bands - 1, n_bands) * angle
        self.register_buffer("t", share)
        self.register_buffer("z", torch.cat([share, waves.cos(), -waves.sin()], dim=-1))


class _Decay(nn.Module):
    """How fast the filter of each dimension dies away."""

    deltas: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("deltas", torch.linspace(_SLOWEST_DECAY, _FASTEST_DECAY, width)[None, None])


class _Sine(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.freq = nn.Parameter(torch.full((1, width), ACTIVATION_FREQUENCY))

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.sin(self.freq.to(hidden.dtype) * hidden)


class _SharedSine(nn.Module):
    """The sine of another module, without parameters of its own."""

    def __init__(self, sine: _Sine) -> None:
        super().__init__()
        self._sine = (sine,)  # in a tuple: not a module of this one, so its parameter is stored once

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self._sine[0](hidden)
        return out
