"""Which of the libraries that torch carries multiplies matrices on this machine: each is tried before it is used.

torch gives products of float32 matrices to MKL, which reaches less than half of oneDNN's rate on some processors.
oneDNN is reached by private operators of torch, which may be absent, and refuse bfloat16 on processors without
AVX-512: a small product says so, once for each number format. Where both multiply float32, a probe of about 50 ms
decides at the first use, and the choice is noted in the user's cache folder: a timing may turn out otherwise the next
time, and then the last bits would. Vectors of the libraries differ by less than 2e-5, so the fingerprint of an encoder
does not tell them apart; `runtime` does, for the provenance.
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from encoders.errors import InputError
from encoders.publishing import write_whole

CHOICE_VARIABLE = "GENEBRAIN_LINEARS"
"""Environment variable that chooses for float32: "mkl" (whatever torch itself calls) or "onednn"."""

LIBRARIES = ("mkl", "onednn")
WORTH_IT = 0.9
"""oneDNN is chosen where it needs less than this part of MKL's time."""

_PACKED_FOR = 512  # tokens: the layout of packed weights is that for inputs of about this many rows
_TRIED_SHAPE = (7, 64, 33)
_PROBE_SHAPE = (256, 768, 3072)
_PROBE_RUNS = 3
_TOLERANCE = 1e-4


def pack_weights(weight: Tensor) -> Tensor:
    """Weights in oneDNN's own layout."""
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _PACKED_FOR)
    return packed


def multiply_by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x weight' + bias`` by oneDNN, for weights packed or not."""
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return out


def product_library(dtype: torch.dtype) -> str | None:
    """Library that multiplies matrices of a number format on this CPU.

    Returns
    -------
    {"onednn", "mkl", "torch"} or None
        "torch": what torch itself calls, where that is not MKL; None: nothing multiplies this format here.

    Raises
    ------
    InputError
        As `faster_library`.
    """
    if dtype == torch.float32:
        return faster_library()
    if onednn_multiplies(dtype):
        return "onednn"
    return "torch" if torch_multiplies(dtype, torch.device("cpu")) else None


@cache
def onednn_multiplies(dtype: torch.dtype) -> bool:
    """Whether oneDNN gives the right product of small matrices here, with weights packed and as they are."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch has no types there
        return False
    return _is_right(lambda x, weight: multiply_by_onednn(x, pack_weights(weight)), dtype) and _is_right(
        multiply_by_onednn, dtype
    )


@cache
def torch_multiplies(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether torch itself gives the right product of small matrices on a device."""
    return _is_right(functional.linear, dtype, device)


@torch.inference_mode()
def _is_right(
    multiply: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype, device: torch.device | None = None
) -> bool:
    n_rows, n_in, n_out = _TRIED_SHAPE
    # whole numbers from -1 to 1: every number format holds their products and sums without rounding
    x, weight = (
        torch.arange(n * n_in).reshape(n, n_in).remainder(step) % 3 - 1 for n, step in ((n_rows, 5), (n_out, 7))
    )
    try:
        found = multiply(x.to(device, dtype), weight.to(device, dtype))
    except (AttributeError, RuntimeError):  # no such operator; an operator that this machine cannot run
        return False
    return torch.equal(found.cpu().long(), x @ weight.T)


@cache
def faster_library() -> str:
    """Library of float32 products on this CPU: the one asked for, the one noted before, or the faster one.

    Raises
    ------
    InputError
        The environment asks for one that does not exist here.
    """
    has_onednn = onednn_multiplies(torch.float32)
    asked = os.environ.get(CHOICE_VARIABLE)
    if asked is not None:
        known = LIBRARIES if has_onednn else LIBRARIES[:1]
        if asked not in known:
            raise InputError(f"{CHOICE_VARIABLE} must be one of {', '.join(known)} here; got {asked!r}.")
        return _own_name() if asked == "mkl" else asked
    return _noted_or_probed() if has_onednn else _own_name()


def _own_name() -> str:
    """Name of what torch itself calls for float32."""
    return "mkl" if torch.backends.mkl.is_available() else "torch"  # type: ignore[no-untyped-call]


def _noted_or_probed() -> str:
    note = _note_path()
    if (noted := _read_note(note)) is not None:
        return noted
    chosen = probe_libraries()
    if (noted := _read_note(note)) is not None:  # of a process that probed at the same time, and timed otherwise
        return noted
    _write_note(note, chosen)
    return chosen


@torch.inference_mode()
def probe_libraries() -> str:
    """Time both libraries, in turns, on one product of the size of a transformer's."""
    n_rows, n_in, n_out = _PROBE_SHAPE
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(size, n_in, generator=generator) for size in (n_rows, n_out))
    packed = pack_weights(weight)
    ways: tuple[Callable[[], Tensor], ...] = (
        lambda: functional.linear(x, weight),
        lambda: multiply_by_onednn(x, packed),
    )
    if not torch.allclose(ways[0](), ways[1](), rtol=_TOLERANCE, atol=_TOLERANCE):  # also the warm-up
        return _own_name()
    own, onednn = (
        min(times) for times in zip(*([_time(way) for way in ways] for _ in range(_PROBE_RUNS)), strict=True)
    )
    return "onednn" if onednn < WORTH_IT * own else _own_name()


def _time(run: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def runtime(device: torch.device, dtypes: Sequence[torch.dtype] = (torch.float32,)) -> dict[str, str]:
    """What decides the last bits of a vector and is no part of an encoder's setting.

    Parameters
    ----------
    device : torch.device
        Where the encoder computes.
    dtypes : sequence of torch.dtype
        Number formats of its products; where their libraries differ, each is named with its format.
    """
    found = {"torch": torch.__version__, "device": device.type}
    if device.type == "cuda":
        return found | {"device": torch.cuda.get_device_name(device)}
    libraries = {str(dtype).removeprefix("torch."): product_library(dtype) for dtype in dtypes}
    names = set(libraries.values())
    by_format = ", ".join(f"{library} ({dtype})" for dtype, library in libraries.items())
    linears = str(names.pop()) if len(names) == 1 else by_format
    return found | {"threads": str(torch.get_num_threads()), "linears": linears, "cpu": cpu_name()}


def _note_path() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "gene-brain-fusion"
    machine = hashlib.sha256(f"{cpu_name()} {torch.__version__}".encode()).hexdigest()[:16]
    return folder / f"linears-{machine}.txt"


def _read_note(path: Path) -> str | None:
    noted = path.read_text("utf-8").strip() if path.is_file() else None
    return noted if noted in (_own_name(), "onednn") else None


def _write_note(path: Path, chosen: str) -> None:
    try:
        write_whole(path, f"{chosen}\n")
    except (OSError, InputError):  # a home that cannot be written: the choice then holds for this process
        return


@cache
def cpu_name() -> str:
    """Model name of the processor, as the system tells it."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text("utf-8").splitlines() if described.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
