"""Weights spread over several files are the same weights, and a file missing or exchanged is named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders import InputError, load_encoder
from encoders.dna.shards import find_any_checkpoint

N_SHARDS = 3
SEQUENCES = ["ACGTTGCATGGCATTACGAT", "TTGCA"]


def embed(folder: Path) -> np.ndarray:
    return load_encoder("nucleotide-transformer", source=str(folder), device="cpu").embed(SEQUENCES)


@pytest.fixture
def whole(reference_data: Path) -> Path:
    return reference_data / "nucleotide_transformer/v1_tiny"


@pytest.fixture(params=["model.safetensors", "pytorch_model.bin"])
def sharded(request: pytest.FixtureRequest, whole: Path, tmp_path: Path) -> Path:
    folder: Path = tmp_path / "sharded"
    folder.mkdir()
    shutil.copyfile(whole / "config.json", folder / "config.json")
    weights = load_file(whole / "model.safetensors")
    stem, suffix = request.param.split(".")
    names = [f"{stem}-{number + 1:05d}-of-{N_SHARDS:05d}.{suffix}" for number in range(N_SHARDS)]
    files = {key: names[number % N_SHARDS] for number, key in enumerate(sorted(weights))}
    for name in names:
        part = {key: weights[key] for key, file in files.items() if file == name}
        if suffix == "bin":
            torch.save(part, folder / name)
        else:
            save_file(part, folder / name)
    (folder / f"{request.param}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return folder


def shard(folder: Path, number: int) -> Path:
    return sorted(folder.glob("*-of-*"))[number]


def index(folder: Path) -> Path:
    return next(folder.glob("*.index.json"))


def test_they_give_the_vectors_of_one_file(whole: Path, sharded: Path) -> None:
    assert np.array_equal(embed(sharded), embed(whole))


def test_the_digest_covers_every_file(sharded: Path) -> None:
    digests = {find_any_checkpoint(str(sharded)).weights_sha256}
    for number in range(N_SHARDS):
        with shard(sharded, number).open("ab") as file:
            file.write(b"\0")
        digests.add(find_any_checkpoint(str(sharded)).weights_sha256)
    assert len(digests) == N_SHARDS + 1


def test_a_missing_file_is_named(sharded: Path) -> None:
    missing = shard(sharded, 1)
    missing.unlink()
    with pytest.raises(InputError, match=f"names {missing.name}, which is not beside it"):
        embed(sharded)


def test_exchanged_files_are_refused(sharded: Path) -> None:
    first, second = shard(sharded, 0), shard(sharded, 1)
    shutil.move(first, sharded / "aside")
    shutil.move(second, first)
    shutil.move(sharded / "aside", second)
    with pytest.raises(InputError, match="disagree about"):
        embed(sharded)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "one JSON object; got list"),
        ("{}", "under 'weight_map'"),
        ('{"weight_map": {"a": "../b.safetensors"}}', "outside its folder"),
    ],
)
def test_a_damaged_index_is_refused(sharded: Path, text: str, words: str) -> None:
    index(sharded).write_text(text)
    with pytest.raises(InputError, match=words):
        embed(sharded)


def test_a_folder_without_weights_says_what_it_lacks(sharded: Path) -> None:
    index(sharded).unlink()
    with pytest.raises(InputError, match=r"lacks model\.safetensors or pytorch_model\.bin"):
        embed(sharded)
