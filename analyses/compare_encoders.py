"""Encoders as arms on the same genes, cohort, folds and permutations: one family of tests, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from analyses.alignment_files import read_held_out
from analyses.workspace import Workspace
from fusion.families import PairedDifference, paired_difference, westfall_young


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
        ``rows`` (one per arm x view, p corrected by max-T with the permutations all share), ``differences``
        (arm_a - arm_b in held-out rho_1 per view, interval, paired p), ``n_permutations``, ``note``.

    Raises
    ------
    analyses.errors.InputError, fusion.errors.InputError
        An alignment is missing, or arms did not use the same folds and permutations.
    """
    pairs = [(arm, view) for arm in arms for view in views]
    summaries = {pair: workspace.read_json(f"alignments/{'__'.join(pair)}/alignment.json") for pair in pairs}
    held_out = {pair: read_held_out(workspace, *pair) for pair in pairs}
    first = held_out[pairs[0]].null[:, 0]
    corrected = westfall_young(
        {"__".join(pair): (result.null[0, 0], result.null[:, 0]) for pair, result in held_out.items()}
    )
    return {
        "metric": "held-out rho_1",
        "rows": [_row(summaries[pair], corrected["__".join(pair)]) for pair in pairs],
        "differences": [
            _difference(a, b, view, paired_difference(held_out[a, view], held_out[b, view], random_state=seed))
            for view in views
            for a, b in combinations(arms, 2)
        ],
        "n_permutations": len(first) - 1,
        "note": "Corrected by step-down max-T over all arms and views with the permutations they share (Westfall & "
        "Young 1993). Differences are between arms that saw the same subjects, folds and permutations; an untrained "
        "arm shows what an architecture gives without training.",
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
    }


def _difference(arm_a: str, arm_b: str, view: str, found: PairedDifference) -> dict[str, Any]:
    return {
        "arm_a": arm_a,
        "arm_b": arm_b,
        "view": view,
        "difference": found.difference,
        "interval": found.interval.tolist(),
        "p": found.p,
    }
