"""Checkpoints damaged in every way that hypothesis finds: an encoder or one sentence, and never memory without end."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders import InputError, load_encoder
from tests.encoders.dna.conftest import TinyModel
from tests.sentences import or_one_sentence

FAMILIES = ("dnabert2", "caduceus-ps", "nucleotide-transformer", "hyenadna")
VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        1,
        3,
        10**6,
        10**12,
        10**400,
        0.5,
        1e400,
        float("nan"),
        "",
        "16",
        "gelu",
        [],
        [1],
        {},
        {"a": 1},
    ]
)
SHAPES = st.lists(st.integers(0, 40), max_size=3)
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.int8, torch.int64, torch.bool, torch.complex64])
quick = settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def load_and_embed(name: str, folder: Path, **options: Any) -> None:
    """An encoder that gives numbers, or one sentence; any other error is the test's."""
    with or_one_sentence():
        encoder = load_encoder(name, source=str(folder), device="cpu", **options)
        assert encoder.embed(["ACGTTGCAACGATT"]).shape == (1, encoder.spec.hidden_dim)


def spoiled(content: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, min(400, len(content) - 1)))
    return (
        content[:at] + data.draw(st.binary(max_size=6)) + content[at + data.draw(st.sampled_from([0, 1, 9, 10**6])) :]
    )


@quick
@given(data=st.data())
def test_any_configuration_is_a_network_or_one_sentence(made_checkpoint: Path, data: st.DataObject) -> None:
    path = made_checkpoint / "config.json"
    kept = path.read_text()
    config = json.loads(kept)
    try:
        for key in data.draw(
            st.lists(st.sampled_from([*config, "hidden_act", "type_vocab_size"]), min_size=1, max_size=2)
        ):
            config[key] = data.draw(VALUES)
        text = json.dumps(config)
        path.write_text(data.draw(st.sampled_from([text, text[:-1], "[" * 100_000, text.replace("{", "{,")])))
        load_and_embed("dnabert-3", made_checkpoint)
    finally:
        path.write_text(kept)


@pytest.mark.parametrize("name", FAMILIES)
@settings(quick, max_examples=25)
@given(data=st.data())
def test_any_configuration_of_any_family_is_a_network_or_one_sentence(
    tiny_models: dict[str, TinyModel], name: str, data: st.DataObject
) -> None:
    path = tiny_models[name].folder / "config.json"
    kept = path.read_text()
    config = json.loads(kept)
    try:
        config[data.draw(st.sampled_from(sorted(config)))] = data.draw(VALUES)
        path.write_text(json.dumps(config))
        load_and_embed(name, tiny_models[name].folder)
    finally:
        path.write_text(kept)


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
@quick
@given(data=st.data())
def test_any_bytes_are_weights_or_one_sentence(made_checkpoint: Path, file: str, data: st.DataObject) -> None:
    from safetensors.torch import save_file

    path = made_checkpoint / file
    weights = torch.load(made_checkpoint / "pytorch_model.bin")
    if file == "model.safetensors":
        save_file({key: one.clone() for key, one in weights.items()}, path)
    kept = path.read_bytes()
    try:
        path.write_bytes(spoiled(kept, data))
        load_and_embed("dnabert-3", made_checkpoint)
    finally:
        path.write_bytes(kept)


@quick
@given(data=st.data())
def test_any_tensors_are_weights_or_one_sentence(made_checkpoint: Path, data: st.DataObject) -> None:
    path = made_checkpoint / "pytorch_model.bin"
    kept = path.read_bytes()
    weights: dict[Any, Any] = dict(torch.load(path))
    try:
        for key in data.draw(st.lists(st.sampled_from(sorted(weights)), min_size=1, max_size=3)):
            change = data.draw(st.sampled_from(["drop", "rename", "shape", "dtype", "value", "double"]))
            one = weights.pop(key, None)
            if change == "rename":
                weights[data.draw(st.text(max_size=8)) + key[data.draw(st.integers(0, 12)) :]] = one
            elif change == "shape":
                weights[key] = torch.zeros(data.draw(SHAPES))
            elif change == "dtype":
                weights[key] = torch.zeros(getattr(one, "shape", ()), dtype=data.draw(DTYPES))
            elif change == "value":
                weights[key] = data.draw(VALUES)
            elif change == "double":
                weights |= {key: one, data.draw(st.sampled_from(["module.", "model.", "bert."])) + key: one}
        torch.save(data.draw(st.sampled_from([weights, {"state_dict": weights}, {"x": weights}, [weights]])), path)
        load_and_embed("dnabert-3", made_checkpoint)
    finally:
        path.write_bytes(kept)


@pytest.mark.parametrize("file", ["vocab.txt", "tokenizer.json", "vocab.json"])
@settings(quick, max_examples=40)
@given(data=st.data())
def test_any_list_of_tokens_is_read_or_one_sentence(made_checkpoint: Path, file: str, data: st.DataObject) -> None:
    tokens = [f"[{word}]" for word in ("PAD", "UNK", "CLS", "SEP", "MASK")] + [
        a + b + c for a in "ATCG" for b in "ATCG" for c in "ATCG"
    ]
    numbers: dict[str, Any] = {token: number for number, token in enumerate(tokens)}
    odd: dict[str, Any] = numbers | {data.draw(st.sampled_from(tokens)): data.draw(VALUES)}
    vocabulary = data.draw(st.sampled_from([numbers, odd, tokens, [[token, 0.0] for token in tokens], None, [[]]]))
    listed: Any = (
        vocabulary
        if file == "vocab.json"
        else {"model": {"vocab": vocabulary}, "added_tokens": [odd, {"content": "A", "id": {}}]}
    )
    text = "\n".join(tokens) if file == "vocab.txt" else json.dumps(listed)
    path = made_checkpoint / file
    path.write_bytes(spoiled(text.encode(), data) if data.draw(st.booleans()) else text.encode())
    load_and_embed("dnabert-3", made_checkpoint)


def test_sizes_that_no_tensor_has_cost_no_memory(made_checkpoint: Path) -> None:
    path = made_checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"intermediate_size": 10**9}))
    with pytest.raises(InputError, match="intermediate_size 1000000000, and no tensor of its weights is that large"):
        load_encoder("dnabert-3", source=str(made_checkpoint))
