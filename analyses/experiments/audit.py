"""``experiment: audit``: what the embeddings know that they should not, and whether the tests would notice nothing.

Three questions: can covariates be predicted from a view, before and after confounds are removed; is p uniform when
brains are paired with genes at random; are there duplicates or relatives on both sides of a fold's border.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analyses.cohort.design import confound_kinds, make_design
from analyses.errors import InputError
from analyses.experiments.duplicates import count_duplicates
from analyses.experiments.leakage import Covariate, make_shuffles, predict_covariate
from analyses.formats import format_number, format_p
from analyses.progress import progress_bar
from analyses.results.schema.experiments import AuditResult, Metrics
from analyses.results.schema.experiments.audits import (
    CorrectedPrediction,
    CovariateLeak,
    Duplicates,
    Prediction,
    RandomPairings,
)

if TYPE_CHECKING:
    import pandas as pd

    from analyses.arms.arm import Arm
    from analyses.run.run import Run
    from fusion.views.view import View

FDR = 0.05
FEW_LEVELS = 10
"""Numbers with no more distinct values than this are taken for codes of a category."""


def check(run: Run) -> None:
    """Find the covariates, so that a column that is not there is known before anything is embedded."""
    list_covariates(run)


def run(run: Run) -> AuditResult:
    """Audit every gene view and brain view of the run."""
    leaks = _corrected(list(_predictions(run)))
    pairings = _pairings(run)
    duplicates = count_duplicates(run)
    return AuditResult(
        leaks=leaks,
        pairings=pairings,
        duplicates=duplicates,
        answer=_answer(leaks, pairings, duplicates),
        metrics=_metrics(leaks, pairings, duplicates),
        trials=(),
    )


def _views(run: Run) -> Iterator[tuple[Literal["genes", "brain"], str, View, bool]]:
    """Side, label, view and scaling of everything that is audited."""
    settings = run.config.alignment
    for arm in run.arms.values():
        yield "genes", arm.spec.label, arm.gene_view(), settings.scale_x
    for name in run.brain:
        yield "brain", name, run.brain_view(name), settings.scale_y


def list_covariates(run: Run) -> list[Covariate]:
    """The covariates asked for; by default every confound and what folds are stratified by, if it varies."""
    covariates, config = run.cohort.covariates, run.config
    known = confound_kinds(config, covariates)
    wanted = config.audit.targets or tuple(column for column in known if covariates[column].nunique() > 1)
    for column in wanted:
        if column not in covariates.columns:
            raise InputError(
                f"audit.targets names column '{column}', which no participants table has; columns are: "
                f"{', '.join(map(str, covariates.columns))}."
            )
        has_value = covariates[column].notna().to_numpy()
        if covariates[column].nunique() < 2 or len(np.unique(run.folds.assignments[has_value])) < 2:
            raise InputError(
                f"audit.targets needs columns of two values or more, known in two folds or more; '{column}' has "
                f"{covariates[column].nunique()} among {int(has_value.sum())} subjects: leave it out."
            )
    return [Covariate.of(covariates[column], known.get(column) or _guess(covariates[column])) for column in wanted]


def _guess(values: pd.Series) -> str:
    from pandas.api.types import is_numeric_dtype

    is_number = is_numeric_dtype(values.dtype) and values.nunique() > FEW_LEVELS
    return "continuous" if is_number else "categorical"


@dataclass(frozen=True)
class _Audited:
    """One covariate predicted from one view, before and after confounds are removed."""

    side: Literal["genes", "brain"]
    view: str
    covariate: Covariate
    removed: bool
    before: Prediction
    after: Prediction


def _predictions(run: Run) -> Iterator[_Audited]:
    settings, covariates = run.config.audit, list_covariates(run)
    shuffles = [
        make_shuffles(run.relations.take(one.known), settings.n_shuffles, run.seeds.held_out) for one in covariates
    ]
    views = list(_views(run))
    removed = set(run.config.confound_columns)
    with progress_bar("audit: covariates") as advance:
        for done, (side, label, view, scale) in enumerate(views):
            for covariate, orders in zip(covariates, shuffles, strict=True):
                before, after = (
                    predict_covariate(
                        view,
                        covariate,
                        run.folds,
                        nuisance=nuisance,
                        n_components=settings.n_components,
                        scale=scale,
                        shuffles=orders,
                    )
                    for nuisance in (None, run.encode_confounds)
                )
                yield _Audited(side, label, covariate, covariate.name in removed, before, after)
            advance(done + 1, len(views))


def _corrected(audited: Sequence[_Audited]) -> tuple[CovariateLeak, ...]:
    """False discovery rate over all views and covariates, before and after alike (Benjamini & Hochberg 1995)."""
    from statsmodels.stats.multitest import multipletests

    predictions = [prediction for one in audited for prediction in (one.before, one.after)]
    q = multipletests([prediction.p for prediction in predictions], method="fdr_bh")[1].reshape(-1, 2)
    return tuple(
        CovariateLeak(
            side=one.side,
            view=one.view,
            target=one.covariate.name,
            metric=one.covariate.metric,
            chance=one.covariate.chance,
            removed=one.removed,
            before=CorrectedPrediction(**asdict(one.before), q=float(q_before)),
            after=CorrectedPrediction(**asdict(one.after), q=float(q_after)),
        )
        for one, (q_before, q_after) in zip(audited, q, strict=True)
    )


def _pairings(run: Run) -> tuple[RandomPairings, ...]:
    """p of every arm and tested view when brains are paired with genes at random: it must be uniform."""
    from fusion import cross_validated_cca
    from fusion.arrays import dense

    config, rows = run.config, list[RandomPairings]()
    rng = np.random.default_rng(run.seeds.detectability)
    orders = [rng.permutation(len(run.cohort.subject_ids)) for _ in range(config.audit.n_pairings)]
    with progress_bar("audit: random pairings") as advance:
        for done, arm in enumerate(run.arms.values()):
            gene_view = arm.gene_view()
            for name in run.tested_views:
                # What folds learn of the brain is learnt from all here: no gene takes part in it, and a fold of other
                # subjects' brains may lack a site.
                brain = dense(run.brain_view(name))
                p = [
                    float(
                        cross_validated_cca(
                            gene_view,
                            brain[order],
                            (run.cohort.covariates, make_design(config)) if config.confounds else None,
                            folds=run.folds,
                            n_components=1,
                            pca_components=config.audit.n_components,
                            scale=(config.alignment.scale_x, config.alignment.scale_y),
                            n_permutations=config.audit.n_shuffles,
                            n_bootstrap=2,
                            random_state=seed,
                            n_jobs=run.engine.n_jobs,
                        ).p[0]
                    )
                    for seed, order in enumerate(orders)
                ]
                rows.append(_describe_pairings(arm, name, p))
            advance(done + 1, len(run.arms))
    return tuple(rows)


def _describe_pairings(arm: Arm, view: str, p: Sequence[float]) -> RandomPairings:
    from scipy.stats import binomtest, kstest

    below = sum(value <= 0.05 for value in p)
    low, high = binomtest(below, len(p)).proportion_ci(method="wilson")
    return RandomPairings(
        arm=arm.name,
        arm_label=arm.spec.label,
        view=view,
        n=len(p),
        n_below_05=below,
        interval=(float(low), float(high)),
        ks_p=float(kstest(p, "uniform").pvalue),
        p=tuple(p),
    )


def _answer(
    leaks: Sequence[CovariateLeak], pairings: Sequence[RandomPairings], duplicates: Duplicates
) -> tuple[str, ...]:
    return (_leaks_left(leaks), _paired_at_random(pairings), *duplicates.sentences)


def _paired_at_random(pairings: Sequence[RandomPairings]) -> str:
    total, below = sum(row.n for row in pairings), sum(row.n_below_05 for row in pairings)
    if not total:
        return "No genes were paired with brains at random: no brain view is tested."
    alignments = "one alignment" if total == 1 else f"{total} alignments"
    return (
        f"Of {alignments} of genes with brains paired at random, {below} gave p at most .05 "
        f"({format_number(100 * below / total, 1)} %; 5 % are expected)."
    )


def _leaks_left(leaks: Sequence[CovariateLeak]) -> str:
    if not leaks:
        return (
            "No covariate was predicted: the configuration names neither audit.targets nor confounds that differ "
            "between subjects."
        )
    known = [leak for leak in leaks if leak.before.q < FDR]
    left = [leak for leak in leaks if leak.after.q < FDR]
    before = f"{len(known)} of {len(leaks)} pairs of view and covariate show before confounds are removed"
    if not left:
        return f"No covariate can be predicted from any view once confounds are removed; {before}."
    worst = max(left, key=lambda leak: leak.after.score - leak.after.null_q95)
    targets = len({leak.target for leak in left})
    covariates = "One covariate" if targets == 1 else f"{targets} covariates"
    return (
        f"{covariates} can still be predicted after confounds are removed, most clearly {worst.target} "
        f"from {worst.view} ({worst.metric} {format_number(worst.after.score)}, 95 % point of shuffled "
        f"labels {format_number(worst.after.null_q95)}, q = {format_p(worst.after.q)}), in {len(left)} of "
        f"{len(leaks)} pairs of view and covariate; {before}."
    )


def _metrics(leaks: Sequence[CovariateLeak], pairings: Sequence[RandomPairings], duplicates: Duplicates) -> Metrics:
    total = sum(row.n for row in pairings)
    return {
        "audit/leaks_after": sum(leak.after.q < FDR for leak in leaks),
        "audit/leaks_before": sum(leak.before.q < FDR for leak in leaks),
        "audit/pairing_rejections": sum(row.n_below_05 for row in pairings) / max(total, 1),
        "audit/twins_across_folds": duplicates.n_across_folds,
    }


def draw(result: AuditResult, folder: Path) -> dict[str, Path]:
    """Covariates before and after, one panel a side."""
    from analyses.figures.audit import draw_leaks

    return draw_leaks(result.leaks, folder)
