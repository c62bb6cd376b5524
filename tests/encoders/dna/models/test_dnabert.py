"""DNABERT against the authors' network, and against what padding, pooling and seeds may not do."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders import InputError, load_encoder
from encoders.dna.token_models.token_encoder import TokenEncoder
from encoders.genome.sequences import reverse_complement

TOLERANCE = 2e-5
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def load_dnabert(name: str, **settings: object) -> TokenEncoder:
    encoder = load_encoder(name, device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, TokenEncoder)
    return encoder


def make_sequences(n: int, seed: int, longest: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(6, longest + 1, n)]


@pytest.fixture
def reference(reference_data: Path) -> dict[str, np.ndarray]:
    with np.load(reference_data / "dnabert/tiny_k3_io.npz") as arrays:
        return dict(arrays)


def test_hidden_states_equal_the_reference_padded_and_alone(
    reference_checkpoint: Path, reference: dict[str, np.ndarray]
) -> None:
    encoder = load_dnabert("dnabert-3", source=str(reference_checkpoint))
    ids, mask = torch.from_numpy(reference["input_ids"]), torch.from_numpy(reference["attention_mask"])
    assert not mask.all(), "the reference must hold padding"
    expected = [reference[f"hidden_{layer}"] for layer in range(4)]
    output = encoder.model(ids, mask)
    np.testing.assert_array_equal(output.last_hidden_state, output.hidden_states[-1])
    for row, is_token in enumerate(mask.bool()):
        alone = encoder.model(ids[row : row + 1, is_token], mask[row : row + 1, is_token])
        for layer in range(4):
            tokens = expected[layer][row, is_token.numpy()]
            np.testing.assert_allclose(output.hidden_states[layer][row, is_token], tokens, atol=TOLERANCE)
            np.testing.assert_allclose(alone.hidden_states[layer][0], tokens, atol=TOLERANCE)


@pytest.mark.filterwarnings("ignore:.*hold an N")
@pytest.mark.parametrize("layer", [-1, 0, 2])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooled_vectors_equal_the_reference_without_specials(
    reference_checkpoint: Path, reference_data: Path, reference: dict[str, np.ndarray], pooling: str, layer: int
) -> None:
    sequences = json.loads((reference_data / "dnabert/tiny_k3_seqs.json").read_text())
    hidden = reference[f"hidden_{layer % 4}"]
    encoder = load_dnabert("dnabert-3", source=str(reference_checkpoint), pooling=pooling, layer=layer)
    vectors = encoder.embed(sequences)
    for row, sequence in enumerate(sequences):
        kmers = hidden[row, 1 : 1 + len(sequence) - 2]
        expected = {"mean": kmers.mean(axis=0), "cls": hidden[row, 0], "max": kmers.max(axis=0)}[pooling]
        np.testing.assert_allclose(vectors[row], expected, atol=TOLERANCE)


def test_the_padding_bug_of_the_authors_code_is_not_reproduced(
    reference_checkpoint: Path, reference: dict[str, np.ndarray]
) -> None:
    """Their code adds the raw 0/1 mask to the logits, so a pad gets only 1 less: done here as a control."""
    encoder = load_dnabert("dnabert-3", source=str(reference_checkpoint))
    ids, mask = torch.from_numpy(reference["input_ids"]), torch.from_numpy(reference["attention_mask"])
    expected, tokens = reference["hidden_3"], reference["attention_mask"].astype(bool)
    buggy = encoder.model(ids, mask[:, None, None, :].float().expand(-1, -1, ids.shape[1], -1)).last_hidden_state
    assert np.abs(buggy.numpy() - expected)[tokens].max() > 0.05
    right = encoder.model(ids, mask).last_hidden_state
    assert np.abs(right.numpy() - expected)[tokens].max() < TOLERANCE


def test_a_vector_does_not_depend_on_its_batch() -> None:
    encoder = load_dnabert("untrained:dnabert-4", **SMALL)
    sequences = make_sequences(60, seed=1, longest=120)
    alone = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    rng = np.random.default_rng(2)
    for _ in range(60):
        chosen = rng.choice(60, rng.integers(1, 25), replace=True)
        batch = encoder.embed([sequences[index] for index in chosen])
        np.testing.assert_allclose(batch, alone[chosen], atol=TOLERANCE)


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_the_longest_sequence_fills_512_tokens(k: int) -> None:
    encoder = load_dnabert(f"untrained:dnabert-{k}", **SMALL)
    assert (encoder.spec.min_bp, encoder.spec.max_bp) == (k, 509 + k)
    (longest,) = ("".join(np.random.default_rng(0).choice(list("ACGT"), 509 + k)),)
    assert encoder.embed([longest, longest[:k]]).shape == (2, 16)
    with pytest.raises(InputError, match=f"at most {509 + k} bp at once and never truncates; sequence 1 has {510 + k}"):
        encoder.embed([longest, longest + "A"])


def test_no_sequences_give_no_vectors() -> None:
    assert load_dnabert("untrained:dnabert-3", **SMALL).embed([]).shape == (0, 16)


def test_both_strands_averaged_have_one_vector_to_the_last_bit() -> None:
    encoder = load_encoder("untrained:dnabert-3", rc="average", **SMALL)  # type: ignore[arg-type]
    forward = load_dnabert("untrained:dnabert-3", **SMALL)
    sequences = make_sequences(23, seed=3, longest=90)
    others = [reverse_complement(sequence) for sequence in sequences]
    vectors = encoder.embed(sequences)
    assert vectors.tobytes() == encoder.embed(others).tobytes()
    both = encoder.embed(sequences + others)
    assert both[:23].tobytes() == both[23:].tobytes()
    np.testing.assert_allclose(vectors, (forward.embed(sequences) + forward.embed(others)) / 2, atol=TOLERANCE)
    assert np.abs(forward.embed(sequences) - forward.embed(others)).max() > 0.01
    assert encoder.spec.label == "untrained dnabert-3 rc-avg"
    assert encoder.spec.rc_mode == "average"
    assert encoder.spec.fingerprint != forward.spec.fingerprint


def test_random_weights_come_from_the_seed_and_leave_torch_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = load_dnabert("untrained:dnabert-3", seed=5, **SMALL)
    np.testing.assert_array_equal(torch.rand(3), expected)
    torch.manual_seed(99)
    again = load_dnabert("untrained:dnabert-3", seed=5, **SMALL)
    other = load_dnabert("untrained:dnabert-3", seed=6, **SMALL)
    sequences = make_sequences(5, seed=4, longest=50)
    np.testing.assert_array_equal(first.embed(sequences), again.embed(sequences))
    assert np.abs(first.embed(sequences) - other.embed(sequences)).max() > 0.1
    assert first.spec == again.spec
    assert first.spec.fingerprint != other.spec.fingerprint
    assert not first.spec.trained
    assert first.spec.label.startswith("untrained")


def test_the_spec_says_what_was_loaded(reference_checkpoint: Path) -> None:
    spec = load_dnabert("dnabert-3", source=str(reference_checkpoint), layer=-2, pooling="max").spec
    assert (spec.layer, spec.pooling, spec.hidden_dim, spec.max_bp) == (2, "max", 32, 64)
    assert spec.trained
    assert spec.label == "dnabert-3 max layer 2"
    assert dict(spec.options)["num_attention_heads"] == "4"
    moved = reference_checkpoint.rename(reference_checkpoint.with_name("moved"))
    again = load_dnabert("dnabert-3", source=str(moved), layer=2, pooling="max").spec
    assert again.source != spec.source
    assert again.fingerprint == spec.fingerprint, "the digest of the weights counts, not where they lie"
    assert replace(spec, weights_sha256="0" * 64).fingerprint != spec.fingerprint


def test_the_safetensors_and_bin_of_one_model_agree(made_checkpoint: Path) -> None:
    from safetensors.torch import save_file

    sequences = make_sequences(7, seed=5, longest=38)
    from_bin = load_dnabert("dnabert-3", source=str(made_checkpoint))
    weights = torch.load(made_checkpoint / "pytorch_model.bin", weights_only=True)
    save_file({key: tensor.clone() for key, tensor in weights.items()}, made_checkpoint / "model.safetensors")
    from_safetensors = load_dnabert("dnabert-3", source=str(made_checkpoint))
    assert from_safetensors.spec.weights_sha256 != from_bin.spec.weights_sha256
    np.testing.assert_array_equal(from_safetensors.embed(sequences), from_bin.embed(sequences))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("dnabert-6", {}, "set source to a folder .* hub id zhihan1996/DNA_bert_6"),
        ("dnabert-6", {"source": "x/y", "hidden_size": 16}, "no option 'hidden_size'"),
        ("untrained:dnabert-3", {"source": "x/y"}, "source and revision must not be set"),
        ("untrained:dnabert-3", {"num_attention_heads": 5}, "multiple of num_attention_heads"),
        ("untrained:dnabert-3", {"hidden_size": 0}, "must be positive"),
        ("untrained:dnabert-3", SMALL | {"layer": 3}, r"layers 0 \(embedding\) to 2; got layer 3"),
        ("untrained:dnabert-3", SMALL | {"layer": -4}, "got layer -4"),
        ("untrained:dnabert-3", {"pooling": "pooler"}, "one of mean, cls, max; got 'pooler'"),
        ("untrained:dnabert-3", {"dtype": "float16"}, "is refused: no CPU multiplies float16 fast"),
        ("untrained:dnabert-3", {"device": "tpu"}, "device must be"),
        ("untrained:dnabert-3", {"rc": "equivariant"} | SMALL, "use 'average'"),
        ("dnabert-7", {}, "did you mean 'dnabert-"),
        ("enformer!", {}, "known: .*dnabert-3"),
    ],
)
def test_settings_it_cannot_take_are_refused(name: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_encoder(name, **settings)  # type: ignore[arg-type]


def test_a_model_of_another_k_is_refused(reference_checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"dnabert-4 has a vocabulary of 261; .* 69"):
        load_encoder("dnabert-4", source=str(reference_checkpoint))
