"""Names of chromosomes: chr20 and 20 are one contig, M and MT are one contig."""

from collections.abc import Iterable

from encoders.errors import InputError

_UNEQUAL_PLOIDY = {"X": "X", "Y": "Y", "M": "MT", "MT": "MT", "23": "X", "24": "Y", "25": "XY", "26": "MT", "XY": "XY"}


def contig_aliases(chrom: str) -> tuple[str, ...]:
    """Spellings of one contig, the given one first.

    Examples
    --------
    >>> from encoders.genome.contigs import contig_aliases
    >>> contig_aliases("chr20")
    ('chr20', '20')
    >>> contig_aliases("M")
    ('M', 'chrM', 'MT', 'chrMT')
    """
    bare = chrom.removeprefix("chr")
    stems = (bare, {"M": "MT", "MT": "M"}[bare]) if bare in {"M", "MT"} else (bare,)
    spellings = [chrom, *(name for stem in stems for name in (stem, f"chr{stem}"))]
    return tuple(dict.fromkeys(spellings))


def find_contig(chrom: str, contigs: Iterable[str]) -> str | None:
    """The spelling of ``chrom`` among ``contigs``; None where no alias is there."""
    known = set(contigs)
    return next((name for name in contig_aliases(chrom) if name in known), None)


def list_contigs(contigs: Iterable[str]) -> str:
    """First few names for a message."""
    names = list(contigs)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"


def check_autosome(chrom: str, item: str) -> None:
    """Refuse chromosomes of which not everyone carries two copies.

    Raises
    ------
    InputError
        For X, Y, their pseudo-autosomal regions and the mitochondrion.
    """
    if sex := _UNEQUAL_PLOIDY.get(chrom.removeprefix("chr").upper()):
        raise InputError(
            f"Haplotypes need an autosome, where every subject has two copies; {item} lies on {sex} ({chrom}): "
            "leave it out of the panel."
        )


def check_spelling(chroms: Iterable[str], contigs: Iterable[str], *, of: str) -> None:
    """Require contigs to be spelled alike: chr20 and 20 may be two builds, and chrM and MT often are.

    Parameters
    ----------
    chroms : iterable of str
        Contigs of the panel or region.
    contigs : iterable of str
        Contigs of the file they are looked up in.
    of : str
        What that file is, for the message.

    Raises
    ------
    InputError
        If a contig is there under another spelling only.
    """
    known = list(contigs)
    for chrom in dict.fromkeys(chroms):
        alias = find_contig(chrom, known)
        if alias is not None and alias != chrom:
            raise InputError(
                f"Contig names must agree between files; the panel or region says '{chrom}', the {of} '{alias}': if "
                "both are of one build, allow aliases (genome.contig_aliases: true, or --contig-aliases)."
            )
