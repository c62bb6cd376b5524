"""``experiment: stratify``: whether genes and brain are coupled alike in strata of the cohort.

One fixed model for all strata, its held-out correlation compared between them; beside it a model for each stratum.
Labels of strata are drawn anew given confounds, inside folds and blocks, and everything after them is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.experiments.strata.answer import sentences
from analyses.experiments.strata.compared import compare_all, describe
from analyses.experiments.strata.labels import ReadStrata, encode, held_fixed, read_strata
from analyses.privacy.counts import show_count
from analyses.results.schema.experiments import Metrics, StratifyResult, Trial
from analyses.results.schema.experiments.strata import StrataFinding, Stratum
from fusion.errors import NotDefinedError
from fusion.stratification import LabelDraws, draw_labels
from fusion.stratification.one_model import check_sizes

if TYPE_CHECKING:
    from analyses.run.run import Run


def check(run: Run) -> None:
    """Read the strata, so that a column that is not what its keys say is known before anything is embedded."""
    read_strata(run)


def run(run: Run) -> StratifyResult:
    """Every alignment in every stratum."""
    strata = read_strata(run)
    findings: tuple[StrataFinding, ...] = ()
    reason: str | None = None
    draws: LabelDraws | None = None
    try:
        draws = _draw(run, strata)
        findings = describe(run, strata, compare_all(run, strata, draws))
    except NotDefinedError as error:
        reason = str(error)
    smallest, column = run.config.privacy.smallest_count, str(run.config.stratify.column)
    counts = [int((strata.codes == code).sum()) for code in range(len(strata.names))]
    return StratifyResult(
        column=column,
        strata=tuple(Stratum(name, show_count(n, smallest)) for name, n in zip(strata.names, counts, strict=True)),
        n_in_none=show_count(int((strata.codes < 0).sum()), smallest),
        held_fixed=tuple(term.label for term in held_fixed(run)),
        exchanged=None if draws is None else round(draws.changed, 2),
        reason=reason,
        findings=findings,
        n_permutations=run.config.stratify.n_permutations,
        answer=sentences(column, findings, reason),
        metrics=_metrics(findings),
        trials=tuple(_trial(one) for one in findings if one.differences),
    )


def _draw(run: Run, strata: ReadStrata) -> LabelDraws:
    """Labels of those who are in a stratum, drawn anew."""
    rows, blocks = strata.rows, run.relations.blocks
    if len(strata.names) < 2:
        raise NotDefinedError("the column has fewer than two levels")
    assignments = run.folds.assignments[rows]
    check_sizes(strata.codes[rows], assignments, strata.names)
    return draw_labels(
        strata.codes[rows],
        encode(run, held_fixed(run), rows),
        assignments=assignments,
        blocks=None if blocks is None else blocks.take(np.asarray(rows, dtype=np.intp)),
        n_permutations=run.config.stratify.n_permutations,
        random_state=run.seeds.held_out,
    )


def _metrics(findings: Sequence[StrataFinding]) -> Metrics:
    """The smallest corrected p of each kind of model, and the largest difference beside it."""
    found: Metrics = {}
    for models, name in (("one model", "one_model"), ("own models", "own_models")):
        rows = [row for one in findings if one.models == models and one.role == "test" for row in one.differences]
        if rows:
            best = min(rows, key=lambda row: (row.p_corrected, row.p))
            found |= {f"stratify/p_{name}": best.p_corrected, f"stratify/difference_{name}": best.difference}
    return found


def _trial(one: StrataFinding) -> Trial:
    """One alignment by one kind of model as a child run: coupling in every stratum, and the clearest difference."""
    metrics: Metrics = {f"stratify/rho_{place}": part.rho for place, part in enumerate(one.couplings, start=1)}
    metrics["stratify/p_corrected"] = min(row.p_corrected for row in one.differences)
    return Trial(
        name=f"{one.arm} x {one.view}, component {one.component}, {one.models}",
        params={
            "encoder.name": one.arm,
            "brain.view": one.view,
            "component": one.component,
            "models": one.models,
            "strata": ", ".join(part.stratum for part in one.couplings),
        },
        metrics=metrics,
    )


def draw(result: StratifyResult, folder: Path) -> dict[str, Path]:
    """Coupling in every stratum, and the differences."""
    from analyses.figures.forests import draw_strata

    return draw_strata(result, folder)
