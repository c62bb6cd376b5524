"""The battery passes on every registered encoder, and each of its checks catches what it is there for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from encoders import EncoderSpec, available_encoders, load_encoder
from encoders.dna.catalog import CARDS
from encoders.dna.models.kmer_spectrum import KmerSpectrum
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.registry import UNTRAINED
from encoders.dna.verification.contract import CHECKS, HINTS, check_encoder
from encoders.errors import InputError

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
OTHER_OPTIONS = {
    "caduceus": {"d_model": 16, "n_layer": 2},
    "hyenadna": {"d_model": 16, "n_layer": 2, "d_inner": 24, "max_seq_len": 514},
    "huggingface": SMALL | {"layout": "llama", "tokenizer": "generator"},
}
"""By a part of the encoder's name."""

WITHOUT_WEIGHTS = {"kmer-spectrum": {"k": 4}, "one-hot-dosage": {"window": 310}}


def load_small(name: str, **settings: object) -> SequenceEncoder:
    """Encoders with weights are tested untrained: the battery is about the contract, not about the weights."""
    if name in WITHOUT_WEIGHTS:
        return load_encoder(name, **WITHOUT_WEIGHTS[name], **settings)  # type: ignore[arg-type]
    sizes = next((options for part, options in OTHER_OPTIONS.items() if part in name), SMALL)
    return load_encoder(UNTRAINED + name.removeprefix(UNTRAINED), **sizes, **settings)  # type: ignore[arg-type]


BATTERY = [
    (name, rc)
    for name in sorted({name.removeprefix(UNTRAINED) for name in available_encoders()} - {"evo2"})  # see test_evo2.py
    for rc in ("forward", "average")
    if name not in CARDS or rc == "forward" or rc in CARDS[name].rc_modes
]


@pytest.mark.parametrize(("name", "rc"), BATTERY)
def test_every_registered_encoder_keeps_the_contract(name: str, rc: str) -> None:
    checks = check_encoder(load_small(name, rc=rc))
    assert [check.name for check in checks] == list(CHECKS)
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("pooling", ["cls", "max"])
def test_the_other_poolings_keep_it_too(pooling: str) -> None:
    assert all(check.passed for check in check_encoder(load_small("dnabert-3", pooling=pooling)))


def test_a_checkpoint_from_a_folder_keeps_it_too(made_checkpoint: Path) -> None:
    assert all(check.passed for check in check_encoder(load_encoder("dnabert-3", source=str(made_checkpoint))))


def test_the_registry_is_not_empty() -> None:
    assert {"kmer-spectrum", "dnabert-3", "dnabert-6", "untrained:dnabert-6"} <= set(available_encoders())


@dataclass(frozen=True)
class BlindSpec(EncoderSpec):
    """A spec whose fingerprint forgets the layer."""

    @property
    def fingerprint(self) -> str:
        plain = EncoderSpec(**{name: getattr(self, name) for name in EncoderSpec.__dataclass_fields__})
        return replace(plain, layer=0).fingerprint


class Broken:
    """K-mer spectra, read by `embed` after it was broken on purpose; lenient where the original refuses."""

    def __init__(self, embed: Callable[["Broken", list[str]], np.ndarray], **changes: object) -> None:
        self._embed = embed
        self.original = KmerSpectrum(3)
        self.spec = replace(self.original.spec, **changes)  # type: ignore[arg-type]
        self.n_calls = 0

    def embed(self, sequences: Sequence[str]) -> np.ndarray:
        self.n_calls += 1
        return self._embed(self, list(sequences))


def plain(self: Broken, sequences: list[str]) -> np.ndarray:
    return self.original.embed(sequences)


def lenient(self: Broken, sequences: list[str]) -> np.ndarray:
    """A vector of zeros where the original refuses."""
    rows = [np.zeros((1, 32), np.float32)]
    for sequence in sequences:
        try:
            rows.append(self.original.embed([sequence]))
        except InputError:
            rows.append(np.zeros((1, 32), np.float32))
    return np.concatenate(rows)[1:]


def strict_but(refused: Callable[[str], bool]) -> Callable[[Broken, list[str]], np.ndarray]:
    """The original, but lenient to what `refused` picks out."""
    return lambda self, sequences: (lenient if any(map(refused, sequences)) else plain)(self, sequences)


def with_first_base(self: Broken, sequences: list[str]) -> np.ndarray:
    vectors = plain(self, sequences)
    vectors[:, 0] += [sequence[0] in "AaCc" for sequence in sequences]
    return vectors


def first_bases(self: Broken, sequences: list[str]) -> np.ndarray:
    plain(self, sequences)
    return self.original.embed([sequence[:400] for sequence in sequences])


def drifting(self: Broken, sequences: list[str]) -> np.ndarray:
    return plain(self, sequences) + np.float32(self.n_calls * 1e-6)


def missing_last_row(self: Broken, sequences: list[str]) -> np.ndarray:
    return plain(self, sequences)[:-1] if len(sequences) > 1 else plain(self, sequences)


def with_batch_mean(self: Broken, sequences: list[str]) -> np.ndarray:
    vectors = plain(self, sequences)
    return vectors + vectors.mean(axis=0, dtype=np.float32) if len(sequences) else vectors


def case_sensitive(self: Broken, sequences: list[str]) -> np.ndarray:
    return plain(self, sequences) * np.float32(all(map(str.isupper, sequences)))


def with_nan(self: Broken, sequences: list[str]) -> np.ndarray:
    vectors = plain(self, sequences)
    vectors[:, 5] = np.nan
    return vectors


BROKEN = {
    "shape": Broken(missing_last_row),
    "dtype": Broken(lambda self, sequences: plain(self, sequences).astype(np.float64)),
    "finite": Broken(with_nan),
    "deterministic": Broken(drifting),
    "batch invariant": Broken(with_batch_mean),
    "strands": Broken(with_first_base),
    "too long raises": Broken(plain, max_bp=450),
    "too short raises": Broken(strict_but(lambda sequence: len(sequence) < 3)),
    "limits are true": Broken(first_bases),
    "letters": Broken(case_sensitive),
    "unknown bases": Broken(strict_but(lambda sequence: set(sequence) == {"N"})),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_check_catches_its_fault(name: str) -> None:
    checks = {check.name: check for check in check_encoder(BROKEN[name])}
    assert not checks[name].passed
    assert checks[name].detail


def test_a_fault_is_caught_by_the_check_of_its_name_alone() -> None:
    for name in ("dtype", "strands", "too long raises", "too short raises", "limits are true", "unknown bases"):
        assert [check.name for check in check_encoder(BROKEN[name]) if not check.passed] == [name]


def test_a_fingerprint_that_forgets_a_setting_is_caught() -> None:
    encoder = Broken(plain)
    encoder.spec = BlindSpec(**{name: getattr(encoder.spec, name) for name in EncoderSpec.__dataclass_fields__})
    (check,) = [check for check in check_encoder(encoder) if not check.passed]
    assert (check.name, check.detail) == ("fingerprint", "one fingerprint for a change of nothing and layer")


def test_every_check_has_a_broken_encoder() -> None:
    """That of special tokens needs a network: see test_mutations."""
    assert {*BROKEN, "fingerprint", "special tokens"} == set(CHECKS)
    assert set(HINTS) == {*CHECKS, "tokenizer"}


def test_a_limit_that_cannot_be_reached_and_an_error_out_of_place_are_caught() -> None:
    def fails(self: Broken, sequences: list[str]) -> np.ndarray:
        if any(len(sequence) > 400 for sequence in sequences):
            raise IndexError("index out of range in self")
        return plain(self, sequences)

    checks = {check.name: check for check in check_encoder(Broken(fails, max_bp=450))}
    assert checks["limits are true"].detail == "raised IndexError: index out of range in self"
    assert not checks["too long raises"].passed
