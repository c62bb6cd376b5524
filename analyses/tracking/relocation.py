"""A tracking store that was moved or copied: MLflow keeps whole paths of artifacts, ours lie beside the database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from analyses.tracking.store import artifact_folder


def relocate_artifacts(database: Path) -> Path | None:
    """Point runs at the artifacts beside their database, where it was written elsewhere.

    The caller holds the store's lock. Artifacts that others keep elsewhere, on a server or in a folder of another name,
    are left alone.

    Parameters
    ----------
    database : Path
        An SQLite store of MLflow.

    Returns
    -------
    Path or None
        The folder that the store came from; None where nothing was changed.

    Raises
    ------
    sqlite3.OperationalError
        The database cannot be written.
    """
    here = artifact_folder(database).as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        moved = [old for (old,) in rows if _is_ours(old) and old.rstrip("/") != here]
        for old in moved:
            beside: dict[str, str | int] = {"old": old, "here": here, "below": len(old)}
            connection.execute(
                "UPDATE experiments SET artifact_location = :here WHERE artifact_location = :old", beside
            )
            connection.execute(
                "UPDATE runs SET artifact_uri = :here || substr(artifact_uri, :below + 1) "
                "WHERE substr(artifact_uri, 1, :below) = :old",
                beside,
            )
    return _path(moved[0]).parent if moved else None


def _is_ours(location: str | None) -> bool:
    return bool(location) and urlsplit(location).scheme == "file" and _path(str(location)).name == "mlartifacts"


def _path(location: str) -> Path:
    return Path(url2pathname(urlsplit(location).path))
