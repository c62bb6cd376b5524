"""The list of commands, in groups and with whole sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from typer.core import TyperGroup

from analyses.cli.faults import Commands

GROUPS = {
    "From files to an answer": ("demo", "init", "config", "run", "results", "ui"),
    "Stages, one at a time": ("windows", "embed", "align", "compare", "report", "log"),
    "Cohort and brain": ("kinship", "ancestry", "brain", "haplotypes"),
    "Encoders": ("encoders", "verify-encoder", "check-encoder", "motifs"),
    "Encoders that learn": ("pretrain", "tasks", "finetune"),
    "Before and beside": ("power", "meta", "doctor", "audit-privacy"),
}
_WHOLE = 10_000  # letters: no sentence is cut


class ListedCommands(TyperGroup):
    """Commands below a command, each with its whole sentence."""

    # The types are those of click in one version of typer, of its own copy of click in another.
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write them, in the order in which they were added."""
        shown = {name: command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        with formatter.section("Commands"):
            formatter.write(_entries(shown, max(map(len, shown), default=0), formatter.width))


class GroupedCommands(Commands):
    """Lists every command under its group; one that is in none comes last, so that none can be missing."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the groups, each command with the first sentence of its help."""
        left = {name: command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        groups = {title: [name for name in names if name in left] for title, names in GROUPS.items()}
        others = [name for name in left if not any(name in names for names in groups.values())]
        widest = max(map(len, left), default=0)
        for title, names in (groups | {"Others": others}).items():
            if names:
                with formatter.section(title):
                    formatter.write(_entries({name: left[name] for name in names}, widest, formatter.width))


def _entries(commands: Mapping[str, Any], widest: int, width: int) -> str:
    return "".join(_entry(name, command, widest, width) for name, command in commands.items())


def _entry(name: str, command: Any, widest: int, width: int) -> str:
    """One command; its sentence is wrapped beside its name."""
    sentence = command.get_short_help_str(_WHOLE)
    indent = " " * (widest + 4)
    lines = textwrap.wrap(sentence, max(20, width - len(indent))) or [""]
    return f"  {name.ljust(widest)}  " + f"\n{indent}".join(lines) + "\n"
