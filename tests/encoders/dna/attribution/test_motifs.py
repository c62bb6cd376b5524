"""Motifs against the authors' pipeline, and against counts by hand."""

import json
from math import comb
from pathlib import Path

import numpy as np
import pytest

from encoders.dna.attribution.motifs import (
    Motif,
    MotifSettings,
    Region,
    enrichment_test,
    find_motifs,
    high_regions,
    merge_motifs,
)
from encoders.errors import InputError


@pytest.fixture
def pipeline(reference_data: Path) -> dict[str, object]:
    published: dict[str, object] = json.loads((reference_data / "dnabert/viz_motif_pipeline.json").read_text())
    return published


def test_regions_are_the_published_ones(pipeline: dict) -> None:  # type: ignore[type-arg]
    found = [[list(one) for one in high_regions(np.array(scores), 5)] for scores in pipeline["scores"]]
    assert found == pipeline["high_attention"]
    assert sum(map(len, found)) > 40


def test_p_values_are_the_published_ones(pipeline: dict) -> None:  # type: ignore[type-arg]
    expected = pipeline["hypergeom"]
    found = enrichment_test(pipeline["pos"], pipeline["neg"], expected["motifs"])
    np.testing.assert_allclose([one.p_value for one in found.values()], expected["pvals_raw"], rtol=1e-12)
    np.testing.assert_allclose([one.p_fdr for one in found.values()], expected["pvals_bh"], rtol=1e-12)


def test_motifs_and_their_windows_are_the_published_ones(pipeline: dict) -> None:  # type: ignore[type-arg]
    scores = [np.array(one) for one in pipeline["scores"]]
    motifs = {motif.bases: motif for motif in find_motifs(pipeline["pos"], pipeline["neg"], scores)}
    assert set(motifs) == set(pipeline["merged"])
    for bases, expected in pipeline["merged"].items():
        motif = motifs[bases]
        assert [one.sequence for one in motif.instances] == expected["seq_idx"]
        assert [[one.start, one.end] for one in motif.instances] == expected["atten_region_pos"]
        assert list(motif.windows) == expected["seqs"]


def test_a_p_value_by_hand() -> None:
    """3 of 4 positive and 1 of 5 negative sequences: the chance of 3 or more positives among 4 of 9 drawn."""
    positive = ["ACGTT", "GGACGTACGT", "TACGT", "TTTTT"]
    negative = ["CCCCC", "ACGTC", "GGGGG", "TTTTT", "AAAAA"]
    one = enrichment_test(positive, negative, ["ACGT", "TTTTT"])["ACGT"]
    assert (one.n_positive, one.n_negative) == (3, 1)
    assert one.p_value == pytest.approx((comb(4, 3) * comb(5, 1) + comb(4, 4)) / comb(9, 4))
    assert one.p_fdr == pytest.approx(min(1, 2 * one.p_value))
    assert enrichment_test(positive, negative, []) == {}


def test_a_run_that_touches_the_ends_is_a_run() -> None:
    scores = np.array([9, 9, 9, 0.1, 0.1, 0.1, 9, 9.0])
    assert high_regions(scores, 2) == [(0, 3), (6, 8)]
    assert high_regions(scores, 3) == [(0, 3)]
    assert high_regions(scores + 5, 2) == [], "above the mean, but not above 10 times the least"


def test_like_motifs_are_merged_and_moved_into_place() -> None:
    regions = {
        "GATTACA": [Region(2, 10, 17)],
        "TTGATTACA": [Region(5, 30, 39)],
        "TTACAGG": [Region(7, 4, 11)],
        "CCCCCCC": [Region(1, 0, 7)],
    }
    merged = merge_motifs(regions, 5)
    assert list(merged) == ["GATTACA", "CCCCCCC"]
    assert merged["GATTACA"] == [Region(2, 10, 17), Region(7, 2, 9), Region(5, 32, 39)]


def test_windows_that_leave_their_sequence_are_dropped_and_few_make_no_motif() -> None:
    """The planted run lies at the start of one, the end of one, and the middle of four sequences."""
    rng = np.random.default_rng(3)
    positive, scores = [], []
    for place in (0, 34, 10, 12, 14, 16):
        bases = "".join(rng.choice(list("AC"), 40))
        positive.append(f"{bases[:place]}GGTTGG{bases[place + 6 :]}")
        scores.append(np.where((np.arange(40) >= place) & (np.arange(40) < place + 6), 9.0, 0.1))
    negative = ["".join(rng.choice(list("AC"), 40)) for _ in range(11)]
    (motif,) = find_motifs(positive, negative, scores, MotifSettings(window=11))
    assert [one.sequence for one in motif.instances] == [2, 3, 4, 5]
    assert [one.start for one in motif.instances] == [8, 10, 12, 14]
    assert find_motifs(positive, negative, scores, MotifSettings(window=11, min_instances=5)) == []
    counts = motif.counts()
    assert counts.shape == (11, 4)
    np.testing.assert_array_equal(counts.sum(axis=1), 4)
    np.testing.assert_array_equal(motif.probabilities()[2:8].argmax(axis=1), [2, 2, 3, 3, 2, 2])
    np.testing.assert_allclose(motif.probabilities(1.0).sum(axis=1), 1)
    assert motif.probabilities(1.0).min() > 0
    assert isinstance(motif, Motif)


def test_what_cannot_be_compared_is_refused() -> None:
    scores = [np.ones(4)]
    with pytest.raises(InputError, match="1 positive and 0 negative"):
        find_motifs(["ACGT"], [], scores)
    with pytest.raises(InputError, match="one score per base"):
        find_motifs(["ACGTA"], ["ACGT"], scores)
    with pytest.raises(InputError, match="max_fdr at most 1"):
        MotifSettings(max_fdr=2)
