"""What a run found, in sentences: held-out first, each value beside its null, a null result with what it rules out."""

from collections.abc import Mapping, Sequence
from typing import Any

from analyses.formats import format_number, format_p
from analyses.results.folder import Alignment, ResultsFolder

ALPHA = 0.05
CONTROL = "negative control"


def is_significant(row: Mapping[str, Any]) -> bool:
    """Whether an arm x view row (``ResultsFolder.rows``) passes 5 % after correction."""
    p = row["p_corrected"]
    return p is not None and bool(p < ALPHA)


def answer(results: ResultsFolder) -> list[str]:
    """The run's question answered in a few sentences, the first of which stands alone.

    Returns
    -------
    list of str
        What was found or not, what could have been found, the negative control, the untrained arms, the planted truth.
    """
    rows = results.rows()
    tested = [row for row in rows if row["alignment"].facts["role"] != CONTROL]
    controls = [row for row in rows if row["alignment"].facts["role"] == CONTROL]
    found = [row for row in tested if is_significant(row)]
    sentences = _found(found, results) if found else _not_found(tested, results)
    return [*sentences, *_control(controls), *_untrained(found), *_planted(results)]


def _in_figures(row: Mapping[str, Any]) -> str:
    low, high = (format_number(bound) for bound in row["interval"])
    null = format_number(row["alignment"].facts["held_out"]["null_q95"][0])
    return (
        f"{format_number(row['rho'])} (95 % interval {low} to {high}, 95 % point of its null {null}, "
        f"corrected p = {format_p(row['p_corrected'])})"
    )


def _correction(results: ResultsFolder) -> str:
    if not results.corrected_over_arms:
        return (
            "Each p is corrected over components only, not over encoders and views: run “genebrain compare” for that."
        )
    n = len(results.alignments)
    return (
        f"Each p is corrected over the {n} pairs of encoder and view." if n > 1 else "One encoder and view was tested."
    )


def _found(found: Sequence[Mapping[str, Any]], results: ResultsFolder) -> list[str]:
    best, *others = sorted(found, key=lambda row: -row["rho"])
    sentences = [
        f"Genes ({best['alignment'].facts['arm_label']}) and brain ({best['alignment'].facts['view']}) align beyond "
        f"chance in subjects that took no part in fitting: held-out ρ₁ = {_in_figures(best)}."
    ]
    sentences += _stability(best["alignment"])
    if others:
        listed = "; ".join(f"{row['alignment'].title}, ρ₁ = {_in_figures(row)}" for row in others)
        sentences.append(f"So do {listed}.")
    return [*sentences, _correction(results)]


def _stability(alignment: Alignment) -> list[str]:
    """Of either side, whether its leading pattern is that of the link or of the sample, by its own noise."""
    halves = alignment.facts.get("interpretation", {}).get("split_half")
    if not halves:
        return []
    said = []
    for side, half in (("genes", halves["x_loadings"]), ("brain", halves["y_loadings"])):
        verdict = "may be read" if half["median"] > half["null_q95"] else "within noise, so not to be read"
        said.append(
            f"{format_number(half['median'])} for {side} (noise: below {format_number(half['null_q95'])} in 95 % of "
            f"halves; {verdict})"
        )
    return [f"Fitted to random halves of the subjects, the patterns of loadings have a cosine of {' and '.join(said)}."]


def _not_found(tested: Sequence[Mapping[str, Any]], results: ResultsFolder) -> list[str]:
    if not tested:
        return ["Only negative controls were aligned."]
    best = max(tested, key=lambda row: row["rho"])
    facts = best["alignment"].facts
    dimensions, rho_c = facts["dimensions"], format_number(facts["detectability"]["rho_c"])
    size = f"{facts['n']['subjects']} subjects and {dimensions['x_cca']} × {dimensions['y_cca']} dimensions"
    return [
        "No alignment of genes and brain beyond chance was found in subjects that took no part in fitting: the largest "
        f"held-out ρ₁, of {best['alignment'].title}, is {_in_figures(best)}.",
        _correction(results),
        f"With {size}, links below a correlation of about {rho_c} (the detectability threshold) cannot be told from "
        f"noise in-sample{_power(facts['detectability'])}: this result speaks against strong links, not against weak "
        "ones.",
    ]


def _power(detectability: Mapping[str, Any]) -> str:
    rho = detectability.get("rho_at_80_percent_power")
    return "" if rho is None else f", and one of {format_number(rho)} would be found with 80 % power (Roy's test)"


def _control(controls: Sequence[Mapping[str, Any]]) -> list[str]:
    if not controls:
        return []
    alarmed = [row for row in controls if is_significant(row)]
    if alarmed:
        listed = "; ".join(f"{row['alignment'].title}, ρ₁ = {_in_figures(row)}" for row in alarmed)
        return [f"Caution: a negative control is significant ({listed}), so confounding or chance is at work here."]
    smallest = min(controls, key=lambda row: float(row["p_corrected"]))
    p = format_p(smallest["p_corrected"])
    return [
        f"The negative control, which holds no link, is not significant with any encoder (smallest corrected p = {p})."
    ]


def _untrained(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if any(not row["alignment"].facts["trained"] for row in found):
        return [
            "Untrained arms are among them: random weights pass genotypes on, so a link alone does not show that "
            "training an encoder helped; only the difference between arms can."
        ]
    return []


def _planted(results: ResultsFolder) -> list[str]:
    planted = results.run.get("planted")
    if not planted:
        return []
    genes, features = ", ".join(planted["genes"]), len(planted["features"])
    return [
        f"The link is simulated: it was planted in {genes} and in {features} features of {planted['view']}; the table "
        "“What was planted and what was found” says how well these were recovered."
    ]


def planted_ranks(results: ResultsFolder) -> list[dict[str, Any]]:
    """Rank of every planted gene and feature in the loadings of each arm, for the view that holds the link.

    Returns
    -------
    list of dict
        ``kind``, ``name``, ``ranks`` (one per arm, None where the item is absent), ``n`` (items ranked), ``n_planted``.
    """
    planted = results.run.get("planted")
    if not planted:
        return []
    arms = [alignment.facts for alignment in results.alignments if alignment.facts["view"] == planted["view"]]
    kinds = (("gene", "gene_loadings", "gene_id", "genes"), ("feature", "roi_loadings", "feature", "features"))
    return [
        {
            "kind": kind,
            "name": name,
            "ranks": [{item[key]: item["rank"] for item in facts[section]}.get(name) for facts in arms],
            "n": max((len(facts[section]) for facts in arms), default=0),
            "n_planted": len(planted[names]),
        }
        for kind, section, key, names in kinds
        for name in planted[names]
    ]
