"""Whose exons a gene has: the rule, what it chose, and why it cannot choose."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

from encoders.genome.annotation.features import GeneLine, Transcript
from encoders.genome.intervals import CodingPart, Interval

TranscriptRule = Literal["canonical", "mane", "union"]
TAGS = {"canonical": ("Ensembl_canonical", "MANE_Select", "RefSeq_Select"), "mane": ("MANE_Select",), "union": ()}
"""Tags that choose, in order of preference."""


def choose_exons(line: GeneLine, rule: TranscriptRule) -> tuple[str, list[Interval]]:
    """The transcript's name with the rule that chose it, and its exons by position."""
    chosen, why = _choose(line, rule)
    if rule == "union":
        return why, _merge(exon for transcript in chosen for exon in transcript.exons)
    return f"{chosen[0].transcript_id} ({why})", sorted(chosen[0].exons, key=lambda exon: exon.start)


def choose_coding(line: GeneLine, rule: TranscriptRule) -> list[CodingPart]:
    """Coding sequence of the transcript chosen; none where several were merged, as their frames differ."""
    chosen = _choose(line, rule)[0]
    return chosen[0].coding if rule != "union" or len(chosen) == 1 else []


def transcript_defect(line: GeneLine, rule: TranscriptRule) -> str | None:
    """Why the exons of this gene are not known; None where they are."""
    candidates = _candidates(line)
    if not candidates:
        return "it has no transcript with exons"
    tagged = [(tag, [one for one in candidates if tag in one.tags]) for tag in TAGS[rule]]
    if rule == "mane" and not any(found for _, found in tagged):
        return "none of its transcripts is tagged MANE_Select"
    for tag, found in tagged:
        if len(found) > 1:
            return f"{len(found)} of its transcripts are tagged {tag}: {', '.join(one.transcript_id for one in found)}"
        if found:
            break
    for transcript in _choose(line, rule)[0]:
        if transcript.is_repeated or len(transcript.places) > 1:
            return (
                f"its transcript {transcript.transcript_id} is given more than once, so whose exons are whose is open"
            )
    return None if rule == "union" else _overlap(_choose(line, rule)[0][0])


def _overlap(transcript: Transcript) -> str | None:
    for a, b in pairwise(sorted(transcript.exons, key=lambda exon: (exon.chrom, exon.start))):
        if a == b:
            return f"exons of one transcript overlap: {a} of {transcript.transcript_id} is given twice"
        if a.end > b.start and a.chrom == b.chrom:
            return f"exons of one transcript overlap: {a} and {b} of {transcript.transcript_id}"
    return None


def _candidates(line: GeneLine) -> list[Transcript]:
    return sorted((one for one in line.transcripts.values() if one.exons), key=lambda one: one.transcript_id)


def _choose(line: GeneLine, rule: TranscriptRule) -> tuple[list[Transcript], str]:
    candidates = _candidates(line)
    if rule == "union":
        return candidates, f"union of {len(candidates)} transcripts"
    for tag in TAGS[rule]:
        for transcript in candidates:
            if tag in transcript.tags:
                return [transcript], tag
    longest = max(candidates, key=lambda transcript: (transcript.n_coding, transcript.n_exonic))
    return [longest], "longest coding sequence" if longest.n_coding else "longest exons"


def _merge(exons: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for exon in sorted(exons, key=lambda exon: (exon.chrom, exon.start, exon.end)):
        if merged and exon.start <= merged[-1].end and exon.chrom == merged[-1].chrom:
            last = merged.pop()
            exon = Interval(last.chrom, last.start, max(last.end, exon.end), last.strand)
        merged.append(exon)
    return merged
