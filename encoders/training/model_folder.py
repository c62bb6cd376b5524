"""The folder of a model that was trained: what ``source:`` takes, and what says where it comes from."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.dna.models.caduceus import PREFIX as CADUCEUS_PREFIX
from encoders.dna.models.dnabert import BASE_SIZES
from encoders.dna.models.dnabert import PREFIX as BERT_PREFIX
from encoders.dna.models.dnabert2 import TOKENIZER_FILE
from encoders.dna.networks.caduceus import CaduceusModel
from encoders.dna.networks.mosaic_bert import MosaicBert
from encoders.dna.tokenizers.kmer import PAD, KmerTokenizer, TokenIds
from encoders.dna.verification.birth_vectors import BIRTH_FILE, birth_text
from encoders.training.pretraining.heads import last_hidden_state

PROVENANCE_FILE = "provenance.json"
FIRST_VALUES = 32
"""Values of a birth vector that are kept; its norm stands for the others."""


@dataclass(frozen=True)
class Written:
    """A network as its files name it.

    Attributes
    ----------
    config : dict
        Contents of config.json.
    weights : dict of str to Tensor
        By published names, contiguous and on the CPU.
    """

    config: dict[str, Any]
    weights: dict[str, Tensor]


def published_layout(network: nn.Module, head: Iterable[tuple[str, Tensor]] = ()) -> Written:
    """Configuration and weights in the layout in which the family was published.

    Parameters
    ----------
    network : nn.Module
        `MosaicBert`, `CaduceusModel` or BertModel.
    head : iterable of (str, Tensor)
        What lies beside the network, under its own names.
    """
    prefix = CADUCEUS_PREFIX if isinstance(network, CaduceusModel) else BERT_PREFIX
    tensors = {f"{prefix}{key}": tensor for key, tensor in network.state_dict().items()} | dict(head)
    weights = {key: tensor.detach().cpu().clone().contiguous() for key, tensor in tensors.items()}
    return Written(_config(network), weights)


def _config(network: nn.Module) -> dict[str, Any]:
    if isinstance(network, CaduceusModel):
        shape, mixer = network.shape, network.shape.mixer
        states = {"d_state": mixer.d_state, "d_conv": mixer.d_conv, "expand": mixer.d_inner // mixer.d_model}
        return {
            "model_type": "caduceus",
            "d_model": mixer.d_model,
            "n_layer": shape.n_layer,
            "vocab_size": shape.vocab_size,
            "pad_vocab_size_multiple": 1,
            "ssm_cfg": states | {"dt_rank": mixer.dt_rank},
            "norm_epsilon": shape.norm_epsilon,
            "rcps": shape.rcps,
            "fused_add_norm": shape.fused_add_norm,
            **{"rms_norm": True, "bidirectional": True, "bidirectional_strategy": "add"},
            "bidirectional_weight_tie": True,
        }
    if isinstance(network, MosaicBert):
        keys = (*BASE_SIZES, "vocab_size", "type_vocab_size", "layer_norm_eps")
        shaped = {key: getattr(network.shape, key) for key in keys}
        return {"model_type": "bert", "position_embedding_type": "alibi", "hidden_act": "gelu"} | shaped
    config: Any = network.config
    keys = (*BASE_SIZES, "vocab_size", "type_vocab_size", "layer_norm_eps", "hidden_act", "max_position_embeddings")
    named = {"architectures": ["BertForMaskedLM"], "model_type": "bert", "pad_token_id": PAD}
    return named | {key: getattr(config, key) for key in keys}


def write_model_folder(
    folder: Path,
    written: Written,
    network: nn.Module,
    *,
    encode: Callable[[str], TokenIds],
    n_special: tuple[int, int],
    sequences: Sequence[str],
    provenance: Mapping[str, Any],
    k: int | None = None,
    tokenizer: Path | None = None,
) -> str:
    """Write config.json, model.safetensors, the vocabulary, provenance.json and birth_vectors.json into a folder.

    Parameters
    ----------
    folder : Path
        Exists, and is published as a whole by the caller.
    written : Written
        See `published_layout`.
    network : nn.Module
        The one that learnt: its vectors are recorded, on the CPU, where it is afterwards.
    encode : callable
        From bases to token ids.
    n_special : (int, int)
        Special tokens before and after those of the bases.
    sequences : sequence of str
        Of which vectors are recorded.
    provenance : mapping
        Plain data.
    k : int or None
        Length of the k-mers that are listed in a vocab.txt.
    tokenizer : Path or None
        A tokenizer.json to be copied.

    Returns
    -------
    str
        SHA-256 of the weights file.
    """
    from safetensors.torch import save

    content = save(written.weights, metadata={"format": "pt"})
    digest = sha256(content).hexdigest()
    (folder / "model.safetensors").write_bytes(content)
    _write_json(folder / "config.json", written.config)
    if k is not None:
        (folder / "vocab.txt").write_text("\n".join(KmerTokenizer(k).vocabulary()) + "\n", "utf-8")
    if tokenizer is not None:
        (folder / TOKENIZER_FILE).write_bytes(tokenizer.read_bytes())
    network.cpu()  # sums of a GPU differ from those by which the folder will be checked
    rows = [_birth_row(network, encode(one), one, n_special, number) for number, one in enumerate(sequences, start=1)]
    (folder / BIRTH_FILE).write_text(birth_text(rows, digest), "utf-8")
    _write_json(folder / PROVENANCE_FILE, {**provenance, "weights_sha256": digest})
    return digest


def _birth_row(
    network: nn.Module, ids: TokenIds, sequence: str, n_special: tuple[int, int], number: int
) -> dict[str, Any]:
    """A vector as those of others were published: the mean over all tokens of the last hidden state."""
    was_training = network.training
    network.train(False)
    tokens = torch.from_numpy(ids)[None]
    with torch.no_grad():
        hidden = last_hidden_state(network, tokens, torch.ones_like(tokens))[0]
    network.train(was_training)
    vector = hidden.double().mean(dim=0).numpy()
    return {
        "name": f"birth {number}",
        "sequence": sequence,
        "input_ids": ids.tolist(),
        "n_special": list(n_special),
        "n_values": len(vector),
        "first_values": vector[:FIRST_VALUES].tolist(),
        "norm": float(np.linalg.norm(vector)),
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
