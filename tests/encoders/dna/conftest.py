"""A DNABERT checkpoint in the published layout, from the reference or made on the spot."""

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def reference_checkpoint(reference_data: Path, tmp_path: Path) -> Path:
    """The reference's tiny k=3 model, all keys of the published MLM checkpoint, as a folder."""
    folder = tmp_path / "tiny_k3"
    folder.mkdir()
    shutil.copy(reference_data / "dnabert/tiny_k3_config.json", folder / "config.json")
    shutil.copy(reference_data / "dnabert/tiny_k3_mlm.safetensors", folder / "model.safetensors")
    return folder


@pytest.fixture
def made_checkpoint(tmp_path: Path) -> Path:
    """A k=3 model of random weights as a .bin file with the published keys; needs no outside data."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    shape = sizes | {"vocab_size": 69, "max_position_embeddings": 40, "layer_norm_eps": 1e-12}
    folder = tmp_path / "made_k3"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(shape | {"max_length": 20, "split": 10, "rnn": "lstm"}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = BertForMaskedLM(BertConfig(**shape))
        weights = dict(model.state_dict()) | {
            "bert.pooler.dense.weight": torch.randn(16, 16),
            "bert.pooler.dense.bias": torch.randn(16),
        }
    torch.save(weights, folder / "pytorch_model.bin")
    return folder
