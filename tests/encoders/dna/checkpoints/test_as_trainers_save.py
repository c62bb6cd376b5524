"""Checkpoints as trainers save them: the vectors are those of the network within, or a sentence says what is there."""

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from encoders import InputError, load_encoder
from encoders.dna.attribution.attention import ClsAttention
from encoders.dna.tokenizers.kmer import KmerTokenizer
from tests.encoders.dna.conftest import TinyModel

FAMILIES = ("dnabert-3", "dnabert2", "caduceus-ph", "caduceus-ps", "nucleotide-transformer", "hyenadna")
SEQUENCES = ["ACGTTGCAACGATTACAGGC", "GGATTACAGGCATCGA"]
WORDS = "bert.embeddings.word_embeddings.weight"
QUERY = "bert.encoder.layer.0.attention.self.query.weight"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 359\n"

Weights = dict[str, Tensor]


def embed(name: str, folder: Path) -> np.ndarray:
    return load_encoder(name, source=str(folder), device="cpu").embed(SEQUENCES)


def renamed(weights: Weights, rename: Callable[[str], str]) -> Weights:
    for key in list(weights):
        weights[rename(key)] = weights.pop(key)
    return weights


@pytest.mark.parametrize("name", FAMILIES)
def test_a_head_on_top_of_any_family_is_named_and_left_out(
    tiny_models: dict[str, TinyModel], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    tiny = tiny_models[name]
    expected = embed(name, tiny.folder)
    head = {
        "classifier.weight": torch.ones(2, 8),
        "classifier.bias": torch.ones(2),
        "score.out_proj.weight": torch.ones(3),
    }
    tiny.change(lambda weights: weights.update(head))
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(embed(name, tiny.folder), expected)
    assert "left out: classifier, score (3 tensors)" in caplog.text


@pytest.mark.parametrize("before", ["module.", "_orig_mod.", "model.", "net.model.", "base_model.model."])
@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_wrapper_puts_before_every_name_is_taken_off(
    tiny_models: dict[str, TinyModel], name: str, before: str
) -> None:
    tiny = tiny_models[name]
    expected = embed(name, tiny.folder)
    tiny.change(lambda weights: renamed(weights, lambda key: before + key))
    np.testing.assert_array_equal(embed(name, tiny.folder), expected)


def lightning(weights: Weights) -> Any:
    wrapped = renamed(dict(weights), lambda key: f"model.{key}") | {"model.classifier.weight": torch.ones(2, 16)}
    return {"epoch": 3, "state_dict": wrapped, "hyper_parameters": {"lr": 0.1}, "loops": {"fit": {}}}


def compiled_within(weights: Weights) -> Any:
    return renamed(dict(weights), lambda key: key.replace("bert.encoder.", "bert.encoder._orig_mod."))


@pytest.mark.parametrize(
    "wrap",
    [
        lightning,
        compiled_within,
        lambda weights: {"module": weights, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
        lambda weights: {"model_state_dict": weights, "epoch": 2, "loss": 0.5},
        lambda weights: {"checkpoint": None, "model": {"state_dict": weights}},
        lambda weights: renamed(dict(weights), lambda key: key.replace("bert.", "net.", 1)),
        lambda weights: {
            key: one.half().float().half() if one.is_floating_point() else one for key, one in weights.items()
        },
    ],
    ids=["Lightning", "compiled within", "DeepSpeed", "by hand", "nested", "bare in a module", "half precision"],
)
def test_containers_of_trainers_are_opened(made_checkpoint: Path, wrap: Callable[[Weights], Any]) -> None:
    path = made_checkpoint / "pytorch_model.bin"
    weights = {key: one.half().float() if one.is_floating_point() else one for key, one in torch.load(path).items()}
    torch.save(weights, path)
    expected = embed("dnabert-3", made_checkpoint)
    torch.save(wrap(weights), path)
    np.testing.assert_array_equal(embed("dnabert-3", made_checkpoint), expected)


def with_lora(weights: Weights) -> Any:
    adapter = {QUERY.replace("weight", f"lora_{side}.default.weight"): torch.ones(16, 2) for side in "AB"}
    return renamed(weights | adapter, lambda key: f"base_model.model.{key}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights | renamed(dict(weights), lambda key: key.removeprefix("bert.")), "twice, under '' a"),
        (lambda weights: weights | renamed(dict(weights), lambda key: f"teacher.{key}"), "twice, under 'bert.' and"),
        (lambda weights: weights | {QUERY.removeprefix("bert."): weights[QUERY]}, "beside the same with another begin"),
        (lambda weights: weights | {f"module.{QUERY}": weights[QUERY]}, f"holds {QUERY} twice, once as module"),
        (with_lora, r"holds an adapter beside them \(base_model.*lora_A.*merge_and_unload"),
        (lambda weights: weights | {QUERY: weights[QUERY].to(torch.int8)}, f"{QUERY} is int8, as quantized"),
        (lambda weights: weights | {QUERY: weights[QUERY].to(torch.float8_e4m3fn)}, "is float8_e4m3fn, as quantized"),
        (lambda weights: weights | {QUERY: weights[QUERY].to(torch.complex64)}, "is complex64"),
        (lambda weights: list(weights.values()), "holds an object of list: save"),
        (lambda weights: weights[QUERY], "holds one tensor: save"),
        (lambda weights: {}, "holds no tensor"),
        (lambda weights: weights | {"epoch": 3}, "has 'epoch' of int"),
        (lambda weights: {"model": weights, "state_dict": weights}, "several sets of weights, state_dict, model"),
        (lambda weights: weights | {"args": argparse.Namespace(k=3)}, r"an object of argparse\.Namespace\), which"),
        (lambda weights: torch.nn.Linear(2, 2), r"an object of torch\.nn\.modules\.linear\.Linear"),
        (lambda weights: dict(enumerate(weights.values())), "tensors without names"),
    ],
    ids=[
        "both prefixes", "teacher", "one key twice", "module beside", "LoRA", "int8", "float8", "complex", "list",
        "tensor", "nothing", "number beside", "two sets", "object", "module", "no names",
    ],
)  # fmt: skip
def test_what_is_no_set_of_weights_is_one_sentence(
    made_checkpoint: Path, change: Callable[[Weights], Any], words: str
) -> None:
    path = made_checkpoint / "pytorch_model.bin"
    torch.save(change(dict(torch.load(path))), path)
    with pytest.raises(InputError, match=words) as refused:
        embed("dnabert-3", made_checkpoint)
    assert "weights_only" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "file", ["pytorch_model.bin", "config.json", "vocab.txt", "tokenizer.json", "model.safetensors"]
)
@pytest.mark.parametrize(
    ("content", "words"),
    [(POINTER, "is a Git-LFS pointer .*git lfs pull"), ("<!DOCTYPE html><p>404", "is a web page"), ("", "is empty")],
    ids=["pointer", "page", "empty"],
)
def test_what_stands_for_a_file_is_told(made_checkpoint: Path, file: str, content: str, words: str) -> None:
    (made_checkpoint / file).write_text(content)
    with pytest.raises(InputError, match=rf"{file} {words}"):
        embed("dnabert-3", made_checkpoint)


def test_an_adapter_alone_is_told(made_checkpoint: Path) -> None:
    (made_checkpoint / "pytorch_model.bin").rename(made_checkpoint / "adapter_model.bin")
    (made_checkpoint / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="holds an adapter of PEFT alone"):
        embed("dnabert-3", made_checkpoint)


def reordered(folder: Path) -> list[str]:
    """The same network with its tokens numbered otherwise: rows of the embedding move, vectors must not."""
    tokens = KmerTokenizer(3).vocabulary()
    order = np.random.default_rng(3).permutation(len(tokens))
    path = folder / "pytorch_model.bin"
    weights = dict(torch.load(path))
    torch.save(weights | {WORDS: weights[WORDS][torch.from_numpy(order)]}, path)
    return [tokens[number] for number in order]


@pytest.mark.parametrize("form", ["vocab.txt", "tokenizer.json", "both"])
def test_the_tokens_of_the_folder_are_the_truth(made_checkpoint: Path, form: str) -> None:
    expected = embed("dnabert-3", made_checkpoint)
    scores = ClsAttention(load_encoder("dnabert-3", source=str(made_checkpoint))).kmer_scores(SEQUENCES)
    tokens = reordered(made_checkpoint)
    assert np.abs(embed("dnabert-3", made_checkpoint) - expected).max() > 0.01
    if form != "tokenizer.json":
        (made_checkpoint / "vocab.txt").write_text("\n".join(tokens) + "\n")
    if form != "vocab.txt":
        model = {"type": "WordPiece", "vocab": {token: number for number, token in enumerate(tokens)}}
        (made_checkpoint / "tokenizer.json").write_text(json.dumps({"model": model, "added_tokens": []}))
    encoder = load_encoder("dnabert-3", source=str(made_checkpoint))
    np.testing.assert_array_equal(encoder.embed(SEQUENCES), expected)
    assert encoder.spec.tokenizer_version.startswith("vocabulary-3-")
    found = ClsAttention(encoder).kmer_scores(SEQUENCES)
    assert all(np.array_equal(one, other) for one, other in zip(found, scores, strict=True))


def test_the_published_list_changes_nothing(made_checkpoint: Path) -> None:
    before = load_encoder("dnabert-3", source=str(made_checkpoint)).spec
    (made_checkpoint / "vocab.txt").write_text("\r\n".join(KmerTokenizer(3).vocabulary()) + "\r\n\r\n")
    assert load_encoder("dnabert-3", source=str(made_checkpoint)).spec.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (KmerTokenizer(3).vocabulary()[:-1], "has 63"),
        ((*KmerTokenizer(3).vocabulary(), "[MORE]"), "has a vocabulary of 70; that of .* has 69"),
        ((*KmerTokenizer(3).vocabulary()[:-1], "AAA"), "has 'AAA' twice"),
        (
            ("[PAD]", "[UNK]", "[X]", "[Y]", "[MASK]", *KmerTokenizer(3).vocabulary()[5:]),
            r"between \[CLS\] and \[SEP\]",
        ),
        (KmerTokenizer(4).vocabulary(), "has 0"),
        (("[PAD]", "", *KmerTokenizer(3).vocabulary()[1:]), "without gaps"),
    ],
    ids=["one less", "one more", "twice", "no frame", "of another k", "a gap"],
)
def test_a_list_that_cannot_be_is_refused(made_checkpoint: Path, tokens: tuple[str, ...], words: str) -> None:
    (made_checkpoint / "vocab.txt").write_text("\n".join(tokens))
    with pytest.raises(InputError, match=words):
        embed("dnabert-3", made_checkpoint)


def test_lists_that_disagree_are_refused(made_checkpoint: Path) -> None:
    tokens = KmerTokenizer(3).vocabulary()
    (made_checkpoint / "vocab.txt").write_text("\n".join(tokens))
    numbers = {token: number for number, token in enumerate(sorted(tokens))}
    (made_checkpoint / "tokenizer.json").write_text(json.dumps({"model": {"vocab": numbers}}))
    with pytest.raises(InputError, match="Lists of tokens must agree"):
        embed("dnabert-3", made_checkpoint)


@pytest.mark.parametrize("name", ["caduceus-ps", "hyenadna", "nucleotide-transformer"])
def test_families_with_one_order_refuse_another(tiny_models: dict[str, TinyModel], name: str) -> None:
    folder = tiny_models[name].folder
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "<unk>", *"TGCAN"]))
    with pytest.raises(InputError, match=r"numbers its tokens otherwise than .*vocab\.txt"):
        embed(name, folder)
    if name != "nucleotide-transformer":
        (folder / "vocab.txt").unlink()
        (folder / "tokenizer_config.json").write_text('{"characters": ["T", "G", "C", "A", "N"]}')
        with pytest.raises(InputError, match="in the order ACGTN"):
            embed(name, folder)
