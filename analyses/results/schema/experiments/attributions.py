"""Parts of an attribution's result: what single genes, regions and sets of genes add, given all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import OptionalInterval

Side = Literal["genes", "brain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockChange:
    """One gene or region left out.

    Attributes
    ----------
    block : str
        Gene id, or name of the region or column.
    label : str
        As shown: a gene's symbol where it is known.
    n_columns : int
        Columns left out.
    value : float
        By how much the held-out measure falls without it, averaged over the folds of all repetitions.
    interval : tuple of float or None
        95 % by the corrected resampled t; None where it is the same in all folds, and not 0.
    p : float
        One-sided: its own part exchanged between subjects, in the run's folds.
    p_fwer, q, q_any : float
        Corrected over the blocks: max-T, Benjamini & Hochberg, Benjamini & Yekutieli (any dependence).
    p_resampled : float or None
        Two-sided, by the corrected resampled t; None where `interval` is.
    loading : float or None
        In the first component of the aligned model (of several columns: their root mean square); None where an outcome
        is predicted.
    loading_rank : int or None
        1 is the largest in size.
    """

    block: str
    label: str
    n_columns: int
    value: float
    interval: OptionalInterval
    p: float
    p_fwer: float
    q: float
    q_any: float
    p_resampled: float | None
    loading: float | None
    loading_rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneSet:
    """One set of genes.

    Attributes
    ----------
    name : str
    genes : tuple of str
        Labels of its genes in the panel.
    n_listed : int
        Genes that the file lists.
    difference, p, q : float or None
        Competitive: mean z of its genes less that of the others at equal length, one-sided p, Benjamini & Hochberg over
        the sets; None where ``reason`` says why.
    reason : str or None
    value, p_self, p_self_fwer : float or None
        Self-contained: fall of the measure without all of its genes, p of their exchange, max-T over the sets; None
        where ``reason_self`` says why.
    reason_self : str or None
    """

    name: str
    genes: tuple[str, ...]
    n_listed: int
    difference: float | None
    p: float | None
    q: float | None
    reason: str | None
    value: float | None
    p_self: float | None
    p_self_fwer: float | None
    reason_self: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallestValues:
    """The smallest p and q that the design can give to one block among null ones.

    ``q_wilcoxon`` is that of a Wilcoxon test over the run's folds, which is not used; ``enough_permutations`` are the
    fewest with which q can fall below 0.05.
    """

    p: float
    q: float
    p_fwer: float
    q_wilcoxon: float
    enough_permutations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """One side of one arm and view (of an outcome: of one arm, or of one view).

    Attributes
    ----------
    side : {"genes", "brain"}
        Whose blocks are left out.
    arm, arm_label, view : str or None
    role : {"test", "negative control"} or None
        Of the view.
    measure : str
        ρ₁, AUROC or correlation.
    whole : float or None
        The held-out measure of everything, in the run's folds; None where ``reason`` says why.
    reason : str or None
        Why nothing can be attributed.
    dimensions : tuple of int
        Leading axes of this side and of the other.
    n_given : int
        Leading axes along which the other blocks are given in the test.
    n_subjects : Count
    n_folds, repeats, n_permutations : int
    smallest : SmallestValues or None
    blocks : tuple of BlockChange
        The largest change first.
    sets : tuple of GeneSet
    length_known : bool
        Whether gene length is a covariate of the sets.
    """

    side: Side
    arm: str | None
    arm_label: str | None
    view: str | None
    role: Role | None
    measure: str
    whole: float | None
    reason: str | None
    dimensions: tuple[int, ...]
    n_given: int
    n_subjects: Count
    n_folds: int
    repeats: int
    n_permutations: int
    smallest: SmallestValues | None
    blocks: tuple[BlockChange, ...]
    sets: tuple[GeneSet, ...]
    length_known: bool

    @property
    def title(self) -> str:
        """Whose blocks, of what."""
        return " × ".join(one for one in (self.arm_label, self.view) if one is not None)

    @property
    def is_tested(self) -> bool:
        """Whether it is no negative control."""
        return self.role != "negative control"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeResult:
    """``experiments/attribute.json``.

    Attributes
    ----------
    outcome : str or None
        Column that is predicted; None where the alignment is attributed.
    attributions : tuple of Attribution
    """

    outcome: str | None
    attributions: tuple[Attribution, ...]
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a block of every arm, view and side, and one a set of genes."""
        of = [(one, {"arm": one.arm or "", "view": one.view or "", "side": one.side}) for one in self.attributions]
        return long_tables(
            attribution=[
                cells(block, **row, gene=block.label, measure=one.measure) for one, row in of for block in one.blocks
            ],
            gene_sets=[cells(one_set, **row, measure=one.measure) for one, row in of for one_set in one.sets],
        )
