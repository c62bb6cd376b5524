"""Annotation files damaged in every way that hypothesis finds: a panel or one sentence, and other genes untouched."""

import gzip
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.genome.annotation.panel import Panel, read_panel
from tests.encoders.genome.annotation.test_dialects import ALFA, GFF3, GTF, REFSEQ_GFF3, REFSEQ_GTF
from tests.sentences import or_one_sentence

ODD = st.sampled_from([
    "", " ", ".", "?", "-1", "0", "1e5", "²", "9" * 30, "\0", "\xff", "\x85", "gene", "exon", "Parent=", "ID=;Parent=,",
    'gene_id "', 'gene_id ";', '"', ";", "=", "%", "%zz", "\\", "#", "##FASTA", ">", "\r", "transcript_id",
    "gene_id=ENSG1",
]) | st.text(st.characters(codec="latin-1", exclude_characters="\n"), max_size=12)  # fmt: skip
fuzz = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def damage(draw: st.DrawFn, line: str) -> str:
    """One column, one attribute or one letter of a line replaced, or the line cut."""
    columns = line.split("\t")
    place = draw(st.integers(0, len(columns) - 1))
    kind = draw(st.sampled_from(["column", "attribute", "letter", "cut"]))
    if kind == "column":
        columns[place] = draw(ODD)
        return "\t".join(columns)
    if kind == "attribute":
        pairs = columns[-1].split(";")
        pairs[draw(st.integers(0, len(pairs) - 1))] = draw(ODD)
        return "\t".join([*columns[:-1], ";".join(pairs)])
    at = draw(st.integers(0, len(line)))
    return line[:at] + (draw(ODD) + line[at + 1 :] if kind == "letter" else "")


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    lines = draw(st.sampled_from([GTF, GFF3, REFSEQ_GTF, REFSEQ_GFF3])).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        doubled, lost = draw(st.booleans()), draw(st.booleans())
        lines[at : at + 1] = [damage(draw, lines[at])] * (0 if lost else 2 if doubled else 1)
        lines = lines or [""]
    content = "\n".join(lines).encode("latin-1")
    if draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=4)) + content[at + draw(st.integers(0, 40)) :]
    return content


@pytest.mark.parametrize("rule", ["canonical", "mane", "union"])
@fuzz
@given(content=damaged_files())
def test_a_damaged_file_is_a_panel_or_one_sentence(
    tmp_path: Path, rule: Literal["canonical", "mane", "union"], content: bytes
) -> None:
    path = tmp_path / "a.gtf"
    path.write_bytes(content)
    for biotype in ("protein_coding", None):
        with or_one_sentence():
            panel = read_panel(path, transcript=rule, biotype=biotype)
            assert isinstance(panel, Panel)
            assert panel.genes
            assert all(gene.exons for gene in panel.genes)


@fuzz
@given(data=st.data())
def test_damage_to_one_gene_leaves_the_other_as_it_was(tmp_path: Path, data: st.DataObject) -> None:
    lines = GTF.splitlines()
    at = data.draw(st.integers(5, 7))
    lines[at] = data.draw(st.composite(damage)(lines[at])).replace("ENSG1", "ENSG3").replace("##FASTA", "")
    path = tmp_path / "a.gtf"
    path.write_bytes("\n".join(lines).encode("latin-1"))
    (gene,) = read_panel(path, ["ALFA"]).genes
    assert tuple((exon.start, exon.end) for exon in gene.exons) == ALFA
