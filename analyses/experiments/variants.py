"""``experiment: variants``: what each carried allele does to gene vectors, and through the fitted weights to scores.

An allele is applied alone to the reference. Its effect on a canonical score is the product of the move of its gene's
vector with the weights of the alignment of this run, which are of all its subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.alignment.files import weights_file
from analyses.alignment.score_effects import ScoreEffects, find_score_effects, order_shares
from analyses.arms.allele_effects import AlleleShifts, find_shifts, log_likelihood_ratios
from analyses.arms.frame_shifts import cosine
from analyses.cohort.design import make_nuisance
from analyses.experiments.mutagenesis import are_told, mutate_window
from analyses.formats import format_number, format_p, table_text
from analyses.genome.allele_tables import name_allele, read_alleles, read_annotations
from analyses.privacy.counts import show_count
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.experiments import Metrics, Trial, VariantsResult
from analyses.results.schema.experiments.variants import (
    AlleleEffect,
    ArmAlleles,
    Drivers,
    JoinedTable,
)
from analyses.results.serialisation import plain, read_result
from encoders.errors import InputError as EncodersError
from fusion import FrozenAlignment

if TYPE_CHECKING:
    import pandas as pd

    from analyses.run.run import Run
    from encoders.genome.windows.carried_alleles import CarriedAllele

LEVEL = 0.05


def check(run: Run) -> None:
    """Read the annotations before anything is embedded."""
    if run.config.variants.annotations is not None:
        read_annotations(run.config.variants.annotations)


def run(run: Run) -> VariantsResult:
    """Every arm that reads sequences, against every view."""
    settings = run.config.variants
    alleles = read_alleles(run.genome, run.genome_config, run.cohort.subject_ids)
    annotations = None if settings.annotations is None else read_annotations(settings.annotations)
    arms: list[ArmAlleles] = []
    drivers: list[Drivers] = []
    first: dict[str, tuple[str, ScoreEffects]] = {}
    for name in run.sequence_arms if alleles else ():
        with progress_bar(f"alleles of {name}") as advance:
            shifts = find_shifts(run.sequence_arms[name], alleles, advance)
        effects = {view: _score_effects(run, name, view, alleles, shifts) for view in run.config.brain}
        view = (run.tested_views or list(effects))[0]
        leading = effects[view]
        first[name] = view, leading
        ratios, reason = _ratios(run, name, alleles, leading)
        arms.append(_describe_arm(run, name, alleles, shifts, reason))
        for of_view, one in effects.items():
            rows = list(_rows(run, alleles, shifts, one, ratios))
            _write_table(run, name, of_view, rows, annotations)
            drivers += _drivers(run, (name, of_view), one, rows, are_told(run, alleles))
    mutagenesis, why = mutate_window(run, alleles, first)
    return VariantsResult(
        n_alleles=len(alleles),
        ploidy=run.window_table.ploidy,
        arms=tuple(arms),
        drivers=tuple(drivers),
        mutagenesis=mutagenesis,
        mutagenesis_reason=why,
        joined=_joined(run, alleles, annotations),
        answer=_answer(run, alleles, arms, drivers),
        metrics=_metrics(run, arms, drivers),
        trials=tuple(_trial(one) for one in drivers if one.alleles),
    )


def _copies(run: Run, alleles: Sequence[CarriedAllele]) -> np.ndarray:
    """Copies [n_subjects, n_alleles]; whether there is one, where a subject has one sequence."""
    copies = np.stack([allele.copies for allele in alleles], axis=1).astype(np.float64)
    return copies if run.window_table.ploidy == 2 else np.minimum(copies, 1.0)


def _score_effects(
    run: Run, arm: str, view: str, alleles: Sequence[CarriedAllele], shifts: AlleleShifts
) -> ScoreEffects:
    """Effects through the weights of the alignment of this run."""
    nuisance = make_nuisance(run.config, run.cohort.covariates) if run.config.confounds else None
    return find_score_effects(
        FrozenAlignment.load(weights_file(run.workspace.folder, arm, view)),
        run.arms[arm].gene_view(),
        shifts.moves / run.window_table.ploidy,
        np.array([allele.gene for allele in alleles]),
        _copies(run, alleles),
        confounds=nuisance,
        n_components=run.config.variants.n_components,
    )


def _ratios(
    run: Run, arm: str, alleles: Sequence[CarriedAllele], leading: ScoreEffects
) -> tuple[dict[int, float], str | None]:
    """Pseudo-log-likelihood ratios of the alleles that drive the first component most, or why there are none."""
    chosen = order_shares(leading.share[:, 0], are_told(run, alleles))[: run.config.variants.pllr_alleles].tolist()
    of_arm = run.sequence_arms[arm]
    try:
        with progress_bar(f"likelihoods of {arm}") as advance:
            found = log_likelihood_ratios(of_arm.encoder, [alleles[place] for place in chosen], of_arm, advance)
    except EncodersError as error:
        return {}, str(error).removesuffix(".")
    return dict(zip(chosen, found, strict=True)), None if chosen else "none were asked for (variants.pllr_alleles: 0)"


def _rows(
    run: Run, alleles: Sequence[CarriedAllele], shifts: AlleleShifts, effects: ScoreEffects, ratios: dict[int, float]
) -> Iterator[list[AlleleEffect]]:
    """Per component, every allele."""
    smallest, names = run.config.privacy.smallest_count, [gene.name for gene in run.genome.panel.genes]
    lengths = np.linalg.norm(shifts.moves, axis=1)
    cosines = [
        cosine(shifts.references[allele.gene], shifts.references[allele.gene] + move)
        for allele, move in zip(alleles, shifts.moves, strict=True)
    ]
    carriers = [int((allele.copies > 0).sum()) for allele in alleles]
    for component in range(effects.effect.shape[1]):
        yield [
            AlleleEffect(
                key=name_allele(allele),
                chrom=allele.chrom,
                pos=allele.position + 1,
                ref=allele.ref,
                alt=allele.alt,
                gene=names[allele.gene],
                exon=allele.exon,
                n_carriers=show_count(n, smallest),
                n_copies=int(allele.copies.sum()) if n >= smallest else f"<{2 * smallest - 1}",
                shift=float(lengths[place]),
                cosine=cosines[place],
                effect=float(effects.effect[place, component]),
                share=float(effects.share[place, component]) if n >= smallest else None,
                pllr=ratios.get(place),
            )
            for place, (allele, n) in enumerate(zip(alleles, carriers, strict=True))
        ]


def _write_table(
    run: Run, arm: str, view: str, rows: Sequence[list[AlleleEffect]], annotations: pd.DataFrame | None
) -> None:
    """One row an allele, columns of every component beside one another, and the user's."""
    import pandas as pd

    table = pd.DataFrame([plain(one) for one in rows[0]]).drop(columns=["effect", "share", "pllr"])
    for component, of_component in enumerate(rows, start=1):
        table[f"effect_{component}"] = [one.effect for one in of_component]
        table[f"share_{component}"] = [one.share for one in of_component]
    table["pllr"] = [one.pllr for one in rows[0]]
    if annotations is not None:
        taken = {name: f"{name}_joined" for name in annotations.columns if name in table.columns}
        table = table.join(annotations.rename(columns=taken), on="key")
    text = table_text(table, separator="\t", float_format="%.8g")
    run.workspace.write_text(f"experiments/variants__{arm}__{view}.tsv", text)


def _drivers(
    run: Run, pair: tuple[str, str], effects: ScoreEffects, rows: Sequence[list[AlleleEffect]], is_told: np.ndarray
) -> Iterator[Drivers]:
    arm, view = pair
    summary = read_result(AlignmentSummary, run.workspace.folder / "alignments" / f"{arm}__{view}" / "alignment.json")
    held_out = summary.held_out
    for component, of_component in enumerate(rows):
        tested = component < len(held_out.rho)
        order = order_shares(effects.share[:, component], is_told)[: run.config.variants.n_listed]
        yield Drivers(
            arm=arm,
            arm_label=run.specs[arm].label,
            view=view,
            role=run.config.brain[view].role,
            component=component + 1,
            rho=held_out.rho[component] if tested else None,
            p=held_out.p_fwer[component] if tested else None,
            additive=round(float(effects.share[:, component].sum()), 2),
            alleles=tuple(of_component[place] for place in order.tolist()),
        )


def _describe_arm(
    run: Run, arm: str, alleles: Sequence[CarriedAllele], shifts: AlleleShifts, reason: str | None
) -> ArmAlleles:
    lengths = np.linalg.norm(shifts.moves, axis=1)
    return ArmAlleles(
        arm=arm,
        arm_label=run.specs[arm].label,
        n_embedded=shifts.n_embedded,
        n_silent=int((lengths == 0).sum()),
        median_shift=float(np.median(lengths)),
        largest_shift=float(lengths.max()),
        largest=name_allele(alleles[int(lengths.argmax())]),
        pllr_reason=reason,
    )


def _joined(run: Run, alleles: Sequence[CarriedAllele], annotations: pd.DataFrame | None) -> JoinedTable | None:
    path = run.config.variants.annotations
    if annotations is None or path is None:
        return None
    known = set(annotations.index)
    n_matched = len({name_allele(one) for one in alleles} & known)
    return JoinedTable(name=path.name, n_matched=n_matched, columns=tuple(map(str, annotations.columns)))


def _answer(
    run: Run, alleles: Sequence[CarriedAllele], arms: Sequence[ArmAlleles], drivers: Sequence[Drivers]
) -> tuple[str, ...]:
    if not drivers:
        why = "no arm reads sequences" if alleles else "nobody carries an allele in a window of the panel"
        return (f"Effects of variants are not defined: {why}.",)
    leading = [one for one in drivers if one.component == 1 and one.role == "test"] or list(drivers[:1])
    said = [_said(one) for one in leading]
    moved = [
        f"{one.arm_label}: an allele moves its gene's vector by {one.median_shift:.2g} (median of {len(alleles):,}), "
        f"most {one.largest} by {one.largest_shift:.2g}; {one.n_silent} move nothing."
        for one in arms
    ]
    return (*said, *moved)


def _said(one: Drivers) -> str:
    """The allele that drives a component most; whether there is a component to drive comes with it."""
    if not one.alleles:
        return f"{one.arm_label} × {one.view}: no allele has so many carriers that its share of the score may be told."
    top = one.alleles[0]
    held = f"held-out p = {format_p(one.p)}"
    link = held if one.p is not None and one.p < LEVEL else f"which is no link that holds, {held}"
    return (
        f"{one.arm_label} × {one.view}: component {one.component} ({link}) is driven most by {top.key} in {top.gene}: "
        f"{format_number(100 * (top.share or 0.0), 0)} % of the variance of its score, {format_number(top.effect)} "
        "standard deviations a copy."
    )


def _metrics(run: Run, arms: Sequence[ArmAlleles], drivers: Sequence[Drivers]) -> Metrics:
    found: Metrics = {}
    for one in drivers:
        if one.component == 1 and one.alleles:
            found[f"variants/share_{one.arm}_{one.view}"] = one.alleles[0].share or 0.0
    return found | {f"variants/median_shift_{one.arm}": one.median_shift for one in arms}


def _trial(one: Drivers) -> Trial:
    return Trial(
        name=f"{one.arm} x {one.view}, component {one.component}",
        params={"encoder.name": one.arm, "brain.view": one.view, "driver": one.alleles[0].key},
        metrics={
            "variants/share": one.alleles[0].share or 0.0,
            "variants/effect": one.alleles[0].effect,
            "variants/additive": one.additive,
        },
    )


def draw(result: VariantsResult, folder: Path) -> dict[str, Path]:
    """Drivers of components, and the window that was mutated."""
    from analyses.figures.sequences.variants import draw_variants

    return draw_variants(result, folder)
