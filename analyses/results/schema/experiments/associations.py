"""Parts of ``experiments/associate.json``: held-out scores beside outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OMITTED_IF_NONE, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociatedOutcome:
    """What scores were held against.

    Attributes
    ----------
    column : str
    kind : {"binary", "multiclass", "ordinal", "continuous", "time"} or None
        None where it could not be told.
    contrasts : tuple of str
        ``sex: M against F``; one for every class of several, against all others.
    n_subjects, n_missing : Count
        Who has it, and who does not.
    n_events : Count or None
        Of a time.
    undefined : dict of str to str
        Contrasts that could not be tested, and why; of an outcome some of whose contrasts could.
    reason : str or None
        Why it is held against nothing.
    n_decided : dict of str to Count, optional
        Of contrasts of which covariates decide it for some subjects, such as a site of one sex: how many, who tell
        nothing of any score.
    """

    column: str
    kind: str | None
    contrasts: tuple[str, ...]
    n_subjects: Count
    n_missing: Count
    n_events: Count | None
    undefined: dict[str, str]
    reason: str | None
    n_decided: Annotated[dict[str, Count] | None, OMITTED_IF_NONE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One score and one outcome, confounds and folds held fixed.

    Attributes
    ----------
    arm, arm_label, view, role
        As of an alignment.
    component : int
        From 1.
    score : {"genes", "brain", "average", "product"}
    contrast : str
        Of the outcome.
    column : str
    measure : str
        ``partial correlation``, ``partial rank correlation``, ``odds ratio`` or ``hazard ratio``; ratios are those of
        one standard deviation of the score.
    value : float or None
    interval : tuple of float, or None
        95 %, for this association alone; None where none is valid.
    p_model : float or None
        Of the model's own t or Wald test.
    p, p_max_t, q : float or None
        Two-sided permutation p; corrected over all associations of views of one role by max-T; Benjamini-Hochberg's
        false discovery rate over the same.
    reason : str or None
        Why there is no value; there may be a p all the same, since a test of no effect needs no estimate of one.
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    component: int
    score: str
    contrast: str
    column: str
    measure: str
    value: float | None
    interval: Interval | None
    p_model: float | None
    p: float | None
    p_max_t: float | None
    q: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateResult:
    """``experiments/associate.json``.

    Attributes
    ----------
    outcomes : tuple of AssociatedOutcome
    adjusted_for : tuple of str
        Confounds, beside which every fold has its own mean.
    associations : tuple of Association
    n_permutations : int
    detectable : float or None
        Partial correlation that 80 % of such studies find after max-T; None where nothing was tested.
    """

    outcomes: tuple[AssociatedOutcome, ...]
    adjusted_for: tuple[str, ...]
    associations: tuple[Association, ...]
    n_permutations: int
    detectable: float | None
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a score and outcome."""
        return long_tables(associations=[cells(one) for one in self.associations])
