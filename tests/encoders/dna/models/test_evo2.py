"""The adapter onto the package evo2: against a small module with the documented call; the package itself is not run."""

import importlib.machinery
import sys
import types

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from encoders import InputError, load_encoder
from encoders.dna.models.evo2 import DEFAULT_LAYER, Evo2Encoder
from encoders.dna.verification.contract import check_encoder

HIDDEN = 12


class ByteTokenizer:
    def tokenize(self, sequence: str) -> list[int]:
        return list(sequence.encode())


class DocumentedCall(nn.Module):
    """Causal running means of random byte vectors, behind the call that the package documents."""

    def __init__(self, name: str = "evo2_7b", local_path: str | None = None) -> None:
        super().__init__()
        self.name, self.local_path = name, local_path
        self.tokenizer = ByteTokenizer()
        generator = torch.Generator().manual_seed(2)
        self.table = torch.randn(256, HIDDEN, generator=generator)

    def forward(
        self, input_ids: Tensor, return_embeddings: bool = False, layer_names: list[str] | None = None
    ) -> tuple[tuple[Tensor, None], dict[str, Tensor] | None]:
        vectors = self.table[input_ids.long()]
        positions = torch.arange(1, input_ids.shape[1] + 1)[None, :, None]
        hidden = (vectors.cumsum(dim=1) / positions).to(torch.bfloat16)
        layers = {name: hidden for name in layer_names or [] if name == DEFAULT_LAYER}
        return (hidden, None), layers if return_embeddings else None


def test_it_keeps_the_contract() -> None:
    encoder = Evo2Encoder(DocumentedCall(), max_tokens=300, device="cpu")
    assert encoder.spec.hidden_dim == HIDDEN
    assert [check for check in check_encoder(encoder) if not check.passed] == []


def test_the_vector_is_the_mean_over_bases_of_the_named_layer() -> None:
    model = DocumentedCall()
    encoder = Evo2Encoder(model, device="cpu")
    (vector,) = encoder.embed(["acguA"])
    _, layers = model(torch.tensor([list(b"ACGTA")]), return_embeddings=True, layer_names=[DEFAULT_LAYER])
    assert layers is not None
    np.testing.assert_allclose(vector, layers[DEFAULT_LAYER][0].float().mean(dim=0), rtol=1e-6)


def test_a_layer_that_is_not_there_and_another_call_are_refused() -> None:
    with pytest.raises(InputError, match=r"no layer 'blocks\.99'"):
        Evo2Encoder(DocumentedCall(), layer_name="blocks.99", device="cpu")

    class WithStart(ByteTokenizer):
        def tokenize(self, sequence: str) -> list[int]:
            return [0, *super().tokenize(sequence)]

    model = DocumentedCall()
    model.tokenizer = WithStart()
    with pytest.raises(InputError, match=r"one vector per base.*got \(1, 5, 12\)"):
        Evo2Encoder(model, device="cpu")


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module called evo2 with the documented class."""
    module = types.ModuleType("evo2")
    module.__spec__ = importlib.machinery.ModuleSpec("evo2", None)
    module.Evo2 = DocumentedCall  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evo2", module)
    return module


@pytest.mark.skipif("evo2" in sys.modules, reason="the package is installed here")
def test_without_its_package_one_sentence_says_so() -> None:
    with pytest.raises(InputError, match="needs its own package, which is not installed"):
        load_encoder("evo2")


@pytest.mark.usefixtures("package")
def test_without_a_gpu_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="needs an NVIDIA GPU"):
        load_encoder("evo2")


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layer": 3}, "layer must be -1; got 3"),
        ({"pooling": "max"}, "pooling must be 'mean'"),
        ({"dtype": "bfloat16"}, "dtype must be"),
        ({"source": "/nowhere/weights.pt"}, "there is no /nowhere"),
        ({"size": 3}, "no option 'size'"),
        ({"model": 7}, "needs a word; got 7"),
    ],
)
def test_settings_it_cannot_take_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_encoder("evo2", **settings)  # type: ignore[arg-type]
