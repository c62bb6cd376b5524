"""The stages of a run in their order; each says what it does, is skipped when finished, and can be run alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.design import make_nuisance
from analyses.config.file import resolved_yaml
from analyses.progress import progress_bar, say
from analyses.results.provenance import environment
from analyses.run.run import Run
from analyses.workflow.sharded_stages import embed_shared, make_windows

if TYPE_CHECKING:
    from analyses.arms.arm import SequenceArm
    from analyses.config.run_config import RunConfig
    from analyses.results.comparisons import ArmsDescription, LoadingStability

STAGES = ("windows", "embed", "align", "compare", "experiment", "report", "log")


#: Experiments whose arms are compared as encoders, not only as alignments.
COMPARISONS = ("compare", "pooling", "rc")


class Pipeline(Run):
    """The stages of one run."""

    def __init__(self, config: RunConfig, *, force: bool = False, dry: bool = False) -> None:
        self.tracking_uri = _tracking_uri(config)  # an address that cannot be used is said before anything is read
        super().__init__(config, force=force, dry=dry)

    def run(self, until: str = STAGES[-1]) -> None:
        """Run the stages up to and including ``until``."""
        with closing(self.engine):
            for stage in STAGES[: STAGES.index(until) + 1]:
                getattr(self, f"_{stage}")()

    def _windows(self) -> None:
        say(f"windows  {len(self.cohort.subject_ids):,} subjects are in all tables")
        if self.config.genome is None:
            return  # every arm brings its vectors
        with self.workspace.lock("windows"):  # of array tasks that find parts to merge, one does
            if not self.workspace.is_finished("windows", self.windows_key):
                with self.workspace.stage("windows", self.windows_key) as files, progress_bar("haplotypes") as advance:
                    table, summary = make_windows(self, advance)
                    folder = self.workspace.path("windows", "table")
                    table.save(folder)
                    files += [path for path in sorted(folder.rglob("*")) if path.is_file()]
                    files.append(self.workspace.write_json("windows/summary.json", summary))
        summary = self.workspace.read_json("windows/summary.json")
        say(
            f"         {summary['n_genes']} genes; {summary['n_distinct']:,} distinct of "
            f"{summary['n_sequences_total']:,} windows, so {summary['gain']:.0f} times fewer to embed; "
            f"REF agrees in {summary['gate']['n_matching']:,} of {summary['gate']['n_records']:,} records"
        )

    def _embed(self) -> None:
        reports: dict[str, Any] = {}
        for name, arm in self.sequence_arms.items():
            with progress_bar(f"embed {name}") as advance:
                report = embed_shared(self, name, advance) if self.engine.shares_embedding else arm.embed(advance)
            reports[name] = asdict(report)
            say(
                f"embed    {arm.spec.label}: {report.n_encoded:,} embedded, {report.n_cached:,} from the store, "
                f"{report.n_forward_passes:,} forward passes, {report.seconds:.1f} s"
            )
            self._report_unknown(arm)
        self.workspace.write_json("embed.json", reports)

    def _report_unknown(self, arm: SequenceArm) -> None:
        """Per gene, what the encoder could not read."""
        from analyses.arms.unread_bases import describe, gene_report

        stage, key = f"unknown {arm.name}", f"{self.windows_key} {arm.spec.fingerprint}"
        if not self.workspace.is_finished(stage, key):
            with self.workspace.stage(stage, key) as files:
                report = gene_report(self.window_table, arm.encoder)
                files.append(self.workspace.write_text(f"embed/unknown_{arm.name}.csv", report.to_csv()))
            if sentence := describe(report):
                say(f"         {arm.spec.label}: {sentence}")

    def _align(self) -> None:
        from analyses.alignment.files import write_alignment
        from analyses.alignment.recipe import align_views
        from analyses.results.alignments import AlignmentLabels

        for arm, spec in self.specs.items():
            todo = {
                name: key
                for name in self.brain
                if not self.workspace.is_finished(f"align {arm}__{name}", key := self.alignment_key(arm, name))
            }
            gene_view = cache(self.arms[arm].gene_view)  # read only if something is to be aligned
            for name in self.brain:
                if name not in todo:
                    say(f"align    {spec.label} x {name}: up to date")
                    continue
                stage = f"align {arm}__{name}"
                with (
                    self.workspace.stage(stage, todo[name]) as files,
                    progress_bar(stage) as advance,
                    self.engine.active(),
                ):
                    alignment = align_views(
                        gene_view(),
                        self.brain_view(name),
                        self.cohort.covariates,
                        labels=AlignmentLabels(arm, spec.label, name, spec.trained, self.config.brain[name].role),
                        confounds=self.config.confounds,
                        settings=self.config.alignment,
                        families=self.config.kept_families,
                        folds=self.folds,
                        seeds=self.seeds,
                        x_available=self.narrowest_arm,
                        n_jobs=self.engine.n_jobs,
                        progress=advance,
                    )
                    files += write_alignment(self.workspace, alignment, subject_ids=self.published_ids)
                say(f"align    {spec.label} x {name}: {alignment.headline()}")
        self._write_run()

    def _compare(self) -> None:
        from analyses.alignment.comparison import compare

        comparison = compare(self.workspace, list(self.arms), list(self.config.brain), seed=self.seeds.held_out)
        if self.config.experiment in COMPARISONS:
            arms = self._describe_arms(min(row.x_cca for row in comparison.rows))
            comparison = replace(comparison, arms=arms.arms, alike=arms.alike, stability=arms.stability)
        self.workspace.write_result("comparison.json", comparison)
        for row in comparison.rows:
            say(
                f"compare  {row.arm_label} x {row.view}: held-out rho {row.rho:.3f}, "
                f"p {row.p_max_t:.3f} after correction over all {len(comparison.rows)} tests"
            )

    def _describe_arms(self, n_components: int) -> ArmsDescription:
        """Strand consistency, cost and likeness of the arms: what a comparison of encoders adds to alignments.

        Likeness is that of the components that enter CCA: all of them span what the genotypes span, in every arm.
        """
        from analyses.arms.properties import compare_representations, describe_arm
        from analyses.results.comparisons import ArmsDescription

        if not self.workspace.is_finished("arms", self.experiment_key):
            with self.workspace.stage("arms", self.experiment_key) as files:
                found = ArmsDescription(
                    arms=tuple(describe_arm(arm, self.workspace) for arm in self.arms.values()),
                    alike=compare_representations({arm: self.scores(arm, n_components) for arm in self.arms}),
                    stability=tuple(self._stability(arm, view) for arm in self.arms for view in self.tested_views),
                )
                files.append(self.workspace.write_result("comparison/arms.json", found))
        return self.workspace.read_result(ArmsDescription, "comparison/arms.json")

    def _stability(self, arm: str, view: str) -> LoadingStability:
        from analyses.alignment.files import read_held_out
        from analyses.arms.properties import loading_stability

        nuisance = make_nuisance(self.config, self.cohort.covariates)
        held_out = read_held_out(self.workspace, arm, view)
        return loading_stability(self.arms[arm], view, held_out, nuisance)

    def scores(self, arm: str, n_components: int) -> np.ndarray:
        """Leading components of an arm's gene view."""
        view, pca = self.gene_pca(arm)
        return np.asarray(pca.transform(view)[:, :n_components])

    def _experiment(self) -> None:
        from analyses.experiments.registry import MODULES, find_experiment
        from analyses.results.experiments import result_file

        name = self.config.experiment
        if name not in MODULES:
            return
        if self.workspace.is_finished(stage := f"experiment {name}", self.experiment_key):
            say(f"{name:<8} up to date")
            return
        with self.workspace.stage(stage, self.experiment_key) as files, self.engine.active():
            result = find_experiment(name).run(self)
            files.append(self.workspace.write_result(result_file(name), result))
        for sentence in result.answer:
            say(f"{name:<8} {sentence}")

    def _report(self) -> None:
        from analyses.report.page import make_report

        self._write_run()
        say(f"report   {make_report(self.workspace.folder)}")

    def _log(self) -> None:
        if self.tracking_uri is None:
            say("mlflow   off (tracking.enabled: false)")
            return
        from analyses.tracking.mlflow_client import log_run

        self.tracking_link = log_run(self.workspace.folder, self.tracking_uri).link
        say(f"mlflow   {self.tracking_link}")

    # Parts of stages ------------------------------------------------------------------------------------------

    def _write_run(self) -> None:
        from analyses.run.record import describe_splits, make_run_record

        self.workspace.write_text("config/resolved.yaml", resolved_yaml(self.config))
        self.workspace.write_json("env.json", environment())
        self.workspace.write_json("splits.json", describe_splits(self.workspace, self.folds, self.cohort.subject_ids))
        record = make_run_record(
            self.config,
            self.workspace,
            cohort=self.cohort,
            specs=self.specs,
            truth=self.truth,
            inputs=self.inputs,
        )
        self.workspace.write_result("run.json", record)


def _tracking_uri(config: RunConfig) -> str | None:
    if not config.tracking.enabled:
        return None
    from analyses.tracking.mlflow_client import resolve_tracking_uri

    return resolve_tracking_uri(config.tracking.uri, config.output.parent)
