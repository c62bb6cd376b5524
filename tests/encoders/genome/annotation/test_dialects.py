"""One pair of genes as every tool writes it: the exons are those of the plain file, or the refusal says why not."""

# ruff: noqa: E501, W291 - lines as RefSeq and Ensembl write them

import gzip
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel, read_panel

ALFA, BETA = ((100, 300), (500, 700)), ((1300, 1500), (900, 1100))
GTF = """\
20	x	gene	101	700	.	+	.	gene_id "ENSG1.2"; gene_name "ALFA"; gene_type "protein_coding";
20	x	transcript	101	700	.	+	.	gene_id "ENSG1.2"; transcript_id "ENST1.1"; tag "basic"; tag "Ensembl_canonical";
20	x	exon	101	300	.	+	.	gene_id "ENSG1.2"; transcript_id "ENST1.1";
20	x	exon	501	700	.	+	.	gene_id "ENSG1.2"; transcript_id "ENST1.1";
20	x	gene	901	1500	.	-	.	gene_id "ENSG2.1"; gene_name "BETA"; gene_type "protein_coding";
20	x	transcript	901	1500	.	-	.	gene_id "ENSG2.1"; transcript_id "ENST2.1"; tag "Ensembl_canonical";
20	x	exon	1301	1500	.	-	.	gene_id "ENSG2.1"; transcript_id "ENST2.1";
20	x	exon	901	1100	.	-	.	gene_id "ENSG2.1"; transcript_id "ENST2.1";
"""
GFF3 = """\
##gff-version 3
20	e	gene	101	700	.	+	.	ID=gene:ENSG1;Name=ALFA;biotype=protein_coding;gene_id=ENSG1
20	e	mRNA	101	700	.	+	.	ID=transcript:T1;Parent=gene:ENSG1;tag=basic,Ensembl_canonical;transcript_id=T1
20	e	exon	101	300	.	+	.	Parent=transcript:T1;exon_id=E1
20	e	exon	501	700	.	+	.	Parent=transcript:T1;exon_id=E2
"""
REFSEQ_GTF = """\
#gtf-version 2.2
20	r	gene	101	700	.	+	.	gene_id "ALFA"; transcript_id ""; db_xref "GeneID:11"; gene "ALFA"; gene_biotype "protein_coding"; 
20	r	transcript	101	700	.	+	.	gene_id "ALFA"; transcript_id "NM_1.1"; gene "ALFA"; tag "MANE Select"; 
20	r	exon	101	300	.	+	.	gene_id "ALFA"; transcript_id "NM_1.1"; gene "ALFA"; tag "MANE Select"; exon_number "1"; 
20	r	exon	501	700	.	+	.	gene_id "ALFA"; transcript_id "NM_1.1"; gene "ALFA"; tag "MANE Select"; exon_number "2"; 
20	r	CDS	501	600	.	+	.	gene_id "ALFA"; transcript_id "NM_1.1"; gene "ALFA"; exon_number "2"; 
20	r	transcript	101	700	.	+	.	gene_id "ALFA"; transcript_id "XM_2.1"; model_evidence "made; up"; 
20	r	exon	101	340	.	+	.	gene_id "ALFA"; transcript_id "XM_2.1"; exon_number "1"; 
20	r	exon	471	700	.	+	.	gene_id "ALFA"; transcript_id "XM_2.1"; exon_number "2"; 
20	r	CDS	471	650	.	+	.	gene_id "ALFA"; transcript_id "XM_2.1"; exon_number "2"; 
"""
REFSEQ_GFF3 = """\
##gff-version 3
#!processor NCBI annotwriter
20	r	region	1	2000	.	+	.	ID=20:1..2000;Name=20;gbkey=Src
20	r	gene	101	700	.	+	.	ID=gene-ALFA;Dbxref=GeneID:11;Name=ALFA;gene=ALFA;gene_biotype=protein_coding
20	r	mRNA	101	700	.	+	.	ID=rna-NM_1.1;Parent=gene-ALFA;Name=NM_1.1;gene=ALFA;tag=MANE Select;transcript_id=NM_1.1
20	r	exon	101	300	.	+	.	ID=exon-NM_1.1-1;Parent=rna-NM_1.1;gene=ALFA;tag=MANE Select;transcript_id=NM_1.1
20	r	exon	501	700	.	+	.	ID=exon-NM_1.1-2;Parent=rna-NM_1.1;gene=ALFA;tag=MANE Select;transcript_id=NM_1.1
20	r	CDS	501	600	.	+	.	ID=cds-NP_1.1;Parent=rna-NM_1.1;gbkey=CDS;gene=ALFA
"""
UNDECLARED = "; no gene line, body from its transcripts"

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an annotation: ``write(text)``."""

    def write_file(content: str | bytes) -> Path:
        path = tmp_path / "a.gtf"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def exons(panel: Panel) -> dict[str, tuple[tuple[int, int], ...]]:
    return {gene.name: tuple((exon.start, exon.end) for exon in gene.exons) for gene in panel.genes}


def without(kind: str, text: str = GTF) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if f"\t{kind}\t" not in line)


def blanks(text: str) -> str:
    """Copied from a page on which tabs are blanks."""
    return "\n".join(
        "   ".join(line.split("\t")[:8]) + " " + "".join(line.split("\t")[8:]) for line in text.splitlines()
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\tgene_id", "\t gene_id"),
        lambda text: text.replace('_id "', '_id  "').replace("; ", ";  "),
        lambda text: text.replace('"', ""),
        lambda text: text.replace('gene_id "', 'note "a; gene_id \\"B\\" b"; gene_id "'),
        lambda text: text.replace('"; ', '";'),
        lambda text: text.replace('";\n', '"\n'),
        lambda text: text.replace('"; ', '" '),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\t\n"),
        lambda text: "\n" + text + "\n\n",
        lambda text: text + "##FASTA\n>20\nACGT\n",
        lambda text: text + '20\tx\tgene\t1\t9\t.\t?\t.\tgene_id "G3"; gene_type "lincRNA";\n',
        lambda text: text + "20\tx\tgene\tone\t9\t.\t+\t.\tID=G3\n",
        lambda text: text + '20\tx\texon\t9\t1\t.\t+\t.\tgene_id "G3"; transcript_id "T3";\n',
        lambda text: text.replace("ENST2.1", "ENST1.1"),
        lambda text: without("transcript", text),
        blanks,
    ],
    ids=[
        "leading blank", "two blanks", "no quotes", "semicolon in quotes", "no blank", "no last semicolon",
        "no semicolons", "CRLF", "CR", "byte order mark", "trailing tab", "blank lines", "FASTA part",
        "another gene's strand", "another gene's start", "another gene's exon", "shared transcript_id",
        "no transcript lines", "blanks for tabs",
    ],
)  # fmt: skip
def test_dialects_of_gtf_say_the_same(write: Write, change: Callable[[str], str]) -> None:
    assert exons(read_panel(write(change(GTF)))) == {"ALFA": ALFA, "BETA": BETA}


def test_genes_that_no_line_declares_are_found_by_their_transcripts(write: Write) -> None:
    panel = read_panel(write(without("gene")), biotype=None)
    assert {gene.gene_id: (gene.interval.start, gene.interval.end) for gene in panel.genes} == {
        "ENSG1.2": (100, 700), "ENSG2.1": (900, 1500),
    }  # fmt: skip
    assert [tuple((exon.start, exon.end) for exon in gene.exons) for gene in panel.genes] == [ALFA, BETA]
    assert all(gene.transcript.endswith(UNDECLARED) for gene in panel.genes)
    one_lost = "".join(GTF.splitlines(keepends=True)[1:])
    assert [gene.gene_id for gene in read_panel(write(one_lost), biotype=None).genes] == ["ENSG2.1", "ENSG1.2"]
    with pytest.raises(InputError, match=r"none of 2 genes .* of biotype protein_coding \(it is not named: 2\)"):
        read_panel(write(without("gene")))


def test_refseq_is_read_by_its_own_links_and_tags(write: Write) -> None:
    for text in (REFSEQ_GTF, REFSEQ_GFF3):
        for rule in ("canonical", "mane"):
            (gene,) = read_panel(write(text), transcript=rule).genes
            assert (gene.gene_id, gene.name, gene.transcript) == ("ALFA", "ALFA", "NM_1.1 (MANE_Select)")
            assert tuple((exon.start, exon.end) for exon in gene.exons) == ALFA
    untagged = REFSEQ_GTF.replace("MANE Select", "RefSeq Select")
    assert read_panel(write(untagged)).genes[0].transcript == "NM_1.1 (RefSeq_Select)"
    assert read_panel(write(REFSEQ_GFF3), ["gene-ALFA"]).genes[0].gene_id == "ALFA"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "##FASTA\n>20\nACGTACGT\n",
        lambda text: text + ">20\nACGTACGT\n",
        lambda text: text.replace("Parent=transcript:T1", "Parent=other,transcript:T1"),
        lambda text: text.replace("gene_id=ENSG1", "description=5%27 end; of it"),
        lambda text: "".join(reversed(text.splitlines(keepends=True))),
        lambda text: text.replace("Parent=gene:ENSG1", "geneID=gene:ENSG1"),
        lambda text: without("mRNA", text).replace("transcript:T1", "gene:ENSG1"),
        lambda text: text.replace("gene:", "").replace("transcript:", ""),
    ],
    ids=["FASTA", "no directive", "two parents", "escapes", "upside down", "gffread", "no transcript", "bare"],
)
def test_dialects_of_gff3_say_the_same(write: Write, change: Callable[[str], str]) -> None:
    assert exons(read_panel(write(change(GFF3)))) == {"ALFA": ALFA}


def test_the_bytes_say_what_a_file_is_not_its_name(tmp_path: Path) -> None:
    latin = GTF.replace("\tx\t", "\tSchütz\t").encode("latin-1")
    plain = tmp_path / "plain.gtf"
    plain.write_bytes(latin)
    pysam.tabix_compress(str(plain), str(tmp_path / "blocked.txt"), force=True)
    (tmp_path / "named.gz").write_bytes(latin)
    (tmp_path / "zipped.gff3").write_bytes(gzip.compress(latin))
    for name in ("plain.gtf", "blocked.txt", "named.gz", "zipped.gff3"):
        assert exons(read_panel(tmp_path / name)) == {"ALFA": ALFA, "BETA": BETA}
    for encoding in ("utf-8", "latin-1"):
        umlaut = GTF.replace("BETA", "BÄTA").replace("ENSG2.1", "ÄNSG2.1")
        (tmp_path / "u.gtf").write_text(umlaut, encoding=encoding)
        assert exons(read_panel(tmp_path / "u.gtf", ["BÄTA"])) == {"BÄTA": BETA}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\n", "needs gene lines.*line 1 cannot be read"),
        (b"\x1f\x8b", "cut short"),
        (gzip.compress(GTF.encode(), mtime=0)[:-30], "cut short|damaged gzip"),
        (gzip.compress(GTF.encode(), mtime=0)[:12] + b"\xff" * 40, "damaged gzip|cut short"),
        (GTF.encode("utf-16"), "is UTF-16: unpack it, or save it as UTF-8"),
        (b"PK\x03\x04 and so on", "is zip"),
        (b"", "needs gene lines"),
        (b"\0" * 300, "needs gene lines"),
    ],
    ids=["no text", "two bytes", "cut", "damaged", "UTF-16", "zip", "empty", "NUL"],
)
def test_bytes_that_are_no_annotation_are_one_sentence(write: Write, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_panel(write(content))


def test_a_bgzip_that_lost_its_last_block_is_cut(tmp_path: Path) -> None:
    (tmp_path / "plain.gtf").write_text(GTF)
    pysam.tabix_compress(str(tmp_path / "plain.gtf"), str(tmp_path / "cut.gtf.gz"), force=True)
    (tmp_path / "cut.gtf.gz").write_bytes((tmp_path / "cut.gtf.gz").read_bytes()[:-28])
    with pytest.raises(InputError, match="its bgzip has no end"):
        read_panel(tmp_path / "cut.gtf.gz")


LAST_LINE = GTF.splitlines(keepends=True)[-1]


@pytest.mark.parametrize(
    ("text", "concerned"),
    [
        (GTF.replace('1300\t1500', '1300\t15OO').replace("1301\t1500", "1301\t15OO"), "line 7"),
        (GTF[:-20], "line 8"),
        (GTF[: GTF.rindex("exon")], "line 8"),
        (GTF.replace("901\t1100", "1100\t901"), "line 8.*from 1100 to 901"),
        (GTF.replace("901\t1100", "0\t1100"), "line 8"),
        (GTF.replace(LAST_LINE, LAST_LINE.replace("\t-\t", "\t*\t")), "line 8.*strand"),
        (GTF.replace(LAST_LINE, LAST_LINE.replace(' transcript_id "ENST2.1";', "")), "line 8.*transcript_id"),
        (GTF.replace(LAST_LINE, LAST_LINE.replace('"; transcript', '"9 transcript')), "line 8.*told apart"),
        (GTF.replace("901\t1100", f"901\t{'9' * 5000}"), "line 8"),
    ],
    ids=["letter O", "cut", "cut in columns", "backwards", "zero", "strand", "no transcript", "garbled", "endless"],
)  # fmt: skip
def test_an_unreadable_line_stops_its_gene_and_no_other(write: Write, text: str, concerned: str) -> None:
    path = write(text)
    assert exons(read_panel(path, ["ALFA"])) == {"ALFA": ALFA}
    for genes in (["BETA"], None):
        with pytest.raises(InputError, match=concerned):
            read_panel(path, genes)


def test_lines_that_concern_nobody_are_counted(write: Write) -> None:
    panel = read_panel(write("once upon a time\n" + GTF), ["ALFA"])
    assert panel.notes == (
        "1 lines of a.gtf cannot be read and concern no gene of the panel; the first is line 1, as it has 4 columns "
        "instead of 9",
    )
    assert read_panel(write(GTF)).notes == ()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (6, "exons of one transcript overlap: 20:1301-1500 of ENST2.1 is given twice"),
        (4, "its identifier is given 2 times, at different places or in different files"),
    ],
    ids=["exon", "gene"],
)
def test_a_doubled_line_leaves_its_gene_out_by_name(write: Write, number: int, reason: str) -> None:
    lines = GTF.splitlines(keepends=True)
    path = write("".join([*lines[: number + 1], *lines[number:]]))
    panel = read_panel(path)
    assert (exons(panel), panel.skipped) == ({"ALFA": ALFA}, (("ENSG2.1", reason),))
    with pytest.raises(InputError, match=rf"ENSG2\.1 of .* cannot be used: {reason}"):
        read_panel(path, ["BETA"])


def test_a_choice_between_two_is_not_made(write: Write) -> None:
    twice = REFSEQ_GTF.replace('model_evidence "made; up"', 'tag "MANE Select"')
    with pytest.raises(InputError, match=r"2 of its transcripts are tagged MANE_Select: NM_1\.1, XM_2\.1"):
        read_panel(write(twice))
    other = REFSEQ_GFF3 + GFF3.replace("transcript:T1", "rna-NM_1.1")
    assert [reason[0] for reason in read_panel(write(other + REFSEQ_GTF.replace("ALFA", "C"))).skipped] == [
        "ALFA", "ENSG1",
    ]  # fmt: skip
    moved = GTF + LAST_LINE.replace("exon\t901\t1100", "transcript\t5901\t6100")
    assert read_panel(write(moved)).skipped[0][1].startswith("its transcript ENST2.1 is given more than once")


def test_an_empty_panel_says_why(write: Write) -> None:
    with pytest.raises(
        InputError, match=r"none of 2 genes is usable; gene ENSG1\.2 of .*; gene ENSG2\.1 of .* no tran"
    ):
        read_panel(write(without("exon")))
