"""`genebrain init`: a configuration drafted from a user's files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.progress import say

if TYPE_CHECKING:
    from analyses.drafts.study import Study


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(_init)


def _init(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help="FASTA, GTF or GFF3, VCF/BCF/PGEN/BGEN, tables; or folders of them."),
    ],
    output: Annotated[Path, typer.Option(help="The configuration to write.")] = Path("study.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Draft a configuration from your files: columns, ids and genes are looked up, guesses shown, open points named.

    Tables with covariates, families or features of brains are told apart by their columns. Nothing is asked that a file
    tells; what is guessed stands in the file as a comment.
    """
    from analyses.drafts.draft import write_draft

    study = write_draft(files, output, force=force)
    say("\n".join(_lines(study, output)))


def _lines(study: Study, output: Path) -> Iterator[str]:
    yield f"{output} is written."
    if study.genotypes is not None:
        n_genes = len(study.genotypes.genes)
        yield f"genotypes           {len(study.samples):,} subjects; {n_genes:,} genes in which anything varies"
    for table, columns in study.covariates.items():
        yield f"covariates          {table.path.name}: {', '.join(columns)}"
    for name, table in study.brains.items():
        shared = f", {study.n_shared(table):,} of them genotyped" if study.samples else ""
        features = f"{len(table.features):,} features" if table.features else "vectors"
        yield f"brain view          {name}: {features} of {len(table.frame):,} subjects{shared}"
    needs = list(study.needs())
    yield from (f"still needed        {sentence}" for sentence in needs)
    yield f"next                {'edit it, then ' if needs else ''}genebrain run {shlex.quote(str(output))} --dry-run"
