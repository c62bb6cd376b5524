"""What every native encoder promises through the public interface: the reference, both strands, any batch, policies."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders import InputError, load_encoder
from encoders.dna.protocol import SequenceEncoder, Vectors
from encoders.dna.reverse_complement import ReverseComplementAverage
from encoders.genome.sequences import reverse_complement

TOLERANCE = 2e-5
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
MAMBA = {"d_model": 12, "n_layer": 2, "d_state": 4}
NAMES = {"untrained:dnabert-3": BERT, "untrained:dnabert2": BERT}
NAMES |= {"untrained:caduceus-ph": MAMBA, "untrained:caduceus-ps": MAMBA}
CASES = {
    "dnabert-3": ("dnabert", "tiny_k3", "tiny_k3_mlm"),
    "dnabert2": ("dnabert2", "tiny4h", "tiny4h_mlm"),
    "caduceus-ph": ("caduceus", "tiny_ph", "tiny_ph"),
    "caduceus-ps": ("caduceus", "tiny_ps_fused", "tiny_ps_fused"),
    "caduceus-ps unfused": ("caduceus", "tiny_ps_unfused", "tiny_ps_unfused"),
}
Arrays = dict[str, np.ndarray]


def load(name: str, **settings: object) -> SequenceEncoder:
    return load_encoder(name, device="cpu", **NAMES[name], **settings)  # type: ignore[arg-type]


def make_sequences(n: int, longest: int = 90, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(3, longest + 1, n)]


@pytest.fixture
def load_reference(
    bpe_tokenizer: Path, reference_data: Path, tmp_path: Path
) -> Callable[[str], tuple[SequenceEncoder, Arrays]]:
    """A reference model as a user loads it, and what the authors' network returned."""

    def load_one(case: str) -> tuple[SequenceEncoder, Arrays]:
        folder, config, weights = CASES[case]
        shutil.copyfile(reference_data / folder / f"{config}_config.json", tmp_path / "config.json")
        shutil.copyfile(reference_data / folder / f"{weights}.safetensors", tmp_path / "model.safetensors")
        if case.startswith("dnabert2"):  # the others spell k-mers and bases, which their own rule numbers
            shutil.copyfile(bpe_tokenizer, tmp_path / "tokenizer.json")
        encoder = load_encoder(
            case.split()[0],
            source=str(tmp_path),
            revision=None,
            rc="average",
            pooling="mean",
            layer=-1,
            dtype="float32",
            device="auto",
        )
        with np.load(reference_data / folder / f"{config}_io.npz") as arrays:
            return encoder, dict(arrays)

    return load_one


@pytest.mark.parametrize("case", CASES)
def test_the_network_under_an_average_equals_the_reference(
    load_reference: Callable[[str], tuple[SequenceEncoder, Arrays]], case: str
) -> None:
    encoder, arrays = load_reference(case)
    assert isinstance(encoder, ReverseComplementAverage) == (encoder.spec.rc_mode == "average")
    model = encoder.model  # type: ignore[attr-defined]  # what the encoder under the average offers
    n_cases = 0
    for key in sorted(arrays):
        if not key.endswith("input_ids"):
            continue
        prefix = key.removesuffix("input_ids")
        ids = torch.from_numpy(arrays[key])
        given = arrays.get(f"{prefix}attention_mask")
        mask = torch.ones_like(ids) if given is None else torch.from_numpy(given)
        output = model(ids, mask)
        expected = expected_states(arrays, prefix)
        is_token = mask.bool()
        n_cases += 1
        for state, answer in zip(output.hidden_states, expected, strict=False):
            np.testing.assert_allclose(state[is_token], answer[is_token.numpy()], atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(output.last_hidden_state, output.hidden_states[-1])
        last = arrays.get(f"{prefix}last_hidden_state", expected[-1])
        np.testing.assert_allclose(output.last_hidden_state[is_token], last[is_token.numpy()], atol=TOLERANCE, rtol=0)
    assert n_cases >= 1


def expected_states(arrays: Arrays, prefix: str) -> Sequence[np.ndarray]:
    for key in ("hidden_states", "layer_inputs"):
        if f"{prefix}{key}" in arrays:
            return list(arrays[f"{prefix}{key}"])
    return [arrays[key] for key in sorted(arrays) if re.fullmatch(r"hidden_\d+", key)]


def test_pooled_reference_states_are_what_an_average_averages(
    load_reference: Callable[[str], tuple[SequenceEncoder, Arrays]],
) -> None:
    encoder, _ = load_reference("dnabert2")
    sequence = "ACGTAGCATCGGATCTATCTATCGACACTTGGTTATCGATCTACGAGCATCTCGTTAGC"
    strands = [tokens_of(encoder, one) for one in (sequence, reverse_complement(sequence))]
    means = [
        encoder.model(ids, torch.ones_like(ids)).last_hidden_state[0, 1:-1].mean(0)  # type: ignore[attr-defined]
        for ids in strands
    ]
    np.testing.assert_allclose(encoder.embed([sequence])[0], (means[0] + means[1]) / 2, atol=TOLERANCE, rtol=0)


def tokens_of(encoder: SequenceEncoder, sequence: str) -> torch.Tensor:
    from encoders.dna.tokenizers.bpe import BpeTokenizer

    tokenizer = BpeTokenizer(Path(encoder.spec.source or "") / "tokenizer.json")
    return torch.from_numpy(tokenizer.encode(sequence))[None]


class Counting:
    """An encoder that counts the sequences that reach it."""

    def __init__(self, encoder: SequenceEncoder) -> None:
        self._encoder, self.spec, self.n_forwarded = encoder, encoder.spec, 0

    def embed(self, sequences: Sequence[str]) -> Vectors:
        self.n_forwarded += len(sequences)
        return self._encoder.embed(sequences)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"untrained:caduceus-ps"}))
def test_both_strands_of_200_sequences_have_one_vector_to_the_last_bit(name: str) -> None:
    counting = Counting(load(name))
    averaged = ReverseComplementAverage(counting)
    sequences = make_sequences(200, longest=60)
    vectors = averaged.embed(sequences)
    n_distinct = len({min(one, reverse_complement(one)) for one in sequences})
    assert counting.n_forwarded <= 2 * n_distinct
    np.testing.assert_array_equal(averaged.embed([reverse_complement(one) for one in sequences]), vectors)
    assert averaged.embed([*sequences[:3], *map(reverse_complement, sequences[:3])]).shape[0] == 6
    assert counting.n_forwarded <= 4 * n_distinct + 6, "strands of one sequence are forwarded once"


def test_ps_is_invariant_by_construction() -> None:
    encoder, sequences = load("untrained:caduceus-ps"), make_sequences(200, longest=60)
    backward = encoder.embed([reverse_complement(one) for one in sequences])
    np.testing.assert_allclose(backward, encoder.embed(sequences), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_no_vector_changes_with_200_random_batches(name: str) -> None:
    encoder, rng = load(name), np.random.default_rng(1)
    sequences = make_sequences(40)
    alone = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    for _ in range(200):
        chosen = rng.choice(40, rng.integers(2, 9))
        np.testing.assert_allclose(
            encoder.embed([sequences[index] for index in chosen]), alone[chosen], atol=TOLERANCE, rtol=0
        )


def test_what_an_average_offers_is_what_its_encoder_does() -> None:
    averaged = load("untrained:dnabert2", rc="average")
    assert isinstance(averaged, ReverseComplementAverage)
    assert averaged.model is averaged.encoder.model  # type: ignore[attr-defined]
    assert averaged.runtime["device"] == "cpu"
    with pytest.raises(AttributeError, match="modell"):
        averaged.modell  # noqa: B018
    with pytest.raises(AttributeError, match="model"):
        load_encoder("kmer-spectrum", k=3).model  # type: ignore[attr-defined]  # noqa: B018


POLICIES = {
    "empty": ("", "needs sequences of at least {min_bp} bp; sequence 1 has 0"),
    "not a base": ("ACGTJACGT", "Sequence 1: .*'J'"),
    "all N": ("N" * 30, "needs at least half of a sequence to be readable; in sequence 1 100%"),
    "mostly N": ("ACGTACGTAC" + "N" * 30, "in sequence 1 [78][0-9]%"),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_read_is_refused_in_a_sentence(name: str, policy: str) -> None:
    encoder = load(name)
    sequence, words = POLICIES[policy]
    with pytest.raises(InputError, match=words.format(min_bp=encoder.spec.min_bp)):
        encoder.embed(["ACGTACGTACGT", sequence])


@pytest.mark.parametrize("rc", ["forward", "average"])
@pytest.mark.parametrize("name", NAMES)
def test_soft_masked_and_rna_are_read_as_what_they_are(name: str, rc: str) -> None:
    encoder, (sequence,) = load(name, rc=rc), make_sequences(1, seed=9)
    variants = [sequence.lower(), sequence.replace("T", "U"), sequence[:9].lower() + sequence[9:]]
    np.testing.assert_array_equal(encoder.embed(variants), encoder.embed([sequence] * 3))


@pytest.mark.filterwarnings("ignore:.*hold an N")
@pytest.mark.parametrize("name", NAMES)
def test_ambiguity_codes_are_read_as_n_and_a_lower_case_n_too(name: str) -> None:
    encoder, (sequence,) = load(name), make_sequences(1, seed=11)
    with_n = f"{sequence}N{sequence}"
    np.testing.assert_array_equal(
        encoder.embed([f"{sequence}R{sequence}", f"{sequence}n{sequence}"]), encoder.embed([with_n, with_n])
    )


def test_shorter_than_a_kmer_is_refused() -> None:
    with pytest.raises(InputError, match="at least 3 bp; sequence 0 has 2"):
        load("untrained:dnabert-3").embed(["AC"])
