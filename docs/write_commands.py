"""Writes docs/commands.md, the reference of all commands, from the commands themselves.

``make references`` runs it; a test says when the page is behind.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyses.cli.help import GROUPS

PAGE = Path(__file__).with_name("commands.md")

_HEAD = """# The commands

Written by `make references` from the commands themselves; `genebrain COMMAND --help` says the same. Bad input is one
sentence and exit code 2, a service that does not answer 3, a fault of the program 70 with a file that helps."""


def page() -> str:
    """The whole page."""
    from typer.main import get_command

    from analyses.cli.app import app

    group: Any = get_command(app)
    context = group.make_context("genebrain", [], resilient_parsing=True)
    left = {name: group.get_command(context, name) for name in group.list_commands(context)}
    parts = [_HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}")
        parts += [part for name in names for part in _describe(name, left.pop(name), "###")]
    if left:
        parts.append("## Others")
        parts += [part for name, command in left.items() for part in _describe(name, command, "###")]
    return "\n\n".join(parts) + "\n"


def _describe(path: str, command: Any, heading: str) -> Iterator[str]:
    """A command, and those below it."""
    below = getattr(command, "commands", {})
    words = [f"genebrain {path}", *(_metavar(one) for one in command.params if one.param_type_name == "argument")]
    options = [one for one in command.params if one.param_type_name == "option" and not _is_common(one)]
    if below:
        words.append("COMMAND")
    elif options:
        words.append("[OPTIONS]")
    yield f"{heading} {path}"
    yield f"```text\n{' '.join(words)}\n```"
    yield _prose(command.help or "")
    rows = [(_metavar(one), one.help or "") for one in command.params if one.param_type_name == "argument"]
    rows += [(", ".join(one.opts), _meaning(one)) for one in options]
    if rows:
        yield "\n".join(
            [
                "| argument or option | meaning |",
                "|---|---|",
                *(f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows),
            ]
        )
    for name, one in below.items():
        yield from _describe(f"{path} {name}", one, f"{heading}#")


def _is_common(option: Any) -> bool:
    return "--help" in option.opts


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _meaning(option: Any) -> str:
    """What it does, and what it is without a word of the user."""
    default = option.default
    has_default = default not in (None, False, ()) and not callable(default) and option.show_default is not False
    end = f" Default `{default}`." if has_default and isinstance(default, str | int | float | Path) else ""
    described = getattr(option, "type_descriptor", None)  # of some versions of typer; of others the type names them
    taken = typing.get_args(described.annotation) if described is not None else ()
    choices = [one for one in taken if isinstance(one, str)] or getattr(getattr(option, "type", None), "choices", ())
    listed = ", ".join(f"`{getattr(one, 'value', one)}`" for one in choices)
    named = f" One of {listed}." if choices else ""
    return f"{(option.help or '').strip()}{named}{end}"


def _prose(text: str) -> str:
    """Paragraphs of a help, each on lines of its own."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(_verbatim(" ".join(part.split())) for part in paragraphs)


def _verbatim(paragraph: str) -> str:
    """A paragraph that is a command is shown as one."""
    return f"```text\n{paragraph}\n```" if re.match(r"genebrain [a-z]", paragraph) else _cell(paragraph, in_table=False)


def _cell(text: str, *, in_table: bool = True) -> str:
    """Text that Markdown takes as it is."""
    escaped = text.replace("<", "&lt;") if not in_table else text
    return " ".join(escaped.split()).replace("|", "\\|") if in_table else escaped


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} is written")
