"""What a run would do, without doing it: subjects, dimensions, distinct windows, seconds and memory."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

from analyses.config import RunConfig
from analyses.pipeline import Pipeline

_PROBE_SEQUENCES = 4


def make_plan(config: RunConfig) -> dict[str, Any]:
    """Read the inputs, count the windows in memory, time a few windows per encoder and one matrix product.

    Returns
    -------
    dict
        ``n_subjects``, ``confounds``, ``windows``, ``arms`` (distinct windows to embed, seconds), ``views``,
        ``alignment_seconds``, ``memory_gb``: estimates from this machine, now.
    """
    from analyses.genome import count_windows

    pipeline = Pipeline(config, dry=True)
    cohort = pipeline.cohort
    table, summary = count_windows(pipeline.genome, config.genome, cohort.subject_ids)
    arms = [_plan_arm(pipeline, name, table.sequences) for name in pipeline.encoders]
    views = {name: brain.values.shape[1] for name, brain in cohort.brain.items()}
    n = len(cohort.subject_ids)
    widest = max(len(table.gene_ids) * arm["hidden_dim"] for arm in arms)
    return {
        "n_subjects": n,
        "n_confound_columns_named": len(config.confounds),
        "views": views,
        "windows": {key: summary[key] for key in ("n_genes", "n_sequences_total", "n_distinct", "gain")},
        "arms": arms,
        "x_columns": widest,
        "alignment_seconds": round(_alignment_seconds(config, n) * len(arms) * len(views), 1),
        "memory_gb": round((8 * n * n * 3 + 8 * n * max(views.values()) * 3) / 2**30 + 1.0, 1),
    }


def describe(plan: dict[str, Any], *, as_json: bool = False) -> str:
    """The plan as JSON or as lines for a person."""
    if as_json:
        return json.dumps(plan, indent=1)
    windows = plan["windows"]
    lines = [
        f"subjects            {plan['n_subjects']:,}",
        f"genes               {windows['n_genes']}",
        f"distinct windows    {windows['n_distinct']:,} of {windows['n_sequences_total']:,}",
    ]
    lines += [f"brain view          {name}: {width} features" for name, width in plan["views"].items()]
    lines += [
        f"encoder             {arm['label']}: {windows['n_genes']} x {arm['hidden_dim']} columns, "
        f"{arm['n_to_embed']:,} windows to embed, about {arm['seconds']:,.0f} s"
        for arm in plan["arms"]
    ]
    lines.append(f"alignment           about {plan['alignment_seconds']:,.0f} s in all")
    lines.append(f"memory              about {plan['memory_gb']} GB")
    return "\n".join(lines)


def _plan_arm(pipeline: Pipeline, name: str, sequences: tuple[str, ...]) -> dict[str, Any]:
    """Seconds by timing a few windows; the probe's vectors are thrown away."""
    from encoders.dna.embed import missing_sequences

    encoder = pipeline.encoders[name]
    todo = missing_sequences(encoder.spec, sequences, pipeline.store(name))
    seconds = 0.0
    if todo:
        probe = todo[:_PROBE_SEQUENCES]
        encoder.embed(probe[:1])  # the first pass pays for allocation and kernel choice
        begun = time.perf_counter()
        encoder.embed(probe)
        bases = sum(map(len, probe))
        seconds = (time.perf_counter() - begun) * sum(map(len, todo)) / max(bases, 1)
    return {
        "arm": name,
        "label": encoder.spec.label,
        "hidden_dim": encoder.spec.hidden_dim,
        "n_to_embed": len(todo),
        "seconds": round(seconds, 1),
    }


def _alignment_seconds(config: RunConfig, n: int) -> float:
    """Permutations as matrix products at this machine's rate, and one eigendecomposition per fold and side."""
    settings = config.alignment
    side = min(512, n)
    probe = np.ones((side, side))
    begun = time.perf_counter()
    probe @ probe
    flops_per_second = 2 * side**3 / (time.perf_counter() - begun)
    width = min(settings.pca_components, max(n // 20, 1))
    permuting = settings.n_permutations * (config.folds.n_splits + 4) * (2 * n * width * width + 30 * width**3)
    reducing = (config.folds.n_splits + 1) * 2 * 12 * min(n, 6000) ** 3
    return (permuting / config.workers + reducing) / flops_per_second
