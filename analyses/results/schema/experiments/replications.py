"""Parts of ``experiments/replicate.json``: what fitted weights of a first cohort show in a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import HeldOutTrace, Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFinding:
    """What the first cohort found held out: ``n_subjects``, correlation ``rho`` of the first component with its
    ``interval`` (None, None where none is valid) and ``p``, the in-sample correlation ``in_sample_r1``."""

    n_subjects: int
    rho: float
    interval: OptionalInterval
    p: float
    in_sample_r1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationPower:
    """Power (0 to 1) of the first component's test against the first cohort's held-out correlation, and the correlation
    that it finds in 80 % of cohorts of this size."""

    against_first: float
    rho_at_80_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """One arm and view of the first cohort in the new one; C components.

    Attributes
    ----------
    arm, arm_label, view, role
        As of an alignment.
    n_subjects, n_effective : int
        Of the new cohort; the second less intercept and confounds.
    first : FirstFinding
    rho : tuple of float, [C]
        Correlation of the frozen scores in the new cohort, confounds removed; positive in the first cohort's direction.
    interval : tuple of (low, high), [C, 2]
        95 % bootstrap intervals of `rho`; None, None where none is valid.
    p, p_fwer : tuple of float, [C]
        One-sided permutation p of each component, and corrected over components, which have an order.
    null_q95 : tuple of float, [C]
        95 % points over permutations.
    trace : HeldOutTrace
        Sum over all components of correlation here times correlation in the first cohort.
    p_corrected : tuple of float
        Of the first component and the trace, corrected over all arms and the views of one role.
    power : ReplicationPower
    n_permutations : int
    warnings : tuple of str
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    n_subjects: int
    n_effective: int
    first: FirstFinding
    rho: tuple[float, ...]
    interval: tuple[OptionalInterval, ...]
    p: tuple[float, ...]
    p_fwer: tuple[float, ...]
    null_q95: tuple[float, ...]
    trace: HeldOutTrace
    p_corrected: tuple[float, float]
    power: ReplicationPower
    n_permutations: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStudy:
    """The results folder whose weights were tested.

    Attributes
    ----------
    name, title, created : str
    n_subjects : int
    same_people : {"left out", "not known", "other people"}
        What became of ids that are in both cohorts: left out; nothing could tell; said to be of other people.
    n_left_out : Count
    """

    name: str
    title: str
    created: str
    n_subjects: int
    same_people: Literal["left out", "not known", "other people"]
    n_left_out: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateResult:
    """``experiments/replicate.json``."""

    first: FirstStudy
    replications: tuple[Replication, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a component of every arm and view."""
        return long_tables(
            replications=[
                cells(one, component=k + 1, first_rho=one.first.rho if k == 0 else None)
                | {"rho": rho, "lower": one.interval[k][0], "upper": one.interval[k][1]}
                | {"p": one.p[k], "p_fwer": one.p_fwer[k], "null_q95": one.null_q95[k]}
                for one in self.replications
                for k, rho in enumerate(one.rho)
            ]
        )
