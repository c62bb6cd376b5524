"""Stretches of a gene that are cut into windows: exons, gene bodies, promoters, and their tiles."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from encoders.errors import InputError
from encoders.genome.haplotypes.consensus import Edit
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference

Unit = Literal["exon", "gene", "promoter"]


class Region(NamedTuple):
    """An exon, gene body or promoter; ``exon`` is its rank from the 5' end, 0 where it is no exon."""

    interval: Interval
    exon: int


class Tile(NamedTuple):
    """One window inside a region, counted from the region's first base on the plus strand, half-open."""

    start: int
    end: int


def check_unit(unit: str) -> None:
    """Refuse a unit that does not exist.

    Raises
    ------
    InputError
    """
    if unit not in get_args(Unit):
        raise InputError(f"The unit of windows must be one of {', '.join(get_args(Unit))}; got {unit!r}: choose one.")


def make_regions(gene: Gene, unit: Unit, promoter_flank: int, reference: Reference) -> tuple[Region, ...]:
    """What a unit means for one gene, 5' to 3'.

    Parameters
    ----------
    gene : Gene
    unit : {"exon", "gene", "promoter"}
        A promoter is the transcription start +- ``promoter_flank`` bases, cut off at the ends of the contig.
    promoter_flank : int
        In bases.
    reference : Reference
        Knows where contigs end.
    """
    body = gene.interval
    if unit == "exon":
        return tuple(Region(exon, rank) for rank, exon in enumerate(gene.exons, start=1))
    if unit == "gene":
        return (Region(body, 0),)
    start = body.end if body.strand == "-" else body.start
    last = reference.contigs[reference.resolve(body.chrom)]
    promoter = Interval(body.chrom, max(0, start - promoter_flank), min(last, start + promoter_flank), body.strand)
    return (Region(promoter, 0),)


def make_tiles(interval: Interval, window: int) -> tuple[Tile, ...]:
    """Windows of a region from its 5' end; the last may be shorter.

    Examples
    --------
    >>> from encoders.genome.intervals import Interval
    >>> from encoders.genome.windows.regions import make_tiles
    >>> make_tiles(Interval("20", 100, 110, "-"), 4)
    (Tile(start=6, end=10), Tile(start=2, end=6), Tile(start=0, end=2))
    """
    length = len(interval)
    steps = range(0, length, window)
    if interval.strand == "-":
        return tuple(Tile(max(0, length - step - window), length - step) for step in steps)
    return tuple(Tile(step, min(step + window, length)) for step in steps)


def split_edit(edit: Edit, tiles: Sequence[Tile]) -> tuple[tuple[int, Edit], ...]:
    """Number of every tile that an edit touches, with its part there in coordinates of the tile.

    Letters replace reference bases one by one; what an allele has beyond its REF belongs to the last base it replaces,
    or to the base before an insertion; what it lacks is removed from whichever tile holds it.
    """
    window = max(tiles[0].end - tiles[0].start, tiles[-1].end - tiles[-1].start)
    backwards = tiles[0].start > tiles[-1].start
    length = tiles[0].end if backwards else tiles[-1].end
    first, last = min(edit.start, edit.end - 1), edit.end - 1
    numbers = sorted((length - 1 - base if backwards else base) // window for base in (first, last))
    return tuple((number, _clip(edit, tiles[number])) for number in range(numbers[0], numbers[1] + 1))


def _clip(edit: Edit, tile: Tile) -> Edit:
    n_replaced = edit.end - edit.start
    if n_replaced == 0:
        return Edit(edit.start - tile.start, edit.end - tile.start, edit.text)
    start, end = max(edit.start, tile.start), min(edit.end, tile.end)
    text = edit.text[:n_replaced][start - edit.start : end - edit.start]
    beyond = edit.text[n_replaced:] if end == edit.end else ""
    return Edit(start - tile.start, end - tile.start, text + beyond)
