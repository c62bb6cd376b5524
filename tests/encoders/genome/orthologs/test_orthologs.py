"""Edit distances against published aligners; strands; FASTA files as people have them."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.orthologs import (
    edit_distance,
    is_other_strand,
    normalised_edit_distance,
    read_genes_of_species,
)
from encoders.genome.sequences import reverse_complement
from tests.conftest import REPOSITORY

ANSWERS = json.loads((REPOSITORY / "tests" / "reference" / "alignment" / "edits.json").read_text("utf-8"))
SEQUENCES = st.text("ACGTN", max_size=40)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{len(answer['first'])} x {len(answer['second'])}")
def test_edits_are_those_of_published_aligners(answer: dict[str, str]) -> None:
    assert edit_distance(answer["first"], answer["second"]) == answer["edits"]
    assert edit_distance(answer["second"], answer["first"]) == answer["edits"]


def _table(first: str, second: str) -> int:
    """Needleman and Wunsch's table, cell by cell."""
    above = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        row = [i]
        for j, b in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b or a == "N")))
        above = row
    return above[-1]


@given(SEQUENCES, SEQUENCES)
def test_edits_are_those_of_the_whole_table(first: str, second: str) -> None:
    assert edit_distance(first, second) == _table(first, second)


@given(st.text("ACGT", max_size=40), st.text("ACGT", max_size=40), st.text("ACGT", max_size=40))
def test_edits_are_a_distance(a: str, b: str, c: str) -> None:
    assert edit_distance(a, a) == 0
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert edit_distance(reverse_complement(a), reverse_complement(b)) == edit_distance(a, b)
    assert 0 <= normalised_edit_distance(a, b) <= 1


def test_a_gene_on_the_other_strand_is_told_by_its_kmers() -> None:
    first, second = ANSWERS[7]["first"], ANSWERS[7]["second"]
    assert not is_other_strand(second, first)
    assert is_other_strand(reverse_complement(second), first)


def test_records_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "mouse.fa.gz"
    path.write_bytes(gzip.compress(b"> FOXP2 some words\nacg--u\nRN\n>COMT\nAC.GT*\n>GONE\n-----\n"))
    assert read_genes_of_species(path) == {"FOXP2": "ACGTNN", "COMT": "ACGT"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b">A\nACGT\n>A\nACG\n", "'A' is there twice: keep one"),
        (b">\nACGT\n", "needs a name, that of its gene; one has none"),
        (b">A\n----\n", "holds none"),
        (b"", "holds none"),
        (b">A\nMKVLAQE\n", r"record 'A': A DNA sequence holds only A, C, G, T, N"),
        (b"\x1f\x8b\x08\x00broken", "holds none|cannot be read"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "x.fa"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_genes_of_species(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*nowhere\.fa: correct the path"):
        read_genes_of_species(tmp_path / "nowhere.fa")
