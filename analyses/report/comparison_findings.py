"""What a comparison of encoders says, and what it cannot say, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analyses.arms.grid import UNTRAINED
from analyses.formats import format_interval, format_number, format_p
from analyses.report.findings import ALPHA, CONTROL
from analyses.results.schema.comparisons import ArmDifference, ArmProperties, Comparison, ComparisonRow


def comparison_sentences(comparison: Comparison, encoders: Mapping[str, str]) -> list[str]:
    """The comparison in a few sentences, per brain view that is tested.

    Parameters
    ----------
    comparison : Comparison
        With its arms described.
    encoders : mapping of arm to registry name
        Tells which arm is another's untrained control.

    Returns
    -------
    list of str
        The leader and how sure its place is, equivariant against averaged arms, trained arms against their controls,
        and what a difference between arms does not show.
    """
    rows = [row for row in comparison.rows if row.role != CONTROL]
    sentences = []
    for view in dict.fromkeys(row.view for row in rows):
        in_view = [row for row in rows if row.view == view]
        differences = [pair for pair in comparison.differences if pair.view == view]
        sentences += [_leader(in_view, view)]
        sentences += _pairs(comparison, differences, encoders)
    return [*sentences, _limits(comparison)]


def _leader(rows: Sequence[ComparisonRow], view: str) -> str:
    best = min(rows, key=lambda row: row.rank)
    if not any(row.p_max_t < ALPHA for row in rows):
        return (
            f"No encoder aligned with {view} beyond chance, so their order is an order of noise (the largest held-out "
            f"ρ₁ is {format_number(best.rho)}, of {best.arm_label})."
        )
    if best.interval_of_all is None:
        return (
            f"With {view}, {best.arm_label} has the largest held-out ρ₁ ({format_number(best.rho)}); how sure its "
            "place is was not computed validly by the version that wrote this: run “genebrain compare” again."
        )
    low, high = (format_number(bound) for bound in best.interval_of_all)
    return (
        f"With {view}, {best.arm_label} has the largest held-out ρ₁, {format_number(best.rho)} (95 % interval {low} to "
        f"{high}, corrected for its being picked); {_first_place(best, rows)}."
    )


def _first_place(best: ComparisonRow, rows: Sequence[ComparisonRow]) -> str:
    """Who may be the best of a view: whoever no other beats beyond chance."""
    others = [row.arm_label for row in rows if row.rank_interval[0] == 1 and row is not best]
    if not others:
        return f"it is better than each of the {len(rows) - 1} others beyond chance" if len(rows) > 1 else "it is alone"
    return (
        f"{len(others)} of the {len(rows) - 1} others cannot be told from the best ({', '.join(others)}), so which of "
        f"these {len(others) + 1} is the best is open"
    )


def _pairs(comparison: Comparison, differences: Sequence[ArmDifference], encoders: Mapping[str, str]) -> list[str]:
    """Differences that someone asked for: equivariant minus averaged, trained minus its control."""
    arms = {arm.arm: arm for arm in comparison.arms or ()}
    found = []
    for pair in differences:
        for a, b, sign in ((pair.arm_a, pair.arm_b, 1), (pair.arm_b, pair.arm_a, -1)):
            what = _relation(arms[a], arms[b], encoders)
            if what:
                found.append(_difference(pair, sign, f"{what}, {arms[a].arm_label} minus {arms[b].arm_label}"))
    return found


def _relation(a: ArmProperties, b: ArmProperties, encoders: Mapping[str, str]) -> str | None:
    if (a.rc_mode, b.rc_mode) == ("equivariant", "average") and a.trained == b.trained:
        return "RC-equivariant against RC-averaged"
    if a.trained and encoders[b.arm] == f"{UNTRAINED}{encoders[a.arm]}":
        return "Trained against untrained"
    return None


def _difference(pair: ArmDifference, sign: int, what: str) -> str:
    low, high = pair.interval if sign > 0 else pair.interval[::-1]
    bounds = None if low is None else sign * low, None if high is None else sign * high
    beyond = pair.p_corrected < ALPHA
    return (
        f"{what}: {format_number(sign * pair.difference, 3)} ({format_interval(bounds, 3)}, "
        f"p corrected over pairs = {format_p(pair.p_corrected)}), "
        f"{'a difference beyond chance' if beyond else 'no difference beyond chance'} in {pair.view}."
    )


def _limits(comparison: Comparison) -> str:
    widths = sorted({row.x_cca for row in comparison.rows})
    size = f"{widths[0]} components" if len(widths) == 1 else f"{widths[0]} to {widths[-1]} components by view"
    return (
        f"Every arm enters CCA with the same number of dimensions ({size}), so width alone favours none. Arms still "
        "differ in architecture, size, tokens and training data: a difference between two encoders is not yet a "
        "difference between their ways to read both strands, and an arm that does not beat its untrained control has "
        "shown nothing of its training."
    )
