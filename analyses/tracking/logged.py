"""Whether a results folder is logged as it is, told by its ledger and an SQLite store: MLflow takes seconds to come."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from analyses.results.folder import Results
from analyses.results.provenance import file_fingerprint
from analyses.tracking.runs import EXPERIMENT, PARENT, logged_by, make_contents
from analyses.tracking.store import Ledger, artifact_folder, sqlite_path

_RUNS = """
SELECT runs.run_uuid, parents.value FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id
LEFT JOIN tags AS parents ON parents.run_uuid = runs.run_uuid AND parents.key = :parent
WHERE experiments.name = :experiment AND experiments.lifecycle_stage = 'active'
AND experiments.artifact_location = :artifacts AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
"""


@dataclass(frozen=True, slots=True)
class Logged:
    """An experiment of a store, and the runs in it by alignment."""

    experiment_id: str
    run_ids: dict[str, str]


def find_logged(results: Results, uri: str, ledger: Path, *, experiment: str) -> Logged | None:
    """Where results are logged; None where anything is left to be done, or to be said.

    Parameters
    ----------
    results : Results
    uri : str
        A resolved address. A server is asked by MLflow alone.
    ledger : Path
        Of these results.
    experiment : str
        Name of the experiment in tracking.
    """
    database = sqlite_path(uri)
    if database is None or not database.is_file() or not ledger.is_file():
        return None
    noted, contents = Ledger(ledger, uri), make_contents(results)
    if any(noted[name].get("content") != content for name, content in contents.items()):
        return None
    report = {"report": file_fingerprint(results.path / "report.html"), "by": logged_by()}
    if not report.items() <= noted[EXPERIMENT].items():
        return None
    run_ids = {name: noted[name]["run_id"] for name in contents}
    try:
        experiment_id, parents = _read_runs(database, experiment)
    except sqlite3.Error:
        return None  # whoever prepares the store says what is wrong with it
    holder = run_ids.pop(EXPERIMENT)
    if holder not in parents or any(parents.get(run_id) != holder for run_id in run_ids.values()):
        return None
    return Logged(experiment_id, run_ids)


def _read_runs(database: Path, experiment: str) -> tuple[str, Mapping[str, str | None]]:
    """Id of an experiment, and the parents of the finished runs in it that keep their files beside the database."""
    wanted = {"experiment": experiment, "parent": PARENT, "artifacts": artifact_folder(database).as_uri()}
    with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as connection:
        parents = dict(connection.execute(_RUNS, wanted).fetchall())
        found = connection.execute("SELECT experiment_id FROM experiments WHERE name = ?", (experiment,)).fetchone()
    return "" if found is None else str(found[0]), parents
