"""REF of every record against the reference, before anything is built on them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice, pairwise

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel
from encoders.genome.contigs import check_autosome
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import Site, VariantFiles

_CHANCE = 0.35
"""Unrelated sequence matches about one base in four (an off-by-one 0.23-0.26, a wrong build 0.24)."""


_PIECES, _FEWEST = 16, 8

Agreement = tuple[bool, bool, bool]
"""Whether REF spells the reference at its position, one base before and one base after."""


@dataclass(frozen=True)
class ReferenceAgreement:
    """How many REF alleles of the panel's records spell the reference.

    Parameters
    ----------
    n_records, n_matching : int
        Records of all files, and those that agree with the FASTA.
    n_bases : int
        Bases of all REF alleles.
    """

    n_records: int
    n_matching: int
    n_bases: int

    @property
    def share(self) -> float:
        return self.n_matching / self.n_records

    def to_dict(self) -> dict[str, float]:
        return asdict(self) | {"share": self.share}


def check_reference_alleles(
    reference: Reference,
    variants: VariantFiles,
    panel_or_intervals: Panel | Sequence[Interval],
    *,
    minimum: float = 0.999,
) -> ReferenceAgreement:
    """Compare REF with the reference for every record of a panel.

    Parameters
    ----------
    reference : Reference
    variants : VariantFiles
    panel_or_intervals : Panel or sequence of Interval
        Gene bodies of the panel, or places.
    minimum : float
        Smallest share of records that must agree.

    Returns
    -------
    ReferenceAgreement

    Raises
    ------
    InputError
        If fewer agree: the message names the first offending record and the likely cause (positions shifted by one,
        another genome build); also if a contig is in the variants and not in the reference, or the other way round.
    """
    panel = panel_or_intervals
    intervals = [gene.interval for gene in panel.genes] if isinstance(panel, Panel) else list(panel)
    return judge_agreement(compare_reference_alleles(reference, variants, intervals), intervals, minimum=minimum)


def compare_reference_alleles(
    reference: Reference, variants: VariantFiles, intervals: Sequence[Interval]
) -> dict[tuple[str, Site], Agreement]:
    """For each record of these places, by contig and site, whether its REF spells the reference.

    Raises
    ------
    InputError
        If a contig is in the variants and not in the reference, or the other way round.
    """
    agreement: dict[tuple[str, Site], Agreement] = {}
    for interval in intervals:
        agreement |= _compare(reference, variants, interval)
    return agreement


def judge_agreement(
    agreement: dict[tuple[str, Site], Agreement], intervals: Sequence[Interval], *, minimum: float = 0.999
) -> ReferenceAgreement:
    """Count what was compared, perhaps part by part, and refuse too small a share (:func:`check_reference_alleles`).

    Parameters
    ----------
    agreement : dict
        Of :func:`compare_reference_alleles`; dictionaries of several parts are joined.
    intervals : sequence of Interval
        The places compared, for the message.
    minimum : float
        Smallest share of records that must agree.

    Raises
    ------
    InputError
        If there is no record, or fewer agree.
    """
    if not agreement:
        raise InputError(
            f"The variant files need records in the panel; they have none in {len(intervals)} places (first "
            f"{intervals[0]}): check that annotation and variants are of one build and region."
        )
    offending = [record for record, (exact, _, _) in agreement.items() if not exact]
    n_bases = sum(len(site.ref) for _, site in agreement)
    report = ReferenceAgreement(len(agreement), len(agreement) - len(offending), n_bases)
    if report.share < minimum:
        contig, site = min(offending)
        raise InputError(
            f"REF must spell the reference for a share of at least {minimum} of the records; {report.n_matching} of "
            f"{report.n_records} do (first that does not: {contig}:{site.position + 1} {site.ref}), "
            f"{_cause(agreement)}."
        )
    return report


def check_build(reference: Reference, variants: VariantFiles, chrom: str) -> None:
    """Hold records spread over a contig against the reference: a region without records tells nothing of its build.

    The first records of the contig and the first of each sixteenth of it are looked at, where the reference has bases.

    Parameters
    ----------
    reference : Reference
    variants : VariantFiles
    chrom : str

    Raises
    ------
    InputError
        If most of at least eight records do not spell the reference.
    """
    contig = reference.resolve(chrom)
    length = reference.contigs[contig]
    bounds = [length * number // _PIECES for number in range(_PIECES + 1)]
    pieces = [Interval(chrom, start, end) for start, end in pairwise(bounds) if start < end]
    sites = [*islice(variants.sites(Interval(chrom, 0, length)), _FEWEST)]
    sites += [site for piece in pieces for site in islice(variants.sites(piece), 1)]
    places = {Interval(chrom, site.position, site.position + 1) for site in sites if 0 <= site.position < length}
    told = [place for place in places if reference.fetch(place) != "N"]
    agreement = compare_reference_alleles(reference, variants, told)
    n_exact = sum(exact for exact, _, _ in agreement.values())
    if len(agreement) >= _FEWEST and n_exact < len(agreement) / 2:
        raise InputError(
            f"REF must spell the reference; {n_exact} of {len(agreement)} records spread over {chrom} do, "
            f"{_cause(agreement)}."
        )


def _compare(reference: Reference, variants: VariantFiles, interval: Interval) -> dict[tuple[str, Site], Agreement]:
    contig = reference.resolve(interval.chrom)
    check_autosome(contig, str(interval), reference.contigs[contig])
    sites = set(variants.sites(interval))
    if not sites:
        return {}
    start = max(0, min(site.position for site in sites) - 1)
    end = min(reference.contigs[contig], max(site.position + len(site.ref) for site in sites) + 1)
    sequence = reference.fetch(Interval(contig, start, end))

    def spells(site: Site, shift: int) -> bool:
        first = site.position + shift - start
        return first >= 0 and sequence[first : first + len(site.ref)] == site.ref

    return {(contig, site): (spells(site, 0), spells(site, -1), spells(site, 1)) for site in sites}


def _cause(agreement: dict[tuple[str, Site], Agreement]) -> str:
    n = len(agreement)
    exact, before, after = (sum(column) for column in zip(*agreement.values(), strict=True))
    if max(before, after) > 0.9 * n:
        return (
            f"but {max(before, after)} do one base {'earlier' if before > after else 'later'}: the positions are off "
            "by one; POS must count from 1"
        )
    if exact < _CHANCE * n:
        return (
            "as by chance: the variants are of another genome build than the FASTA; give the FASTA of the variants' "
            "build or lift the variants over"
        )
    return "so some records belong to another build or are damaged: repair them with bcftools norm --check-ref"
