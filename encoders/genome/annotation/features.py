"""Lines of GTF and GFF3 files as genes with transcripts; the only place where 1-based annotation becomes 0-based."""

import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from encoders.errors import InputError
from encoders.genome.intervals import Interval

_GTF_PAIR = re.compile(r'(\w+) +(?:"([^"]*)"|([^;\s]+))')
_PARENTS = re.compile(r'Parent=([^;]+)|transcript_id "([^"]+)"')
_PARTS_OF_TRANSCRIPTS = {"exon", "CDS", "UTR", "five_prime_UTR", "three_prime_UTR", "start_codon", "stop_codon"}


class Feature(NamedTuple):
    """One line of an annotation; the interval is 0-based half-open."""

    kind: str
    interval: Interval
    attributes: dict[str, list[str]]

    def first(self, *keys: str) -> str:
        """Value of the first key that is there; an empty text where none is."""
        return next((self.attributes[key][0] for key in keys if key in self.attributes), "")


@dataclass
class Transcript:
    """Exons and coding bases of one transcript."""

    transcript_id: str
    tags: list[str]
    exons: list[Interval] = field(default_factory=list)
    n_coding: int = 0

    @property
    def n_exonic(self) -> int:
        return sum(map(len, self.exons))


@dataclass
class GeneLine:
    """A gene as its file gives it; ``n_places`` counts lines with the same identifier."""

    gene_id: str
    name: str
    biotype: str
    interval: Interval
    path: Path
    n_places: int = 1
    transcripts: dict[str, Transcript] = field(default_factory=dict)


def read_genes(path: Path) -> list[GeneLine]:
    """Every gene of one file, without its transcripts.

    Raises
    ------
    InputError
        If the file is missing or has no gene lines, or if a line is malformed.
    """
    found: dict[str, GeneLine] = {}
    for feature in _features(path, _is_gene):
        gene_id = _bare(feature.first("gene_id", "ID"))
        if gene_id in found:
            found[gene_id].n_places += 1
            continue
        name = feature.first("gene_name", "Name") or gene_id
        biotype = feature.first("gene_type", "gene_biotype", "biotype")
        found[gene_id] = GeneLine(gene_id, name, biotype, feature.interval, path)
    if not found:
        raise InputError(f"An annotation needs gene lines; {path} has none: give a complete GTF or GFF3 file.")
    return list(found.values())


def add_transcripts(path: Path, genes: Iterable[GeneLine]) -> None:
    """Read the transcripts, exons and coding lengths of ``genes`` from their file, in place."""
    wanted = {gene.gene_id: gene for gene in genes}
    transcripts: dict[str, Transcript] = {}
    for feature in _features(path, _is_transcript):
        if (gene := wanted.get(_bare(feature.first("Parent", "gene_id")))) is not None:
            name = _bare(feature.first("transcript_id", "ID"))
            transcripts[name] = gene.transcripts[name] = Transcript(name, feature.attributes.get("tag", []))

    def is_part(kind: str, attributes: str) -> bool:
        return kind in {"exon", "CDS"} and not transcripts.keys().isdisjoint(_parents(attributes))

    for feature in _features(path, is_part):
        parents = feature.attributes.get("Parent") or feature.attributes["transcript_id"]
        for transcript in (transcripts[name] for name in map(_bare, parents) if name in transcripts):
            if feature.kind == "CDS":
                transcript.n_coding += len(feature.interval)
            else:
                transcript.exons.append(feature.interval)


def read_release(path: Path) -> str:
    """What the file says of itself: its header remarks, else the source column of its first line."""
    remarks: list[str] = []
    with _open(path) as file:
        for line in file:
            if not line.startswith("#"):
                return "; ".join(remarks) or line.split("\t")[1]
            if line.startswith("#!") or line.startswith("##description"):
                remarks.append(line.lstrip("#!").strip())
    return "; ".join(remarks)


def _is_gene(kind: str, attributes: str) -> bool:
    return kind == "gene" or ("Parent=" not in attributes and (kind.endswith("gene") or "gene_id=" in attributes))


def _is_transcript(kind: str, attributes: str) -> bool:
    return kind in {"transcript", "mRNA"} or ("Parent=" in attributes and kind not in _PARTS_OF_TRANSCRIPTS)


def _features(path: Path, wanted: Callable[[str, str], bool]) -> Iterator[Feature]:
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            if line.startswith("#") or not line.strip():
                continue
            if len(columns := line.rstrip("\n").split("\t")) != 9 or not (columns[3] + columns[4]).isdigit():
                raise InputError(
                    f"An annotation line has 9 tab-separated columns with start and end in columns 4 and 5; line "
                    f"{number} of {path} has not: repair the file."
                )
            chrom, _, kind, first, last, _, strand, _, text = columns
            if wanted(kind, text):
                yield Feature(kind, Interval(chrom, int(first) - 1, int(last), strand), _attributes(text))


def _parents(attributes: str) -> list[str]:
    match = _PARENTS.search(attributes)
    return [_bare(name) for name in (match[1] or match[2]).split(",")] if match else []


def _attributes(text: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    if _GTF_PAIR.match(text):
        for key, quoted, plain in _GTF_PAIR.findall(text):
            values.setdefault(key, []).append(quoted or plain)
    else:
        pairs = (pair.strip().partition("=") for pair in text.split(";") if "=" in pair)
        values = {key: [unquote(value) for value in listed.split(",")] for key, _, listed in pairs}
    return values


def _bare(identifier: str) -> str:
    """Ensembl GFF3 writes gene:ENSG... and transcript:ENST... where GTF writes the bare identifier."""
    return identifier.removeprefix("gene:").removeprefix("transcript:")


def _open(path: Path) -> TextIOWrapper:
    if not path.is_file():
        raise InputError(f"The annotation {path} does not exist: correct the path.")
    if path.suffix == ".gz":
        return gzip.open(path, "rt")
    return path.open()
