"""Where runs are tracked: an address that means the same from every folder."""

import json
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from analyses.errors import InputError
from analyses.results.serialisation import read_json
from encoders.publishing import write_whole

_SQLITE = "sqlite:///"
_FORMAT = "1"
"""Of the ledger; one without it was written before it was there, and reads the same."""


def resolve_tracking_uri(uri: str | None, default_folder: Path) -> str:
    """Absolute address of a tracking store.

    Parameters
    ----------
    uri : str or None
        ``sqlite:///…``, the path of a ``.db`` file, or ``http(s)://…``; relative paths start at the working directory.
        None means ``mlflow.db`` in `default_folder`.
    default_folder : Path
        Used only without `uri`.

    Returns
    -------
    str
        ``sqlite:////absolute/path`` or the ``http(s)`` address as given.

    Raises
    ------
    InputError
        For any other kind of store, ``file:`` among them.
    """
    if uri is None:
        return sqlite_uri(default_folder / "mlflow.db")
    if uri.startswith(("http://", "https://")) and urlsplit(uri).netloc:
        return uri.rstrip("/")
    if uri.startswith(_SQLITE) and len(uri) > len(_SQLITE):
        return sqlite_uri(Path(unquote(uri.removeprefix(_SQLITE))))
    if uri.endswith(".db"):
        return sqlite_uri(Path(uri))
    raise InputError(
        f"A tracking URI must be sqlite:///PATH.db or http(s)://HOST, since MLflow keeps no runs in plain files; got "
        f"{uri!r}: use {sqlite_uri(default_folder / 'mlflow.db')} instead."
    )


def sqlite_uri(database: Path) -> str:
    """Address of a file. In an address ``?`` begins a query and ``%`` a code, so both are spelt as codes."""
    return f"{_SQLITE}{str(database.absolute()).replace('%', '%25').replace('?', '%3F')}"


def sqlite_path(uri: str) -> Path | None:
    """File behind a resolved address; None where a server keeps the runs."""
    return Path(unquote(uri.removeprefix(_SQLITE))) if uri.startswith(_SQLITE) else None


def artifact_folder(database: Path) -> Path:
    """Where the artifacts of runs in `database` lie: beside it, so that one folder holds both."""
    return database.parent / "mlartifacts"


def check_database(path: Path) -> None:
    """Raise InputError where `path` cannot become, or is not, an SQLite database."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") if path.exists() else tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"The tracking store must be a writable file; {path} is not ({error.strerror}): set another tracking.uri."
        ) from None
    head = b""
    if path.exists():
        with path.open("rb") as stream:
            head = stream.read(16)
    if head not in (b"", b"SQLite format 3\0"):
        raise InputError(f"The tracking store must be an SQLite database; {path} is not: set another tracking.uri.")


class Ledger:
    """Which content was logged as which run, kept beside the results so that a resumed run does not log twice.

    Written before the first run is: what was begun and never finished is found again by `results_id`, a tag of every
    run of these results.
    """

    def __init__(self, path: Path, uri: str) -> None:
        self._path, self._uri = path, uri
        self._entries = _read_entries(path) if path.exists() else {}
        came = self._entries.setdefault("format", {"version": _FORMAT}).get("version")
        if came != _FORMAT:
            raise InputError(
                f"{path} must have format {_FORMAT} to be read by this version; it has format {came}: log these "
                "results with the version that wrote it."
            )
        if "results" not in self._entries:
            self._entries["results"] = {"id": uuid4().hex}
            self._write()

    @property
    def results_id(self) -> str:
        """Names these results in tracking, wherever their folder lies."""
        return self._entries["results"]["id"]

    def __getitem__(self, name: str) -> dict[str, str]:
        return self._entries.get(f"{name} @ {self._uri}", {})

    def __setitem__(self, name: str, entry: dict[str, str]) -> None:
        self._entries[f"{name} @ {self._uri}"] = entry
        self._write()

    def _write(self) -> None:
        write_whole(self._path, json.dumps(self._entries, indent=1) + "\n")


def _read_entries(path: Path) -> dict[str, dict[str, str]]:
    content = read_json(path)
    entries = content.values() if isinstance(content, dict) else [None]
    is_whole = all(isinstance(one, dict) and all(isinstance(text, str) for text in one.values()) for one in entries)
    if not is_whole or ("results" in content and not re.fullmatch(r"[0-9a-f]{32}", content["results"].get("id", ""))):
        raise InputError(
            f"{path} must be a record of what was logged, as this program writes it; it is damaged: remove it, and "
            "what is in the tracking store already may be logged again."
        )
    return dict(content)
