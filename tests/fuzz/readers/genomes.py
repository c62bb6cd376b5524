"""References, annotations, regions and lists of subjects: the text of a genome."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from analyses.arms.motifs import read_fasta
from analyses.genome.subject_lists import read_subjects
from analyses.genome.variant_paths import read_genes
from encoders.genome.annotation.panel import read_panel
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.windows.callable_regions import CallableRegions
from tests.fuzz.mutations import bgzip
from tests.fuzz.reader import Files, Reader

SEQUENCE = ("ACGTTGCATGCCATAGGTCA" * 20)[:400]
CONTIGS = {"20": SEQUENCE, "21": SEQUENCE[::-1][:130]}
FASTA = "".join(
    f">{name} made\n" + "".join(f"{bases[at : at + 60]}\n" for at in range(0, len(bases), 60))
    for name, bases in CONTIGS.items()
)
SAMPLES = ("S1", "S2", "NA 12", "NA", "01")
_WITHIN = 60


def _gtf(kind: str, first: int, last: int, attributes: str, strand: str = "+") -> str:
    return f"20\tx\t{kind}\t{first}\t{last}\t.\t{strand}\t.\t{attributes}\n"


GTF = "#!genome-build made\n" + "".join(
    _gtf("gene", a, b, f'gene_id "G{n}"; gene_name "N{n}"; gene_biotype "protein_coding";')
    + _gtf("transcript", a, b, f'gene_id "G{n}"; gene_name "N{n}"; transcript_id "T{n}"; tag "Ensembl_canonical";')
    + "".join(
        _gtf("exon", e, e + 9, f'gene_id "G{n}"; transcript_id "T{n}"; exon_number "{i}";')
        for i, e in ((1, a), (2, b - 9))
    )
    for n, a, b in ((1, 101, 160), (2, 201, 290), (3, 250, 390))
)
GFF3 = "##gff-version 3\n" + "".join(
    _gtf("gene", a, b, f"ID=gene:G{n};Name=N{n};biotype=protein_coding;gene_id=G{n}", "-")
    + _gtf("mRNA", a, b, f"ID=transcript:T{n};Parent=gene:G{n};tag=Ensembl_canonical;transcript_id=T{n}", "-")
    + _gtf("exon", a, b, f"Parent=transcript:T{n};rank=1", "-")
    for n, a, b in ((1, 101, 160), (2, 201, 290))
)
BED = "track name=x\n20\t0\t100\n20\t90\t200\tcalled\n21\t5\t130\n"
LISTS = ("S2\nNA 12\n01\n", "#IID\tSEX\nS1\t1\nS2\t2\n", "S1 S1\nS2 S2\n", "﻿S1\r\nNA\r\n")


def _fastas(_: Path) -> Sequence[Files]:
    packed, fai, offsets = bgzip(FASTA.encode(), 200), "", 0
    for name, bases in CONTIGS.items():
        offsets += len(f">{name} made\n")
        fai += f"{name}\t{len(bases)}\t{offsets}\t60\t61\n"
        offsets += len(bases) + -(-len(bases) // 60)
    return [
        {"r.fa": FASTA.encode()},
        {"r.fa": FASTA.encode(), "r.fa.fai": fai.encode()},
        {"r.fa.gz": packed},
        {"r.fa.gz": packed, "r.fa.gz.fai": fai.encode(), "r.fa.gz.gzi": _gzi(packed)},
        {"r.fa": FASTA.lower().replace("\n", "\r\n").encode()},
    ]


def _gzi(packed: bytes) -> bytes:
    entries, place, held = b"", 0, 0
    while place < len(packed):
        size = int.from_bytes(packed[place + 16 : place + 18], "little") + 1
        held += int.from_bytes(packed[place + size - 4 : place + size], "little")
        place += size
        entries += place.to_bytes(8, "little") + held.to_bytes(8, "little") if place < len(packed) else b""
    return (len(entries) // 16).to_bytes(8, "little") + entries


def _fetch(folder: Path) -> dict[str, str]:
    path = next(iter(sorted(folder.glob("r.fa*"))), folder / "r.fa")
    reference = Reference(path.with_suffix("") if path.suffix in {".fai", ".gzi"} else path)
    return {
        name: reference.fetch(Interval(name, length - min(_WITHIN, length), length))
        for name, length in reference.contigs.items()
        if length
    }


def _unpacked(raw: bytes) -> bytes:
    """What the blocks of bgzip hold; their sums are not looked at, for the last bases may lie in other blocks."""
    parts, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at + 16 : at + 18], "little") + 1
        parts.append(zlib.decompress(raw[at + 18 : at + size - 8], wbits=-zlib.MAX_WBITS))
        at += size
    return b"".join(parts)


def _same_as_by_hand(folder: Path, value: object) -> None:
    """The last bases of each contig, by cutting the text at its headers and line ends; U of RNA is T."""
    assert isinstance(value, dict)
    path = next(iter(folder.glob("r.fa")), folder / "r.fa.gz")
    raw = path.read_bytes()
    text = (_unpacked(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("latin-1")
    found = {}
    for part in re.split(r"(?:^|\n)>", text)[1:]:
        header, _, bases = part.partition("\n")
        found[header.split()[0] if header.split() else ""] = bases  # an index knows the last one of a name
    for name in value.keys() & found.keys():
        assert "".join(found[name].split()).upper().replace("U", "T").endswith(value[name]), name


def _annotations(_: Path) -> Sequence[Files]:
    return [
        {"a.gtf": GTF.encode()},
        {"a.gff3": GFF3.encode()},
        {"a.gtf.gz": gzip.compress(GTF.encode(), mtime=0)},
        {"a.gff3.gz": bgzip(GFF3.encode())},
    ]


def _panel(folder: Path) -> object:
    return read_panel(next(iter(folder.iterdir()), folder / "a.gtf"))


def _beds(_: Path) -> Sequence[Files]:
    return [{"c.bed": BED.encode()}, {"c.bed.gz": gzip.compress(BED.encode(), mtime=0)}]


def _regions(folder: Path) -> object:
    regions = CallableRegions(next(iter(folder.iterdir()), folder / "c.bed"))
    regions.check_contigs(["20"])
    return regions.inside(Interval("20", 50, 400))


def _motifs(_: Path) -> Sequence[Files]:
    return [{"m.fa": FASTA.encode()}, {"m.fa": gzip.compress(FASTA.encode(), mtime=0)}]


READERS = (
    Reader(
        "fasta", _fastas, _fetch,
        {".fa": "text", ".fa.gz": "bgzf/text", ".fai": "text", ".gzi": "bytes"}, (b">", b">20", b"N", b"\r"),
        _same_as_by_hand,
    ),
    Reader(
        "annotation", _annotations, _panel, {".gtf": "text", ".gff3": "text", ".gtf.gz": "gzip/text",
        ".gff3.gz": "bgzf/text"},
        (b"##FASTA", b'gene_id "', b"Parent=", b"ID=;", b"exon", b"gene", b"%zz", b"tag=",
        b"ID=gene:G1;Parent=gene:G1"),
    ),
    Reader("bed", _beds, _regions, {".bed": "text", ".gz": "gzip/text"}, (b"track", b"browser", b"20")),
    Reader(
        "subject list", lambda _: [{"s.txt": text.encode()} for text in LISTS],
        lambda folder: read_subjects(folder / "s.txt", SAMPLES), {".txt": "text"},
        (b"FID IID", b"subject_id", b"S1", b"NA 12", b'"S1"'),
    ),
    Reader(
        "gene list", lambda _: [{"g.txt": b"G1\nG2\nN3\n"}], lambda folder: read_genes([str(folder / "g.txt")]),
        {".txt": "text"}, (b"all", b"G1"),
    ),
    Reader("motif sequences", _motifs, lambda folder: read_fasta(folder / "m.fa"), {".fa": "text"}, (b">", b"@", b"+",
    b"N")),
)  # fmt: skip
