"""GFF3 as Ensembl writes it: prefixed identifiers, kinds of genes and transcripts, escapes, parts of two parents."""

import gzip
from pathlib import Path

import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import read_panel
from encoders.genome.intervals import Interval

LINES = """\
##gff-version 3
##sequence-region   2 1 90000
#!genome-build simulated-1
2 sim chromosome 1 90000 . . . ID=chromosome:2;Alias=CM1
2 sim gene 38814 46870 . - . ID=gene:ENSG00000990001;Name=FAM1C;biotype=protein_coding;description=a%2C b%3B
2 sim transcript 38814 46385 . - . ID=transcript:ENST00000990011;Parent=gene:ENSG00000990001;Name=FAM1C-001;tag=basic
2 sim three_prime_UTR 38814 41607 . - . Parent=transcript:ENST00000990011
2 sim exon 38814 41627 . - . Parent=transcript:ENST00000990011;Name=ENSE1;rank=2
2 sim processed_transcript 41221 46870 . - . ID=transcript:ENST00000990012;Parent=gene:ENSG00000990001;Name=FAM1C-002
2 sim exon 41221 42952 . - . Parent=transcript:ENST00000990012;Name=ENSE2;rank=2
2 sim CDS 41608 41627 . - 2 ID=CDS:ENSP1;Parent=transcript:ENST00000990011;protein_id=ENSP1
2 sim exon 45440 46385 . - . Parent=transcript:ENST00000990011;Name=ENSE3;rank=1
2 sim CDS 45440 46000 . - 0 ID=CDS:ENSP1;Parent=transcript:ENST00000990011;protein_id=ENSP1
2 sim exon 46500 46870 . - . Parent=transcript:ENST00000990012;Name=ENSE4;rank=1
###
2 sim lincRNA_gene 50001 50900 . + . ID=gene:ENSG00000990002;Name=LINC9;biotype=lincRNA
2 sim lincRNA 50001 50900 . + . ID=transcript:ENST00000990021;Parent=gene:ENSG00000990002
2 sim exon 50001 50900 . + . Parent=transcript:ENST00000990021
2 sim pseudogene 60001 60400 . + . ID=gene:ENSG00000990003;Name=PS1;biotype=pseudogene
2 sim gene 70001 79000 . + . ID=gene:ENSG00000990004;Name=TBX1;biotype=protein_coding
2 sim mRNA 70001 79000 . + . ID=transcript:ENST00000990041;Parent=gene:ENSG00000990004;tag=basic,Ensembl_canonical
2 sim mRNA 70001 75000 . + . ID=transcript:ENST00000990042;Parent=gene:ENSG00000990004;tag=basic
2 sim exon 78001 79000 . + . Parent=transcript:ENST00000990041
2 sim exon 70001 70500 . + . Parent=transcript:ENST00000990041,transcript:ENST00000990042
2 sim exon 74001 75000 . + . Parent=transcript:ENST00000990042
2 sim CDS 70101 70500 . + 0 ID=CDS:ENSP2;Parent=transcript:ENST00000990042
"""


@pytest.fixture(params=["genes.gff3", "genes.gff3.gz"])
def gff3(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Columns are separated by tabs; LINES shows them by spaces, as only the last column holds any."""
    rows = [line if line.startswith("#") else "\t".join(line.split(" ", 8)) for line in LINES.splitlines()]
    path, text = tmp_path / str(request.param), "\n".join([*rows, ""])
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_genes_are_found_by_identifier_and_by_name_with_their_canonical_exons(gff3: Path) -> None:
    panel = read_panel(gff3, ["ENSG00000990001", "TBX1"])
    first, second = panel.genes
    assert (first.gene_id, first.name, first.interval) == ("ENSG00000990001", "FAM1C", Interval("2", 38813, 46870, "-"))
    assert first.transcript == "ENST00000990011 (longest coding sequence)"
    assert first.exons == (Interval("2", 45439, 46385, "-"), Interval("2", 38813, 41627, "-"))
    assert second.transcript == "ENST00000990041 (Ensembl_canonical)"
    assert second.exons == (Interval("2", 70000, 70500, "+"), Interval("2", 78000, 79000, "+"))
    assert "genome-build simulated-1" in panel.release


def test_an_exon_of_two_transcripts_belongs_to_both(gff3: Path) -> None:
    (gene,) = read_panel(gff3, ["TBX1"], transcript="union").genes
    assert [(exon.start, exon.end) for exon in gene.exons] == [(70000, 70500), (74000, 75000), (78000, 79000)]
    assert gene.transcript == "union of 2 transcripts"


def test_genes_of_every_kind_are_read_and_those_without_exons_are_named(gff3: Path) -> None:
    panel = read_panel(gff3, biotype=None)
    assert [gene.name for gene in panel.genes] == ["FAM1C", "LINC9", "TBX1"]
    assert dict(panel.skipped) == {"ENSG00000990003": "it has no transcript with exons"}
    with pytest.raises(InputError, match="no transcript with exons"):
        read_panel(gff3, ["PS1"])
    assert [gene.name for gene in read_panel(gff3).genes] == ["FAM1C", "TBX1"]
