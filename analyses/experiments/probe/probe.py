"""``experiment: probe``: what do frozen vectors know of labelled sequences, and how much of it did training add?

The k-mer spectrum, single bases, their position weight matrix and an untrained twin of every trained network are always
among the arms: whatever an encoder sees must show beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analyses.errors import InputError
from analyses.experiments.probe.arms import (
    KMERS,
    MATRIX,
    MOST_ONE_HOT,
    ONE_HOT,
    ProbeVectors,
    embed_tasks,
    list_arms,
    open_arm,
)
from analyses.experiments.probe.record import describe_answer, list_metrics, make_trials
from analyses.experiments.probe.tasks import Task, check_length, check_lengths, read_given_tasks, read_tasks
from analyses.results.schema.experiments.probes import (
    ProbeArmKind,
    ProbedArm,
    ProbeDifference,
    ProbeResult,
    ProbeScore,
)
from analyses.results.serialisation import tuples

if TYPE_CHECKING:
    from analyses.run.run import Run
    from fusion.probing import Probe, ProbeTask, Score

MATRIX_LABEL = "position weight matrix"
Probes = dict[tuple[str, str], "Probe"]


def check(run: Run) -> None:
    """See that given sets can be read, and that every arm has its poolings and layers and reads sequences whole."""
    settings, given = run.config.probe, read_given_tasks(run)
    made = {} if settings.window is None else dict.fromkeys(settings.make, settings.window)  # else each by its task
    longest = max([*made.values(), *(task.labelled.longest for task in given)], default=1)
    specs = [open_arm(run, one.config).spec for one in list_arms(run, longest)]
    read = [spec for spec in specs if spec.name != ONE_HOT]
    check_lengths(given, read)
    for name, window in made.items():
        check_length(name, [window], read)


def check_windows(run: Run) -> None:
    """Make or read the labelled sets, and see that every arm reads their sequences, before hours of embedding."""
    check_lengths(read_tasks(run), [arm.spec for arm in run.sequence_arms.values() if arm.spec.name != ONE_HOT])


def run(run: Run) -> ProbeResult:
    """Every arm on every task, the same sequences and draws for all."""
    tasks = read_tasks(run)
    settings, seed = run.config.probe, run.seeds.held_out
    probed = {task.name: task.probe_task() for task in tasks}
    arms, probes = _fit(run, tasks, probed)
    scores = _score(probed, probes, n_bootstrap=settings.n_bootstrap, seed=seed)
    undefined = _undefined(arms, scores)
    probes = {key: probe for key, probe in probes.items() if key not in undefined}
    if not probes:
        raise InputError(
            f"A probe needs a score that is defined for one arm at least; none is. {next(iter(undefined.values()))} "
            "Give sets whose test holds every class, or values that differ."
        )
    described = _describe_arms(arms, probed, probes, scores, n_permutations=settings.n_permutations, seed=seed)
    differences = _describe_differences(arms, probed, probes, n_permutations=settings.n_permutations, seed=seed)
    told = tuple(task.describe() for task in tasks)
    return ProbeResult(
        tasks=told,
        arms=described,
        differences=differences,
        n_permutations=settings.n_permutations,
        n_bootstrap=settings.n_bootstrap,
        left_out=(*_left_out(run, tasks), *undefined.values()),
        answer=describe_answer(told, described, differences),
        metrics=list_metrics(described, differences),
        trials=make_trials(described, differences),
    )


def _fit(run: Run, tasks: Sequence[Task], probed: Mapping[str, ProbeTask]) -> tuple[list[ProbeVectors], Probes]:
    """Probes by task and arm; of arms that are one setting, the first stands for all."""
    from fusion.probing import fit_probe

    kept: dict[str, ProbeVectors] = {}
    same: dict[str, str] = {}
    probes: Probes = {}
    longest = max(task.labelled.longest for task in tasks)
    for one in embed_tasks(run, list_arms(run, longest), list(tasks)):
        if one.spec.fingerprint in kept:
            same[one.name] = kept[one.spec.fingerprint].name
            continue
        for name, task in probed.items():
            probes[name, one.name] = fit_probe(one.vectors[name], task)
        if one.spec.name == ONE_HOT:
            probes |= _weight_matrices(one, tasks, probed)
        kept[one.spec.fingerprint] = _without_vectors(one)
    arms = [_controlled(one, same) for one in kept.values()]
    return _told_apart(arms), probes


def _weight_matrices(one: ProbeVectors, tasks: Sequence[Task], probed: Mapping[str, ProbeTask]) -> Probes:
    """Of tasks whose sequences have one length."""
    from fusion.probing import fit_weight_matrix

    suitable = [task.name for task in tasks if task.n_bases is not None and task.labelled.kind != "regression"]
    return {(name, MATRIX): fit_weight_matrix(one.vectors[name], probed[name]) for name in suitable}


def _without_vectors(one: ProbeVectors) -> ProbeVectors:
    return ProbeVectors(one.name, one.label, one.kind, one.spec, one.control, {})


def _controlled(one: ProbeVectors, same: Mapping[str, str]) -> ProbeVectors:
    control = None if one.control is None else same.get(one.control, one.control)
    return ProbeVectors(one.name, one.label, one.kind, one.spec, control, {})


def _told_apart(arms: list[ProbeVectors]) -> list[ProbeVectors]:
    """Arms of one label are told by their names too."""
    labels = [one.label for one in arms]
    return [
        one
        if labels.count(one.label) == 1
        else ProbeVectors(one.name, f"{one.label} ({one.name})", one.kind, one.spec, one.control, {})
        for one in arms
    ]


def _score(
    probed: Mapping[str, ProbeTask], probes: Probes, *, n_bootstrap: int, seed: int
) -> dict[tuple[str, str], dict[str, Score]]:
    from fusion.probing import score_probe

    return {
        (task, arm): score_probe(probed[task], probe, n_bootstrap=n_bootstrap, random_state=seed)
        for (task, arm), probe in probes.items()
    }


def _undefined(
    arms: Sequence[ProbeVectors], scores: Mapping[tuple[str, str], Mapping[str, Score]]
) -> dict[tuple[str, str], str]:
    """What is not defined, each with a sentence that says why."""
    labels = {MATRIX: MATRIX_LABEL} | {one.name: one.label for one in arms}
    found = {}
    for (task, arm), own in scores.items():
        name, first = next(iter(own.items()))
        if first.undefined is not None:
            found[task, arm] = f"{name} of {labels[arm]} on {task} is not defined: {first.undefined}."
    return found


def _describe_arms(
    arms: Sequence[ProbeVectors],
    probed: Mapping[str, ProbeTask],
    probes: Probes,
    scores: Mapping[tuple[str, str], Mapping[str, Score]],
    *,
    n_permutations: int,
    seed: int,
) -> tuple[ProbedArm, ...]:
    from fusion.probing import compare_probes

    by_name = {one.name: one for one in arms}
    names = list(dict.fromkeys([*by_name, *(arm for _, arm in probes)]))
    pairs: list[tuple[str, str | None]] = [(name, None) for name in names]
    against = compare_probes(probed, probes, pairs, n_permutations=n_permutations, random_state=seed)
    rows = []
    for task, arm in ((task, arm) for task in probed for arm in names if (task, arm) in probes):
        one, found, probe = by_name.get(arm), against[task, arm, None], probes[task, arm]
        kind: ProbeArmKind = "baseline" if one is None else one.kind
        has_layers = one is not None and kind != "baseline"
        rows.append(
            ProbedArm(
                task=task,
                arm=arm,
                arm_label=MATRIX_LABEL if one is None else one.label,
                kind=kind,
                fingerprint=None if one is None else one.spec.fingerprint,
                layer=one.spec.layer if has_layers and one is not None else None,
                pooling=one.spec.pooling if has_layers and one is not None else None,
                hidden_dim=probed[task].columns.shape[1] if one is None else one.spec.hidden_dim,
                control=None if one is None else one.control,
                choice=float(np.median(probe.choice)),
                scores=tuple(_describe_score(name, score) for name, score in scores[task, arm].items()),
                chance=0.0 if probed[task].kind == "regression" else 0.5,
                interval=tuples(np.array(found.interval)),
                p=found.p,
                p_corrected=found.p_corrected,
            )
        )
    return tuple(rows)


def _describe_score(name: str, score: Score) -> ProbeScore:
    low, high = (float(one) if np.isfinite(one) else None for one in (score.low, score.high))
    return ProbeScore(name=name, value=score.value, interval=(low, high))


def _describe_differences(
    arms: Sequence[ProbeVectors],
    probed: Mapping[str, ProbeTask],
    probes: Probes,
    *,
    n_permutations: int,
    seed: int,
) -> tuple[ProbeDifference, ...]:
    """Each question is a family of its own."""
    from fusion.probing import compare_probes

    labels = {MATRIX: MATRIX_LABEL} | {one.name: one.label for one in arms}
    kmers = next(one.name for one in arms if one.spec.name == KMERS)
    asked: dict[Literal["training", "kmers"], list[tuple[str, str | None]]] = {
        "training": [(one.name, one.control) for one in arms if one.control is not None],
        "kmers": [(name, kmers) for name in labels if name != kmers],
    }
    rows = []
    for question, pairs in asked.items():
        if not pairs:
            continue
        found = compare_probes(probed, probes, pairs, n_permutations=n_permutations, random_state=seed)
        for (task, first, second), one in found.items():
            if second is not None:
                rows.append(
                    ProbeDifference(
                        task=task,
                        question=question,
                        first=first,
                        second=second,
                        first_label=labels[first],
                        second_label=labels[second],
                        difference=one.difference,
                        interval=tuples(np.array(one.interval)),
                        p=one.p,
                        p_corrected=one.p_corrected,
                    )
                )
    return tuple(rows)


def _left_out(run: Run, tasks: Sequence[Task]) -> list[str]:
    sentences = []
    blind = [arm.name for arm in run.arm_configs if arm.encoder == "precomputed"]
    if blind:
        sentences.append(f"Encoders that read no new sequences take no part: {', '.join(blind)}.")
    longest = max(task.labelled.longest for task in tasks)
    if longest > MOST_ONE_HOT:
        sentences.append(f"Single bases are not probed: a sequence of {longest} bases has more than {MOST_ONE_HOT}.")
    uneven = [task.name for task in tasks if task.n_bases is None]
    if uneven and longest <= MOST_ONE_HOT:
        sentences.append(f"A position weight matrix needs sequences of one length: {', '.join(uneven)} have several.")
    return sentences


def draw(result: ProbeResult, folder: Path) -> dict[str, Path]:
    """What each encoder sees, trained minus untrained."""
    from analyses.figures.sequences.probes import draw_probes

    return draw_probes(result, folder)
