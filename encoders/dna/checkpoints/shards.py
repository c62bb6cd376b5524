"""Checkpoints whose weights are spread over several files, as models above 5 to 10 GB are published.

Such a checkpoint has an index, ``model.safetensors.index.json`` or ``pytorch_model.bin.index.json``, that names the
file of each weight. Its digest is that of the digests of the files in the order of their names.
"""

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any

from torch import Tensor

from encoders.dna.checkpoints.configuration import read_json_object
from encoders.dna.checkpoints.files import NOT_THERE, WEIGHT_FILES, Checkpoint, fetch_file, find_checkpoint
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.errors import InputError

INDEX_FILES = tuple(f"{name}.index.json" for name in WEIGHT_FILES)
"""In the order of preference."""


def find_any_checkpoint(source: str, revision: str | None = None) -> Checkpoint:
    """`find_checkpoint`, also where the weights are in several files; `weights` is then the path of the index.

    Raises
    ------
    InputError
        As `find_checkpoint`; or the index is damaged, or names a file that is not there.
    """
    try:
        return find_checkpoint(source, revision)
    except InputError as error:
        is_folder = Path(source).expanduser().is_dir()
        # Asked again only where the hub answered: without a network it is waited for half a minute each time.
        index = _find_index(source, revision) if is_folder or NOT_THERE in str(error) else None
        if index is None:
            raise
    commit = None if is_folder else index.parent.name
    config = index.parent / "config.json" if is_folder else fetch_file(source, ("config.json",), commit)
    if commit is not None:
        for name in _shard_names(index):
            fetch_file(source, (name,), commit)
        if commit != revision:
            warnings.warn(
                f"{source} was asked for at {revision or 'no revision'}, which is now commit {commit}; set revision: "
                f"{commit} to have the same weights again.",
                stacklevel=3,
            )
    return Checkpoint(source, commit, _read_object(config), index, _digest(index))


def read_any_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Tensors of a checkpoint by key, from one file or from several.

    Raises
    ------
    InputError
        A file is damaged or holds anything but tensors, or a weight is in another file than the index says.
    """
    index = checkpoint.weights
    if index.name not in INDEX_FILES:
        return read_weights(index)
    weights: dict[str, Tensor] = {}
    for name in _shard_names(index):
        expected = {key for key, file in _weight_map(index).items() if file == name}
        found = read_weights(index.parent / name)
        if found.keys() != expected:
            key = min(found.keys() ^ expected)
            raise InputError(f"{index} and {name} disagree about {key}; download both again.")
        weights |= found
    return weights


def _find_index(source: str, revision: str | None) -> Path | None:
    folder = Path(source).expanduser()
    if folder.is_dir():
        return next((folder / name for name in INDEX_FILES if (folder / name).is_file() and revision is None), None)
    try:
        return fetch_file(source, INDEX_FILES, revision)
    except (InputError, ValueError, OSError):  # the sentence about the missing weights is the one to be read
        return None


def _shard_names(index: Path) -> list[str]:
    names = sorted(set(_weight_map(index).values()))
    if any(Path(name).name != name for name in names):
        raise InputError(f"{index} names a file outside its folder; it is not a published index.")
    return names


def _weight_map(index: Path) -> dict[str, str]:
    files = _read_object(index).get("weight_map")
    if not isinstance(files, dict) or not files or not all(isinstance(name, str) for name in files.values()):
        raise InputError(f"{index} must name the file of each weight under 'weight_map'; it does not.")
    return files


def _digest(index: Path) -> str:
    digest = hashlib.sha256()
    for name in _shard_names(index):
        path = index.parent / name
        if not os.path.isfile(path):  # also where the name is too long for one
            raise InputError(f"{index} names {name[:80]}, which is not beside it; download it too.")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _read_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"A model folder needs config.json; there is no {path}.")
    return read_json_object(path)
