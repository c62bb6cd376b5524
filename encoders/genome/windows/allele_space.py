"""Counting distinct windows without a reference: what the records do not spell is one unknown base per position."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.builder import WindowBuilder, WindowCutter
from encoders.genome.windows.table import WindowTable

_UNKNOWN, _N_UNKNOWN = 0x10000, 0x100000
"""Code points that stand for unknown bases, above all letters; none returns within a million bases."""


class RecordedReference(Reference):
    """The reference as far as the REF alleles of variant files spell it.

    Parameters
    ----------
    variants : VariantFiles
    chroms : sequence of str
        Contigs that may be asked for.
    """

    def __init__(self, variants: VariantFiles, chroms: Sequence[str]) -> None:
        self._variants = variants
        self.paths = ()
        self.contigs = dict.fromkeys(chroms, 1 << 31)

    def fetch(self, interval: Interval) -> str:
        """REF alleles in place, an unknown base of its own at every other position.

        Raises
        ------
        InputError
            If two records spell one base differently.
        """
        bases = [chr(_UNKNOWN + offset % _N_UNKNOWN) for offset in range(len(interval))]
        for position, base, item in _recorded_bases(self._variants, interval):
            if ord(bases[position]) < _UNKNOWN and bases[position] != base:
                raise InputError(
                    f"REF must spell the reference; {item} has {base} at {interval.chrom}:"
                    f"{interval.start + position + 1}, where another record has {bases[position]}: give the FASTA, "
                    "so that the wrong one is found."
                )
            bases[position] = base
        return "".join(bases)


def _recorded_bases(variants: VariantFiles, interval: Interval) -> Iterator[tuple[int, str, str]]:
    for site in variants.sites(interval):
        first = site.position - interval.start
        for offset, base in enumerate(site.ref):
            if 0 <= first + offset < len(interval):
                yield first + offset, base, f"{interval.chrom}:{site.position + 1} {site.ref} of {site.path}"


class AlleleCutter(WindowCutter):
    """Windows told apart by place and alleles: equal ones are equal sequences, unequal ones nearly always are not."""

    def identify(self, sequence: str, number: int) -> str:
        """Digest of place and letters: windows of different places are never shared, but for emptied ones."""
        text = f"{self.interval}/{number}/{sequence}" if sequence else ""
        return text and blake2b(text.encode(), digest_size=16).hexdigest()


class AlleleBuilder(WindowBuilder):
    """Collects windows as :class:`AlleleCutter` tells them apart."""

    cutter = AlleleCutter


@dataclass(frozen=True)
class WindowCount:
    """How many windows a cohort has, and how many of them differ.

    Parameters
    ----------
    n_subjects : int
    n_windows_per_haplotype : int
        Reference windows of the panel.
    n_haplotype_windows : int
        Windows of all haplotypes.
    n_distinct_windows : int
    events : dict of str to int
    by_gene : dict of str to int
        Distinct windows of each gene.
    """

    n_subjects: int
    n_windows_per_haplotype: int
    n_haplotype_windows: int
    n_distinct_windows: int
    events: dict[str, int]
    by_gene: dict[str, int]

    @property
    def gain(self) -> float:
        """Windows in all / distinct windows."""
        return self.n_haplotype_windows / self.n_distinct_windows

    @classmethod
    def of(cls, table: WindowTable) -> "WindowCount":
        """The counts of a table."""
        return cls(
            n_subjects=table.n_subjects,
            n_windows_per_haplotype=table.n_windows,
            n_haplotype_windows=table.n_sequences_total,
            n_distinct_windows=table.n_distinct,
            events=table.events,
            by_gene=table.n_distinct_by_gene(),
        )
