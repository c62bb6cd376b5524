"""The libraries give one vector; bfloat16 stays within its bound; each is tried before it is chosen, once."""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from encoders import InputError, load_encoder
from encoders.dna.networks import product_libraries
from encoders.dna.networks.linears import FastLinear, product, use_fast_linears
from encoders.dna.networks.product_libraries import faster_library, onednn_multiplies, product_library, torch_multiplies
from encoders.dna.token_models.token_encoder import TokenEncoder
from tests import warm_processes

TOLERANCE = 2e-5
DEEP = {"hidden_size": 96, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 384}
NAMES = {"untrained:dnabert-3": DEEP, "untrained:dnabert2": DEEP, "untrained:caduceus-ps": {"d_model": 48}}


def forget() -> None:
    """As another process would begin."""
    for known in (faster_library, onednn_multiplies, torch_multiplies):
        known.cache_clear()


@pytest.fixture
def fresh_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing was tried, chosen or noted yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(product_libraries.CHOICE_VARIABLE, raising=False)
    forget()
    yield tmp_path
    forget()


def choose(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Multiply float32 by this library."""
    if library == "onednn" and not onednn_multiplies(torch.float32):
        pytest.skip("oneDNN multiplies no float32 here: this torch or this processor lacks its operators")
    monkeypatch.setattr(product_libraries, "faster_library", lambda: library)


def load(name: str, **settings: object) -> TokenEncoder:
    encoder = load_encoder(name, device="cpu", **NAMES[name], **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, TokenEncoder)
    return encoder


def make_sequences(n: int, longest: int = 200) -> list[str]:
    rng = np.random.default_rng(3)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(20, longest + 1, n)]


@pytest.mark.parametrize("library", product_libraries.LIBRARIES)
@pytest.mark.parametrize("shape", [(37, 96), (1, 96), (0, 96), (2, 5, 96), (5, 2, 96)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_product_equals_its_sums(
    monkeypatch: pytest.MonkeyPatch, library: str, shape: tuple[int, ...], bias: bool
) -> None:
    choose(monkeypatch, library)
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
    for library in product_libraries.LIBRARIES:
        choose(monkeypatch, library)
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
        "import torch\n"
        "from encoders import load_encoder\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"  # by which products are cut in pieces
        f"vectors = load_encoder({name!r}, device='cpu', **{NAMES[name]!r}).embed({sequences!r})\n"
        "print(vectors.tobytes().hex())\n"
    )
    elsewhere = bytes.fromhex(warm_processes.run(code, check=True).stdout)  # with another seed of hashes
    assert elsewhere == load_encoder(name, device="cpu", **NAMES[name]).embed(sequences).tobytes()  # type: ignore[arg-type]
    assert len(elsewhere) > 500


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
    monkeypatch.setattr(product_libraries, "onednn_multiplies", lambda _: True)
    answers = iter(["onednn", "mkl"])
    monkeypatch.setattr(product_libraries, "probe_libraries", lambda: next(answers))
    assert [faster_library(), faster_library()] == ["onednn", "onednn"]
    faster_library.cache_clear()  # as another process would begin
    assert faster_library() == "onednn"
    (note,) = (fresh_choice / "gene-brain-fusion").iterdir()
    note.write_text("half a no")
    faster_library.cache_clear()
    assert faster_library() == "mkl"
    assert note.read_text() == "mkl\n"


def test_a_process_that_noted_its_choice_meanwhile_decides_for_both(
    fresh_choice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two timings may turn out otherwise, and then the last bits of two workers would."""

    def probe() -> str:
        product_libraries._write_note(product_libraries._note_path(), "onednn")
        return "mkl"

    monkeypatch.setattr(product_libraries, "onednn_multiplies", lambda _: True)
    monkeypatch.setattr(product_libraries, "probe_libraries", probe)
    assert faster_library() == "onednn"
    forget()
    assert faster_library() == "onednn"


def test_a_cache_that_cannot_be_written_only_costs_a_probe(fresh_choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh_choice / "gene-brain-fusion").write_text("a file where the folder should be")
    assert faster_library() in product_libraries.LIBRARIES


def test_the_environment_decides_and_is_checked(fresh_choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(product_libraries.CHOICE_VARIABLE, "mkl")
    assert faster_library() == "mkl"
    faster_library.cache_clear()
    monkeypatch.setenv(product_libraries.CHOICE_VARIABLE, "fastest")
    with pytest.raises(InputError, match=r"GENEBRAIN_LINEARS must be one of mkl.* got 'fastest'"):
        faster_library()


def refuse(*_: object) -> None:
    raise RuntimeError("could not create a primitive descriptor for the inner product forward propagation primitive")


UNUSABLE = {
    "absent": SimpleNamespace(),
    "only one of two": SimpleNamespace(_reorder_linear_weight=lambda weight, _: weight),
    "refused by the processor": SimpleNamespace(_linear_pointwise=refuse, _reorder_linear_weight=refuse),
    "refused at the product": SimpleNamespace(
        _linear_pointwise=refuse, _reorder_linear_weight=lambda weight, _: weight
    ),
    "wrong": SimpleNamespace(
        _linear_pointwise=lambda x, weight, *_: x @ weight.T + 1, _reorder_linear_weight=lambda weight, _: weight
    ),
}


@pytest.mark.parametrize("operators", UNUSABLE)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_without_usable_operators_torch_itself_multiplies_and_says_so(
    fresh_choice: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, operators: str
) -> None:
    if dtype == "bfloat16" and product_library(torch.bfloat16) is None:
        pytest.skip("neither oneDNN nor torch itself multiplies bfloat16 here")
    expected = load("untrained:dnabert2", dtype=dtype).embed(make_sequences(3))
    forget()
    monkeypatch.setattr(torch.ops, "mkldnn", UNUSABLE[operators])
    encoder = load("untrained:dnabert2", dtype=dtype)
    own = "mkl" if torch.backends.mkl.is_available() else "torch"  # type: ignore[no-untyped-call]
    assert encoder.runtime["linears"] == (own if dtype == "float32" else "torch")
    np.testing.assert_allclose(
        encoder.embed(make_sequences(3)), expected, atol=TOLERANCE if dtype == "float32" else 0.02
    )


def test_a_runtime_names_each_library_where_an_encoder_has_two(
    fresh_choice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_libraries, "faster_library", lambda: "mkl")
    monkeypatch.setattr(product_libraries, "onednn_multiplies", lambda _: False)
    encoder = load("untrained:caduceus-ps", dtype="bfloat16")
    assert encoder.runtime["linears"] == "torch (bfloat16), mkl (float32)"


def test_a_format_that_nothing_multiplies_is_refused_with_the_remedy(
    fresh_choice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())
    monkeypatch.setattr(product_libraries, "functional", SimpleNamespace(linear=refuse))
    with pytest.raises(InputError, match=r"of untrained:dnabert2 needs .*AVX-512.* is neither. Use 'float32'"):
        load("untrained:dnabert2", dtype="bfloat16")


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
