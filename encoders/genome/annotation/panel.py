"""The panel: which genes, and which of their transcripts."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Literal

from encoders.errors import InputError
from encoders.genome.annotation.features import GeneLine, Transcript, add_transcripts, read_genes, read_release
from encoders.genome.intervals import Gene, Interval

TranscriptRule = Literal["canonical", "mane", "union"]
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
    """

    genes: tuple[Gene, ...]
    transcript_rule: str
    sources: tuple[str, ...]
    release: str
    skipped: tuple[tuple[str, str], ...] = ()


def read_panel(
    paths: Path | Sequence[Path],
    genes: Sequence[str] | None = None,
    *,
    transcript: TranscriptRule = "canonical",
    biotype: str | None = "protein_coding",
    unstranded: UnstrandedPolicy = "refuse",
) -> Panel:
    """Read the genes of a study from GTF or GFF3 files, plain or gz.

    Parameters
    ----------
    paths : Path or sequence of Path
        Annotation files; a gene may be in one of them only.
    genes : sequence of str, optional
        Identifiers (with or without version) or symbols; by default every gene of ``biotype``.
    transcript : {"canonical", "mane", "union"}
        Canonical is the transcript tagged Ensembl_canonical, else MANE_Select, else the longest coding sequence, else
        the longest exons. Union merges the exons of all transcripts.
    biotype : str, optional
        Keeps genes of this biotype where ``genes`` is not given; None keeps all.
    unstranded : {"refuse", "forward"}
        A gene whose strand the annotation leaves open is refused, or read on the plus strand.

    Returns
    -------
    Panel

    Raises
    ------
    InputError
        If a gene asked for is not there, is ambiguous, or has no usable strand, transcript or exons.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    lines = _one_line_per_gene(line for path in files for line in read_genes(path))
    chosen = [line for line in lines if biotype in (None, line.biotype)] if genes is None else _find(lines, genes)
    for path in files:
        add_transcripts(path, [line for line in chosen if line.path == path])
    made, skipped = [], []
    for line in chosen:
        if genes is None and (reason := _defect(line, transcript, unstranded)):
            skipped.append((line.gene_id, reason))
        else:
            made.append(_make_gene(line, transcript, unstranded))
    if not made:
        raise InputError(f"The panel is empty: none of {len(chosen)} genes of biotype {biotype} is usable.")
    release = " | ".join(dict.fromkeys(read_release(path) for path in files))
    return Panel(tuple(made), transcript, tuple(map(str, files)), release, tuple(skipped))


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
        for name in {line.gene_id, line.gene_id.partition(".")[0], line.name}:
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
    if line.interval.strand == "." and unstranded == "refuse":
        return "its strand is '.', so 5' and 3' are unknown"
    if not any(transcript.exons for transcript in line.transcripts.values()):
        return "it has no transcript with exons"
    if rule == "mane" and not any("MANE_Select" in transcript.tags for transcript in line.transcripts.values()):
        return "none of its transcripts is tagged MANE_Select"
    exons = _choose(line, rule)[1]
    if {(exon.chrom, exon.strand) for exon in exons} != {(line.interval.chrom, line.interval.strand)}:
        return "its exons lie on another contig or strand than the gene"
    if any(a.end > b.start for a, b in pairwise(exons)):
        return "exons of one transcript overlap"
    return None


def _make_gene(line: GeneLine, rule: TranscriptRule, unstranded: UnstrandedPolicy) -> Gene:
    if reason := _defect(line, rule, unstranded):
        raise InputError(f"Gene {line.gene_id} of {line.path} cannot be used: {reason}; remove it or correct the file.")
    text, exons = _choose(line, rule)
    strand = "+" if line.interval.strand == "." else line.interval.strand
    if strand != line.interval.strand:
        text += "; strand unknown, read forward"
    placed = [Interval(exon.chrom, exon.start, exon.end, strand) for exon in exons]
    body = Interval(line.interval.chrom, line.interval.start, line.interval.end, strand)
    return Gene(line.gene_id, line.name, body, tuple(placed if strand == "+" else placed[::-1]), text)


def _choose(line: GeneLine, rule: TranscriptRule) -> tuple[str, list[Interval]]:
    """The transcript's name with the rule that chose it, and its exons by position."""
    candidates = sorted((t for t in line.transcripts.values() if t.exons), key=lambda t: t.transcript_id)
    if rule == "union":
        exons = [exon for transcript in candidates for exon in transcript.exons]
        return f"union of {len(candidates)} transcripts", _merge(exons)
    chosen, why = _canonical(candidates, ["MANE_Select"] if rule == "mane" else ["Ensembl_canonical", "MANE_Select"])
    return f"{chosen.transcript_id} ({why})", sorted(chosen.exons, key=lambda exon: exon.start)


def _canonical(candidates: Sequence[Transcript], tags: Sequence[str]) -> tuple[Transcript, str]:
    for tag in tags:
        for transcript in candidates:
            if tag in transcript.tags:
                return transcript, tag
    longest = max(candidates, key=lambda transcript: (transcript.n_coding, transcript.n_exonic))
    return longest, "longest coding sequence" if longest.n_coding else "longest exons"


def _merge(exons: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for exon in sorted(exons, key=lambda exon: (exon.start, exon.end)):
        if merged and exon.start <= merged[-1].end:
            last = merged.pop()
            exon = Interval(last.chrom, last.start, max(last.end, exon.end), last.strand)
        merged.append(exon)
    return merged
