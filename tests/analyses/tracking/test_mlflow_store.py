"""A store is made whole or not at all, mended where a kill left it half-made, and found again where it was moved."""

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from analyses.errors import InputError, UnavailableError
from analyses.tracking.mlflow_client import log_run
from analyses.tracking.mlflow_store import no_stray_folder, prepare_store
from analyses.tracking.store import resolve_tracking_uri, sqlite_path, sqlite_uri
from tests import warm_processes
from tests.conftest import PATIENCE

LOG = """
import sys
from pathlib import Path
from analyses.tracking.mlflow_client import log_run
log_run(Path(sys.argv[1]), sys.argv[2])
"""
PREPARE = "from analyses.tracking.mlflow_store import prepare_store; import sys; prepare_store(sys.argv[1])"


@pytest.fixture(scope="module", autouse=True)
def few_schemas() -> None:
    """None is copied here."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh store, to be copied."""
    database = tmp_path_factory.mktemp("whole") / "mlflow.db"
    prepare_store(sqlite_uri(database))
    return database


def _tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _run_in(database: Path) -> str:
    from mlflow import MlflowClient

    with no_stray_folder(sqlite_uri(database)):
        client = MlflowClient(sqlite_uri(database))
    experiment = client.create_experiment("x", artifact_location=(database.parent / "mlartifacts").as_uri())
    return str(client.create_run(experiment).info.run_id)


# Made whole -----------------------------------------------------------------------------------------------------------


def test_a_kill_while_a_store_is_made_leaves_none_or_a_whole_one(tmp_path: Path, whole: Path) -> None:
    database = tmp_path / "mlflow.db"
    process = warm_processes.start(PREPARE, sqlite_uri(database))
    deadline = time.monotonic() + PATIENCE
    while not list(tmp_path.glob("*.tmp")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not database.exists() or _tables(database) == _tables(whole)
    prepare_store(sqlite_uri(database))
    assert _tables(database) == _tables(whole)


def test_a_half_made_store_without_runs_is_set_aside(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As older versions left it: first tables without a revision, or a revision in the middle of a migration."""
    database = tmp_path / "mlflow.db"
    shutil.copy(whole, database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM alembic_version")
    prepare_store(sqlite_uri(database))
    assert _tables(database) == _tables(whole)
    assert "half-made" in capsys.readouterr().out
    assert (tmp_path / "mlflow.db.half-made-1").is_file()
    prepare_store(sqlite_uri(database))
    assert capsys.readouterr().out == ""


def test_a_half_made_store_with_runs_is_never_touched(tmp_path: Path, whole: Path) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy(whole, database)
    _run_in(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM alembic_version")
    before = database.read_bytes()
    with pytest.raises(InputError, match=r"is half-made .* holds 1 runs: restore it"):
        prepare_store(sqlite_uri(database))
    assert database.read_bytes() == before


def test_a_newer_store_and_one_of_others_are_refused(tmp_path: Path, whole: Path) -> None:
    newer, other = tmp_path / "newer.db", tmp_path / "other.db"
    shutil.copy(whole, newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(InputError, match="written by a newer MLflow"):
        prepare_store(sqlite_uri(newer))
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    with pytest.raises(InputError, match="holds other tables"):
        prepare_store(sqlite_uri(other))
    assert _tables(other) == {"diary"}


@pytest.mark.parametrize("name", ["a b", "a#1", "a%20b", "50%", "what?", "m@x", "it's", "Übung", "\U0001f9e0", "a;b:c"])
def test_an_address_and_a_path_are_one_to_one(tmp_path: Path, name: str) -> None:
    database = tmp_path / name / "mlflow.db"
    uri = resolve_tracking_uri(None, database.parent)
    assert sqlite_path(uri) == database
    assert resolve_tracking_uri(uri, Path()) == resolve_tracking_uri(str(database), Path()) == uri


def test_runs_lie_in_the_folder_that_was_named(tmp_path: Path, whole: Path) -> None:
    folder = tmp_path / "a b#1%20c? @'Ü\U0001f9e0;"
    folder.mkdir()
    shutil.copy(whole, folder / "mlflow.db")
    prepare_store(sqlite_uri(folder / "mlflow.db"))
    run_id = _run_in(folder / "mlflow.db")
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        assert connection.execute("SELECT run_uuid FROM runs").fetchall() == [(run_id,)]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


# Moved and copied -----------------------------------------------------------------------------------------------------


def test_a_moved_store_finds_its_artifacts_and_logs_nothing_twice(
    another_run: Callable[[str], Path], tmp_path: Path, whole: Path
) -> None:
    from mlflow import MlflowClient

    old = tmp_path / "old"
    old.mkdir()
    shutil.copy(whole, old / "mlflow.db")
    shutil.move(another_run("moved"), old / "run")
    first = log_run(old / "run", sqlite_uri(old / "mlflow.db"))
    new = old.rename(tmp_path / "new 50%")
    words = (LOG, new / "run", sqlite_uri(new / "mlflow.db"))
    said = warm_processes.run(*words, check=True).stdout  # MLflow remembers places by run
    assert "the store was moved from" in said
    ledger = json.loads((new / "run" / "tracking.json").read_text())
    assert {entry["run_id"] for name, entry in ledger.items() if "new 50" in name} >= set(first.run_ids.values())
    client = MlflowClient(sqlite_uri(new / "mlflow.db"))
    assert len(client.search_runs([first.experiment_id], "tags.stage = 'alignment'")) == 4
    for run_id in first.run_ids.values():
        assert client.get_run(run_id).info.artifact_uri.startswith((new / "mlartifacts").as_uri())
        assert Path(client.download_artifacts(run_id, "alignment.json")).is_file()
    assert not old.exists()


# Killed while it logs -------------------------------------------------------------------------------------------------

LOG_AND_DIE = """
import os, signal, sys
from pathlib import Path
from analyses.tracking import mlflow_client
calls = 0
def count(function):
    def counted(*args, **kwargs):
        global calls
        calls += 1
        if calls == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return counted
for name in ("log_values", "log_file", "log_tables", "set_tag"):
    setattr(mlflow_client._Writer, name, count(getattr(mlflow_client._Writer, name)))
mlflow_client.log_run(Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("call", [1, 29, 61])
def test_a_kill_while_logging_ends_in_each_run_once(
    another_run: Callable[[str], Path], tmp_path: Path, whole: Path, call: int
) -> None:
    from mlflow import MlflowClient

    shutil.copy(whole, tmp_path / "mlflow.db")
    folder, uri = another_run("killed"), sqlite_uri(tmp_path / "mlflow.db")
    process = warm_processes.run(LOG_AND_DIE, folder, uri, call)
    assert process.returncode == -signal.SIGKILL
    logged = log_run(folder, uri)
    client = MlflowClient(uri)
    runs: list[Any] = client.search_runs([logged.experiment_id], max_results=1000)
    by_status = {status: [run for run in runs if run.info.status == status] for status in ("FINISHED", "KILLED")}
    assert len(by_status["FINISHED"]) + len(by_status["KILLED"]) == len(runs)
    assert len(by_status["KILLED"]) == 1
    assert "died" in by_status["KILLED"][0].data.tags["genebrain.ended"]
    entries = [run.data.tags.get("genebrain.entry") for run in by_status["FINISHED"]]
    assert sorted(entry for entry in entries if entry) == sorted(["experiment", *logged.run_ids])
    folds = [run for run in by_status["FINISHED"] if run.data.tags["stage"] == "fold"]
    assert len(folds) == 4 * 5
    assert {fold.data.tags["mlflow.parentRunId"] for fold in folds} == set(logged.run_ids.values())


# A server that is away ------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_one_sentence_and_results_can_be_logged_later(
    another_run: Callable[[str], Path], tmp_path: Path, whole: Path
) -> None:
    folder = another_run("away")
    with pytest.raises(UnavailableError, match=r"no answer within 5 s.*genebrain log ") as caught:
        log_run(folder, "http://127.0.0.1:9")
    assert caught.value.exit_code == 3
    shutil.copy(whole, tmp_path / "mlflow.db")
    assert len(log_run(folder, sqlite_uri(tmp_path / "mlflow.db")).run_ids) == 4


def test_a_store_on_a_full_disk_is_one_sentence(
    another_run: Callable[[str], Path], tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    shutil.copy(whole, tmp_path / "mlflow.db")
    monkeypatch.setattr(MlflowClient, "log_artifact", full)
    with pytest.raises(UnavailableError, match=r"No space left on device.*are whole"):
        log_run(another_run("full"), sqlite_uri(tmp_path / "mlflow.db"))


# No room --------------------------------------------------------------------------------------------------------------


def test_a_full_disk_sets_no_store_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path) -> None:
    """SQLite says "full" of its own accord where a database may have no more pages than it has."""
    from mlflow.store.db import utils
    from sqlalchemy import text

    database = Path(shutil.copy(whole, tmp_path / "mlflow.db"))

    def migrate(engine: Any) -> None:
        with engine.connect() as connection:
            connection.execute(text("PRAGMA max_page_count = 1"))
            connection.execute(text("CREATE TABLE larger (x)"))

    monkeypatch.setattr(utils, "_get_latest_schema_revision", lambda: "newer")
    monkeypatch.setattr(utils, "_upgrade_db", migrate)
    with pytest.raises(InputError, match=r"is not \(database or disk is full\): make room"):
        prepare_store(sqlite_uri(database))
    assert database.read_bytes() == whole.read_bytes()
    assert not [path for path in tmp_path.iterdir() if "half-made" in path.name or ".tmp" in path.name]
