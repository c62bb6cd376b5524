"""A DNABERT checkpoint in the published layout, from the reference or made on the spot."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from encoders.dna.verification.published_vectors import PublishedVector


@dataclass(frozen=True)
class TinyModel:
    """A checkpoint of random weights, and the mean over all tokens that the authors' network gives for these ids."""

    name: str
    folder: Path
    input_ids: tuple[int, ...]
    vector: np.ndarray

    def change(self, change: Callable[[dict[str, Tensor]], object]) -> None:
        """Write the weights file again, changed."""
        from safetensors.torch import load_file, save_file

        weights = load_file(self.folder / "model.safetensors")
        change(weights)
        save_file({key: one.contiguous().clone() for key, one in weights.items()}, self.folder / "model.safetensors")

    def published(self, *, revision: str = "0" * 40, checkpoint: str | None = None) -> PublishedVector:
        """The vector as a row of the table, for the file as it lies there now."""
        digest = sha256((self.folder / "model.safetensors").read_bytes()).hexdigest()
        return PublishedVector(
            name=f"{self.name} by its authors",
            model="owner/tiny",
            revision=revision,
            checkpoint_sha256=checkpoint or digest,
            sequence=None,
            input_ids=self.input_ids,
            n_special=(0, 0),
            pooling="mean",
            n_values=len(self.vector),
            first_values=tuple(self.vector[:9].tolist()),
            norm=float(np.linalg.norm(self.vector)),
        )


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


@pytest.fixture(scope="session")
def bpe_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json in the form and size of DNABERT-2's, its pieces learnt from random bases."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer

    rng = np.random.default_rng(4)
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    trainer = BpeTrainer(vocab_size=4096, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(("".join(rng.choice(list("ACGT"), 300)) for _ in range(700)), trainer)
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    assert tokenizer.get_vocab_size() == 4096
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture
def tiny_models(bpe_tokenizer: Path, reference_data: Path, tmp_path: Path) -> dict[str, TinyModel]:
    """The reference's tiny models of all families as folders, with a vector from the authors' own code."""

    def read(file: str, ids: str, hidden: str) -> tuple[np.ndarray, np.ndarray]:
        with np.load(reference_data / file) as arrays:
            states = arrays[hidden]
            return arrays[ids][0], (states[-1] if states.ndim == 4 else states)[0]

    last = "no_special/last_hidden_state"
    answers = {
        "dnabert-3": ("tiny_k3", read("dnabert/tiny_k3_io.npz", "input_ids", "last_hidden_state")),
        "dnabert2": ("tiny4h", read("dnabert2/tiny4h_io.npz", "single/input_ids", "single/hidden_states")),
        "caduceus-ph": ("tiny_ph", read("caduceus/tiny_ph_io.npz", "no_special/input_ids", last)),
        "caduceus-ps": ("tiny_ps_fused", read("caduceus/tiny_ps_fused_io.npz", "no_special/input_ids", last)),
    }
    models = {}
    for name, folder_name in (("nucleotide-transformer", "v2_tiny6mer"), ("hyenadna", "tiny")):
        files = reference_data / name.replace("-", "_") / folder_name
        folder = tmp_path / name
        folder.mkdir()
        for file in ("config.json", "model.safetensors"):
            shutil.copyfile(files / file, folder / file)
        ids, hidden = read(
            str((files / "io.npz").relative_to(reference_data)), "single.input_ids", "single.hidden_states"
        )
        models[name] = TinyModel(name, folder, tuple(ids.tolist()), hidden.astype(float).mean(axis=0))
    for name, (stem, (ids, hidden)) in answers.items():
        files = reference_data / name.split("-")[0]
        folder = tmp_path / stem
        folder.mkdir()
        shutil.copyfile(files / f"{stem}_config.json", folder / "config.json")
        weights = files / f"{stem}{'' if 'caduceus' in name else '_mlm'}.safetensors"
        shutil.copyfile(weights, folder / "model.safetensors")
        if name == "dnabert2":
            shutil.copyfile(bpe_tokenizer, folder / "tokenizer.json")
        models[name] = TinyModel(name, folder, tuple(ids.tolist()), hidden.astype(float).mean(axis=0))
    return models
