"""What predicts an outcome in a run: covariates, a polygenic score, genes, brain and both, fitted in every fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError
from analyses.experiments.prediction.outcomes import column_that_is
from fusion import ViewPCA
from fusion.confounds.learned_view import fitted_on
from fusion.journal import Arrays, keep
from fusion.prediction.boosting import fit_boosting
from fusion.prediction.discrimination import Discrimination
from fusion.prediction.held_out import HeldOutPrediction, predict_splits
from fusion.prediction.linear import fit_linear
from fusion.prediction.outcome import Learner, NotDefinedError, Outcome
from fusion.prediction.splits import Split
from fusion.prediction.stacking import concatenated, stacked

if TYPE_CHECKING:
    from analyses.run.run import Run
    from fusion.views.view import View

COVARIATES, POLYGENIC, GENES, BRAIN = "covariates", "polygenic score", "genes", "brain"
FUSION, STACKED = "fusion", "stacked fusion"
LEARNERS: dict[str, Learner] = {"linear": fit_linear, "boosting": fit_boosting}


@dataclass(frozen=True)
class Predictor:
    """One predictor of a run.

    Parameters
    ----------
    kind : str
        One of those named in this module.
    model : str
        One of `LEARNERS`.
    arm, view : str or None
    label : str
    """

    kind: str
    model: str
    arm: str | None
    view: str | None
    label: str

    @property
    def name(self) -> str:
        """Unique in its run, and as a file and a metric may be named."""
        parts = [self.kind.replace(" ", "-"), self.arm, self.view, None if self.model == "linear" else self.model]
        return "_".join(part for part in parts if part is not None)

    @property
    def blocks(self) -> tuple[tuple[str, str], ...]:
        """What it reads: side and name."""
        if self.kind in (COVARIATES, POLYGENIC):
            return ((self.kind, ""),)
        sides = ((GENES, self.arm), (BRAIN, self.view))
        return tuple((side, name) for side, name in sides if name is not None)


def read_score(run: Run) -> np.ndarray:
    """The column `predict.polygenic_score`, NaN where it is not known.

    Raises
    ------
    InputError
        It is the outcome, or holds text.
    """
    from pandas.api.types import is_numeric_dtype

    column = str(run.config.predict.polygenic_score)
    if column == run.config.predict.outcome:
        raise InputError(
            f"predict.polygenic_score must be another column than predict.outcome; got '{column}' for both: name the "
            "column of the score."
        )
    values = run.cohort.covariates[column]
    if not is_numeric_dtype(values.dtype):
        raise InputError(f"predict.polygenic_score needs numbers; column '{column}' holds text: correct it.")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def list_predictors(run: Run, views: list[str]) -> list[Predictor]:
    """Every predictor of the run, covariates first."""
    return [
        replace(predictor, model=model, label=predictor.label if model == "linear" else f"{predictor.label}, boosting")
        for model in run.config.predict.models
        for predictor in _of_one_model(run, views)
    ]


def _of_one_model(run: Run, views: list[str]) -> Iterator[Predictor]:
    labels = {arm: run.specs[arm].label for arm in run.arms}
    yield Predictor(COVARIATES, "linear", None, None, "covariates alone")
    if run.config.predict.polygenic_score is not None:
        yield Predictor(POLYGENIC, "linear", None, None, f"polygenic score {run.config.predict.polygenic_score}")
    for arm, label in labels.items():
        yield Predictor(GENES, "linear", arm, None, label)
    for view in views:
        yield Predictor(BRAIN, "linear", None, view, view)
    for kind, what in ((FUSION, "side by side"), (STACKED, "stacked")):
        for arm, label in labels.items():
            for view in views:
                yield Predictor(kind, "linear", arm, view, f"{label} + {view}, {what}")


@dataclass
class Features:
    """Features of every subject that the training subjects of a split taught: made once and read by all predictors."""

    run: Run
    outcome: Outcome
    known: np.ndarray
    components: dict[tuple[str, str], int] = field(default_factory=dict)
    _made: dict[tuple[tuple[str, str], bytes], np.ndarray] = field(default_factory=dict)

    def block(self, side: str, name: str, split: Split) -> np.ndarray:
        """One block, [n_subjects, n_features].

        Raises
        ------
        NotDefinedError
            There are no covariates, the score is not known of everybody, or a brain column is the outcome itself.
        """
        key = ((side, name), split.train.tobytes())
        if key not in self._made:
            found = self._make(side, name, split.train)
            self.note_components((side, name), found.shape[1])
            self._made[key] = found
        return self._made[key]

    def note_components(self, block: tuple[str, str], n_features: int) -> None:
        """The fewest features of a block over its splits."""
        self.components[block] = min(n_features, self.components.get(block, n_features))

    def _make(self, side: str, name: str, train: np.ndarray) -> np.ndarray:
        if side == COVARIATES:
            confounds = self.run.encode_confounds(train)
            if confounds is None:
                raise NotDefinedError("the configuration names no confounds")
            return confounds
        if side == POLYGENIC:
            return self._polygenic_score
        if side == BRAIN:
            self._check_brain(name)
        settings, view = self.run.config.alignment, fitted_on(self._view(side, name), train)
        pca = ViewPCA(
            self.run.config.predict.n_components,
            confounds=self.run.encode_confounds(train),
            scale=settings.scale_x if side == GENES else settings.scale_y,
        )
        return np.asarray(pca.fit(view, rows=train).transform(view))

    def _view(self, side: str, name: str) -> View:
        if (side, name) not in self._views:
            self._views[side, name] = self.run.arms[name].gene_view() if side == GENES else self.run.brain_view(name)
        return self._views[side, name]

    @cached_property
    def _views(self) -> dict[tuple[str, str], View]:
        return {}

    def _check_brain(self, name: str) -> None:
        table = self.run.brain[name]
        column = column_that_is(self.outcome, self.known, np.asarray(table.values))
        if column is not None:
            raise NotDefinedError(
                f"column '{table.feature_names[column]}' of {name} tells the outcome by itself: exclude it, or what "
                "the outcome was made from predicts itself"
            )

    @cached_property
    def _polygenic_score(self) -> np.ndarray:
        column, numbers = self.run.config.predict.polygenic_score, read_score(self.run)
        if not np.isfinite(numbers[self.known]).all():
            raise NotDefinedError(f"'{column}' is not known of everybody whose outcome is: leave the others out")
        return np.where(self.known, numbers, 0.0)[:, np.newaxis]


def predict(features: Features, predictor: Predictor, splits: list[Split]) -> HeldOutPrediction:
    """Held-out predictions of one predictor; a run that was killed does not make them again."""

    def of_arrays(kept: Arrays) -> HeldOutPrediction:
        given = dict(kept)
        for block, n_features in zip(predictor.blocks, given.pop("components").tolist(), strict=True):
            features.note_components(block, n_features)
        return HeldOutPrediction(**given)

    def to_arrays(made: HeldOutPrediction) -> Arrays:
        return vars(made) | {"components": np.array([features.components[block] for block in predictor.blocks])}

    return keep(lambda: _predict(features, predictor, splits), to_arrays=to_arrays, of_arrays=of_arrays)


def _predict(features: Features, predictor: Predictor, splits: list[Split]) -> HeldOutPrediction:
    learner = LEARNERS[predictor.model]
    fuse = stacked if predictor.kind == STACKED else concatenated

    def fit(split: Split) -> np.ndarray:
        blocks = [features.block(side, name, split) for side, name in predictor.blocks]
        return fuse(blocks, split.train, features.outcome.take(split.train), split.inner, learner)

    return predict_splits(splits, features.outcome, fit)


@dataclass(frozen=True)
class Told:
    """What one predictor said in the run's folds, and in further repetitions of them where these are asked for."""

    predictor: Predictor
    prediction: HeldOutPrediction
    found: Discrimination
    repeated: tuple[Discrimination, ...] = ()
