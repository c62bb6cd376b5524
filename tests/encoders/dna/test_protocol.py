"""What the fingerprint of a setting covers, and what it must not."""

import json
from dataclasses import fields, replace

import pytest

from encoders import EncoderSpec

SPEC = EncoderSpec(
    name="dnabert-3",
    family="DNABERT",
    label="dnabert-3",
    hidden_dim=16,
    tokenizer_version="1",
    min_bp=3,
    max_bp=512,
    source="owner/name",
    revision="abc",
    weights_sha256="0" * 64,
    layer=2,
    license="Apache-2.0",
    options=(("hidden_act", "gelu"),),
)
CHANGES: dict[str, object] = {
    "name": "dnabert-4",
    "family": "BERT",
    "hidden_dim": 17,
    "tokenizer_version": "2",
    "min_bp": 4,
    "max_bp": None,
    "revision": None,
    "weights_sha256": "1" * 64,
    "pooling": "max",
    "layer": 3,
    "rc_mode": "average",
    "dtype": "bfloat16",
    "trained": False,
    "options": (("hidden_act", "relu"),),
}
WORDS: dict[str, object] = {"label": "other", "source": "/folder", "license": "MIT"}


@pytest.mark.parametrize("setting", CHANGES)
def test_what_decides_the_vectors_changes_the_fingerprint(setting: str) -> None:
    assert replace(SPEC, **{setting: CHANGES[setting]}).fingerprint != SPEC.fingerprint  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", WORDS)
def test_words_do_not(setting: str) -> None:
    assert replace(SPEC, **{setting: WORDS[setting]}).fingerprint == SPEC.fingerprint  # type: ignore[arg-type]


def test_the_source_counts_where_no_digest_tells_the_weights() -> None:
    unknown = replace(SPEC, weights_sha256=None)
    assert replace(unknown, source="/folder").fingerprint != unknown.fingerprint


def test_every_field_is_accounted_for() -> None:
    assert {*CHANGES, *WORDS} == {field.name for field in fields(EncoderSpec)}


def test_the_dictionary_is_json() -> None:
    assert json.loads(json.dumps(SPEC.to_dict())) == SPEC.to_dict()
    assert SPEC.to_dict()["options"] == {"hidden_act": "gelu"}
