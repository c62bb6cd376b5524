"""The panel: which genes, and which of their transcripts."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from encoders.errors import InputError
from encoders.genome.annotation.codons import order_coding
from encoders.genome.annotation.features import AnnotationFile, GeneLine, add_transcripts, read_genes, read_release
from encoders.genome.annotation.transcript_choice import TranscriptRule, choose_coding, choose_exons, transcript_defect
from encoders.genome.intervals import Gene, Interval

_SHOWN = 5
"""Genes that a message names."""

UnstrandedPolicy = Literal["refuse", "forward"]


@dataclass(frozen=True)
class Panel:
    """Genes of a study, in the order asked for (or of the files).

    Parameters
    ----------
    genes : tuple of Gene
    transcript_rule : str
        "canonical", "mane" or "union"; what was found for each gene is in ``Gene.transcript``.
    sources : tuple of str
        Annotation files.
    release : str
        What these files say of their release.
    skipped : tuple of (str, str)
        Genes left out of a whole-annotation panel, with the reason.
    notes : tuple of str
        What else is to be known of the files: lines that cannot be read and concern no gene of the panel.
    """

    genes: tuple[Gene, ...]
    transcript_rule: str
    sources: tuple[str, ...]
    release: str
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def read_panel(
    paths: Path | Sequence[Path],
    genes: Sequence[str] | None = None,
    *,
    transcript: TranscriptRule = "canonical",
    biotype: str | None = "protein_coding",
    unstranded: UnstrandedPolicy = "refuse",
) -> Panel:
    """Read the genes of a study from GTF or GFF3 files, plain or gzip whatever their suffix.

    Parameters
    ----------
    paths : Path or sequence of Path
        Annotation files of Ensembl, GENCODE, RefSeq or their like; a gene may be in one of them only.
    genes : sequence of str, optional
        Identifiers (with or without version) or symbols; by default every gene of ``biotype``.
    transcript : {"canonical", "mane", "union"}
        Canonical is the transcript tagged Ensembl_canonical, else MANE_Select, else RefSeq_Select, else the longest
        coding sequence, else the longest exons. Union merges the exons of all transcripts.
    biotype : str, optional
        Keeps genes of this biotype where ``genes`` is not given; None keeps all.
    unstranded : {"refuse", "forward"}
        A gene whose strand the annotation leaves open is refused, or read on the plus strand.

    Returns
    -------
    Panel
        Of a whole annotation, genes that cannot be used are named in ``skipped``.

    Raises
    ------
    InputError
        If a gene asked for is not there, is ambiguous, or has no usable strand, transcript or exons; if a line of a
        gene in the panel cannot be read; if no gene is left.
    """
    given = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    files = [read_genes(path) for path in given]
    lines = _one_line_per_gene(line for file in files for line in file.genes)
    chosen = _of_biotype(lines, biotype, given) if genes is None else _find(lines, genes)
    for file in files:
        add_transcripts(file, [line for line in chosen if line.path == file.path])
    notes = tuple(note for file in files if (note := _note_unreadable(file, chosen)))
    reasons = [(line, _defect(line, transcript, unstranded)) for line in chosen]
    skipped = tuple((line.gene_id, reason) for line, reason in reasons if reason)
    if skipped and (genes is not None or len(skipped) == len(chosen)):
        raise _unusable(skipped, given, asked=genes is not None)
    made = tuple(_make_gene(line, transcript) for line, reason in reasons if not reason)
    release = " | ".join(dict.fromkeys(read_release(path) for path in given))
    return Panel(made, transcript, tuple(map(str, given)), release, skipped, notes)


def _unusable(skipped: Sequence[tuple[str, str]], files: Sequence[Path], *, asked: bool) -> InputError:
    shown = [f"{gene} of {_list(files)} cannot be used: {reason}" for gene, reason in skipped[:_SHOWN]]
    told = "; gene ".join(shown) + (f"; and {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else "")
    if asked:
        return InputError(f"Gene {told}; remove {'it' if len(skipped) == 1 else 'them'} or correct the file.")
    return InputError(f"The panel is empty: none of {len(skipped)} genes is usable; gene {told}. Correct the file.")


def _list(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))


def _of_biotype(lines: Sequence[GeneLine], biotype: str | None, files: Sequence[Path]) -> list[GeneLine]:
    chosen = [line for line in lines if biotype in (None, line.biotype)]
    if not chosen:
        kinds = Counter(line.biotype or "not named" for line in lines).most_common(_SHOWN)
        raise InputError(
            f"The panel is empty: none of {len(lines)} genes of {_list(files)} is of biotype {biotype} (it is "
            f"{', '.join(f'{kind}: {n}' for kind, n in kinds)}): name the genes, or another biotype, or any."
        )
    return chosen


def _note_unreadable(file: AnnotationFile, chosen: Sequence[GeneLine]) -> str:
    """What is to be said of unreadable lines that concern nobody in the panel; those that do are refused."""
    if not file.unreadable.lines:
        return ""
    known = {name for gene in file.genes for name in (gene.gene_id, gene.link)}
    known |= {name for gene in chosen for name in gene.identifiers}
    for gene in chosen:
        found = file.unreadable.concerning(gene.identifiers, known) if gene.path == file.path else None
        if found is not None:
            raise InputError(
                f"Every line of a gene in the panel must be readable; line {found[0]} of {file.path} concerns "
                f"{gene.gene_id} and is not, as {found[1]}: repair the line, or ask for other genes."
            )
    number, why, _ = file.unreadable.lines[0]
    return (
        f"{len(file.unreadable.lines)} lines of {file.path.name} cannot be read and concern no gene of the panel; the "
        f"first is line {number}, as {why}"
    )


def _one_line_per_gene(lines: Iterable[GeneLine]) -> list[GeneLine]:
    found: dict[str, GeneLine] = {}
    for line in lines:
        if line.gene_id in found:
            found[line.gene_id].n_places += line.n_places
        else:
            found[line.gene_id] = line
    return list(found.values())


def _find(lines: Sequence[GeneLine], names: Sequence[str]) -> list[GeneLine]:
    by_name = defaultdict(list)
    for line in lines:
        for name in {line.gene_id, line.gene_id.partition(".")[0], line.name, line.link}:
            by_name[name].append(line)
    chosen = []
    for name in names:
        if name not in by_name:
            near = get_close_matches(name, by_name, n=3)
            hint = f"near names are {', '.join(near)}" if near else "no name is near"
            raise InputError(f"Gene {name} is not in the annotation ({len(lines)} genes; {hint}): correct the panel.")
        matches = [line for line in by_name[name] if line.gene_id == name] or by_name[name]
        if len(matches) > 1:
            identifiers = ", ".join(line.gene_id for line in matches)
            raise InputError(f"A gene name must mean one gene; {name} is {identifiers}: name it by its identifier.")
        chosen.append(matches[0])
    if repeated := sorted({line.gene_id for line in chosen if chosen.count(line) > 1}):
        raise InputError(f"A gene may be in the panel once; {repeated[0]} is asked for twice: remove one.")
    return chosen


def _defect(line: GeneLine, rule: TranscriptRule, unstranded: UnstrandedPolicy) -> str | None:
    """Why no sequence can be read off this gene; None where one can."""
    if line.n_places > 1:
        return f"its identifier is given {line.n_places} times, at different places or in different files"
    if line.place is not None and line.place.strand == "." and unstranded == "refuse":
        return f"its strand is '{line.strand}', so 5' and 3' are unknown"
    if reason := transcript_defect(line, rule):
        return reason
    exons = choose_exons(line, rule)[1]
    body = _body(line)
    if {(exon.chrom, exon.strand) for exon in exons} != {(body.chrom, body.strand)}:
        return "its exons lie on another contig or strand than the gene"
    if body.strand == "." and unstranded == "refuse":
        return "its strand is '.', so 5' and 3' are unknown"
    return None


def _body(line: GeneLine) -> Interval:
    """Place of a gene; where no line declares it, from the first to the last base of its transcripts."""
    if line.place is not None:
        return line.place
    parts = [place for one in line.transcripts.values() for place in (*one.places, *one.exons)]
    first = min(parts, key=lambda part: part.start)
    return Interval(first.chrom, first.start, max(part.end for part in parts), first.strand)


def _make_gene(line: GeneLine, rule: TranscriptRule) -> Gene:
    text, exons = choose_exons(line, rule)
    place = _body(line)
    strand = "+" if place.strand == "." else place.strand
    if strand != place.strand:
        text += "; strand unknown, read forward"
    if line.place is None:
        text += "; no gene line, body from its transcripts"
    placed = [Interval(exon.chrom, exon.start, exon.end, strand) for exon in exons]
    body = Interval(place.chrom, place.start, place.end, strand)
    ordered = tuple(placed if strand == "+" else placed[::-1])
    return Gene(line.gene_id, line.name, body, ordered, text, order_coding(choose_coding(line, rule), strand))
