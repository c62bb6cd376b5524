"""Reference-anchored windows of every haplotype of a cohort."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Int32, Int64

from encoders.errors import InputError
from encoders.genome.alleles import MissingPolicy, UnphasedPolicy, check_policies, ploidy_of
from encoders.genome.annotation import Panel
from encoders.genome.consensus import Edit
from encoders.genome.haplotypes import Pattern, apply_edits, find_patterns
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.regions import Region, Tile, Unit, check_unit, make_regions, make_tiles, split_edits
from encoders.genome.sequences import AMBIGUITY, reverse_complement, sequence_id
from encoders.genome.variants import VariantFiles
from encoders.genome.window_table import WindowTable

__all__ = ["Unit", "WindowTable", "make_window_table"]

SUBJECTS_AT_ONCE = 20_000
_MASK = str.maketrans(dict.fromkeys(AMBIGUITY, "N"))


def make_window_table(
    reference: Reference,
    panel: Panel,
    variants: VariantFiles,
    *,
    subject_ids: Sequence[str] | None = None,
    unit: Unit = "exon",
    window: int = 510,
    unphased: UnphasedPolicy = "phased",
    missing: MissingPolicy = "reference",
    promoter_flank: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> WindowTable:
    """Cut every haplotype of a cohort at reference boundaries and keep each distinct sequence once.

    Records are resolved once per haplotype over each exon (or gene body, or promoter); the haplotype is then cut where
    the reference is: an inserted base belongs to the window of its anchor, a deletion across a boundary removes bases
    of both windows. Windows run from the 5' end in steps of ``window`` bases, the last may be shorter, and are
    written in the orientation of the gene.

    Parameters
    ----------
    reference : Reference
    panel : Panel
    variants : VariantFiles
    subject_ids : sequence of str, optional
        By default every sample of the variant files.
    unit : {"exon", "gene", "promoter"}
        A promoter is the transcription start +- ``promoter_flank`` bases.
    window : int
        Reference bases per window.
    unphased, missing : str
        Policies (:func:`encoders.genome.alleles.choose_alleles`).
    promoter_flank : int
        Bases on each side of the transcription start.
    progress : callable, optional
        Called with (genes done, genes in all) after every gene.

    Returns
    -------
    WindowTable

    Raises
    ------
    InputError
        If a policy, subject, contig, genotype or allele cannot be used; the message names it.
    """
    check_policies(unphased, missing)
    check_unit(unit)
    if not panel.genes or min(window, promoter_flank) < 1:
        raise InputError(
            f"windows need genes and lengths of at least 1 base; got {len(panel.genes)} genes, window {window} and "
            f"promoter_flank {promoter_flank}: correct the settings"
        )
    builder = _Builder(_check_subjects(variants, subject_ids), unphased, missing)
    for number, gene in enumerate(panel.genes):
        for region in make_regions(gene, unit, promoter_flank, reference):
            builder.add(reference, variants, region, gene=number, window=window)
        if progress is not None:
            progress(number + 1, len(panel.genes))
    settings = {"unit": unit, "window": str(window), "unphased": unphased, "missing": missing}
    settings |= {"transcript_rule": panel.transcript_rule, "release": panel.release}
    if unit == "promoter":
        settings["promoter_flank"] = str(promoter_flank)
    return builder.finish(panel, settings)


def _check_subjects(variants: VariantFiles, subject_ids: Sequence[str] | None) -> tuple[str, ...]:
    subjects = variants.samples if subject_ids is None else tuple(subject_ids)
    if unknown := sorted(set(subjects) - set(variants.samples)):
        raise InputError(
            f"every subject must be a sample of the variant files; {len(unknown)} of {len(subjects)} (first "
            f"{unknown[0]}) are not among its {len(variants.samples)}: correct the subject list"
        )
    if not subjects or len(set(subjects)) < len(subjects):
        raise InputError(
            f"subjects must be named once each, at least one; got {len(subjects)} names of {len(set(subjects))} "
            "subjects: correct the subject list"
        )
    return subjects


class _Builder:
    """Collects the windows of one region after another; memory grows with what differs from the reference."""

    def __init__(self, subjects: tuple[str, ...], unphased: UnphasedPolicy, missing: MissingPolicy) -> None:
        self.subjects = subjects
        self.row_of = {subject: row for row, subject in enumerate(subjects)}
        self.unphased: UnphasedPolicy = unphased
        self.missing: MissingPolicy = missing
        self.ploidy = ploidy_of(unphased)
        self.index_of: dict[str, int] = {}
        self.events: Counter[str] = Counter()
        self.windows: list[tuple[int, int, int, Interval, int]] = []
        self.carriers: list[list[tuple[Int64[np.ndarray, " n_carriers"], int]]] = []
        self.genes_with_records: set[int] = set()

    def add(self, reference: Reference, variants: VariantFiles, region: Region, *, gene: int, window: int) -> None:
        """Windows of one region, in every subject."""
        interval = region.interval
        raw = reference.fetch(interval)
        cutter = _Cutter(
            raw, make_tiles(interval, window), interval.strand, self.index_of, codes="iupac" in self.unphased
        )
        self.events["ambiguous_reference_base"] += sum(map(raw.count, AMBIGUITY))
        first_window = len(self.windows)
        for rank, (tile, index) in enumerate(zip(cutter.tiles, cutter.reference, strict=True), start=1):
            place = Interval(interval.chrom, interval.start + tile.start, interval.start + tile.end, interval.strand)
            self.windows.append((gene, region.exon, rank, place, index))
            self.carriers.append([])
        for haplotypes, pattern in self._patterns(variants, interval, raw, gene):
            for number, index in cutter.cut(pattern.edits):
                self.events["emptied_window"] += len(haplotypes) * (index == self.index_of.get(""))
                self.carriers[first_window + number].append((haplotypes, index))

    def _patterns(
        self, variants: VariantFiles, interval: Interval, sequence: str, gene: int
    ) -> Iterator[tuple[Int64[np.ndarray, " n_carriers"], Pattern]]:
        """Patterns of alleles with their carriers among all haplotypes, some subjects at a time."""
        for batch in range(0, len(self.subjects), SUBJECTS_AT_ONCE):
            for block in variants.fetch(interval, self.subjects[batch : batch + SUBJECTS_AT_ONCE]):
                self.genes_with_records.add(gene)
                self.events["missing_genotype"] += int((block.alleles < 0).any(axis=2).sum())
                rows = np.array([self.row_of[subject] for subject in block.subjects], dtype=np.int64)
                for pattern in find_patterns(
                    sequence, interval.start, block, unphased=self.unphased, missing=self.missing
                ):
                    self.events.update(pattern.events)
                    columns, copies = np.divmod(pattern.haplotypes, self.ploidy)
                    yield rows[columns] * self.ploidy + copies, pattern

    def finish(self, panel: Panel, settings: dict[str, str]) -> WindowTable:
        """The table of all regions added."""
        self.events["gene_without_records"] = len(panel.genes) - len(self.genes_with_records)
        gene, exon, rank, places, reference = zip(*self.windows, strict=True)
        lengths = np.array([len(place) for place in places], dtype=np.float64)
        gene_index = np.array(gene, dtype=np.int32)
        entries = [_row(carriers) for carriers in self.carriers]
        return WindowTable(
            subject_ids=self.subjects,
            gene_ids=tuple(gene.gene_id for gene in panel.genes),
            gene_index=gene_index,
            exon=np.array(exon, dtype=np.int32),
            window=np.array(rank, dtype=np.int32),
            chrom=tuple(place.chrom for place in places),
            start=np.array([place.start for place in places], dtype=np.int64),
            end=np.array([place.end for place in places], dtype=np.int64),
            strand=tuple(place.strand for place in places),
            weight=lengths / np.bincount(gene_index, weights=lengths)[gene_index],
            sequences=tuple(self.index_of),
            sequence_ids=tuple(map(sequence_id, self.index_of)),
            reference_index=np.array(reference, dtype=np.int32),
            indptr=np.cumsum([0, *(len(haplotypes) for haplotypes, _ in entries)], dtype=np.int64),
            haplotype_index=np.concatenate([haplotypes for haplotypes, _ in entries]),
            sequence_index=np.concatenate([indices for _, indices in entries]),
            ploidy=self.ploidy,
            events={event: count for event, count in sorted(self.events.items()) if count},
            settings=settings,
        )


class _Cutter:
    """Turns edits of one region into window sequences; each set of edits of a window is spelled once.

    Ambiguity codes become N, except those that ``codes`` says a policy wrote.
    """

    def __init__(
        self, raw: str, tiles: tuple[Tile, ...], strand: str, index_of: dict[str, int], *, codes: bool
    ) -> None:
        self.tiles = tiles
        self._masked = raw.translate(_MASK)
        self._strand = strand
        self._codes = codes
        self._index_of = index_of
        self._known: dict[tuple[int, tuple[Edit, ...]], int] = {}
        self.reference = [self._spell(number, ()) for number in range(len(tiles))]

    def cut(self, edits: tuple[Edit, ...]) -> Iterator[tuple[int, int]]:
        """Windows that these edits change, each with the index of its new sequence."""
        for key in split_edits(edits, self.tiles):
            if key not in self._known:
                self._known[key] = self._spell(*key)
            if self._known[key] != self.reference[key[0]]:
                yield key[0], self._known[key]

    def _spell(self, number: int, edits: tuple[Edit, ...]) -> int:
        tile = self.tiles[number]
        sequence = apply_edits(self._masked[tile.start : tile.end], edits)
        sequence = sequence if self._codes else sequence.translate(_MASK)
        oriented = reverse_complement(sequence) if self._strand == "-" else sequence
        return self._index_of.setdefault(oriented, len(self._index_of))


def _row(
    carriers: list[tuple[Int64[np.ndarray, " _"], int]],
) -> tuple[Int64[np.ndarray, " n_entries"], Int32[np.ndarray, " n_entries"]]:
    """Non-reference entries of one window, by haplotype."""
    haplotypes = np.concatenate([np.empty(0, np.int64), *(haplotypes for haplotypes, _ in carriers)])
    indices = np.repeat([index for _, index in carriers], [len(haplotypes) for haplotypes, _ in carriers])
    order = np.argsort(haplotypes)
    return haplotypes[order], indices.astype(np.int32)[order]
