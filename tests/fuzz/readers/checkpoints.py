"""Published weights and what lies beside them: configurations, vocabularies, tokenizers, indexes of several files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import safetensors.torch
import torch

from encoders.dna.checkpoints.files import find_beside
from encoders.dna.checkpoints.shards import find_any_checkpoint, read_any_weights
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.registry import load_encoder
from encoders.dna.tokenizers.bpe import BpeTokenizer
from encoders.dna.tokenizers.own_tokens import own_tokens
from tests.fuzz.reader import Files, Reader, read_files

_SHAPE = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 69,
    "max_position_embeddings": 40, "layer_norm_eps": 1e-12,
}  # fmt: skip
_WEIGHTS = {
    "bert.embeddings.word_embeddings.weight": torch.arange(15.0).reshape(5, 3),
    "bert.encoder.layer.0.bias": torch.arange(4, dtype=torch.float16),
}
SEQUENCE = "ACGTTGCAACGATT"
_WORDS = (
    b"F32",
    b"F64",
    b"BF16",
    b"I8",
    b"data_offsets",
    b"shape",
    b"module.",
    b"lora_A",
    b"state_dict",
    b"__metadata__",
)


def _saved(content: object) -> bytes:
    made = BytesIO()
    torch.save(content, made)
    return made.getvalue()


def _weights(_: Path) -> Sequence[Files]:
    metadata = {"format": "pt"}
    return [
        {"model.safetensors": safetensors.torch.save(_WEIGHTS, metadata)},
        {"pytorch_model.bin": _saved(_WEIGHTS)},
        {"pytorch_model.bin": _saved({"state_dict": {f"module.{name}": one for name, one in _WEIGHTS.items()}})},
    ]


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_weights(next(iter(sorted(folder.iterdir()))))


def _same_as_safetensors(folder: Path, value: object) -> None:
    assert isinstance(value, dict)
    path = folder / "model.safetensors"
    if path.is_file():
        other = safetensors.torch.load(path.read_bytes())
        assert sorted(one.numel() for one in value.values()) == sorted(one.numel() for one in other.values())
        for name, tensor in value.items():
            if name in other:
                assert (
                    tensor.numpy(force=True).tobytes() == other[name].numpy(force=True).tobytes() or tensor.is_complex()
                )


def _shards(_: Path) -> Sequence[Files]:
    (first, one), (second, other) = _WEIGHTS.items()
    index = {
        "metadata": {"total_size": 68},
        "weight_map": {first: "model-1.safetensors", second: "model-2.safetensors"},
    }
    return [
        {
            "config.json": json.dumps(_SHAPE).encode(),
            "model.safetensors.index.json": json.dumps(index).encode(),
            "model-1.safetensors": safetensors.torch.save({first: one}),
            "model-2.safetensors": safetensors.torch.save({second: other}),
        }
    ]


def _read_shards(folder: Path) -> dict[str, torch.Tensor]:
    return read_any_weights(find_any_checkpoint(str(folder)))


def _tokens(_: Path) -> Sequence[Files]:
    listed = [*(f"[{word}]" for word in ("PAD", "UNK", "CLS", "SEP", "MASK")), *(a + b for a in "ATCG" for b in "ATCG")]
    numbers = {token: number for number, token in enumerate(listed)}
    more = [{"id": number, "content": token, "special": True} for token, number in list(numbers.items())[:5]]
    whole = {"model": {"type": "WordLevel", "vocab": numbers, "unk_token": "[UNK]"}, "added_tokens": more}
    weights = {"config.json": json.dumps(_SHAPE).encode(), "model.safetensors": safetensors.torch.save(_WEIGHTS)}
    return [
        {**weights, "vocab.txt": "\n".join(listed).encode(), "tokenizer_config.json": b'{"characters": ["A"]}'},
        {**weights, "vocab.json": json.dumps(numbers).encode(), "tokenizer.json": json.dumps(whole).encode()},
    ]


def _read_tokens(folder: Path) -> object:
    checkpoint = find_any_checkpoint(str(folder))
    return own_tokens(checkpoint), find_beside(checkpoint, "vocab.txt")


def _pieces(folder: Path) -> Sequence[Files]:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    trainer = BpeTrainer(vocab_size=40, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([SEQUENCE * 9, SEQUENCE[::-1] * 7, "GGATCCA" * 11], trainer)
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return [read_files(folder)]


def _models(folder: Path) -> Sequence[Files]:
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(7)
    weights = dict(BertForMaskedLM(BertConfig(**_SHAPE)).state_dict())
    config = json.dumps(_SHAPE | {"max_length": 20, "split": 10, "rnn": "lstm"}).encode()
    whole = {name: one.clone() for name, one in weights.items()}
    return [
        {"config.json": config, "pytorch_model.bin": _saved(weights)},
        {"config.json": config, "model.safetensors": safetensors.torch.save(whole)},
    ]


def _embed(folder: Path) -> object:
    encoder = load_encoder("dnabert-3", source=str(folder), device="cpu")
    vectors = encoder.embed([SEQUENCE])
    assert vectors.shape == (1, encoder.spec.hidden_dim)
    return vectors


_FILES = {".safetensors": "safetensors", ".bin": "zip/bytes", ".json": "json", ".txt": "text"}
READERS = (
    Reader("weights", _weights, _read_weights, _FILES, _WORDS, _same_as_safetensors),
    Reader("sharded weights", _shards, _read_shards, _FILES, _WORDS),
    Reader("token lists", _tokens, _read_tokens, {".json": "json", ".txt": "text"}, (b"[CLS]", b"AA", b"[PAD]")),
    Reader(
        "tokenizer", _pieces, lambda folder: BpeTokenizer(folder / "tokenizer.json").encode(SEQUENCE),
        {".json": "json"},
        (b"BPE", b"merges", b"vocab"),
    ),
    Reader("checkpoint", _models, _embed, _FILES, _WORDS),
)  # fmt: skip
