"""Parts of ``experiments/variants.json``: carried alleles, what they do, which drive a component, a window mutated."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.privacy.counts import Count
from analyses.results.schema.alignments import Role
from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleEffect:
    """One allele in one gene.

    Attributes
    ----------
    key : str
        ``chrom-pos-ref-alt``, to join other tables by.
    chrom, pos, ref, alt
        As VCF writes them: ``pos`` is 1-based, alleles are those of the plus strand.
    gene : str
    exon : int
        From the 5' end; 0 where windows are not of exons.
    n_carriers, n_copies : Count
        Of the cohort; copies of few carriers are told no closer.
    shift : float
        Length by which the gene's vector moves where every copy has the allele alone.
    cosine : float or None
        Of the gene's vector with it and without; None where one has no length.
    effect : float
        On the canonical score, in its standard deviations.
    share : float or None
        Of the variance of the score, as covariance of effect times copies with it; None of few carriers, whose scores
        it would tell.
    pllr : float or None
        Pseudo-log-likelihood of the windows with the allele, less that of the reference, in nats.
    """

    key: str
    chrom: str
    pos: int
    ref: str
    alt: str
    gene: str
    exon: int
    n_carriers: Count
    n_copies: Count
    shift: float
    cosine: float | None
    effect: float
    share: float | None
    pllr: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmAlleles:
    """What the alleles do to the vectors of one arm.

    Attributes
    ----------
    arm, arm_label : str
    n_embedded : int
        Windows with one allele alone that the store lacked.
    n_silent : int
        Alleles that move nothing: their windows have the vector of the reference.
    median_shift, largest_shift : float
    largest : str
        Key of the allele that moves its gene most; empty where there is none.
    pllr_reason : str or None
        Why pseudo-log-likelihood ratios are not defined.
    """

    arm: str
    arm_label: str
    n_embedded: int
    n_silent: int
    median_shift: float
    largest_shift: float
    largest: str
    pllr_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """Alleles that make up the genes' score of one component.

    Attributes
    ----------
    arm, arm_label, view, role
        Of the alignment.
    component : int
        From 1.
    rho, p : float or None
        Held out, and corrected over components; None where it was not tested.
    additive : float
        Sum of all shares, to two digits: 1 if each allele did the same in every haplotype.
    alleles : tuple of AlleleEffect
        The largest share first, of those whose share is told; all lie in ``experiments/variants__ARM__VIEW.tsv``.
    """

    arm: str
    arm_label: str
    view: str
    role: Role
    component: int
    rho: float | None
    p: float | None
    additive: float
    alleles: tuple[AlleleEffect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedPlace:
    """A carried allele of the window: the place (0-based, in its orientation) of its first base, and its key."""

    place: int
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutagenesis:
    """Every base of one window replaced by every other.

    Attributes
    ----------
    arm, arm_label, view, gene : str
    exon, window : int
        From the 5' end, from 1.
    place : str
        chrom:first-last, 1-based.
    strand : str
    sequence : str
        Of the reference, 5' to 3' of the gene.
    effect : tuple, [4, n_bases]
        On the first canonical score of A, C, G, T at every place, as of `AlleleEffect`; 0 for the base that is there.
    carried : tuple of CarriedPlace
    """

    arm: str
    arm_label: str
    view: str
    gene: str
    exon: int
    window: int
    place: str
    strand: str
    sequence: str
    effect: tuple[tuple[float, ...], ...]
    carried: tuple[CarriedPlace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedTable:
    """A table of the user's: how many alleles it has a row for, and the columns that were added."""

    name: str
    n_matched: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantsResult:
    """``experiments/variants.json``.

    Attributes
    ----------
    n_alleles : int
        Carried, each once a gene.
    ploidy : int
        Sequences of a subject: an effect is that of one copy if 2, of carrying the allele at all if 1.
    arms : tuple of ArmAlleles
    drivers : tuple of Drivers
        Of each arm and view, component by component.
    mutagenesis : Mutagenesis or None
    mutagenesis_reason : str or None
    joined : JoinedTable or None
        The user's table; None where none was given.
    """

    n_alleles: int
    ploidy: int
    arms: tuple[ArmAlleles, ...]
    drivers: tuple[Drivers, ...]
    mutagenesis: Mutagenesis | None
    mutagenesis_reason: str | None
    joined: JoinedTable | None
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row an arm, and one an allele of every component."""
        return long_tables(
            arms_alleles=[cells(one) for one in self.arms],
            drivers=[
                cells(allele, arm=one.arm, view=one.view, role=one.role, component=one.component, rho=one.rho, p=one.p)
                for one in self.drivers
                for allele in one.alleles
            ],
        )
