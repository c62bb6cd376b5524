"""Motifs of a file against sums over all words, on both strands."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from encoders.dna.pieces import base_codes, read_jaspar
from encoders.errors import InputError
from encoders.genome.sequences import reverse_complement

JASPAR = """>MA0001.1 ONE
A  [ 8 0 1 0 2 ]
C  [ 0 9 0 0 2 ]
G  [ 1 0 8 0 3 ]
T  [ 0 0 0 9 2 ]

>MA0002.2\tTWO
5 0
0 5
0 0
0 0
"""
BACKGROUND = np.array([0.3, 0.2, 0.2, 0.3])


@pytest.fixture
def motifs(tmp_path: Path):  # type: ignore[no-untyped-def]
    (tmp_path / "motifs.txt").write_text(JASPAR)
    return read_jaspar(tmp_path / "motifs.txt")


def test_both_layouts_are_read(motifs) -> None:  # type: ignore[no-untyped-def]
    assert [(one.motif_id, one.name, one.width) for one in motifs] == [("MA0001.1", "ONE", 5), ("MA0002.2", "TWO", 2)]
    assert motifs[0].counts[0].tolist() == [8, 0, 1, 0]


@pytest.mark.parametrize("p", [0.2, 0.01, 0.004])
def test_the_threshold_has_the_p_that_all_words_sum_to(motifs, p: float) -> None:  # type: ignore[no-untyped-def]
    motif = motifs[0]
    scores, threshold = motif.scores(BACKGROUND), motif.threshold(BACKGROUND, p)
    words = np.array(list(product(range(4), repeat=motif.width)))
    score = scores[np.arange(motif.width), words].sum(axis=1)
    share = BACKGROUND[words].prod(axis=1)
    assert share[score >= threshold].sum() <= p
    lower = score[score < threshold].max()
    assert share[score >= lower].sum() > p


def test_a_motif_that_is_too_short_has_no_threshold(motifs) -> None:  # type: ignore[no-untyped-def]
    assert motifs[1].threshold(BACKGROUND, 1e-3) is None


def test_matches_of_either_strand_are_those_of_the_words(motifs) -> None:  # type: ignore[no-untyped-def]
    motif, rng = motifs[0], np.random.default_rng(5)
    threshold = motif.threshold(BACKGROUND, 0.02)
    scores = dict(zip(map("".join, product("ACGT", repeat=5)), np.ndindex((4,) * 5), strict=True))
    table = motif.scores(BACKGROUND)

    def matches(word: str) -> bool:
        return "N" not in word and sum(table[place, base] for place, base in enumerate(scores[word])) >= threshold

    sequences = ["".join(rng.choice(list("ACGTN"), 90, p=[0.24] * 4 + [0.04])) for _ in range(3)]
    expected = [
        [matches(one[at : at + 5]) or matches(reverse_complement(one[at : at + 5])) for at in range(86)]
        for one in sequences
    ]
    found = motif.hits(base_codes(sequences), BACKGROUND, threshold)
    assert found.tolist() == expected
    assert found.any()
    assert motif.hits(base_codes(["ACG"]), BACKGROUND, threshold).shape == (1, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must begin with a line >ID NAME"),
        (">", "one without an id of .* has rows of"),
        (">M1 X\nA 1 2\nC 1 2\nG 1 2\n", r"M1 of .* has rows of \[2, 2, 2\]"),
        (">M1 X\n1 2\n1 2\n1\n1 2\n", r"has rows of \[2, 2, 1, 2\]"),
        (">M1 X\n0 2\n0 2\n0 1\n0 2\n", "finite counts that are not all 0; M1"),
        (">M1 X\nA [ 1 2 ]\nC [ 1 x ]\nG [ 1 1 ]\nT [ 1 1 ]\n", r"has the row 'C \[ 1 x \]' in M1"),
        (">M1 X\n1 2\n1 -2\n1 2\n1 2\n", "has the row '1 -2' in M1"),
        (">M1 X\n1,5 2\n1 2\n1 2\n1 2\n", "has the row '1,5 2' in M1"),
        (">M1 X\n1 1e999\n1 2\n1 2\n1 2\n", "each with finite counts"),
        (">M1 X\n1\n1\n1\n1\n>M1 Y\n1\n1\n1\n1\n", "has M1 twice"),
    ],
)
def test_what_is_no_motif_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "motifs.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        read_jaspar(tmp_path / "motifs.txt")


def test_counts_are_read_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "motifs.txt").write_text(">M1 X\na [.5 2.]\nc\t0.25 1e1\nG[1\t1 ]\nT  0 .1\n")
    (motif,) = read_jaspar(tmp_path / "motifs.txt")
    assert motif.counts.tolist() == [[0.5, 0.25, 1.0, 0.0], [2.0, 10.0, 1.0, 0.1]]
