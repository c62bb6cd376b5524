"""HyenaDNA against the authors' network, layout and tokens; and what a wrong file or padding may not do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import linear

from encoders import InputError, load_encoder
from encoders.dna.models.hyenadna import PREFIX, HyenaDNATokenizer
from encoders.dna.networks.hyena import HyenaFilter, HyenaOperator
from encoders.dna.networks.hyenadna import HyenaDNAShape, make_hyenadna
from encoders.dna.token_models.framed_encoder import FramedEncoder
from encoders.dna.verification.contract import check_encoder
from encoders.genome.sequences import reverse_complement

TOLERANCE = 2e-5
MODELS = ("tiny", "tiny_stored_buffers")
CASES = {"single", "no_special", "one_base", "full_length", "batch_equal", "padded_left", "padded_right"}
SMALL = {"d_model": 16, "n_layer": 2, "d_inner": 24, "max_seq_len": 514}
FILTER = "hyena.backbone.layers.1.mixer.filter_fn."
Weights = dict[str, Tensor]
Arrays = dict[str, np.ndarray]


def load(source: Path, **settings: object) -> FramedEncoder:
    encoder = load_encoder("hyenadna", source=str(source), device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, FramedEncoder)
    return encoder


@pytest.fixture(params=MODELS)
def checkpoint(request: pytest.FixtureRequest, reference_data: Path, tmp_path: Path) -> Path:
    folder: Path = tmp_path / request.param
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "io.npz"):
        shutil.copyfile(reference_data / "hyenadna" / request.param / name, folder / name)
    return folder


@pytest.fixture
def tiny(reference_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "changed"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(reference_data / "hyenadna/tiny" / name, folder / name)
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


def test_hidden_states_and_logits_equal_the_reference_in_every_case(checkpoint: Path) -> None:
    encoder, arrays = load(checkpoint), read_arrays(checkpoint)
    head = load_file(checkpoint / "model.safetensors")["lm_head.weight"]
    assert {key.split(".")[0] for key in arrays} - {"filter"} == CASES
    for case in CASES:
        mask = torch.from_numpy(arrays[f"{case}.attention_mask"])
        output = encoder.model(torch.from_numpy(arrays[f"{case}.input_ids"]), mask)
        hidden = torch.stack(output.hidden_states)
        assert hidden.shape == arrays[f"{case}.hidden_states"].shape
        assert np.abs(hidden.numpy() - arrays[f"{case}.hidden_states"]).max() < TOLERANCE, case
        assert torch.equal(output.last_hidden_state, hidden[-1])
        assert np.abs(linear(hidden[-1], head).numpy() - arrays[f"{case}.logits"]).max() < TOLERANCE, case


def test_the_filter_is_that_of_the_stored_buffers(checkpoint: Path) -> None:
    expected = read_arrays(checkpoint)["filter.layer0"]
    found = load(checkpoint).model.get_submodule("layers.0.mixer.filter_fn")
    assert isinstance(found, HyenaFilter)
    np.testing.assert_allclose(found.taps(len(expected)).T, expected, atol=1e-6)


def test_long_sequences_are_stitched_if_asked_and_one_layer_is_the_layer(tiny: Path) -> None:
    encoder = load(tiny, long="stitch", max_tokens=100, margin=20)
    sequence = "".join(np.random.default_rng(5).choice(list("ACGT"), 331))
    assert encoder.spec.max_bp is None
    assert encoder.embed([sequence]).shape == (1, 32)
    np.testing.assert_allclose(encoder.embed([sequence[:90]]), load(tiny).embed([sequence[:90]]), atol=TOLERANCE)
    ids = torch.from_numpy(encoder.tokenizer.encode(sequence[:90]))[None]
    for layer, state in enumerate(load(tiny).model(ids).hidden_states):
        expected = state.mean(dim=1).numpy()
        np.testing.assert_allclose(load(tiny, layer=layer).embed([sequence[:90]]), expected, atol=TOLERANCE)


@pytest.mark.parametrize("buffer", ["pos_emb.z", "pos_emb.t", "modulation.deltas"])
def test_the_file_wins_over_the_formulas(tiny: Path, buffer: str) -> None:
    before = load(tiny).embed(["ACGTTGCATGGCATTACGAT"])
    change_weights(tiny, lambda weights: weights[FILTER + buffer].mul_(1.7))
    assert np.abs(load(tiny).embed(["ACGTTGCATGGCATTACGAT"]) - before).max() > 1e-4


def test_the_formulas_give_the_buffers_of_the_tiny_model(reference_data: Path) -> None:
    stored = load_file(reference_data / "hyenadna/tiny/model.safetensors")
    made = HyenaFilter(32, emb_dim=5, filter_order=16, num_inner_mlps=2, max_seq_len=130).state_dict()
    for buffer in ("pos_emb.z", "pos_emb.t", "modulation.deltas"):
        torch.testing.assert_close(made[buffer], stored[FILTER + buffer], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("file", "shape"),
    [
        ("medium_160k", HyenaDNAShape(d_model=256, n_layer=8, d_inner=1024, max_seq_len=160_002, vocab_size=16)),
        ("tiny_1k", HyenaDNAShape(d_model=128, n_layer=2, d_inner=512, max_seq_len=1026, vocab_size=16)),
    ],
)
def test_the_published_keys_are_those_of_the_network(reference_data: Path, file: str, shape: HyenaDNAShape) -> None:
    published = json.loads((reference_data / f"hyenadna/published_{file}_keys_shapes.json").read_text())["keys"]
    network = make_hyenadna(shape, seed=0)
    found = {PREFIX + key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    assert found == {key: sizes for key, sizes in published.items() if key != "lm_head.weight"}


def test_every_published_tokenisation(reference_data: Path) -> None:
    cases = json.loads((reference_data / "hyenadna/tokenizer_cases.json").read_text())["cases"]
    assert len(cases) == 8
    assert {text: HyenaDNATokenizer().encode(text).tolist() for text in cases} == cases


def test_the_operator_is_a_direct_causal_convolution() -> None:
    torch.manual_seed(3)
    width, n_tokens = 6, 23
    sizes = {"emb_dim": 5, "filter_order": 8, "num_inner_mlps": 2, "max_seq_len": 40}
    operator = HyenaOperator(width, sizes).requires_grad_(False).double().float()
    value = torch.randn(2, width, n_tokens)
    taps = operator.filter_fn.taps(n_tokens).double()
    expected = torch.zeros(2, width, n_tokens, dtype=torch.float64)
    for now in range(n_tokens):
        for before in range(now + 1):
            expected[..., now] += taps[:, before] * value[..., now - before].double()
    expected += operator.filter_fn.bias.double()[:, None] * value.double()
    torch.testing.assert_close(operator.filter_fn(value).double(), expected, atol=1e-5, rtol=1e-5)


def test_it_is_causal_so_padding_on_the_right_changes_nothing_and_on_the_left_would() -> None:
    encoder = load_encoder("untrained:hyenadna", **SMALL)  # type: ignore[arg-type]
    assert isinstance(encoder, FramedEncoder)
    ids = torch.from_numpy(encoder.tokenizer.encode("ACGTTGCATGGCATTACGATTACA"))[None]
    padding = torch.full((1, 37), encoder.tokenizer.pad_id)
    alone = encoder.model(ids).last_hidden_state
    right = encoder.model(torch.cat([ids, padding], dim=1)).last_hidden_state[:, : ids.shape[1]]
    left = encoder.model(torch.cat([padding, ids], dim=1)).last_hidden_state[:, 37:]
    assert (alone - right).abs().max() < TOLERANCE
    assert (alone - left).abs().max() > 1e-2


def test_pooled_vectors_are_the_mean_over_all_bases_after_the_last_norm(checkpoint: Path) -> None:
    encoder, arrays = load(checkpoint), read_arrays(checkpoint)
    ids = arrays["no_special.input_ids"][0]
    sequence = "".join(" " * 7 + "ACGTN")[7:]
    text = "".join(sequence[number - 7] for number in ids)
    with pytest.warns(UserWarning, match="hold an N"):
        (vector,) = encoder.embed([text])
    np.testing.assert_allclose(vector, arrays["no_special.hidden_states"][-1, 0].mean(axis=0), atol=TOLERANCE)


def test_longer_than_the_filter_is_refused_by_both(tiny: Path) -> None:
    encoder = load(tiny)
    assert encoder.spec.max_bp == 130
    assert encoder.embed(["ACGTA" * 26]).shape == (1, 32)
    with pytest.raises(InputError, match="at most 130 bp"):
        encoder.embed(["ACGTA" * 26 + "C"])
    with pytest.raises(InputError, match="at most 130 tokens; got 131"):
        encoder.model(torch.full((1, 131), 7))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop(f"{FILTER}implicit_filter.1.freq"), r"lacks .*implicit_filter\.1\.freq"),
        (lambda weights: weights.pop(f"{FILTER}pos_emb.z"), r"lacks .*pos_emb\.z"),
        (lambda weights: weights.update({"hyena.extra": torch.ones(1)}), r"unknown to the model, hyena\.extra"),
        (lambda weights: weights.update({f"{FILTER}implicit_filter.3.freq": torch.ones(1, 16)}), "they differ"),
        (lambda weights: weights.update({f"{FILTER}bias": torch.ones(31)}), r"shape \(31,\)"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_its_key(
    tiny: Path, change: Callable[[Weights], object], words: str
) -> None:
    change_weights(tiny, change)
    with pytest.raises(InputError, match=words):
        load(tiny)


def test_a_stored_copy_of_the_frequency_is_a_declared_tie(tiny: Path) -> None:
    expected = load(tiny).embed(["ACGTTGCATGGC"])
    first = load_file(tiny / "model.safetensors")[f"{FILTER}implicit_filter.1.freq"]
    change_weights(tiny, lambda weights: weights.update({f"{FILTER}implicit_filter.3.freq": first.clone()}))
    assert np.array_equal(load(tiny).embed(["ACGTTGCATGGC"]), expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hyena_order": 3}, "hyena_order = 2; .* has 3"),
        ({"short_filter_order": 5}, "short_filter_order = 3"),
        ({"vocab_size": 7}, "another tokenizer"),
        ({"d_model": 0}, "positive whole numbers"),
        ({"pad_vocab_size_multiple": 0}, "positive whole numbers"),
    ],
)
def test_a_config_of_another_network_is_refused(tiny: Path, changes: dict[str, object], words: str) -> None:
    change_config(tiny, **changes)
    with pytest.raises(InputError, match=words):
        load(tiny)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dtype": "bfloat16"}, "float32: its filter"),
        ({"pooling": "cls"}, "no .CLS. token"),
        ({"rc": "equivariant"}, "use 'average'"),
        ({"layer": 4}, "layers 0 .embedding. to 3"),
    ],
)
def test_settings_it_cannot_take_are_refused(tiny: Path, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(tiny, **settings)


def test_the_average_of_both_strands_reads_both_sides(tiny: Path) -> None:
    encoder = load_encoder("hyenadna", source=str(tiny), rc="average")
    sequence = "ACGTTGCATGGCATTACGATTACA"
    assert np.array_equal(encoder.embed([sequence]), encoder.embed([reverse_complement(sequence)]))
    assert all(check.passed for check in check_encoder(encoder))
