"""Genes of one species from a FASTA file: one record a gene, gaps of an alignment taken out."""

from pathlib import Path

import pysam

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.genome.sequences import AMBIGUITY, clean_sequence

_GAPS = str.maketrans("", "", "-.*~")
_TO_N = str.maketrans(dict.fromkeys(AMBIGUITY, "N"))


def read_genes_of_species(path: Path) -> dict[str, str]:
    """Sequences by gene, upper case in the letters ACGTN.

    Parameters
    ----------
    path : Path
        FASTA, plain or gzip. A record's name is its first word. Gaps (``-``, ``.``, ``*``, ``~``) are taken out, other
        ambiguity codes read as N; a record of gaps alone is none.

    Raises
    ------
    InputError
        The file is missing, is no FASTA, holds a gene twice, a record without a name, or a letter that is no base.
    """
    if not path.is_file():
        raise InputError(f"Sequences of a species are read from a FASTA file; there is no {path}: correct the path.")
    with refused_if_damaged(path, "a FASTA file"), pysam.FastxFile(str(path)) as records:
        found = [(_name(record.name, record.comment), record.sequence or "") for record in records]
    genes: dict[str, str] = {}
    for name, bases in found:
        if not name:
            raise InputError(f"Every record of {path} needs a name, that of its gene; one has none: name it.")
        if name in genes:
            raise InputError(f"Genes of {path} must be there once; {name!r} is there twice: keep one sequence of it.")
        genes[name] = _bases(bases, name, path)
    read = {name: bases for name, bases in genes.items() if bases}
    if not read:
        raise InputError(
            f"{path} must hold sequences, a line >GENE and its bases each; it holds none: correct the path."
        )
    return read


def _name(name: str | None, comment: str | None) -> str:
    """The first word of a record's line, also behind a space (``> human``)."""
    return name or next(iter((comment or "").split()), "")


def _bases(sequence: str, name: str, path: Path) -> str:
    try:
        return clean_sequence(sequence.translate(_GAPS)).translate(_TO_N)
    except InputError as error:
        raise InputError(f"{path}, record {name!r}: {error}") from None
