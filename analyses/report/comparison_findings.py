"""What a comparison of encoders says, and what it cannot say, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analyses.arms.twins import UNTRAINED
from analyses.formats import format_interval, format_number, format_p
from analyses.report.findings import ALPHA, CONTROL
from analyses.results.schema.comparisons import ArmDifference, ArmProperties, Comparison, ComparisonRow
from analyses.results.serialisation import OptionalInterval


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
    asked = contrasts(comparison, encoders)
    sentences = []
    for view in dict.fromkeys(row.view for row in rows):
        in_view = [row for row in rows if row.view == view]
        sentences += [_leader(in_view, view)]
        sentences += [one.sentence for one in asked if one.view == view]
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


@dataclass(frozen=True)
class Contrast:
    """A difference between two arms that someone asked for, in one view.

    Attributes
    ----------
    kind : {"rc", "training"}
        RC-equivariant minus RC-averaged; trained minus its untrained control.
    view, first, second : str
        The brain view, and the labels of the arms: `difference` is of `first` minus `second`.
    difference, p_corrected : float
        In held-out rho_1; p over the pairs of the view.
    interval : tuple of float
        95 %; None, None where an arm has no valid one.
    """

    kind: Literal["rc", "training"]
    view: str
    first: str
    second: str
    difference: float
    interval: OptionalInterval
    p_corrected: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether it passes 5 % after correction."""
        return self.p_corrected < ALPHA

    @property
    def in_figures(self) -> str:
        """Value, interval and p."""
        return (
            f"{format_number(self.difference, 3)} ({format_interval(self.interval, 3)}, "
            f"p corrected over pairs = {format_p(self.p_corrected)})"
        )

    @property
    def sentence(self) -> str:
        """All of it, for readers."""
        beyond = "a difference beyond chance" if self.is_beyond_chance else "no difference beyond chance"
        return f"{_ASKED[self.kind]}, {self.first} minus {self.second}: {self.in_figures}, {beyond} in {self.view}."


_ASKED = {"rc": "RC-equivariant against RC-averaged", "training": "Trained against untrained"}


def contrasts(comparison: Comparison, encoders: Mapping[str, str]) -> list[Contrast]:
    """Differences that someone asked for, on the views that are tested.

    Parameters
    ----------
    comparison : Comparison
        With its arms described.
    encoders : mapping of arm to registry name
        Tells which arm is another's untrained control.
    """
    tested = {row.view for row in comparison.rows if row.role != CONTROL}
    arms = {arm.arm: arm for arm in comparison.arms or ()}
    found = []
    for pair in comparison.differences:
        for a, b, sign in ((pair.arm_a, pair.arm_b, 1), (pair.arm_b, pair.arm_a, -1)):
            kind = _relation(arms[a], arms[b], encoders)
            if kind and pair.view in tested:
                found.append(_contrast(pair, sign, kind, (arms[a].arm_label, arms[b].arm_label)))
    return found


def _relation(a: ArmProperties, b: ArmProperties, encoders: Mapping[str, str]) -> Literal["rc", "training"] | None:
    if (a.rc_mode, b.rc_mode) == ("equivariant", "average") and a.trained == b.trained:
        return "rc"
    if a.trained and encoders[b.arm] == f"{UNTRAINED}{encoders[a.arm]}":
        return "training"
    return None


def _contrast(pair: ArmDifference, sign: int, kind: Literal["rc", "training"], labels: tuple[str, str]) -> Contrast:
    low, high = pair.interval if sign > 0 else pair.interval[::-1]
    return Contrast(
        kind=kind,
        view=pair.view,
        first=labels[0],
        second=labels[1],
        difference=sign * pair.difference,
        interval=(None if low is None else sign * low, None if high is None else sign * high),
        p_corrected=pair.p_corrected,
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
