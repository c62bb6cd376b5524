"""Parts of ``experiments/probe.json``: what frozen vectors know of labelled sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import Interval, OptionalInterval

ProbeArmKind = Literal["encoder", "baseline", "untrained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedTask:
    """A labelled set.

    Attributes
    ----------
    name, kind : str
    classes : tuple of str
    made : bool
        Whether it was made from the run's genome; else it was given.
    n_train, n_dev, n_test : int
    n_clusters : int
        Of test sequences that are alike; drawn and exchanged as one.
    longest : int
        Bases.
    near_duplicates : int
        Test sequences with a near-duplicate in train.
    notes : tuple of str
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    made: bool
    n_train: int
    n_dev: int
    n_test: int
    n_clusters: int
    longest: int
    near_duplicates: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeScore:
    """A score of the test sequences and its 95 % bootstrap interval over them."""

    name: str
    value: float
    interval: OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedArm:
    """A linear probe of one arm on one task.

    Attributes
    ----------
    task, arm, arm_label : str
    kind : {"encoder", "baseline", "untrained"}
    fingerprint : str or None
        Of the encoder's setting; None of what is no encoder.
    layer : int or None
        Hidden layer; None where there are none.
    pooling : str or None
    hidden_dim : int
    control : str or None
        The untrained arm that this trained one is held against.
    choice : float
        Penalty (pseudocount) that dev chose; the median over the classes of a multi-label task.
    scores : tuple of ProbeScore
        The first is what is tested: AUROC, or the correlation of values.
    chance : float
        Of the first score.
    interval : tuple of float
        95 %, of the first score less chance, by the sequences' influence.
    p, p_corrected : float
        One-sided against chance; corrected by max-T over all tasks and arms.
    """

    task: str
    arm: str
    arm_label: str
    kind: ProbeArmKind
    fingerprint: str | None
    layer: int | None
    pooling: str | None
    hidden_dim: int
    control: str | None
    choice: float
    scores: tuple[ProbeScore, ...]
    chance: float
    interval: Interval
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeDifference:
    """First score of one arm less that of another on the same test sequences.

    Attributes
    ----------
    question : {"training", "kmers"}
        Trained less its untrained twin; any arm less the k-mer spectrum.
    p, p_corrected : float
        Two-sided; corrected by max-T over all tasks and arms of the question.
    """

    task: str
    question: Literal["training", "kmers"]
    first: str
    second: str
    first_label: str
    second_label: str
    difference: float
    interval: Interval
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """``experiments/probe.json``.

    Attributes
    ----------
    tasks : tuple of ProbedTask
    arms : tuple of ProbedArm
        Every arm on every task.
    differences : tuple of ProbeDifference
    n_permutations, n_bootstrap : int
    left_out : tuple of str
        Encoders and tasks that took no part, in sentences.
    """

    tasks: tuple[ProbedTask, ...]
    arms: tuple[ProbedArm, ...]
    differences: tuple[ProbeDifference, ...]
    n_permutations: int
    n_bootstrap: int
    left_out: tuple[str, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row an arm on every task with all of its scores, and one a difference of two."""
        return long_tables(
            probes=[cells(one) | {score.name: score.value for score in one.scores} for one in self.arms],
            probe_differences=[cells(one) for one in self.differences],
        )
