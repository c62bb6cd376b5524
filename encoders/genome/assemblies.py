"""Chromosomes of the human reference assemblies: names, accessions, lengths."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).with_name("assemblies.tsv")


class Chromosome(NamedTuple):
    """One chromosome of one assembly.

    Parameters
    ----------
    assembly : str
        ``GRCh37``, ``hg19`` (only where UCSC's differs), ``GRCh38`` or ``T2T-CHM13v2.0``.
    name : str
        ``1`` to ``22``, ``X``, ``Y`` or ``MT``.
    accessions : tuple of str
        Of GenBank and RefSeq, with their versions.
    length : int
        In bases.
    """

    assembly: str
    name: str
    accessions: tuple[str, ...]
    length: int


@cache
def chromosomes() -> tuple[Chromosome, ...]:
    """All that are known, assembly by assembly.

    Examples
    --------
    >>> from encoders.genome.assemblies import chromosomes
    >>> chromosomes()[22]
    Chromosome(assembly='GRCh37', name='X', accessions=('CM000685.1', 'NC_000023.10'), length=155270560)
    """
    lines = [line for line in _TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return tuple(_parse(line) for line in lines[1:])


def _parse(line: str) -> Chromosome:
    assembly, name, *accessions, length = line.split("\t")
    return Chromosome(assembly, name, tuple(one for one in accessions if one != "-"), int(length))


@cache
def names_by_accession() -> dict[str, str]:
    """Chromosome of every accession without its version: versions are builds of one chromosome.

    Examples
    --------
    >>> from encoders.genome.assemblies import names_by_accession
    >>> names_by_accession()["NC_000023"]
    'X'
    """
    return {accession.partition(".")[0]: one.name for one in chromosomes() for accession in one.accessions}


@cache
def names_by_length() -> dict[int, str]:
    """Chromosome of every length; no two chromosomes of the assemblies share one."""
    return {one.length: one.name for one in chromosomes()}
