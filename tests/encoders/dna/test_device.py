"""Every network on a device called cuda: nothing stays behind on the processor, and vectors are the processor's.

Where there is a GPU it is that one; elsewhere one that is pretended.
"""

from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor

from encoders import load_encoder
from encoders.dna.networks import alibi
from tests.encoders.dna.pretended_device import pretended_device

SIZES = {
    "dnabert-3": {"num_hidden_layers": 2},
    "dnabert2": {"num_hidden_layers": 2},
    "caduceus-ph": {"n_layer": 2},
    "caduceus-ps": {"n_layer": 2},
    "hyenadna": {},
    "nucleotide-transformer": {},
}
TEXTS = ["".join(np.random.default_rng(2).choice(list("ACGT"), n)) for n in (300, 41, 120)]


def _kernel_on_processor(*heads: Tensor, **bounds: Tensor) -> Tensor:
    """What a compiler would make for the device; its pieces know real devices alone."""
    with patch("torch.cuda.is_available", return_value=False):
        attended = alibi._flex_alibi(*(one.cpu() for one in heads), **{name: one.cpu() for name, one in bounds.items()})
    return attended.to("cuda")


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name in SIZES for dtype in ("float32", "bfloat16") if name != "hyenadna"]
    + [("hyenadna", "float32")],
)  # fmt: skip
def test_vectors_of_a_device_are_those_of_the_processor(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_encoder(f"untrained:{name}", device="cpu", **SIZES[name]).embed(TEXTS)
    if not torch.cuda.is_available():
        monkeypatch.setattr(alibi, "_compiled_kernel", lambda: _kernel_on_processor)
    with nullcontext() if torch.cuda.is_available() else pretended_device(monkeypatch):
        encoder = load_encoder(f"untrained:{name}", device="cuda", dtype=dtype, **SIZES[name])
        assert {one.device.type for one in encoder.model.parameters()} == {"cuda"}
        found = encoder.embed(TEXTS)
    tolerance = 2e-5 if dtype == "float32" else 0.1
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here, and need not be pretended")
def test_the_pretended_device_refuses_what_a_gpu_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended_device(monkeypatch):
        there, here = torch.arange(3, device="cuda"), torch.arange(3)
        assert (there + 1)[1:].device.type == torch.zeros_like(there).device.type == "cuda"
        assert torch.equal(there.cpu(), here)
        assert torch.equal(here.to("cuda") + there, 2 * there)
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="same device"):
            torch.cat([here, there])
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
