"""Linear layers by the faster of the libraries that torch carries for a CPU, in float32 or bfloat16."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from encoders.dna.networks.product_libraries import (
    cpu_name,
    multiply_by_onednn,
    pack_weights,
    product_library,
    torch_multiplies,
)
from encoders.errors import InputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def read_dtype(dtype: str, device: torch.device, name: str) -> torch.dtype:
    """Number format of the products.

    Raises
    ------
    InputError
        It is not one of `DTYPES`, or nothing multiplies it on this device.
    """
    if dtype == "float16":
        reason = "no CPU multiplies float16 fast" if device.type == "cpu" else "values of these networks overflow it"
        raise InputError(f"dtype 'float16' of {name} is refused: {reason}. Use 'bfloat16' or 'float32'.")
    if dtype not in DTYPES:
        raise InputError(f"dtype of {name} must be one of {', '.join(DTYPES)}; got {dtype!r}.")
    if dtype == "bfloat16" and not _multiplies_bfloat16(device):
        here = cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device)
        raise InputError(
            f"dtype 'bfloat16' of {name} needs a processor that multiplies bfloat16 (a CPU with AVX-512 or "
            f"AVX-NE-CONVERT, or a GPU), or a torch that does so for it; {here} under torch {torch.__version__} is "
            "neither. Use 'float32'."
        )
    return DTYPES[dtype]


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cpu":
        return product_library(torch.bfloat16) is not None
    return torch_multiplies(torch.bfloat16, device)


def use_fast_linears(model: nn.Module, dtype: torch.dtype, *, keep_float32: tuple[str, ...] = ()) -> nn.Module:
    """Replace the linear layers of a filled network, in place; their parameters keep their names.

    Everything between them - residuals, norms, attention, biases of attention, recurrences - stays in float32.

    Parameters
    ----------
    model : nn.Module
        Any network.
    dtype : torch.dtype
        Number format of the factors of the products; sums are those of the library (float32).
    keep_float32 : tuple of str
        Names of layers whose factors stay float32.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                module.register_module(name, FastLinear(child, torch.float32 if name in keep_float32 else dtype))
    return model


def use_plain_linears(model: nn.Module) -> nn.Module:
    """Put torch's own layers in the places of fast ones, in place, with the same parameters: for a network that learns.

    A fast layer keeps its weights packed, and the kernels of optimizers change weights without a mark by which it could
    know.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is FastLinear:
                plain = nn.Linear(child.in_features, child.out_features, bias=child.bias is not None, device="meta")
                plain.weight = child.weight
                plain.bias = child.bias
                module.register_module(name, plain)
    return model


class FastLinear(nn.Linear):
    """A linear layer that takes and gives float32, by whichever library is faster.

    Parameters
    ----------
    layer : nn.Linear
        Its parameters are used, not copied, where they have the right number format.
    dtype : torch.dtype
        Number format of the factors.
    """

    def __init__(self, layer: nn.Linear, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight = _with_dtype(layer.weight, dtype)
        self.bias = None if layer.bias is None else _with_dtype(layer.bias, dtype)
        self._packed: tuple[tuple[int, int], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Product with the weights, in the format of `x`."""
        return product(x, self.weight, self.bias, pack=self._pack)

    def _pack(self) -> Tensor:
        """Weights in the library's own layout; made again when they were changed in place."""
        state = (self.weight.data_ptr(), 0 if self.weight.is_inference() else self.weight._version)
        if self._packed is None or self._packed[0] != state:
            self._packed = state, pack_weights(self.weight.detach())
        return self._packed[1]

    def __getstate__(self) -> dict[str, Any]:
        """Without the packed weights, which cannot be copied or pickled."""
        return self.__dict__ | {"_packed": None}


def product(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, pack: Callable[[], Tensor] | None = None
) -> Tensor:
    """``x weight' + bias`` in the format of `x`, its factors in that of `weight`.

    Parameters
    ----------
    x : Tensor, shape (..., n_in)
        Inputs.
    weight : Tensor, shape (n_out, n_in)
        On the device of `x`.
    bias : Tensor, shape (n_out,), or None
        In the format of `weight`.
    pack : callable or None
        Gives the weights in oneDNN's layout.
    """
    factor = x.to(weight.dtype)
    needs_gradient = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    if x.device.type != "cpu" or needs_gradient or x.numel() == 0 or product_library(weight.dtype) != "onednn":
        return functional.linear(factor, weight, bias).to(x.dtype)
    return multiply_by_onednn(factor, weight if pack is None else pack(), bias).to(x.dtype)


def _with_dtype(parameter: Tensor, dtype: torch.dtype) -> nn.Parameter:
    if isinstance(parameter, nn.Parameter) and parameter.dtype == dtype:
        return parameter
    return nn.Parameter(parameter.detach().to(dtype), requires_grad=False)
