"""Nucleotide Transformer v1 and v2 against the authors' networks, layouts and licence; and what a wrong file may not
do."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear
from transformers import EsmConfig, EsmForMaskedLM

from encoders import InputError, load_encoder
from encoders.dna.models.nucleotide_transformer import PREFIX, read_shape
from encoders.dna.networks.nucleotide_transformer import NucleotideTransformer
from encoders.dna.networks.rotary import RotaryPositions, inverse_frequencies
from encoders.dna.token_models.framed_encoder import FramedEncoder

TOLERANCE = 2e-5
MODELS = ("v1_tiny", "v2_tiny6mer")
CASES = {"single", "padded_right", "padded_left", "masked_tokens", "long", "no_mask_given"}
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
LAYER = "esm.encoder.layer.1."
Weights = dict[str, Tensor]
Arrays = dict[str, np.ndarray]


def load(source: Path, **settings: object) -> FramedEncoder:
    encoder = load_encoder("nucleotide-transformer", source=str(source), device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, FramedEncoder)
    return encoder


@pytest.fixture(params=MODELS)
def checkpoint(request: pytest.FixtureRequest, reference_data: Path, tmp_path: Path) -> Path:
    folder: Path = tmp_path / request.param
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "io.npz"):
        shutil.copyfile(reference_data / "nucleotide_transformer" / request.param / name, folder / name)
    return folder


@pytest.fixture
def v2(reference_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "changed"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(reference_data / "nucleotide_transformer/v2_tiny6mer" / name, folder / name)
    return folder


def read_arrays(checkpoint: Path) -> Arrays:
    with np.load(checkpoint / "io.npz") as arrays:
        return dict(arrays)


def change_weights(folder: Path, change: Callable[[Weights], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file({key: tensor.contiguous() for key, tensor in weights.items()}, folder / "model.safetensors")


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def run_case(encoder: FramedEncoder, arrays: Arrays, case: str) -> tuple[Tensor, Tensor]:
    """Hidden states, and the mask of the tokens read."""
    ids = torch.from_numpy(arrays[f"{case}.input_ids"])
    mask = torch.from_numpy(arrays[f"{case}.attention_mask"]) if f"{case}.attention_mask" in arrays else None
    output = encoder.model(ids, mask)
    assert torch.equal(output.last_hidden_state, output.hidden_states[-1])
    return torch.stack(output.hidden_states), (torch.ones_like(ids) if mask is None else mask).bool()


def test_hidden_states_equal_the_reference_in_every_case(checkpoint: Path) -> None:
    encoder, arrays = load(checkpoint), read_arrays(checkpoint)
    assert {key.split(".")[0] for key in arrays} == CASES
    for case in CASES:
        hidden, is_token = run_case(encoder, arrays, case)
        expected = torch.from_numpy(arrays[f"{case}.hidden_states"])
        assert hidden.shape == expected.shape
        assert (hidden - expected)[:, is_token].abs().max() < TOLERANCE, case


@pytest.mark.parametrize("case", ["single", "masked_tokens"])
def test_the_logits_of_the_reference_through_the_stored_head(checkpoint: Path, case: str) -> None:
    encoder, arrays, weights = load(checkpoint), read_arrays(checkpoint), load_file(checkpoint / "model.safetensors")
    hidden, _ = run_case(encoder, arrays, case)
    head = {key.removeprefix("lm_head."): tensor for key, tensor in weights.items() if key.startswith("lm_head.")}
    inner = gelu(linear(hidden[-1], head["dense.weight"], head["dense.bias"]))
    assert isinstance(encoder.model, NucleotideTransformer)
    eps = encoder.model.shape.layer_norm_eps
    inner = layer_norm(inner, inner.shape[-1:], head["layer_norm.weight"], head["layer_norm.bias"], eps=eps)
    logits = linear(inner, head["decoder.weight"], head["bias"])
    np.testing.assert_allclose(logits, arrays[f"{case}.logits"], atol=TOLERANCE)


def test_the_scaling_for_masks_and_the_rotation_are_seen_by_the_cases(checkpoint: Path) -> None:
    arrays = read_arrays(checkpoint)
    change_config(checkpoint, token_dropout="v2" in checkpoint.name)
    hidden, is_token = run_case(load(checkpoint), arrays, "single")
    error = (hidden - torch.from_numpy(arrays["single.hidden_states"]))[:, is_token].abs().max()
    assert error > 100 * TOLERANCE


@pytest.mark.parametrize(
    ("file", "sizes"),
    [
        ("v2_50m", (512, 12, 16, 2048, 4107, 2050)),
        ("v2_100m", (512, 22, 16, 2048, 4107, 2050)),
        ("v1_2.5b_ms", (2560, 32, 20, 10240, 4105, 1002)),
    ],
)
def test_the_published_keys_are_those_of_the_network(reference_data: Path, file: str, sizes: tuple[int, ...]) -> None:
    path = reference_data / f"nucleotide_transformer/published_{file}_keys_shapes.json"
    published = json.loads(path.read_text())["keys"]
    names = (*SMALL, "vocab_size", "max_position_embeddings")
    with torch.device("meta"):
        weights = {key: torch.empty(shape) for key, shape in published.items()}
        shape = read_shape(dict(zip(names, sizes, strict=True)), weights, "here")
        network = NucleotideTransformer(shape)
    found = {PREFIX + key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    unused = {key for key in published if "head." in key or key == "esm.embeddings.position_ids"}
    if shape.is_rotary:
        unused |= {"esm.embeddings.position_embeddings.weight"}
    assert (shape.is_rotary, shape.is_gated, shape.has_unit_bias) == (("v2" in file,) * 2 + ("v1" in file,))
    assert found == {key: shape for key, shape in published.items() if key not in unused}


@pytest.mark.parametrize("positions", ["absolute", "rotary"])
@pytest.mark.parametrize("settings", [{}, {"emb_layer_norm_before": True}, {"token_dropout": True}])
def test_other_settings_equal_the_library_s_own_esm(
    tmp_path: Path, positions: str, settings: dict[str, object]
) -> None:
    """The library has v1, and rotary positions without gates; it computes the frequencies that v2 stores."""
    sizes: dict[str, Any] = (
        SMALL | settings | {"vocab_size": 4105, "max_position_embeddings": 66, "pad_token_id": 1, "mask_token_id": 2}
    )
    config = EsmConfig(**sizes, position_embedding_type=positions, layer_norm_eps=1e-5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        own = EsmForMaskedLM(config).train(False).requires_grad_(False)
        for parameter in own.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        ids = torch.randint(4, 4100, (2, 20))
    ids[:, 0], ids[0, 5], ids[1, 14:] = 3, 2, 1
    mask = (ids != 1).long()
    own.save_pretrained(tmp_path)
    expected = own.esm(ids, attention_mask=mask, output_hidden_states=True).hidden_states
    found = load(tmp_path).model(ids, mask).hidden_states
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other)[mask.bool()].abs().max() < TOLERANCE


def test_the_stored_frequencies_win_over_the_formula(v2: Path) -> None:
    before = load(v2).embed(["ACGTTGCATGGCATTACGAT"])
    change_weights(v2, lambda weights: weights[f"{LAYER}attention.self.rotary_embeddings.inv_freq"].mul_(1.5))
    assert np.abs(load(v2).embed(["ACGTTGCATGGCATTACGAT"]) - before).max() > 1e-4


def test_without_stored_frequencies_the_formula_counts(v2: Path) -> None:
    expected = load(v2).embed(["ACGTTGCATGGCATTACGAT"])
    shapes = load_file(v2 / "model.safetensors")
    stored = [key for key in shapes if key.endswith("inv_freq")]
    assert len(stored) == 2
    change_weights(v2, lambda weights: [weights.pop(key) for key in stored])
    np.testing.assert_allclose(load(v2).embed(["ACGTTGCATGGCATTACGAT"]), expected, atol=TOLERANCE)


def test_column_major_tensors_of_a_bin_file_are_read(checkpoint: Path) -> None:
    expected = load(checkpoint).embed(["ACGTTGCATGGCATTACGAT"])
    weights = load_file(checkpoint / "model.safetensors")
    torch.save({key: one.t().contiguous().t() if one.ndim == 2 else one for key, one in weights.items()},
               checkpoint / "pytorch_model.bin")  # fmt: skip
    (checkpoint / "model.safetensors").unlink()
    assert np.array_equal(load(checkpoint).embed(["ACGTTGCATGGCATTACGAT"]), expected)


@pytest.mark.parametrize("pooling", ["mean", "max", "cls"])
def test_pooled_vectors_leave_out_cls_and_padding(checkpoint: Path, pooling: str) -> None:
    encoder = load(checkpoint, pooling=pooling)
    sequences = ["ACGTTGCATGGCATTACGAT", "ACG", "ACGTTGCATGGCATTACGATCAGCAT"]
    for sequence, vector in zip(sequences, encoder.embed(sequences), strict=True):
        ids = torch.from_numpy(encoder.tokenizer.encode(sequence))[None]
        hidden = encoder.model(ids).last_hidden_state[0]
        expected = {"mean": hidden[1:].mean(dim=0), "max": hidden[1:].amax(dim=0), "cls": hidden[0]}[pooling]
        np.testing.assert_allclose(vector, expected, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda weights: weights.pop(f"{LAYER}attention.self.key.bias"),
            "lacks esm.encoder.layer.1.attention.self.key",
        ),
        (lambda weights: weights.update({"esm.extra": torch.ones(1)}), "unknown to the model, esm.extra"),
        (lambda weights: weights.update({f"{LAYER}LayerNorm.bias": torch.ones(31)}), r"shape \(31,\)"),
        (lambda weights: weights.pop(f"{LAYER}attention.self.rotary_embeddings.inv_freq"), "lacks .*inv_freq"),
        (lambda weights: weights.pop("esm.encoder.layer.0.output.dense.weight"), "not a Nucleotide Transformer"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_its_key(
    v2: Path, change: Callable[[Weights], object], words: str
) -> None:
    change_weights(v2, change)
    with pytest.raises(InputError, match=words):
        load(v2)


def test_a_wrong_config_is_refused(v2: Path) -> None:
    change_config(v2, vocab_size=4000)
    with pytest.raises(InputError, match=r"4107, 4105, 75 tokens; that of .* has 4000|shape \(4107, 32\)"):
        load(v2)
    change_config(v2, vocab_size=4107, num_attention_heads=5)
    with pytest.raises(InputError, match="multiple of num_attention_heads"):
        load(v2)


def test_published_weights_need_their_licence_named(v2: Path) -> None:
    change_config(v2, hidden_size=512, num_hidden_layers=12)
    with pytest.raises(InputError, match=r"forbids commercial use.*accept_license: cc-by-nc-sa-4\.0"):
        load(v2)
    with pytest.raises(InputError, match="'mit' was accepted"):
        load(v2, accept_license="mit")
    with pytest.raises(InputError, match="lacks esm"):  # accepted; what follows is that this file is none of them
        load(v2, accept_license="CC-BY-NC-SA-4.0")


def test_the_licence_is_shown(v2: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="encoders"):
        load(v2)
    assert "under this licence: as stated at the source" in caplog.text


def test_n_makes_tokens_and_too_many_tokens_are_refused_by_name() -> None:
    encoder = load_encoder("untrained:nucleotide-transformer", variant="v1", **SMALL)  # type: ignore[arg-type]
    assert encoder.spec.max_bp == 5994
    rich_in_n = ("ACGTA" * 1000)[:4000] + "N" * 1900
    with (
        pytest.warns(UserWarning, match="hold an N"),
        pytest.raises(InputError, match=r"at most 1000 tokens.*of 5900 bp has 2571"),
    ):
        encoder.embed(["ACGT", rich_in_n])


def test_long_sequences_are_stitched_if_asked(v2: Path) -> None:
    sequence = "".join(np.random.default_rng(5).choice(list("ACGT"), 700))
    with pytest.raises(InputError, match="at most 378 bp"):
        load(v2).embed([sequence])
    stitching = load(v2, long="stitch", margin=8)
    assert stitching.spec.max_bp is None
    assert dict(stitching.spec.options)["max_tokens"] == "64"
    assert stitching.embed([sequence]).shape == (1, 32)
    np.testing.assert_allclose(stitching.embed([sequence[:300]]), load(v2).embed([sequence[:300]]), atol=TOLERANCE)
    with pytest.raises(InputError, match="at most 64 tokens at once; got max_tokens 65"):
        load(v2, long="stitch", max_tokens=65)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_layer_is_that_of_the_network_and_nothing_beyond_it_is_computed(v2: Path, layer: int) -> None:
    encoder = load(v2, layer=layer)
    ids = torch.from_numpy(encoder.tokenizer.encode("ACGTTGCATGGCATTACGAT"))[None]
    expected = encoder.model(ids).hidden_states[layer][:, 1:].mean(dim=1)
    calls: list[int] = []
    for number, block in enumerate(encoder.model.get_submodule("encoder.layer").children()):
        block.register_forward_hook(lambda *_, number=number: calls.append(number))
    np.testing.assert_allclose(encoder.embed(["ACGTTGCATGGCATTACGAT"]), expected, atol=TOLERANCE)
    assert calls == list(range(layer))


def test_in_bfloat16_products_alone_are_rounded() -> None:
    sizes = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 128}
    sequences = ["".join(np.random.default_rng(9).choice(list("ACGT"), length)) for length in (600, 3600)]
    exact, rounded = (
        load_encoder("untrained:nucleotide-transformer", dtype=dtype, **sizes)  # type: ignore[arg-type]
        for dtype in ("float32", "bfloat16")
    )
    expected, found = exact.embed(sequences), rounded.embed(sequences)
    assert 0 < np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.02
    assert exact.spec.fingerprint != rounded.spec.fingerprint
    with pytest.raises(InputError, match=r"'float16' .* is refused"):
        load_encoder("untrained:nucleotide-transformer", dtype="float16", device="cpu", **sizes)  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", ["v1", "v2", "v2-3mer"])
def test_untrained_variants_are_the_seed_s_own(variant: str) -> None:
    def vectors(seed: int) -> np.ndarray:
        name = "untrained:nucleotide-transformer"
        return load_encoder(name, variant=variant, seed=seed, **SMALL).embed(["ACGTTGCA" * 5])  # type: ignore[arg-type]

    assert np.array_equal(vectors(1), vectors(1))
    assert not np.array_equal(vectors(1), vectors(2))


def test_rotation_keeps_lengths_and_depends_on_differences_of_positions_alone() -> None:
    turn = RotaryPositions(inverse_frequencies(8), 300)
    query, key = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(4)).expand(2, 300, 8)
    turned_query, turned_key = turn(query), turn(key)
    torch.testing.assert_close(turned_query.norm(dim=-1), query.norm(dim=-1))
    scores = turned_query @ turned_key.T
    torch.testing.assert_close(scores[5, 2], scores[290, 287], atol=1e-4, rtol=0)
    assert turn(query.bfloat16()).dtype == torch.bfloat16
    assert not torch.equal(turn(query.bfloat16())[257], turn(query.bfloat16())[256])
