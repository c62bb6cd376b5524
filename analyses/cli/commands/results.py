"""`genebrain results`: what finished runs found, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from analyses.cli.help import ListedCommands
from analyses.progress import say

_HELP = """Print what finished runs found: one run in full, several in one table, a folder of runs as a list.

Folders may follow without a command: one run is shown, several are compared, a folder of runs is listed. Alone it
lists results/."""


class _FoldersToo(ListedCommands):
    """Commands, of which the name may be left out: the folders say which is meant."""

    # The types are those of click in one version of typer, of its own copy of click in another.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of the first word, or of the folders."""
        if args and args[0] not in self.commands:
            args = [_meant(args), *args]
        return super().resolve_command(ctx, args)


def _meant(folders: list[str]) -> str:
    from analyses.report.first_screen import RUN

    if len(folders) > 1:
        return "compare"
    return "show" if (Path(folders[0]) / RUN).is_file() else "list"


def register(app: typer.Typer) -> None:
    """Add the group of commands of this module."""
    results = typer.Typer(cls=_FoldersToo, rich_markup_mode=None, help=_HELP)
    results.callback(invoke_without_command=True)(_alone)
    results.command("list")(list_)
    results.command()(show)
    results.command()(compare)
    app.add_typer(results, name="results")


def _alone(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        list_()


def list_(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of results folders, or one of them.")
    ] = Path("results"),
) -> None:
    """List the runs of a folder, the newest first, each with the first sentence of its answer."""
    from analyses.report.first_screen import find_results, list_runs

    say(list_runs(find_results(folder)))


def show(folder: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results folder of a run.")]) -> None:
    """Print one run as the first screen of its report tells it, with its alignments as a table."""
    from analyses.report.first_screen import find_run, show_run

    say(show_run(find_run(folder)))


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RESULTS", help="Results folders, or folders of them.")],
) -> None:
    """Print the alignments of several runs in one table; p are corrected over the tests of their own run."""
    from analyses.report.first_screen import compare_runs, find_results

    say(compare_runs([path for folder in folders for path in find_results(folder)]))
