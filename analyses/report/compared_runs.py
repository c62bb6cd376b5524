"""One page that holds several finished runs against one another: their first screens, all alignments, differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyses.alignment.run_differences import find_differences
from analyses.errors import InputError
from analyses.report.environment import make_environment
from analyses.report.opening import Opening, make_opening
from analyses.results.folder import Results, load_several
from encoders.publishing import published_file


@dataclass(frozen=True)
class _Shown:
    """One run on the page."""

    name: str
    results: Results
    opening: Opening


def make_comparison_page(folders: Sequence[Path], output: Path) -> Path:
    """Write a page that compares results folders; it loads nothing from outside and holds aggregates only.

    Differences are those of held-out correlations, an earlier named run minus a later one, and only between runs of the
    same subjects in the same folds; of others the page says why there is none.

    Parameters
    ----------
    folders : sequence of Path
        Results of two or more runs.
    output : Path
        The page, written whole or not at all.

    Raises
    ------
    InputError
        Fewer than two folders, one of them twice, a folder that is damaged or incomplete, or a name of no page.
    """
    if output.suffix.lower() not in (".html", ".htm"):  # it may be a file of a run
        raise InputError(f"The comparison is a page, whose name ends in .html; got {output}: name it so.")
    runs = _open(folders)
    differences, incomparable = find_differences([(run.name, run.results) for run in runs])
    page = (
        make_environment()
        .get_template("compared_runs.html")
        .render(
            runs=runs,
            rows=[(run.name, headline) for run in runs for headline in run.results.headlines()],
            differences=differences,
            incomparable=incomparable,
            same_question=len({run.results.run.experiment for run in runs}) == 1,
        )
    )
    with published_file(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return output


def _open(folders: Sequence[Path]) -> list[_Shown]:
    runs = load_several(folders, what="A comparison of runs")
    return [_Shown(name, results, make_opening(results)) for name, results in runs.items()]
