"""Parts of ``experiments/stratify.json``: coupling in strata of the cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OptionalInterval

Models = Literal["one model", "own models"]


@dataclass(frozen=True, slots=True)
class Stratum:
    """A stratum, and how many subjects are in it."""

    name: str
    n_subjects: Count


@dataclass(frozen=True, slots=True)
class StratumCoupling:
    """Held-out correlation inside a stratum, with its 95 % interval (None, None where none is valid)."""

    stratum: str
    rho: float
    interval: OptionalInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class StrataDifference:
    """Coupling of one stratum less that of another.

    Attributes
    ----------
    first, second : str
    rho : tuple of float
        Held-out correlation of the first, and of the second.
    difference : float
    interval : tuple of float or None
        95 %, for this difference alone.
    expected : float
        Mean of the difference (of Fisher's z, in its standard errors) over draws of labels: models of strata of unequal
        sizes differ without any reason.
    p, p_corrected : float
        Two-sided, by draws of labels; corrected over all differences of one kind of model and one role by max-T.
    smallest : float
        Difference that 80 % of such studies find, corrected.
    agreement : tuple of float, or None
        Of own models: correlation of both models' scores in all test subjects, of genes and of brain.
    """

    first: str
    second: str
    rho: tuple[float, float]
    difference: float
    interval: OptionalInterval
    expected: float
    p: float
    p_corrected: float
    smallest: float
    agreement: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrataFinding:
    """One arm, view and component, by one model for all or by a model for each stratum.

    Attributes
    ----------
    arm, arm_label, view, role
        As of an alignment.
    component : int
        From 1.
    models : {"one model", "own models"}
    dimensions : tuple of int, or None
        Leading components of genes and brain that own models take.
    couplings : tuple of StratumCoupling
    differences : tuple of StrataDifference
    reason : str or None
        Why there are none.
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    component: int
    models: Models
    dimensions: tuple[int, int] | None
    couplings: tuple[StratumCoupling, ...]
    differences: tuple[StrataDifference, ...]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifyResult:
    """``experiments/stratify.json``.

    Attributes
    ----------
    column : str
    strata : tuple of Stratum
    n_in_none : Count
        Subjects without a label, or with one that is not compared.
    held_fixed : tuple of str
        Confounds given which labels are drawn: those that are not made of the column itself.
    exchanged : float or None
        Share of the labels that change in a draw, of those that would if confounds told nothing of them.
    reason : str or None
        Why nothing could be compared.
    findings : tuple of StrataFinding
    n_permutations : int
    """

    column: str
    strata: tuple[Stratum, ...]
    n_in_none: Count
    held_fixed: tuple[str, ...]
    exchanged: float | None
    reason: str | None
    findings: tuple[StrataFinding, ...]
    n_permutations: int
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a stratum of every arm, view and component, and one a difference of two strata."""
        of = [(one, cells(one, column=self.column)) for one in self.findings]
        return long_tables(
            strata=[row | cells(part) for one, row in of for part in one.couplings],
            strata_differences=[
                row | {"rho_first": part.rho[0], "rho_second": part.rho[1]} | cells(part)
                for one, row in of
                for part in one.differences
            ],
        )
