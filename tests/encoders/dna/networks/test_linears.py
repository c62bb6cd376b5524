"""Both libraries give one vector; bfloat16 stays within its bound; the choice between them is made once."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from encoders import InputError, load_encoder
from encoders.dna.networks import linears
from encoders.dna.networks.linears import FastLinear, faster_library, product, use_fast_linears
from encoders.dna.token_models.token_encoder import TokenEncoder

TOLERANCE = 2e-5
DEEP = {"hidden_size": 96, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 384}
NAMES = {"untrained:dnabert-3": DEEP, "untrained:dnabert2": DEEP, "untrained:caduceus-ps": {"d_model": 48}}


@pytest.fixture
def fresh_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No choice was made or noted yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(linears.CHOICE_VARIABLE, raising=False)
    faster_library.cache_clear()
    yield tmp_path
    faster_library.cache_clear()


def load(name: str, **settings: object) -> TokenEncoder:
    encoder = load_encoder(name, device="cpu", **NAMES[name], **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, TokenEncoder)
    return encoder


def make_sequences(n: int, longest: int = 200) -> list[str]:
    rng = np.random.default_rng(3)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(20, longest + 1, n)]


@pytest.mark.parametrize("library", linears.LIBRARIES)
@pytest.mark.parametrize("shape", [(37, 96), (1, 96), (0, 96), (2, 5, 96), (5, 2, 96)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_equals_its_sums(
    monkeypatch: pytest.MonkeyPatch, library: str, shape: tuple[int, ...], bias: bool
) -> None:
    monkeypatch.setattr(linears, "faster_library", lambda: library)
    layer = nn.Linear(96, 33, bias=bias).requires_grad_(False)
    x = torch.randn(shape)
    x = x.transpose(0, 1) if shape[0] == 5 else x
    expected = x.double() @ layer.weight.double().T + (layer.bias.double() if bias else 0)
    found = FastLinear(layer, torch.float32)(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(product(x, layer.weight, layer.bias).double(), expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_of_both_libraries_agree(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    encoder, vectors = load(name), {}
    for library in linears.LIBRARIES:
        monkeypatch.setattr(linears, "faster_library", lambda library=library: library)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiled:
            vectors[library] = encoder.embed(make_sequences(5))
        assert encoder.runtime["linears"] == library
        called = any(event.key == "mkldnn::_linear_pointwise" for event in profiled.key_averages())
        assert called == (library == "onednn")
    np.testing.assert_allclose(vectors["mkl"], vectors["onednn"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_is_another_setting_within_two_percent(name: str) -> None:
    exact, rough = load(name), load(name, dtype="bfloat16")
    assert rough.spec.fingerprint != exact.spec.fingerprint
    assert (exact.spec.dtype, rough.spec.dtype) == ("float32", "bfloat16")
    expected, found = exact.embed(make_sequences(5)), rough.embed(make_sequences(5))
    errors = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert 1e-5 < errors.max() <= 0.02


def test_only_products_are_bfloat16() -> None:
    model = load("untrained:caduceus-ps", dtype="bfloat16").model
    rough = {key.split(".")[-2] for key, tensor in model.named_parameters() if tensor.dtype == torch.bfloat16}
    assert rough == {"in_proj", "out_proj"}
    bert = load("untrained:dnabert-3", dtype="bfloat16").model
    assert all(tensor.dtype == torch.float32 for key, tensor in bert.named_parameters() if "LayerNorm" in key)
    assert bert(torch.tensor([[2, 5, 6, 3]])).last_hidden_state.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_repeated_to_the_last_bit(name: str) -> None:
    sequences = make_sequences(4)
    code = (
        "from encoders import load_encoder\n"
        f"vectors = load_encoder({name!r}, device='cpu', **{NAMES[name]!r}).embed({sequences!r})\n"
        "print(vectors.tobytes().hex())\n"
    )
    runs = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 1000


def test_weights_changed_in_place_are_seen() -> None:
    layer = FastLinear(nn.Linear(8, 8).requires_grad_(False), torch.float32)
    x = torch.randn(3, 8)
    before = layer(x)
    layer.weight.mul_(2)
    torch.testing.assert_close(layer(x) - layer.bias, 2 * (before - layer.bias))


def test_a_network_can_be_copied_after_use_and_differentiated() -> None:
    model = use_fast_linears(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3)), torch.float32)
    x = torch.randn(2, 8)
    with torch.inference_mode():
        expected = model(x)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(again(x).detach(), expected)
    model(x).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_choice_is_probed_once_and_remembered(fresh_choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["onednn", "mkl"])
    monkeypatch.setattr(linears, "probe_libraries", lambda: next(answers))
    assert [faster_library(), faster_library()] == ["onednn", "onednn"]
    faster_library.cache_clear()  # as another process would begin
    assert faster_library() == "onednn"
    (note,) = (fresh_choice / "gene-brain-fusion").iterdir()
    note.write_text("half a no")
    faster_library.cache_clear()
    assert faster_library() == "mkl"
    assert note.read_text() == "mkl\n"


def test_a_cache_that_cannot_be_written_only_costs_a_probe(fresh_choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh_choice / "gene-brain-fusion").write_text("a file where the folder should be")
    assert faster_library() in linears.LIBRARIES


def test_the_environment_decides_and_is_checked(fresh_choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(linears.CHOICE_VARIABLE, "mkl")
    assert faster_library() == "mkl"
    faster_library.cache_clear()
    monkeypatch.setenv(linears.CHOICE_VARIABLE, "fastest")
    with pytest.raises(InputError, match=r"GENEBRAIN_LINEARS must be one of mkl.* got 'fastest'"):
        faster_library()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_without_the_operators_torch_itself_multiplies(
    fresh_choice: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    expected = load("untrained:dnabert2", dtype=dtype).embed(make_sequences(3))
    faster_library.cache_clear()
    monkeypatch.setattr(linears, "_has_onednn", lambda: False)
    encoder = load("untrained:dnabert2", dtype=dtype)
    assert (linears._library(torch.float32), linears._library(torch.bfloat16)) == ("mkl", "mkl")
    np.testing.assert_allclose(
        encoder.embed(make_sequences(3)), expected, atol=TOLERANCE if dtype == "float32" else 0.02
    )


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("float16", "dtype 'float16' of untrained:dnabert2 is refused: no CPU multiplies float16 fast. Use 'bfloat16'"),
        ("float64", "must be one of float32, bfloat16; got 'float64'"),
    ],
)
def test_other_formats_are_refused_with_the_reason(dtype: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load("untrained:dnabert2", dtype=dtype)
