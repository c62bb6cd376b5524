"""The note on the whole pipeline: what each stage took at each size, what was asked, and the figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.benchmarks.cohort_note import describe_machine
from tests.benchmarks.growth import FEWEST, Growth

SIZES = (500, 5_000, 28_932, 100_000, 500_000)
STAGES = ("windows", "embed", "recipe", "align", "report")
"""The recipe is residualisation and PCA of the gene view, once; `align` does it again as a part of its work."""

FEW = "align of 19"
"""The alignment with 19 permutations: they take no memory, so that it shows at sizes where 999 would take hours."""

MEMORY_SIZES = (50_000, 100_000, 200_000)
"""Of `FEW`: folds lie in files there, as at 500,000."""

COMMANDS = ("windows", "embed", "align", "report")
ARMS = {"kmer": "BCF, 5-mer spectrum", "network": "PGEN, untrained network of DNABERT-2's kind"}
COHORT, MINUTES = 28_932, 15
LIMITS_GB = {100_000: 8.0, 500_000: 12.0}
MEASURES = ("seconds", "cpu_seconds", "peak_gb", "disk_gb")
_LINEAR = 1.05
"""Exponents of what is linear, with a margin for what else a machine does."""

Figures = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Cell:
    """One stage at one size; extrapolated where it was not measured."""

    values: Mapping[str, float]
    measured: bool


def collect(figures: Figures, arm: str, stage: str) -> dict[int, Cell]:
    """All sizes of a stage: those measured, and the others as far as three sizes tell them."""
    cells = collect_measured(figures, arm, stage)
    found = {n: cell.values for n, cell in cells.items()}
    if len(found) >= FEWEST:
        for n in [n for n in SIZES if n > max(found)]:
            costs = {one: {size: values[one] for size, values in found.items()} for one in MEASURES}
            cells[n] = Cell({one: _extrapolated(of_one, n) for one, of_one in costs.items()}, measured=False)
            if stage == "align" and (peak := _peak_of_few(figures, arm, n)) is not None:
                cells[n] = Cell({**cells[n].values, "peak_gb": peak}, measured=False)
    return dict(sorted(cells.items()))


def collect_measured(figures: Figures, arm: str, stage: str) -> dict[int, Cell]:
    """The sizes of a stage that were measured."""
    keys = {n: f"{n} {arm} {stage}" for n in _sizes(figures)}
    return {n: Cell(figures[key], measured=True) for n, key in keys.items() if key in figures}


def _peak_of_few(figures: Figures, arm: str, n_subjects: int) -> float | None:
    """Memory of `FEW`, measured or extrapolated from its sizes; None where these are too few."""
    peaks = {n: figures[key]["peak_gb"] for n in _sizes(figures) if (key := f"{n} {arm} {FEW}") in figures}
    if n_subjects in peaks:
        return peaks[n_subjects]
    return Growth(peaks).at(n_subjects) if len(peaks) >= FEWEST else None


def _extrapolated(costs: Mapping[int, float], n_subjects: int) -> float:
    return Growth(costs).at(n_subjects) if all(costs.values()) else 0.0  # of a stage that writes nothing


def write_note(figures: Figures, folder: Path) -> None:
    """Write ``pipeline.md`` and, where anything was measured at two sizes, ``pipeline.svg``."""
    cells = {(arm, stage): collect(figures, arm, stage) for arm in ARMS for stage in STAGES}
    few = {(arm, FEW): collect_measured(figures, arm, FEW) for arm in ARMS}
    lines = ["# The whole pipeline against subjects", "", *_introduction(), "", *_machine_lines(), ""]
    lines += ["## What was asked", "", *_verdicts(cells), "", "![cost against subjects](pipeline.svg)", ""]
    lines += ["## The cohorts", "", *_cohort_lines(figures), ""]
    for arm, label in ARMS.items():
        lines += [f"## {label}", "", *_table(arm, cells | few), ""]
    (folder / "pipeline.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    _plot(cells, folder / "pipeline.svg")


def _sizes(figures: Figures) -> list[int]:
    return sorted({int(key.split()[0]) for key in figures})


def _introduction() -> list[str]:
    return [
        'Written by `make bench-pipeline`; `SIZES="500 5000"` chooses cohorts, `UNTIL=embed` the last stage. 56 genes,',
        "68 brain features with a planted link, 9 confounds, PCA-512, 999 permutations in sample and over 5 folds, 2",
        "workers. Each stage is the command of that name in a process of its own, its start and the reading of the",
        "cohort included. *recipe* is the gene view residualised and reduced once, which *align* does again; it is no",
        "command of its own. Memory is that of all processes of a stage together, shared pages counted once, looked at",
        "five times a second, and at least the peak of each. Rows with ~ are extrapolated from the three largest sizes",
        "of the stage: on a line, or by the power of the last two where that is more than 1. Memory of *align* in such",
        f"rows is that of *{FEW}*, the alignment with 19 permutations, which take no memory: measured, or extrapolated",
        f"from {', '.join(f'{n:,}' for n in MEMORY_SIZES)} subjects, where folds lie in files.",
        "",
        "CCA takes one dimension for every 10 effective training subjects. So *align* has more dimensions as well as",
        "more subjects up to about 7,300 of these, where all 512 and 68 are taken, and grows faster below.",
    ]


def _machine_lines() -> list[str]:
    said = "Other work ran on the same cores: seconds on the wall are upper bounds."
    return [f"{describe_machine()} {said} Written on {date.today():%d %B %Y}."]


def _verdicts(cells: Mapping[tuple[str, str], Mapping[int, Cell]]) -> list[str]:
    return [
        "| asked | found | |",
        "|---|---|---|",
        *_minutes(cells),
        *(row for n, limit in LIMITS_GB.items() for row in _memory(cells, n, limit)),
        *_exponents(cells),
    ]


def _minutes(cells: Mapping[tuple[str, str], Mapping[int, Cell]]) -> list[str]:
    parts = [found[COHORT] for stage in COMMANDS if COHORT in (found := cells["kmer", stage])]
    asked = f"{COHORT:,} subjects, BCF to report, 5-mers: <= {MINUTES} min"
    if missing := [stage for stage in COMMANDS if COHORT not in cells["kmer", stage]]:
        return [f"| {asked} | not known: {', '.join(missing)} not measured at {FEWEST} sizes | |"]
    wall, work = (sum(part.values[one] for part in parts) / 60 for one in ("seconds", "cpu_seconds"))
    said = f"{_mark(all(part.measured for part in parts))}{wall:.1f} min, {work:.1f} min of processor time"
    return [f"| {asked} | {said} | {_verdict(wall <= MINUTES)} |"]


def _memory(cells: Mapping[tuple[str, str], Mapping[int, Cell]], n: int, limit: float) -> list[str]:
    found = [(of_stage[n], arm, stage) for (arm, stage), of_stage in cells.items() if n in of_stage]
    if not found:
        return []
    most, arm, stage = max(found, key=lambda one: one[0].values["peak_gb"])
    peak = most.values["peak_gb"]
    said = f"{_mark(most.measured)}{peak:.1f} GB ({stage}, {arm})"
    unknown = [f"{stage} ({arm})" for (arm, stage), of_stage in cells.items() if n not in of_stage]
    said += f"; not known of {', '.join(unknown)}" if unknown else ""
    verdict = "open" if unknown and peak <= limit else _verdict(peak <= limit)
    return [f"| no stage above {limit:.0f} GB at {n:,} | {said} | {verdict} |"]


def _exponents(cells: Mapping[tuple[str, str], Mapping[int, Cell]]) -> list[str]:
    rows = []
    for (arm, stage), of_stage in cells.items():
        costs = {n: cell.values["cpu_seconds"] for n, cell in of_stage.items() if cell.measured}
        if len(costs) > 1:
            exponent, (small, large) = Growth(costs).exponent, sorted(costs)[-2:]
            said = f"processor time as subjects to the {exponent:.2f} ({small:,} to {large:,})"
            rows.append(f"| {stage}, {arm}: linear or better | {said} | {_verdict(exponent <= _LINEAR)} |")
    return rows


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def _mark(measured: bool) -> str:
    return "" if measured else "~"


def _cohort_lines(figures: Figures) -> list[str]:
    lines = [
        "Coalescent of three populations, records of exons alone. Its populations grow less than those of people did",
        "lately: real cohorts have several times as many rare variants, and so distinct windows.",
        "",
        "| subjects | records | windows of all haplotypes | distinct | BCF | PGEN |",
        "|---|---|---|---|---|---|",
    ]
    for n in _sizes(figures):
        made, counted = figures.get(f"{n} cohort"), figures.get(f"{n} kmer windows")
        if made and counted:
            counts = [f"{counted[name]:,.0f}" for name in ("records", "haplotype_windows", "distinct_windows")]
            files = [f"{1e3 * made[name]:.2f} MB" for name in ("bcf_gb", "pgen_gb")]
            lines.append(f"| {n:,} | {' | '.join(counts + files)} |")
    return lines


def _table(arm: str, cells: Mapping[tuple[str, str], Mapping[int, Cell]]) -> list[str]:
    lines = ["| stage | subjects | seconds | processor seconds | peak memory | written |", "|---|---|---|---|---|---|"]
    for stage in (*STAGES, FEW):
        for n, cell in cells[arm, stage].items():
            mark, v = _mark(cell.measured), cell.values
            lines.append(
                f"| {stage} | {mark}{n:,} | {mark}{v['seconds']:,.0f} | {mark}{v['cpu_seconds']:,.0f} "
                f"| {mark}{v['peak_gb']:.2f} GB | {mark}{1e3 * v['disk_gb']:,.1f} MB |"
            )
    return lines


def _plot(cells: Mapping[tuple[str, str], Mapping[int, Cell]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "pipeline"
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharex=True)
    for axis, measure, label in zip(axes, ("cpu_seconds", "peak_gb"), ("processor seconds", "GB"), strict=True):
        for colour, stage in enumerate(STAGES):
            for arm, style in zip(ARMS, ("-", "--"), strict=True):
                _draw(axis, cells[arm, stage], measure, color=f"C{colour}", linestyle=style, label=f"{stage}, {arm}")
        axis.set(xlabel="subjects", ylabel=label, xscale="log", yscale="log")
        axis.spines[["top", "right"]].set_visible(False)
    _draw_slope(axes[0])
    axes[1].hlines(list(LIMITS_GB.values()), [n / 1.5 for n in LIMITS_GB], [n * 1.5 for n in LIMITS_GB], color="0.3")
    axes[1].annotate(
        "limits", (max(LIMITS_GB), max(LIMITS_GB.values())), (0, 4), textcoords="offset points", fontsize=8
    )
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw(axis: object, of_stage: Mapping[int, Cell], measure: str, **style: str) -> None:
    """A line through all sizes, with full points where they were measured and hollow ones where not."""
    if not of_stage:
        return
    sizes, values = list(of_stage), [cell.values[measure] for cell in of_stage.values()]
    axis.plot(sizes, values, linewidth=1.2, **style)
    for measured, face in ((True, style["color"]), (False, "white")):
        chosen = [place for place, cell in enumerate(of_stage.values()) if cell.measured is measured]
        points = ([sizes[place] for place in chosen], [values[place] for place in chosen])
        axis.plot(*points, "o", color=style["color"], markerfacecolor=face, markersize=4.5)


def _draw_slope(axis: object) -> None:
    low, high = axis.get_ylim()
    start = SIZES[1]
    axis.plot(
        [start, SIZES[-1]], [low * 1.3, low * 1.3 * SIZES[-1] / start], color="0.6", linestyle=":", label="slope 1"
    )
    axis.set_ylim(low, high)
