"""Arms on the same tasks: each against chance, and pairs of them, corrected over all tasks and arms by max-T."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from fusion.arrays import label_codes
from fusion.errors import InputError, NotDefinedError
from fusion.prediction.discrimination import Discrimination, discriminate
from fusion.prediction.held_out import HeldOutPrediction
from fusion.prediction.outcome import Outcome
from fusion.prediction.paired import Contrast, contrast, paired_permutation
from fusion.probing.probe import TEST, Probe, ProbeTask
from fusion.probing.scores import why_undefined


@dataclass(frozen=True)
class ProbeComparison:
    """A difference in AUROC (correlation, of values) of two arms on one task, or of one arm from chance.

    Attributes
    ----------
    difference : float
        First less second, or less chance.
    interval : tuple of float
        95 %, by the sequences' influence, clusters counted as one.
    p, p_corrected : float
        Of signs changed cluster by cluster, identity counted; corrected over all tasks and pairs. One-sided against
        chance, two-sided between arms.
    """

    difference: float
    interval: tuple[float, float]
    p: float
    p_corrected: float


Key = tuple[str, str, str | None]
"""Task, arm, and the arm it is held against; None for chance."""


def compare_probes(
    tasks: Mapping[str, ProbeTask],
    probes: Mapping[tuple[str, str], Probe],
    pairs: Sequence[tuple[str, str | None]],
    *,
    n_permutations: int = 4999,
    random_state: int = 0,
) -> dict[Key, ProbeComparison]:
    """Compare arms by what their probes say of the same test sequences.

    Where two probes are equally good, changing places for a cluster of sequences changes nothing in law; one set of
    signs serves all arms of a task, and the largest statistic over all tasks and pairs corrects each.

    Parameters
    ----------
    tasks : mapping of task to ProbeTask
    probes : mapping of (task, arm) to Probe
    pairs : sequence of (arm, arm or None)
        None is chance. Either all or none of them are against chance; a task that lacks one of two arms is passed over.
    n_permutations, random_state : int

    Returns
    -------
    dict of (task, arm, arm or None) to ProbeComparison

    Raises
    ------
    InputError
        Comparisons with chance and with arms are asked for together.
    NotDefinedError
        What is compared is not defined of an arm (`Score.undefined`): leave it out.

    References
    ----------
    Max-T: Westfall & Young 1993, ISBN 978-0-471-55761-6; places changed: Venkatraman & Begg 1996,
    doi:10.1093/biomet/83.4.835.
    """
    one_sided = any(other is None for _, other in pairs)
    if one_sided and not all(other is None for _, other in pairs):
        raise InputError("A family of comparisons is against chance or between arms; both were asked for: ask twice.")
    contrasts: dict[Key, Contrast] = {}
    clusters, n_before = [], 0
    offsets, n_total = {}, sum(len(task.rows(TEST)) for task in tasks.values())
    start = 0
    for name, task in tasks.items():
        own = label_codes(task.clusters[task.rows(TEST)])
        clusters.append(own + n_before)
        n_before += int(own.max()) + 1
        offsets[name] = slice(start, start + len(own))
        start += len(own)
        for arm, other in pairs:
            wanted = [one for one in (arm, other) if one is not None]
            if all((name, one) in probes for one in wanted):
                found = _contrast(task, [probes[name, one] for one in wanted])
                contrasts[name, arm, other] = _placed(found, offsets[name], n_total)
    joined = np.concatenate(clusters).astype(np.int64)
    p = paired_permutation(
        contrasts, joined, n_permutations=n_permutations, one_sided=one_sided, random_state=random_state
    )
    return {
        key: ProbeComparison(one.difference, _interval(one, offsets[key[0]], joined), *p[key])
        for key, one in contrasts.items()
    }


def _interval(one: Contrast, rows: slice, clusters: Int64[np.ndarray, " n"]) -> tuple[float, float]:
    """Of the task's own sequences: those of others have no influence and must not be counted."""
    own = Contrast(one.difference, one.shares[rows], one.influence[rows], one.widening)
    low, high = own.interval(label_codes(clusters[rows]))
    return float(low), float(high)


def _placed(one: Contrast, rows: slice, n: int) -> Contrast:
    """Among the sequences of all tasks."""
    shares, influence = np.zeros(n), np.zeros(n)
    shares[rows], influence[rows] = one.shares, one.influence
    return Contrast(one.difference, shares, influence, one.widening)


def _contrast(task: ProbeTask, probes: Sequence[Probe]) -> Contrast:
    """Of one outcome, or the mean over the classes of a multi-label task."""
    for probe in probes:
        if (why := why_undefined(task, probe)) is not None:
            raise NotDefinedError(why)
    test, column, parts = task.rows(TEST), 0, []
    for outcome in task.outcomes:
        width = outcome.columns.shape[1]
        told = [_discriminated(outcome.take(test), probe, slice(column, column + width)) for probe in probes]
        parts.append(contrast(outcome, told[0], told[1] if len(told) > 1 else None))
        column += width
    return Contrast(
        float(np.mean([one.difference for one in parts])),
        np.mean([one.shares for one in parts], axis=0),
        np.mean([one.influence for one in parts], axis=0),
        1.0,
    )


def _discriminated(outcome: Outcome, probe: Probe, columns: slice) -> tuple[Discrimination, HeldOutPrediction]:
    predicted = probe.predicted[:, columns]
    expected = np.broadcast_to(probe.expected[columns], predicted.shape)
    one_split = np.zeros(len(predicted), dtype=np.int64)
    held_out = HeldOutPrediction(predicted, expected, one_split, outcome.link(predicted)[np.newaxis])
    return discriminate(outcome, held_out), held_out
