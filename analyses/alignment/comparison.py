"""Encoders as arms on the same genes, cohort, folds and permutations: one family of tests, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from analyses.alignment.files import read_held_out
from analyses.results.workspace import Workspace
from fusion.comparison.max_t import westfall_young
from fusion.comparison.paired_differences import PairedDifference, paired_difference, paired_family
from fusion.comparison.ranking import rank_arms
from fusion.cross_validation.result import CrossValidatedCCA

HeldOut = Mapping[str, CrossValidatedCCA]


def compare(workspace: Workspace, arms: Sequence[str], views: Sequence[str], *, seed: int) -> dict[str, Any]:
    """Correct the held-out tests of all arms and views together, and compare arms pairwise within each view.

    Parameters
    ----------
    arms, views : sequence of str
        Every combination must have been aligned.
    seed : int
        Of the paired bootstrap and the paired permutations.

    Returns
    -------
    dict
        ``rows`` (one per arm x view: p corrected by max-T with the permutations all share, rank with its interval),
        ``differences`` (arm_a - arm_b in held-out rho_1 per view: interval, paired p, the same corrected over the
        view's pairs), ``n_permutations``, ``note``.

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
    places = {view: _places(of_arms, seed) for view, of_arms in held_out.items()}
    return {
        "metric": "held-out rho_1",
        "rows": [
            _row(workspace.read_json(f"alignments/{arm}__{view}/alignment.json"), corrected[f"{arm}__{view}"])
            | places[view][arm]
            for arm in arms
            for view in views
        ],
        "differences": [row for view in views for row in _differences(held_out[view], view, seed)],
        "n_permutations": len(held_out[views[0]][arms[0]].null) - 1,
        "note": "Corrected by step-down max-T over all arms and views with the permutations they share (Westfall & "
        "Young 1993). Differences are between arms that saw the same subjects, folds and permutations, with the same "
        "number of components; their p is corrected over the pairs of a view. An untrained arm shows what an "
        "architecture gives without training.",
    }


def _row(summary: dict[str, Any], p_max_t: float) -> dict[str, Any]:
    held_out = summary["held_out"]
    return {
        **{key: summary[key] for key in ("arm", "arm_label", "view", "trained", "role")},
        "rho": held_out["rho"][0],
        "interval": held_out["interval"][0],
        "p": held_out["p"][0],
        "p_max_t": p_max_t,
        "in_sample_r1": summary["in_sample"]["canonical_correlations"][0],
        "x_cca": summary["dimensions"]["x_cca"],
    }


def _places(held_out: HeldOut, seed: int) -> dict[str, dict[str, Any]]:
    """Rank of every arm within a view, and how sure it is."""
    ranking = rank_arms(held_out, random_state=seed)
    return {
        arm: {"rank": int(rank), "rank_interval": interval.tolist(), "p_best": float(p)}
        for arm, rank, interval, p in zip(
            ranking.arms, ranking.rank, ranking.rank_interval, ranking.p_best, strict=True
        )
    }


def _differences(held_out: HeldOut, view: str, seed: int) -> list[dict[str, Any]]:
    corrected = paired_family(held_out, random_state=seed)
    return [
        _difference(
            (a, b), view, paired_difference(held_out[a], held_out[b], random_state=seed), p_corrected=corrected[a, b]
        )
        for a, b in combinations(held_out, 2)
    ]


def _difference(arms: tuple[str, str], view: str, found: PairedDifference, *, p_corrected: float) -> dict[str, Any]:
    return {
        "arm_a": arms[0],
        "arm_b": arms[1],
        "view": view,
        "difference": found.difference,
        "interval": found.interval.tolist(),
        "p": found.p,
        "p_corrected": p_corrected,
    }
