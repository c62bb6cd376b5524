"""Saturation mutagenesis of one window of the reference, through the weights of the run's alignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analyses.alignment.score_effects import ScoreEffects, order_shares
from analyses.arms.allele_effects import find_mutant_moves
from analyses.errors import InputError
from analyses.genome.allele_tables import name_allele
from analyses.progress import progress_bar
from analyses.results.schema.experiments.variants import CarriedPlace, Mutagenesis
from analyses.results.serialisation import tuples

if TYPE_CHECKING:
    from analyses.run.run import Run
    from encoders.genome.windows.carried_alleles import CarriedAllele


def mutate_window(
    run: Run, alleles: Sequence[CarriedAllele], first: Mapping[str, tuple[str, ScoreEffects]]
) -> tuple[Mutagenesis | None, str | None]:
    """Every base of one window replaced by every other, by the first arm and its first tested view.

    Parameters
    ----------
    run : Run
    alleles : sequence of CarriedAllele
    first : mapping of arm to (view, ScoreEffects)

    Returns
    -------
    found : Mutagenesis or None
    reason : str or None
        Why there is none.

    Raises
    ------
    InputError
        The configuration names a window that there is not.
    """
    if not first:
        return None, "no arm reads sequences" if alleles else "nobody carries an allele in a window"
    arm, (view, effects) = next(iter(first.items()))
    ranked = order_shares(effects.share[:, 0], are_told(run, alleles))
    if run.config.variants.mutagenesis is None and not len(ranked):
        return None, "no allele has so many carriers that it may be said to drive a component; name a gene"
    window = chosen_window(run, alleles[int(ranked[0]) if len(ranked) else 0])
    table, of_arm = run.window_table, run.sequence_arms[arm]
    with progress_bar("mutants") as advance:
        moves = find_mutant_moves(of_arm, window, advance)
    gene = int(table.gene_index[window])
    weights = effects.weights[:, 0].reshape(len(table.gene_ids), -1)[gene]
    sequence = table.sequences[table.reference_index[window]]
    start, end, strand = int(table.start[window]), int(table.end[window]), table.strand[window]
    carried = [one for one in alleles if any(index == window for index, _ in one.changed)]
    places = {
        name_allele(one): one.position - start if strand != "-" else end - one.position - len(one.ref)
        for one in carried
    }
    found = Mutagenesis(
        arm=arm,
        arm_label=of_arm.spec.label,
        view=view,
        gene=run.genome.panel.genes[gene].name,
        exon=int(table.exon[window]),
        window=int(table.window[window]),
        place=f"{table.chrom[window]}:{start + 1}-{end}",
        strand=strand,
        sequence=sequence,
        effect=tuples(moves @ weights / table.ploidy),
        carried=tuple(
            CarriedPlace(place=min(max(place, 0), len(sequence) - 1), key=key) for key, place in places.items()
        ),
    )
    return found, None


def are_told(run: Run, alleles: Sequence[CarriedAllele]) -> np.ndarray:
    """Alleles with so many carriers that their share of a score tells of none of them, bool [n_alleles]."""
    carriers = [int((allele.copies > 0).sum()) for allele in alleles]
    return np.array(carriers) >= run.config.privacy.smallest_count


def chosen_window(run: Run, driver: CarriedAllele) -> int:
    """The window that the configuration names, or that of the allele that drives the component most."""
    asked, table = run.config.variants.mutagenesis, run.window_table
    if asked is None:
        return driver.changed[0][0]
    name, _, number = asked.partition(":")
    of_gene = [gene for gene, one in enumerate(run.genome.panel.genes) if name in (one.gene_id, one.name)]
    windows = np.flatnonzero(np.isin(table.gene_index, of_gene)).tolist()
    if not windows or not (number or "1").isdecimal() or not 1 <= int(number or 1) <= len(windows):
        known = f"{name} has windows 1 to {len(windows)}" if windows else f"{name} is no gene of the panel"
        raise InputError(f"variants.mutagenesis must be GENE or GENE:WINDOW; got '{asked}', and {known}. Correct it.")
    return int(windows[int(number or 1) - 1])
