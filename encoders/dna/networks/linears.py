"""Linear layers by the faster of the two libraries that torch carries for a CPU, in float32 or bfloat16.

torch gives products of float32 matrices to MKL, which reaches less than half of oneDNN's rate on some processors.
A probe of about 50 ms decides at the first use, and the choice is noted in the user's cache folder: a timing may turn
out otherwise the next time, and then the last bits would. Vectors of the two libraries differ by less than 2e-5, so
the fingerprint of an encoder does not tell them apart; `runtime` does, for the provenance.
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from encoders.errors import InputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

CHOICE_VARIABLE = "GENEBRAIN_LINEARS"
"""Environment variable that makes the choice: "mkl" (whatever torch itself calls) or "onednn"."""

LIBRARIES = ("mkl", "onednn")
WORTH_IT = 0.9
"""oneDNN is chosen where it needs less than this part of MKL's time."""

_PACKED_FOR = 512  # tokens: the layout of packed weights is that for inputs of about this many rows
_PROBE_SHAPE = (256, 768, 3072)
_PROBE_RUNS = 3
_TOLERANCE = 1e-4


def read_dtype(dtype: str, device: torch.device, name: str) -> torch.dtype:
    """Number format of the products.

    Raises
    ------
    InputError
        It is not one of `DTYPES`.
    """
    if dtype in DTYPES:
        return DTYPES[dtype]
    if dtype == "float16":
        reason = "no CPU multiplies float16 fast" if device.type == "cpu" else "values of these networks overflow it"
        raise InputError(f"dtype 'float16' of {name} is refused: {reason}. Use 'bfloat16' or 'float32'.")
    raise InputError(f"dtype of {name} must be one of {', '.join(DTYPES)}; got {dtype!r}.")


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
            self._packed = state, torch.ops.mkldnn._reorder_linear_weight(self.weight.detach(), _PACKED_FOR)
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
    if x.device.type != "cpu" or needs_gradient or x.numel() == 0 or _library(weight.dtype) == "mkl":
        return functional.linear(factor, weight, bias).to(x.dtype)
    packed = weight if pack is None else pack()
    out: Tensor = torch.ops.mkldnn._linear_pointwise(factor, packed, bias, "none", [], "")
    return out.to(x.dtype)


def runtime(device: torch.device) -> dict[str, str]:
    """What decides the last bits of a vector and is no part of an encoder's setting."""
    found = {"torch": torch.__version__, "device": device.type}
    if device.type == "cuda":
        return found | {"device": torch.cuda.get_device_name(device)}
    return found | {"threads": str(torch.get_num_threads()), "linears": _library(torch.float32), "cpu": _cpu_name()}


def _library(dtype: torch.dtype) -> str:
    """bfloat16 is multiplied by oneDNN in any case; the operator only takes packed weights too."""
    if dtype == torch.bfloat16:
        return "onednn" if _has_onednn() else "mkl"
    return faster_library()


@cache
def faster_library() -> str:
    """Library of float32 products on this CPU: the one asked for, the one noted before, or the faster one.

    Raises
    ------
    InputError
        The environment asks for one that does not exist here.
    """
    asked = os.environ.get(CHOICE_VARIABLE)
    if asked is not None:
        if asked not in LIBRARIES or (asked == "onednn" and not _has_onednn()):
            known = ", ".join(LIBRARIES if _has_onednn() else LIBRARIES[:1])
            raise InputError(f"{CHOICE_VARIABLE} must be one of {known} here; got {asked!r}.")
        return asked
    if not _has_onednn():
        return "mkl"
    note = _note_path()
    if note.is_file() and (noted := note.read_text("utf-8").strip()) in LIBRARIES:
        return noted
    chosen = probe_libraries()
    _write_note(note, chosen)
    return chosen


@torch.inference_mode()
def probe_libraries() -> str:
    """Time both libraries, in turns, on one product of the size of a transformer's."""
    n_rows, n_in, n_out = _PROBE_SHAPE
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(size, n_in, generator=generator) for size in (n_rows, n_out))
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, _PACKED_FOR)
    ways: tuple[Callable[[], Tensor], ...] = (
        lambda: functional.linear(x, weight),
        lambda: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], ""),
    )
    if not torch.allclose(ways[0](), ways[1](), rtol=_TOLERANCE, atol=_TOLERANCE):  # also the warm-up
        return "mkl"
    mkl, onednn = (
        min(times) for times in zip(*([_time(way) for way in ways] for _ in range(_PROBE_RUNS)), strict=True)
    )
    return "onednn" if onednn < WORTH_IT * mkl else "mkl"


def _time(run: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _has_onednn() -> bool:
    operators = ("_linear_pointwise", "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(  # type: ignore[no-untyped-call]  # torch has no types there
        hasattr(torch.ops.mkldnn, name) for name in operators
    )


def _note_path() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "gene-brain-fusion"
    machine = hashlib.sha256(f"{_cpu_name()} {torch.__version__}".encode()).hexdigest()[:16]
    return folder / f"linears-{machine}.txt"


def _write_note(path: Path, chosen: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(f"{chosen}\n", "utf-8")
        os.replace(temporary, path)
    except OSError:  # a home that cannot be written: the choice then holds for this process
        return


@cache
def _cpu_name() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text("utf-8").splitlines() if described.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _with_dtype(parameter: Tensor, dtype: torch.dtype) -> nn.Parameter:
    if isinstance(parameter, nn.Parameter) and parameter.dtype == dtype:
        return parameter
    return nn.Parameter(parameter.detach().to(dtype), requires_grad=False)
