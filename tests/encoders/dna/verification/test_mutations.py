"""Each way in which a checkpoint or a network can be wrong is caught, and called by its name.

What should come out is what the authors' networks gave for the same random weights.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from encoders import InputError, check_encoder, load_encoder, verify_encoder
from encoders.dna.token_models import token_encoder
from encoders.dna.token_models.token_encoder import TokenEncoder
from encoders.dna.tokenizers.single_base import SEP, encode_bases
from encoders.dna.verification.proof import Proof
from tests.encoders.dna.conftest import TinyModel

FAMILIES = ("dnabert-3", "dnabert2", "caduceus-ph", "caduceus-ps")
KEYS = {
    "dnabert-3": "bert.encoder.layer.1.attention.self.query.weight",
    "dnabert2": "bert.encoder.layer.0.attention.self.Wqkv.weight",
    "caduceus-ph": "caduceus.backbone.layers.1.mixer.mamba_fwd.in_proj.weight",
    "caduceus-ps": "caduceus.backbone.layers.1.mixer.submodule.mamba_fwd.in_proj.weight",
}
TIES = {
    "dnabert2": ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
    "caduceus-ph": (KEYS["caduceus-ph"].replace("fwd", "rev"), KEYS["caduceus-ph"]),
    "caduceus-ps": (KEYS["caduceus-ps"].replace("fwd", "rev"), KEYS["caduceus-ps"]),
}
Weights = dict[str, Tensor]


def verify(model: TinyModel) -> Proof:
    return verify_encoder(model.name, source=str(model.folder), device="cpu", table=[model.published()])


def load(model: TinyModel) -> TokenEncoder:
    encoder = load_encoder(model.name, source=str(model.folder), device="cpu")
    assert isinstance(encoder, TokenEncoder)
    return encoder


@pytest.mark.parametrize("name", FAMILIES)
def test_unchanged_weights_are_proved(tiny_models: dict[str, TinyModel], name: str) -> None:
    proof = verify(tiny_models[name])
    assert (proof.verdict, proof.failures) == ("proved", ())
    (comparison,) = proof.comparisons
    assert comparison.max_difference <= comparison.tolerance
    assert (comparison.n_compared, comparison.n_values) == (9, len(tiny_models[name].vector))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_key_deleted_or_renamed_is_named(tiny_models: dict[str, TinyModel], name: str) -> None:
    model, key = tiny_models[name], KEYS[name]
    model.change(lambda weights: weights.update({f"{key}_": weights.pop(key)}))
    with pytest.raises(InputError, match=f"lacks {key}"):
        verify(model)
    model.change(lambda weights: weights.pop(f"{key}_"))
    with pytest.raises(InputError, match=f"lacks {key}"):
        verify(model)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_in_another_order_fail_the_published_vector(tiny_models: dict[str, TinyModel], name: str) -> None:
    """No key tells: only the published vector does. In DNABERT-2 queries and keys change places."""
    model, key = tiny_models[name], KEYS[name]

    def permute(weights: Weights) -> None:
        blocks = weights[key].chunk(3 if "Wqkv" in key else 2)
        weights[key] = torch.cat([blocks[1], blocks[0], *blocks[2:]])

    model.change(permute)
    proof = verify(model)
    assert proof.verdict == "failed"
    assert proof.failures == (f"published vector {name} by its authors",)


@pytest.mark.parametrize("name", TIES)
def test_a_broken_tie_is_named(tiny_models: dict[str, TinyModel], name: str) -> None:
    copy, original = TIES[name]
    tiny_models[name].change(lambda weights: weights.update({copy: weights[original].flip(0)}))
    with pytest.raises(InputError, match=r"differ") as raised:
        verify(tiny_models[name])
    assert copy in str(raised.value)
    assert original.removeprefix("bert.") in str(raised.value)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_mask_ignored_is_found_by_the_check_of_batches(
    tiny_models: dict[str, TinyModel], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(tiny_models[name])
    assert all(check.passed for check in check_encoder(encoder))
    told = encoder._token_vectors
    monkeypatch.setattr(encoder, "_token_vectors", lambda ids, mask: told(ids, torch.ones_like(mask)))
    failed = [check for check in check_encoder(encoder) if not check.passed]
    assert [check.name for check in failed] == ["batch invariant"]
    assert "mask ignored" in failed[0].hint


@pytest.mark.parametrize("name", ["dnabert-3", "dnabert2"])
def test_special_tokens_pooled_are_found_by_their_check(
    tiny_models: dict[str, TinyModel], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(tiny_models[name])
    before = encoder.embed(["ACGTTGCAAC"])
    pool_all(encoder, monkeypatch)
    assert np.abs(encoder.embed(["ACGTTGCAAC"]) - before).max() > 1e-3
    failed = [check for check in check_encoder(encoder) if not check.passed]
    assert [check.name for check in failed] == ["special tokens"]
    assert "2 of them special" in failed[0].detail


@pytest.mark.parametrize("name", ["caduceus-ph", "caduceus-ps"])
def test_an_end_token_pooled_is_found_where_there_should_be_none(
    tiny_models: dict[str, TinyModel], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published tokenizer of Caduceus appends [SEP]; at one end of one strand it also spoils equivariance."""
    encoder = load(tiny_models[name])
    monkeypatch.setattr(encoder, "encode", lambda bases: np.append(encode_bases(bases), SEP))
    failed = {check.name: check.detail for check in check_encoder(encoder) if not check.passed}
    assert set(failed) == {"special tokens"} | ({"strands"} if name == "caduceus-ps" else set())
    assert "1 of them special" in failed["special tokens"]


def pool_all(encoder: TokenEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Widen what is pooled by the token on either side."""
    pool: Callable[[Tensor, Tensor, str], Tensor] = token_encoder.pool

    def with_specials(hidden: Tensor, is_base: Tensor, pooling: str) -> Tensor:
        wider = is_base.clone()
        wider[:, 1:] |= is_base[:, :-1]
        wider[:, :-1] |= is_base[:, 1:]
        return pool(hidden, wider, pooling)

    monkeypatch.setattr(token_encoder, "pool", with_specials)
