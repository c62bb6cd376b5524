"""Panels from GTF and GFF3: coordinates, transcript choice, refusals."""

from pathlib import Path

import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import read_panel
from encoders.genome.intervals import Interval

GTF = """\
#!genome-build TEST1
20	t	gene	101	900	.	-	.	gene_id "G1.2"; gene_name "ONE"; gene_type "protein_coding";
20	t	transcript	101	900	.	-	.	gene_id "G1.2"; transcript_id "T1"; tag "basic"; tag "Ensembl_canonical";
20	t	exon	101	200	.	-	.	gene_id "G1.2"; transcript_id "T1";
20	t	exon	401	500	.	-	.	gene_id "G1.2"; transcript_id "T1";
20	t	transcript	101	900	.	-	.	gene_id "G1.2"; transcript_id "T2"; tag "MANE_Select";
20	t	exon	151	250	.	-	.	gene_id "G1.2"; transcript_id "T2";
20	t	exon	801	900	.	-	.	gene_id "G1.2"; transcript_id "T2";
20	t	CDS	801	830	.	-	.	gene_id "G1.2"; transcript_id "T2";
20	t	gene	2001	2100	.	.	.	gene_id "G2"; gene_name "TWO"; gene_type "protein_coding";
20	t	transcript	2001	2100	.	.	.	gene_id "G2"; transcript_id "T3";
20	t	exon	2001	2100	.	.	.	gene_id "G2"; transcript_id "T3";
20	t	gene	3001	3100	.	+	.	gene_id "G3"; gene_name "TWIN"; gene_type "lincRNA";
20	t	gene	4001	4100	.	+	.	gene_id "G4"; gene_name "TWIN"; gene_type "protein_coding";
20	t	transcript	4001	4100	.	+	.	gene_id "G4"; transcript_id "T4";
20	t	exon	4001	4060	.	+	.	gene_id "G4"; transcript_id "T4";
20	t	CDS	4001	4030	.	+	.	gene_id "G4"; transcript_id "T4";
20	t	transcript	4001	4100	.	+	.	gene_id "G4"; transcript_id "T5";
20	t	exon	4001	4090	.	+	.	gene_id "G4"; transcript_id "T5";
"""


@pytest.fixture
def gtf(tmp_path: Path) -> Path:
    path = tmp_path / "panel.gtf"
    path.write_text(GTF)
    return path


def test_canonical_exons_run_five_to_three_prime(gtf: Path) -> None:
    panel = read_panel(gtf, ["ONE"])
    gene = panel.genes[0]
    assert gene.interval == Interval("20", 100, 900, "-")
    assert gene.exons == (Interval("20", 400, 500, "-"), Interval("20", 100, 200, "-"))
    assert gene.transcript == "T1 (Ensembl_canonical)"
    assert panel.release == "genome-build TEST1"


@pytest.mark.parametrize(
    ("rule", "exons", "text"),
    [
        ("mane", [(800, 900), (150, 250)], "T2 (MANE_Select)"),
        ("union", [(800, 900), (400, 500), (100, 250)], "union of 2 transcripts"),
    ],
)
def test_other_transcript_rules(gtf: Path, rule: str, exons: list[tuple[int, int]], text: str) -> None:
    gene = read_panel(gtf, ["G1"], transcript=rule).genes[0]
    assert [(exon.start, exon.end) for exon in gene.exons] == exons
    assert gene.transcript == text


def test_without_tags_the_longest_coding_sequence_wins(gtf: Path) -> None:
    assert read_panel(gtf, ["G4"]).genes[0].transcript == "T4 (longest coding sequence)"


def test_a_whole_annotation_skips_and_names_what_cannot_be_read(gtf: Path) -> None:
    panel = read_panel(gtf)
    assert [gene.gene_id for gene in panel.genes] == ["G1.2", "G4"]
    assert panel.skipped == (("G2", "its strand is '.', so 5' and 3' are unknown"),)


def test_an_open_strand_may_be_read_forward_and_is_said(gtf: Path) -> None:
    gene = read_panel(gtf, ["TWO"], unstranded="forward").genes[0]
    assert gene.interval.strand == gene.exons[0].strand == "+"
    assert "strand unknown" in gene.transcript


@pytest.mark.parametrize(
    ("genes", "rule", "message"),
    [
        (["TWO"], "canonical", "Gene G2 of .* its strand is '.'"),
        (["ONCE"], "canonical", "near names are ONE"),
        (["TWIN"], "canonical", "TWIN is G3, G4"),
        (["G3"], "canonical", "no transcript with exons"),
        (["G4"], "mane", "none of its transcripts is tagged MANE_Select"),
        (["ONE", "G1"], "canonical", "asked for twice"),
    ],
)
def test_genes_asked_for_are_refused_by_name(gtf: Path, genes: list[str], rule: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_panel(gtf, genes, transcript=rule)


def test_a_gene_in_two_files_is_ambiguous(gtf: Path, tmp_path: Path) -> None:
    other = tmp_path / "again.gtf"
    other.write_text(GTF)
    with pytest.raises(InputError, match="given 2 times"):
        read_panel([gtf, other], ["ONE"])


@pytest.mark.parametrize("text", ["", '20\tt\tgene\tx\t900\t.\t-\t.\tgene_id "G";\n', "20 gene 1 2\n"])
def test_files_without_genes_or_with_broken_lines_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.gtf"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.gtf"):
        read_panel(path)


def test_genuine_ensembl_gff3(real_data: Path) -> None:
    panel = read_panel(real_data / "genome/Homo_sapiens.GRCh37.82.chr2_X.gff3.gz", ["ENSG00000184731", "TBR1"])
    first, second = panel.genes
    assert (first.name, first.interval) == ("FAM110C", Interval("2", 38813, 46870, "-"))
    assert first.transcript.startswith("ENST00000327669")
    assert first.exons[-1].start == 38813
    assert second.interval.strand == "+"
    assert second.exons == tuple(sorted(second.exons, key=lambda exon: exon.start))


def test_real_gtf_panels(real_data: Path) -> None:
    folder = real_data / "genome"
    panel = read_panel([*folder.glob("grch37_chr2[02]/*.gtf")])
    assert "COMT" in {gene.gene_id for gene in panel.genes}
    assert "AL136531.1" in dict(panel.skipped)
