"""Parts of an escalation's result: methods in subjects held out, their differences, their learning curves."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import Number, OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How often a held-out subject's partner in the other view is among the k nearest of its test fold.

    Attributes
    ----------
    k : int
        At which it is tested.
    recall, chance, null_q95 : float
        Mean of both ways; k over the subjects of a test fold; 95 % point of the permutations.
    p, p_corrected : float
    sizes : tuple of int
        Every k of the curve.
    genes_to_brain, brain_to_genes, by_chance, by_null_q95 : tuple of float
        At each of them; the last for the mean of both ways.
    """

    k: int
    recall: float
    chance: float
    null_q95: float
    p: float
    p_corrected: float
    sizes: tuple[int, ...]
    genes_to_brain: tuple[float, ...]
    brain_to_genes: tuple[float, ...]
    by_chance: tuple[float, ...]
    by_null_q95: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodScore:
    """One method on one arm and view.

    Attributes
    ----------
    arm, arm_label, view : str
    role : {"test", "negative control"}
    method, label : str
    components : tuple of int
        Leading components of genes and brain that it took.
    rho : float
        Held-out correlation of its first component.
    interval : tuple of float
        None, None where none is valid.
    rho_by_fold : tuple of float
    null_mean, null_q95 : float
    p, p_corrected : float
        One-sided, alone; corrected by max-T over all methods, arms and views of one role, correlation and retrieval.
    retrieval : Retrieval
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    method: str
    label: str
    components: tuple[int, int]
    rho: float
    interval: OptionalInterval
    rho_by_fold: tuple[float, ...]
    null_mean: float
    null_q95: float
    p: float
    p_corrected: float
    retrieval: Retrieval


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodDifference:
    """Held-out correlation of one method less that of another, on the same arm, view and folds.

    Attributes
    ----------
    arm, arm_label, view : str
    role : {"test", "negative control"}
    first, second, first_label, second_label : str
        Methods.
    difference : float
    interval : tuple of float
        None, None where none is valid.
    p, p_corrected : float
        Two-sided; corrected over the pairs of methods.
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    first: str
    second: str
    first_label: str
    second_label: str
    difference: float
    interval: OptionalInterval
    p: float
    p_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One method that learnt from a part of the training subjects.

    Attributes
    ----------
    arm, view, method, label : str
    share : float
        Of the training subjects.
    n_train : int
    rho, lowest, highest : float or None
        Mean and range over random parts of this size; None where there are too few subjects, and ``reason`` says so.
    reason : str or None
    """

    arm: str
    view: str
    method: str
    label: str
    share: Number
    n_train: int
    rho: float | None
    lowest: float | None
    highest: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndefinedPair:
    """An arm and view on which methods cannot be tested, and why."""

    arm: str
    arm_label: str
    view: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateResult:
    """``experiments/escalate.json``.

    Attributes
    ----------
    scores : tuple of MethodScore
        Every method on every arm and view; linear CCA first.
    differences : tuple of MethodDifference
    curve : tuple of CurvePoint
    undefined : tuple of UndefinedPair
    n_permutations : int
        In each of which every method was fitted anew.
    warnings : tuple of str
    """

    scores: tuple[MethodScore, ...]
    differences: tuple[MethodDifference, ...]
    curve: tuple[CurvePoint, ...]
    undefined: tuple[UndefinedPair, ...]
    n_permutations: int
    warnings: tuple[str, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a method on every arm and view, one a difference of two, one a point of the learning curve."""
        return long_tables(
            methods=[
                cells(one) | {f"retrieval_{key}": value for key, value in cells(one.retrieval).items()}
                for one in self.scores
            ],
            method_differences=[cells(one) for one in self.differences],
            learning_curve=[cells(one) for one in self.curve],
        )
