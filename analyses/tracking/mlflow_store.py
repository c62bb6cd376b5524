"""The schema of an SQLite tracking store: made whole or not at all, migrated on a copy, half-made ones set aside."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from analyses.errors import InputError
from analyses.progress import say
from analyses.tracking.relocation import relocate_artifacts
from analyses.tracking.store import check_database, sqlite_path, sqlite_uri
from encoders.publishing import published_file

#: What SQLite says of a disk that is full, fails or is read-only: nothing is wrong with the database then.
_OF_THE_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}

_BESIDE = ("", "-journal", "-wal", "-shm")  # what SQLite keeps beside a database belongs to it


def prepare_store(uri: str) -> None:
    """Create, migrate or mend an SQLite store, once, before anything writes to it.

    A process may be killed at any moment, so a schema is made in a file of another name, which then takes its place.
    One that was left half-made by an older version is set aside if no run is in it. One that was moved or copied learns
    where its artifacts are.

    Parameters
    ----------
    uri : str
        A resolved address; a server prepares its own store.

    Raises
    ------
    InputError
        The file cannot be written, is no database of MLflow, was written by a newer MLflow, or is half-made and holds
        runs.
    """
    from filelock import FileLock
    from sqlalchemy.exc import DatabaseError, OperationalError

    database = sqlite_path(uri)
    if database is None:
        return
    check_database(database)
    try:
        with FileLock(f"{database}.lock"):
            _prepare(database)
            if moved := relocate_artifacts(database):
                say(f"mlflow   the store was moved from {moved}; its artifacts are those beside {database}")
    except (sqlite3.OperationalError, OperationalError, OSError) as error:
        reason = getattr(error, "orig", error)
        raise InputError(
            f"The tracking store must be a database that can be written; {database} is not ({reason}): make room or "
            "set another tracking.uri; results are kept."
        ) from None
    except (sqlite3.DatabaseError, DatabaseError, UnicodeDecodeError) as error:
        raise InputError(
            f"The tracking store must be a whole database of MLflow; {database} is damaged "
            f"({getattr(error, 'orig', error)}): restore it from a copy, or set another tracking.uri; results are kept."
        ) from None


def quiet() -> None:
    """No telemetry, no migration log, no minutes of waiting: all are settled before the import."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow asks a silent server seven times, two minutes each: results are kept, so less is enough.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It logs the traceback of what it raises as well; here that becomes one sentence.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def load_mlflow() -> None:
    """Import what a store on this machine needs, which takes seconds where no byte code is kept yet."""
    quiet()
    import alembic.command  # noqa: F401
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


@contextmanager
def no_stray_folder(uri: str) -> Iterator[None]:
    """MLflow makes the folder of an address as it is spelt, ``%25`` and all: what is empty goes again."""
    spelt = Path(uri.removeprefix("sqlite:///")).parent
    missing = [folder for folder in (spelt, *spelt.parents) if sqlite_path(uri) and not folder.exists()]
    yield
    for folder in missing:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _prepare(database: Path) -> None:
    from sqlalchemy.exc import OperationalError

    quiet()
    tables = _tables(database)
    if tables and not tables & {"experiments", "alembic_version"}:
        raise InputError(
            f"The tracking store must be MLflow's; {database} holds other tables: set another tracking.uri."
        )
    if tables:
        try:
            _migrate(database)
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", None) in _OF_THE_DISK:
                raise
            _set_aside(database, str(error.orig))
            tables = set()
    if not tables:
        with published_file(database, durable=True) as unfinished:
            _upgrade(unfinished)


def _tables(database: Path) -> set[str]:
    if not database.is_file():
        return set()
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _migrate(database: Path) -> None:
    """Bring an older schema up to date, on a copy: migrations are not transactions."""
    from mlflow.store.db import utils as untyped

    utils: Any = untyped
    with _engine(database) as engine:
        current = utils._all_tables_exist(engine)
        current = current and utils._get_schema_version(engine) == utils._get_latest_schema_revision()
    if current:
        return
    with published_file(database, durable=True) as unfinished:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
        _upgrade(unfinished)


def _upgrade(database: Path) -> None:
    from alembic.util import CommandError
    from mlflow.store.db import utils as untyped

    utils: Any = untyped
    with _engine(database) as engine:
        try:
            utils._upgrade_db(engine) if utils._all_tables_exist(engine) else utils._initialize_tables(engine)
        except CommandError as error:
            raise InputError(
                f"The tracking store {database} was written by a newer MLflow ({error}): upgrade, or use another."
            ) from None


@contextmanager
def _engine(database: Path) -> Iterator[Any]:
    from mlflow.store.db import utils as untyped

    utils: Any = untyped
    uri = sqlite_uri(database)
    with no_stray_folder(uri):
        engine = utils.create_sqlalchemy_engine_with_retry(uri)
    try:
        yield engine
    finally:
        engine.dispose()


def _set_aside(database: Path, reason: str) -> None:
    """A store that cannot be migrated makes room, unless it holds runs."""
    with closing(sqlite3.connect(database)) as connection:
        has_runs = "runs" in _tables(database)
        n_runs = connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0] if has_runs else 0
    if n_runs:
        raise InputError(
            f"The tracking store must be a whole database of MLflow; {database} is half-made ({reason}) and holds "
            f"{n_runs} runs: restore it from a copy, or set another tracking.uri."
        )
    numbers = (number for number in range(1, 10_000) if not Path(f"{database}.half-made-{number}").exists())
    aside = f"{database}.half-made-{next(numbers)}"
    for suffix in reversed(_BESIDE):
        if Path(f"{database}{suffix}").exists():
            os.replace(f"{database}{suffix}", f"{aside}{suffix}")
    say(f"mlflow   {database} was half-made and without runs; it is kept as {Path(aside).name} and made anew")
