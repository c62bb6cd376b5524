"""One self-contained HTML page per run: the answer first, each value beside its null, then how it came about."""

import base64
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from analyses.experiments.registry import find_experiment
from analyses.figures.atlas import describe_atlas
from analyses.figures.comparison import draw_comparison
from analyses.figures.sequences.probes import draw_probes
from analyses.report.attention import gather_attention
from analyses.report.drawings import draw_figures
from analyses.report.environment import make_environment
from analyses.report.findings import CONTROL, is_significant, planted_ranks
from analyses.report.methods import make_methods
from analyses.report.opening import compared_arms, make_opening
from analyses.results.folder import Results, load_results
from analyses.results.serialisation import read_json
from encoders.publishing import published_file

_TEMPLATES = Path(__file__).parent / "templates"


def make_report(run_folder: Path, *, n_jobs: int = 1) -> Path:
    """Write ``report.html`` and ``figures/`` of a results folder.

    The page loads nothing from outside and holds aggregates only; without scripts it lacks nothing.

    Parameters
    ----------
    run_folder : Path
        A results folder with finished alignments.
    n_jobs : int
        Processes that draw.

    Returns
    -------
    Path
        The page, written whole or not at all.

    Raises
    ------
    InputError
        If a file that the run lists is missing.
    """
    results = load_results(run_folder)
    page = make_environment().get_template("report.html").render(_context(results, n_jobs))
    path = run_folder / "report.html"
    with published_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _arm_labels(results: Results) -> dict[str, str]:
    """Of arms that were compared too, whose alignments may have been taken away since."""
    rows = () if results.comparison is None else results.comparison.rows
    return {row.arm: row.arm_label for row in rows} | {
        one.summary.arm: one.summary.arm_label for one in results.headlines()
    }


def _context(results: Results, n_jobs: int) -> dict[str, Any]:
    headlines, comparison = results.headlines(), results.comparison
    compared = comparison if comparison is not None and comparison.arms is not None else None
    drawn = draw_figures(results, n_jobs=n_jobs)
    if compared:
        drawn |= draw_comparison(compared, results.path / "figures")
    name, experiment = results.run.experiment, results.experiment
    if results.probe is not None and results.probe.arms:
        drawn |= draw_probes(results.probe, results.path / "figures")
    if experiment is not None:
        drawn |= find_experiment(name).draw(experiment, results.path / "figures")
    opened = [headline.alignment.name for headline in headlines if is_significant(headline)]
    return {
        "run": results.run,
        "opening": make_opening(results),
        "attention": gather_attention(results),
        "methods": make_methods(results),
        "rows": headlines,
        "view_names": list(dict.fromkeys(headline.summary.view for headline in headlines)),
        "opened": opened or [one.alignment.name for one in headlines if one.summary.role != CONTROL][:1],
        "corrected_over_arms": results.corrected_over_arms,
        "experiment": name,
        "result": experiment,
        "probed": results.probe,
        "comparison": comparison,
        "comparison_sentences": compared_arms(results),
        "labels": _arm_labels(results),
        "planted_ranks": planted_ranks(results),
        "planted_arms": _planted_arms(results),
        "figures": {name: _inline(path) for name, path in drawn.items()},
        "brain_notes": {alignment.name: describe_atlas(results, alignment) for alignment in results.alignments},
        "environment": read_json(results.path / "env.json"),
        "config": (results.path / "config" / "resolved.yaml").read_text(encoding="utf-8"),
    }


def _planted_arms(results: Results) -> list[str]:
    planted = results.run.planted
    if planted is None:
        return []
    return [one.summary.arm_label for one in results.alignments if one.summary.view == planted.view]


def _inline(path: Path) -> Any:
    """The drawing without its XML prologue; identifiers carry the figure's hash, so that no two figures share one."""
    from markupsafe import Markup

    if path.suffix == ".png":
        encoded = base64.b64encode(path.read_bytes()).decode("ascii")
        return Markup('<img src="data:image/png;base64,{}">').format(encoded)
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    own = f"f{sha256(path.stem.encode()).hexdigest()[:8]}"
    return Markup(re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}.", svg))
