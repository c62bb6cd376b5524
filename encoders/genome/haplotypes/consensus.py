"""The consensus rules: which records of a haplotype apply, and what each does to the reference.

The rules are those of ``bcftools consensus`` 1.24 (Danecek et al. 2021, doi:10.1093/gigascience/giab008), except that
``*`` changes nothing, ``/0/1`` of VCF 4.4 is unphased (bcftools takes it for phased where codes are written), bases in
small letters are those in capitals (bcftools does not anchor them), ``<DEL>`` without END, other symbolic alleles and
breakends stop, and REF is checked in full.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from encoders.errors import InputError
from encoders.genome.haplotypes.alleles import HOMOZYGOUS_REFERENCE, MISSING, unpack_pair
from encoders.genome.sequences import AMBIGUITY
from encoders.genome.variants.genotypes import DELETION, GenotypeBlock, deleted_length, lengths_in_doubt

_BASES = {base: frozenset(base) for base in "ACGT"} | {code: frozenset(bases) for code, bases in AMBIGUITY.items()}
_BASES["N"] = frozenset("ACGT")
_CODES = {bases: code for code, bases in _BASES.items()}
_REFERENCE_BLOCKS = {"<*>", "<NON_REF>"}
_NOWHERE = -1_000_000_000


class Edit(NamedTuple):
    """Reference bases [start, end) of a region, counted from its first base, become ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one allele of one record does if no earlier record stands in its way.

    Parameters
    ----------
    position : int
        First base of REF, from the region's first base; negative where the record starts before the region.
    frozen : int
        Last reference base it claims.
    edit : Edit, optional
        None where the reference stays.
    reference : bool
        A called reference: it claims whatever of its bases is still free.
    anchored : bool
        An insertion or deletion that leaves its first base alone: it may follow a record that ends on that base.
    insertion : bool
        Longer than what it replaces: nothing may follow on its base.
    event : str
        Counted when it applies; empty for an ordinary record.
    error : str
        Why it cannot apply; empty if it can.
    """

    position: int
    frozen: int = _NOWHERE
    edit: Edit | None = None
    reference: bool = False
    anchored: bool = False
    insertion: bool = False
    event: str = ""
    error: str = ""


class Consensus:
    """Records of one block over one region of the reference.

    Parameters
    ----------
    sequence : str
        Reference of the region, upper case, plus strand.
    start : int
        First base of the region, from 0.
    block : GenotypeBlock
        Records that overlap the region.
    """

    def __init__(self, sequence: str, start: int, block: GenotypeBlock) -> None:
        self._sequence = sequence
        self._start = start
        self._block = block
        self._proposals: dict[tuple[int, int], Proposal | None] = {}

    def resolve(self, carried: Iterable[tuple[int, int]]) -> tuple[tuple[Edit, ...], Counter[str]]:
        """Edits of one haplotype, by position, and what happened on the way.

        Parameters
        ----------
        carried : iterable of (record, code)
            Non-reference allele codes (:mod:`encoders.genome.haplotypes.alleles`) in file order.

        Raises
        ------
        InputError
            If a record that applies does not spell the reference or has an allele that is no sequence.
        """
        edits: list[Edit] = []
        events: Counter[str] = Counter()
        frozen, after_insertion = _NOWHERE, False
        for key in carried:
            if key not in self._proposals:
                self._proposals[key] = self._propose(*key)
            if (proposal := self._proposals[key]) is None:
                events["star_allele"] += 1
                continue
            if proposal.reference:
                after_insertion &= proposal.frozen <= frozen
                frozen = max(frozen, proposal.frozen)
                continue
            position = proposal.position
            if position < frozen or (position == frozen and (after_insertion or not proposal.anchored)):
                events["overlapping_skipped"] += 1
                continue
            if proposal.error:
                raise InputError(proposal.error)
            frozen = max(frozen, proposal.frozen)
            if proposal.edit is not None:
                edits.append(proposal.edit)
                after_insertion = proposal.insertion
            if proposal.event:
                events[proposal.event] += 1
        return tuple(edits), events

    def _propose(self, record: int, code: int) -> Proposal | None:
        """None for an allele that another record already deleted (``*``)."""
        block = self._block
        position = int(block.positions[record]) - self._start
        span = int(block.info_ends[record] - block.positions[record])
        if code == HOMOZYGOUS_REFERENCE:
            last = min(position + len(block.refs[record]), len(self._sequence)) - 1
            return Proposal(position, frozen=last, reference=True)
        ref, alt = self._spell(record, code, span)
        if alt == "*":
            return None
        if (own := deleted_length(alt)) is not None:
            alt, span = DELETION, own + 1
        if alt in _REFERENCE_BLOCKS:
            return Proposal(position, frozen=position + span - 1)
        if error := self._find_error(record, position, ref, alt):
            return Proposal(position, error=error)
        if alt == DELETION:
            start, end = max(position + 1, 0), min(position + span, len(self._sequence))
            edit = Edit(min(start, end), end, "")
            return Proposal(position, frozen=end - 1, edit=edit, anchored=True, event="symbolic_deletion")
        return _substitute(position, ref, alt, len(self._sequence))

    def _spell(self, record: int, code: int, span: int) -> tuple[str, str]:
        """REF and the allele that replaces it, as letters or as a symbol."""
        ref, alts = self._block.refs[record], self._block.alts[record]
        highest = unpack_pair(code)[1] if code < MISSING else code
        if highest > len(alts):
            raise InputError(
                f"A genotype may name only alleles of its record; {self._block.describe(record)} has {len(alts)} ALT "
                f"and is called with number {highest}: repair the record."
            )
        if code > 0:
            return ref, alts[code - 1]
        if code < MISSING:
            return ref, _merge((ref, *alts), unpack_pair(code))
        if span > 1 and _REFERENCE_BLOCKS.issuperset(alts):
            return ref.ljust(span, "N"), "N" * span
        return ref[0], "N"

    def _find_error(self, record: int, position: int, ref: str, alt: str) -> str:
        item = self._block.describe(record)
        if (lengths := lengths_in_doubt(alt)) is not None:
            return (
                f"INFO/END and SVLEN of a <DEL> must say the same; {item} lacks {lengths[0]} bases by END and "
                f"{lengths[1]} by SVLEN: correct or remove one of them."
            )
        if alt == DELETION and self._block.info_ends[record] - self._block.positions[record] < 2:
            return f"A <DEL> allele needs INFO/END or SVLEN past its position; {item} has none: add one or remove it."
        if alt != DELETION and not _BASES.keys() >= set(alt):
            return (
                f"An applied allele must be letters, * or <DEL>; {item} has {alt}: leave such records out with "
                "bcftools view --exclude 'ALT~\"[<\\[\\]]\"'."
            )
        length = len(self._block.refs[record]) if len(ref) > 1 else 1
        first = max(position, 0)
        last = max(first, min(position + length, len(self._sequence)))
        here, there = self._block.refs[record][first - position : last - position], self._sequence[first:last]
        if any(a != b and (b not in AMBIGUITY or a not in AMBIGUITY[b]) for a, b in zip(here, there, strict=True)):
            return f"REF must spell the reference; {item} stands on {there}: check build and positions of the variants."
        return ""


def _substitute(position: int, ref: str, alt: str, length: int) -> Proposal:
    """Letters for letters, trimmed to a region of ``length`` bases."""
    before, anchored = -position, _is_indel(ref, alt) and ref[0] == alt[0]
    n_ref, n_alt, start = len(ref), len(alt), position
    if before >= n_ref:
        return Proposal(position)
    if 0 < before < n_alt:
        ref, alt, start = ref[before:], alt[before:], 0
    elif before > 0:
        ref, alt, start = ref[before:], "", 0
    ref = ref[: length - start]
    if n_ref > before + length:
        alt = alt[: len(ref)]
    insertion = len(alt) > len(ref)
    keep = int(alt[:1] == ref[0] if insertion else anchored and alt != "")
    return Proposal(
        position,
        frozen=start + len(ref) - 1,
        edit=Edit(start + keep, start + len(ref), alt[keep:]),
        anchored=anchored,
        insertion=insertion,
        event="trimmed" if (n_ref, n_alt) != (len(ref), len(alt)) else "",
    )


def _merge(alleles: Sequence[str], pair: tuple[int, int]) -> str:
    """One allele for two: the longest ALT, each base widened to what either allele has there."""
    spelled = [allele for allele in pair if _BASES.keys() >= set(alleles[allele])]
    alts = [allele for allele in spelled if allele > 0]
    if not alts:
        return alleles[pair[0] or pair[1]]
    length = max(len(alleles[allele]) for allele in alts)
    columns = ([alleles[allele][column : column + 1] for allele in spelled] for column in range(length))
    return "".join(_CODES[frozenset().union(*(_BASES[base] for base in column if base))] for column in columns)


def _is_indel(ref: str, alt: str) -> bool:
    """Whether two alleles differ by an insertion or a deletion alone, as htslib classifies variants."""
    shorter = min(len(ref), len(alt))
    same = next((n for n in range(shorter) if ref[n] != alt[n]), shorter)
    r, a = ref[same:], alt[same:]
    if not (r and a):
        return bool(r or a)
    while len(r) > 1 and len(a) > 1 and r[-1] == a[-1]:
        r, a = r[:-1], a[:-1]
    return (len(r) == 1) != (len(a) == 1) and r[-1] == a[-1]
