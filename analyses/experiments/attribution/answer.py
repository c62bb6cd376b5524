"""The sentences of an attribution, its metrics and its trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments import Metrics, Trial
from analyses.results.schema.experiments.attributions import Attribution, BlockChange

LEVEL = 0.05
MOST_NAMED = 8
_WORDS = {"genes": ("gene", "genes"), "brain": ("region", "regions")}


def sentences(attributions: Sequence[Attribution], outcome: str | None) -> tuple[str, ...]:
    """The first stands alone."""
    defined = [one for one in attributions if one.reason is None]
    ordered = sorted(defined, key=lambda one: (not one.is_tested, one.side != "genes", _smallest_q(one)))
    return (
        *(_finding(one, outcome) for one in ordered),
        *_floors(ordered),
        *(sentence for one in ordered if (sentence := _sets(one)) is not None),
        *_undefined(attributions, outcome),
    )


def found_blocks(one: Attribution) -> list[BlockChange]:
    """Blocks with q below the level, the smallest first."""
    return sorted((block for block in one.blocks if block.q < LEVEL), key=lambda block: (block.p, -block.value))


def _smallest_q(one: Attribution) -> float:
    return min(block.q for block in one.blocks)


def _of(one: Attribution, outcome: str | None) -> str:
    what = f"the held-out {one.measure}"
    of_what = f"of {outcome} by {one.title}" if outcome is not None else f"of {one.title}"
    return f"{what} {of_what} ({format_number(one.whole)} with all)"


def _finding(one: Attribution, outcome: str | None) -> str:
    word, words = _WORDS[one.side]
    found = found_blocks(one)
    adding, still = [block for block in found if block.value > 0], [block for block in found if block.value <= 0]
    if not adding:
        clearest = min(one.blocks, key=lambda block: (block.p, -block.value))
        what = f"No {word} of {len(one.blocks)} is shown to add to {_of(one, outcome)}"
        return f"{what}; the clearest is {_numbers(clearest)}{_without_a_fall(still)}."
    verb = "adds" if len(adding) == 1 else "add"
    return (
        f"{len(adding)} of {len(one.blocks)} {words} {verb} to {_of(one, outcome)}, given all others: "
        f"{_numbers(adding[0])}{_also(adding[1:])}{_without_a_fall(still)}."
    )


def _numbers(block: BlockChange) -> str:
    verb, size = ("falls", block.value) if block.value >= 0 else ("rises", -block.value)
    return (
        f"{block.label}, without which it {verb} by {format_number(size, 3)} "
        f"({format_interval(block.interval, 3)} of the fall; q = {format_p(block.q)}, "
        f"p = {format_p(block.p_fwer)} by max-T)"
    )


def _without_a_fall(still: Sequence[BlockChange]) -> str:
    """Leaving out columns of noise helps; what helps less than that is told from noise, and yet adds nothing."""
    if not still:
        return ""
    named = ", ".join(block.label for block in still[:MOST_NAMED])
    verb, them = ("is", "it") if len(still) == 1 else ("are", "them")
    return f"; {named} {verb} told from noise (q below {LEVEL}), though nothing falls without {them}"


def _also(others: Sequence[BlockChange]) -> str:
    if not others:
        return ""
    named = ", ".join(block.label for block in others[:MOST_NAMED])
    more = len(others) - MOST_NAMED
    return f"; also {named}{f' and {more} more' if more > 0 else ''}"


def _floors(attributions: Sequence[Attribution]) -> Iterator[str]:
    """How small q can become, once for every number of blocks."""
    told: dict[tuple[str, int], Attribution] = {}
    for one in attributions:
        told.setdefault((one.side, len(one.blocks)), one)
    for (side, n_blocks), one in told.items():
        smallest, (word, words) = one.smallest, _WORDS[side]
        if smallest is None:
            continue
        reach = (
            f"With {one.n_permutations:,} exchanges one {word} among {n_blocks} can reach "
            f"q = {format_p(smallest.q)} and, by max-T, p = {format_p(smallest.p_fwer)}"
        )
        if smallest.q >= LEVEL:
            yield (
                f"{reach}, so that q cannot fall below {LEVEL} where one of the {words} stands alone: raise "
                f"attribute.n_permutations to {smallest.enough_permutations:,} or more."
            )
        else:
            least = format_p(smallest.q_wilcoxon)
            yield f"{reach}; a Wilcoxon test over {one.n_folds} folds could not go below q = {least}."


def _sets(one: Attribution) -> str | None:
    if not one.sets:
        return None
    tested = [each for each in one.sets if each.q is not None]
    if not tested:
        return f"No set of genes can be held against the others in {one.title}: {one.sets[0].reason}."
    best = min(tested, key=lambda each: each.p if each.p is not None else 1.0)
    numbers = (
        f"{best.name} ({len(best.genes)} genes in the panel; q = {format_p(best.q)}, "
        f"by itself p = {format_p(best.p_self)})"
    )
    others = f"the other genes of {one.title}"
    found = [each for each in tested if each.q is not None and each.q < LEVEL]
    if found:
        verb = "holds" if len(found) == 1 else "hold"
        return f"{len(found)} of {len(tested)} gene sets {verb} more than {others}, first {numbers}."
    return f"No gene set of {len(tested)} is shown to hold more than {others}; the first is {numbers}."


def _undefined(attributions: Sequence[Attribution], outcome: str | None) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for one in attributions:
        if one.reason is not None:
            reasons.setdefault(one.reason, []).append(f"{_WORDS[one.side][1]} of {one.title}")
    what = "" if outcome is None else f" of {outcome}"
    for reason, named in reasons.items():
        yield f"An attribution{what} to {'; to '.join(named)} is not defined: {reason}."


def list_metrics(attributions: Sequence[Attribution]) -> Metrics:
    """Numbers found and the smallest q of each side; the trials have the rest."""
    metrics: Metrics = {}
    for side in _WORDS:
        defined = [one for one in attributions if one.side == side and one.reason is None and one.is_tested]
        if defined:
            best = min(defined, key=_smallest_q)
            metrics[f"attribute/{side}_found"] = len(found_blocks(best))
            metrics[f"attribute/{side}_smallest_q"] = _smallest_q(best)
            metrics[f"attribute/{side}_largest_change"] = best.blocks[0].value
    return metrics


def make_trial(one: Attribution) -> Trial:
    """One attribution as a child run of tracking."""
    params = {"attribute.side": one.side, "encoder.name": one.arm, "brain.view": one.view}
    metrics: Metrics = {}
    if one.whole is not None:
        metrics = {
            "attribute/found": len(found_blocks(one)),
            "attribute/smallest_q": _smallest_q(one),
            "attribute/whole": one.whole,
        }
    return Trial(
        name=f"{_WORDS[one.side][1]} of {one.title}",
        params={key: value for key, value in params.items() if value is not None},
        metrics=metrics,
    )
