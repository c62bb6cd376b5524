"""The generated vocabulary is the published one, and every published tokenisation comes out."""

import json
from pathlib import Path

import pytest

from encoders.dna.tokenizers.kmer import KmerTokenizer


def test_vocabulary_equals_the_published_files(published_data: Path) -> None:
    for k in (3, 6):
        published = (published_data / f"tokenizers/dnabert/vocab_{k}.txt").read_text().split()
        tokenizer = KmerTokenizer(k)
        assert list(tokenizer.vocabulary()) == published, k
        assert tokenizer.vocabulary_size == len(published)


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_every_upstream_case(k: int, reference_data: Path) -> None:
    cases = json.loads((reference_data / "dnabert/tokenizer_cases.json").read_text())[str(k)]
    assert len(cases) == 10
    for case in cases:
        assert KmerTokenizer(k).encode(case["seq"]).tolist() == case["input_ids"], case["seq"]


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_each_kmer_has_the_id_of_its_place_in_the_vocabulary(k: int) -> None:
    tokenizer = KmerTokenizer(k)
    vocabulary = tokenizer.vocabulary()
    sequence = "ACGTTGCAAGGCTTACCGATNACGTCA"
    for start, token in enumerate(tokenizer.encode(sequence)[1:-1]):
        kmer = sequence[start : start + k]
        assert vocabulary[token] == ("[UNK]" if "N" in kmer else kmer)


def test_too_short_is_specials_alone() -> None:
    assert KmerTokenizer(4).encode("ACG").tolist() == [2, 3]
    assert KmerTokenizer(4).encode("").tolist() == [2, 3]
