"""The command that searches what is shared for subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analyses.progress import say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(audit_privacy)


def audit_privacy(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Results folder of a run.")],
    subjects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ids to look for, one a line; the run's own if not given.")
    ] = None,
    tracking: Annotated[
        str | None, typer.Option(metavar="URI", help="Tracking store (a file); that of the run if not given.")
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Job logs or saved terminal output, a file or a folder; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search results, tracking store, artifacts and logs for every subject of a run, by id, hash or sequence.

    Every file is opened as what it is: report and drawings, tables, JSON, arrays, parquet, packed files, text in
    images, all columns of the database. What was looked at is said; the exit code is 1 if a subject was found, or
    if a file could not be read. The private folders are not searched.
    """
    from analyses.workflow.privacy_audit import audit_privacy as audit
    from analyses.workflow.privacy_audit import describe

    found = audit(folder, subjects=subjects, tracking=tracking, also=also or ())
    say(describe(found, as_json=as_json))
    if not found.is_clean:
        raise typer.Exit(1)
