"""What a run found, in sentences: held-out first, each value beside its null, a null result with what it rules out."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.formats import format_interval, format_number, format_p
from analyses.results.folder import Results
from analyses.results.headlines import Alignment, Headline

ALPHA = 0.05
CONTROL = "negative control"
AT_RANDOM = "Genes and brains were paired at random"


def is_significant(headline: Headline) -> bool:
    """Whether an alignment passes 5 % after correction."""
    return headline.p_link < ALPHA


def answer(results: Results) -> list[str]:
    """The run's question answered in a few sentences, the first of which stands alone.

    Returns
    -------
    list of str
        What was found or not, what could have been found, the negative control, the untrained arms, pairing at random,
        the planted truth.
    """
    headlines = results.headlines()
    tested = [headline for headline in headlines if headline.summary.role != CONTROL]
    controls = [headline for headline in headlines if headline.summary.role == CONTROL]
    found = [headline for headline in tested if is_significant(headline)]
    sentences = _found(found, results) if found else _not_found(tested, results)
    return [*sentences, *_control(controls), *_untrained(found), *_paired(results), *_planted(results)]


def _in_figures(headline: Headline) -> str:
    null = format_number(headline.summary.held_out.first_null_q95)
    return (
        f"{format_number(headline.rho)} ({format_interval(headline.interval)}, 95 % point of its null {null}, "
        f"corrected p = {format_p(headline.p_corrected)}){_trace(headline)}"
    )


def _trace(headline: Headline) -> str:
    trace, p = headline.trace, headline.trace_p_corrected
    if trace is None or p is None:
        return ""
    return (
        f"; all dimensions together have a held-out trace of {format_number(trace.value)} (95 % point of its null "
        f"{format_number(trace.null_q95)}, corrected p = {format_p(p)})"
    )


def _correction(results: Results) -> str:
    n = len(results.alignments)
    if not results.corrected_over_arms:
        return (
            "Each p is corrected for two tests, the first component and the trace of all dimensions, not over encoders "
            f"and views, and each interval is that of one alignment by itself, too narrow for the largest of {n}: run "
            "“genebrain compare” for that."
        )
    if n == 1:
        return "One encoder and view was tested."
    if not results.intervals_hold_together:
        return (
            f"Each p is corrected over the {n} pairs of encoder and view; the intervals, written by an earlier "
            f"version, are of each by itself, too narrow for the largest of {n}: run “genebrain compare” again."
        )
    n_controls = sum(one.summary.role == CONTROL for one in results.alignments)
    beside = f", those of the {n_controls} with a negative control among themselves" if 0 < n_controls < n else ""
    n_tested = n - n_controls or n
    over = "for its two tests" if n_tested == 1 else f"over the {n_tested} pairs of encoder and view"
    return f"Each p and each interval is corrected {over}{beside}."


def by_strength(found: Sequence[Headline]) -> list[Headline]:
    """Who passes by the first component before who passes by the trace alone, the larger correlation first."""
    return sorted(found, key=lambda headline: (headline.p_corrected >= ALPHA, -headline.rho))


def _found(found: Sequence[Headline], results: Results) -> list[str]:
    best, *others = by_strength(found)
    sentences = [
        f"Genes ({best.summary.arm_label}) and brain ({best.summary.view}) align beyond "
        f"chance in subjects that took no part in fitting: held-out ρ₁ = {_in_figures(best)}."
    ]
    if best.p_corrected >= ALPHA:
        sentences.append(
            "It is the trace that is beyond chance: many weak links together, none of which stands out as a component."
        )
    if others:
        listed = "; ".join(f"{other.alignment.title}, ρ₁ = {_in_figures(other)}" for other in others)
        sentences.append(f"So {'do' if len(others) > 1 else 'does'} {listed}.")
    return [*sentences, *_stability(best.alignment), *_subjects_for_stability(best), _correction(results)]


def _stability(alignment: Alignment) -> list[str]:
    """Of either side, whether its leading pattern is that of the link or of the sample, by its own noise."""
    interpretation = alignment.summary.interpretation
    if interpretation is None or interpretation.split_half is None:
        return []
    halves, sizes = interpretation.split_half, alignment.summary.dimensions
    said, single = [], []
    for side, half, size in (("genes", halves.x_loadings, sizes.x_cca), ("brain", halves.y_loadings, sizes.y_cca)):
        if size == 1:
            single.append(side)
            continue
        verdict = "may be read" if half.median > half.null_q95 else "within noise, so not to be read"
        said.append(
            f"{format_number(half.median)} for {side} (noise: below {format_number(half.null_q95)} in 95 % of "
            f"halves; {verdict})"
        )
    sentences = []
    if said:
        found = " and ".join(said)
        sentences.append(f"Fitted to random halves of the subjects, the patterns of loadings have a cosine of {found}.")
    if single:  # its one weight is a sign: halves of shuffled pairs give the same pattern
        sentences.append(
            f"One dimension of {' and one of '.join(single)} entered, whose pattern of loadings is the same whatever "
            "it is linked with."
        )
    return sentences


def _subjects_for_stability(headline: Headline) -> list[str]:
    """With how many subjects a link of this size has weights that another study would find again.

    Nothing is said of a correlation that is 0 or 1 as far as it is told, nor of one that no study could plan for or
    draw.
    """
    from fusion.errors import InputError
    from fusion.power.stability import subjects_for_stability

    summary, rho = headline.summary, round(headline.rho, 3)
    if not 0 < rho < 1:
        return []
    n_confounds = summary.n.subjects - summary.n.n_effective
    try:
        needed = subjects_for_stability(rho, summary.dimensions.x_cca, summary.dimensions.y_cca) + n_confounds
    except InputError:
        return []  # more than a hundred million, or thousands of dimensions
    enough = "which there are" if summary.n.subjects >= needed else f"and there are {format_number(summary.n.subjects)}"
    return [
        f"Weights, scores and loadings of one link of {format_number(headline.rho)} are within 10 % of the truth in "
        f"80 % of studies from {format_number(needed)} subjects on ({enough})."
    ]


def _not_found(tested: Sequence[Headline], results: Results) -> list[str]:
    if not tested:
        return ["Only negative controls were aligned."]
    best = max(tested, key=lambda headline: headline.rho)
    summary = best.summary
    dimensions, rho_c = summary.dimensions, format_number(summary.detectability.rho_c)
    size = f"{summary.n.subjects} subjects and {dimensions.x_cca} × {dimensions.y_cca} dimensions"
    return [
        "No alignment of genes and brain beyond chance was found in subjects that took no part in fitting: the largest "
        f"held-out ρ₁, of {best.alignment.title}, is {_in_figures(best)}.",
        _correction(results),
        f"With {size}, links below a correlation of about {rho_c} (the detectability threshold) cannot be told from "
        f"noise in-sample{_power(best)}: this result speaks against strong links, not against weak "
        "ones.",
    ]


def _power(headline: Headline) -> str:
    """Of the tests that gave the answer, corrected as they were; nothing where an earlier version did not say it."""
    rho = headline.rho_at_80_percent_power
    if rho is None:
        return ""
    found = f"would find a single link of {format_number(rho)} in 80 % of studies"
    return f", and the held-out tests, corrected as here, {found}"


def _control(controls: Sequence[Headline]) -> list[str]:
    if not controls:
        return []
    alarmed = [headline for headline in controls if is_significant(headline)]
    if alarmed:
        listed = "; ".join(f"{headline.alignment.title}, ρ₁ = {_in_figures(headline)}" for headline in alarmed)
        return [f"Caution: a negative control is significant ({listed}), so confounding or chance is at work here."]
    p = format_p(min(headline.p_link for headline in controls))
    if len(controls) == 1:
        return [f"The negative control, which holds no link, is not significant (corrected p = {p})."]
    return [
        f"The negative control, which holds no link, is not significant with any encoder (smallest corrected p = {p})."
    ]


def _untrained(found: Sequence[Headline]) -> list[str]:
    if any(not headline.summary.trained for headline in found):
        return [
            "Untrained arms are among them: random weights pass genotypes on, so a link alone does not show that "
            "training an encoder helped; only the difference between arms can."
        ]
    return []


def _paired(results: Results) -> list[str]:
    if results.run.pairing == "by-id":
        return []
    if results.run.planted is not None:
        return [f"{AT_RANDOM}, so the planted link is the only one there is."]
    return [f"{AT_RANDOM}, so there is no link to find: this run shows how the tests behave where there is none."]


def _planted(results: Results) -> list[str]:
    planted = results.run.planted
    if planted is None:
        return []
    genes, features = ", ".join(planted.genes), len(planted.features)
    analysed = {row.gene_id for headline in results.headlines() for row in headline.summary.gene_loadings}
    absent = ", none of which is analysed here," if analysed.isdisjoint(planted.genes) else ""
    return [
        f"The link is simulated: it was planted in {genes}{absent} and in {features} features of {planted.view}; the "
        "table “What was planted and what was found” says how well these were recovered."
    ]


@dataclass(frozen=True)
class PlantedRank:
    """Where a planted item came out.

    Attributes
    ----------
    kind : {"gene", "feature"}
    name : str
    ranks : tuple of int or None, [n_arms]
        By loading, in each arm on the view that holds the link; None where the item is absent.
    n, n_planted : int
        Items ranked, and planted ones of this kind.
    """

    kind: str
    name: str
    ranks: tuple[int | None, ...]
    n: int
    n_planted: int


def planted_ranks(results: Results) -> list[PlantedRank]:
    """Rank of every planted gene, then of every planted feature, in the loadings of each arm."""
    planted = results.run.planted
    if planted is None:
        return []
    arms = [alignment.summary for alignment in results.alignments if alignment.summary.view == planted.view]
    genes = [{loading.gene_id: loading.rank for loading in summary.gene_loadings} for summary in arms]
    features = [{loading.feature: loading.rank for loading in summary.roi_loadings} for summary in arms]
    return [
        PlantedRank(
            kind=kind,
            name=name,
            ranks=tuple(of_arm.get(name) for of_arm in ranks),
            n=max((len(of_arm) for of_arm in ranks), default=0),
            n_planted=len(names),
        )
        for kind, ranks, names in (("gene", genes, planted.genes), ("feature", features, planted.features))
        for name in names
    ]
