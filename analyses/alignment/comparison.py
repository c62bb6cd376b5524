"""Encoders as arms on the same genes, cohort, folds and permutations: one family of tests, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from analyses.alignment.files import read_held_out
from analyses.alignment.summary import link_nulls
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import ArmDifference, Comparison, ComparisonRow
from analyses.results.serialisation import Interval, tuples
from analyses.results.workspace import Workspace
from fusion.comparison.max_t import westfall_young
from fusion.comparison.paired_differences import PairedDifference, paired_difference, paired_family
from fusion.comparison.ranking import Ranking, rank_arms
from fusion.comparison.simultaneous import simultaneous_intervals
from fusion.cross_validation.result import CrossValidatedCCA
from fusion.power.held_out import critical_value, detectable_held_out_rho

HeldOutByArm = Mapping[str, CrossValidatedCCA]


def compare(workspace: Workspace, arms: Sequence[str], views: Sequence[str], *, seed: int) -> Comparison:
    """Correct the held-out tests of all arms and views together, and compare arms pairwise within each view.

    Parameters
    ----------
    arms, views : sequence of str
        Every combination must have been aligned.
    seed : int
        Of the paired bootstrap and the paired permutations.

    Raises
    ------
    analyses.errors.InputError, fusion.errors.InputError
        An alignment is missing, or arms did not use the same folds and permutations.
    """
    held_out = {view: {arm: read_held_out(workspace, arm, view) for arm in arms} for view in views}
    corrected = westfall_young(
        {
            f"{arm}__{view}": (found.null[0, 0], found.null[:, 0])
            for view, of_arms in held_out.items()
            for arm, found in of_arms.items()
        }
    )
    both = westfall_young(
        {
            f"{arm}__{view}__{name}": (null[0], null)
            for view, of_arms in held_out.items()
            for arm, found in of_arms.items()
            for name, null in (("rho", found.null[:, 0]), ("trace", found.trace_null))
        },
        is_mixed=True,
    )
    rankings = {view: rank_arms(of_arms, random_state=seed) for view, of_arms in held_out.items()}
    every = {(arm, view): found for view, of_arms in held_out.items() for arm, found in of_arms.items()}
    intervals = simultaneous_intervals(every, random_state=seed)
    critical = critical_value(np.hstack([link_nulls(found) for found in every.values()]))
    return Comparison(
        metric="held-out rho_1",
        rows=tuple(
            _row(
                _summary(workspace, arm, view),
                corrected[f"{arm}__{view}"],
                (both[f"{arm}__{view}__rho"], both[f"{arm}__{view}__trace"]),
                rankings[view],
                tuples(intervals[arm, view]),
                critical,
            )
            for arm in arms
            for view in views
        ),
        differences=tuple(row for view in views for row in _differences(held_out[view], view, seed)),
        n_permutations=len(held_out[views[0]][arms[0]].null) - 1,
        note="Corrected by step-down max-T over the first correlations and traces of all arms and views, with the "
        "permutations they share (Westfall & Young 1993). Intervals of all hold at once, by bootstrap max-T; places "
        "are those that the differences leave open (Mogstad et al. 2024). Differences are between arms that saw the "
        "same subjects, folds and permutations, with the same number of components; their p is corrected over the "
        "pairs of a view. An untrained arm shows what an architecture gives without training.",
    )


def _summary(workspace: Workspace, arm: str, view: str) -> AlignmentSummary:
    return workspace.read_result(AlignmentSummary, f"alignments/{arm}__{view}/alignment.json")


def _row(
    summary: AlignmentSummary,
    p_max_t: float,
    p_of_both: tuple[float, float],
    ranking: Ranking,
    interval_of_all: Interval,
    critical: float,
) -> ComparisonRow:
    held_out, place = summary.held_out, ranking.arms.index(summary.arm)
    return ComparisonRow(
        arm=summary.arm,
        arm_label=summary.arm_label,
        view=summary.view,
        trained=summary.trained,
        role=summary.role,
        rho=held_out.rho[0],
        interval=held_out.interval[0],
        p=held_out.first_p,
        p_max_t=p_max_t,
        trace=None if held_out.trace is None else held_out.trace.value,
        p_of_both=p_of_both,
        in_sample_r1=summary.in_sample.canonical_correlations[0],
        x_cca=summary.dimensions.x_cca,
        rank=int(ranking.rank[place]),
        rank_interval=tuples(ranking.rank_interval[place]),
        interval_of_all=interval_of_all,
        rho_at_80_percent_power=detectable_held_out_rho(
            summary.n.n_effective,
            summary.dimensions.x_cca,
            summary.dimensions.y_cca,
            n_folds=held_out.n_splits,
            critical=critical,
        ),
    )


def _differences(held_out: HeldOutByArm, view: str, seed: int) -> list[ArmDifference]:
    corrected = paired_family(held_out, random_state=seed)
    return [
        _difference(
            (a, b), view, paired_difference(held_out[a], held_out[b], random_state=seed), p_corrected=corrected[a, b]
        )
        for a, b in combinations(held_out, 2)
    ]


def _difference(arms: tuple[str, str], view: str, found: PairedDifference, *, p_corrected: float) -> ArmDifference:
    return ArmDifference(
        arm_a=arms[0],
        arm_b=arms[1],
        view=view,
        difference=found.difference,
        interval=tuples(found.interval),
        p=found.p,
        p_corrected=p_corrected,
    )
