"""One self-contained HTML page per run: the answer first, each value beside its null, then how it came about."""

import base64
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from analyses.figures.atlas import describe_atlas
from analyses.figures.canvas import FOLLOWING
from analyses.report.attention import gather_attention
from analyses.report.drawings import draw_figures
from analyses.report.drawn import Drawn, page_key
from analyses.report.environment import make_environment
from analyses.report.findings import CONTROL, is_significant, planted_ranks
from analyses.report.methods import make_methods
from analyses.report.opening import compared_arms, make_opening
from analyses.report.tails import explain_tails, is_fitted, tail_rows
from analyses.results.folder import Results, load_results
from analyses.results.serialisation import read_json
from encoders.publishing import published_file

_PAGE = "report"

_COLOUR_NAMES = {colour.lower(): name for colour, name in FOLLOWING.items()}
_FOLLOWING = re.compile(rf"\b(fill|stroke): ({'|'.join(_COLOUR_NAMES)})\b", re.IGNORECASE)


def make_report(run_folder: Path, *, n_jobs: int = 1, anew: bool = False) -> Path:
    """Write ``report.html`` and ``figures/`` of a results folder; what is there and was made from the same, stays.

    The page loads nothing from outside and holds aggregates only; without scripts it lacks nothing.

    Parameters
    ----------
    run_folder : Path
        A results folder with finished alignments.
    n_jobs : int
        Processes that draw.
    anew : bool
        Draw all of it again.

    Returns
    -------
    Path
        The page, written whole or not at all.

    Raises
    ------
    InputError
        If a file that the run lists is missing.
    """
    drawn, key = Drawn(run_folder, anew=anew), page_key(run_folder)
    if (found := drawn.find(_PAGE, key)) is not None:
        return found[_PAGE]
    results = load_results(run_folder)
    figures = draw_figures(results, drawn, n_jobs=n_jobs)
    page = make_environment().get_template("report.html").render(_context(results, figures))
    path = run_folder / "report.html"
    with published_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    drawn.keep(_PAGE, key, {_PAGE: path, **figures})
    return path


def _arm_labels(results: Results) -> dict[str, str]:
    """Of arms that were compared too, whose alignments may have been taken away since."""
    rows = () if results.comparison is None else results.comparison.rows
    return {row.arm: row.arm_label for row in rows} | {
        one.summary.arm: one.summary.arm_label for one in results.headlines()
    }


def _context(results: Results, figures: Mapping[str, Path]) -> dict[str, Any]:
    headlines, comparison, opening = results.headlines(), results.comparison, make_opening(results)
    tails = {headline.alignment.name: tail_rows(headline) for headline in headlines}
    opened = [headline.alignment.name for headline in headlines if is_significant(headline)]
    return {
        "run": results.run,
        "opening": opening,
        "attention": gather_attention(results),
        "methods": make_methods(results),
        "rows": headlines,
        "view_names": list(dict.fromkeys(headline.summary.view for headline in headlines)),
        "tails": {name: rows if is_fitted(tails) else [] for name, rows in tails.items()},
        "tails_explained": explain_tails(tails),
        "opened": opened or [one.alignment.name for one in headlines if one.summary.role != CONTROL][:1],
        "corrected_over_arms": results.corrected_over_arms,
        "experiment": results.run.experiment,
        "result": results.experiment,
        "probed": results.probe,
        "comparison": comparison,
        "comparison_sentences": [one for one in compared_arms(results) if one not in opening.sentences],
        "compared": comparison is not None and comparison.arms is not None,
        "labels": _arm_labels(results),
        "planted_ranks": planted_ranks(results),
        "planted_arms": _planted_arms(results),
        "figures": {name: _inline(path) for name, path in figures.items()},
        "brain_notes": list(dict.fromkeys(filter(None, (describe_atlas(results, one) for one in results.alignments)))),
        "environment": read_json(results.path / "env.json"),
        "config": (results.path / "config" / "resolved.yaml").read_text(encoding="utf-8"),
    }


def _planted_arms(results: Results) -> list[str]:
    planted = results.run.planted
    if planted is None:
        return []
    return [one.summary.arm_label for one in results.alignments if one.summary.view == planted.view]


def _inline(path: Path) -> Any:
    """The drawing without its XML prologue; identifiers carry the figure's hash, so that no two figures share one, and
    colours that follow the page's have their names."""
    from markupsafe import Markup

    if path.suffix == ".png":
        encoded = base64.b64encode(path.read_bytes()).decode("ascii")
        return Markup('<img src="data:image/png;base64,{}">').format(encoded)
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    own = f"f{sha256(path.stem.encode()).hexdigest()[:8]}"
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}.", svg)
    return Markup(_FOLLOWING.sub(lambda found: f"{found[1]}: var(--{_COLOUR_NAMES[found[2].lower()]})", svg))
