"""Names of chromosomes: chr20, 20 and the accessions of chromosome 20 are one contig, M and MT are one contig."""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from encoders.errors import InputError
from encoders.genome.assemblies import chromosomes, names_by_accession, names_by_length

_CHR = re.compile(r"chr(?:om(?:osome)?)?_?(?=.)", re.IGNORECASE)
_MITOCHONDRIA = dict.fromkeys(("M", "MT", "26", "MITO", "MITOCHONDRION", "MITOCHONDRION_GENOME", "RCRS", "RSRS"), "MT")
_UNEQUAL_PLOIDY = {
    "X": "X",
    "Y": "Y",
    "23": "X",
    "24": "Y",
    "25": "XY",
    "XY": "XY",
    "PAR": "XY",
    "PAR1": "XY",
    "PAR2": "XY",
}
_UNEQUAL_PLOIDY |= _MITOCHONDRIA
_PATCH = re.compile(r"(?:CHR_)?HS(?:CHR)?(X|Y|M)(?:_.*)?|(X|Y|MT?|PAR[12]?)_.*")
"""Scaffolds beside a chromosome: CHR_HSCHRX_1_CTG3 (Ensembl), chrX_KI270880v1_alt (UCSC)."""


@cache
def contig_aliases(chrom: str) -> tuple[str, ...]:
    """Spellings of one contig, the given one first.

    An accession names one build: its aliases are the plain name and the accessions of that build, never those of
    another. A plain name may be of any build.

    Examples
    --------
    >>> from encoders.genome.contigs import contig_aliases
    >>> contig_aliases("chr20")[:4]
    ('chr20', '20', 'CM000682.1', 'NC_000020.10')
    >>> contig_aliases("NC_000020.11")
    ('NC_000020.11', '20', 'chr20', 'CM000682.2')
    >>> contig_aliases("M")[:4]
    ('M', 'chrM', 'MT', 'chrMT')
    >>> contig_aliases("scaffold_7")
    ('scaffold_7', 'chrscaffold_7')
    """
    builds = [one for one in chromosomes() if chrom in one.accessions]
    bare = builds[0].name if builds else _CHR.sub("", chrom, count=1) if _CHR.match(chrom) else chrom
    stems = (bare, {"M": "MT", "MT": "M"}[bare]) if bare in {"M", "MT"} else (bare,)
    plain = [name for stem in stems for name in (stem, f"chr{stem}")]
    same = builds or [one for one in chromosomes() if one.name in stems]
    return tuple(dict.fromkeys([chrom, *plain, *(name for one in same for name in one.accessions)]))


def find_contig(chrom: str, contigs: Iterable[str]) -> str | None:
    """The spelling of ``chrom`` among ``contigs``, itself before others; None where no alias is there.

    Raises
    ------
    InputError
        If ``chrom`` itself is not there and two of its aliases are: which one is meant cannot be known.
    """
    known = contigs if isinstance(contigs, Mapping | set | frozenset) else set(contigs)
    if chrom in known:
        return chrom
    found = [name for name in contig_aliases(chrom) if name in known]
    if len(found) > 1:
        raise InputError(
            f"A contig must be told from all others; {chrom} may be {' or '.join(found)}, which one file or set of "
            "files holds: name the contig as it is named there."
        )
    return found[0] if found else None


def list_contigs(contigs: Iterable[str]) -> str:
    """First few names for a message."""
    names = list(contigs)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"


def unequal_ploidy(chrom: str, length: int | None = None) -> str:
    """Which chromosome a contig is of those that not everyone carries twice; empty for all others.

    Parameters
    ----------
    chrom : str
        A name of any convention: ``X``, ``chrX``, ``23``, ``NC_000023.11``, ``gi|568815575|ref|NC_000023.11|``,
        ``GRCh38#0#chrX``, ``chrX_KI270880v1_alt``.
    length : int, optional
        Bases of the contig, where they are known: a chromosome of a human assembly is known by them under any name.

    Examples
    --------
    >>> from encoders.genome.contigs import unequal_ploidy
    >>> [unequal_ploidy(name) for name in ("chrX", "NC_000024.10", "chrM", "PAR1", "20", "NC_000020.11")]
    ['X', 'Y', 'MT', 'XY', '', '']
    >>> unequal_ploidy("scaffold_7", 156_040_895)
    'X'
    """
    return _unequal_by_name(chrom) or _UNEQUAL_PLOIDY.get(names_by_length().get(length or 0, ""), "")


@cache
def _unequal_by_name(chrom: str) -> str:
    for part in re.split(r"[|#]", chrom):
        name = names_by_accession().get(part.partition(".")[0], _CHR.sub("", part, count=1)).upper()
        if name in _UNEQUAL_PLOIDY:
            return _UNEQUAL_PLOIDY[name]
        if scaffold := _PATCH.fullmatch(name) or _PATCH.fullmatch(part.upper()):
            return _UNEQUAL_PLOIDY[scaffold[1] or scaffold[2]]
    parts = (_CHR.sub("", part, count=1).upper() for part in re.split(r"[|#.]", chrom))  # GRCh38.chrX, chrX.1
    return next((_UNEQUAL_PLOIDY[part] for part in parts if part.isalpha() and part in _UNEQUAL_PLOIDY), "")


def check_autosome(chrom: str, item: str, length: int | None = None) -> None:
    """Refuse chromosomes of which not everyone carries two copies.

    Parameters
    ----------
    chrom : str
    item : str
        What lies on it, for the message.
    length : int, optional
        Bases of the contig, where they are known.

    Raises
    ------
    InputError
        For X, Y, their pseudo-autosomal regions and the mitochondrion, by whatever name (:func:`unequal_ploidy`).
    """
    if sex := unequal_ploidy(chrom, length):
        by_length = "" if unequal_ploidy(chrom) else f", which has the {length:,} bases of {sex}"
        raise InputError(
            f"Haplotypes need an autosome, where every subject has two copies; {item} lies on {sex} "
            f"({chrom}{by_length}): leave it out of the panel."
        )


def check_spelling(chroms: Iterable[str], contigs: Iterable[str], *, of: str, joined: bool = False) -> None:
    """Require contigs to be spelled alike: chr20 and 20 may be two builds, and chrM and MT often are.

    Parameters
    ----------
    chroms : iterable of str
        Contigs of the panel or region.
    contigs : iterable of str
        Contigs of the file they are looked up in.
    of : str
        What that file is, for the message.
    joined : bool
        Whether it is several files, whose contigs of all spellings are read as one.

    Raises
    ------
    InputError
        If a contig is there under another spelling only, or also, where they are joined.
    """
    known = frozenset(contigs)
    for chrom in dict.fromkeys(chroms):
        others = [name for name in contig_aliases(chrom)[1:] if name in known] if joined else []
        alias = next(iter(others), find_contig(chrom, known))
        if alias is not None and alias != chrom:
            raise InputError(
                f"Contig names must agree between files; the panel or region says '{chrom}', the {of} '{alias}': if "
                "both are of one build, allow aliases (genome.contig_aliases: true, or --contig-aliases)."
            )
