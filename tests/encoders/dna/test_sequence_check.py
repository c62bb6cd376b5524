"""What a sequence must be before any encoder reads it."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.dna.protocol import EncoderSpec
from encoders.dna.sequence_check import check_sequences, read_bases, unknown_fraction
from encoders.errors import InputError

SPEC = EncoderSpec(name="e", family="f", label="e-3", hidden_dim=4, tokenizer_version="1", min_bp=3, max_bp=40)


@pytest.mark.parametrize(
    ("sequence", "bases", "n_ambiguous"),
    [("acgt", "ACGT", 0), ("ACGU", "ACGT", 0), ("ACNNGT", "ACNNGT", 0), ("ACRYKGT", "ACNNNGT", 3), ("", "", 0)],
)
def test_letters(sequence: str, bases: str, n_ambiguous: int) -> None:
    assert read_bases(sequence) == (bases, n_ambiguous)


@given(st.text("ACGTN", max_size=40), st.integers(1, 6))
def test_unknown_fraction_equals_a_count_by_hand(bases: str, unit: int) -> None:
    units = [bases[i : i + unit] for i in range(len(bases) - unit + 1)]
    expected = sum("N" in kmer for kmer in units) / len(units) if units else 1.0
    assert unknown_fraction(bases, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("", "at least 3 bp; sequence 1 has 0"),
        ("AC", "at least 3 bp; sequence 1 has 2"),
        ("A" * 41, "at most 40 bp at once and never truncates; sequence 1 has 41"),
        ("NNNNNNNN", "in sequence 1 100% of the 3-mers"),
        ("ACGTNNNNNNNNACG", "in sequence 1 77% of the 3-mers"),
        ("ACG!ACG", "Sequence 1: .*'!'"),
        ("ACGT ACGT", "Sequence 1: "),
    ],
)
def test_a_sequence_that_cannot_be_read_is_named(bad: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_sequences(["ACGTACG", bad], SPEC)


def test_some_unknown_kmers_warn_few_do_not() -> None:
    with pytest.warns(UserWarning, match=r"in 1 of 2 sequences more than 5% of the 3-mers .* \(at most 17\.6%\)"):
        assert check_sequences(["ACGTNACGTTAGCATTAGC", "ACGT"], SPEC)[0] == "ACGTNACGTTAGCATTAGC"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_sequences(["ACGT" * 9 + "ACGN"], SPEC)
        check_sequences(["ACGTNACGT"], SPEC, warn=False)
