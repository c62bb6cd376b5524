"""What the questions of an attribution share: subjects, folds, views, and the outcome where one is predicted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import make_design
from analyses.experiments.attribution.blocks import region_blocks
from analyses.experiments.prediction.outcomes import ReadOutcome, column_that_is
from analyses.experiments.prediction.record import describe_outcome
from analyses.privacy.counts import Count
from analyses.progress import Advance
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments.attributions import Side
from fusion.attribution import attribute_blocks, column_blocks
from fusion.cross_validation.folds import Folds
from fusion.errors import InputError
from fusion.prediction.outcome import NotDefinedError, Outcome

if TYPE_CHECKING:
    from analyses.run.run import Run
    from fusion.attribution import BlockAttribution
    from fusion.attribution.parts import Blocks
    from fusion.views.view import View


@dataclass(frozen=True)
class Question:
    """Whose blocks are left out, of what."""

    side: Side
    arm: str | None
    view: str | None


@dataclass
class Material:
    """What all questions of a run share.

    Attributes
    ----------
    run : Run
    read : ReadOutcome or None
        None where the alignment is attributed.
    """

    run: Run
    read: ReadOutcome | None
    _views: dict[tuple[str, str], View] = field(default_factory=dict)

    def view(self, side: Side, question: Question) -> View:
        """The genes of an arm, or a brain view, of the subjects who are analysed."""
        name = str(question.arm if side == "genes" else question.view)
        if (side, name) not in self._views:
            whole = self.run.arms[name].gene_view() if side == "genes" else self.run.brain_view(name)
            self._views[side, name] = whole if self.rows is None else whole.take(self.rows)
        return self._views[side, name]

    @property
    def rows(self) -> np.ndarray | None:
        """Subjects whose outcome is known; None where all are analysed."""
        return None if self.read is None or self.read.known.all() else np.flatnonzero(self.read.known)

    @property
    def outcome(self) -> Outcome | None:
        """Of the subjects who are analysed."""
        if self.read is None or self.read.outcome is None:
            return None
        return self.read.outcome if self.rows is None else self.read.outcome.take(self.rows)

    @property
    def folds(self) -> Folds:
        """The run's own, of the subjects who are analysed."""
        if self.rows is None:
            return self.run.folds
        try:
            return Folds(self.run.folds.assignments[self.rows], self.run.relations.take(self.rows))
        except InputError:
            raise NotDefinedError("a fold has fewer than 4 subjects whose outcome is known") from None

    @property
    def n_subjects(self) -> Count:
        """As they may be shown."""
        return (
            len(self.run.cohort.subject_ids) if self.read is None else describe_outcome(self.run, self.read).n_subjects
        )

    def summary(self, question: Question) -> AlignmentSummary | None:
        """The alignment that is attributed."""
        if self.read is not None:
            return None
        return self.run.workspace.read_result(
            AlignmentSummary, f"alignments/{question.arm}__{question.view}/alignment.json"
        )

    def attribute(
        self, question: Question, blocks: Blocks | None = None, *, repeats: int, progress: Advance | None = None
    ) -> BlockAttribution:
        """Leave blocks out; those of the question where none are given.

        Raises
        ------
        NotDefinedError
            The question has no answer here.
        """
        run, settings = self.run, self.run.config.alignment
        summary, covariates = self.summary(question), run.cohort.covariates
        if summary is None:
            sizes: tuple[int | str, int | str] = (settings.x_dimensions, settings.y_dimensions)
        else:
            sizes = summary.dimensions.x_cca, summary.dimensions.y_cca
        scale = settings.scale_x, settings.scale_y
        if question.side == "brain":
            sizes, scale = (sizes[1], sizes[0]), (scale[1], scale[0])
        rows = self.rows
        chosen = covariates if rows is None else covariates.iloc[rows]
        return attribute_blocks(
            self.view(question.side, question),
            self._other_side(question),
            (chosen, make_design(run.config)) if run.config.confounds else None,
            folds=self.folds,
            blocks=self.blocks(question) if blocks is None else blocks,
            repeats=repeats,
            x_dimensions=sizes[0],
            y_dimensions=sizes[1] if summary is not None else "auto",
            pca_components=settings.pca_components,
            scale=scale,
            min_ratio=settings.min_ratio,
            n_permutations=run.config.attribute.n_permutations,
            random_state=run.seeds.held_out,
            n_jobs=run.engine.n_jobs,
            progress=progress,
        )

    def blocks(self, question: Question) -> Blocks:
        """Genes or regions, as the configuration says."""
        view = self.view(question.side, question)
        if question.side == "genes":
            return column_blocks(view)
        return region_blocks(view.column_groups, self.run.config.attribute.regions)

    def _other_side(self, question: Question) -> View | Outcome:
        outcome = self.outcome
        if outcome is None:
            return self.view("brain" if question.side == "genes" else "genes", question)
        if question.side == "brain":
            self._check_columns(str(question.view), outcome)
        return outcome

    def _check_columns(self, view: str, outcome: Outcome) -> None:
        table = self.run.brain[view]
        values = np.asarray(table.values) if self.rows is None else np.asarray(table.values)[self.rows]
        column = column_that_is(outcome, np.ones(len(values), dtype=bool), values)
        if column is not None:
            raise NotDefinedError(
                f"column '{table.feature_names[column]}' of {view} tells the outcome by itself: exclude it, or what "
                "the outcome was made from predicts itself"
            )
