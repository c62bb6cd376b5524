"""Reference windows of the panel: their codons, their pieces by several tokenizers, all of it in shuffles as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from encoders.dna.pieces import PieceReader, PositionWeights, base_codes, count_cuts, shuffle_dinucleotides
from encoders.genome.annotation.codons import codon_places
from encoders.genome.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyses.genome.windows import Genome
    from analyses.progress import Advance
    from encoders.genome.annotation.panel import Panel
    from encoders.genome.windows.haplotype_windows import WindowTable

FLANK = 10_000
"""Bases around a gene from which pieces are learnt."""

MOST_LEARNT = 1_000_000


@dataclass(frozen=True)
class ReferenceWindow:
    """A window of the reference in the orientation of its gene.

    Attributes
    ----------
    index, gene : int
        Into the windows of the table, and its genes.
    sequence : str
    places : int8 [n_bases]
        Place of every base within its codon, -1 where it does not code.
    """

    index: int
    gene: int
    sequence: str
    places: np.ndarray


@dataclass
class PieceTable:
    """Counts in the reference (row 0) and its shuffles.

    Attributes
    ----------
    pieces : dict of reader to int64 [1 + n_shuffles, n_tokens]
    boundaries, cut : dict of reader to int64 [1 + n_shuffles, n_genes]
        Of readers whose pieces lie side by side.
    matches : int64 [1 + n_shuffles, n_motifs]
    within : dict of reader to int64 [n_tokens, n_motifs]
        Places of each piece in the reference that a match covers whole.
    """

    pieces: dict[str, np.ndarray] = field(default_factory=dict)
    boundaries: dict[str, np.ndarray] = field(default_factory=dict)
    cut: dict[str, np.ndarray] = field(default_factory=dict)
    matches: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    within: dict[str, np.ndarray] = field(default_factory=dict)


def reference_windows(table: WindowTable, panel: Panel) -> list[ReferenceWindow]:
    """Every window of the reference that has bases."""
    coding = {gene.gene_id: gene.coding for gene in panel.genes}
    found = []
    for index, gene in enumerate(table.gene_index.tolist()):
        place = Interval(table.chrom[index], int(table.start[index]), int(table.end[index]), table.strand[index])
        sequence = table.sequences[table.reference_index[index]]
        if len(sequence) == len(place):
            places = codon_places(place, coding[table.gene_ids[gene]])
            found.append(ReferenceWindow(index, gene, sequence, places))
    return found


def outside_windows(genome: Genome, table: WindowTable) -> Iterator[str]:
    """Reference bases in and around the genes that lie in no window: introns and flanks."""
    taken: dict[str, list[tuple[int, int]]] = {}
    for chrom, start, end in zip(table.chrom, table.start.tolist(), table.end.tolist(), strict=True):
        taken.setdefault(chrom, []).append((start, end))
    n_left = MOST_LEARNT
    for gene in genome.panel.genes:
        body = gene.interval
        last = genome.reference.contigs[genome.reference.resolve(body.chrom)]
        at, end = max(0, body.start - FLANK), min(last, body.end + FLANK)
        for start, stop in [*sorted(taken[body.chrom]), (end, end)]:
            upto = min(start, end, at + n_left)
            if at < upto:
                yield genome.reference.fetch(Interval(body.chrom, at, upto))
                n_left -= upto - at
            at = max(at, stop)
        taken[body.chrom].append((max(0, body.start - FLANK), end))  # neighbours share their flanks


def count_in_shuffles(
    windows: Sequence[ReferenceWindow],
    readers: Sequence[PieceReader],
    motifs: Mapping[PositionWeights, int],
    background: np.ndarray,
    *,
    n_genes: int,
    n_shuffles: int,
    rng: np.random.Generator,
    progress: Advance,
) -> PieceTable:
    """Count pieces, cut codons and matches of motifs, in the reference windows and in shuffles of each.

    Parameters
    ----------
    motifs : mapping of PositionWeights to int
        With their thresholds.
    background : float64 [4]
        Shares of A, C, G, T.
    """
    n_rows, table = n_shuffles + 1, PieceTable()
    table.matches = np.zeros((n_rows, len(motifs)), dtype=np.int64)
    for reader in readers:
        table.pieces[reader.name] = np.zeros((n_rows, len(reader.texts)), dtype=np.int64)
        table.within[reader.name] = np.zeros((len(reader.texts), len(motifs)), dtype=np.int64)
        if not reader.overlap:
            table.boundaries[reader.name] = np.zeros((n_rows, n_genes), dtype=np.int64)
            table.cut[reader.name] = np.zeros((n_rows, n_genes), dtype=np.int64)
    for done, window in enumerate(windows, start=1):
        rows = [window.sequence, *shuffle_dinucleotides(window.sequence, n_shuffles, rng)]
        covered = _count_matches(table, rows, motifs, background)
        for reader in readers:
            _count_pieces(table, reader, window, rows, covered)
        progress(done, len(windows))
    return table


def _count_pieces(
    table: PieceTable, reader: PieceReader, window: ReferenceWindow, rows: Sequence[str], covered: np.ndarray
) -> None:
    """Add the pieces of one window; those of the reference also where a match covers them."""
    counts = table.pieces[reader.name]
    for row, sequence in enumerate(rows):
        ids, starts = reader.read(sequence)
        counts[row] += np.bincount(ids, minlength=counts.shape[1])
        if not reader.overlap:
            n_boundaries, n_cut = count_cuts(window.places, starts)
            table.boundaries[reader.name][row, window.gene] += n_boundaries
            table.cut[reader.name][row, window.gene] += n_cut
        if row == 0 and covered.size:
            before = np.hstack([np.zeros((len(covered), 1), dtype=np.int64), covered.cumsum(axis=1)])
            ends = starts + reader.lengths[ids]
            whole = before[:, ends] - before[:, starts] == reader.lengths[ids]
            np.add.at(table.within[reader.name], ids, whole.T)


def _count_matches(
    table: PieceTable, rows: Sequence[str], motifs: Mapping[PositionWeights, int], background: np.ndarray
) -> np.ndarray:
    """Add the matches of one window; bases of the reference that each motif covers, bool [n_motifs, n_bases]."""
    codes = base_codes(rows) if motifs else np.zeros((0, 0), dtype=np.int8)
    covered = np.zeros((len(motifs), len(rows[0])), dtype=bool)
    for number, (motif, threshold) in enumerate(motifs.items()):
        hits = motif.hits(codes, background, threshold)
        table.matches[:, number] += hits.sum(axis=1)
        for start in np.flatnonzero(hits[0]):
            covered[number, start : start + motif.width] = True
    return covered
