"""Coupling of every alignment in every stratum, by one model for all and by models of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.alignment.files import read_held_out
from analyses.cohort.design import make_design
from analyses.experiments.strata.labels import ReadStrata
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments.strata import Models, StrataDifference, StrataFinding, StratumCoupling
from analyses.results.serialisation import optional_interval
from fusion.association import align_folds
from fusion.confounds.coding import Confounds
from fusion.cross_validation.fold_embedding import FoldEmbedding, embed_folds
from fusion.errors import NotDefinedError
from fusion.parallel import one_blas_thread
from fusion.permutation.p_values import permutation_p, step_down_max_t
from fusion.stratification import LabelDraws, StrataComparison, compare_separate_models, compare_strata

if TYPE_CHECKING:
    from analyses.run.run import Run

LEVEL = 0.05


@dataclass(eq=False)
class Compared:
    """One arm, view and component (from 0), by one kind of model."""

    arm: str
    view: str
    component: int
    models: Models
    comparison: StrataComparison | None = None
    dimensions: tuple[int, int] | None = None
    agreement: np.ndarray | None = None
    reason: str | None = None


def compare_all(run: Run, strata: ReadStrata, draws: LabelDraws) -> list[Compared]:
    """Every alignment of the run."""
    pairs = [(arm, view) for arm in run.arms for view in run.config.brain]
    found: list[Compared] = []
    with progress_bar("stratify") as advance:
        for done, (arm, view) in enumerate(pairs, start=1):
            found += _one_model(run, strata, draws, arm, view)
            if run.config.stratify.separate:
                found += _own_models(run, strata, draws, arm, view)
            advance(done, len(pairs))
    return found


def _n_components(run: Run, arm: str, view: str) -> int:
    held_out = read_held_out(run.workspace, arm, view)
    return min(run.config.stratify.n_components, int(held_out.rho_by_fold.shape[1]))


def _one_model(run: Run, strata: ReadStrata, draws: LabelDraws, arm: str, view: str) -> Iterator[Compared]:
    held_out, rows = read_held_out(run.workspace, arm, view), strata.rows
    assert held_out.x_scores is not None
    assert held_out.y_scores is not None
    x, y = (align_folds(side, run.folds.assignments)[rows] for side in (held_out.x_scores, held_out.y_scores))
    for k in range(_n_components(run, arm, view)):
        comparison = compare_strata(
            x[:, k],
            y[:, k],
            draws,
            assignments=run.folds.assignments[rows],
            clusters=run.relations.drawn_together()[rows],
            widening=float(held_out.widening[k]),
            n_bootstrap=run.config.stratify.n_bootstrap,
            seed=run.seeds.held_out,
        )
        yield Compared(arm, view, k, "one model", comparison)


def _own_models(run: Run, strata: ReadStrata, draws: LabelDraws, arm: str, view: str) -> Iterator[Compared]:
    summary = run.workspace.read_result(AlignmentSummary, f"alignments/{arm}__{view}/alignment.json")
    settings: dict[str, Any] = {
        "clusters": run.relations.drawn_together()[strata.rows],
        "dimensions": (summary.dimensions.x_cca, summary.dimensions.y_cca),
        "min_ratio": run.config.alignment.min_ratio,
        "n_bootstrap": run.config.stratify.n_bootstrap,
        "seed": run.seeds.held_out,
    }
    embedded, widening = _embed(run, arm, view), read_held_out(run.workspace, arm, view).widening
    for k in range(_n_components(run, arm, view)):
        one = Compared(arm, view, k, "own models")
        try:
            found = compare_separate_models(
                embedded, draws, strata.rows, component=k, widening=float(widening[k]), **settings
            )
            one.comparison, one.dimensions, one.agreement = found.comparison, found.dimensions, found.agreement
        except NotDefinedError as error:
            one.reason = str(error)
        yield one


def _embed(run: Run, arm: str, view: str) -> list[FoldEmbedding]:
    """The folds' embeddings, as the alignment makes them."""
    settings = run.config.alignment
    confounds = Confounds.of((run.cohort.covariates, make_design(run.config)) if run.config.confounds else None)
    with one_blas_thread():
        return embed_folds(
            (run.arms[arm].gene_view(), run.brain_view(view)),
            confounds,
            run.folds,
            n_components=settings.pca_components,
            scale=(settings.scale_x, settings.scale_y),
        )


def describe(run: Run, strata: ReadStrata, found: Sequence[Compared]) -> tuple[StrataFinding, ...]:
    """As results hold them, corrected over all differences of one kind of model and one role."""
    of_role = {id(one): (one.models, run.config.brain[one.view].role) for one in found}
    described: dict[int, tuple[StrataDifference, ...]] = {}
    for family in dict.fromkeys(of_role.values()):
        members = [one for one in found if of_role[id(one)] == family and one.comparison is not None]
        if members:
            described |= _corrected(strata.names, members)
    return tuple(_describe(run, strata.names, one, described.get(id(one), ())) for one in found)


def _corrected(names: tuple[str, ...], members: Sequence[Compared]) -> dict[int, tuple[StrataDifference, ...]]:
    tables = [one.comparison.distances for one in members if one.comparison is not None]
    draws = np.column_stack(tables)
    p, p_corrected = permutation_p(draws), step_down_max_t(draws)
    critical = float(np.quantile(draws.max(axis=1), 1 - LEVEL))
    described, start = {}, 0
    for one, table in zip(members, tables, strict=True):
        stop = start + table.shape[1]
        described[id(one)] = tuple(_differences(names, one, p[start:stop], p_corrected[start:stop], critical))
        start = stop
    return described


def _differences(
    names: tuple[str, ...], one: Compared, p: np.ndarray, p_corrected: np.ndarray, critical: float
) -> Iterator[StrataDifference]:
    comparison = one.comparison
    assert comparison is not None
    smallest, expected = comparison.smallest_difference(critical), comparison.null.mean(axis=0)
    for k, (a, b) in enumerate(comparison.pairs):
        agreement = None if one.agreement is None else (float(one.agreement[k, 0]), float(one.agreement[k, 1]))
        yield StrataDifference(
            first=names[a],
            second=names[b],
            rho=(float(comparison.rho[a]), float(comparison.rho[b])),
            difference=float(comparison.differences[k]),
            interval=optional_interval(comparison.difference_interval[k]),
            expected=float(expected[k]),
            p=float(p[k]),
            p_corrected=float(p_corrected[k]),
            smallest=float(smallest[k]),
            agreement=agreement,
        )


def _describe(
    run: Run, names: tuple[str, ...], one: Compared, differences: tuple[StrataDifference, ...]
) -> StrataFinding:
    couplings: tuple[StratumCoupling, ...] = ()
    if one.comparison is not None:
        parts = zip(names, one.comparison.rho, one.comparison.interval, strict=True)
        couplings = tuple(StratumCoupling(name, float(rho), optional_interval(bounds)) for name, rho, bounds in parts)
    return StrataFinding(
        arm=one.arm,
        arm_label=run.specs[one.arm].label,
        view=one.view,
        role=run.config.brain[one.view].role,
        component=one.component + 1,
        models=one.models,
        dimensions=one.dimensions,
        couplings=couplings,
        differences=differences,
        reason=one.reason,
    )
