"""The stages of a run in their order; each says what it does, is skipped when finished, and can be run alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.arms import SequenceArm, make_sequence_arm
from analyses.cohort import Cohort, read_cohort
from analyses.config import RunConfig
from analyses.config_file import resolved_yaml
from analyses.errors import InputError
from analyses.genome import Genome, count_windows, open_genome
from analyses.planting import plant_link
from analyses.progress import progress_bar, say
from analyses.provenance import code_version, digest, environment, input_fingerprints, input_name
from analyses.workspace import Workspace

if TYPE_CHECKING:
    from analyses.align import Seeds
    from encoders.brain.tables import BrainTable
    from encoders.dna.protocol import EncoderSpec, SequenceEncoder
    from encoders.genome.windows import WindowTable
    from encoders.store import EmbeddingStore
    from fusion.folds import Folds
    from fusion.views import View

STAGES = ("windows", "embed", "align", "compare", "experiment", "report", "log")


class Pipeline:
    """One run of one configuration.

    Parameters
    ----------
    config : RunConfig
    force : bool
        Redo stages that are finished with the same inputs. The embedding store is content-addressed and stays.
    dry : bool
        Only plan: the output folder is not touched.

    Raises
    ------
    InputError
        Here and in every stage: bad input, before anything is written for it.
    """

    def __init__(self, config: RunConfig, *, force: bool = False, dry: bool = False) -> None:
        self.config = config
        self._input_files = _existing_inputs(config)
        self.tracking_uri = _tracking_uri(config)
        if not dry:
            self.workspace = Workspace(config.output, force=force)

    def run(self, until: str = STAGES[-1]) -> None:
        """Run the stages up to and including ``until``."""
        for stage in STAGES[: STAGES.index(until) + 1]:
            getattr(self, f"_{stage}")()

    # What the stages share ------------------------------------------------------------------------------------

    @cached_property
    def genome(self) -> Genome:
        """Reference, panel and genotypes, opened."""
        return open_genome(self.config.genome)

    @cached_property
    def cohort(self) -> Cohort:
        """Subjects common to genotypes, participants and brain views."""
        return read_cohort(self.config, self.genome.samples)

    @cached_property
    def arms(self) -> dict[str, SequenceArm]:
        """The arms, their encoders loaded."""
        settings = self.config
        return {
            arm.name: make_sequence_arm(
                arm, settings.store_root, lambda: self.window_table, window=settings.genome.window
            )
            for arm in settings.arms
        }

    @property
    def encoders(self) -> dict[str, SequenceEncoder]:
        """The encoders of the arms."""
        return {name: arm.encoder for name, arm in self.arms.items()}

    @property
    def specs(self) -> dict[str, EncoderSpec]:
        """What each arm's vectors are."""
        return {name: arm.spec for name, arm in self.arms.items()}

    def store(self, arm: str) -> EmbeddingStore:
        """The embedding store of one arm."""
        return self.arms[arm].store

    @cached_property
    def window_table(self) -> WindowTable:
        """What the windows stage wrote."""
        from encoders.genome.windows import WindowTable

        return WindowTable.load(self.workspace.folder / "windows" / "table")

    @cached_property
    def seeds(self) -> Seeds:
        """Children of the run's seed."""
        from analyses.align import Seeds

        return Seeds.spawn(self.config.seed)

    @cached_property
    def folds(self) -> Folds:
        """The same folds for every arm and view."""
        from fusion.folds import make_folds

        covariates, settings = self.cohort.covariates, self.config.folds
        group = settings.group or self.config.kept_families
        return make_folds(
            len(covariates),
            settings.n_splits,
            groups=None if group is None else covariates[group].astype(str).to_numpy(),
            stratify=None if settings.stratify is None else covariates[settings.stratify].astype(str).to_numpy(),
            random_state=self.seeds.folds,
        )

    @cached_property
    def _inputs(self) -> dict[str, str]:
        return input_fingerprints(self._input_files)

    def _fingerprints(self, paths: Iterable[Path]) -> list[str]:
        return [self._inputs[input_name(path)] for path in paths]

    @cached_property
    def _windows_key(self) -> str:
        genome = self.config.genome
        files = self._fingerprints((*genome.reference, *genome.annotation, *genome.variants))
        return digest(code_version(), genome.model_dump(mode="json"), files, self.cohort.subject_ids)

    def _alignment_key(self, arm: str, view: str) -> str:
        sections = self.config.model_dump(
            mode="json", include={"seed", "confounds", "cohort", "pairing", "plant", "alignment", "folds"}
        )
        brain = self.config.brain[view]
        files = self._fingerprints((brain.path, *(table.path for table in self.config.participants)))
        encoder = self.specs[arm].fingerprint
        peers = sorted(spec.fingerprint for spec in self.specs.values())  # they decide the dimensions of all
        return digest(self._windows_key, encoder, peers, brain.model_dump(mode="json"), files, sections)

    @cached_property
    def _narrowest_arm(self) -> int | None:
        """Components of the narrowest arm, where arms are compared: a wider one must not win by its width."""
        from analyses.confounding import make_nuisance

        if len(self.arms) == 1 or self.config.alignment.x_dimensions != "auto":
            return None
        from fusion import ViewPCA

        settings = self.config.alignment
        nuisance = make_nuisance(self.config, self.cohort.covariates)
        fitted = (
            ViewPCA(settings.pca_components, confounds=nuisance, scale=settings.scale_x).fit(arm.gene_view())
            for arm in self.arms.values()
        )
        return min(int(pca.n_components_) for pca in fitted)

    @property
    def _experiment_key(self) -> str:
        """Follows everything that the alignments follow, and the experiment's own section."""
        name = self.config.experiment
        section = self.config.model_dump(mode="json").get(name)
        return digest(
            name, section, [self._alignment_key(arm, view) for arm in self.arms for view in self.config.brain]
        )

    # The stages -----------------------------------------------------------------------------------------------

    def _windows(self) -> None:
        ids = self.cohort.subject_ids
        say(f"windows  {len(ids):,} subjects are in all tables")
        if not self.workspace.is_finished("windows", self._windows_key):
            with self.workspace.stage("windows", self._windows_key) as files, progress_bar("haplotypes") as advance:
                table, summary = count_windows(self.genome, self.config.genome, ids, progress=advance)
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
        for name, arm in self.arms.items():
            with progress_bar(f"embed {name}") as advance:
                report = arm.embed(advance)
            reports[name] = asdict(report)
            say(
                f"embed    {arm.spec.label}: {report.n_encoded:,} embedded, {report.n_cached:,} from the store, "
                f"{report.n_forward_passes:,} forward passes, {report.seconds:.1f} s"
            )
        self.workspace.write_json("embed.json", reports)

    def _align(self) -> None:
        from analyses.align import align_views
        from analyses.alignment_files import write_alignment

        brain, truth = self._brain_views()
        for arm, spec in self.specs.items():
            todo = {
                name: key
                for name in brain
                if not self.workspace.is_finished(f"align {arm}__{name}", key := self._alignment_key(arm, name))
            }
            gene_view = cache(self.arms[arm].gene_view)  # read only if something is to be aligned
            for name, table in brain.items():
                if name not in todo:
                    say(f"align    {spec.label} x {name}: up to date")
                    continue
                stage = f"align {arm}__{name}"
                with self.workspace.stage(stage, todo[name]) as files, progress_bar(stage) as advance:
                    alignment = align_views(
                        gene_view(),
                        _table_view(table),
                        self.cohort.covariates,
                        confounds=self.config.confounds,
                        settings=self.config.alignment,
                        families=self.config.kept_families,
                        folds=self.folds,
                        seeds=self.seeds,
                        x_available=self._narrowest_arm,
                        n_jobs=self.config.workers,
                        progress=advance,
                    )
                    labels = {
                        "arm": arm,
                        "arm_label": spec.label,
                        "view": name,
                        "trained": spec.trained,
                        "role": self.config.brain[name].role,
                    }
                    files += write_alignment(self.workspace, alignment, labels)
                say(f"align    {spec.label} x {name}: {alignment.headline()}")
        self._write_run(truth)

    def _compare(self) -> None:
        from analyses.compare_encoders import compare

        comparison = compare(self.workspace, list(self.arms), list(self.config.brain), seed=self.seeds.held_out)
        self.workspace.write_json("comparison.json", comparison)
        for row in comparison["rows"]:
            say(
                f"compare  {row['arm_label']} x {row['view']}: held-out rho {row['rho']:.3f}, "
                f"p {row['p_max_t']:.3f} after correction over all {len(comparison['rows'])} tests"
            )

    def _experiment(self) -> None:
        from analyses.experiments import find_experiment, result_file

        name = self.config.experiment
        experiment = find_experiment(name)
        if experiment is None:
            return
        if self.workspace.is_finished(stage := f"experiment {name}", self._experiment_key):
            say(f"{name:<8} up to date")
            return
        with self.workspace.stage(stage, self._experiment_key) as files:
            result = experiment.run(self)
            files.append(self.workspace.write_json(result_file(name), result))
        for sentence in result["answer"]:
            say(f"{name:<8} {sentence}")

    def _report(self) -> None:
        from analyses.report import make_report

        self._write_run(self._truth())
        say(f"report   {make_report(self.workspace.folder)}")

    def _log(self) -> None:
        if self.tracking_uri is None:
            say("mlflow   off (tracking.enabled: false)")
            return
        from analyses.tracking import log_run

        self.tracking_link = log_run(self.workspace.folder, self.tracking_uri).link
        say(f"mlflow   {self.tracking_link}")

    # Parts of stages ------------------------------------------------------------------------------------------

    def _brain_views(self) -> tuple[dict[str, BrainTable], dict[str, Any] | None]:
        brain = dict(self.cohort.brain)
        plan = self.config.plant
        if plan is None:
            return brain, self._truth()
        brain[plan.view], truth = plant_link(brain[plan.view], self.window_table, plan)
        return brain, truth

    def _truth(self) -> dict[str, Any] | None:
        """What a simulation says it planted; a link planted by this run is in ``run.json`` already."""
        import json

        if self.config.plant is not None:
            truth: dict[str, Any] | None = self.workspace.read_json("run.json")["planted"]
            return truth
        return None if self.config.truth is None else json.loads(self.config.truth.read_text(encoding="utf-8"))

    def _write_run(self, truth: dict[str, Any] | None) -> None:
        from analyses.run_record import describe_splits, make_run_record

        self.workspace.write_text("config/resolved.yaml", resolved_yaml(self.config))
        self.workspace.write_json("env.json", environment())
        self.workspace.write_json("splits.json", describe_splits(self.workspace, self.folds, self.cohort.subject_ids))
        record = make_run_record(
            self.config,
            self.workspace,
            cohort=self.cohort,
            specs=self.specs,
            truth=truth,
            inputs=self._inputs,
        )
        self.workspace.write_json("run.json", record)


def _table_view(table: BrainTable) -> View:
    from fusion import TableView

    return TableView(table.values, table.subject_ids, table.feature_names)


def _existing_inputs(config: RunConfig) -> tuple[Path, ...]:
    """Every input file, once; a missing one stops the run before anything is read or written."""
    genome = config.genome
    wanted = {
        **{f"genome.reference.{i}": path for i, path in enumerate(genome.reference)},
        **{f"genome.annotation.{i}": path for i, path in enumerate(genome.annotation)},
        **{f"genome.variants.{i}": path for i, path in enumerate(genome.variants)},
        **{f"participants.{i}.path": table.path for i, table in enumerate(config.participants)},
        **{f"brain.{name}.path": view.path for name, view in config.brain.items()},
    }
    if config.truth is not None:
        wanted["truth"] = config.truth
    for key, path in wanted.items():
        if not path.is_file():
            raise InputError(f"{key} must name an existing file; {path} does not exist. Correct the path.")
    return tuple(dict.fromkeys(wanted.values()))


def _tracking_uri(config: RunConfig) -> str | None:
    if not config.tracking.enabled:
        return None
    from analyses.tracking import resolve_tracking_uri

    return resolve_tracking_uri(config.tracking.uri, config.output.parent)
