"""``experiment: associate``: held-out scores of genes and brain beside outcomes, confounds and folds held fixed.

Scores are those of the run's own alignments, each from the fold in which its subject was held out, in standard
deviations of that fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.cohort.design import describe_confounds
from analyses.experiments.associations.answer import sentences
from analyses.experiments.associations.responses import ReadResponses, read_responses
from analyses.experiments.associations.scored import Associations, associate_all, correct, describe
from analyses.privacy.counts import Count, show_count
from analyses.results.schema.experiments import AssociateResult, Metrics, Trial
from analyses.results.schema.experiments.associations import AssociatedOutcome, Association

if TYPE_CHECKING:
    from analyses.run.run import Run


def check(run: Run) -> None:
    """Read the outcomes, so that a column that is not what its keys say is known before anything is embedded."""
    read_responses(run)


def run(run: Run) -> AssociateResult:
    """Every score of every alignment beside every outcome."""
    read = read_responses(run)
    all_of_them = Associations([], {}, {})
    if any(one.contrasts for one in read):
        all_of_them = associate_all(run, read)
    found = all_of_them.found
    detectable = correct(run, found)
    outcomes = tuple(_describe_outcome(run, one, all_of_them) for one in read)
    associations = tuple(describe(run, found))
    return AssociateResult(
        outcomes=outcomes,
        adjusted_for=tuple(
            f"{one.column} ({one.kind})" for one in describe_confounds(run.config, run.cohort.covariates)
        ),
        associations=associations,
        n_permutations=run.config.associate.n_permutations,
        detectable=detectable,
        answer=sentences(outcomes, associations, detectable),
        metrics=_metrics(associations),
        trials=_trials(associations),
    )


def _describe_outcome(run: Run, read: ReadResponses, among: Associations) -> AssociatedOutcome:
    """The outcome in figures that name nobody."""
    smallest, known = run.config.privacy.smallest_count, read.known
    missing = show_count(int((~known).sum()), smallest)
    # Beside the size of the cohort, the number of those who have the outcome would tell the number of those who do not.
    n_subjects: Count = int(known.sum()) if isinstance(missing, int) else f"<{len(known)}"
    reasons, decided = among.reasons, {name: n for name, n in among.n_decided.items() if n and name in read.contrasts}
    refused = {name: reasons[name] for name in read.contrasts if name in reasons}
    whole = next(iter(refused.values()), None) if len(refused) == len(read.contrasts) else None
    return AssociatedOutcome(
        column=read.column,
        kind=read.kind,
        contrasts=tuple(name for name in read.contrasts if name not in reasons),
        n_subjects=n_subjects,
        n_missing=missing,
        n_events=None if read.n_events is None else show_count(read.n_events, smallest),
        undefined={} if whole else refused,
        n_decided={name: show_count(n, smallest) for name, n in decided.items()} or None,
        reason=read.reason or whole,
    )


def _metrics(associations: Sequence[Association]) -> Metrics:
    """The smallest corrected p first, then that of each kind of score."""
    family = [one for one in associations if one.role == "test" and one.p_max_t is not None]
    if not family:
        return {}
    p = {one: 1.0 if one.p_max_t is None else one.p_max_t for one in family}
    found: Metrics = {"associate/p_max_t": min(p.values()), "associate/n_found": sum(one < 0.05 for one in p.values())}
    for side in dict.fromkeys(one.score for one in family):
        found[f"associate/p_{side}"] = min(p[one] for one in family if one.score == side)
    return found


def _trials(associations: Sequence[Association]) -> tuple[Trial, ...]:
    """One child run for every alignment and outcome: its clearest association."""
    rows: dict[tuple[str, str, str], list[Association]] = {}
    for one in associations:
        if one.p is not None:
            rows.setdefault((one.arm, one.view, one.contrast), []).append(one)
    return tuple(_trial(min(group, key=lambda one: 1.0 if one.p is None else one.p)) for group in rows.values())


def _trial(one: Association) -> Trial:
    metrics: Metrics = {} if one.value is None else {"associate/value": one.value}
    for name, value in (("p", one.p), ("p_max_t", one.p_max_t), ("q", one.q)):
        if value is not None:
            metrics[f"associate/{name}"] = value
    return Trial(
        name=f"{one.arm} x {one.view}, {one.contrast}",
        params={
            "encoder.name": one.arm,
            "brain.view": one.view,
            "outcome": one.contrast,
            "score": one.score,
            "component": one.component,
            "measure": one.measure,
        },
        metrics=metrics,
    )


def draw(result: AssociateResult, folder: Path) -> dict[str, Path]:
    """Correlations and ratios, each as a forest."""
    from analyses.figures.forests import draw_associations

    return draw_associations(result, folder)
