"""Published weights: where they are, and what they are.

A checkpoint is ``config.json`` with ``model.safetensors`` or, where there is none, ``pytorch_model.bin``, in a folder
or on the hub. Nothing in it is executed: tensors only, no remote code.
"""

import hashlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoders.dna.checkpoints.configuration import read_json_object
from encoders.errors import InputError

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""In the order of preference."""

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")

NOT_THERE = "The hub has no"
"""How `fetch_file` says that the hub was reached and lacks a file."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files of one checkpoint, found and identified.

    Attributes
    ----------
    source, revision : str, str or None
        As asked for; the revision of a hub id is the commit that was found.
    config : dict
        Contents of config.json.
    weights : Path
        File of the weights.
    weights_sha256 : str
        Digest of that file.
    """

    source: str
    revision: str | None
    config: dict[str, Any]
    weights: Path
    weights_sha256: str


def find_checkpoint(source: str, revision: str | None = None) -> Checkpoint:
    """Find the files of a checkpoint in a folder, or on the hub (its cache is used, and offline mode respected).

    A hub id without a commit is pinned to the one its branch has now, with a warning that names it: the branch may
    move between two runs, and the commit is what a configuration must hold to get the same weights again.

    Raises
    ------
    InputError
        There is no such folder or hub id, a file is missing, or the hub cannot be reached.
    """
    if Path(source).expanduser().is_dir():
        if revision is not None:
            raise InputError(f"A folder has no revisions; got revision {revision!r} with the folder {source}.")
        config, weights = _find_in_folder(Path(source).expanduser())
    elif _HUB_ID.fullmatch(source):
        config, weights = _find_on_hub(source, revision)
        asked, revision = revision, config.parent.name  # the hub's cache names a snapshot after its commit
        if asked != revision:
            warnings.warn(
                f"{source} was asked for at {asked or 'no revision'}, which is now commit {revision}; set revision: "
                f"{revision} to have the same weights again.",
                stacklevel=2,
            )
    else:
        raise InputError(f"The source of an encoder is a folder or a hub id like 'owner/name'; {source} is neither.")
    return Checkpoint(source, revision, read_json_object(config), weights, _sha256(weights))


def _find_in_folder(folder: Path) -> tuple[Path, Path]:
    config = folder / "config.json"
    weights = next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)
    if weights is None and any((folder / name).is_file() for name in ADAPTER_FILES):
        raise InputError(
            f"A model folder needs the weights of a whole network; {folder} holds an adapter of PEFT alone: merge it "
            "into its base (merge_and_unload of PeftModel), save the model and give that folder."
        )
    if weights is None or not config.is_file():
        missing = "config.json" if not config.is_file() else " or ".join(WEIGHT_FILES)
        raise InputError(f"A model folder needs config.json and {' or '.join(WEIGHT_FILES)}; {folder} lacks {missing}.")
    return config, weights


def _find_on_hub(hub_id: str, revision: str | None) -> tuple[Path, Path]:
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        config = fetch_file(hub_id, ("config.json",), revision)
        return config, fetch_file(hub_id, WEIGHT_FILES, config.parent.name)
    except RevisionNotFoundError as error:
        raise InputError(f"The hub's {hub_id} has no revision {revision!r}; name a commit of it.") from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"The source of an encoder is a folder or a hub id; {hub_id} is no folder here and not on the hub "
            "(or needs a login)."
        ) from error


def fetch_file(hub_id: str, names: Sequence[str], revision: str | None) -> Path:
    """First of the files that the cache, for a commit, or else the hub has."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for name in names:
        cached = try_to_load_from_cache(hub_id, name, revision=revision)
        if isinstance(cached, str) and Path(cached).parent.name == revision:  # a branch may have moved, a commit not
            return Path(cached)
    unreachable = False
    for name in names:
        try:
            return Path(hf_hub_download(hub_id, name, revision=revision))
        except LocalEntryNotFoundError:
            unreachable = True
        except EntryNotFoundError:
            continue
    wanted = f"{' or '.join(names)} of {hub_id}" + (f" at {revision}" if revision else "")
    if unreachable:
        raise InputError(
            f"{wanted} is neither a folder's nor in the hub's cache, and the hub is switched off or cannot be "
            "reached; download it where there is a network and give the folder as source."
        )
    raise InputError(f"{NOT_THERE} {wanted}; give the id of a model with published weights.")


def find_beside(checkpoint: Checkpoint, name: str) -> Path | None:
    """A file beside the weights that need not be there; None where it is not.

    Where the hub cannot be asked, and its cache does not hold the file, a warning says that it is not known.
    """
    from huggingface_hub import try_to_load_from_cache

    if checkpoint.revision is None:
        path = checkpoint.weights.parent / name
        return path if path.is_file() else None
    cached = try_to_load_from_cache(checkpoint.source, name, revision=checkpoint.revision)
    if cached is not None and not isinstance(cached, str):  # the hub's own mark of a file that it lacks
        return None
    try:
        return fetch_file(checkpoint.source, (name,), checkpoint.revision)
    except InputError as error:
        if NOT_THERE not in str(error):
            warnings.warn(
                f"Whether {checkpoint.source} has a {name} of its own is not known, as the hub cannot be reached; it "
                "is read as if it had none.",
                stacklevel=2,
            )
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
