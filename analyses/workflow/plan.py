"""What a run would do, without doing it: subjects, dimensions, distinct windows, seconds and memory."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import numpy as np

from analyses.arms.arm import PrecomputedArm
from analyses.cohort.cautions import cautions_before_embedding, n_confound_columns
from analyses.cohort.design import describe_confounds
from analyses.cohort.features import columns_left_out, describe_features
from analyses.cohort.flow import describe_flow
from analyses.cohort.gaps import check_gaps
from analyses.config.run_config import RunConfig
from analyses.genome.windows import describe_left_out
from analyses.run.run import Run
from fusion import (
    choose_dimensions,
    cross_validated_cca,
    permutation_tests_cca,
)
from fusion.decomposition.subspace import EXACT_LIMIT

_PROBE_SEQUENCES, _PROBE_PERMUTATIONS = 4, 9
_LIBRARIES_GB = 0.8
_SHOWN = (
    "n_genes", "n_windows_per_haplotype", "n_haplotype_windows", "n_distinct_windows", "gain", "skipped_genes", "notes",
)  # fmt: skip


def make_plan(config: RunConfig) -> dict[str, Any]:
    """Read the inputs, count the windows in memory, time a few windows per encoder and one matrix product.

    Returns
    -------
    dict
        ``n_subjects``, ``n_effective``, ``cohort`` (tables, exclusions, remarks), ``views``,
        ``features`` (taken and left out), ``confounds``, ``cautions`` (what would make a test wrong), ``windows``,
        ``arms`` (distinct windows to embed, seconds), ``alignments`` (dimensions, seconds), ``seconds``,
        ``memory_gb``: estimates from this machine, now.
    """
    from analyses.genome.windows import count_windows

    run = Run(config, dry=True)
    cohort = run.cohort
    arms, windows = [_plan_panel(arm) for arm in run.arms.values() if isinstance(arm, PrecomputedArm)], None
    if config.genome is not None:
        table, windows = count_windows(run.genome, config.genome, cohort.subject_ids)
        arms += [_plan_arm(run, name, table.sequences, len(table.gene_ids)) for name in run.encoders]
    views = {name: brain.values.shape[1] for name, brain in cohort.brain.items()}
    n = len(cohort.subject_ids)
    n_confounds = n_confound_columns(config, cohort.covariates)
    check_gaps(config, cohort.brain, run.folds, n_confound_columns=n_confounds)
    cautions = cautions_before_embedding(config, cohort.covariates, cohort.brain, run.folds)
    n_effective = n - n_confounds - 1
    alignments = [
        _plan_alignment(config, n_effective, arm["label"], arm["n_columns"], view, width)
        for arm in arms
        for view, width in views.items()
    ]
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
        "arms": arms,
        "alignments": alignments,
        "seconds": round(sum(item["seconds"] for item in (*arms, *alignments)), 1),
        "memory_gb": _memory_gb(n, max(views.values())),
    }


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
        ]
    lines += [f"brain view          {line}" for line in plan["described"]]
    confounds = ", ".join(f"{column} ({kind})" for column, kind in plan["confounds"].items()) or "none"
    lines.append(f"confounds           {confounds}")
    lines += [
        f"encoder             {arm['label']}: {arm['n_columns']:,} columns, {arm['hidden_dim']} a gene, "
        f"{arm['n_to_embed']:,} windows to embed, about {arm['seconds']:,.0f} s"
        for arm in plan["arms"]
    ]
    lines += [
        f"alignment           {item['arm']} x {item['view']}: {item['x_cca']} x {item['y_cca']} dimensions enter CCA, "
        f"about {item['seconds']:,.0f} s"
        for item in plan["alignments"]
    ]
    lines += [f"caution             {sentence}" for sentence in plan["cautions"]]
    lines.append(f"in all              about {plan['seconds']:,.0f} s and {plan['memory_gb']} GB")
    return "\n".join(lines)


def _plan_panel(arm: PrecomputedArm) -> dict[str, Any]:
    """Vectors that are there cost nothing."""
    facts = {"arm": arm.name, "label": arm.spec.label, "hidden_dim": arm.spec.hidden_dim}
    return facts | {"n_columns": arm.panel.shape[1], "n_to_embed": 0, "seconds": 0.0}


def _plan_arm(run: Run, name: str, sequences: tuple[str, ...], n_genes: int) -> dict[str, Any]:
    """Seconds by timing a few windows; the probe's vectors are thrown away."""
    from encoders.embedding import missing_sequences

    encoder = run.encoders[name]
    todo = missing_sequences(encoder.spec, sequences, run.store(name))
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
        "n_columns": n_genes * encoder.spec.hidden_dim,
        "n_to_embed": len(todo),
        "seconds": round(seconds, 1),
    }


def _plan_alignment(
    config: RunConfig, n_effective: int, arm: str, n_columns: int, view: str, n_features: int
) -> dict[str, Any]:
    """Dimensions by the run's own rule, capped by columns; seconds by timing a few permutations of noise."""
    settings = config.alignment
    most = min(settings.pca_components, n_effective)
    auto = choose_dimensions(n_effective, min(most, n_columns), min(most, n_features), min_ratio=settings.min_ratio)
    wanted = (settings.x_dimensions, settings.y_dimensions)
    p, q = (a if w == "auto" else int(w) for a, w in zip(auto, wanted, strict=True))
    fixed, each = _probe(n_effective, p, q, min(settings.n_components, p, q), config.folds.n_splits)
    seconds = fixed + each * settings.n_permutations / config.workers
    return {"arm": arm, "view": view, "x_cca": p, "y_cca": q, "seconds": round(seconds, 1)}


@cache
def _probe(n: int, p: int, q: int, n_components: int, n_splits: int) -> tuple[float, float]:
    """Seconds of the tests on noise without permutations, and per permutation; PCA of wide views comes on top."""

    def measure(n_permutations: int) -> float:
        settings: dict[str, Any] = {"n_permutations": n_permutations, "random_state": 0}
        begun = time.perf_counter()
        permutation_tests_cca(x, y, z, n_steps=n_components, **settings)
        cross_validated_cca(x, y, z, n_splits=n_splits, x_dimensions=p, y_dimensions=q, **settings)
        return time.perf_counter() - begun

    rng = np.random.default_rng(0)
    x, y, z = (rng.standard_normal((n, width)) for width in (p, q, 2))
    measure(1)  # imports and first calls
    one, few = measure(1), measure(_PROBE_PERMUTATIONS)
    return one, max(few - one, 0.0) / (_PROBE_PERMUTATIONS - 1)


def _memory_gb(n: int, widest: int) -> float:
    """Libraries, the Gram matrix of an exact PCA with its eigenvectors, and three copies of the widest table."""
    rows = min(n, EXACT_LIMIT)  # beyond it PCA iterates and holds no subjects x subjects matrix
    return round(_LIBRARIES_GB + 8 * (3 * rows * rows + 3 * n * widest) / 2**30, 1)
