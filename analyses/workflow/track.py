"""From a results folder into tracking: where to, whether it answers, and logging later what could not be logged now."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.progress import say
from analyses.results.folder import load_results
from analyses.run.run import Run
from analyses.tracking.store import resolve_tracking_uri, sqlite_path

if TYPE_CHECKING:
    from analyses.config.sections import TrackingConfig
    from analyses.tracking.mlflow_client import LoggedRun

_VARIABLE = "MLFLOW_TRACKING_URI"


def log(run: Run) -> LoggedRun | None:
    """Finished results into tracking; None where tracking is off."""
    address = tracking_address(run.config.tracking, run.config.output.parent)
    if address is None:
        say("mlflow   off (tracking.enabled: false)")
        return None
    if remark := describe_choice(run.config.tracking):
        say(f"mlflow   {remark}")
    return log_folder(run.workspace.folder, address)


def log_folder(folder: Path, address: str | None = None) -> LoggedRun:
    """Log a results folder that is finished.

    Parameters
    ----------
    folder : Path
    address : str, optional
        Without it the one that its configuration names, the environment's, or ``mlflow.db`` beside the folder.

    Raises
    ------
    InputError
        The folder is incomplete, or the store cannot be used.
    UnavailableError
        A server does not answer.
    """
    from analyses.tracking.mlflow_client import log_run

    load_results(folder)
    if address is None:
        settings = load_config(folder / "config" / "resolved.yaml").tracking
        address = tracking_address(settings.model_copy(update={"enabled": True}), folder.absolute().parent)
    uri = resolve_tracking_uri(address, folder.absolute().parent)
    logged = log_run(folder, uri)
    say(f"mlflow   {logged.link}")
    if (database := sqlite_path(uri)) is not None:  # which nobody serves by itself
        say(f"         opens while this runs: {_ui_command(database)}")
    return logged


def _ui_command(database: Path) -> str:
    """What to type in this folder to see the runs."""
    program = os.path.relpath(sys.argv[0]) if os.sep in sys.argv[0] else "genebrain"
    return f"{shlex.quote(program)} ui {shlex.quote(os.path.relpath(database))}"


def tracking_address(settings: TrackingConfig, default_folder: Path) -> str | None:
    """Where a run is tracked; None where it is not.

    ``tracking.uri`` comes first, then MLflow's own environment variable if it is an address that can keep runs.

    Raises
    ------
    InputError
        ``tracking.uri`` is none that MLflow can keep runs at.
    """
    if not settings.enabled:
        return None
    if settings.uri is None and _is_usable(os.environ.get(_VARIABLE)):
        return resolve_tracking_uri(os.environ[_VARIABLE], default_folder)
    return resolve_tracking_uri(settings.uri, default_folder)


def describe_choice(settings: TrackingConfig) -> str:
    """What became of MLflow's environment variable; nothing where it is not set."""
    given = os.environ.get(_VARIABLE)
    if not given:
        return ""
    if settings.uri is not None:
        return f"tracking.uri is used; {_VARIABLE} is not"
    if _is_usable(given):
        return f"{_VARIABLE} is used, since tracking.uri is not set"
    return f"{_VARIABLE} is not used: it names no SQLite file and no server"


def _is_usable(address: str | None) -> bool:
    try:
        return bool(address) and bool(resolve_tracking_uri(address, Path()))
    except InputError:
        return False
