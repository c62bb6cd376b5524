"""Encoders as arms on the same genes, cohort, folds and permutations: one family of tests, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from analyses.alignment_files import read_null_draws, read_private
from analyses.errors import InputError
from analyses.workspace import Workspace
from fusion import paired_difference, westfall_young


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
    InputError
        Alignments that did not use the same folds.
    """
    pairs = [(arm, view) for arm in arms for view in views]
    summaries = {pair: workspace.read_json(f"alignments/{'__'.join(pair)}/alignment.json") for pair in pairs}
    _check_same_folds(summaries)
    nulls = {pair: read_null_draws(workspace, *pair)["held_out"][:, 0] for pair in pairs}
    corrected = westfall_young({"__".join(pair): null for pair, null in nulls.items()})
    rows = [_row(summaries[pair], corrected["__".join(pair)]) for pair in pairs]
    return {
        "metric": "held-out rho_1",
        "rows": rows,
        "differences": [_difference(workspace, a, b, view, seed) for view in views for a, b in combinations(arms, 2)],
        "n_permutations": len(next(iter(nulls.values()))) - 1,
        "note": "p_max_t: max-T over all arms and views with the same permutations (Westfall & Young 1993). "
        "Differences are between arms that saw the same subjects, folds and permutations; an untrained arm shows what "
        "the architecture gives without training.",
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


def _difference(workspace: Workspace, arm_a: str, arm_b: str, view: str, seed: int) -> dict[str, Any]:
    a, b = (read_private(workspace, arm, view) for arm in (arm_a, arm_b))
    found = paired_difference(
        (a["x_scores"][:, 0], a["y_scores"][:, 0]),
        (b["x_scores"][:, 0], b["y_scores"][:, 0]),
        a["fold"],
        random_state=seed,
    )
    return {
        "arm_a": arm_a,
        "arm_b": arm_b,
        "view": view,
        "difference": found.difference,
        "interval": list(found.interval),
        "p": found.p,
    }


def _check_same_folds(summaries: dict[tuple[str, str], dict[str, Any]]) -> None:
    folds = {summary["held_out"]["folds_sha256"] for summary in summaries.values()}
    if len(folds) > 1:
        raise InputError(
            f"Arms can be compared only on the same folds; {len(folds)} different splits were found. "
            "Run `genebrain align` again with one configuration."
        )
