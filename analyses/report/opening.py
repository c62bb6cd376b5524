"""The first screen: the answer of this experiment in at most three sentences, and four cells that are asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analyses.formats import format_interval, format_number, format_p
from analyses.report.comparison_findings import Contrast, comparison_sentences, contrasts
from analyses.report.findings import AT_RANDOM, CONTROL, answer, by_strength, is_significant
from analyses.results.folder import Results
from analyses.results.headlines import Headline

_AT_MOST = 3
_CAUTION = "Caution:"
_SIMULATED = "The link is simulated"
_END = re.compile(r"[.!?](?=\s+[A-Z“(]|$)")


@dataclass(frozen=True)
class Cell:
    """One figure of the first screen.

    Attributes
    ----------
    question, value, detail : str
        What is asked, the answer in a word or a number, and what it rests on.
    is_beyond_chance : bool
        Whether `value` is something that was found, rather than nothing or nothing asked.
    """

    question: str
    value: str
    detail: str
    is_beyond_chance: bool = False


@dataclass(frozen=True)
class Opening:
    """What is read first, and what is left to say.

    Attributes
    ----------
    sentences : tuple of str
        At most three.
    cells : tuple of Cell
    more : tuple of str
        What else the experiment answers; its section opens with it. Empty where the alignments are the experiment.
    in_full : tuple of str
        What else the alignments answer.
    """

    sentences: tuple[str, ...]
    cells: tuple[Cell, Cell, Cell, Cell]
    more: tuple[str, ...]
    in_full: tuple[str, ...]


def make_opening(results: Results) -> Opening:
    """The first screen of a run."""
    of_alignments, of_arms, asked = answer(results), compared_arms(results), asked_contrasts(results)
    more: list[str] = []
    if results.experiment is not None:
        paired = [one for one in of_alignments if one.startswith(AT_RANDOM)]
        first = _leading(results.experiment.answer, _AT_MOST - len(paired)) + paired
        more = [one for one in results.experiment.answer if one not in first]
        rest = [one for one in of_alignments if one not in first]
    else:
        first, rest = _first(of_alignments, of_arms)
    headlines = results.headlines()
    cells = _best(headlines), _contrast(asked, "rc"), _contrast(asked, "training"), _control(headlines)
    return Opening(tuple(first), cells, tuple(more), tuple(rest))


def _leading(said: Sequence[str], most: int) -> list[str]:
    """What comes first and is no more than so many sentences; the first of all whatever its length."""
    n_sentences = [len(_END.findall(one)) for one in said]
    fitting = [place for place in range(len(said)) if place == 0 or sum(n_sentences[: place + 1]) <= most]
    return list(said[: len(fitting)])


def asked_contrasts(results: Results) -> list[Contrast]:
    """Equivariant minus averaged, trained minus untrained; none where arms were not compared as encoders."""
    compared = results.comparison
    return [] if compared is None or compared.arms is None else contrasts(compared, encoders_of(results))


def compared_arms(results: Results) -> list[str]:
    """What the comparison of arms says; nothing where they were not compared as encoders."""
    compared = results.comparison
    return [] if compared is None or compared.arms is None else comparison_sentences(compared, encoders_of(results))


def encoders_of(results: Results) -> dict[str, str]:
    """Arm to the name of its encoder."""
    return {arm.name: arm.spec.name for arm in results.run.arms}


def _first(of_alignments: Sequence[str], of_arms: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first sentence stands; after it what would mislead if it came later, then who leads, then the rest."""
    first, *others = of_alignments
    urgent = [one for start in (_CAUTION, _SIMULATED, AT_RANDOM) for one in others if one.startswith(start)]
    ranked = [*urgent, *of_arms[:1], *(one for one in others if one not in urgent)]
    opening = [first, *ranked[: _AT_MOST - 1]]
    return opening, [one for one in others if one not in opening]


def _best(headlines: Sequence[Headline]) -> Cell:
    """The largest that is beyond chance, else the largest."""
    tested = [one for one in headlines if one.summary.role != CONTROL]
    if not tested:
        return Cell("Best encoder", "none", "only negative controls were aligned")
    found = [one for one in tested if is_significant(one)]
    best = by_strength(found)[0] if found else max(tested, key=lambda one: one.rho)
    of_trace = f", of the trace {format_p(best.trace_p_corrected)}" if best.p_link < best.p_corrected else ""
    size = (
        f"{best.alignment.title}: held-out ρ₁ = {format_number(best.rho)} ({format_interval(best.interval)}), "
        f"corrected p = {format_p(best.p_corrected)}{of_trace}"
    )
    if not found:
        return Cell("Best encoder", "none beyond chance", f"largest is {size}")
    return Cell("Best encoder", best.summary.arm_label, size, is_beyond_chance=True)


_QUESTIONS = {"rc": "RC-equivariant − averaged", "training": "Trained − untrained"}
_NEEDED = {
    "rc": "no equivariant arm stands beside an averaged one, compared",
    "training": "no trained arm stands beside its untrained control, compared",
}


def _contrast(asked: Sequence[Contrast], kind: str) -> Cell:
    """The one with the smallest p; how many there are is said, since it is the best of them."""
    of_kind = [one for one in asked if one.kind == kind]
    question = _QUESTIONS[kind]
    if not of_kind:
        return Cell(question, "not asked", _NEEDED[kind])
    most = min(of_kind, key=lambda one: (one.p_corrected, -abs(one.difference)))
    others = f"; the surest of {len(of_kind)}" if len(of_kind) > 1 else ""
    detail = (
        f"{most.first} − {most.second}, {most.view}: {format_interval(most.interval, 3)}, "
        f"corrected p = {format_p(most.p_corrected)}{others}"
    )
    value = format_number(most.difference, 3) + ("" if most.is_beyond_chance else ", within chance")
    return Cell(question, value, detail, most.is_beyond_chance)


def _control(headlines: Sequence[Headline]) -> Cell:
    controls = [one for one in headlines if one.summary.role == CONTROL]
    if not controls:
        return Cell("Negative control", "none", "no brain view of this run holds no link by design")
    alarmed = [one for one in controls if is_significant(one)]
    p = format_p(min(one.p_link for one in controls))
    if alarmed:
        return Cell(
            "Negative control", "significant", f"confounding is the first suspect; p = {p}", is_beyond_chance=True
        )
    detail = f"smallest corrected p = {p} of {len(controls)}" if len(controls) > 1 else f"corrected p = {p}"
    return Cell("Negative control", "silent", detail)
