"""``genebrain meta``: finished results folders combined, from what they publish; no subject's data are read but ids.

Ids are read where the private folders hold them, to see that no two studies share people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

from analyses.errors import InputError
from analyses.figures.canvas import save_figure
from analyses.figures.replication import forest_figure
from analyses.formats import format_interval, format_number, format_p
from analyses.results.folder import Results, load_several
from analyses.results.headlines import Alignment
from analyses.results.schema.meta_analyses import (
    CombinedAlignment,
    MetaResult,
    PooledCorrelation,
    PooledEstimates,
    Study,
    StudyFinding,
)
from analyses.results.subject_ids import count_shared
from analyses.results.workspace import Workspace
from fusion import MetaAnalysis, combine_correlations
from fusion.replication.meta_analysis import Pooled, se_of_interval, stouffer

SameIds = Literal["refuse", "other-people"]


@dataclass(frozen=True)
class _Named:
    """A results folder under the name that tables and figures give it."""

    name: str
    results: Results

    def find(self, arm: str, view: str) -> Alignment | None:
        return next((one for one in self.results.alignments if one.name == f"{arm}__{view}"), None)

    def fingerprint(self, arm: str) -> str:
        """Of the arm's encoder; vectors made elsewhere have none that two cohorts could share."""
        spec = next(one.spec for one in self.results.run.arms if one.name == arm)
        return spec.name if spec.family == "precomputed" else spec.fingerprint


def combine_folders(folders: Sequence[Path], *, same_ids: SameIds = "refuse") -> MetaResult:
    """Combine the held-out correlations of several runs.

    Parameters
    ----------
    folders : sequence of Path
        Results folders of different people.
    same_ids : {"refuse", "other-people"}
        What equal ids in two folders mean.

    Raises
    ------
    InputError
        Fewer than two folders, one twice, common subjects, or no arm and view that two of them have.
    """
    studies = _open(folders)
    unknown = _check_people(studies, same_ids)
    pairs = list(dict.fromkeys((one.summary.arm, one.summary.view) for s in studies for one in s.results.alignments))
    present = {pair: [study for study in studies if study.find(*pair)] for pair in pairs}
    combined = _corrected([_combine(pair, have) for pair, have in present.items() if len(have) > 1])
    if not combined:
        listed = "; ".join(f"{study.name}: {', '.join(study.results.run.alignments)}" for study in studies)
        raise InputError(
            f"A meta-analysis needs an arm and brain view, by name, that two folders have; got {listed}. Name arms and "
            "views alike in all runs."
        )
    return MetaResult(
        studies=tuple(
            Study(name=s.name, title=s.results.run.title, created=s.results.run.created, n_subjects=_n_subjects(s))
            for s in studies
        ),
        combined=combined,
        left_out=tuple(_left_out(present, len(studies))) + unknown,
        answer=tuple(map(_sentence, combined)),
    )


def _n_subjects(study: _Named) -> int:
    return study.results.run.cohort.n_subjects


def _open(folders: Sequence[Path]) -> list[_Named]:
    return [_Named(name, one) for name, one in load_several(folders, what="A meta-analysis").items()]


def _check_people(studies: Sequence[_Named], same_ids: SameIds) -> tuple[str, ...]:
    """Refuse studies that share people; sentences on pairs of which nothing can be told."""
    if same_ids == "other-people":
        return ("Equal ids in two folders were said to be of other people.",)
    unknown = []
    for one, other in combinations(studies, 2):
        shared = count_shared(one.results.path, other.results.path)
        if shared:
            raise InputError(
                f"A meta-analysis needs studies of different people; {one.name} and {other.name} share {shared:,} "
                "subjects by id: leave one out, or run one without them (experiment: replicate does). If ids are equal "
                "by chance, say --same-ids other-people."
            )
        if shared is None:
            unknown.append(
                f"Whether {one.name} and {other.name} share people was not checked: their ids cannot be read."
            )
    return tuple(unknown)


def _left_out(present: dict[tuple[str, str], list[_Named]], n_studies: int) -> Iterator[str]:
    for (arm, view), have in present.items():
        names = ", ".join(study.name for study in have)
        if len(have) == 1:
            yield f"{arm} × {view} is in {names} alone, and is not combined."
        elif len(have) < n_studies:
            yield f"{arm} × {view} is combined over {names}; the other folders have no such arm and view."


def _combine(pair: tuple[str, str], studies: Sequence[_Named]) -> CombinedAlignment:
    arm, view = pair
    summaries = {study.name: found.summary for study in studies if (found := study.find(arm, view)) is not None}
    findings, notes = [], list(_notes(arm, view, studies))
    for name, summary in summaries.items():
        held_out = summary.held_out
        low, high = held_out.interval[0]
        is_usable = low is not None and high is not None and -1 < low < high < 1
        if not is_usable:
            notes.append(f"{name} has no valid interval, so it counts in the combined p alone.")
        findings.append(
            StudyFinding(
                study=name,
                n_subjects=summary.n.subjects,
                rho=held_out.rho[0],
                p=held_out.first_p,
                interval=held_out.interval[0],
                se=se_of_interval(low, high) if is_usable and low is not None and high is not None else None,
                weight=None,
            )
        )
    p = stouffer(
        [one.p for one in findings],
        [one.n_subjects for one in findings],
        [summary.held_out.n_permutations for summary in summaries.values()],
    )
    pooled, weighted = _pool(findings)
    first = next(iter(summaries.values()))
    return CombinedAlignment(
        arm=arm,
        arm_label=first.arm_label,
        view=view,
        role=first.role,
        studies=weighted,
        pooled=pooled,
        p=p,
        p_holm=p,
        notes=tuple(notes),
    )


def _notes(arm: str, view: str, studies: Sequence[_Named]) -> Iterator[str]:
    """What has one name and is not the same."""
    encoders = {study.name: study.fingerprint(arm) for study in studies}
    if len(set(encoders.values())) > 1:
        first = next(iter(encoders.values()))
        others = ", ".join(name for name, one in encoders.items() if one != first)
        yield f"{arm} is another encoder in {others} than in {studies[0].name}: its fingerprint differs."
    features = {study.name: _n_features(study, view) for study in studies}
    if len(set(features.values())) > 1:
        yield f"{view} differs in its features: {', '.join(f'{n} in {name}' for name, n in features.items())}."
    roles = {found.summary.role for study in studies if (found := study.find(arm, view)) is not None}
    if len(roles) > 1:
        yield f"{view} is a negative control in some studies and not in others."


def _n_features(study: _Named, view: str) -> int:
    return next(one.n_features for one in study.results.run.views if one.name == view)


def _pool(findings: Sequence[StudyFinding]) -> tuple[PooledEstimates | None, tuple[StudyFinding, ...]]:
    known = [(one.rho, one.se) for one in findings if one.se is not None]
    if len(known) < 2:
        return None, tuple(findings)
    found = combine_correlations([rho for rho, _ in known], [se for _, se in known])
    shares = iter(found.weights.tolist())
    weighted = tuple(one if one.se is None else replace(one, weight=next(shares)) for one in findings)
    return _describe(found, len(known)), weighted


def _describe(found: MetaAnalysis, n_studies: int) -> PooledEstimates:
    return PooledEstimates(
        n_studies=n_studies,
        fixed=_shown(found.fixed),
        dersimonian_laird=_shown(found.dersimonian_laird),
        paule_mandel=_shown(found.paule_mandel),
        hartung_knapp=_shown(found.hartung_knapp),
        tau2=found.tau2,
        q=found.q,
        q_p=found.q_p,
        i2=found.i2,
        prediction=found.prediction,
    )


def _shown(pooled: Pooled) -> PooledCorrelation:
    return PooledCorrelation(pooled.rho, pooled.interval, pooled.se)


def _corrected(combined: Iterable[CombinedAlignment]) -> tuple[CombinedAlignment, ...]:
    """Holm's p within each role: studies have no permutations in common."""
    from statsmodels.stats.multitest import multipletests

    rows = list(combined)
    for role in dict.fromkeys(row.role for row in rows):
        places = [place for place, row in enumerate(rows) if row.role == role]
        p = multipletests([rows[place].p for place in places], method="holm")[1]
        for place, value in zip(places, p.tolist(), strict=True):
            rows[place] = replace(rows[place], p_holm=float(value))
    return tuple(rows)


def _sentence(row: CombinedAlignment) -> str:
    head = f"{row.arm_label} × {row.view}, {len(row.studies)} studies"
    said = f"p of all together {format_p(row.p)} ({format_p(row.p_holm)} corrected)."
    if row.pooled is None:
        return f"{head}: fewer than two have a valid interval, so no correlation is combined; {said}"
    pooled = row.pooled
    another = "" if pooled.prediction is None else f", another study {_range(pooled.prediction)}"
    return (
        f"{head}: held-out ρ₁ {format_number(pooled.hartung_knapp.rho)} on average over cohorts "
        f"({format_interval(pooled.hartung_knapp.interval)}{another}), {format_number(pooled.fixed.rho)} if it is one "
        f"and the same ({format_interval(pooled.fixed.interval)}); I² {format_number(100 * pooled.i2, 0)} %, Q = "
        f"{format_number(pooled.q)} (p = {format_p(pooled.q_p)}); {said}"
    )


def _range(interval: tuple[float, float]) -> str:
    return f"{format_number(interval[0])} to {format_number(interval[1])}"


def write_meta(result: MetaResult, output: Path) -> Path:
    """Write ``figures/forest__<arm>__<view>.svg``, each with its CSV, and then ``meta.json``; its path."""
    import pandas as pd

    workspace = Workspace(output)
    for row in result.combined:
        data = pd.DataFrame(_rows(row), columns=["row", "kind", "n_subjects", "rho", "low", "high", "weight"])
        data = data.astype(dict.fromkeys(data.columns[2:], float))
        title = f"{row.arm_label} × {row.view}"
        path = workspace.path("figures", f"forest__{row.arm}__{row.view}.svg")
        save_figure(forest_figure(data, title=title), path, data)
    return workspace.write_result("meta.json", result)


def _rows(row: CombinedAlignment) -> Iterator[tuple[object, ...]]:
    for one in row.studies:
        yield f"{one.study} (n = {one.n_subjects})", "study", one.n_subjects, one.rho, *one.interval, one.weight
    if (pooled := row.pooled) is not None:
        for name, found in (
            ("one correlation (fixed)", pooled.fixed),
            ("DerSimonian-Laird", pooled.dersimonian_laird),
            ("Paule-Mandel", pooled.paule_mandel),
            ("Hartung-Knapp", pooled.hartung_knapp),
        ):
            yield name, "pooled", None, found.rho, *found.interval, None
        if pooled.prediction is not None:
            yield "another study", "prediction", None, None, *pooled.prediction, None
