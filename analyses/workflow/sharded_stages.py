"""The windows and embed stages, shared out: over shards that a user starts, or over the workers of the engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from analyses.arms.arm import make_sequence_arm
from analyses.cluster.shards import Shard
from analyses.config.encoder import EncoderConfig
from analyses.errors import InputError
from analyses.genome.parts import WindowParts
from analyses.genome.windows import count_windows
from analyses.progress import progress_bar, say
from analyses.run.run import Run

if TYPE_CHECKING:
    from analyses.arms.arm import SequenceArm
    from analyses.progress import Advance
    from analyses.results.schema.runs import GenomeSummary
    from encoders.embedding import EmbedReport
    from encoders.genome.windows.haplotype_windows import WindowTable


def window_parts(run: Run) -> WindowParts:
    """The parts of a run's window table."""
    folder = run.workspace.folder.absolute() / "windows" / "parts" / run.keys.windows[:16]
    return WindowParts(folder, run.genome_config, run.cohort.subject_ids)


def make_windows(run: Run, advance: Advance) -> tuple[WindowTable, GenomeSummary]:
    """The window table and its summary: merged where parts are there, shared out where the engine is told to.

    A part that is missing, because its shard was killed or never started, is made now.
    """
    parts = window_parts(run)
    count = parts.count() or (run.engine.n_jobs if run.engine.shares_windows else None)
    if count is None:
        return count_windows(run.genome, run.genome_config, run.cohort.subject_ids, progress=advance)
    todo = parts.missing(run.genome, count)
    if not run.engine.shares_windows or not todo:
        for shard in todo:
            parts.write(shard, run.genome, progress=advance)
    else:
        for number, _ in enumerate(run.engine.map(_write_part, [(parts, shard) for shard in todo]), start=1):
            advance(number, len(todo))
    made = parts.merge(run.genome, count)
    parts.remove_others()
    return made


def _write_part(task: tuple[WindowParts, Shard]) -> bool:
    """One part, in a worker."""
    from threadpoolctl import threadpool_limits

    parts, shard = task
    with threadpool_limits(limits=1):
        return parts.write(shard)


def run_window_shard(run: Run, shard: Shard, *, force: bool = False) -> None:
    """Make one part of the window table; a part that is there, or a finished stage, is left as it is."""
    label = f"windows  shard {shard.index} of {shard.count}"
    if not force and run.workspace.is_finished("windows", run.keys.windows):
        say(f"{label}: up to date, the table is merged")
        return
    parts = window_parts(run)
    if force and parts.path(shard).is_dir():
        shutil.rmtree(parts.path(shard))
    with progress_bar(f"{shard.name} genes") as advance:
        made = parts.write(shard, run.genome, progress=advance)
    where = parts.path(shard).relative_to(run.workspace.folder.absolute())
    left = len(parts.missing(run.genome, shard.count))
    say(
        f"{label}: {f'written to {where}' if made else 'nothing to do'}; {left} of {shard.count} are missing"
        + ("" if left else ": `genebrain windows CONFIG` merges them")
    )


class EmbedTask(NamedTuple):
    """What a worker needs to embed one shard of the distinct windows; small and picklable."""

    arm: EncoderConfig
    store_root: Path
    table: Path
    window: int
    shard: Shard


def embed_shared(run: Run, arm: str, advance: Advance) -> EmbedReport:
    """Embed one arm's missing windows with all workers of the engine, and report on all of them together."""
    shared, all_arms = run.engine.n_embedding_jobs, {one.name: one for one in run.arm_configs}
    tasks = [
        EmbedTask(
            all_arms[arm],
            run.config.store_root.absolute(),
            run.workspace.folder.absolute() / "windows" / "table",
            run.genome_config.window,
            Shard(index, shared),
        )
        for index in range(shared)
    ]
    reports = []
    for report in run.engine.map(_embed_task, tasks, embeds=True):
        reports.append(report)
        advance(len(reports), shared)
    return _join([*reports, run.sequence_arms[arm].embed(advance)])


def _embed_task(task: EmbedTask) -> EmbedReport:
    """One shard of one arm, in a worker."""
    from encoders.genome.windows.haplotype_windows import WindowTable

    arm = make_sequence_arm(task.arm, task.store_root, lambda: WindowTable.load(task.table), window=task.window)
    return arm.embed(lambda done, total: None, task.shard)


def _join(reports: list[EmbedReport]) -> EmbedReport:
    """The report of the last look at the whole, with the work of all."""
    whole = reports[-1]
    n_encoded = sum(report.n_encoded for report in reports)
    return replace(
        whole,
        n_encoded=n_encoded,
        n_cached=whole.n_distinct - n_encoded,
        n_forward_passes=sum(report.n_forward_passes for report in reports),
        seconds=whole.seconds + max(report.seconds for report in reports[:-1]),
    )


def run_embed(run: Run, *, shard: Shard, arms: Iterable[str]) -> None:
    """Embed one shard of the distinct windows into the store of each arm."""
    for arm in chosen_arms(run, arms):
        with progress_bar(f"embed {arm.name}, {shard.name}") as advance:
            report = arm.embed(advance, shard)
        say(
            f"embed    {arm.spec.label}, shard {shard.index} of {shard.count}: {report.n_encoded:,} embedded, "
            f"{report.n_forward_passes:,} forward passes, {report.seconds:.1f} s; the store holds {len(arm.store):,}"
        )


def chosen_arms(run: Run, names: Iterable[str]) -> list[SequenceArm]:
    """Arms by name, all if none is named; only their encoders are loaded.

    Raises
    ------
    InputError
        There is no such arm.
    """
    known = {arm.name: arm for arm in run.arm_configs}
    wanted = list(dict.fromkeys(names)) or list(known)
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(f"--arm must name an arm of the configuration ({', '.join(known)}); got {unknown[0]}.")
    return [
        make_sequence_arm(known[name], run.config.store_root, lambda: run.window_table, window=run.genome_config.window)
        for name in wanted
    ]
