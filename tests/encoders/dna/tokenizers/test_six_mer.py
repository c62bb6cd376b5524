"""Six-mers that do not overlap: every published tokenisation, and the published vocabularies to the last byte."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders import InputError
from encoders.dna.tokenizers.six_mer import (
    NUCLEOTIDE_TRANSFORMER_VARIANTS,
    GeneratorTokenizer,
    NucleotideTransformerTokenizer,
    WholeSixMers,
)


@pytest.fixture
def published(reference_data: Path) -> Any:
    return json.loads((reference_data / "nucleotide_transformer/tokenizer_cases.json").read_text())


@pytest.fixture
def generator_cases(reference_data: Path) -> Any:
    return json.loads((reference_data / "nucleotide_transformer/generator_tokenizer_cases.json").read_text())


@pytest.mark.parametrize("variant", NUCLEOTIDE_TRANSFORMER_VARIANTS)
def test_the_vocabulary_is_the_published_file(published: Any, variant: str) -> None:
    text = "\n".join(NucleotideTransformerTokenizer(variant).vocabulary)
    expected = published["vocab_txt_sha256_16"][variant.replace("-", "_")]
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == expected


@pytest.mark.parametrize("variant", NUCLEOTIDE_TRANSFORMER_VARIANTS)
def test_every_published_case(published: Any, variant: str) -> None:
    cases = published["cases"][variant.replace("-", "_")]
    tokenizer = NucleotideTransformerTokenizer(variant)
    assert len(cases) >= 1
    assert {text: tokenizer.encode(text).tolist() for text in cases} == cases


def test_v1_has_no_rows_for_its_end_tokens_and_other_numbers_than_v2() -> None:
    v1, v2 = NucleotideTransformerTokenizer("v1"), NucleotideTransformerTokenizer("v2")
    assert (v1.vocabulary_size, v2.vocabulary_size) == (4105, 4107)
    assert (v2.encode("ACGTTGCAAGGC")[1:] - v1.encode("ACGTTGCAAGGC")[1:]).tolist() == [2, 2]


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(InputError, match="one of v1, v2, v2-3mer; got 'v3'"):
        NucleotideTransformerTokenizer("v3")


@pytest.mark.parametrize("variant", NUCLEOTIDE_TRANSFORMER_VARIANTS)
def test_the_tokens_of_random_sequences_spell_them_greedily(variant: str) -> None:
    tokenizer, rng = NucleotideTransformerTokenizer(variant), np.random.default_rng(3)
    for length in rng.integers(1, 80, 200):
        sequence = "".join(rng.choice(list("ACGTN"), length, p=[0.24, 0.24, 0.24, 0.24, 0.04]))
        pieces = [tokenizer.vocabulary[number] for number in tokenizer.encode(sequence)]
        assert pieces[0] == "<cls>"
        assert "".join(pieces[1:]) == sequence
        rest = sequence
        for piece in pieces[1:]:  # a single base only where no whole k-mer fits
            fits = re.match(f"[ACGT]{{{tokenizer.k}}}", rest) is not None
            assert len(piece) == (tokenizer.k if fits else 1)
            rest = rest[len(piece) :]


def test_generator_has_the_published_vocabulary_and_cases(generator_cases: Any) -> None:
    tokenizer = GeneratorTokenizer()
    assert tokenizer.vocabulary_size == 4128
    lines = "".join(f"{token} {number}\n" for number, token in enumerate(tokenizer.vocabulary))
    digests = {hashlib.sha256(text.encode()).hexdigest()[:16] for text in (lines, lines.rstrip("\n"))}
    assert digests & set(re.findall(r"sha256 ([0-9a-f]{16})", generator_cases["rule"]))
    cases = generator_cases["cases"] | dict(generator_cases["verified_official_vectors"])
    assert {text: tokenizer.encode(text).tolist() for text in cases} == cases
    assert list(tokenizer.vocabulary[:32]) == generator_cases["special_tokens"]


def test_generator_leaves_out_what_is_no_whole_six_mer_and_keeps_its_frame_after_an_n() -> None:
    whole = WholeSixMers()
    (_, six_mer) = GeneratorTokenizer().encode("ACGTAC")
    assert whole.encode("ACGTACACGNACACGTACACG").tolist() == [1, six_mer, 0, six_mer]
    assert whole.encode("ACGTA").tolist() == [1]
