"""What each stage of a run does: it says so, is skipped when finished with the same inputs, and can be run alone."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from analyses.cohort.cautions import n_confound_columns
from analyses.cohort.design import make_nuisance
from analyses.cohort.features import describe_features
from analyses.cohort.flow import describe_flow
from analyses.cohort.gaps import check_gaps
from analyses.formats import table_text
from analyses.genome.windows import describe_left_out, describe_sequences
from analyses.progress import progress_bar, say
from analyses.results.folder import PROBE_OF_ARMS
from analyses.results.journal import EMBEDDING
from analyses.results.provenance import file_fingerprint
from analyses.results.schema.runs import GenomeSummary
from analyses.results.unfinished import kept_until_finished
from analyses.run.record import write_run_record
from analyses.workflow.sharded_stages import embed_shared, make_windows

if TYPE_CHECKING:
    from pathlib import Path

    from analyses.arms.arm import SequenceArm
    from analyses.results.schema.comparisons import ArmsDescription, LoadingStability
    from analyses.results.schema.experiments import ProbeResult
    from analyses.run.run import Run

#: Experiments whose arms are compared as encoders, not only as alignments.
COMPARISONS = ("compare", "pooling", "rc")
ARMS = "comparison/arms.json"


def build_windows(run: Run) -> None:
    """Genotypes to distinct windows, after REF was held against the reference."""
    for line in describe_flow(run.cohort, run.config.privacy.smallest_count):
        say(f"cohort   {line}")
    for line in describe_features(run.cohort.brain):
        say(f"brain    {line}")
    n_confounds = n_confound_columns(run.config, run.cohort.covariates)
    check_gaps(run.config, run.cohort.brain, run.folds, n_confound_columns=n_confounds)
    if run.config.genome is None:
        return  # every arm brings its vectors
    workspace, key = run.workspace, run.keys.windows
    with workspace.lock("windows"):  # of array tasks that find parts to merge, one does
        if not workspace.is_finished("windows", key):
            with workspace.stage("windows", key) as files, progress_bar("haplotypes") as advance:
                table, summary = make_windows(run, advance)
                folder = workspace.path("windows", "table")
                table.save(folder)
                files += [path for path in sorted(folder.rglob("*")) if path.is_file()]
                files.append(workspace.write_result("windows/summary.json", summary))
    summary = workspace.read_result(GenomeSummary, "windows/summary.json")
    agreement = summary.reference_agreement
    genes = "gene" if summary.n_genes == 1 else "genes"
    say(
        f"         {summary.n_genes} {genes}; {summary.n_distinct_windows:,} distinct of "
        f"{summary.n_haplotype_windows:,} windows, so {summary.gain:.0f} times fewer to embed; "
        f"REF agrees in {agreement.n_matching:,} of {agreement.n_records:,} records"
    )
    for line in describe_left_out(summary.skipped_genes or {}, summary.notes):
        say(f"         {line}")


def check_experiment(run: Run) -> None:
    """What an experiment needs of the configuration and of its files, said before anything is done."""
    if run.config.experiment == "compare" and run.config.compare.probe is not None:
        _probe_of_arms(run, run.config.compare.probe)
    _check(run, "check")


def check_windows(run: Run) -> None:
    """What an experiment needs of the windows, said before hours of embedding."""
    _check(run, "check_windows")


def _check(run: Run, hook: str) -> None:
    from analyses.experiments.registry import MODULES, find_experiment

    check = getattr(find_experiment(name), hook, None) if (name := run.config.experiment) in MODULES else None
    if check is not None:
        check(run)


def embed(run: Run) -> None:
    """Each distinct window once per encoder, into the store."""
    reports: dict[str, Any] = {}
    for line in describe_sequences(run.window_table) if run.sequence_arms else ():
        say(f"         {line}")
    for name, arm in run.sequence_arms.items():
        with progress_bar(f"embed {name}") as advance:
            report = embed_shared(run, name, advance) if run.engine.shares_embedding else arm.embed(advance)
        reports[name] = asdict(report)
        too_long = "a window" if report.n_split == 1 else f"{report.n_split:,} windows"
        in_pieces = f" ({too_long} too long for it in pieces)" if report.n_split else ""
        say(
            f"embed    {arm.spec.label}: {report.n_encoded:,} sequences embedded{in_pieces}, "
            f"{report.n_cached:,} from the store, {report.n_forward_passes:,} forward passes, {report.seconds:.1f} s"
        )
        _report_unread_bases(run, arm)
    run.workspace.write_json(EMBEDDING, reports)


def _report_unread_bases(run: Run, arm: SequenceArm) -> None:
    """Per gene, what the encoder could not read."""
    from analyses.arms.unread_bases import describe, gene_report

    stage, key = f"unknown {arm.name}", f"{run.keys.windows} {arm.spec.fingerprint}"
    if not run.workspace.is_finished(stage, key):
        with run.workspace.stage(stage, key) as files:
            report = gene_report(run.window_table, arm.encoder)
            files.append(run.workspace.write_text(f"embed/unknown_{arm.name}.csv", table_text(report.reset_index())))
        if sentence := describe(report):
            say(f"         {arm.spec.label}: {sentence}")


def compare(run: Run) -> None:
    """All arms and the views of one role as one family of tests; encoders as encoders where that is asked for."""
    from analyses.alignment.comparison import compare as compare_alignments
    from analyses.alignment.files import compared_files
    from analyses.results.schema.comparisons import Comparison
    from fusion.parallel import tiled

    workspace, arms, views = run.workspace, list(run.arms), list(run.config.brain)
    key = run.keys.comparison(file_fingerprint(path) for path in compared_files(workspace, arms, views))
    if not workspace.is_finished("compare", key):
        begun = time.perf_counter()
        with tiled():  # its products are small: one thread each, and several at a time where that is worth it
            comparison = compare_alignments(
                workspace, arms, views, seed=run.seeds.held_out, tails=run.config.alignment.tails
            )
        taken = time.perf_counter() - begun  # what the arms are described in is a stage of its own
        described = []
        if run.config.experiment in COMPARISONS:
            found = _describe_arms(run, min(row.x_cca for row in comparison.rows))
            comparison = replace(comparison, arms=found.arms, alike=found.alike, stability=found.stability)
            described = [workspace.path(ARMS)]
        with workspace.stage("compare", key, before=taken) as files:
            files += [workspace.write_result("comparison.json", comparison), *described]
    comparison = workspace.read_result(Comparison, "comparison.json")
    _show_probe(run)
    of_role = Counter(row.role for row in comparison.rows)
    for row in comparison.rows:
        kind = ("test" if row.role == "test" else "negative control") + "s" * (of_role[row.role] != 1)
        say(
            f"compare  {row.arm_label} x {row.view}: held-out rho {row.rho:.3f}, "
            f"p {row.p_max_t:.3f} after correction over the {of_role[row.role]} {kind}"
        )


def _show_probe(run: Run) -> None:
    """What a probe that is at hand found of the arms, for the report."""
    folder = run.config.compare.probe
    if run.config.experiment != "compare" or folder is None:
        (run.workspace.folder / PROBE_OF_ARMS).unlink(missing_ok=True)
        return
    found = _probe_of_arms(run, folder)
    run.workspace.write_result(PROBE_OF_ARMS, found)
    for sentence in (*found.answer, *found.left_out):
        say(f"compare  {sentence}")


def _probe_of_arms(run: Run, folder: Path) -> ProbeResult:
    from analyses.experiments.probe.of_arms import probe_of_arms

    return probe_of_arms(folder, {spec.fingerprint for spec in run.specs.values()})


def _describe_arms(run: Run, n_components: int) -> ArmsDescription:
    """Strand consistency, cost and likeness of the arms: what a comparison of encoders adds to alignments.

    Likeness is that of the components that enter CCA: all of them span what the genotypes span, in every arm.
    """
    from analyses.arms.properties import compare_representations, describe_arm
    from analyses.results.schema.comparisons import ArmsDescription

    workspace, key = run.workspace, run.keys.experiment
    if not workspace.is_finished("arms", key):
        with workspace.stage("arms", key) as files:
            found = ArmsDescription(
                arms=tuple(describe_arm(arm, workspace) for arm in run.arms.values()),
                alike=compare_representations({arm: run.gene_scores(arm, n_components) for arm in run.arms}),
                stability=tuple(_stability(run, arm, view) for arm in run.arms for view in run.tested_views),
            )
            files.append(workspace.write_result(ARMS, found))
    return workspace.read_result(ArmsDescription, ARMS)


def _stability(run: Run, arm: str, view: str) -> LoadingStability:
    from analyses.alignment.files import read_held_out
    from analyses.arms.properties import loading_stability

    nuisance = make_nuisance(run.config, run.cohort.covariates)
    held_out = read_held_out(run.workspace, arm, view)
    return loading_stability(run.arms[arm], view, held_out, nuisance)


def experiment(run: Run) -> None:
    """What the configuration's experiment asks beyond alignments and their comparison."""
    from analyses.experiments.registry import MODULES, find_experiment
    from analyses.results.schema.experiments import result_file

    name, key = run.config.experiment, run.keys.experiment
    if name not in MODULES:
        return
    if run.workspace.is_finished(stage := f"experiment {name}", key):
        say(f"{name:<8} up to date")
        return
    kept = kept_until_finished(run.workspace, stage, key, anew=run.workspace.is_forced)
    with run.workspace.stage(stage, key) as files, run.engine.active(), kept:
        result = find_experiment(name).run(run)
        files.append(run.workspace.write_result(result_file(name), result))
    for sentence in result.answer:
        say(f"{name:<8} {sentence}")


def report(run: Run) -> None:
    """One self-contained page, and its figures."""
    from analyses.report.page import make_report

    write_run_record(run)
    n_jobs = run.engine.n_jobs if run.engine.config.backend == "loky" else 1  # other machines may not see the folder
    with run.engine.active():
        page = make_report(run.workspace.folder, n_jobs=n_jobs, anew=run.workspace.is_forced)
    say(f"report   {page}")
