"""Everything that an annotation marks, so that no background is taken from what is known."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from encoders.genome.annotation.features import add_transcripts, read_genes
from encoders.genome.intervals import Interval

Resolve = Callable[[str], str | None]
"""Name of a contig in the reference; None where it lacks it."""


@dataclass(frozen=True)
class Annotated:
    """Exons, their edges and transcription starts of every transcript of every gene.

    Parameters
    ----------
    edges : set of (contig, position, strand)
        Where exons begin and end, as positions between bases: n lies before base n, counted from 0.
    exons : dict of contig to (starts, ends)
        Merged over both strands, ascending, 0-based half-open.
    starts : dict of contig to list of int
        First bases of transcripts, ascending.
    """

    edges: set[tuple[str, int, str]] = field(default_factory=set)
    exons: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    starts: dict[str, list[int]] = field(default_factory=dict)

    def is_exonic(self, interval: Interval) -> bool:
        """Whether a stretch touches an exon on either strand."""
        begins, ends = self.exons.get(interval.chrom, ([], []))
        before = bisect_right(begins, interval.end - 1) - 1
        return before >= 0 and ends[before] > interval.start

    def is_near_start(self, interval: Interval, distance: int) -> bool:
        """Whether a transcription start lies in a stretch or nearer to it than `distance`."""
        starts = self.starts.get(interval.chrom, [])
        place = bisect_right(starts, interval.start - distance)
        return place < len(starts) and starts[place] < interval.end + distance


def read_annotated(paths: Sequence[Path], resolve: Resolve) -> Annotated:
    """Read every transcript of the files; contigs that the reference lacks are passed over.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    found = Annotated()
    exons: dict[str, list[tuple[int, int]]] = defaultdict(list)
    starts: dict[str, set[int]] = defaultdict(set)
    for path in paths:
        file = read_genes(path)
        add_transcripts(file, file.genes)
        for transcript in (one for gene in file.genes for one in gene.transcripts.values() if one.exons):
            chrom = resolve(transcript.exons[0].chrom)
            if chrom is None:
                continue
            for exon in transcript.exons:
                exons[chrom].append((exon.start, exon.end))
                found.edges.update({(chrom, exon.start, exon.strand), (chrom, exon.end, exon.strand)})
            first, last = min(one.start for one in transcript.exons), max(one.end for one in transcript.exons)
            starts[chrom].add(last - 1 if transcript.exons[0].strand == "-" else first)
    found.exons.update({chrom: _merge(parts) for chrom, parts in exons.items()})
    found.starts.update({chrom: sorted(places) for chrom, places in starts.items()})
    return found


def _merge(parts: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    begins: list[int] = []
    ends: list[int] = []
    for start, end in sorted(parts):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            begins.append(start)
            ends.append(end)
    return begins, ends
