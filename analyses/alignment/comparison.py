"""Encoders as arms on the same genes, cohort, folds and permutations: one family of tests, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analyses.alignment.files import read_held_out
from analyses.alignment.summary import link_nulls
from analyses.alignment.tails import describe_tail
from analyses.results.schema.alignments import AlignmentSummary, Role
from analyses.results.schema.comparisons import ArmDifference, Comparison, ComparisonRow
from analyses.results.schema.tails import FittedTail
from analyses.results.serialisation import OptionalInterval, optional_interval, tuples
from analyses.results.workspace import Workspace
from fusion.comparison.max_t import westfall_young, westfall_young_tails
from fusion.comparison.paired_differences import PairedDifference, paired_differences, paired_family
from fusion.comparison.ranking import Ranking, rank_arms
from fusion.comparison.simultaneous import simultaneous_intervals
from fusion.cross_validation.result import CrossValidatedCCA
from fusion.permutation.tails.fitted import TailP, unless_narrow
from fusion.power.held_out import critical_value, detectable_held_out_rho

HeldOutByArm = Mapping[str, CrossValidatedCCA]


def compare(
    workspace: Workspace, arms: Sequence[str], views: Sequence[str], *, seed: int, tails: bool = True
) -> Comparison:
    """Correct the held-out tests of all arms and the views of one role together, and compare arms within each view.

    Parameters
    ----------
    arms, views : sequence of str
        Every combination must have been aligned.
    seed : int
        Of the paired bootstrap and the paired permutations.
    tails : bool
        Whether tails are fitted beside the corrected p.

    Raises
    ------
    analyses.errors.InputError, fusion.errors.InputError
        An alignment is missing, or arms did not use the same folds and permutations.
    """
    held_out = {view: {arm: read_held_out(workspace, arm, view) for arm in arms} for view in views}
    summaries = {(arm, view): _summary(workspace, arm, view) for arm in arms for view in views}
    roles = {view: summaries[arms[0], view].role for view in views}
    corrected, both = correct_by_role(held_out, roles)
    fitted, fitted_both = fit_by_role(held_out, roles) if tails else ({}, {})
    rankings = {view: rank_arms(of_arms, random_state=seed) for view, of_arms in held_out.items()}
    intervals: dict[str, NDArray[np.float64]] = {}
    critical: dict[str, float] = {}
    for role, family in families(held_out, roles).items():
        intervals |= simultaneous_intervals(family, random_state=seed)
        critical[role] = critical_value(np.hstack([link_nulls(found) for found in family.values()]))
    return Comparison(
        metric="held-out rho_1",
        rows=tuple(
            _row(
                summaries[arm, view],
                corrected[f"{arm}__{view}"],
                (both[f"{arm}__{view}__rho"], both[f"{arm}__{view}__trace"]),
                rankings[view],
                optional_interval(intervals[f"{arm}__{view}"]),
                critical[roles[view]],
                fitted.get(f"{arm}__{view}"),
                _pair(fitted_both, f"{arm}__{view}"),
            )
            for arm in arms
            for view in views
        ),
        differences=tuple(row for view in views for row in _differences(held_out[view], view, seed)),
        n_permutations=len(held_out[views[0]][arms[0]].null) - 1,
        note="Corrected by step-down max-T over the first correlations and traces of all arms and the views tested, "
        "with the permutations they share (Westfall & Young 1993); negative controls are a family of their own. "
        "Intervals of a family hold at once, by bootstrap max-T; places are those that the differences leave open "
        "(Mogstad et al. 2024). Differences are between arms that saw the same subjects, folds and permutations, with "
        "the same number of components; their p is corrected over the pairs of a view. An untrained arm shows what an "
        "architecture gives without training.",
    )


def families(
    held_out: Mapping[str, HeldOutByArm], roles: Mapping[str, Role]
) -> dict[Role, dict[str, CrossValidatedCCA]]:
    """What is corrected together: all arms and the views of one role, by ``arm__view``."""
    return {
        role: {
            f"{arm}__{view}": found
            for view, of_arms in held_out.items()
            for arm, found in of_arms.items()
            if roles[view] == role
        }
        for role in dict.fromkeys(roles.values())
    }


def correct_by_role(
    held_out: Mapping[str, HeldOutByArm], roles: Mapping[str, Role]
) -> tuple[dict[str, float], dict[str, float]]:
    """p corrected by step-down max-T over all arms and the views of one role.

    Negative controls are no candidates: among the views tested they would only raise the p of these, and the more so
    the more controls there are.

    Parameters
    ----------
    held_out : mapping of view to arm to CrossValidatedCCA
    roles : mapping of view to role

    Returns
    -------
    of_first, of_both : dict
        p of the first correlations by ``arm__view``; of first correlations and traces together, by
        ``arm__view__rho`` and ``arm__view__trace``.
    """
    of_first: dict[str, float] = {}
    of_both: dict[str, float] = {}
    for family in families(held_out, roles).values():
        of_first |= westfall_young(_of_first(family))
        of_both |= westfall_young(_of_both(family), is_mixed=True)
    return of_first, of_both


def fit_by_role(
    held_out: Mapping[str, HeldOutByArm], roles: Mapping[str, Role]
) -> tuple[dict[str, FittedTail], dict[str, FittedTail]]:
    """Fitted tails beside the p of `correct_by_role`, by the same names."""
    of_first: dict[str, TailP] = {}
    of_both: dict[str, TailP] = {}
    for family in families(held_out, roles).values():
        of_first |= westfall_young_tails(_of_first(family))
        narrowest = min(min(found.dimensions) for found in family.values())
        fitted = westfall_young_tails(_of_both(family), is_mixed=True)
        of_both |= {name: unless_narrow(found, narrowest) for name, found in fitted.items()}
    first, both = ({name: describe_tail(found) for name, found in of.items()} for of in (of_first, of_both))
    return first, both


def _of_first(family: HeldOutByArm) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """First correlations with their null, by name."""
    return {name: (float(found.null[0, 0]), found.null[:, 0]) for name, found in family.items()}


def _of_both(family: HeldOutByArm) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """First correlations and traces with their null, by ``name__rho`` and ``name__trace``."""
    return {
        f"{name}__{kind}": (float(null[0]), null)
        for name, found in family.items()
        for kind, null in (("rho", found.null[:, 0]), ("trace", found.trace_null))
    }


def _pair(fitted: Mapping[str, FittedTail], name: str) -> tuple[FittedTail, FittedTail] | None:
    return (fitted[f"{name}__rho"], fitted[f"{name}__trace"]) if fitted else None


def _summary(workspace: Workspace, arm: str, view: str) -> AlignmentSummary:
    return workspace.read_result(AlignmentSummary, f"alignments/{arm}__{view}/alignment.json")


def _row(
    summary: AlignmentSummary,
    p_max_t: float,
    p_of_both: tuple[float, float],
    ranking: Ranking,
    interval_of_all: OptionalInterval,
    critical: float,
    tail: FittedTail | None,
    tails_of_both: tuple[FittedTail, FittedTail] | None,
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
        tail=tail,
        tails_of_both=tails_of_both,
    )


def _differences(held_out: HeldOutByArm, view: str, seed: int) -> list[ArmDifference]:
    corrected = paired_family(held_out, random_state=seed)
    return [
        _difference(pair, view, found, p_corrected=corrected[pair])
        for pair, found in paired_differences(held_out, random_state=seed).items()
    ]


def _difference(arms: tuple[str, str], view: str, found: PairedDifference, *, p_corrected: float) -> ArmDifference:
    return ArmDifference(
        arm_a=arms[0],
        arm_b=arms[1],
        view=view,
        difference=found.difference,
        interval=optional_interval(found.interval),
        p=found.p,
        p_corrected=p_corrected,
    )
