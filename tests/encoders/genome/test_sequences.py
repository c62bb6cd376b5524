"""The alphabet and its identities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.sequences import clean_sequence, reverse_complement, sequence_id

LETTERS = "ACGTNRYSWKMBDHV"


@given(st.text(LETTERS + LETTERS.lower(), max_size=60))
def test_reverse_complement_undoes_itself(sequence: str) -> None:
    assert reverse_complement(reverse_complement(sequence)) == sequence.upper()


def test_reverse_complement_of_every_code() -> None:
    assert reverse_complement("ACGTNRYSWKMBDHV") == "BDHVKMWSRYNACGT"


def test_identity_ignores_case_and_is_blake2b_128() -> None:
    assert sequence_id("acgt") == sequence_id("ACGT") != sequence_id("ACGA")
    assert len(sequence_id("")) == 32


@pytest.mark.parametrize(("given_text", "cleaned"), [("acguN", "ACGTN"), ("", ""), ("rYn", "RYN")])
def test_cleaning_reads_rna_and_soft_masking(given_text: str, cleaned: str) -> None:
    assert clean_sequence(given_text) == cleaned


@pytest.mark.parametrize("text", ["ACG*", "AC GT", "ACGTJ", "AÇ"])
def test_cleaning_names_the_letter(text: str) -> None:
    with pytest.raises(InputError, match="first at position"):
        clean_sequence(text)


def test_regions_are_one_based_text_and_zero_based_half_open_inside() -> None:
    interval = parse_region("chr20:1,093,906-1160596")
    assert (interval.chrom, interval.start, interval.end, len(interval)) == ("chr20", 1093905, 1160596, 66691)
    assert parse_region(str(interval)) == interval


@pytest.mark.parametrize("text", ["20", "20:5", "20:7-5", "20:0-5", "20-5-7"])
def test_bad_regions_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_region(text)


@pytest.mark.parametrize(("start", "end", "strand"), [(-1, 5, "+"), (5, 5, "+"), (0, 5, "plus")])
def test_intervals_refuse_nonsense(start: int, end: int, strand: str) -> None:
    with pytest.raises(InputError):
        Interval("20", start, end, strand)
