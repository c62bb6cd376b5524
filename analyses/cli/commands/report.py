"""``genebrain report``: the page of one run, or several finished runs on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.cli.cluster import load
from analyses.errors import InputError
from analyses.progress import say

if TYPE_CHECKING:
    from analyses.config.run_config import RunConfig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(_report)


def _report(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="CONFIG | RESULTS...", help="YAML file of a run, or results folders of finished ones."),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="With CONFIG: override a configuration value."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="With CONFIG: processes that draw.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="With CONFIG: seed of folds and permutations.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="With CONFIG the results folder; of several RESULTS the page, compared.html if not given."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With CONFIG: redo stages even if finished with the same inputs.")
    ] = False,
) -> None:
    """Write the self-contained report.html and its figures; of several results folders one page that compares them.

    genebrain report results/a results/b --output compared.html

    Such a page holds their first screens side by side, all their alignments in one table, and differences of held-out
    correlations where the same subjects in the same folds make them valid.
    """
    folders = [source for source in sources if source.is_dir()]
    if not folders and len(sources) == 1:
        _of_configuration(load(sources[0], set_, {"workers": workers, "seed": seed, "output": output}), force=force)
        return
    if len(folders) < len(sources):
        stranger = next(source for source in sources if not source.is_dir())
        raise InputError(f"Several reports are compared by results folders; {stranger} is none: name folders alone.")
    if set_ or workers is not None or seed is not None or force:
        raise InputError("--set, --workers, --seed and --force go with a configuration; got results folders.")
    if len(folders) == 1:
        _of_folder(folders[0], output)
        return
    from analyses.report.compared_runs import make_comparison_page

    say(f"report   {make_comparison_page(folders, output or Path('compared.html'))}")


def _of_configuration(config: RunConfig, *, force: bool) -> None:
    say(f"report of {config.name}, results in {config.output}")  # the libraries take a while to come
    from analyses.workflow.pipeline import run_pipeline

    run_pipeline(config, until="report", force=force)


def _of_folder(folder: Path, output: Path | None) -> None:
    """The report of finished results, drawn anew."""
    from analyses.report.page import make_report

    if output is not None:
        raise InputError("The report of one results folder is written into it; --output goes with several folders.")
    say(f"report   {make_report(folder, anew=True)}")
