"""What the first screen of a report says, for a terminal: the answer, then every alignment in one line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from analyses.errors import InputError, printable
from analyses.formats import format_number, format_p
from analyses.report.findings import CONTROL, answer
from analyses.report.opening import make_opening
from analyses.results.folder import Results, load_results
from encoders.errors import InputError as EncodersError

RUN = "run.json"
_WIDTH = 100
_HEAD = ("arm", "brain view", "ρ₁ held out", "95 % interval", "null 95 %", "p", "trace", "p")


def find_results(folder: Path) -> list[Path]:
    """Results folders at a place: itself, or those directly in it, the newest first.

    Raises
    ------
    InputError
        There is none.
    """
    if (folder / RUN).is_file():
        return [folder]
    found = [path for path in folder.glob("*") if (path / RUN).is_file()] if folder.is_dir() else []
    if not found:
        raise InputError(f"A results folder is required; {folder} is none and holds none: name the output of a run.")
    return sorted(found, key=lambda path: (path / RUN).stat().st_mtime, reverse=True)


def find_run(folder: Path) -> Path:
    """The results folder at a place, which may stand alone in the folder that is named.

    Raises
    ------
    InputError
        There is none, or several.
    """
    found = find_results(folder)
    if len(found) > 1:
        raise InputError(
            f"The results folder of one run is required; {folder} holds {len(found)}: name one of them, "
            f"{found[0]} is the newest."
        )
    return found[0]


def list_runs(folders: Sequence[Path]) -> str:
    """One run a paragraph: folder, experiment, subjects, and the first sentence of its answer."""
    return "\n".join(line for folder in folders for line in _entry(folder))


def show_run(folder: Path) -> str:
    """The answer of one run, and its alignments as a table."""
    results = load_results(folder)
    run, opening = results.run, make_opening(results)
    cells = [f"{cell.question}: {cell.value} ({cell.detail})" for cell in opening.cells]
    return "\n".join(
        [
            f"{printable(run.title or run.name)} ({printable(run.experiment)})",
            *(
                line
                for sentence in (*opening.sentences, *cells, *opening.more, *opening.in_full)
                for line in _wrapped(sentence)
            ),
            "",
            *_table([[*_cells(results)]]),
            "",
            f"Report   {printable(str(folder / 'report.html'))}",
        ]
    )


def compare_runs(folders: Sequence[Path]) -> str:
    """Alignments of several runs in one table, each below the name of its run.

    Values of one column may be compared with caution: each run has its own subjects, folds and family of tests.
    """
    groups = [[[printable(str(folder))], *_cells(load_results(folder))] for folder in folders]
    note = "Each run is corrected over its own tests; runs on the same subjects are not independent of one another."
    return "\n".join([*_table(groups), "", *_wrapped(note)])


def _entry(folder: Path) -> Iterator[str]:
    try:
        results = load_results(folder)
    except (InputError, EncodersError) as error:  # the others can be listed nevertheless
        yield from (printable(str(folder)), *_wrapped(f"cannot be read: {error}"))
        return
    run, found = results.run, results.experiment
    first = next(iter([*(() if found is None else found.answer), *answer(results)]))
    yield f"{printable(str(folder))}  ({printable(run.experiment)}, {len(results.alignments)} alignments)"
    yield from _wrapped(first)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(printable(text), _WIDTH, initial_indent="  ", subsequent_indent="  ")


def _cells(results: Results) -> Iterator[list[str]]:
    for one in results.headlines():
        low, high = one.interval
        interval = "–" if low is None or high is None else f"{format_number(low)} to {format_number(high)}"
        control = " (negative control)" if one.summary.role == CONTROL else ""
        yield [
            printable(one.summary.arm_label),
            printable(one.summary.view) + control,
            format_number(one.rho),
            interval,
            format_number(one.summary.held_out.first_null_q95),
            format_p(one.p_corrected),
            format_number(None if one.trace is None else one.trace.value),
            format_p(one.trace_p_corrected),
        ]


def _table(groups: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    """Columns as wide as their widest cell; a row of one cell is a heading."""
    rows = [list(_HEAD), *(list(row) for group in groups for row in group)]
    widths = [max(len(row[place]) for row in rows if len(row) > 1) for place in range(len(_HEAD))]
    lines = [zip(row, widths, strict=True) if len(row) > 1 else [(row[0], 0)] for row in rows]
    return ["  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in lines]
