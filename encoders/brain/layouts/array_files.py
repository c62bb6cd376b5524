"""Arrays out of one file, without running what a file may hold besides numbers."""

import pickle
from pathlib import Path

import numpy as np

from encoders.brain.layouts.hdf5_heaps import check_heaps
from encoders.claims import check_zip
from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.numpy_files import open_npy, open_npz

_SMALL = 2**24
_MOST_COMPRESSED = 1032
"""Of deflate; other filters of HDF5 give less on numbers."""


def load_npy(path: Path, allow_pickle: bool) -> np.ndarray:
    """An npy file; object arrays only if allowed.

    Raises
    ------
    InputError
        No array, a damaged file, or Python objects that were not allowed.
    """
    with refused_if_damaged(path, "an npy file"):
        try:
            return open_npy(path, allow_pickle=allow_pickle)
        except ValueError as error:
            _refuse_objects(path, error)
            raise


def load_npz(path: Path, allow_pickle: bool) -> dict[str, np.ndarray]:
    """The arrays of an npz file by name.

    Raises
    ------
    InputError
        As of `load_npy`.
    """
    with refused_if_damaged(path, "an npz file"):
        try:
            return open_npz(path, allow_pickle=allow_pickle)
        except ValueError as error:
            _refuse_objects(path, error)
            raise


def load_h5(path: Path) -> dict[str, np.ndarray]:
    """The datasets at the root of an HDF5 file by name.

    Raises
    ------
    InputError
        A damaged file, or a dataset that cannot be read.
    """
    import h5py

    with refused_if_damaged(path, "an HDF5 file"), h5py.File(path, "r") as file:
        datasets = {name: file[name] for name in file if isinstance(file[name], h5py.Dataset)}
        for name, dataset in datasets.items():
            _check_claim(path, name, dataset.nbytes, dataset.id.get_storage_size())
        if any(dataset.dtype.hasobject for dataset in datasets.values()):
            check_heaps(path, file.id.get_create_plist().get_sizes()[1])
        return {name: np.asarray(dataset[()]) for name, dataset in datasets.items()}


def _check_claim(path: Path, name: str, claimed: int, stored: int) -> None:
    """Refuse a dataset whose shape is more than its bytes can become: it would be allocated and filled with zeros."""
    if claimed > _SMALL and claimed > _MOST_COMPRESSED * max(stored, 1):
        raise InputError(
            f"Datasets must hold what their shape says; {name!r} of {path} claims {claimed:,} bytes and holds "
            f"{stored:,}: write the file again."
        )


def load_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a pt file by name; a lone tensor is called ``values``.

    Raises
    ------
    InputError
        Anything but tensors, or a damaged file.
    """
    import torch

    with refused_if_damaged(path, "a file of tensors"):
        check_zip(path)
        try:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise InputError(
                f"{path} must hold tensors alone; it cannot be read without running code: save the tensor itself."
            ) from error
        tensors = loaded if isinstance(loaded, dict) else {"values": loaded}
        return {str(name): t.detach().float().numpy() for name, t in tensors.items() if isinstance(t, torch.Tensor)}


def _refuse_objects(path: Path, error: ValueError) -> None:
    """Numpy's refusal of Python objects, in our words; other errors pass."""
    if "allow_pickle" in str(error):
        raise InputError(
            f"{path} must hold plain arrays; it is damaged or holds Python objects, which can run code while being "
            "read: save it as numbers and text, or allow pickle if you trust its origin."
        ) from error
