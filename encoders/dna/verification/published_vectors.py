"""Vectors and token ids that others computed with the true weights and the authors' code: what loading must give.

A compact table: of each vector its first values and its norm. The checkpoints themselves are not here; a user's own
file is recognised by its SHA-256.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from encoders.dna.protocol import EncoderSpec


@dataclass(frozen=True, slots=True)
class PublishedVector:
    """One vector of one published checkpoint.

    Attributes
    ----------
    name, model, revision : str
        Name of the figure, hub id of the model, and commit.
    checkpoint_sha256 : str or None
        Digest of the weights file; None where it was not published.
    sequence : str or None
        What was embedded; None where the model's own tokenizer does not read it as published.
    input_ids : tuple of int
        Its token ids, special tokens included as published.
    n_special : (int, int)
        How many of the ids are special tokens, at the start and at the end.
    pooling : {"mean", "first"}
        Over all ids, special tokens included, or the first token alone; always of the last hidden state.
    n_values : int
        Length of the vector.
    first_values : tuple of float
        Its first values.
    norm : float
        Its Euclidean norm.
    """

    name: str
    model: str
    revision: str
    checkpoint_sha256: str | None
    sequence: str | None
    input_ids: tuple[int, ...]
    n_special: tuple[int, int]
    pooling: Literal["mean", "first"]
    n_values: int
    first_values: tuple[float, ...]
    norm: float


@dataclass(frozen=True, slots=True)
class TokenCase:
    """A sequence and the token ids that the published tokenizer gives it."""

    sequence: str
    input_ids: tuple[int, ...]


@cache
def published_vectors() -> tuple[PublishedVector, ...]:
    """All carried vectors; `citation` says whose they are."""
    return tuple(PublishedVector(**_as_tuples(row)) for row in _figures()["vectors"])


def citation() -> str:
    """Where the figures were published."""
    text: str = _figures()["citation"]
    return text


def token_cases(tokenizer_version: str) -> tuple[TokenCase, ...]:
    """Published tokenisations of this tokenizer; none where it is not known."""
    rows = _figures()["tokenizers"].get(tokenizer_version, ())
    return tuple(TokenCase(row["sequence"], tuple(row["input_ids"])) for row in rows)


def vectors_of(spec: EncoderSpec, table: Iterable[PublishedVector]) -> list[PublishedVector]:
    """Vectors of the checkpoint that was loaded: those of its digest or, where none was published, of its commit."""
    return [
        row
        for row in table
        if row.checkpoint_sha256 == spec.weights_sha256
        or (row.checkpoint_sha256 is None and (row.model, row.revision) == (spec.source, spec.revision))
    ]


def vectors_claimed(spec: EncoderSpec, table: Iterable[PublishedVector]) -> list[PublishedVector]:
    """Vectors of the published commit that the spec names, though the digest of its file is another."""
    return [
        row
        for row in table
        if (row.model, row.revision) == (spec.source, spec.revision)
        and row.checkpoint_sha256 not in (None, spec.weights_sha256)
    ]


def _as_tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


@cache
def _figures() -> dict[str, Any]:
    text = (files("encoders.dna.verification") / "published/figures.json").read_text("utf-8")
    figures: dict[str, Any] = json.loads(text)
    return figures
