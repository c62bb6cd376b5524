"""What a run would do, without doing it: subjects, dimensions, distinct windows, seconds and memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from analyses.arms.arm import PrecomputedArm
from analyses.arms.strands import WINDOWS_PER_GENE
from analyses.cohort.cautions import cautions_before_embedding, n_confound_columns
from analyses.cohort.design import describe_confounds
from analyses.cohort.features import columns_left_out, describe_features
from analyses.cohort.flow import describe_flow
from analyses.cohort.gaps import check_gaps
from analyses.config.run_config import RunConfig
from analyses.experiments.registry import MODULES
from analyses.genome.windows import describe_left_out, describe_sequences
from analyses.report.drawings import FIGURE_KINDS
from analyses.results.workspace import check_output
from analyses.run.run import Run
from analyses.workflow.durations import NOTHING, Duration, measure_warm, shared_out, total
from analyses.workflow.experiment_probes import PROBES, PlannedArm
from analyses.workflow.probes import Probe, probe_figure
from analyses.workflow.stages import COMPARISONS, check_experiment
from fusion import choose_dimensions
from fusion.decomposition.subspace import EXACT_LIMIT

if TYPE_CHECKING:
    from encoders.dna.protocol import SequenceEncoder

_T = TypeVar("_T")
_FEWEST_PROBED, _LONG_ENOUGH = 4, 0.3
"""Windows of the shortest probe of an encoder; seconds from which a probe is long enough to be told from noise."""
_LIBRARIES_GB = 0.8
_SHOWN = (
    "n_genes", "n_windows_per_haplotype", "n_haplotype_windows", "n_distinct_windows", "gain", "skipped_genes", "notes",
)  # fmt: skip


def make_plan(config: RunConfig) -> dict[str, Any]:
    """Read the inputs, count the windows in memory, and do a little of every stage to know what it takes here.

    Returns
    -------
    dict
        ``n_subjects``, ``n_effective``, ``cohort`` (tables, exclusions, remarks), ``views``,
        ``features`` (taken and left out), ``confounds``, ``cautions`` (what would make a test wrong), ``windows``,
        ``sequences`` (a line if these are more than the windows), ``arms`` (sequences to embed, seconds),
        ``alignments`` (dimensions, seconds), ``stages`` (seconds by stage; None of what is not estimated), ``seconds``,
        ``memory_gb``: estimates from this machine, now. Seconds are pairs, at least and at most, of a run from nothing
        but the vectors that the store holds.
    """
    from analyses.genome.windows import count_windows

    check_output(config.output)
    run = Run(config, dry=True)
    begun = time.perf_counter()
    cohort = run.cohort
    check_experiment(run)
    if config.plant is not None:
        run.brain = dict(cohort.brain)  # a link is planted into what windows will hold; nothing takes longer for it
    windows, sequences, reading = None, [], time.perf_counter() - begun
    loaded, loading = _timed(lambda: run.arms)
    arms = [_plan_panel(arm) for arm in loaded.values() if isinstance(arm, PrecomputedArm)]
    rank = len(cohort.subject_ids)
    if config.genome is not None:
        genome = config.genome
        (table, windows), counting = _timed(lambda: count_windows(run.genome, genome, cohort.subject_ids))
        reading += counting
        sequences = describe_sequences(table)
        arms += [_plan_arm(run, name, table.sequences, len(table.gene_ids)) for name in run.encoders]
        rank = min(rank, windows.n_distinct_windows)
    views = {name: brain.values.shape[1] for name, brain in cohort.brain.items()}
    n = len(cohort.subject_ids)
    n_confounds = n_confound_columns(config, cohort.covariates)
    check_gaps(config, cohort.brain, run.folds, n_confound_columns=n_confounds)
    cautions = cautions_before_embedding(config, cohort.covariates, cohort.brain, run.folds)
    n_effective = n - n_confounds - 1
    probe = Probe(run, rank, [arm["n_columns"] for arm in arms])
    alignments = [
        _plan_alignment(probe, n_effective, arm["label"], arm["n_columns"], view, width)
        for arm in arms
        for view, width in views.items()
    ]
    stages = {"windows": _done_once(reading), **_plan_stages(probe, arms, alignments, _done_once(loading))}
    known = total(stage for stage in stages.values() if stage is not None)
    return {
        "n_subjects": n,
        "n_effective": n_effective,
        "views": views,
        "features": {
            name: {"taken": list(brain.feature_names), "left_out": columns_left_out(brain)}
            for name, brain in cohort.brain.items()
        },
        "confounds": {one.column: one.kind for one in describe_confounds(config, cohort.covariates)},
        "described": describe_features(cohort.brain),
        "cohort": {"overlap": cohort.overlap, "exclusions": cohort.exclusions, "remarks": list(cohort.remarks)},
        "flow": describe_flow(cohort),
        "cautions": cautions,
        "windows": windows and {key: getattr(windows, key) for key in _SHOWN},
        "sequences": sequences,
        "arms": [_without_rates(arm) for arm in arms],
        "alignments": [item | {"seconds": item["seconds"].shown()} for item in alignments],
        "stages": {name: stage and stage.shown() for name, stage in stages.items()},
        "seconds": known.shown(),
        "memory_gb": _memory_gb(n, max(views.values())),
    }


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """What some work gives, and the seconds that it took."""
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def _done_once(seconds: float) -> Duration:
    """Of what a run does as the plan did it just now: files are warm by then, but results are written as well."""
    return Duration(seconds / 2, 2 * seconds)


def describe(plan: dict[str, Any], *, as_json: bool = False) -> str:
    """The plan as JSON or as lines for a person."""
    if as_json:
        return json.dumps({key: value for key, value in plan.items() if key not in ("described", "flow")}, indent=1)
    windows = plan["windows"]
    lines = [f"cohort              {line}" for line in plan["flow"]]
    lines += [f"subjects            {plan['n_subjects']:,}, effective {plan['n_effective']:,} after confounds"]
    if windows is not None:
        lines += [
            f"genes               {windows['n_genes']}",
            f"distinct windows    {windows['n_distinct_windows']:,} of {windows['n_haplotype_windows']:,}",
            *describe_left_out(windows["skipped_genes"], windows["notes"]),
            *(f"sequences           {line}" for line in plan["sequences"]),
        ]
    lines += [f"brain view          {line}" for line in plan["described"]]
    confounds = ", ".join(f"{column} ({kind})" for column, kind in plan["confounds"].items()) or "none"
    lines.append(f"confounds           {confounds}")
    lines += [
        f"encoder             {arm['label']}: {arm['n_columns']:,} columns, {arm['hidden_dim']} a gene, "
        f"{arm['n_to_embed']:,} sequences to embed, {Duration(*arm['seconds'])}"
        for arm in plan["arms"]
    ]
    lines += [
        f"alignment           {item['arm']} x {item['view']}: {item['x_cca']} x {item['y_cca']} dimensions enter CCA, "
        f"{Duration(*item['seconds'])}"
        for item in plan["alignments"]
    ]
    lines += [f"caution             {sentence}" for sentence in plan["cautions"]]
    lines += [f"stage               {name}: {_shown(seconds)}" for name, seconds in plan["stages"].items()]
    unknown = [name for name, seconds in plan["stages"].items() if seconds is None]
    without = f", without {' and '.join(unknown)}" if unknown else ""
    lines.append(f"in all              {Duration(*plan['seconds'])}{without}, and {plan['memory_gb']} GB")
    return "\n".join(lines)


def _shown(seconds: Sequence[float] | None) -> str:
    return "not estimated" if seconds is None else str(Duration(*seconds))


def _plan_panel(arm: PrecomputedArm) -> dict[str, Any]:
    """Vectors that are there cost nothing."""
    return {
        "arm": arm.name,
        "label": arm.spec.label,
        "hidden_dim": arm.spec.hidden_dim,
        "n_columns": arm.panel.shape[1],
        "n_to_embed": 0,
        "seconds": NOTHING,
        "anew": NOTHING,
        "strands": NOTHING,
    }


def _plan_arm(run: Run, name: str, sequences: tuple[str, ...], n_genes: int) -> dict[str, Any]:
    """Seconds by timing a few windows; the probe's vectors are thrown away."""
    from encoders.embedding import missing_sequences, readable_sequences

    encoder = run.encoders[name]
    todo = missing_sequences(encoder.spec, sequences, run.store(name))
    readable = readable_sequences(encoder.spec, sequences)
    n_bases = sum(map(len, readable))
    is_asked = bool(todo) or run.config.experiment in {*COMPARISONS, *PROBES}
    per_base = _time_encoder(encoder, readable) if readable and is_asked else NOTHING
    of_strands = 2 * WINDOWS_PER_GENE * n_genes * n_bases / max(len(readable), 1)
    return {
        "arm": name,
        "label": encoder.spec.label,
        "hidden_dim": encoder.spec.hidden_dim,
        "n_columns": n_genes * encoder.spec.hidden_dim,
        "n_to_embed": len(todo),
        "seconds": per_base.times(sum(map(len, todo))).widened(),
        "anew": per_base.times(n_bases).widened(),
        "strands": per_base.times(of_strands).widened(),
    }


_INNER = ("anew", "strands")


def _without_rates(arm: dict[str, Any]) -> dict[str, Any]:
    """What a plan says of an arm."""
    shown = {key: value for key, value in arm.items() if key not in _INNER}
    return shown | {"seconds": arm["seconds"].shown()}


def _time_encoder(encoder: SequenceEncoder, sequences: Sequence[str]) -> Duration:
    """Seconds a base, of windows of all lengths, so many that it takes long enough to be told from noise."""
    by_length = sorted(sequences, key=len)
    n = min(_FEWEST_PROBED, len(by_length))
    while True:
        step = len(by_length) / n
        probe = [by_length[int((place + 0.5) * step)] for place in range(n)]
        encoder.embed(probe)  # the first pass pays for allocation and kernel choice
        taken = measure_warm(partial(encoder.embed, probe))
        if taken.low > _LONG_ENOUGH or n == len(by_length):
            return taken.times(1 / max(sum(map(len, probe)), 1))
        n = min(4 * n, len(by_length))


def _plan_alignment(
    probe: Probe, n_effective: int, arm: str, n_columns: int, view: str, n_features: int
) -> dict[str, Any]:
    """Dimensions by the run's own rule, capped by columns; seconds by aligning made-up genes of this size."""
    settings = probe.run.config.alignment
    most = min(settings.pca_components, n_effective)
    auto = choose_dimensions(n_effective, min(most, n_columns), min(most, n_features), min_ratio=settings.min_ratio)
    wanted = (settings.x_dimensions, settings.y_dimensions)
    p, q = (a if w == "auto" else int(w) for a, w in zip(auto, wanted, strict=True))
    return {"arm": arm, "view": view, "x_cca": p, "y_cca": q, "seconds": probe.alignment(n_columns)}


def _plan_stages(
    probe: Probe, arms: Sequence[dict[str, Any]], alignments: Sequence[dict[str, Any]], loading: Duration
) -> dict[str, Duration | None]:
    """Every stage after the windows. What arms are compared by is counted as their strands and one more reduction."""
    config = probe.run.config
    stages: dict[str, Duration | None] = {
        "embed": total([loading, *(arm["seconds"] for arm in arms)]),
        "align": total([*(item["seconds"] for item in alignments), probe.once]),
    }
    if config.experiment in COMPARISONS:
        reduced = [probe.reduction(arm["n_columns"]) for arm in arms]
        stages["compare"] = total([*reduced, *(arm["strands"] for arm in arms)])
    if config.experiment in MODULES:
        own = PROBES.get(config.experiment)
        planned = [PlannedArm(arm["n_columns"], arm["anew"]) for arm in arms]
        stages[config.experiment] = None if own is None else own(probe, planned)
    n_figures = 1 + len(alignments) * (len(FIGURE_KINDS) + 1)
    first, further = probe_figure()
    stages["report"] = (first + shared_out(further.times(n_figures), config.workers)).widened()
    if config.tracking.enabled:
        stages["log"] = None  # how quick a tracking store is, only logging shows
    return stages


def _memory_gb(n: int, widest: int) -> float:
    """Libraries, the Gram matrix of an exact PCA with its eigenvectors, and three copies of the widest table."""
    rows = min(n, EXACT_LIMIT)  # beyond it PCA iterates and holds no subjects x subjects matrix
    return round(_LIBRARIES_GB + 8 * (3 * rows * rows + 3 * n * widest) / 2**30, 1)
