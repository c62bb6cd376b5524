"""``experiment: species``: do vectors find a gene in another species, and follow how far its sequence has diverged?

The k-mer spectrum and composition are always among the arms: whatever an encoder adds must show beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analyses.experiments.species.record import describe_answer, list_metrics, make_trials
from analyses.experiments.species.sequences import Orthologs, read_orthologs
from analyses.experiments.species.vectors import KMERS, SpeciesArm, gene_vectors, list_arms, window_of
from analyses.results.schema.experiments import SpeciesResult
from analyses.results.schema.experiments.orthologs import (
    DivergenceTest,
    OrthologDifference,
    OrthologPair,
    OrthologRetrieval,
)
from analyses.results.serialisation import tuples
from fusion import westfall_young
from fusion.orthologs import (
    Divergence,
    Retrieval,
    compare_retrievals,
    divergence_tests,
    pairwise_distances,
    retrieval_test,
)

if TYPE_CHECKING:
    from analyses.run.run import Run

DOSAGE = "one-hot-dosage"


def check(run: Run) -> None:
    """Read the sequences before hours of embedding."""
    read_orthologs(run)


def run(run: Run) -> SpeciesResult:
    """Every arm on the same genes, species and permutations."""
    arms = [one for one in list_arms(run) if one.arm.spec.name != DOSAGE]
    orthologs = read_orthologs(run, shortest=max(one.arm.spec.min_bp for one in arms))
    settings, seed = run.config.species, run.seeds.held_out
    vectors = {one.name: gene_vectors(one, orthologs, window_of(run)) for one in arms}
    of_vectors = {name: _ortholog_distances(run, own, orthologs) for name, own in vectors.items()}
    alignment = orthologs.alignment_distances()
    found = {
        name: retrieval_test(
            own,
            orthologs.present,
            metric=settings.distance,
            n_permutations=settings.n_permutations,
            random_state=seed,
        )
        for name, own in vectors.items()
        if len(orthologs.genes) > 1
    }
    followed = {
        name: divergence_tests(
            own, alignment, orthologs.present, n_permutations=settings.n_permutations, random_state=seed
        )
        for name, own in of_vectors.items()
    }
    retrievals = _describe_retrievals(arms, found)
    differences = _describe_differences(arms, found, seed)
    divergences = tuple(_describe_divergences(arms, followed))
    left_out = (*orthologs.left_out, *_arms_left_out(run))
    return SpeciesResult(
        species=orthologs.describe(),
        n_genes=len(orthologs.genes),
        window=window_of(run),
        distance=settings.distance,
        left_out=left_out,
        retrievals=retrievals,
        differences=differences,
        divergences=divergences,
        pairs=_describe_pairs(orthologs, alignment, of_vectors),
        answer=describe_answer(orthologs, retrievals, differences, divergences),
        metrics=list_metrics(retrievals, differences, divergences),
        trials=make_trials(retrievals, divergences),
    )


def _arms_left_out(run: Run) -> tuple[str, ...]:
    """Arms that cannot read other sequences than the cohort's."""
    blind = [arm.name for arm in run.arm_configs if arm.encoder in ("precomputed", DOSAGE)]
    return (f"Encoders that read no new sequences take no part: {', '.join(blind)}.",) if blind else ()


def _ortholog_distances(run: Run, vectors: Sequence[np.ndarray], orthologs: Orthologs) -> np.ndarray:
    """Distance of every gene between two species, [n_species, n_species, n_genes]."""
    n = len(vectors)
    found = np.zeros((n, n, len(orthologs.genes)))
    for one, other in combinations(range(n), 2):
        for gene in np.flatnonzero(orthologs.present[one] & orthologs.present[other]):
            pair = vectors[one][[gene]], vectors[other][[gene]]
            found[one, other, gene] = pairwise_distances(*pair, run.config.species.distance)[0, 0]
            found[other, one, gene] = found[one, other, gene]
    return found


def _describe_retrievals(arms: Sequence[SpeciesArm], found: Mapping[str, Retrieval]) -> tuple[OrthologRetrieval, ...]:
    corrected = westfall_young({name: (one.mrr_null[0], one.mrr_null) for name, one in found.items()})
    return tuple(
        OrthologRetrieval(
            arm=arm.name,
            arm_label=arm.label,
            kind=arm.kind,
            reads_both_strands=arm.arm.spec.reads_both_strands,
            n_queries=one.n_queries,
            recall=float(one.recall_null[0]),
            mrr=float(one.mrr_null[0]),
            interval=tuples(one.interval),
            chance_recall=one.chance[0],
            chance_mrr=one.chance[1],
            null_q95=float(np.quantile(one.mrr_null[1:], 0.95)),
            p=one.p,
            p_corrected=corrected[arm.name],
        )
        for arm in arms
        if (one := found.get(arm.name)) is not None
    )


def _describe_differences(
    arms: Sequence[SpeciesArm], found: Mapping[str, Retrieval], seed: int
) -> tuple[OrthologDifference, ...]:
    baseline = next(one.name for one in arms if one.arm.spec.name == KMERS)
    if baseline not in found:
        return ()
    labels = {arm.name: arm.label for arm in arms}
    return tuple(
        OrthologDifference(
            arm=name,
            arm_label=labels[name],
            difference=one.difference,
            interval=tuples(one.interval),
            p=one.p,
            p_corrected=one.p_corrected,
        )
        for name, one in compare_retrievals(found, baseline, random_state=seed).items()
    )


def _describe_divergences(arms: Sequence[SpeciesArm], followed: Mapping[str, Divergence]) -> list[DivergenceTest]:
    rows = []
    questions: tuple[Literal["genes", "species"], ...] = ("genes", "species")
    for question in questions:
        nulls = {name: getattr(one, f"{question}_null") for name, one in followed.items()}
        defined = {name: (float(null[0]), null) for name, null in nulls.items() if null is not None}
        corrected = westfall_young(defined)
        for arm in arms:
            named = partial(DivergenceTest, arm=arm.name, arm_label=arm.label, kind=arm.kind, question=question)
            if arm.name not in defined:
                rows.append(named(reason=getattr(followed[arm.name], f"{question}_reason")))
                continue
            rho, null = defined[arm.name]
            rows.append(
                named(
                    rho=rho,
                    null_q95=float(np.quantile(null[1:], 0.95)),
                    p=float((null >= rho - 1e-12).mean()),
                    p_corrected=corrected[arm.name],
                )
            )
    return rows


def _describe_pairs(
    orthologs: Orthologs, alignment: np.ndarray, of_vectors: Mapping[str, np.ndarray]
) -> tuple[OrthologPair, ...]:
    places = combinations(range(len(orthologs.species)), 2)
    return tuple(
        OrthologPair(
            gene=gene,
            first=orthologs.species[one],
            second=orthologs.species[other],
            alignment=float(alignment[one, other, at]),
            vectors={name: float(own[one, other, at]) for name, own in of_vectors.items()},
        )
        for one, other in places
        for at, gene in enumerate(orthologs.genes)
        if np.isfinite(alignment[one, other, at])
    )


def draw(result: SpeciesResult, folder: Path) -> dict[str, Path]:
    """Retrieval by encoder, and distances of vectors against distances of sequences."""
    from analyses.figures.sequences.orthologs import draw_distances, draw_retrievals

    labels = {one.arm: one.arm_label for one in result.divergences}
    return draw_retrievals(result.retrievals, folder) | draw_distances(result.pairs, labels, folder)
