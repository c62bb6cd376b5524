"""Where runs are tracked: an address that means the same from every folder."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from analyses.errors import InputError
from encoders.publishing import published_file

_SQLITE = "sqlite:///"


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
        return f"{_SQLITE}{(default_folder / 'mlflow.db').absolute()}"
    if uri.startswith(("http://", "https://")) and urlsplit(uri).netloc:
        return uri.rstrip("/")
    if uri.startswith(_SQLITE) and len(uri) > len(_SQLITE):
        return f"{_SQLITE}{Path(uri.removeprefix(_SQLITE)).absolute()}"
    if ":" not in uri and uri.endswith(".db"):
        return f"{_SQLITE}{Path(uri).absolute()}"
    raise InputError(
        f"A tracking URI must be sqlite:///PATH.db or http(s)://HOST, since MLflow keeps no runs in plain files; got "
        f"{uri!r}: use sqlite:///{(default_folder / 'mlflow.db').absolute()} instead."
    )


def sqlite_path(uri: str) -> Path | None:
    """File behind a resolved address; None where a server keeps the runs."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


def artifact_folder(database: Path) -> Path:
    """Where the artifacts of runs in `database` lie: beside it, so that one folder holds both."""
    return database.parent / "mlartifacts"


def check_database(path: Path) -> None:
    """Raise InputError where `path` cannot become, or is not, an SQLite database."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as error:
        raise InputError(
            f"The tracking store must be a writable file; {path} is not ({error.strerror}): set another tracking.uri."
        ) from None
    with path.open("rb") as stream:
        head = stream.read(16)
    if head not in (b"", b"SQLite format 3\0"):
        raise InputError(f"The tracking store must be an SQLite database; {path} is not: set another tracking.uri.")


class Ledger:
    """Which content was logged as which run, kept beside the results so that a resumed run does not log twice."""

    def __init__(self, path: Path, uri: str) -> None:
        self._path, self._uri = path, uri
        self._entries: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}

    def __getitem__(self, name: str) -> dict[str, str]:
        return self._entries.get(f"{name} @ {self._uri}", {})

    def __setitem__(self, name: str, entry: dict[str, str]) -> None:
        self._entries[f"{name} @ {self._uri}"] = entry
        with published_file(self._path) as temporary:
            temporary.write_text(json.dumps(self._entries, indent=1) + "\n")
