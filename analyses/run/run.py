"""One run of one configuration: its inputs, opened once, and what its stages and experiments share."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.arms.arm import PrecomputedArm, SequenceArm, make_precomputed_arm, make_sequence_arm, open_panel
from analyses.arms.grid import make_arms
from analyses.cluster.engine import Engine
from analyses.cohort.design import make_design, make_nuisance, make_relations
from analyses.cohort.features import check_features
from analyses.cohort.flow import describe_genes
from analyses.cohort.planting import plant_link
from analyses.cohort.relationship import Relationship, read_relationship
from analyses.cohort.subjects import Cohort, read_cohort
from analyses.config.encoder import PRECOMPUTED, EncoderConfig
from analyses.config.inputs import GenomeConfig
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from analyses.genome.windows import Genome, open_genome
from analyses.results.workspace import Workspace
from analyses.run.keys import StageKeys, input_files
from encoders.damage import refused_if_damaged

if TYPE_CHECKING:
    from analyses.alignment.recipe import Seeds
    from analyses.config.brain_view import BrainViewConfig
    from encoders.brain.tables import BrainTable
    from encoders.dna.protocol import EncoderSpec, SequenceEncoder
    from encoders.genome.windows.haplotype_windows import WindowTable
    from encoders.precomputed import PrecomputedPanel
    from encoders.store import EmbeddingStore
    from fusion.cross_validation.folds import Folds
    from fusion.decomposition.pca import ViewPCA
    from fusion.permutation.relations import Relations
    from fusion.views.view import View


class Run:
    """What the stages and experiments of a run share.

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
        Here and wherever something is opened: bad input, before anything is written for it.
    """

    def __init__(self, config: RunConfig, *, force: bool = False, dry: bool = False) -> None:
        self.config = config
        self.arm_configs = make_arms(config)
        self.keys = StageKeys(
            config,
            input_files(config),
            subject_ids=lambda: self.cohort.subject_ids,
            encoders=lambda: {arm: spec.fingerprint for arm, spec in self.specs.items()},
        )
        if not dry:
            self.workspace = Workspace(config.output, force=force)

    @cached_property
    def genome(self) -> Genome:
        """Reference, panel and genotypes, opened."""
        return open_genome(self.genome_config)

    @property
    def genome_config(self) -> GenomeConfig:
        """Files and settings of the genome."""
        if self.config.genome is None:
            raise InputError("genome: is required for windows; this run has precomputed embeddings alone.")
        return self.config.genome

    @cached_property
    def cohort(self) -> Cohort:
        """Subjects common to genotypes or precomputed embeddings, participants and brain views."""
        genotypes = {} if self.config.genome is None else {"genotypes": self.genome.samples}
        panels = {f"embeddings {name}": panel.subject_ids for name, panel in self._panels.items()}
        lost = [
            line for name, panel in self._panels.items() for line in describe_genes(name, panel.dropped, panel.unread)
        ]
        cohort = read_cohort(self.config, genotypes | panels, remarks=lost)
        check_features(self.config, cohort.brain, cohort.covariates)
        of_genes = (gene.subject_ids for panel in self._panels.values() for gene in panel.genes)
        return replace(cohort, known_ids=cohort.known_ids.union(*of_genes))

    @cached_property
    def _panels(self) -> dict[str, PrecomputedPanel]:
        return {arm.name: open_panel(arm) for arm in self.arm_configs if arm.encoder == PRECOMPUTED}

    @cached_property
    def arms(self) -> dict[str, SequenceArm | PrecomputedArm]:
        """The arms, their encoders loaded."""
        return {arm.name: self.make_arm(arm) for arm in self.arm_configs}

    def make_arm(self, arm: EncoderConfig) -> SequenceArm | PrecomputedArm:
        """One arm of this run's cohort."""
        if arm.encoder == PRECOMPUTED:
            return make_precomputed_arm(arm, self._panels[arm.name], lambda: self.cohort.subject_ids)
        window = self.genome_config.window
        return make_sequence_arm(arm, self.config.store_root, lambda: self.window_table, window=window)

    @property
    def sequence_arms(self) -> dict[str, SequenceArm]:
        """The arms that read sequences."""
        return {name: arm for name, arm in self.arms.items() if isinstance(arm, SequenceArm)}

    @property
    def encoders(self) -> dict[str, SequenceEncoder]:
        """The encoders of the arms that read sequences."""
        return {name: arm.encoder for name, arm in self.sequence_arms.items()}

    @property
    def specs(self) -> dict[str, EncoderSpec]:
        """What each arm's vectors are."""
        return {name: arm.spec for name, arm in self.arms.items()}

    def store(self, arm: str) -> EmbeddingStore:
        """The embedding store of one arm."""
        return self.sequence_arms[arm].store

    @cached_property
    def window_table(self) -> WindowTable:
        """What the windows stage wrote."""
        from encoders.genome.windows.haplotype_windows import WindowTable

        return WindowTable.load(self.workspace.folder / "windows" / "table")

    def release_windows(self) -> None:
        """Let go of the windows: of 500,000 subjects they take half a gigabyte. Who asks for them reads them anew."""
        vars(self).pop("window_table", None)

    @cached_property
    def brain(self) -> dict[str, BrainTable]:
        """The brain tables of the cohort, with the link that this run plants."""
        return self._planted[0]

    @cached_property
    def truth(self) -> dict[str, Any] | None:
        """What was planted, by this run or by the simulation that made the files."""
        return self._planted[1]

    @cached_property
    def _planted(self) -> tuple[dict[str, BrainTable], dict[str, Any] | None]:
        brain, plan, told = dict(self.cohort.brain), self.config.plant, self.config.truth
        if plan is None:
            return brain, None if told is None else _read_truth(told)
        brain[plan.view], truth = plant_link(brain[plan.view], self.window_table, plan)
        return brain, truth

    @property
    def tested_views(self) -> list[str]:
        """Brain views that are no negative controls."""
        return [name for name, view in self.config.brain.items() if view.role == "test"]

    def brain_view(self, name: str, settings: BrainViewConfig | None = None) -> View:
        """One brain table as a view; gaps, tangent space, ComBat and normal scores are left to the folds.

        Parameters
        ----------
        settings : BrainViewConfig, optional
            How it is prepared, in place of what the configuration says.
        """
        from analyses.cohort.brain_views import learn_in_folds, make_brain_view, make_gapped_view

        settings, table, covariates = settings or self.config.brain[name], self.brain[name], self.cohort.covariates
        if settings.keeps_gaps and np.isnan(table.values).any():
            view = make_gapped_view(table, settings, self.config, covariates)
        else:
            view = make_brain_view(table, settings.connectivity)
        return learn_in_folds(view, settings, self.config, covariates)

    def brain_values(self, name: str) -> np.ndarray:
        """One brain table as numbers, [n_subjects, n_features]."""
        return np.asarray(self.brain[name].values)

    def encode_confounds(self, train: np.ndarray) -> np.ndarray | None:
        """Confounds of all subjects, levels and moments those of the training rows; None where there are none."""
        if not self.config.confounds:
            return None
        covariates = self.cohort.covariates
        design = make_design(self.config).located(covariates).fit(covariates.iloc[train])
        return np.asarray(design.transform(covariates))

    @cached_property
    def relations(self) -> Relations:
        """Who belongs together: held out, drawn and exchanged."""
        return make_relations(self.config, self.cohort.covariates, self.relationship)

    @cached_property
    def relationship(self) -> Relationship | None:
        """How subjects are related, where their rows are made uncorrelated."""
        if not self.config.whitens_relatives:
            return None
        return read_relationship(self.config.cohort, self.cohort.subject_ids, lambda: self.genome.variants)

    @cached_property
    def engine(self) -> Engine:
        """What carries parallel work."""
        return Engine(self.config.engine, self.config.workers)

    @cached_property
    def seeds(self) -> Seeds:
        """Children of the run's seed."""
        from analyses.alignment.recipe import Seeds

        return Seeds.spawn(self.config.seed)

    @cached_property
    def folds(self) -> Folds:
        """The same folds for every arm and view."""
        from fusion.cross_validation.folds import folds_of

        return folds_of(self.relations, self.config.folds.n_splits, self.seeds.folds)

    def gene_pca(self, arm: str) -> tuple[View, ViewPCA]:
        """One arm's gene view, and its PCA on the whole cohort once confounds are removed."""
        from fusion import ViewPCA

        settings, view = self.config.alignment, self.arms[arm].gene_view()
        nuisance = make_nuisance(self.config, self.cohort.covariates)
        return view, ViewPCA(settings.pca_components, confounds=nuisance, scale=settings.scale_x).fit(view)

    def gene_scores(self, arm: str, n_components: int) -> np.ndarray:
        """Leading components of an arm's gene view, [n_subjects, n_components]."""
        view, pca = self.gene_pca(arm)
        return np.asarray(pca.transform(view)[:, :n_components])

    @cached_property
    def narrowest_arm(self) -> int | None:
        """Components of the narrowest arm, where arms are compared: a wider one must not win by its width."""
        if len(self.arms) == 1 or self.config.alignment.x_dimensions != "auto":
            return None
        return min(int(self.gene_pca(arm)[1].n_components_) for arm in self.arms)

    @property
    def published_ids(self) -> tuple[str, ...] | None:
        """Subject ids where the user allows files by subject in what is published; None, the default, where not."""
        return self.cohort.subject_ids if self.config.privacy.subject_level else None


def _read_truth(told: Path) -> dict[str, Any]:
    """What a simulation says that it planted."""
    with refused_if_damaged(told, "JSON of a planted link"):
        truth: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    return truth
