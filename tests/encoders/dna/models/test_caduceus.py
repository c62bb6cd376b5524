"""Caduceus against the authors' network, and against what strands, padding and a wrong file may not do."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from encoders import InputError, load_encoder
from encoders.dna.models.caduceus import PREFIX, Caduceus, declared_ties, fill_caduceus
from encoders.dna.networks import mamba
from encoders.dna.networks.caduceus import CaduceusModel, CaduceusShape
from encoders.dna.networks.mamba import BiMamba, MambaSizes, Reversal
from encoders.dna.networks.scans import plain
from encoders.dna.networks.scans.compiled import compiled_scan
from encoders.dna.networks.scans.plain import blocked_scan, selective_scan
from encoders.dna.tokenizers.single_base import PAD, SEP, complement_ids, encode_bases
from encoders.dna.verification.contract import check_encoder
from encoders.genome.sequences import reverse_complement

TOLERANCE = 2e-5
STRAND_TOLERANCE = 1e-6
SMALL = {"d_model": 12, "n_layer": 3, "d_state": 5}
VARIANTS = ["ph", "ps_fused", "ps_unfused"]
CASES = ["with_sep", "no_special", "batch"]
COMPLEMENT_KEY = f"{PREFIX}embeddings.word_embeddings.complement_map"
IN_KEY = f"{PREFIX}layers.1.mixer.submodule.mamba_fwd.in_proj.weight"
TIED_KEY = IN_KEY.replace("fwd", "rev")


def load_caduceus(name: str, **settings: object) -> Caduceus:
    encoder = load_encoder(name, device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, Caduceus)
    return encoder


def make_sequences(n: int, seed: int, longest: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(1, longest + 1, n)]


def make_ids(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(7, 12, shape))


@pytest.fixture
def load_reference(reference_data: Path, tmp_path: Path) -> Callable[..., Caduceus]:
    """Loads one of the reference's tiny models from a folder; `changes` go to its config.json."""

    def load(variant: str, **changes: object) -> Caduceus:
        folder = tmp_path / variant
        folder.mkdir(exist_ok=True)
        files = reference_data / "caduceus"
        config = json.loads((files / f"tiny_{variant}_config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))
        shutil.copy(files / f"tiny_{variant}.safetensors", folder / "model.safetensors")
        return load_caduceus(f"caduceus-{variant[:2]}", source=str(folder))

    return load


@pytest.fixture
def read_answers(reference_data: Path) -> Callable[[str, str], dict[str, np.ndarray]]:
    """What the authors' network returned for one case."""

    def read(variant: str, case: str) -> dict[str, np.ndarray]:
        with np.load(reference_data / f"caduceus/tiny_{variant}_io.npz") as arrays:
            return {key.removeprefix(f"{case}/"): arrays[key] for key in arrays.files if key.startswith(f"{case}/")}

    return read


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A PS model of random weights with the published keys; needs no outside data."""
    model = load_caduceus("untrained:caduceus-ps", **SMALL).model
    weights = {PREFIX + key: tensor.clone() for key, tensor in model.state_dict().items()}
    save_file(weights | {"lm_head.complement_map": weights[COMPLEMENT_KEY].clone()}, tmp_path / "model.safetensors")
    config = {"d_model": 12, "n_layer": 3, "vocab_size": 12, "rcps": True, "fused_add_norm": True}
    (tmp_path / "config.json").write_text(json.dumps(config | {"ssm_cfg": {"d_state": 5}}))
    return tmp_path


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_state_equals_the_reference(
    load_reference: Callable[..., Caduceus],
    read_answers: Callable[[str, str], dict[str, np.ndarray]],
    variant: str,
    case: str,
) -> None:
    model, expected = load_reference(variant).model, read_answers(variant, case)
    output = model(torch.from_numpy(expected["input_ids"]))
    np.testing.assert_allclose(output.last_hidden_state, expected["last_hidden_state"], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(torch.stack(output.hidden_states[:-1]), expected["layer_inputs"], atol=TOLERANCE, rtol=0)
    logits = model.logits(output.last_hidden_state)
    np.testing.assert_allclose(logits, expected["logits"], atol=TOLERANCE, rtol=0)
    assert output.hidden_states[-1] is output.last_hidden_state


@pytest.mark.filterwarnings("ignore:.*hold an N")
@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_pooled_vectors_equal_the_reference(
    load_reference: Callable[..., Caduceus],
    read_answers: Callable[[str, str], dict[str, np.ndarray]],
    reference_data: Path,
    variant: str,
    pooling: str,
) -> None:
    sequence = json.loads((reference_data / "caduceus/seq.json").read_text())["seq"]
    expected = read_answers(variant, "no_special")
    ids = encode_bases(sequence.upper())
    np.testing.assert_array_equal(ids, expected["input_ids"][0])
    np.testing.assert_array_equal([*ids, SEP], read_answers(variant, "with_sep")["input_ids"][0])
    hidden = expected["last_hidden_state"][0]
    if variant != "ph":
        hidden = (hidden[:, :32] + hidden[:, :31:-1]) / 2
    encoder = load_reference(variant)
    encoder.spec = replace(encoder.spec, pooling=pooling)
    (vector,) = encoder.embed([sequence])
    np.testing.assert_allclose(vector, getattr(hidden, pooling)(axis=0), atol=TOLERANCE, rtol=0)


def test_without_the_swap_of_the_fused_norm_ps_is_another_function(
    load_reference: Callable[..., Caduceus], read_answers: Callable[[str, str], dict[str, np.ndarray]]
) -> None:
    expected = read_answers("ps_fused", "no_special")
    ids = torch.from_numpy(expected["input_ids"])
    fused = load_reference("ps_fused").model
    unfused = CaduceusModel(replace(fused.shape, fused_add_norm=False)).requires_grad_(False)
    unfused.load_state_dict(
        {
            key.replace("norm.", "norm.submodule.").replace("norm_f.", "norm_f.submodule."): one
            for key, one in fused.state_dict().items()
        }
    )
    states = [model(ids).last_hidden_state for model in (fused, unfused)]
    assert (states[0] - states[1]).norm() / states[0].norm() > 0.5
    assert np.abs(states[1].numpy() - expected["last_hidden_state"]).max() > 0.5
    with pytest.raises(InputError, match=r"lacks .*norm.submodule.weight and 3 more"):
        load_reference("ps_fused", fused_add_norm=False)
    ph_ids = torch.from_numpy(read_answers("ph", "no_special")["input_ids"])
    ph = [load_reference("ph", fused_add_norm=fused).model(ph_ids).last_hidden_state for fused in (True, False)]
    np.testing.assert_array_equal(*ph)


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_ps_is_equivariant_in_every_layer(load_reference: Callable[..., Caduceus], variant: str) -> None:
    model = load_reference(variant).model
    ids = make_ids(3, 53)
    others = torch.tensor(complement_ids())[ids].flip(1)
    for state, other in zip(model(ids).hidden_states, model(others).hidden_states, strict=True):
        assert (other - state.flip(1, 2)).abs().max() <= STRAND_TOLERANCE


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("layer", [0, 1, 2, -1])
def test_pooled_vectors_of_ps_are_the_same_for_both_strands(pooling: str, layer: int) -> None:
    encoder = load_caduceus("untrained:caduceus-ps", rc="equivariant", pooling=pooling, layer=layer, **SMALL)
    sequences = make_sequences(29, seed=1, longest=70)
    vectors, others = encoder.embed(sequences), encoder.embed([reverse_complement(one) for one in sequences])
    assert np.abs(vectors - others).max() <= STRAND_TOLERANCE
    assert np.abs(vectors - vectors[0]).max() > 0.01
    assert encoder.spec.rc_mode == "equivariant"


def test_ph_reads_one_strand_unless_both_are_averaged() -> None:
    forward = load_caduceus("untrained:caduceus-ph", **SMALL)
    average = load_encoder("untrained:caduceus-ph", rc="average", **SMALL)  # type: ignore[arg-type]
    sequences = make_sequences(17, seed=2, longest=60)
    others = [reverse_complement(one) for one in sequences]
    assert np.abs(forward.embed(sequences) - forward.embed(others)).max() > 0.01
    assert average.embed(sequences).tobytes() == average.embed(others).tobytes()
    expected = (forward.embed(sequences) + forward.embed(others)) / 2
    np.testing.assert_allclose(average.embed(sequences), expected, atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["ph", "ps"])
def test_keys_and_shapes_are_those_of_the_published_files(reference_data: Path, kind: str) -> None:
    published = json.loads((reference_data / f"caduceus/published_{kind}_131k_keys_shapes.json").read_text())
    sizes = MambaSizes(d_model=256, d_inner=512, d_state=16, d_conv=4, dt_rank=16)
    with torch.device("meta"):
        model = CaduceusModel(CaduceusShape(16, 16, sizes, 1e-5, rcps=kind == "ps", fused_add_norm=True))
    shapes = {PREFIX + key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    ties = declared_ties(model.shape)
    assert shapes | {key: shapes[original] for key, original in ties.items()} == published["all_keys"]
    left_out = {key for key in ties if key != "lm_head.complement_map"}
    assert set(published["all_keys"]) - left_out == set(published["stored_after_dedup"])
    assert sum(one.numel() for one in model.parameters()) == 7_725_312


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_changes_no_token_in_any_layer(load_reference: Callable[..., Caduceus], variant: str) -> None:
    model = load_reference(variant).model
    lengths = [1, 41, 2, 17, 40]
    mask = (torch.arange(41) < torch.tensor(lengths)[:, None]).long()
    ids = torch.where(mask.bool(), make_ids(5, 41), PAD)
    together, ignored = model(ids, mask), model(ids)
    for row, length in enumerate(lengths):
        alone = model(ids[row : row + 1, :length])
        for state, expected in zip(together.hidden_states, alone.hidden_states, strict=True):
            halves = zip(state[row, :length].chunk(2, dim=-1), expected[0].chunk(2, dim=-1), strict=True)
            assert max((one - other).abs().max() for one, other in halves) <= TOLERANCE
        if length < 41:
            assert (ignored.last_hidden_state[row, :length] - alone.last_hidden_state[0]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["ph", "ps"])
def test_a_vector_does_not_depend_on_its_batch(kind: str) -> None:
    encoder = load_caduceus(f"untrained:caduceus-{kind}", **SMALL)
    sequences = make_sequences(60, seed=3, longest=90)
    alone = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    rng = np.random.default_rng(4)
    for _ in range(200):
        chosen = rng.choice(60, rng.integers(1, 25), replace=True)
        batch = encoder.embed([sequences[index] for index in chosen])
        np.testing.assert_allclose(batch, alone[chosen], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("kind", ["ph", "ps"])
def test_padding_on_the_left_as_the_published_tokenizer_has_it_changes_no_token(kind: str) -> None:
    model, ids = load_caduceus(f"untrained:caduceus-{kind}", **SMALL).model, make_ids(3, 17)
    lengths = torch.tensor([17, 9, 1])
    mask = (torch.arange(17) >= 17 - lengths[:, None]).long()
    output = model(ids.where(mask == 1, PAD), mask)
    for row, length in enumerate(lengths.tolist()):
        alone = model(ids[row : row + 1, 17 - length :])
        for state, expected in zip(output.hidden_states, alone.hidden_states, strict=True):
            torch.testing.assert_close(state[row, 17 - length :], expected[0], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("mask", [[[0, 1, 0, 1]], [[1, 0, 1, 1]], [[0, 0, 0, 0]]])
def test_padding_elsewhere_is_refused(mask: list[list[int]]) -> None:
    model = load_caduceus("untrained:caduceus-ph", **SMALL).model
    with pytest.raises(InputError, match="all of them in one piece"):
        model(make_ids(1, 4), torch.tensor(mask))


@pytest.mark.parametrize("scan", [selective_scan, blocked_scan, compiled_scan])
@pytest.mark.parametrize("n_steps", [1, 7, 8, 9, 31, 200])
def test_the_scans_equal_their_recurrence(scan: Callable[..., tuple[Tensor, Tensor]], n_steps: int) -> None:
    """In plain torch, as a GPU has it, and compiled."""
    rng = torch.Generator().manual_seed(5)
    u, step = (torch.randn(2, n_steps, 3, 7, generator=rng) for _ in range(2))
    b, c = (torch.randn(2, n_steps, 3, 4, generator=rng) for _ in range(2))
    step, a = step.exp(), -torch.rand(2, 4, 7, generator=rng)
    start = torch.randn(2, 3, 4, 7, generator=rng)
    y, state = scan(u, step, a, b, c, start)
    expected = start.double()
    for t in range(n_steps):
        decay = torch.exp(step[:, t, :, None].double() * a[:, None])
        expected = decay * expected + (step[:, t] * u[:, t]).double()[:, :, None] * b[:, t, :, :, None]
        output = torch.einsum("gns,gnse->gne", c[:, t].double(), expected)
        torch.testing.assert_close(y[:, t].double(), output, atol=TOLERANCE, rtol=TOLERANCE)
    torch.testing.assert_close(state.double(), expected, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("d_inner", [1, 255, 600])
def test_the_compiled_scan_has_the_same_bits_by_any_number_of_threads_and_hides_no_nan(d_inner: int) -> None:
    rng = torch.Generator().manual_seed(5)
    u, step = (torch.randn(2, 9, 3, d_inner, generator=rng) for _ in range(2))
    b, c = (torch.randn(2, 9, 3, 4, generator=rng) for _ in range(2))
    a, start = -300 * torch.rand(2, 4, d_inner, generator=rng), torch.randn(2, 3, 4, d_inner, generator=rng)
    inputs, before = (u, step.exp(), a, b, c, start), torch.get_num_threads()
    try:
        found = []
        for n_threads in (1, 2, 7):
            torch.set_num_threads(n_threads)
            found.append(torch.cat([one.flatten() for one in compiled_scan(*inputs)]))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, found[0]) for one in found)
    expected = selective_scan(*(one.double() for one in inputs))
    torch.testing.assert_close(found[0].double(), torch.cat([one.flatten() for one in expected]), atol=1e-4, rtol=1e-4)
    a[1, 2, 0] = float("nan")
    y, _ = compiled_scan(*inputs)
    assert y[1, :, :, 0].isnan().all()
    assert not y[0].isnan().any()


@pytest.mark.parametrize(("block", "chunk"), [(1, 1), (2, 8), (5, 3), (64, 7)])
def test_the_blocks_leave_no_seams(monkeypatch: pytest.MonkeyPatch, block: int, chunk: int) -> None:
    """Blocks shorter than the convolution included."""
    model = load_caduceus("untrained:caduceus-ps", **SMALL).model
    expected = model(make_ids(2, 131)).last_hidden_state
    monkeypatch.setattr(mamba, "BLOCK_STEPS", block)
    monkeypatch.setattr(plain, "SCAN_STEPS", chunk)
    monkeypatch.setattr(mamba, "_scan", blocked_scan if chunk % 2 else selective_scan)
    torch.testing.assert_close(model(make_ids(2, 131)).last_hidden_state, expected, atol=TOLERANCE, rtol=0)


class LargestTensor(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the elements of the largest tensor that any operation returns."""

    n_elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        output = func(*args, **(kwargs or {}))
        found = [one.untyped_storage().nbytes() // 4 for one in (output,) if isinstance(one, Tensor)]
        self.n_elements = max(self.n_elements, *found, 0)
        return output


def test_memory_is_linear_in_the_length_and_holds_no_states_of_all_steps() -> None:
    mixer = BiMamba(MambaSizes(d_model=6, d_inner=12, d_state=16, d_conv=4, dt_rank=1)).requires_grad_(False)
    for n_steps in (2048, 8192):
        with LargestTensor() as largest:  # type: ignore[no-untyped-call]
            mixer(torch.zeros(n_steps, 1, 6), Reversal(torch.tensor([n_steps]), n_steps))
        assert largest.n_elements == n_steps * 12, "the inputs of all steps are the largest"


def test_a_file_may_hold_the_shared_tensors_too(checkpoint: Path) -> None:
    without = load_caduceus("caduceus-ps", source=str(checkpoint))
    weights = load_file(checkpoint / "model.safetensors")
    for key, original in declared_ties(without.model.shape).items():
        weights[key] = weights[original]
    torch.save(weights, checkpoint / "pytorch_model.bin")
    (checkpoint / "model.safetensors").unlink()
    again = load_caduceus("caduceus-ps", source=str(checkpoint))
    sequences = make_sequences(5, seed=6, longest=40)
    np.testing.assert_array_equal(without.embed(sequences), again.embed(sequences))
    assert again.spec.weights_sha256 != without.spec.weights_sha256


def _break(weights: dict[str, Tensor], change: str) -> None:
    if change == "deleted":
        del weights[IN_KEY]
    elif change == "renamed":
        weights[f"{IN_KEY}s"] = weights.pop(IN_KEY)
    elif change == "transposed":
        weights[IN_KEY] = weights[IN_KEY].T.contiguous()
    elif change == "unknown":
        weights[f"{PREFIX}layers.0.mixer.submodule.mamba_fwd.x_proj.bias"] = torch.zeros(1)
    elif change == "tie":
        weights[TIED_KEY] = weights[IN_KEY].flip(0)
    elif change == "head":
        weights["lm_head.lm_head.weight"] = weights[f"{PREFIX}embeddings.word_embeddings.embedding.weight"] + 1
    else:
        weights[COMPLEMENT_KEY] = weights["lm_head.complement_map"] = torch.arange(16)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("deleted", f"this one lacks {IN_KEY}"),
        ("renamed", f"this one lacks {IN_KEY}"),
        ("transposed", f"in shape .* {IN_KEY}"),
        ("unknown", "unknown to the model, .*x_proj.bias"),
        ("tie", f"{IN_KEY} and {TIED_KEY}; in this file they differ"),
        ("head", "lm_head.lm_head.weight; in this file they differ"),
        ("complement", "complement_map is .* another tokenizer"),
    ],
)
def test_a_file_that_is_not_the_model_is_refused_by_the_key(checkpoint: Path, change: str, words: str) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    model = load_caduceus("caduceus-ps", source=str(checkpoint)).model
    fill_caduceus(model, weights)
    _break(weights, change)
    with pytest.raises(InputError, match=words):
        fill_caduceus(model, weights)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rcps": False}, "those of caduceus-ph; caduceus-ps was asked for"),
        ({"rms_norm": False}, "built for rms_norm = True; .* has False"),
        ({"bidirectional_weight_tie": False}, "built for bidirectional_weight_tie = True"),
        ({"bidirectional_strategy": "ew_multiply"}, "has 'ew_multiply'"),
        ({"ssm_cfg": {"bias": True}}, "built for bias = False"),
        ({"vocab_size": 7}, "has 12 tokens; the vocabulary of .* has 7"),
        ({"n_layer": 2}, "unknown to the model, .*layers.2"),
        ({"d_model": 16}, "in shape"),
        ({"d_model": "12"}, "positive whole numbers"),
        ({"pad_vocab_size_multiple": 0}, "positive whole numbers"),
        ({"ssm_cfg": {"d_state": 5, "dt_rank": 2}}, "in shape"),
    ],
)
def test_another_architecture_is_refused(checkpoint: Path, changes: dict[str, object], words: str) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(InputError, match=words):
        load_encoder("caduceus-ps", source=str(checkpoint))


def test_a_config_that_does_not_say_which_function_is_refused(checkpoint: Path) -> None:
    (checkpoint / "config.json").write_text(json.dumps({"d_model": 12, "n_layer": 3, "vocab_size": 12, "rcps": True}))
    with pytest.raises(InputError, match="lacks fused_add_norm"):
        load_encoder("caduceus-ps", source=str(checkpoint))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("caduceus-ps", {}, "hub id kuleshov-group/caduceus-ps_seqlen-131k"),
        ("caduceus-ph", {"source": "x/y", "d_model": 16}, "no option 'd_model'"),
        ("untrained:caduceus-ph", {"source": "x/y"}, "source and revision must not be set"),
        ("untrained:caduceus-ph", SMALL | {"rc": "equivariant"}, "not equivariant by construction.* use 'average'"),
        ("untrained:caduceus-ps", SMALL | {"rc": "both"}, "rc must be"),
        ("untrained:caduceus-ps", SMALL | {"pooling": "cls"}, r"no \[CLS\] token; use pooling 'mean' or 'max'"),
        ("untrained:caduceus-ps", SMALL | {"pooling": "last"}, "one of mean, cls, max"),
        ("untrained:caduceus-ps", SMALL | {"layer": 4}, r"layers 0 \(embedding\) to 3; got layer 4"),
        ("untrained:caduceus-ps", SMALL | {"dtype": "float16"}, "float16' of untrained:caduceus-ps is refused: no CPU"),
        ("untrained:caduceus-ps", {"d_model": 0}, "positive whole numbers"),
    ],
)
def test_settings_it_cannot_take_are_refused(name: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_encoder(name, **settings)  # type: ignore[arg-type]


def test_random_weights_come_from_the_seed_and_are_labelled() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first, again, other = (load_caduceus("untrained:caduceus-ps", seed=seed, **SMALL) for seed in (5, 5, 6))
    np.testing.assert_array_equal(torch.rand(3), expected)
    sequences = make_sequences(5, seed=7, longest=50)
    np.testing.assert_array_equal(first.embed(sequences), again.embed(sequences))
    assert np.abs(first.embed(sequences) - other.embed(sequences)).max() > 0.1
    assert first.spec == again.spec
    assert first.spec.fingerprint != other.spec.fingerprint
    assert (first.spec.label, first.spec.trained, first.spec.hidden_dim) == ("untrained caduceus-ps", False, 12)
    options = dict(first.spec.options)
    assert (options["d_inner"], options["dt_rank"], options["fused_add_norm"]) == ("24", "1", "True")


def test_step_sizes_are_drawn_in_the_authors_range() -> None:
    bias = mamba.Mamba(MambaSizes(8, 4096, 2, 4, 3), owns_projections=False).dt_proj.bias
    steps = torch.nn.functional.softplus(bias.double())
    assert steps.min() > mamba.MIN_STEP * (1 - 1e-3)
    assert steps.max() < mamba.MAX_STEP * (1 + 1e-3)
    middle = (math.log(mamba.MIN_STEP) + math.log(mamba.MAX_STEP)) / 2
    assert abs(steps.log().mean() - middle) < 0.1


def test_the_spec_says_what_was_loaded_and_the_battery_passes(checkpoint: Path) -> None:
    encoder = load_caduceus("caduceus-ps", source=str(checkpoint), layer=-2, pooling="max")
    spec = encoder.spec
    assert (spec.layer, spec.pooling, spec.hidden_dim, spec.max_bp, spec.trained) == (2, "max", 12, None, True)
    assert (spec.label, spec.rc_mode) == ("caduceus-ps max layer 2", "equivariant")
    assert [check for check in check_encoder(encoder) if not check.passed] == []
