"""What orthologs leave: the answer in sentences, metrics and trials for tracking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments import Metrics, Trial
from analyses.results.schema.experiments.orthologs import DivergenceTest, OrthologDifference, OrthologRetrieval

if TYPE_CHECKING:
    from analyses.experiments.species.sequences import Orthologs

LEVEL = 0.05
ASKED = {
    "genes": "which genes have diverged more",
    "species": "which species are farther apart",
}


def describe_answer(
    orthologs: Orthologs,
    retrievals: Sequence[OrthologRetrieval],
    differences: Sequence[OrthologDifference],
    divergences: Sequence[DivergenceTest],
) -> tuple[str, ...]:
    """The answer; the first sentence stands alone."""
    sentences = [_retrieved(orthologs, retrievals)]
    if retrievals:
        sentences.append(_beside_kmers(differences))
    for question, words in ASKED.items():
        sentences.append(_followed([one for one in divergences if one.question == question], words))
    if any(orthologs.turned):
        turned = ", ".join(f"{n} of {name}" for name, n in zip(orthologs.species, orthologs.turned, strict=True) if n)
        sentences.append(f"Genes that lay on the other strand were turned: {turned}.")
    return (*sentences, *orthologs.left_out)


def _retrieved(orthologs: Orthologs, retrievals: Sequence[OrthologRetrieval]) -> str:
    if not retrievals:
        return f"Retrieval is not defined: {len(orthologs.genes)} gene is in two species or more, and it takes two."
    found = [one for one in retrievals if one.p_corrected < LEVEL]
    best = max(retrievals, key=lambda one: one.mrr)
    where = f"{len(orthologs.genes)} genes of {len(orthologs.species)} species"
    if not found:
        return f"By no encoder do genes find their orthologs among {where}: at best {_finding(best)}."
    rest = sorted((one for one in found if one is not best), key=lambda one: -one.mrr)
    others = "".join(f"; {_finding(one)}" for one in rest[:4])
    by = f"{len(found)} of {len(retrievals)} encoders"
    return f"Among {where}, genes find their orthologs by {by}: {_finding(best)}{others}."


def _finding(one: OrthologRetrieval) -> str:
    return (
        f"{one.arm_label} in {format_number(100 * one.recall, 0)} % at first place (chance "
        f"{format_number(100 * one.chance_recall, 0)} %), mean reciprocal rank {format_number(one.mrr)} "
        f"({format_interval(one.interval)}; chance {format_number(one.chance_mrr)}), p = {format_p(one.p_corrected)}"
    )


def _beside_kmers(differences: Sequence[OrthologDifference]) -> str:
    better = [one for one in differences if one.p_corrected < LEVEL and one.difference > 0]
    if not better:
        return "No encoder finds orthologs better than the k-mer spectrum does."
    names = ", ".join(
        f"{one.arm_label} (by {format_number(one.difference)}, p = {format_p(one.p_corrected)})" for one in better
    )
    return f"Better than the k-mer spectrum finds them {names}."


def _followed(tests: Sequence[DivergenceTest], words: str) -> str:
    defined = [one for one in tests if one.rho is not None]
    if not defined:
        return f"Whether vectors tell {words} is not defined: {tests[0].reason}."
    best = max(defined, key=lambda one: one.rho or 0.0)
    found = [one for one in defined if one.p_corrected is not None and one.p_corrected < LEVEL]
    head = f"Distances of vectors tell {words}" if found else f"Distances of vectors do not tell {words} measurably"
    by = f" by {len(found)} of {len(defined)} encoders" if found else ""
    return (
        f"{head}{by}: Spearman's correlation with the alignment distance is at most {format_number(best.rho or 0.0)} "
        f"({best.arm_label}, p = {format_p(best.p_corrected or 1.0)})."
    )


def list_metrics(
    retrievals: Sequence[OrthologRetrieval],
    differences: Sequence[OrthologDifference],
    divergences: Sequence[DivergenceTest],
) -> Metrics:
    """The best encoder of each kind, and the best correlation of each question."""
    found: Metrics = {}
    for kind in dict.fromkeys(one.kind for one in retrievals):
        found[f"species/mrr_{kind}"] = max(one.mrr for one in retrievals if one.kind == kind)
        found[f"species/recall_{kind}"] = max(one.recall for one in retrievals if one.kind == kind)
    if retrievals:
        found["species/chance_mrr"] = retrievals[0].chance_mrr
    if differences:
        found["species/p_vs_kmer"] = min(one.p_corrected for one in differences)
    for question in ASKED:
        rho = [one.rho for one in divergences if one.question == question and one.rho is not None]
        if rho:
            found[f"species/rho_{question}"] = max(rho)
    return found


def make_trials(retrievals: Sequence[OrthologRetrieval], divergences: Sequence[DivergenceTest]) -> tuple[Trial, ...]:
    """Every encoder as a child run of tracking."""
    metrics: dict[str, Metrics] = {one.arm: {} for one in divergences}
    for one in retrievals:
        metrics[one.arm] |= {
            "species/mrr": one.mrr,
            "species/recall": one.recall,
            "species/p_corrected": one.p_corrected,
        }
    for test in divergences:
        if test.rho is not None and test.p_corrected is not None:
            metrics[test.arm] |= {
                f"species/rho_{test.question}": test.rho,
                f"species/p_{test.question}": test.p_corrected,
            }
    about = {one.arm: (one.arm_label, one.kind) for one in divergences}
    return tuple(
        Trial(name=label, params={"encoder.name": arm, "encoder.kind": kind}, metrics=metrics[arm])
        for arm, (label, kind) in about.items()
    )
