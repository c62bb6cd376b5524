"""Collects the windows of one region after another; memory grows with what differs from the reference."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Int32, Int64

from encoders.genome.annotation.panel import Panel
from encoders.genome.haplotypes.alleles import MissingPolicy, UnphasedPolicy, ploidy_of
from encoders.genome.haplotypes.consensus import Edit
from encoders.genome.haplotypes.haplotype_sequences import apply_edits
from encoders.genome.haplotypes.patterns import Pattern, find_patterns, records_at_once
from encoders.genome.haplotypes.phase_sets import follow_phase_sets
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.sequences import AMBIGUITY, reverse_complement, sequence_id
from encoders.genome.variants.best_guess import CALLED, UNCERTAIN
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.windows.callable_regions import CallableRegions, OutsidePolicy, keep_inside, mask_outside
from encoders.genome.windows.regions import Region, Tile, make_tiles, split_edit
from encoders.genome.windows.table import WindowTable

SUBJECTS_AT_ONCE = 50_000
"""Of files that keep subjects apart. Where a record is decoded for all, it is read once, with all of them."""

_MASK = str.maketrans(dict.fromkeys(AMBIGUITY, "N"))


class WindowCutter:
    """Turns the edits of one region into window sequences; each set of edits of a window is spelled once.

    Parameters
    ----------
    raw : str
        Reference of the region, plus strand. Its ambiguity codes become N.
    tiles : tuple of Tile
    interval : Interval
        The region, with the strand in which windows are written.
    index_of : dict of str to int
        Number of every distinct sequence so far; added to.
    codes : bool
        Whether a policy writes ambiguity codes, which then stay.
    """

    def __init__(
        self, raw: str, tiles: tuple[Tile, ...], interval: Interval, index_of: dict[str, int], *, codes: bool
    ) -> None:
        self.tiles = tiles
        self.interval = interval
        self._masked = raw.translate(_MASK)
        self._codes = codes
        self._index_of = index_of
        self._parts: dict[Edit, tuple[tuple[int, Edit], ...]] = {}
        self._known: dict[tuple[int, tuple[Edit, ...]], int] = {}
        self.reference = [self._number(number, ()) for number in range(len(tiles))]

    def cut(self, edits: tuple[Edit, ...]) -> Iterator[tuple[int, int]]:
        """Windows that these edits change, each with the index of its new sequence."""
        touched: dict[int, tuple[Edit, ...]] = {}
        for edit in edits:
            if edit not in self._parts:
                self._parts[edit] = split_edit(edit, self.tiles)
            for number, part in self._parts[edit]:
                touched[number] = (*touched.get(number, ()), part)
        for key in touched.items():
            if key not in self._known:
                self._known[key] = self._number(*key)
            if self._known[key] != self.reference[key[0]]:
                yield key[0], self._known[key]

    def _number(self, number: int, edits: tuple[Edit, ...]) -> int:
        tile = self.tiles[number]
        sequence = apply_edits(self._masked[tile.start : tile.end], edits)
        identity = self.identify(sequence if self._codes else sequence.translate(_MASK), number)
        return self._index_of.setdefault(identity, len(self._index_of))

    def identify(self, sequence: str, number: int) -> str:
        """What makes two windows one: their letters in the orientation of the gene."""
        return reverse_complement(sequence) if self.interval.strand == "-" else sequence


class WindowBuilder:
    """Windows of every haplotype of some subjects.

    Parameters
    ----------
    subjects : tuple of str
    reference : Reference
    variants : VariantFiles
    unphased, missing : str
        Policies (:func:`encoders.genome.haplotypes.alleles.choose_alleles`).
    """

    cutter: type[WindowCutter] = WindowCutter

    def __init__(
        self,
        subjects: tuple[str, ...],
        reference: Reference,
        variants: VariantFiles,
        *,
        unphased: UnphasedPolicy,
        missing: MissingPolicy,
    ) -> None:
        self.subjects = subjects
        self.reference = reference
        self.variants = variants
        self.unphased: UnphasedPolicy = unphased
        self.missing: MissingPolicy = missing
        self.ploidy = ploidy_of(unphased)
        self.callable: CallableRegions | None = None
        self.masking = False
        self.index_of: dict[str, int] = {}
        self.events: Counter[str] = Counter()
        self._row_of = {subject: row for row, subject in enumerate(subjects)}
        self._windows: list[tuple[int, int, int, Interval, int]] = []
        self._entries: list[tuple[Int64[np.ndarray, " n_entries"], Int32[np.ndarray, " n_entries"]]] = []
        self._genes_with_records: set[int] = set()

    def limit(self, regions: CallableRegions, outside: OutsidePolicy) -> None:
        """Mark what lies outside these regions, and hide it under the policy "N"."""
        self.callable, self.masking = regions, outside == "N"

    def add(self, region: Region, *, gene: int, window: int) -> None:
        """Windows of one region, in every subject."""
        interval = region.interval
        raw = self.reference.fetch(interval)
        inside = self._inside(interval)
        shown = raw if inside is None or not self.masking else mask_outside(raw, inside)
        tiles = make_tiles(interval, window)
        cutter = self.cutter(shown, tiles, interval, self.index_of, codes="iupac" in self.unphased)
        self.events["ambiguous_reference_base"] += sum(map(raw.count, AMBIGUITY))
        for rank, (tile, index) in enumerate(zip(cutter.tiles, cutter.reference, strict=True), start=1):
            place = Interval(interval.chrom, interval.start + tile.start, interval.start + tile.end, interval.strand)
            self._windows.append((gene, region.exon, rank, place, index))
        carriers: list[list[tuple[Int64[np.ndarray, " n_carriers"], int]]] = [[] for _ in tiles]
        for haplotypes, pattern in self._patterns(interval, raw, gene, tiles):
            edits = pattern.edits
            if inside is not None:
                edits = keep_inside(edits, inside)
                self.events["outside_callable_allele"] += (len(pattern.edits) - len(edits)) * len(haplotypes)
            for number, index in cutter.cut(edits if self.masking else pattern.edits):
                self.events["emptied_window"] += len(haplotypes) * (index == self.index_of.get(""))
                carriers[number].append((haplotypes, index))

        self._entries += map(_row, carriers)

    def _inside(self, interval: Interval) -> Bool[np.ndarray, " n_bases"] | None:
        if self.callable is None:
            return None
        inside = self.callable.inside(interval)
        self.events["outside_callable_base"] += int((~inside).sum())
        return inside

    def _patterns(
        self, interval: Interval, sequence: str, gene: int, tiles: tuple[Tile, ...]
    ) -> Iterator[tuple[Int64[np.ndarray, " n_carriers"], Pattern]]:
        """Patterns of alleles with their carriers among all haplotypes, some records at a time."""
        at_once = SUBJECTS_AT_ONCE if self.variants.subjects_apart else len(self.subjects)
        for batch in range(0, len(self.subjects), at_once):
            subjects = self.subjects[batch : batch + at_once]
            for members, chunks in self.variants.stream(interval, subjects, n_records=records_at_once(len(subjects))):
                self._genes_with_records.add(gene)
                windows = [(interval.start + tile.start, interval.start + tile.end) for tile in tiles]
                followed = follow_phase_sets(
                    self._counted(chunks, first=not batch), windows, unphased=self.unphased, events=self.events
                )
                rows = self._rows(members)
                for pattern in find_patterns(
                    sequence, interval.start, followed, unphased=self.unphased, missing=self.missing
                ):
                    self.events.update(pattern.events)
                    columns, copies = np.divmod(pattern.haplotypes, self.ploidy)
                    yield rows[columns] * self.ploidy + copies, pattern

    def _rows(self, members: tuple[str, ...]) -> Int64[np.ndarray, " n_members"]:
        if members == self.subjects:  # the same for every region: no subject is looked up
            return np.arange(len(members))
        return np.array([self._row_of[subject] for subject in members], dtype=np.int64)

    def _counted(self, chunks: Iterable[GenotypeBlock], *, first: bool) -> Iterator[GenotypeBlock]:
        """Chunks, counted on the way; what is counted by record only among the first subjects."""
        for chunk in chunks:
            self.events["repeated_record"] += chunk.n_repeated if first else 0
            one, other = chunk.alleles[..., 0], chunk.alleles[..., 1]
            missing = (one < 0) | (other < 0)
            self.events["missing_genotype"] += int(missing.sum())
            self.events["unphased_heterozygote"] += int(((one != other) & ~missing & ~chunk.phased).sum())
            if chunk.guessed is not None:
                self.events["best_guess_genotype"] += int((chunk.guessed != CALLED).sum())
                self.events["uncertain_best_guess"] += int((chunk.guessed == UNCERTAIN).sum())
            yield chunk

    def finish(self, panel: Panel, settings: dict[str, str]) -> WindowTable:
        """The table of all regions added."""
        self.events["gene_without_records"] = len(panel.genes) - len(self._genes_with_records)
        gene, exon, rank, places, reference = zip(*self._windows, strict=True)
        lengths = np.array([len(place) for place in places], dtype=np.float64)
        gene_index = np.array(gene, dtype=np.int32)
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
            indptr=np.cumsum([0, *(len(haplotypes) for haplotypes, _ in self._entries)], dtype=np.int64),
            haplotype_index=np.concatenate([haplotypes for haplotypes, _ in self._entries]),
            sequence_index=np.concatenate([indices for _, indices in self._entries]),
            ploidy=self.ploidy,
            events={event: count for event, count in sorted(self.events.items()) if count},
            settings=settings,
        )


def _row(
    carriers: list[tuple[Int64[np.ndarray, " _"], int]],
) -> tuple[Int64[np.ndarray, " n_entries"], Int32[np.ndarray, " n_entries"]]:
    """Non-reference entries of one window, by haplotype."""
    haplotypes = np.concatenate([np.empty(0, np.int64), *(haplotypes for haplotypes, _ in carriers)])
    indices = np.repeat([index for _, index in carriers], [len(haplotypes) for haplotypes, _ in carriers])
    order = np.argsort(haplotypes)
    return haplotypes[order], indices.astype(np.int32)[order]
