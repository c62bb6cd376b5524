"""Who was analysed, as the private folder of a results folder keeps it: whether two runs share subjects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from analyses.errors import InputError
from analyses.privacy.hashes import keyed_hash
from analyses.results.serialisation import read_json
from encoders.damage import refused_if_damaged

PRIVATE = "private"
"""Per-subject values live under this folder of the results; tracking and report never read it."""

SUBJECTS, ID_KEY = "subjects.json", "id_key.txt"
"""In the private folder: every id of the run, and the key of the hashes that stand for them."""

SUBJECTS_FORMAT = 1


def shared_ids(folder: Path, ids: Iterable[str]) -> frozenset[str] | None:
    """Those of some ids that a run analysed, by its list of ids or by the hashes of its folds.

    Parameters
    ----------
    folder : Path
        Results of the run.
    ids : iterable of str

    Returns
    -------
    frozenset of str, or None
        None where the folder holds neither the ids nor the key of their hashes, or they may not be read.

    Raises
    ------
    InputError
        They are damaged.
    """
    analysed = read_analysed(folder)
    if analysed is not None:
        return analysed.intersection(ids)
    key, splits = folder / PRIVATE / ID_KEY, folder / "splits.json"
    if not (_is_readable(key) and _is_readable(splits)):
        return None
    secret = read_key(key)
    content = read_json(splits)
    with refused_if_damaged(splits, "folds by hashes of ids"):
        known = set(content["folds"])
    return frozenset(one for one in ids if keyed_hash(one, secret) in known)


def read_key(path: Path) -> bytes:
    """The key of the hashes by which a run's folds name its subjects."""
    with refused_if_damaged(path, "the key of a run's hashes"):
        key = bytes.fromhex(path.read_text("utf-8"))
        if not 16 <= len(key) <= 64:
            raise ValueError(f"it has {len(key)} bytes")
    return key


def read_analysed(folder: Path) -> frozenset[str] | None:
    """Ids of the subjects whom a run analysed; None where its folder does not hold them, or they may not be read."""
    kept = folder / PRIVATE / SUBJECTS
    if not _is_readable(kept):
        return None
    content = read_subjects(kept)
    with refused_if_damaged(kept, "the list of ids that a run keeps"):
        return frozenset(str(one) for one in content["analysed"])


def read_subjects(kept: Path) -> dict[str, list[str]]:
    """The file of ids, its format checked: ``analysed`` and ``others``."""
    content = read_json(kept)
    came = content.get("format") if isinstance(content, dict) else None
    if came != SUBJECTS_FORMAT:
        raise InputError(
            f"{kept} must have format {SUBJECTS_FORMAT} to be read by this version; it has format {came}: use the "
            "version that wrote it."
        )
    found: dict[str, list[str]] = content
    return found


def count_shared(one: Path, other: Path) -> int | None:
    """Subjects whom two runs have both analysed, by id; None where nothing can tell."""
    for folder, another in ((one, other), (other, one)):
        ids = read_analysed(folder)
        found = None if ids is None else shared_ids(another, ids)
        if found is not None:
            return len(found)
    return None


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
