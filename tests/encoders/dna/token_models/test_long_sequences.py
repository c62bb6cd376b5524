"""Windows lose no token and count none twice; stitched vectors are those of the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import InputError, load_encoder
from encoders.dna.token_models import token_encoder
from encoders.dna.token_models.long_sequences import WindowPlan
from encoders.dna.token_models.token_encoder import TokenEncoder
from encoders.dna.tokenizers.kmer import KmerTokenizer
from encoders.genome.sequences import reverse_complement

TOLERANCE = 2e-5
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
MAMBA = {"d_model": 12, "n_layer": 2, "d_state": 4}
SIZES = {"untrained:dnabert-3": BERT, "untrained:dnabert2": BERT, "untrained:caduceus-ph": MAMBA}
SIZES |= {"untrained:caduceus-ps": MAMBA}


def load(name: str, **settings: object) -> TokenEncoder:
    encoder = load_encoder(name, device="cpu", **SIZES[name], **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, TokenEncoder)
    return encoder


def make_sequence(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@given(
    n_tokens=st.integers(1, 3000),
    max_tokens=st.integers(5, 300),
    margin=st.integers(0, 140),
    n_special=st.integers(0, 2),
)
def test_each_token_counts_once_from_its_most_central_window(
    n_tokens: int, max_tokens: int, margin: int, n_special: int
) -> None:
    margin = min(margin, (max_tokens - n_special - 1) // 2)
    windows = WindowPlan(max_tokens, margin).windows(n_tokens, n_special)
    counted = [token for window in windows for token in range(window.first, window.last)]
    assert counted == list(range(n_tokens))
    for window in windows:
        assert 0 <= window.start <= window.first < window.last <= window.end <= n_tokens
        assert window.end - window.start == min(n_tokens, max_tokens - n_special)
        assert window.start == 0 or window.first - window.start >= margin
        assert window.end == n_tokens or window.end - window.last >= margin
    for token in range(0, n_tokens, 7):
        depth = [min(token - one.start, one.end - 1 - token) for one in windows if one.start <= token < one.end]
        (own,) = (one for one in windows if one.first <= token < one.last)
        if own not in (windows[0], windows[-1]):
            assert min(token - own.start, own.end - 1 - token) >= max(depth) - 1


@pytest.mark.parametrize("name", SIZES)
def test_what_fits_one_window_has_the_vector_of_a_single_pass_to_the_last_bit(name: str) -> None:
    sequences = [make_sequence(length, seed=length) for length in (30, 45, 60)]
    plain, windowed = load(name), load(name, long="stitch", max_tokens=62, margin=5)
    np.testing.assert_array_equal(windowed.embed(sequences), plain.embed(sequences))


@pytest.mark.parametrize("n_kmers", [510, 511, 1020, 1021])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_kmers_beyond_512_tokens_are_stitched_as_defined(n_kmers: int, pooling: str) -> None:
    """Every window forwarded by itself, its tokens taken by hand."""
    encoder = load("untrained:dnabert-3", long="stitch", pooling=pooling, margin=20)
    sequence = make_sequence(n_kmers + 2)
    ids = KmerTokenizer(3).encode(sequence)[1:-1]
    assert len(ids) == n_kmers
    windows = WindowPlan(512, 20).windows(n_kmers, 2)
    assert (len(windows) == 1) == (n_kmers == 510)
    tokens, firsts, weights = [], [], []
    for window in windows:
        hidden = hidden_of(encoder, [2, *ids[window.start : window.end], 3])
        tokens.append(hidden[1 + window.first - window.start : 1 + window.last - window.start])
        firsts.append(hidden[0])
        weights.append(window.last - window.first)
    all_tokens = np.concatenate(tokens)
    assert len(all_tokens) == n_kmers
    expected = {
        "mean": all_tokens.mean(0),
        "max": all_tokens.max(0),
        "cls": np.average(firsts, axis=0, weights=weights),
    }
    np.testing.assert_allclose(encoder.embed([sequence])[0], expected[pooling], atol=TOLERANCE, rtol=0)


def hidden_of(encoder: TokenEncoder, ids: list[int]) -> np.ndarray:
    import torch

    hidden: np.ndarray = encoder.model(torch.tensor([ids])).last_hidden_state[0].numpy()
    return hidden


@pytest.mark.parametrize("name", SIZES)
def test_stitched_vectors_do_not_depend_on_the_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(name, long="stitch", max_tokens=40, margin=7)
    sequences = [make_sequence(length, seed=length) for length in (25, 39, 40, 41, 150, 333)]
    alone = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    np.testing.assert_allclose(encoder.embed(sequences), alone, atol=TOLERANCE, rtol=0)
    monkeypatch.setitem(token_encoder.TOKEN_BUDGET, "cpu", 81)
    np.testing.assert_allclose(encoder.embed(sequences), alone, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_windows_of_ps_are_those_of_one_strand(pooling: str) -> None:
    encoder = load("untrained:caduceus-ps", long="stitch", max_tokens=40, margin=7, pooling=pooling)
    sequences = [make_sequence(length, seed=length) for length in (41, 150, 151, 333)]
    backward = encoder.embed([reverse_complement(sequence) for sequence in sequences])
    np.testing.assert_array_equal(backward, encoder.embed(sequences))


def test_with_a_margin_a_seam_is_not_seen() -> None:
    """A model that looks back some ten bases has the vector of the whole sequence from windows that overlap."""

    def embed(**options: object) -> np.ndarray:
        encoder = load("untrained:caduceus-ph", **options)
        for name, rates in encoder.model.named_parameters():
            if name.endswith("A_log"):
                rates += 4
        return encoder.embed([make_sequence(600)])

    whole = embed()
    errors = [np.abs(embed(long="stitch", max_tokens=100, margin=m) - whole).max() for m in (0, 10, 40)]
    assert errors[0] > 1e-3
    assert max(errors[1:]) < TOLERANCE


def test_windows_are_part_of_the_setting() -> None:
    specs = [
        load("untrained:dnabert2", **options).spec
        for options in ({}, {"long": "stitch"}, {"long": "stitch", "margin": 9}, {"long": "stitch", "max_tokens": 99})
    ]
    assert len({spec.fingerprint for spec in specs}) == 4
    assert [spec.max_bp for spec in specs] == [8190, None, None, None]
    assert dict(specs[3].options)["max_tokens"] == "99"
    assert load("untrained:dnabert2", long="refuse").spec == specs[0]


def test_too_long_is_refused_where_no_windows_were_asked_for() -> None:
    with pytest.raises(InputError, match="at most 512 bp at once and never truncates; sequence 1 has 513"):
        load("untrained:dnabert-3").embed([make_sequence(512), make_sequence(513)])
    assert load("untrained:dnabert-3", long="stitch").embed([make_sequence(513)]).shape == (1, 16)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"long": "truncate"}, "'long' of untrained:dnabert-3 must be 'refuse' or 'stitch'; got 'truncate'"),
        ({"margin": 5}, "'margin' of untrained:dnabert-3 is for windows: set long='stitch'"),
        ({"long": "stitch", "max_tokens": 513}, "at most 512 tokens at once; got max_tokens 513"),
        ({"long": "stitch", "max_tokens": 12, "margin": 5}, "two margins and a token between them"),
        ({"long": "stitch", "margin": -1}, "got max_tokens 512 and margin -1"),
        ({"long": "stitch", "margin": 0.5}, "'margin' of untrained:dnabert-3 needs a whole number; got 0.5"),
        ({"long": "stitch", "margins": 5}, "no option 'margins'"),
    ],
)
def test_windows_that_cannot_be_made_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load("untrained:dnabert-3", **options)
