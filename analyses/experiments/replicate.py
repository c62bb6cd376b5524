"""``experiment: replicate``: weights that were fitted in a first cohort, tested in this one.

Nothing is fitted here but what confounds explain: scaling, principal axes and canonical weights are those of the first
cohort. Whoever took part there was left out of the cohort before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analyses.alignment.files import weights_file
from analyses.cohort.design import make_design
from analyses.cohort.first_cohort import IN_FIRST_COHORT
from analyses.errors import InputError
from analyses.formats import format_interval, format_number, format_p
from analyses.privacy.counts import format_count, show_count, show_sentence
from analyses.privacy.identities import Identities
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary, HeldOutTrace
from analyses.results.schema.experiments import Metrics, ReplicateResult, Trial
from analyses.results.schema.experiments.replications import FirstFinding, FirstStudy, Replication, ReplicationPower
from analyses.results.schema.runs import RunRecord
from analyses.results.serialisation import optional_interval, read_result, tuples
from analyses.results.subject_ids import shared_ids
from analyses.run.origin import describe_origin, describe_origin_before_windows
from fusion import FrozenAlignment, westfall_young
from fusion.replication.new_cohort import replicable_rho, replicate_cca, replication_power

if TYPE_CHECKING:
    from analyses.run.run import Run
    from fusion import ReplicatedCCA

LEVEL = 0.05


def run(run: Run) -> ReplicateResult:
    """Every arm and view of the configuration, by the first cohort's weights."""
    first = _first_study(run)
    pairs = [(arm, view) for arm in run.arms for view in run.config.brain]
    found: dict[tuple[str, str], ReplicatedCCA] = {}
    with progress_bar("replicate") as advance:
        for done, pair in enumerate(pairs, start=1):
            found[pair] = _replicate(run, *pair)
            advance(done, len(pairs))
    corrected = _corrected(run, found)
    replications = tuple(_describe(run, pair, one, corrected[pair]) for pair, one in found.items())
    return ReplicateResult(
        first=first,
        replications=replications,
        answer=_answer(first, replications),
        metrics=_metrics(replications),
        trials=tuple(map(_trial, replications)),
    )


def check(run: Run) -> None:
    """Hold encoders, brain features and how they are made against those of the first cohort.

    Raises
    ------
    analyses.errors.InputError, fusion.errors.InputError
        A difference, named; a view whose columns each cohort learns for itself, or weights that are not there.
    """
    for name, settings in run.config.brain.items():
        if settings.connectivity is not None and settings.connectivity.kind == "tangent":
            raise InputError(
                f"A replication needs features that mean the same in both cohorts; brain.{name} is in tangent space at "
                "the mean of its own cohort: take connectivity: correlation or partial in both runs."
            )
        if settings.nan == "pairwise":
            raise InputError(
                f"A replication needs features that mean the same in both cohorts; those of brain.{name} are mapped to "
                "the covariance of their own cohort: take nan: impute in both runs."
            )
    for arm in run.arm_configs:
        for view, table in run.brain.items():
            first = _read_weights(run, arm.name, view)
            first.aligned_to(y=table.feature_names)
            first.check_origin(describe_origin_before_windows(run, arm.name, view), partly=True)


def check_windows(run: Run) -> None:
    """Hold windows against those of the first cohort.

    Raises
    ------
    analyses.errors.InputError, fusion.errors.InputError
        A difference, named.
    """
    for arm in run.arms:
        for view in run.brain:
            _read_weights(run, arm, view).check_origin(describe_origin(run, arm, view))


def _read_weights(run: Run, arm: str, view: str) -> FrozenAlignment:
    model: FrozenAlignment = FrozenAlignment.load(weights_file(_folder(run), arm, view))
    return model


def _folder(run: Run) -> Path:
    assert run.config.replicate is not None  # the configuration refuses this experiment without it
    return run.config.replicate.results


def _first_study(run: Run) -> FirstStudy:
    record = read_result(RunRecord, _folder(run) / "run.json")
    excluded = {one["reason"]: one["n"] for one in run.cohort.exclusions}
    left_out = excluded.get(IN_FIRST_COHORT, 0)
    return FirstStudy(
        name=record.name,
        title=record.title,
        created=record.created,
        n_subjects=record.cohort.n_subjects,
        same_people=_same_people(run),
        n_left_out=show_count(left_out, run.config.privacy.smallest_count),
    )


def _same_people(run: Run) -> Literal["left out", "not known", "other people"]:
    settings = run.config.replicate
    if shared_ids(_folder(run), ()) is None:
        return "not known"
    return "other people" if settings is not None and settings.same_ids == "other-people" else "left out"


def _replicate(run: Run, arm: str, view: str) -> ReplicatedCCA:
    settings = run.config.alignment
    return replicate_cca(
        _read_weights(run, arm, view),
        run.arms[arm].gene_view(),
        run.brain_view(view),
        (run.cohort.covariates, make_design(run.config)) if run.config.confounds else None,
        relations=run.relations,
        n_components=settings.n_components,
        n_permutations=settings.n_permutations,
        random_state=run.seeds.held_out,
    )


def _corrected(run: Run, found: dict[tuple[str, str], ReplicatedCCA]) -> dict[tuple[str, str], tuple[float, float]]:
    """p of first components and traces over all arms and the views of one role, which share their permutations."""
    both: dict[str, float] = {}
    roles = {view: settings.role for view, settings in run.config.brain.items()}
    for role in dict.fromkeys(roles.values()):
        both |= westfall_young(
            {
                f"{arm} {view} {kind}": (float(null[0]), null)
                for (arm, view), one in found.items()
                if roles[view] == role
                for kind, null in (("rho", one.null[:, 0]), ("trace", one.trace_null))
            },
            is_mixed=True,
        )
    return {(arm, view): (both[f"{arm} {view} rho"], both[f"{arm} {view} trace"]) for arm, view in found}


def _describe(run: Run, pair: tuple[str, str], found: ReplicatedCCA, corrected: tuple[float, float]) -> Replication:
    arm, view = pair
    summary = read_result(AlignmentSummary, _folder(run) / "alignments" / f"{arm}__{view}" / "alignment.json")
    held_out, null = summary.held_out, found.trace_null[1:]
    subjects, smallest = Identities(run.cohort.known_ids), run.config.privacy.smallest_count
    return Replication(
        arm=arm,
        arm_label=run.specs[arm].label,
        view=view,
        role=run.config.brain[view].role,
        n_subjects=found.n_subjects,
        n_effective=found.n_effective,
        first=FirstFinding(
            n_subjects=summary.n.subjects,
            rho=held_out.rho[0],
            interval=held_out.interval[0],
            p=held_out.first_p,
            in_sample_r1=summary.in_sample.canonical_correlations[0],
        ),
        rho=tuples(found.rho),
        interval=tuple(map(optional_interval, found.interval)),
        p=tuples(found.p),
        p_fwer=tuples(found.p_fwer),
        null_q95=tuples(np.quantile(found.null[1:], 0.95, axis=0)),
        trace=HeldOutTrace(
            value=found.trace,
            null_mean=float(null.mean()),
            null_q95=float(np.quantile(null, 0.95)),
            p=found.trace_p,
            p_corrected=found.p_link,
        ),
        p_corrected=corrected,
        power=ReplicationPower(
            against_first=replication_power(max(held_out.rho[0], 0.0), found.n_effective),
            rho_at_80_percent=replicable_rho(found.n_effective),
        ),
        n_permutations=found.n_permutations,
        warnings=tuple(subjects.mask(show_sentence(one, smallest)) for one in found.warnings),
    )


def _answer(first: FirstStudy, replications: tuple[Replication, ...]) -> tuple[str, ...]:
    tested = [one for one in replications if one.role == "test"]
    again = [one for one in tested if min(one.p_corrected) < LEVEL]
    best = min(again or tested or replications, key=lambda one: (min(one.p_corrected), -one.rho[0]))
    of_all = f" of {len(tested)} tested" if len(tested) > 1 else ""
    if again:
        head = f"The link of {first.name} is found again{f' in {len(again)}{of_all}' if of_all else ''}: "
    else:
        head = f"The link of {first.name} is not found again{of_all and f' in any{of_all}'}: "
    return (head + _finding(best), *map(_finding, (one for one in replications if one is not best)), _said(first))


def _finding(one: Replication) -> str:
    """One arm and view in words; where nothing was found, what could have been."""
    text = (
        f"{one.arm_label} × {one.view}: by the first cohort's weights ρ₁ = {format_number(one.rho[0])} "
        f"({format_interval(one.interval[0])}; held out in the first cohort {format_number(one.first.rho)}) in "
        f"{format_number(one.n_subjects)} subjects, p = {format_p(one.p_corrected[0])}, all components together "
        f"p = {format_p(one.p_corrected[1])}."
    )
    if min(one.p_corrected) < LEVEL or one.role != "test":
        return text
    return (
        f"{text} A cohort of this size finds the first cohort's correlation in "
        f"{format_number(100 * one.power.against_first, 0)} % of studies, and "
        f"{format_number(one.power.rho_at_80_percent)} in 80 %."
    )


def _said(first: FirstStudy) -> str:
    if first.same_people == "not known":
        return "Whether people are in both cohorts was not checked: the first one's ids cannot be read."
    if first.same_people == "other people":
        return "Nobody was left out: ids that are in both cohorts are of other people, as the configuration says."
    if first.n_left_out == 0:
        return "No subject is in both cohorts, by id."
    return f"{format_count(first.n_left_out)} subjects who are in both cohorts, by id, were left out."


def _metrics(replications: tuple[Replication, ...]) -> Metrics:
    names = {f"{one.arm}_{one.view}": one for one in replications}
    return {f"replicate/rho_{name}": one.rho[0] for name, one in names.items()} | {
        f"replicate/p_{name}": min(one.p_corrected) for name, one in names.items()
    }


def _trial(one: Replication) -> Trial:
    return Trial(
        name=f"{one.arm} x {one.view}, weights of the first cohort",
        params={"encoder.name": one.arm, "brain.view": one.view},
        metrics={"replicate/rho_1": one.rho[0], "replicate/p_1": one.p[0], "replicate/p_trace": one.trace.p},
    )


def draw(result: ReplicateResult, folder: Path) -> dict[str, Path]:
    """Each arm and view in both cohorts."""
    import pandas as pd

    from analyses.figures.canvas import save_figure
    from analyses.figures.replication import replication_figure

    rows = [
        {
            "arm": one.arm_label,
            "view": one.view,
            "first_rho": one.first.rho,
            "first_low": one.first.interval[0],
            "first_high": one.first.interval[1],
            "rho": one.rho[0],
            "low": one.interval[0][0],
            "high": one.interval[0][1],
            "null_q95": one.null_q95[0],
            "p_corrected": one.p_corrected[0],
        }
        for one in result.replications
    ]
    data = pd.DataFrame(rows).astype({name: float for name in rows[0] if name not in ("arm", "view")})
    return {"replicate": save_figure(replication_figure(data), folder / "replicate.svg", data)}
