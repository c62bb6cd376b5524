"""``experiment: tune``: pooling, layer, dimensions and penalty by Optuna, in inner folds; no other file knows Optuna.

Some folds of the run are set aside. Trials see the other subjects alone, in inner folds; the best setting is then
fitted on all of those and tested once on the subjects set aside. Trials lie in a journal, so that an interrupted search
goes on where it stopped and several processes can share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.arms.arm import Arm, SequenceArm
from analyses.arms.grid import make_variant
from analyses.cohort.design import make_design
from analyses.config.encoder import EncoderConfig
from analyses.errors import InputError
from analyses.figures.canvas import save_figure
from analyses.figures.searches import history_figure
from analyses.formats import format_interval, format_number, format_p
from analyses.progress import progress_bar
from analyses.results.provenance import digest
from analyses.results.schema.experiments import (
    BestSetting,
    SetAsideTest,
    SettingSearch,
    SettingTrial,
    Trial,
    TuneResult,
)
from analyses.results.serialisation import optional_interval, plain
from encoders.damage import refused_if_damaged
from fusion.comparison.max_t import westfall_young
from fusion.cross_validation.folds import folds_of
from fusion.model_selection.settings import Setting, TestedSetting, embed_inner, evaluate_setting, inner_correlation

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as OptunaTrial

    from analyses.config.experiments.alignments import TuneConfig
    from analyses.run.run import Run
    from fusion.cross_validation.fold_embedding import FoldEmbedding
    from fusion.views.view import View

LEVEL = 0.05
BATCH = 4
"""Trials asked for at once: fixed, so that the search does not depend on the number of workers."""


def check(run: Run) -> None:
    """See that folds are left to learn from, and that every arm has each pooling and layer."""
    _check_folds(run)
    for arm in run.config.encoders:
        for pooling, layer in product(run.config.tune.poolings, run.config.tune.layers):
            _make_variant(run, arm, (pooling, layer))


def run(run: Run) -> TuneResult:
    """One search per arm and tested view."""
    tested = {
        (arm.name, view): _search(_Problem(run, arm, view)) for arm in run.config.encoders for view in run.tested_views
    }
    corrected = westfall_young({"__".join(pair): (one.rho, one.null) for pair, (_, one) in tested.items()})
    searches = tuple(
        _describe(found, one, p) for (found, one), p in zip(tested.values(), corrected.values(), strict=True)
    )
    return TuneResult(
        searches=searches,
        answer=tuple(_sentence(search, len(searches), run.config.tune) for search in searches),
        metrics={
            f"tune/{name}_{search.arm}_{search.view}": value
            for search in searches
            for name, value in (("rho", search.tested.rho), ("p_corrected", search.tested.p_corrected))
            if value is not None
        },
        trials=tuple(trial for search in searches for trial in _trials(search)),
    )


def _check_folds(run: Run) -> None:
    n_aside, n_splits = run.config.tune.test_folds, run.folds.n_splits
    if n_aside >= n_splits:
        raise InputError(f"tune.test_folds must leave folds to learn from; got {n_aside} of {n_splits}: lower it.")


def _make_variant(run: Run, arm: EncoderConfig, kind: tuple[str, int]) -> Arm:
    """The arm itself, or a copy with another pooling and layer."""
    if kind == (arm.pooling, arm.layer):
        return run.arms[arm.name]
    variant = run.make_arm(make_variant(arm, pooling=kind[0], layer=kind[1]))
    if not isinstance(variant, SequenceArm):
        raise InputError(
            f"tune.poolings and tune.layers must be those of the precomputed embeddings '{arm.name}', "
            f"{arm.pooling} and {arm.layer}; got {kind[0]} and {kind[1]}."
        )
    return variant


@dataclass(frozen=True)
class _Problem:
    """What one study needs: an arm, a brain view, the subjects it may learn from and those set aside."""

    run: Run
    arm: EncoderConfig
    view: str

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Subjects to learn from, and subjects set aside."""
        aside = self.run.folds.assignments < self.run.config.tune.test_folds
        return np.flatnonzero(~aside), np.flatnonzero(aside)

    @property
    def confounds(self) -> Any:
        """Table and design, or None."""
        config = self.run.config
        return (self.run.cohort.covariates, make_design(config)) if config.confounds else None

    @property
    def scale(self) -> tuple[bool, bool]:
        return self.run.config.alignment.scale_x, self.run.config.alignment.scale_y

    def views(self, variant: Arm) -> tuple[View, View]:
        return variant.gene_view(), self.run.brain_view(self.view)

    @property
    def key(self) -> str:
        """What the trials depend on: a journal of other subjects, tables or settings is another study."""
        space = self.run.config.tune.model_dump(exclude={"n_trials"})  # a longer search goes on with the same trials
        told = self.run.config.model_dump(mode="json", include={"confounds", "cohort", "pairing", "plant"})
        parts = [self.run.keys.windows, self.run.folds.sha256, space, self.run.keys.encoders()[self.arm.name], told]
        return digest(parts, self.view, *self.run.keys.tables(self.view), self.scale)[:16]


class _Objective:
    """Inner held-out correlation of a trial's setting; embeddings of a pooling and layer are made once."""

    def __init__(self, problem: _Problem) -> None:
        self._problem = problem
        self.variant = cache(self._variant)
        self._embedded = cache(self._embed)

    def suggest(self, trial: OptunaTrial) -> tuple[tuple[str, int], Setting]:
        """The trial's pooling and layer, and its setting."""
        settings = self._problem.run.config.tune
        kind = (
            str(trial.suggest_categorical("pooling", settings.poolings)),
            int(trial.suggest_categorical("layer", settings.layers)),
        )
        low, high = settings.n_components
        size = trial.suggest_int("n_components", low, high, log=True)
        least, most = settings.penalty
        return kind, Setting(size, trial.suggest_float("penalty", least, most))

    def prepare(self, kinds: set[tuple[str, int]]) -> None:
        """Embed what a batch needs, once, before its trials run beside each other."""
        for kind in sorted(kinds):
            self._embedded(kind)

    def value(self, kind: tuple[str, int], setting: Setting) -> float:
        """Mean over inner folds."""
        return inner_correlation(self._embedded(kind), setting)

    def _variant(self, kind: tuple[str, int]) -> Arm:
        variant = _make_variant(self._problem.run, self._problem.arm, kind)
        if not isinstance(variant, SequenceArm) or variant.name == self._problem.arm.name:
            return variant
        with progress_bar(f"embed {variant.name}") as advance:
            variant.embed(advance)
        return variant

    def _embed(self, kind: tuple[str, int]) -> list[FoldEmbedding]:
        problem = self._problem
        settings, rows = problem.run.config.tune, problem.rows[0]
        inner = folds_of(problem.run.relations.take(rows), settings.inner_splits, problem.run.seeds.folds)
        return embed_inner(
            problem.views(self.variant(kind)),
            problem.confounds,
            rows,
            inner,
            n_components=settings.n_components[1],
            scale=problem.scale,
        )


@dataclass(frozen=True)
class _Found:
    """A finished search: the arm's label with the best setting, and its trials, the best of them by itself."""

    problem: _Problem
    label: str
    best: FrozenTrial
    finished: list[FrozenTrial]


def _search(problem: _Problem) -> tuple[_Found, TestedSetting]:
    """The search, and the one test of its best setting in the subjects set aside."""
    objective, run = _Objective(problem), problem.run
    study = _open_study(problem)
    _optimise(study, objective, problem)
    best = study.best_trial
    kind = (str(best.params["pooling"]), int(best.params["layer"]))
    setting = Setting(int(best.params["n_components"]), float(best.params["penalty"]))
    tested = evaluate_setting(
        problem.views(objective.variant(kind)),
        problem.confounds,
        problem.rows,
        setting,
        scale=problem.scale,
        relations=run.relations,
        n_permutations=run.config.alignment.n_permutations,
        random_state=run.seeds.held_out,
    )
    finished = [trial for trial in study.trials if trial.value is not None]
    return _Found(problem, objective.variant(kind).spec.label, best, finished), tested


def _describe(found: _Found, tested: TestedSetting, p_corrected: float) -> SettingSearch:
    best = found.best
    return SettingSearch(
        arm=found.problem.arm.name,
        arm_label=found.label,
        view=found.problem.view,
        best=BestSetting(**best.params, inner_rho=_value(best), trial=best.number),
        tested=SetAsideTest(
            rho=tested.rho,
            interval=optional_interval(tested.interval),
            p=tested.p,
            p_corrected=p_corrected,
            n_train=tested.n_train,
            n_test=tested.n_test,
        ),
        trials=tuple(
            SettingTrial(number=trial.number, inner_rho=_value(trial), **trial.params) for trial in found.finished
        ),
    )


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None  # it finished
    return trial.value


def open_journal(path: Path, name: str) -> Study:
    """A search that goes on from its journal, or begins one.

    Raises
    ------
    InputError
        The journal is damaged.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    with refused_if_damaged(path, "the journal of a search"):
        storage = JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
        values = [(trial.state is optuna.trial.TrialState.COMPLETE, trial.value) for trial in study.trials]
        if (True, None) in values:
            raise ValueError("a trial that was finished has no value")
        return study


def _open_study(problem: _Problem) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = problem.run.workspace.path("experiments", f"tune__{problem.arm.name}__{problem.view}.journal")
    if problem.run.workspace.is_forced:
        path.unlink(missing_ok=True)
    study = open_journal(path, problem.key)
    # A search that goes on must not draw the random numbers of its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=(problem.run.config.seed + len(study.trials)) % 2**32)
    return study


def _optimise(study: Study, objective: _Objective, problem: _Problem) -> None:
    """Ask for trials in batches, evaluate a batch in parallel, tell the results in order."""
    from joblib import delayed

    from fusion.workers import workers

    n_trials = problem.run.config.tune.n_trials
    with progress_bar(f"tune {problem.arm.name} x {problem.view}") as advance:
        while (done := sum(trial.state.is_finished() for trial in study.trials)) < n_trials:
            trials = [study.ask() for _ in range(min(BATCH, n_trials - done))]
            asked = [objective.suggest(trial) for trial in trials]
            objective.prepare({kind for kind, _ in asked})
            values = workers(problem.run.config.workers, require="sharedmem")(
                delayed(objective.value)(*one) for one in asked
            )
            for trial, value in zip(trials, values, strict=True):
                study.tell(trial, value)
            advance(done + len(trials), n_trials)


def _sentence(search: SettingSearch, n_searches: int, space: TuneConfig) -> str:
    best, tested, p = search.best, search.tested, search.tested.p_corrected
    assert p is not None  # of results of earlier versions alone
    found = "links genes and brain" if p < LEVEL else "shows no link beyond chance"
    family = "" if n_searches == 1 else f", over {n_searches} searches {format_p(p)}"
    pooling = f"{best.pooling} pooling, " if len(space.poolings) > 1 else ""
    layer = f"layer {format_number(best.layer)}, " if len(space.layers) > 1 else ""
    return (
        f"In the {tested.n_test} subjects set aside the best setting {found}: {search.arm_label} × {search.view}, "
        f"ρ₁ = {format_number(tested.rho)} ({format_interval(tested.interval)}, p = {format_p(tested.p)}{family}). "
        f"Of {len(search.trials)} trials it took {pooling}{layer}at most {best.n_components} components a side and "
        f"penalty {format_number(best.penalty)} (inner ρ₁ {format_number(best.inner_rho)}, which is chosen and so too "
        "large)."
    )


def _trials(search: SettingSearch) -> list[Trial]:
    return [
        Trial(
            name=f"{search.arm} x {search.view}, trial {trial.number}",
            params={
                "encoder.name": search.arm,
                "brain.view": search.view,
                "pooling": trial.pooling,
                "layer": trial.layer,
                "n_components": trial.n_components,
                "penalty": trial.penalty,
            },
            metrics={"inner/rho_1": trial.inner_rho},
        )
        for trial in search.trials
    ]


def draw(result: TuneResult, folder: Path) -> dict[str, Path]:
    """How each search went."""
    import pandas as pd

    drawn = {}
    for search in result.searches:
        path = folder / f"tune__{search.arm}__{search.view}.svg"
        data = pd.DataFrame([plain(trial) for trial in search.trials])
        drawn[path.stem] = save_figure(history_figure(search), path, data)
    return drawn
