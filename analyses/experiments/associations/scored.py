"""Held-out scores of every alignment as columns, and what each of them shows beside each outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

from analyses.alignment.files import read_held_out
from analyses.experiments.associations.responses import ReadResponses
from analyses.progress import progress_bar
from analyses.results.schema.experiments.associations import Association
from fusion.association import Effect, Response, associate_scores, combine_scores, fit_effect
from fusion.association.effects import MEASURES
from fusion.association.freedman_lane import two_sided
from fusion.errors import NotDefinedError
from fusion.permutation.p_values import permutation_p, step_down_max_t

if TYPE_CHECKING:
    from analyses.run.run import Run

RANKS = "partial rank correlation"
POWER = 0.8
LEVEL = 0.05


@dataclass(frozen=True)
class Score:
    """A column of scores: of which alignment, which component (from 0), which side."""

    arm: str
    view: str
    component: int
    side: str


@dataclass(eq=False)
class Tested:
    """One score beside one response."""

    score: Score
    column: str
    contrast: str
    measure: str
    null: np.ndarray | None = None
    effect: Effect | None = None
    reason: str | None = None
    p: float | None = None
    p_max_t: float | None = None
    q: float | None = None


def read_scores(run: Run) -> tuple[list[Score], np.ndarray]:
    """Scores of all alignments, [n_subjects, n_columns], each in standard deviations of its fold."""
    settings, assignments = run.config.associate, run.folds.assignments
    scores: list[Score] = []
    columns: list[np.ndarray] = []
    for arm in run.arms:
        for view in run.config.brain:
            held_out = read_held_out(run.workspace, arm, view)
            assert held_out.x_scores is not None
            assert held_out.y_scores is not None
            kept = min(settings.n_components or held_out.x_scores.shape[1], held_out.x_scores.shape[1])
            x, y = held_out.x_scores[:, :kept], held_out.y_scores[:, :kept]
            for side in settings.scores:
                scores += [Score(arm, view, component, side) for component in range(kept)]
                columns.append(combine_scores(side, x, y, assignments))
    return scores, np.column_stack(columns)


class Associations(NamedTuple):
    """Every score beside every response, with effects; by contrast why some responses have none, and of how many
    subjects covariates alone decide the others."""

    found: list[Tested]
    reasons: dict[str, str]
    n_decided: dict[str, int]


def associate_all(run: Run, read: Sequence[ReadResponses]) -> Associations:
    """Every score beside every response."""
    scores, values = read_scores(run)
    everybody = np.arange(len(values))
    covariates = run.encode_confounds(everybody)
    plain = {name: response for one in read for name, response in one.contrasts.items()}
    ranked = {name: _ranked(one) for name, one in plain.items() if one.kind == "continuous"}
    found: list[Tested] = []
    reasons: dict[str, str] = {}
    n_decided: dict[str, int] = {}
    columns = {name: one for one in read for name in one.contrasts}
    told = _told(run, read)
    for responses, table, is_ranked in (
        (plain, values, False),
        (ranked, np.apply_along_axis(rankdata, 0, values), True),
    ):
        tests = associate_scores(
            table,
            responses,
            covariates,
            assignments=run.folds.assignments,
            blocks=run.relations.blocks,
            n_permutations=run.config.associate.n_permutations,
            random_state=run.seeds.held_out,
        )
        reasons |= tests.reasons
        n_decided |= {name: responses[name].n_known - one.n_known for name, one in tests.tested.items()}
        with progress_bar("associate ranks" if is_ranked else "associate") as advance:
            for done, (name, null) in enumerate(tests.statistics.items(), start=1):
                measure = RANKS if is_ranked else MEASURES[responses[name].kind]
                for k, score in enumerate(scores):
                    one = Tested(score, columns[name].column, name, measure)
                    one.reason = None if score.side == "genes" else told.get((score.view, one.column))
                    if one.reason is None:
                        one.null = null[:, k]
                        _fit(run, one, tests.tested[name], table[:, k], tests.bases[name])
                    found.append(one)
                advance(done, len(tests.statistics))
    return Associations(found, reasons, n_decided)


def _ranked(response: Response) -> Response:
    ranks = np.zeros(len(response.values))
    ranks[response.rows] = rankdata(response.values[response.rows])
    return Response("continuous", ranks, response.known)


def _fit(run: Run, one: Tested, response: Response, score: np.ndarray, basis: np.ndarray) -> None:
    settings: dict[str, Any] = {"n_bootstrap": run.config.associate.n_bootstrap, "seed": run.seeds.held_out}
    try:
        one.effect = fit_effect(response, score, basis, run.relations.drawn_together(), **settings)
    except NotDefinedError as error:
        one.reason = str(error)


def _told(run: Run, read: Sequence[ReadResponses]) -> dict[tuple[str, str], str]:
    """Views a column of which tells an outcome by itself: their scores would be held against themselves."""
    reasons = {}
    for view, table in run.brain.items():
        for one in read:
            column = one.is_told_by(np.asarray(table.values)) if one.contrasts else None
            if column is not None:
                reasons[view, one.column] = (
                    f"column '{table.feature_names[column]}' of {view} tells the outcome by itself: exclude it, or "
                    "what the outcome was made from is held against itself"
                )
    return reasons


def correct(run: Run, found: Sequence[Tested]) -> float | None:
    """p of every test, corrected over those of one role; the correlation that can be found among the tested views."""
    from statsmodels.stats.multitest import multipletests

    detectable = None
    for role in ("test", "negative control"):
        family = [one for one in found if one.null is not None and run.config.brain[one.score.view].role == role]
        if not family:
            continue
        draws = two_sided([np.column_stack([one.null for one in family if one.null is not None])])
        p, p_max_t = permutation_p(draws), step_down_max_t(draws)
        q = multipletests(p, method="fdr_bh")[1]
        for one, values in zip(family, zip(p, p_max_t, q, strict=True), strict=True):
            one.p, one.p_max_t, one.q = map(float, values)
        if role == "test":
            critical = float(np.quantile(draws.max(axis=1), 1 - LEVEL))
            detectable = min(1.0, (critical + float(norm.ppf(POWER))) / float(np.sqrt(_least_free(run))))
    return detectable


def _least_free(run: Run) -> int:
    confounds = run.encode_confounds(np.arange(run.relations.n_subjects))
    removed = 0 if confounds is None else confounds.shape[1]
    return max(run.relations.n_subjects - removed - run.folds.n_splits, 1)


def describe(run: Run, found: Sequence[Tested]) -> Iterator[Association]:
    """As results hold them."""
    for one in found:
        score, effect = one.score, one.effect
        yield Association(
            arm=score.arm,
            arm_label=run.specs[score.arm].label,
            view=score.view,
            role=run.config.brain[score.view].role,
            component=score.component + 1,
            score=score.side,
            contrast=one.contrast,
            column=one.column,
            measure=one.measure,
            value=None if effect is None else effect.value,
            interval=None if effect is None else effect.interval,
            p_model=None if effect is None else effect.p,
            p=one.p,
            p_max_t=one.p_max_t,
            q=one.q,
            reason=one.reason,
        )
