"""``genebrain meta``: several finished runs combined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from analyses.progress import say


def register(app: typer.Typer) -> None:
    """Add ``genebrain meta``."""

    @app.command()
    def meta(
        folders: Annotated[list[Path], typer.Argument(metavar="RESULTS", help="Results folders of different people.")],
        output: Annotated[Path, typer.Option(help="Folder of meta.json and the forest plots.")] = Path("results/meta"),
        same_ids: Annotated[
            Literal["refuse", "other-people"], typer.Option(help="What equal ids in two folders mean.")
        ] = "refuse",
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Combine the held-out correlations of several runs: fixed and random effects, heterogeneity, forest plots.

        Arms and brain views are matched by name. No subject's data are read; ids are, where the private folders hold
        them, to see that no two studies share people.
        """
        from analyses.results.serialisation import to_json
        from analyses.workflow.meta_analysis import combine_folders, write_meta

        result = combine_folders(folders, same_ids=same_ids)
        written = write_meta(result, output)
        if as_json:
            typer.echo(json.dumps(to_json(result), indent=1))
            return
        notes = (note for row in result.combined for note in row.notes)
        for line in (*result.answer, *notes, *result.left_out, str(written)):
            say(line)  # names come from the folders, which may be anybody's
