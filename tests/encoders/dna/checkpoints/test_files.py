"""Every weight from the file or an error that names the key; folders, the hub, and neither."""

import json
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from encoders import InputError, load_encoder
from tests.conftest import PATIENCE
from tests.encoders.dna.conftest import TinyModel

QUERY = "bert.encoder.layer.0.attention.self.query.weight"
COMMIT = "b6da04e1" * 5
Weights = dict[str, Tensor]


def change_weights(folder: Path, change: Callable[[Weights], object]) -> None:
    path = folder / "pytorch_model.bin"
    weights: Weights = dict(torch.load(path, weights_only=True))
    change(weights)
    torch.save(weights, path)


def without_prefix(weights: Weights) -> None:
    for key in list(weights):
        weights[key.removeprefix("bert.")] = weights.pop(key)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop(QUERY), f"lacks {QUERY}\\."),
        (lambda weights: weights.update({"bert.other.weight": weights.pop(QUERY)}), f"lacks {QUERY}"),
        (
            lambda weights: weights.update({"bert.other.weight": weights[QUERY]}),
            "has, unknown to the model, bert.other",
        ),
        (
            lambda weights: weights.update({QUERY: weights[QUERY][:15]}),
            rf"in shape \(15, 16\) where config.json means \(16, 16\), {QUERY}",
        ),
        (lambda weights: [weights.pop(key) for key in list(weights) if "layer.1." in key], r"layer\.1\..* and 15 more"),
    ],
    ids=["deleted", "renamed", "added", "cut", "a layer lost"],
)
def test_a_changed_key_is_named(made_checkpoint: Path, change: Callable[[Weights], object], words: str) -> None:
    change_weights(made_checkpoint, change)
    with pytest.raises(InputError, match=words):
        load_encoder("dnabert-3", source=str(made_checkpoint))


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: [weights.pop(key) for key in list(weights) if key.startswith(("cls.", "bert.pooler."))],
        lambda weights: weights.update({"bert.embeddings.position_ids": torch.arange(40)[None]}),
        without_prefix,
    ],
    ids=["no heads", "position_ids", "no prefix"],
)
def test_keys_declared_unused_change_nothing(made_checkpoint: Path, change: Callable[[Weights], object]) -> None:
    before = load_encoder("dnabert-3", source=str(made_checkpoint)).embed(["ACGTTGCA", "GGATTACA"])
    change_weights(made_checkpoint, change)
    after = load_encoder("dnabert-3", source=str(made_checkpoint)).embed(["ACGTTGCA", "GGATTACA"])
    np.testing.assert_array_equal(before, after)


def test_the_digest_is_that_of_the_file(made_checkpoint: Path) -> None:
    spec = load_encoder("dnabert-3", source=str(made_checkpoint)).spec
    assert spec.weights_sha256 == sha256((made_checkpoint / "pytorch_model.bin").read_bytes()).hexdigest()
    assert (spec.source, spec.revision) == (str(made_checkpoint), None)


def test_a_file_that_would_run_code_is_refused(made_checkpoint: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {made_checkpoint}/executed",)

    (made_checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps({QUERY: Payload()}, protocol=2))
    with pytest.raises(InputError, match="holds more than tensors"):
        load_encoder("dnabert-3", source=str(made_checkpoint))
    assert not (made_checkpoint / "executed").exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_damaged_file_is_named(made_checkpoint: Path, name: str) -> None:
    content = (made_checkpoint / "pytorch_model.bin").read_bytes()
    (made_checkpoint / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=f"{name} cannot be read"):
        load_encoder("dnabert-3", source=str(made_checkpoint))


def test_missing_files_are_named(made_checkpoint: Path) -> None:
    (made_checkpoint / "pytorch_model.bin").unlink()
    with pytest.raises(InputError, match=r"lacks model\.safetensors or pytorch_model.bin"):
        load_encoder("dnabert-3", source=str(made_checkpoint))
    (made_checkpoint / "config.json").unlink()
    with pytest.raises(InputError, match=r"lacks config\.json"):
        load_encoder("dnabert-3", source=str(made_checkpoint))


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ("[]", "must hold one JSON object; got list"), ("{}", "lacks hidden_size")],
)
def test_a_config_that_is_none_is_named(made_checkpoint: Path, text: str, words: str) -> None:
    (made_checkpoint / "config.json").write_text(text)
    with pytest.raises(InputError, match=words):
        load_encoder("dnabert-3", source=str(made_checkpoint))


def test_what_is_neither_folder_nor_hub_id_is_refused(made_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="folder or a hub id like 'owner/name'; /no/such/folder is neither"):
        load_encoder("dnabert-3", source="/no/such/folder")
    with pytest.raises(InputError, match="A folder has no revisions"):
        load_encoder("dnabert-3", source=str(made_checkpoint), revision="main")


@pytest.fixture
def hub(made_checkpoint: Path) -> Iterator[str]:
    """A hub on the loopback: owner/made is the made checkpoint at one commit, owner/bare lacks the weights."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            owner, name, _, revision, file = [*self.path.strip("/").split("/"), *[""] * 5][:5]
            code, body = "", (made_checkpoint / file).read_bytes() if (made_checkpoint / file).is_file() else b""
            if (owner, name) not in (("owner", "made"), ("owner", "bare")):
                code = "RepoNotFound"
            elif revision not in ("main", COMMIT):
                code = "RevisionNotFound"
            elif not body or (name == "bare" and file != "config.json"):
                code = "EntryNotFound"
            self.send_response(404 if code else 200)
            if code:
                self.send_header("X-Error-Code", code)
                body = b""
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{sha256(body).hexdigest()}"')
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


@pytest.mark.parametrize("name", ["dnabert-3", "dnabert2", "caduceus-ps", "hyenadna"])
def test_a_folder_needs_no_network(
    tiny_models: dict[str, TinyModel], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for call in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, call, refuse)
    encoder = load_encoder(name, source=str(tiny_models[name].folder), device="cpu")
    assert encoder.embed(["ACGTTGCAAC"]).shape == (1, encoder.spec.hidden_dim)


FIND = """
import json, sys, time
time.sleep = lambda seconds: None  # the hub client waits 23 seconds in all before it believes that there is no network
from encoders.dna.checkpoints.files import find_checkpoint
from encoders.errors import InputError
for source, revision in json.loads(sys.argv[1]):
    try:
        found = find_checkpoint(source, revision)
        print(json.dumps([found.source, found.revision, found.weights_sha256]))
    except InputError as error:
        print(json.dumps(str(error)))
"""


def find_in_process(*asked: tuple[str, str | None], **environment: str) -> list[object]:
    """In a process of its own, since the hub client reads its environment once."""
    process = subprocess.run(
        [sys.executable, "-c", FIND, json.dumps(asked)],
        env=os.environ | {"HF_HUB_DISABLE_XET": "1"} | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


def test_a_hub_id_is_pinned_to_its_commit_and_then_needs_no_network(
    hub: str, made_checkpoint: Path, tmp_path: Path
) -> None:
    digest = sha256((made_checkpoint / "pytorch_model.bin").read_bytes()).hexdigest()
    cache = str(tmp_path / "cache")
    expected = ["owner/made", COMMIT, digest]
    asked = [("owner/made", None), ("owner/made", "main"), ("owner/made", COMMIT)]
    assert find_in_process(*asked, HF_ENDPOINT=hub, HF_HOME=cache) == [expected] * 3
    assert find_in_process(*asked, HF_ENDPOINT=hub, HF_HOME=cache, HF_HUB_OFFLINE="1") == [expected] * 3
    assert find_in_process(asked[2], HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=cache) == [expected]


WARN = """
import json, sys, warnings
from encoders.dna.checkpoints.files import find_checkpoint
for revision in json.loads(sys.argv[1]):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = find_checkpoint("owner/made", revision)
    print(json.dumps([str(one.message) for one in caught if issubclass(one.category, UserWarning)]))
"""


def test_a_branch_is_pinned_with_a_warning_a_commit_without(hub: str, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", WARN, json.dumps([None, "main", COMMIT])],
        env=os.environ | {"HF_HUB_DISABLE_XET": "1", "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    none, branch, commit = (json.loads(line) for line in process.stdout.splitlines())
    assert [f"set revision: {COMMIT}" in text for text in none + branch] == [True, True]
    assert "at no revision" in none[0]
    assert "at main" in branch[0]
    assert commit == []


def test_what_the_hub_does_not_have_is_one_sentence(hub: str, tmp_path: Path) -> None:
    asked = [("owner/other", None), ("owner/made", "v9"), ("owner/bare", None)]
    other, revision, bare = find_in_process(*asked, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "cache"))
    assert "owner/other is no folder here and not on the hub" in str(other)
    assert "owner/made has no revision 'v9'" in str(revision)
    assert "The hub has no model.safetensors or pytorch_model.bin of owner/bare" in str(bare)


@pytest.mark.parametrize("environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_without_a_network_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    (said,) = find_in_process(("owner/made", None), HF_HOME=str(tmp_path / "cache"), **environment)
    assert "config.json of owner/made" in str(said)
    assert "cannot be reached" in str(said)
