"""Near-duplicates are found, strangers are not, and clusters of them never straddle splits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.genome.intervals import Interval
from encoders.genome.sequences import reverse_complement
from encoders.training.tasks.similarity import find_clusters, overlapping_pairs, similar_pairs
from encoders.training.tasks.splitting import keep_apart, split_by_cluster, straddling


def random_sequences(n: int, length: int, rng: np.random.Generator) -> list[str]:
    return ["".join(row) for row in rng.choice(list("ACGT"), size=(n, length))]


def mutated(bases: str, share: float, rng: np.random.Generator) -> str:
    """A fixed share of bases replaced by others, spread evenly."""
    letters = list(bases)
    for at in np.linspace(0, len(bases) - 1, round(share * len(bases))).astype(int):
        letters[at] = rng.choice([one for one in "ACGT" if one != letters[at]])
    return "".join(letters)


@pytest.mark.parametrize("length", [120, 1500])
def test_copies_with_few_differences_are_pairs_and_others_are_not(length: int) -> None:
    rng = np.random.default_rng(0)
    bases = random_sequences(40, length, rng)
    copies = [mutated(bases[0], 0.04, rng), reverse_complement(mutated(bases[1], 0.04, rng)), bases[2][5:-5]]
    far = [mutated(bases[3], 0.3, rng), bases[4][: length // 2] + bases[5][length // 2 :]]
    pairs = {tuple(pair) for pair in similar_pairs([*bases, *copies, *far], identity=0.9).tolist()}
    assert {(0, 40), (1, 41), (2, 42)} <= pairs
    # a chimera of two halves shares half of its k-mers with each: an identity of 0.94 by the k-mers of the shorter one
    assert pairs - {(0, 40), (1, 41), (2, 42)} == {(4, 44), (5, 44)}


def test_all_pairs_are_those_of_a_direct_count() -> None:
    rng = np.random.default_rng(1)
    bases = random_sequences(12, 60, rng)
    every = [*bases, *(mutated(one, share, rng) for one in bases for share in (0.02, 0.05, 0.1, 0.2))]

    def kmers(sequence: str) -> set[str]:
        parts = (sequence[i : i + 12] for i in range(len(sequence) - 11))
        return {min(part, reverse_complement(part)) for part in parts}

    held = [kmers(one) for one in every]
    wanted = [
        [i, j]
        for i in range(len(every))
        for j in range(i + 1, len(every))
        if len(held[i] & held[j]) >= 0.9**12 * min(len(held[i]), len(held[j])) - 1e-9
    ]
    assert similar_pairs(every, identity=0.9).tolist() == wanted
    assert wanted


def test_short_sequences_and_gaps_are_like_nothing() -> None:
    assert similar_pairs(["ACG", "N" * 30, "ACG"]).tolist() == []


def test_stretches_that_share_bases_are_chained_within_their_contig() -> None:
    places = [
        Interval("1", 50, 90),
        Interval("1", 0, 60, "-"),
        Interval("2", 0, 60),
        Interval("1", 90, 99),
        Interval("1", 10, 20),
    ]
    assert find_clusters(5, overlapping_pairs(places)).tolist() == [0, 0, 1, 2, 0]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), n=st.integers(12, 60), n_pairs=st.integers(0, 40))
def test_clusters_never_straddle_splits(seed: int, n: int, n_pairs: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = np.sort(rng.integers(n, size=(n_pairs, 2)), axis=1)
    labels = rng.integers(3, size=n)
    labels[:3] = range(3)
    split = split_by_cluster(find_clusters(n, pairs), labels, rng)
    assert len(straddling(pairs, split)) == 0
    assert keep_apart(pairs, split).all()


def test_classes_are_shared_out_as_asked() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [900, 100])
    split = split_by_cluster(np.arange(1000), labels, rng)
    for label in (0, 1):
        shares = np.bincount(split[labels == label], minlength=3) / (labels == label).sum()
        np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.011)


def test_of_near_duplicates_across_splits_the_later_one_stays() -> None:
    pairs, split = np.array([[0, 1], [1, 2], [3, 4]]), np.array([0, 1, 2, 0, 0])
    kept = keep_apart(pairs, split)
    assert kept.tolist() == [False, False, True, True, True]
    assert len(straddling(pairs, split)) == 2
