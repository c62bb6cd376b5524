"""Proof that a checkpoint was loaded right: published vectors of the very file, and what any encoder must keep.

The vectors were computed with the true weights and the authors' code (`published_vectors`); a file is recognised by its
SHA-256. Weights that this project trained have theirs beside them (`birth_vectors`). For a file that nobody knows
vectors of, the structural checks alone are run, and the proof says so.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from encoders.dna.protocol import FORMAT_VERSION, SequenceEncoder
from encoders.dna.registry import load_encoder
from encoders.dna.verification.birth_vectors import CITATION, read_birth_vectors
from encoders.dna.verification.contract import Check, check_encoder, rounding
from encoders.dna.verification.proof import Comparison, Proof
from encoders.dna.verification.published_vectors import (
    PublishedVector,
    published_vectors,
    token_cases,
    vectors_claimed,
    vectors_of,
)
from encoders.dna.verification.seen_tokens import hidden_state, innermost, network, seen_ids
from encoders.errors import InputError
from encoders.publishing import write_whole

TOLERANCE = 2e-5
"""Largest difference of a value in float32 on a CPU, if none is above 1; else see `contract.rounding`."""

STRUCTURAL_CHECKS = ("finite", "deterministic", "batch invariant", "strands", "special tokens")


def verify_encoder(
    name: str,
    *,
    source: str | None = None,
    revision: str | None = None,
    against: str | None = None,
    table: Sequence[PublishedVector] | None = None,
    **settings: Any,
) -> Proof:
    """Load a checkpoint and compare it with the vectors that were published for it.

    Parameters
    ----------
    name, source, revision
        As for `encoders.load_encoder`.
    against : str or None
        Hub id of a published model whose vectors must come out although the file's digest is another: the same
        weights saved again.
    table : sequence of PublishedVector or None
        Other vectors than those the project carries.
    **settings
        Further settings of `encoders.load_encoder`.

    Returns
    -------
    Proof
        Whatever its verdict.

    Raises
    ------
    InputError
        The checkpoint cannot be loaded (a key that is missing or unknown is named), it is not the published file of
        the commit it was taken from, or nothing is known of `against`.
    """
    encoder = load_encoder(name, source=source, revision=revision, **settings)
    return verify_loaded(encoder, against=against, table=table)


def verify_loaded(
    encoder: SequenceEncoder, *, against: str | None = None, table: Sequence[PublishedVector] | None = None
) -> Proof:
    """`verify_encoder` of an encoder that is loaded already."""
    spec = encoder.spec
    known = published_vectors() if table is None else table
    chosen = vectors_of(spec, known)
    if against is not None:
        chosen = [row for row in known if row.model == against]
        if not chosen:
            models = ", ".join(sorted({row.model for row in known}))
            raise InputError(f"No vector of {against} was published; known are {models}.")
    elif not chosen and (claimed := vectors_claimed(spec, known)):
        raise InputError(
            f"The weights of {spec.source} at {spec.revision} have sha256 {spec.weights_sha256}; published is "
            f"{claimed[0].checkpoint_sha256}. The file was altered or cut; delete it and download it again."
        )
    recorded = read_birth_vectors(spec) if not chosen and table is None else []
    rows = (chosen or recorded) if network(encoder) is not None else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the published inputs hold N on purpose
        return Proof(
            encoder=spec.name,
            source=spec.source,
            revision=spec.revision,
            weights_sha256=spec.weights_sha256,
            comparisons=tuple(_compare(encoder, row) for row in rows),
            checks=(*check_encoder(encoder, STRUCTURAL_CHECKS), _check_tokens(encoder)),
            **({"citation": CITATION} if recorded else {}),
        )


def prove_once(encoder: SequenceEncoder, store_root: Path) -> Proof | None:
    """Verify a checkpoint at its first use with a store, and keep the proof in the store's folder ``checkpoints``.

    Returns
    -------
    Proof or None
        None where there is nothing to prove (no checkpoint) or a proof was kept.

    Raises
    ------
    InputError
        The checkpoint does not give what was published for it; nothing may be stored of it.
    """
    spec = encoder.spec
    if not spec.trained or spec.weights_sha256 is None:
        return None
    name = f"{spec.weights_sha256}-{spec.name}-{spec.dtype}-{FORMAT_VERSION}.json".replace("/", "_")
    path = Path(store_root) / "checkpoints" / name
    if path.exists():
        return None
    proof = verify_loaded(encoder)
    if proof.verdict == "failed":
        raise InputError(
            f"{spec.label} must give what was published for its weights; loaded from {spec.source} it fails "
            f"{'; '.join(proof.failures)}. Nothing was stored; run `genebrain verify-encoder {spec.name}`."
        )
    try:
        write_whole(path, json.dumps(proof.to_dict(), indent=1))
    except OSError as error:
        raise InputError(f"The store needs a writable folder; {path.parent} is not ({error.strerror}).") from error
    return proof


def _compare(encoder: SequenceEncoder, published: PublishedVector) -> Comparison:
    vector = _pooled_as_published(encoder, published)
    carried = np.array(published.first_values)
    if len(vector) != published.n_values:
        raise InputError(
            f"{published.name} has {published.n_values} values; {encoder.spec.label} gives {len(vector)}. "
            "These weights are those of another model."
        )
    return Comparison(
        name=published.name,
        n_values=published.n_values,
        n_compared=len(carried),
        max_difference=float(np.abs(vector[: len(carried)] - carried).max()),
        norm_difference=abs(float(np.linalg.norm(vector)) - published.norm),
        tolerance=TOLERANCE * rounding(encoder, vector),
        tokens_agree=None if published.sequence is None else _tokens_agree(encoder, published),
    )


def _pooled_as_published(encoder: SequenceEncoder, published: PublishedVector) -> np.ndarray:
    """Float64, over all tokens: unlike ours, the published mean takes special tokens in."""
    hidden = hidden_state(encoder, list(published.input_ids)).double().numpy()
    vector: np.ndarray = hidden[0] if published.pooling == "first" else hidden.mean(axis=0)
    return vector


def _tokens_agree(encoder: SequenceEncoder, published: PublishedVector) -> bool | None:
    """The bases' ids; which special tokens stand beside them is the encoder's own choice."""
    assert published.sequence is not None
    before, after = published.n_special
    bases = published.input_ids[before : len(published.input_ids) - after]
    return _is_read_as(encoder, published.sequence, list(bases))


def _check_tokens(encoder: SequenceEncoder) -> Check:
    for case in token_cases(encoder.spec.tokenizer_version):
        if _is_read_as(encoder, case.sequence, list(case.input_ids)) is False:
            return Check("tokenizer", passed=False, detail=f"{case.sequence} is not read as the published token ids")
    return Check("tokenizer", passed=True, detail="")


def _is_read_as(encoder: SequenceEncoder, sequence: str, ids: list[int]) -> bool | None:
    """Whether the network is given these ids, perhaps with special tokens around them."""
    if network(encoder) is None or len(sequence) < innermost(encoder).spec.min_bp:
        return None
    try:
        seen = seen_ids(encoder, sequence)
    except InputError:  # too many N for this encoder
        return None
    if seen is None:
        return None
    starts = range(len(seen) - len(ids) + 1)
    return len(seen) - len(ids) <= 2 and any(seen[start : start + len(ids)] == ids for start in starts)
