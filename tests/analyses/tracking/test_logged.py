"""Whether results are logged as they are, told without MLflow, and only where nothing is left to be done."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyses.results.folder import load_results
from analyses.tracking import logged
from analyses.tracking.alignment import make_params, panel
from analyses.tracking.mlflow_client import log_run
from analyses.tracking.store import sqlite_uri
from tests.analyses.run_folder import write_run_folder

Change = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def logged_once(reported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A results folder, and the store beside it that it was logged to."""
    root = tmp_path_factory.mktemp("logged")
    folder = Path(shutil.copytree(reported, root / "run", ignore=shutil.ignore_patterns("tracking.json")))
    log_run(folder, sqlite_uri(root / "mlflow.db"))
    return folder, root / "mlflow.db"


@pytest.fixture
def copy(logged_once: tuple[Path, Path]) -> Callable[[], tuple[Path, Path]]:
    """Puts folder and store back as they were logged, in their own place: a store knows its place."""
    folder, database = logged_once
    kept = {path: path.read_bytes() for path in (*folder.rglob("*"), database) if path.is_file()}

    def restore() -> tuple[Path, Path]:
        for path, content in kept.items():
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)
        return folder, database

    return restore


def find(folder: Path, database: Path) -> logged.Logged | None:
    results = load_results(folder)
    experiment = f"{panel(results)}/alignment"
    return logged.find_logged(results, sqlite_uri(database), folder / "tracking.json", experiment=experiment)


def test_it_finds_what_was_logged(logged_once: tuple[Path, Path]) -> None:
    folder, database = logged_once
    found, again = find(folder, database), log_run(folder, sqlite_uri(database))
    assert found is not None
    assert found.run_ids == again.run_ids
    assert found.experiment_id == again.experiment_id
    assert len(found.run_ids) == len(load_results(folder).alignments)


def of_store(statement: str) -> Change:
    def change(folder: Path, database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            assert connection.execute(statement).rowcount > 0

    return change


def of_json(name: str, key: str, value: object) -> Change:
    def change(folder: Path, database: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | {key: value}))

    return change


def damaged_store(folder: Path, database: Path) -> None:
    database.write_bytes(b"SQLite format 3\0" + bytes(100))


def changed_report(folder: Path, database: Path) -> None:
    (folder / "report.html").write_text("changed")


def less_of_ledger(folder: Path, database: Path) -> None:
    entries = json.loads((folder / "tracking.json").read_text())
    without = {name: {key: text for key, text in one.items() if key != "by"} for name, one in entries.items()}
    (folder / "tracking.json").write_text(json.dumps(without))


CHANGES: dict[str, Change] = {
    "a run was deleted": of_store(
        "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid IN (SELECT run_uuid "
        "FROM tags WHERE key = 'stage' AND value = 'alignment' LIMIT 1)"
    ),
    "a run is not finished": of_store("UPDATE runs SET status = 'RUNNING'"),
    "the experiment was deleted": of_store("UPDATE experiments SET lifecycle_stage = 'deleted'"),
    "the experiment has another name": of_store("UPDATE experiments SET name = 'x' WHERE experiment_id != '0'"),
    "runs lie below another": of_store("UPDATE tags SET value = 'x' WHERE key = 'mlflow.parentRunId'"),
    "artifacts lie elsewhere": of_store("UPDATE experiments SET artifact_location = 'file:///elsewhere/mlartifacts'"),
    "the store is damaged": damaged_store,
    "the store is gone": lambda folder, database: database.unlink(),
    "the ledger is gone": lambda folder, database: (folder / "tracking.json").unlink(),
    "another version logged it": less_of_ledger,
    "the comparison changed": of_json("comparison.json", "note", "changed"),
    "an alignment changed": of_json("alignments/kmer-5__linked/alignment.json", "flags", ["changed"]),
    "the report changed": changed_report,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_it_finds_nothing_where_something_is_left_to_do(change: Change, copy: Callable[[], tuple[Path, Path]]) -> None:
    folder, database = copy()
    assert find(folder, database) is not None
    try:
        change(folder, database)
        assert find(folder, database) is None
    finally:
        copy()


@pytest.mark.parametrize(
    ("family", "rc_mode", "pooling", "told"),
    [
        ("caduceus", "forward", "mean", ("fwd-only", "mean")),
        ("precomputed", "forward", "mean", ("not stated", "not stated")),
        ("precomputed", "average", "cls", ("rc-avg", "cls")),  # stated by whoever made the vectors
    ],
)
def test_of_vectors_made_elsewhere_no_setting_is_told_that_nobody_stated(
    tmp_path: Path, family: str, rc_mode: Any, pooling: Any, told: tuple[str, str]
) -> None:
    results = load_results(write_run_folder(tmp_path / "run"))
    alignment = results.alignments[0]
    arms = tuple(
        replace(arm, spec=replace(arm.spec, family=family, rc_mode=rc_mode, pooling=pooling))
        for arm in results.run.arms
    )
    params = make_params(replace(results, run=replace(results.run, arms=arms)), alignment)
    assert (params["strands"], params["encoder.pooling"]) == told
    assert params["encoder.rc_mode"] == params["strands"]
