"""The ninth column of GTF and GFF3, in the dialects that Ensembl, GENCODE, RefSeq, UCSC and StringTie write.

Kept readers were tried and none reads them all: gffutils loses every attribute after a second or leading blank, HTSeq
keeps the last of several ``tag`` and stops at ``##FASTA`` and at strand ``?``, pysam fails at ``;`` within quotes.
"""

import re
from urllib.parse import unquote

_IS_GFF3 = re.compile(r'\s*[^\s;="]+\s*=')
_GTF_PAIR = re.compile(
    r'[;\s]*([^\s;"=]+)(?:\s+"((?:[^"\\]|\\.)*)"(?=[;\s]|$)|\s+([^;"\s][^;"]*?)\s*(?=;|$)|\s*(?=;|$))'
)
_END = re.compile(r"[;\s]*(?:#.*)?$")
_ID = re.compile(r"(?:^|;)\s*ID\s*=([^;]*)")
_FIRST_GENE = re.compile(r'\s*gene_id\s+"([^"\\]+)"(?=[;\s]|$)')
_PARENT = re.compile(r"(?:^|;)\s*Parent\s*=([^;]*)")
_PREFIXES = ("gene:", "transcript:")
_REFSEQ_PREFIXES = ("gene-", "rna-")

Attributes = dict[str, list[str]]


def parse_attributes(text: str) -> Attributes:
    """Values by key; GTF writes several values as several pairs, GFF3 with commas.

    Raises
    ------
    ValueError
        Quotes do not close, or an identifier without quotes holds a blank: it may be two pairs in one.

    Examples
    --------
    >>> from encoders.genome.annotation.attributes import parse_attributes
    >>> parse_attributes(' gene_id  "G1"; note "a; b"; tag MANE Select; tag "basic";')
    {'gene_id': ['G1'], 'note': ['a; b'], 'tag': ['MANE Select', 'basic']}
    >>> parse_attributes("ID=rna-NM_1;Parent=gene-A,gene-B;Note=100%25")
    {'ID': ['rna-NM_1'], 'Parent': ['gene-A', 'gene-B'], 'Note': ['100%']}
    """
    return _parse_gff3(text) if _IS_GFF3.match(text) else _parse_gtf(text)


def owners(text: str) -> list[str]:
    """Whose a line is, read no further than needed: its parents in GFF3, its gene in GTF; empty for nobody's.

    Raises
    ------
    ValueError
        As `parse_attributes`.
    """
    if first := _FIRST_GENE.match(text):
        return [first[1]]
    if (parents := _PARENT.search(text)) and _IS_GFF3.match(text):
        return _gff3_values(parents[1])
    return links(parse_attributes(text))


def links(attributes: Attributes) -> list[str]:
    """Identifiers of what a line is part of: parents in GFF3, else its gene (gffread writes geneID)."""
    return attributes.get("Parent") or attributes.get("gene_id") or attributes.get("geneID") or []


def names_parent(text: str) -> bool:
    """Whether this is GFF3 with a parent."""
    return "Parent" in text and _IS_GFF3.match(text) is not None and _PARENT.search(text) is not None


def gff3_ids(text: str) -> list[str]:
    """Identifier of a line of GFF3, read no further than needed; none in GTF."""
    found = _ID.search(text) if "ID" in text and _IS_GFF3.match(text) else None
    return _gff3_values(found[1]) if found else []


def bare(identifier: str, *, is_gff3: bool) -> str:
    """GFF3 of Ensembl writes gene:ENSG... and of RefSeq gene-BRCA1 where their GTF writes the identifier alone."""
    for prefix in (*_PREFIXES, *(_REFSEQ_PREFIXES if is_gff3 else ())):
        identifier = identifier.removeprefix(prefix)
    return identifier


def _parse_gtf(text: str) -> Attributes:
    values: Attributes = {}
    end = 0
    while pair := _GTF_PAIR.match(text, end):
        end = pair.end()
        key, quoted, plain = pair.groups()
        if plain is not None and key in ("gene_id", "transcript_id") and len(plain.split()) > 1:
            raise ValueError(f"its {key} is {plain[:40]!r}, with a blank and without quotes")
        value = plain or "" if quoted is None else quoted.replace('\\"', '"')
        values.setdefault(key, []).append(value)
    if not _END.match(text, end):
        raise ValueError(f"its attributes cannot be told apart at {text[end : end + 40].strip()!r}")
    return values


def _parse_gff3(text: str) -> Attributes:
    pairs = (pair.partition("=") for pair in text.split(";") if "=" in pair)
    return {key.strip(): _gff3_values(listed) for key, _, listed in pairs}


def _gff3_values(listed: str) -> list[str]:
    if "%" in listed or '"' in listed:
        return [unquote(value.strip().strip('"')) for value in listed.split(",")]
    return [value.strip() for value in listed.split(",")]
