"""`genebrain results`: what finished runs found, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from analyses.progress import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("results")(_results)


def _results(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RESULTS", help="Results folders, or a folder of them; results/ if none is named."),
    ] = None,
) -> None:
    """Print what finished runs found: one run in full, several in one table, a folder of runs as a list.

    One run is told as the first screen of its report tells it; p are corrected over the tests of its own run.
    """
    from analyses.report.first_screen import RUN, compare_runs, find_results, list_runs, show_run

    named = folders or [Path("results")]
    found = [path for folder in named for path in find_results(folder)]
    if len(named) > 1:
        say(compare_runs(found))
    elif (named[0] / RUN).is_file():
        say(show_run(found[0]))
    else:
        say(list_runs(found))
