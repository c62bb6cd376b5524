"""MLflow's runs, written and served from here alone; results are finished by then: losing a server loses no science."""

import json
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyses.errors import InputError, UnavailableError
from analyses.results.folder import Results, load_results
from analyses.results.journal import Span
from analyses.stopping import StopRequested, stop_on_signals
from analyses.tracking.alignment import Columns, panel
from analyses.tracking.logged import Logged, find_logged
from analyses.tracking.mlflow_store import no_stray_folder, prepare_store, quiet
from analyses.tracking.runs import CONTENT, ENTRY, RESULTS, log_results
from analyses.tracking.saved_views import ALL, NOTE, deep_link, view_of, views_supported
from analyses.tracking.server import check_server, run_server, ui_command
from analyses.tracking.store import Ledger, artifact_folder, resolve_tracking_uri, sqlite_path

__all__ = ["LoggedRun", "log_run", "prepare_store", "resolve_tracking_uri", "serve_ui", "ui_command"]

LOCAL_INTERFACE = "http://127.0.0.1:5000"
_EXPERIMENT_SUFFIX = "/alignment"


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """Where a results folder was logged: ``run_ids`` by alignment, ``link`` to the summary view."""

    experiment_id: str
    run_ids: dict[str, str]
    link: str


def _client(uri: str) -> Any:
    quiet()
    from mlflow import MlflowClient

    with no_stray_folder(uri):
        return MlflowClient(uri)


def log_run(run_folder: Path, uri: str) -> LoggedRun:
    """Log a results folder: a run of the experiment, below it one per arm x view, below those their folds.

    What is logged already and has not changed is not logged again; its report is brought up to date.

    Parameters
    ----------
    run_folder : Path
        A results folder with its report.
    uri : str
        A resolved address (`resolve_tracking_uri`).

    Raises
    ------
    InputError
        If the folder is incomplete or the store cannot be used.
    """
    results = load_results(run_folder)
    if not (run_folder / "report.html").is_file():
        raise InputError(f"Logging needs {run_folder / 'report.html'}, which is missing: run `genebrain report` first.")
    experiment, ledger = f"{panel(results)}{_EXPERIMENT_SUFFIX}", run_folder / "tracking.json"
    logged = find_logged(results, uri, ledger, experiment=experiment) or _log(results, uri, ledger, experiment)
    interface = LOCAL_INTERFACE if sqlite_path(uri) else uri
    link = deep_link(interface, logged.experiment_id, view_of(results.run.experiment))
    return LoggedRun(logged.experiment_id, logged.run_ids, link)


def _log(results: Results, uri: str, ledger: Path, experiment: str) -> Logged:
    from filelock import FileLock

    prepare_store(uri)
    with _said_if_unavailable(uri, results.path):
        client = _client(uri)
        experiment_id = _open_experiment(client, experiment, sqlite_path(uri))
        with stop_on_signals(), FileLock(results.path / ".tracking.lock"):  # two processes on one folder log it once
            return Logged(experiment_id, log_results(_Writer(client, experiment_id), results, Ledger(ledger, uri)))


def open_writer(uri: str, experiment: str) -> "_Writer":
    """Writer of one experiment, which is made where it is missing; the store is prepared.

    Raises
    ------
    InputError
        The store cannot be used, or the experiment was deleted in it.
    """
    prepare_store(uri)
    if sqlite_path(uri) is None:
        try:
            check_server(uri)
        except OSError as error:
            raise UnavailableError(
                f"The tracking server must answer; {uri} does not ({error}): start it, or set tracking.enabled: false."
            ) from None
    client = _client(uri)
    return _Writer(client, _find_or_make(client, experiment, sqlite_path(uri)))


def store_errors() -> tuple[type[Exception], ...]:
    """What a store raises that fails."""
    quiet()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError


@contextmanager
def _said_if_unavailable(uri: str, run_folder: Path) -> Iterator[None]:
    """A store that fails is no fault of the results: they can be logged later."""
    quiet()
    from mlflow.exceptions import MlflowException

    try:
        if sqlite_path(uri) is None:
            check_server(uri)
        yield
    except (MlflowException, OSError) as error:
        if getattr(error, "error_code", "") == "INVALID_PARAMETER_VALUE" or isinstance(error, FileNotFoundError):
            raise
        reason = " ".join(str(error).split())[:200]
        # A server asks for a name and a password by 401; what it says beside it is a page for developers.
        if getattr(error, "error_code", "") == "UNAUTHENTICATED" or "error code 401 " in f"{reason} ":
            reason = "it knows nobody by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD as they are set here"
        raise UnavailableError(
            f"The tracking store must take what is logged; {uri} did not ({reason}). The results in {run_folder} are "
            f"whole: log them later with `genebrain log {shlex.quote(str(run_folder))}`."
        ) from None


def _open_experiment(client: Any, name: str, database: Path | None) -> str:
    import mlflow

    experiment = client.get_experiment(_find_or_make(client, name, database))
    tags = {"mlflow.note.content": NOTE, "mlflow.experimentKind": "custom_model_development"}
    if views_supported(mlflow.__version__):
        tags |= dict(view.tag(time.time_ns() // 10**6) for view in ALL)
    for key in tags.keys() - experiment.tags.keys():
        client.set_experiment_tag(experiment.experiment_id, key, tags[key])
    return str(experiment.experiment_id)


def _find_or_make(client: Any, name: str, database: Path | None) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        location = artifact_folder(database).as_uri() if database else None
        return str(client.create_experiment(name, artifact_location=location))
    if experiment.lifecycle_stage != "active":
        raise InputError(
            f"Experiment {name} was deleted in the tracking store: restore it with `mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id}` or set tracking.panel to another name."
        )
    return str(experiment.experiment_id)


class _Writer:
    """What logging needs of MLflow, in one experiment: see `analyses.tracking.runs.Writer`."""

    def __init__(self, client: Any, experiment_id: str) -> None:
        self._client, self._experiment_id = client, experiment_id

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str], span: Span | None = None) -> Iterator[str]:
        begun = None if span is None else span.start_ms
        run = self._client.create_run(self._experiment_id, start_time=begun, run_name=name, tags=dict(tags))
        run_id, status = run.info.run_id, "FAILED"
        try:
            yield run_id
            status = "FINISHED"
        except (StopRequested, KeyboardInterrupt):
            status = "KILLED"
            raise
        finally:
            ended = span.end_ms if span is not None and status == "FINISHED" else None
            self._client.set_terminated(run_id, status, ended)

    def begin(self, name: str, tags: Mapping[str, str]) -> str:
        return str(self._client.create_run(self._experiment_id, run_name=name, tags=dict(tags)).info.run_id)

    def go_on(self, run_id: str) -> bool:
        """Whether there is a run of this id here; it is running again then."""
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(run_id)
            if run.info.lifecycle_stage != "active" or run.info.experiment_id != self._experiment_id:
                return False
            self._client.update_run(run_id, status="RUNNING")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def end(self, run_id: str, status: str) -> None:
        self._client.set_terminated(run_id, status)

    def is_finished(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return bool(run.info.status == "FINISHED" and run.info.lifecycle_stage == "active")

    def find(self, content: str) -> str | None:
        found = self._search(f"tags.`{CONTENT}` = '{content}' AND attributes.status = 'FINISHED'")
        return found[0] if found else None

    def end_unfinished(self, results_id: str, entry: str) -> None:
        own = f"tags.`{RESULTS}` = '{results_id}' AND tags.`{ENTRY}` = '{entry}'"
        for run_id in self._search(f"{own} AND attributes.status = 'RUNNING'"):
            self._client.set_tag(run_id, "genebrain.ended", "its process died while it logged; logged again since")
            self._client.set_terminated(run_id, "KILLED")
        for run_id in self._search(f"{own} AND attributes.status != 'FINISHED'"):
            for part in self._search(f"tags.`mlflow.parentRunId` = '{run_id}' AND tags.stage != 'alignment'"):
                self._client.delete_run(part)

    def _search(self, question: str) -> list[str]:
        return [run.info.run_id for run in self._client.search_runs([self._experiment_id], question)]

    def log_values(self, run_id: str, values: Iterable[tuple[str, float, int]], params: Mapping[str, str]) -> None:
        from mlflow.entities import Metric, Param

        now = time.time_ns() // 10**6
        metrics = [Metric(key, float(value), now, step) for key, value, step in values]
        self._client.log_batch(run_id, metrics=metrics, params=[Param(key, value) for key, value in params.items()])

    def log_file(self, run_id: str, path: Path, folder: str = "") -> None:
        self._client.log_artifact(run_id, str(path), folder or None)

    def log_tables(self, run_id: str, tables: Mapping[str, Columns]) -> None:
        for name, columns in tables.items():
            rows = [list(row) for row in zip(*columns.values(), strict=True)]
            self._client.log_dict(run_id, {"columns": list(columns), "data": rows}, f"tables/{name}.json")
        logged = [{"path": f"tables/{name}.json", "type": "table"} for name in tables]
        self.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps(logged))

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self._client.set_tag(run_id, key, value)

    def file_link(self, run_id: str, path: str) -> str:
        return f"#/experiments/{self._experiment_id}/runs/{run_id}/artifacts/{path}"


def serve_ui(uri: str, *, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Run the MLflow interface in the foreground and print the link to every alignment experiment once it answers.

    Parameters
    ----------
    uri : str
        ``sqlite:///…`` or the path of a ``.db`` file.

    Raises
    ------
    InputError
        If `uri` is no local store that exists, or the port is taken.
    """
    resolved = resolve_tracking_uri(uri, Path())
    database = sqlite_path(resolved)
    command = ui_command(resolved, host=host, port=port)
    if database is None or not database.is_file():
        raise InputError(
            f"The interface needs an existing tracking store; {database} does not exist: run an experiment first."
        )
    prepare_store(resolved)
    experiments = _client(resolved).search_experiments(filter_string=f"name LIKE '%{_EXPERIMENT_SUFFIX}'")
    interface = f"http://{host}:{port}"
    lines = [
        "\n".join([found.name, *(f"  {view.name}: {deep_link(interface, found.experiment_id, view)}" for view in ALL)])
        for found in experiments
    ]
    with no_stray_folder(resolved):
        run_server(command, host=host, port=port, lines=[*lines, "Press Ctrl-C to stop."])
