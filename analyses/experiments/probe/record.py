"""What probes leave: the answer in sentences, metrics and trials for tracking."""

from __future__ import annotations

from collections.abc import Sequence

from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments import Metrics, Trial
from analyses.results.schema.experiments.probes import ProbedArm, ProbeDifference, ProbedTask

LEVEL = 0.05
_SHOWN = 4


def describe_answer(
    tasks: Sequence[ProbedTask], arms: Sequence[ProbedArm], differences: Sequence[ProbeDifference]
) -> tuple[str, ...]:
    """The answer; the first sentence stands alone."""
    training, best = _trained(arms, differences), [_best(task, arms) for task in tasks if _own(task, arms)]
    asked = any(one.question == "training" for one in differences)
    sentences = [*([training] if asked else []), *best, *([] if asked else [training]), _beside_kmers(differences)]
    for task in tasks:
        if task.near_duplicates:
            sentences.append(
                f"Of the {task.n_test} test sequences of {task.name} {task.near_duplicates} have a near-duplicate in "
                "train, so its scores flatter every arm that remembers."
            )
    return tuple(sentences)


def _trained(arms: Sequence[ProbedArm], differences: Sequence[ProbeDifference]) -> str:
    asked = [one for one in differences if one.question == "training"]
    if not asked:
        n = len({one.arm for one in arms if one.kind == "untrained"})
        return (
            f"What training adds was not asked: no trained network is among the arms ({n} untrained and "
            f"{len({one.arm for one in arms if one.kind == 'baseline'})} baselines are)."
        )
    better = [one for one in asked if one.p_corrected < LEVEL and one.difference > 0]
    worse = [one for one in asked if one.p_corrected < LEVEL and one.difference < 0]
    less = f" In {len(worse)} the untrained twin sees more." if worse else ""
    if not better:
        most = max(asked, key=lambda one: one.difference)
        return (
            f"No trained encoder sees more than its untrained twin in any of {len(asked)} probes: at most "
            f"{_difference(most)}.{less}"
        )
    shown = "; ".join(_difference(one) for one in sorted(better, key=lambda one: -one.difference)[:_SHOWN])
    return (
        f"In {len(better)} of {len(asked)} probes a trained encoder sees more than its untrained twin: {shown}.{less}"
    )


def _difference(one: ProbeDifference) -> str:
    return (
        f"{one.first_label} in {one.task} by {format_number(one.difference, 3)} ({format_interval(one.interval, 3)}), "
        f"p = {format_p(one.p_corrected)}"
    )


def _best(task: ProbedTask, arms: Sequence[ProbedArm]) -> str:
    own = _own(task, arms)
    found = [one for one in own if one.p_corrected < LEVEL]
    best = max(own, key=lambda one: one.scores[0].value)
    said = _score(best)
    if not found:
        return f"By no arm is {task.name} told beyond chance: at best {said}."
    return f"{task.name} is told beyond chance by {len(found)} of {len(own)} arms, best by {said}."


def _own(task: ProbedTask, arms: Sequence[ProbedArm]) -> list[ProbedArm]:
    """Arms with a score on a task; none where it is not defined of any."""
    return [one for one in arms if one.task == task.name]


def _score(one: ProbedArm) -> str:
    first, others = one.scores[0], [score for score in one.scores if score.name == "MCC"]
    mcc = f", MCC {format_number(others[0].value, 3)}" if others else ""
    return (
        f"{one.arm_label} ({first.name} {format_number(first.value, 3)}, {format_interval(first.interval, 3)}{mcc}, "
        f"p = {format_p(one.p_corrected)})"
    )


def _beside_kmers(differences: Sequence[ProbeDifference]) -> str:
    asked = [one for one in differences if one.question == "kmers"]
    better = [one for one in asked if one.p_corrected < LEVEL and one.difference > 0]
    if not better:
        return "No arm sees more than the k-mer spectrum does."
    shown = "; ".join(_difference(one) for one in sorted(better, key=lambda one: -one.difference)[:_SHOWN])
    more = f"; and {len(better) - _SHOWN} more" if len(better) > _SHOWN else ""
    return f"More than the k-mer spectrum sees {shown}{more}."


def list_metrics(arms: Sequence[ProbedArm], differences: Sequence[ProbeDifference]) -> Metrics:
    """The best arm of each kind and task, and what training adds at most."""
    found: Metrics = {}
    for task in dict.fromkeys(one.task for one in arms):
        for kind in dict.fromkeys(one.kind for one in arms):
            own = [one.scores[0].value for one in arms if (one.task, one.kind) == (task, kind)]
            if own:
                found[f"probe/{task}_{kind}"] = max(own)
        asked = [one for one in differences if (one.task, one.question) == (task, "training")]
        if asked:
            most = max(asked, key=lambda one: one.difference)
            found[f"probe/{task}_trained_minus_untrained"] = most.difference
            found[f"probe/{task}_p_trained_minus_untrained"] = most.p_corrected
    return found


def make_trials(arms: Sequence[ProbedArm], differences: Sequence[ProbeDifference]) -> tuple[Trial, ...]:
    """Every arm as a child run of tracking."""
    trials = []
    for arm in dict.fromkeys(one.arm for one in arms):
        own = [one for one in arms if one.arm == arm]
        metrics: Metrics = {}
        for one in own:
            metrics |= {f"probe/{one.task}/{score.name}": score.value for score in one.scores}
            metrics[f"probe/{one.task}/p_corrected"] = one.p_corrected
        for difference in differences:
            if (difference.first, difference.question) == (arm, "training"):
                metrics[f"probe/{difference.task}/trained_minus_untrained"] = difference.difference
        params: dict[str, str | int | float] = {"encoder.name": arm, "encoder.kind": own[0].kind}
        trials.append(Trial(name=own[0].arm_label, params=params, metrics=metrics))
    return tuple(trials)
