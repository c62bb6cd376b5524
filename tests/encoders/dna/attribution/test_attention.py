"""Scores of bases against those of the authors' visualisation, and against the full matrix of attention."""

import json
from pathlib import Path

import numpy as np
import pytest

from encoders import InputError, load_encoder
from encoders.dna.attribution.attention import ClsAttention, attention_scores, nucleotide_scores
from tests.encoders.dna.conftest import TinyModel

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
TOLERANCE = 1e-6


def make_sequence(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def make_attention(k: int = 3, **options: object) -> ClsAttention:
    return ClsAttention(load_encoder(f"untrained:dnabert-{k}", device="cpu", **(SMALL | options)))  # type: ignore[arg-type]


@pytest.fixture
def tiny(tiny_models: dict[str, TinyModel]) -> ClsAttention:
    return ClsAttention(load_encoder("dnabert-3", source=str(tiny_models["dnabert-3"].folder), device="cpu"))


@pytest.mark.filterwarnings("ignore:.*hold an N")
def test_scores_equal_those_of_the_authors_batch(tiny: ClsAttention, reference_data: Path) -> None:
    """Their batch is padded: beyond a sequence, k-mers that are not there count as 0 in the mean of its last bases."""
    sequences = json.loads((reference_data / "dnabert/tiny_k3_seqs.json").read_text())
    expected = json.loads((reference_data / "dnabert/viz_batch_scores_tiny_k3.json").read_text())["scores"]
    kmers = tiny.kmer_scores(sequences)
    for row, scores, sequence in zip(expected, kmers, sequences, strict=True):
        assert len(scores) == len(sequence) - 2
        padded = nucleotide_scores(np.pad(scores, (0, len(row) - len(sequence))), 3)
        np.testing.assert_allclose(padded / np.linalg.norm(padded), row, atol=TOLERANCE)
    longest = nucleotide_scores(kmers[0], 3)
    np.testing.assert_allclose(longest / np.linalg.norm(longest), expected[0], atol=TOLERANCE)


@pytest.mark.filterwarnings("ignore:.*hold an N")
def test_the_row_equals_that_of_the_full_matrix(tiny: ClsAttention, reference_data: Path) -> None:
    sequences = json.loads((reference_data / "dnabert/tiny_k3_seqs.json").read_text())
    with np.load(reference_data / "dnabert/tiny_k3_io.npz") as arrays:
        matrix = arrays["attn_2"]
    for row, scores in zip(matrix[:, :, 0].sum(axis=1), tiny.kmer_scores(sequences), strict=True):
        np.testing.assert_allclose(scores, row[1 : len(scores) + 1], atol=TOLERANCE)


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_means_over_covering_kmers_equal_the_published(k: int, reference_data: Path) -> None:
    published = json.loads((reference_data / "dnabert/viz_nucleotide_scores.json").read_text())[str(k)]
    found = nucleotide_scores(np.array(published["kmer_scores"]), k)
    np.testing.assert_allclose(found, published["nucleotide_scores"], atol=1e-12)


def test_an_ensemble_is_the_sum_of_unit_vectors() -> None:
    sequences = [make_sequence(length, length) for length in (40, 11, 67)]
    encoders = [load_encoder(f"untrained:dnabert-{k}", device="cpu", **SMALL) for k in (3, 5)]  # type: ignore[arg-type]
    alone = [attention_scores([encoder], sequences) for encoder in encoders]
    for one, other, both in zip(*alone, attention_scores(encoders, sequences), strict=True):
        assert np.linalg.norm(one) == pytest.approx(1)
        np.testing.assert_allclose(one + other, both)


def test_a_long_sequence_is_read_in_windows_of_equal_length() -> None:
    attention = make_attention(k=4)
    sequence = make_sequence(1234)
    (scores,) = attention.kmer_scores([sequence])
    assert scores.shape == (1231,)
    windows = {start: attention.kmer_scores([sequence[start : start + 513]])[0] for start in (0, 255, 510, 721)}
    for kmer in (0, 200, 511, 600, 900, 1000, 1230):
        start = min(windows, key=lambda start: abs(start + 254.5 - kmer))
        assert scores[kmer] == pytest.approx(windows[start][kmer - start], abs=TOLERANCE)
    assert attention.kmer_scores([sequence[:513]])[0].sum() < 2, "two heads, less what they give to special tokens"


def test_an_encoder_that_stitches_gives_the_same_scores() -> None:
    (expected,) = make_attention().kmer_scores([make_sequence(900)])
    (found,) = make_attention(long="stitch").kmer_scores([make_sequence(900)])
    np.testing.assert_array_equal(found, expected)


def test_progress_counts_windows_and_batches_change_nothing() -> None:
    attention = make_attention()
    sequences = [make_sequence(length, length) for length in (700, 30, 512, 513, 6)]
    seen: list[tuple[int, int]] = []
    together = attention.kmer_scores(sequences, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7, 7)
    for sequence, scores in zip(sequences, together, strict=True):
        np.testing.assert_allclose(attention.kmer_scores([sequence])[0], scores, atol=TOLERANCE)


def test_what_has_no_such_attention_is_refused() -> None:
    for name, options in (("kmer-spectrum", {}), ("untrained:dnabert2", SMALL)):
        with pytest.raises(InputError, match="those of DNABERT 3 to 6; got"):
            ClsAttention(load_encoder(name, **options))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="none was given"):
        attention_scores([], ["ACGT"])
    with pytest.raises(InputError, match="at least 3 bp; sequence 1 has 2"):
        make_attention().kmer_scores(["ACGT", "AC"])
