"""A device called cuda that needs none: values stay on the processor, and mixing the two is refused as by a GPU.

torch's meta device has no values: a network that asks for the longest of its sequences stops there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


class OnDevice(Tensor):
    """A tensor that says it is on the device."""

    device = property(lambda _: CUDA)  # type: ignore[assignment]

    def cpu(self, *_: Any, **__: Any) -> Tensor:
        """The tensor on the processor."""
        return _of_kind(Tensor, self)

    def numpy(self, *_: Any, **__: Any) -> Any:
        """Refused, as of a tensor on a device."""
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute what is all on the device; numbers may come from anywhere."""
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if any(not isinstance(one, OnDevice) and one.dim() > 0 for one in tensors) and not _copies(func):
            raise RuntimeError(f"{func}: expected all tensors to be on the same device, but found cuda:0 and cpu")
        return super().__torch_function__(func, types, args, kwargs or {})


def _of_kind(kind: type[Tensor], one: Tensor) -> Tensor:
    with torch._C.DisableTorchFunctionSubclass():
        return one.as_subclass(kind)


def _copies(func: Any) -> bool:
    return getattr(func, "__name__", "") in ("copy_", "__set__")


class PretendedDevice(TorchFunctionMode):
    """Makes or moves to the device what is asked to be there; torch itself would look for its driver."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Every call of torch comes here, before it asks which devices there are."""
        kwargs = kwargs or {}
        devices = [torch.device(one).type for one in tree_leaves((args, kwargs)) if _is_device(one)]
        if not devices or func is torch.device:
            return func(*args, **kwargs)
        args, kwargs = tree_map(lambda one: CPU if _is_device(one) else one, (args, kwargs))
        kind = OnDevice if CUDA.type in devices else Tensor
        return tree_map_only(Tensor, lambda one: _of_kind(kind, one), func(*args, **kwargs))


def _is_device(one: object) -> bool:
    return isinstance(one, torch.device) or (isinstance(one, str) and one.split(":")[0] in ("cpu", "cuda"))


def _move(module: nn.Module, device: torch.device) -> nn.Module:
    """What `nn.Module.to` does by writing into the parameters, which would keep their type."""
    for one in module.modules():
        for name, parameter in one._parameters.items():
            one._parameters[name] = parameter if parameter is None else nn.Parameter(parameter.to(device), False)
        for name, buffer in one._buffers.items():
            one._buffers[name] = buffer if buffer is None else buffer.to(device)
    return module


@contextmanager
def pretended_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within, torch has one device called cuda."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "a pretended device")
    monkeypatch.setattr(nn.Module, "to", _move)
    with PretendedDevice():
        yield
