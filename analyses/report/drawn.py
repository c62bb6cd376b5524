"""What a results folder has drawn already: figures and pages whose every input is as it was are not drawn twice."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from analyses.errors import InputError
from analyses.figures.atlas import atlas_files
from analyses.figures.canvas import STYLE
from analyses.report.environment import TEMPLATES
from analyses.results.folder import Results
from analyses.results.headlines import Headline
from analyses.results.journal import EMBEDDING, MANIFEST
from analyses.results.provenance import code_version, digest, file_fingerprint, library_versions
from analyses.results.serialisation import read_json
from analyses.results.workspace import PRIVATE_FOLDERS
from encoders.publishing import write_whole

DRAWN = "drawn.json"
_FORMAT = "1"
_LIBRARIES = ("jinja2", "kiwisolver", "logomaker", "markupsafe", "matplotlib", "nibabel", "nilearn", "pillow")
_NOT_READ = {*PRIVATE_FOLDERS, "figures", "report.html", DRAWN, EMBEDDING, MANIFEST, "tracking.json"}
"""What no page is made from; all else in a results folder may be."""


class Drawn:
    """Files by what they were drawn from.

    Parameters
    ----------
    folder : Path
        Of the results.
    anew : bool
        Forget what was drawn before.
    """

    def __init__(self, folder: Path, *, anew: bool = False) -> None:
        self._folder = folder
        self._entries = {} if anew else _read_entries(folder / DRAWN)

    def find(self, name: str, key: str) -> dict[str, Path] | None:
        """Drawings by their names; None where they were drawn from other things, or are no longer what was drawn."""
        entry = self._entries.get(name)
        if entry is None or entry["key"] != key or entry["files"] != self._fingerprints(entry["drawings"]):
            return None
        return {drawing: self._folder / relative for drawing, relative in entry["drawings"].items()}

    def keep(self, name: str, key: str, drawings: Mapping[str, Path]) -> None:
        """Note what was drawn; a CSV of the same name belongs to its drawing."""
        relative = {drawing: path.relative_to(self._folder).as_posix() for drawing, path in drawings.items()}
        self._entries[name] = {"key": key, "drawings": relative, "files": self._fingerprints(relative)}
        write_whole(self._folder / DRAWN, json.dumps({"format": _FORMAT, "drawn": self._entries}, indent=1) + "\n")

    def _fingerprints(self, drawings: Mapping[str, str]) -> dict[str, str]:
        paths = [self._folder / relative for relative in drawings.values()]
        both = [*paths, *(path.with_suffix(".csv") for path in paths)]
        return {path.relative_to(self._folder).as_posix(): file_fingerprint(path) for path in both if path.is_file()}


def _read_entries(path: Path) -> dict[str, Any]:
    """What was noted; nothing where the note is of another version or damaged, since all of it can be drawn again."""
    try:
        content = read_json(path) if path.is_file() else None
    except InputError:
        return {}
    entries = content.get("drawn") if isinstance(content, dict) and content.get("format") == _FORMAT else None
    return {name: entry for name, entry in entries.items() if _is_entry(entry)} if isinstance(entries, dict) else {}


def _is_entry(entry: Any) -> bool:
    kinds = {"key": str, "drawings": dict, "files": dict}
    return isinstance(entry, dict) and all(isinstance(entry.get(part), kind) for part, kind in kinds.items())


@cache
def look() -> str:
    """What decides, beside the results, how pages and figures look: sources, style, templates, libraries."""
    ours = (STYLE, *sorted(path for path in TEMPLATES.rglob("*") if path.is_file()))
    versions = library_versions(_LIBRARIES), platform.python_version()
    return digest(code_version(), [(path.name, file_fingerprint(path)) for path in ours], versions)


def page_key(folder: Path) -> str:
    """What the page of a results folder, and its figures, are made from: all that lies there, and atlases."""
    read = sorted(path for path in folder.rglob("*") if path.is_file() and _is_read(path.relative_to(folder)))
    found = [(path.relative_to(folder).as_posix(), file_fingerprint(path)) for path in read]
    return digest(look(), found, _of_atlases(folder))


def alignment_key(results: Results, headline: Headline) -> str:
    """What the figures of one alignment are made from."""
    own = sorted(path for path in headline.alignment.folder.iterdir() if path.is_file())
    found = {field.name: getattr(headline, field.name) for field in fields(headline) if field.name != "alignment"}
    files = [(path.name, file_fingerprint(path)) for path in own]
    return digest(look(), headline.alignment.name, files, found, results.run.planted, _of_atlases(results.path))


def _is_read(relative: Path) -> bool:
    return relative.parts[0] not in _NOT_READ and not relative.name.startswith(".")


def _of_atlases(folder: Path) -> list[tuple[str, str]]:
    """Fingerprints of the files of the run's atlases, as far as they are there."""
    return [(str(path), file_fingerprint(path) if path.is_file() else "") for path in atlas_files(folder)]
