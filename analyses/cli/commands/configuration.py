"""`genebrain config`: a configuration as it is understood, and what its keys mean."""

from __future__ import annotations

from typing import Annotated

import typer

from analyses.cli.cluster import load
from analyses.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("config")(_config)


def _config(
    what: Annotated[
        str | None,
        typer.Argument(metavar="CONFIG | KEY", help="YAML file; with --explain a key, or none for all."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="What a key takes, its default, its meaning.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema, by which editors complete keys and explain them.")
    ] = False,
) -> None:
    """Show a configuration with all its defaults, or explain its keys: genebrain config --explain alignment.

    Without options CONFIG is read, all that is wrong with it is said at once, and it is printed as it is understood.

    Editors complete keys by the schema: genebrain config --schema > genebrain.schema.json, and in the first line of
    CONFIG: # yaml-language-server: $schema=genebrain.schema.json
    """
    if schema:
        from analyses.config.json_schema import schema_text

        typer.echo(schema_text(), nl=False)
    elif explain:
        from analyses.config.reference import explain as explain_keys

        typer.echo(explain_keys(what))
    elif what is None:
        raise InputError(
            "A configuration is required; none came: `genebrain config CONFIG`, or --explain for its keys."
        )
    else:
        from pathlib import Path

        from analyses.config.file import resolved_yaml

        typer.echo(resolved_yaml(load(Path(what), None, {})), nl=False)
