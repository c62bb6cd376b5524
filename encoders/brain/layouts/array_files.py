"""Arrays out of one file, without running what a file may hold besides numbers."""

import pickle
from pathlib import Path

import numpy as np

from encoders.errors import InputError


def load_npy(path: Path, allow_pickle: bool) -> np.ndarray:
    """An npy file; object arrays only if allowed."""
    try:
        loaded: np.ndarray = np.load(path, allow_pickle=allow_pickle)
    except ValueError as error:
        raise _pickled(path) from error
    return loaded


def _pickled(path: Path) -> InputError:
    return InputError(
        f"{path} must hold plain arrays; it is damaged or holds Python objects, which can run code while being "
        "read: save it as numbers and text, or allow pickle if you trust its origin."
    )


def load_npz(path: Path, allow_pickle: bool) -> dict[str, np.ndarray]:
    """The arrays of an npz file by name."""
    try:
        with np.load(path, allow_pickle=allow_pickle) as stored:
            return {name: stored[name] for name in stored.files}
    except ValueError as error:
        raise _pickled(path) from error


def load_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a pt file by name; a lone tensor is called ``values``."""
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(
            f"{path} must hold tensors alone; it cannot be read without running code: save the tensor itself."
        ) from error
    tensors = loaded if isinstance(loaded, dict) else {"values": loaded}
    return {str(name): t.detach().float().numpy() for name, t in tensors.items() if isinstance(t, torch.Tensor)}
