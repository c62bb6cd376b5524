"""Genes with their transcripts out of the lines of a file; the only place where 1-based annotation becomes 0-based.

Lines belong together by what links them: ``Parent`` and ``ID`` in GFF3, ``gene_id`` with ``transcript_id`` in GTF. The
identifiers that are shown play no part, as two genes may share one and RefSeq's links are named otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from encoders.errors import InputError
from encoders.genome.annotation.attributes import Attributes, bare, gff3_ids, names_parent, owners, parse_attributes
from encoders.genome.annotation.lines import Columns, UnreadableLines, read_columns, read_header
from encoders.genome.intervals import CodingPart, Interval

_EXONIC = {"exon", "CDS"}
_PARTS_OF_TRANSCRIPTS = _EXONIC | {"UTR", "five_prime_UTR", "three_prime_UTR", "start_codon", "stop_codon"}
_TRANSCRIPTS = {"transcript", "mRNA"}
_PHASES = ("0", "1", "2")
_FEW = 100
"""Genes up to which lines that do not even mention one are passed over unread; "%" and backslash may spell any."""


@dataclass
class Transcript:
    """Exons and coding bases of one transcript.

    Attributes
    ----------
    transcript_id : str
        As shown.
    tags : list of str
        Of all its lines; blanks are written "_", as RefSeq has "MANE Select" where Ensembl has MANE_Select.
    exons : list of Interval
    coding : list of CodingPart
        As the lines give them.
    places : set of Interval
        What its own lines give as its place.
    is_repeated : bool
        Whether several lines have its identifier, so that exons do not say whose they are.
    """

    transcript_id: str
    tags: list[str] = field(default_factory=list)
    exons: list[Interval] = field(default_factory=list)
    coding: list[CodingPart] = field(default_factory=list)
    places: set[Interval] = field(default_factory=set)
    is_repeated: bool = False

    @property
    def n_coding(self) -> int:
        """Coding bases."""
        return sum(len(part.interval) for part in self.coding)

    @property
    def n_exonic(self) -> int:
        """Bases of all exons."""
        return sum(map(len, self.exons))


@dataclass
class GeneLine:
    """A gene as its file gives it.

    Attributes
    ----------
    gene_id, name, biotype : str
        As shown.
    link : str
        Identifier by which its transcripts name it.
    path : Path
        File.
    place : Interval or None
        None where the file has no line for the gene, only for its transcripts or exons.
    strand : str
        As written, "?" included.
    n_places : int
        Lines with this identifier.
    transcripts : dict of str to Transcript
        By the identifier that links their exons to them.
    """

    gene_id: str
    name: str
    biotype: str
    link: str
    path: Path
    place: Interval | None = None
    strand: str = "."
    n_places: int = 1
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    own_exons: Transcript | None = None

    @property
    def identifiers(self) -> set[str]:
        """By which lines of the file may name it."""
        shown = {one.transcript_id for one in self.transcripts.values()}
        return {self.gene_id, self.link, *self.transcripts, *shown}


@dataclass
class AnnotationFile:
    """Genes of one file, its lines that cannot be read, and identifiers that several transcripts of GFF3 share."""

    path: Path
    unreadable: UnreadableLines
    genes: list[GeneLine] = field(default_factory=list)
    repeated: set[str] = field(default_factory=set)


def read_genes(path: Path) -> AnnotationFile:
    """Every gene of one file, without its transcripts; also one that no line of its own declares.

    Raises
    ------
    InputError
        The file is missing, damaged, or has no genes.
    """
    file = AnnotationFile(path, UnreadableLines(path))
    genes: dict[str, GeneLine] = {}
    linked: dict[str, None] = {}
    transcripts: set[str] = set()
    for line in read_columns(path, file.unreadable):
        try:
            if line.kind in _EXONIC:
                if not names_parent(line.attributes):  # exons of GFF3 name transcripts, not genes
                    _note_links(line, linked, transcripts, file.repeated)
            elif _is_gene(line):
                _add_gene(genes, line, path)
            elif _is_transcript(line):
                _note_links(line, linked, transcripts, file.repeated)
        except ValueError as error:
            file.unreadable.add(line.number, str(error), line.attributes, "")
    declared = {gene.link for gene in genes.values()}
    if undeclared := {link for link in linked if link not in declared and link not in transcripts}:
        _add_undeclared(genes, undeclared, file)
    if not genes:
        lines = file.unreadable.lines
        read = f" (its line {lines[0][0]} cannot be read, as {lines[0][1]})" if lines else ""
        raise InputError(
            f"An annotation needs gene lines, or lines that name a gene; {path} has none{read}: give a complete GTF or "
            "GFF3 file."
        )
    file.genes = list(genes.values())
    return file


def add_transcripts(file: AnnotationFile, genes: Sequence[GeneLine]) -> None:
    """Read the transcripts, exons and coding lengths of ``genes``, some of the file's, in place.

    Raises
    ------
    InputError
        A line of one of them cannot be read.
    """
    wanted = {gene.link: gene for gene in genes}
    has_parents = False
    for line, of in _lines_of(file.path, wanted):
        try:
            found = parse_attributes(line.attributes)
            has_parents |= "ID" in found
            for link in of:
                _add_line(wanted[link], line, found)
        except ValueError as error:
            raise _unreadable(file.path, line, str(error), wanted[of[0]].gene_id) from error
    if has_parents:
        _add_parts_of_transcripts(file, genes)
    for gene in genes:
        if gene.own_exons is not None and not any(one.exons for one in gene.transcripts.values()):
            gene.transcripts[gene.link] = gene.own_exons


def read_release(path: Path) -> str:
    """What the file says of itself: its header remarks, else the source column of its first line."""
    remarks: list[str] = []
    for line in read_header(path):
        if not line.startswith("#"):
            return "; ".join(remarks) or "".join(line.split("\t")[1:2])
        if line.startswith("#!") or line.startswith("##description"):
            remarks.append(line.lstrip("#!").strip())
    return "; ".join(remarks)


def _is_gene(line: Columns) -> bool:
    if line.kind == "gene":
        return True
    if line.kind in _PARTS_OF_TRANSCRIPTS or line.kind in _TRANSCRIPTS or "Parent=" in line.attributes:
        return False
    return line.kind.endswith("gene") or "gene_id=" in line.attributes


def _is_transcript(line: Columns) -> bool:
    return line.kind in _TRANSCRIPTS or (line.kind not in _PARTS_OF_TRANSCRIPTS and names_parent(line.attributes))


def _first(found: Attributes, *keys: str) -> str:
    """First value that is there and not empty."""
    return next((value for key in keys for value in found.get(key, ()) if value), "")


def _add_gene(genes: dict[str, GeneLine], line: Columns, path: Path) -> None:
    place, gene = line.interval(), _make_gene(parse_attributes(line.attributes), path)
    if not gene.gene_id:
        raise ValueError("it is a gene without gene_id or ID")
    if gene.gene_id in genes:
        genes[gene.gene_id].n_places += 1
        return
    gene.place, gene.strand = place, line.strand
    genes[gene.gene_id] = gene


def _make_gene(found: Attributes, path: Path) -> GeneLine:
    gene_id = bare(_first(found, "gene_id", "ID"), is_gff3="ID" in found)
    name = _first(found, "gene_name", "Name", "gene") or gene_id
    biotype = _first(found, "gene_type", "gene_biotype", "biotype")
    return GeneLine(gene_id, name, biotype, _first(found, "ID", "gene_id"), path)


def _note_links(line: Columns, linked: dict[str, None], transcripts: set[str], repeated: set[str]) -> None:
    """Keep what a line says it is part of: genes that have no line are found so."""
    found = owners(line.attributes)
    if not found and "=" not in line.attributes:
        raise ValueError(f"it is of kind {line.kind} and names no gene_id")
    linked.update(dict.fromkeys(found))
    for name in gff3_ids(line.attributes):
        (repeated if name in transcripts else transcripts).add(name)


def _add_undeclared(genes: dict[str, GeneLine], links_of: set[str], file: AnnotationFile) -> None:
    """Genes that transcripts or exons name and no line declares; their names and kinds are what those lines say."""
    for line, of in _lines_of(file.path, links_of):
        try:
            found = parse_attributes(line.attributes)
        except ValueError as error:
            file.unreadable.add(line.number, str(error), line.attributes, "")
            continue
        said = {key: values for key, values in found.items() if key not in ("ID", "Name")}
        for link in of:
            gene = _make_gene(said | {"ID": [link]}, file.path)
            known = genes.setdefault(gene.gene_id, gene)
            known.biotype = known.biotype or gene.biotype
            known.name = gene.name if known.name == known.gene_id else known.name


def _lines_of(path: Path, wanted: Iterable[str]) -> Iterator[tuple[Columns, list[str]]]:
    """Transcripts and exonic parts that belong to one of ``wanted``, and to which; those of nobody were noted."""
    names = set(wanted)
    of_few = re.compile("|".join([*map(re.escape, names), "%", r"\\"]) if len(names) <= _FEW else "")
    for line in read_columns(path):
        if of_few.search(line.attributes) and (line.kind in _EXONIC or _is_transcript(line)):
            try:
                of = [name for name in owners(line.attributes) if name in names]
            except ValueError:
                continue  # kept by `read_genes` as a line that cannot be read
            if of:
                yield line, of


def _add_line(gene: GeneLine, line: Columns, found: Attributes) -> None:
    """A transcript of a gene, or an exonic part whose attributes name gene and transcript."""
    if line.kind in _EXONIC and "Parent" in found:
        gene.own_exons = gene.own_exons or Transcript(gene.gene_id)
        _add_part(gene.own_exons, line)
        return
    link = _first(found, "ID", "transcript_id") if line.kind not in _EXONIC else _first(found, "transcript_id")
    if not link:
        raise ValueError(f"it is of kind {line.kind} and names no transcript_id")
    shown = bare(_first(found, "transcript_id", "ID"), is_gff3="ID" in found)
    transcript = gene.transcripts.setdefault(link, Transcript(shown))
    transcript.tags += [tag.replace(" ", "_") for tag in found.get("tag", ())]
    if line.kind in _EXONIC:
        _add_part(transcript, line)
    else:
        transcript.places.add(line.interval())


def _add_parts_of_transcripts(file: AnnotationFile, genes: Sequence[GeneLine]) -> None:
    """Exonic parts that name transcripts as their parents."""
    transcripts = {link: one for gene in genes for link, one in gene.transcripts.items()}
    for link in file.repeated & transcripts.keys():
        transcripts[link].is_repeated = True
    for line, of in _lines_of(file.path, transcripts):
        if line.kind in _EXONIC and names_parent(line.attributes):
            try:
                for link in of:
                    _add_part(transcripts[link], line)
            except ValueError as error:
                raise _unreadable(file.path, line, str(error), transcripts[of[0]].transcript_id) from error


def _add_part(transcript: Transcript, line: Columns) -> None:
    if line.kind == "CDS":
        transcript.coding.append(CodingPart(line.interval(), int(line.phase) if line.phase in _PHASES else None))
    else:
        transcript.exons.append(line.interval())


def _unreadable(path: Path, line: Columns, why: str, concerned: str) -> InputError:
    return InputError(
        f"Every line of a gene in the panel must be readable; line {line.number} of {path} concerns {concerned} and is "
        f"not, as {why}: repair the line, or ask for other genes."
    )
