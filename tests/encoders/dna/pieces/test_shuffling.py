"""Shuffles keep what they say they keep, and every arrangement is as likely as any other."""

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.dna.pieces import shuffle_dinucleotides


@given(st.text("ACGTN", max_size=60), st.integers(0, 2**32 - 1))
def test_every_pair_of_neighbours_is_kept_exactly(sequence: str, seed: int) -> None:
    for shuffled in shuffle_dinucleotides(sequence, 3, np.random.default_rng(seed)):
        assert Counter(pairwise(shuffled)) == Counter(pairwise(sequence))
        assert (shuffled[:1], shuffled[-1:]) == (sequence[:1], sequence[-1:])
        assert [place for place, letter in enumerate(shuffled) if letter == "N"] == [
            place for place, letter in enumerate(sequence) if letter == "N"
        ]


def test_all_arrangements_are_equally_likely() -> None:
    sequence, n = "ACGATAGCA", 9_000
    pairs = Counter(pairwise(sequence))
    every = {"".join(p) for p in set(permutations(sequence)) if Counter(pairwise(p)) == pairs}
    found = Counter(shuffle_dinucleotides(sequence, n, np.random.default_rng(3)))
    assert found.keys() == {one for one in every if one[0] == sequence[0]}
    expected = n / len(found)
    chi_squared = sum((count - expected) ** 2 / expected for count in found.values())
    assert chi_squared < 40.8  # 99.9 % point of 17 degrees of freedom, of which there is one less than arrangements
    assert len(found) == 18


def test_long_runs_of_one_base_end() -> None:
    """Drawing last edges at random until they are a tree would need a million tries here."""
    sequence = "A" * 100 + "C" * 100 + "G" * 100 + "T"
    assert shuffle_dinucleotides(sequence, 2, np.random.default_rng(0)) == [sequence] * 2


@pytest.mark.parametrize("sequence", ["", "A", "N", "ANC"])
def test_what_has_one_arrangement_stays(sequence: str) -> None:
    assert shuffle_dinucleotides(sequence, 2, np.random.default_rng(0)) == [sequence] * 2
