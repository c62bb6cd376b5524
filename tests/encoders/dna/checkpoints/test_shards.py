"""Weights spread over several files are the same weights, and a file missing or exchanged is named."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from encoders import InputError, load_encoder
from encoders.dna.checkpoints.shards import find_any_checkpoint, read_any_weights
from tests.conftest import PATIENCE

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


FIND = """
import sys, warnings
warnings.simplefilter("ignore")
from encoders.dna.checkpoints.shards import find_any_checkpoint, read_any_weights
found = find_any_checkpoint("owner/sharded", None)
print(found.revision, found.weights_sha256, len(read_any_weights(found)))
"""
COMMIT = "5e872c94" * 5


@pytest.fixture
def hub(sharded: Path) -> Iterator[str]:
    """A hub on the loopback that has the folder as owner/sharded."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            path = sharded / self.path.rpartition("/")[2]
            body = path.read_bytes() if path.is_file() else b""
            self.send_response(200 if body else 404)
            if not body:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_the_hub_they_are_those_of_one_commit(hub: str, sharded: Path, tmp_path: Path) -> None:
    local = find_any_checkpoint(str(sharded))
    n_weights = len(read_any_weights(local))
    environment = os.environ | {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_XET": "1"}
    found = subprocess.run(
        [sys.executable, "-c", FIND], env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE
    )
    assert found.stdout.split() == [COMMIT, local.weights_sha256, str(n_weights)]


def test_without_a_network_the_hub_is_asked_for_one_file_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unreachable(_: str, name: str, **__: object) -> None:
        asked.append(name)
        raise LocalEntryNotFoundError(name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", unreachable)
    with pytest.raises(InputError, match="cannot be reached"):
        find_any_checkpoint("owner/sharded", COMMIT)
    assert asked == ["config.json"]


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
