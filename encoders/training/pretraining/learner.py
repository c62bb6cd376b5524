"""A model that learns: its network and head, the tokens it reads, and how they are masked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from encoders.dna.checkpoints.files import fetch_file, find_checkpoint
from encoders.dna.checkpoints.filling import published_names
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.models.dnabert2 import TOKENIZER_FILE
from encoders.dna.networks.linears import use_plain_linears
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, load_encoder
from encoders.dna.reverse_complement import ReverseComplementAverage
from encoders.dna.token_models.token_encoder import TokenEncoder
from encoders.dna.token_models.token_spec import parameters_sha256
from encoders.dna.tokenizers import bpe, kmer, single_base
from encoders.dna.tokenizers.kmer import TokenIds
from encoders.errors import InputError
from encoders.training.masking.corruption import MaskingRule, Unit
from encoders.training.pretraining.first_weights import begin_to_learn
from encoders.training.pretraining.heads import MaskedLanguageModel

LEARNERS = ("dnabert-3", "dnabert-4", "dnabert-5", "dnabert-6", "dnabert2", "caduceus-ph", "caduceus-ps")
"""Encoders that can be pretrained."""

EMBEDDING, PREFIX = "embeddings.word_embeddings.weight", "bert."


@dataclass(frozen=True)
class Learner:
    """What pretraining needs of a model.

    Attributes
    ----------
    name : str
        Registry name.
    model : MaskedLanguageModel
        Learns.
    encode : callable
        From known bases to token ids.
    rule : MaskingRule
        Of its tokens.
    spec : EncoderSpec
        Of the encoder that it began as.
    pad_id : int
        Token id of padding.
    n_before : int
        Special tokens before those of the bases.
    tokens_of : mapping of int to str or None
        Bases of each token where tokens differ in length.
    tokenizer_file : Path or None
        The tokenizer.json that is read, where there is one.
    """

    name: str
    model: MaskedLanguageModel
    encode: Callable[[str], TokenIds]
    rule: MaskingRule
    spec: EncoderSpec
    pad_id: int
    n_before: int
    tokens_of: Mapping[int, str] | None = None
    tokenizer_file: Path | None = None

    @property
    def is_equivariant(self) -> bool:
        """Whether both strands are learnt at once."""
        return self.spec.rc_mode == "equivariant"

    def base_spans(self, ids: TokenIds) -> np.ndarray:
        """First base of each token, and one past its last, shape (n_tokens, 2); (0, 0) of special tokens.

        Only of sequences of known bases.
        """
        spans = np.zeros((len(ids), 2), dtype=np.int64)
        inner = slice(self.n_before, len(ids) - self.n_before)
        n = len(ids) - 2 * self.n_before
        if self.tokens_of is None:
            spans[inner, 0] = np.arange(n)
            spans[inner, 1] = np.arange(n) + self.rule.span
        else:
            ends = np.cumsum([len(self.tokens_of[one]) for one in ids[inner].tolist()])
            spans[inner, 1], spans[inner, 0] = ends, np.concatenate([[0], ends[:-1]])
        return spans


def make_learner(
    name: str,
    *,
    source: str | None = None,
    revision: str | None = None,
    sizes: Mapping[str, Any] | None = None,
    seed: int = 0,
    dropout: float = 0.0,
    unit: Unit = "run",
) -> Learner:
    """A model from random weights, or one that goes on from those of a checkpoint.

    Parameters
    ----------
    name : str
        One of `LEARNERS`.
    source : str or None
        Folder or hub id of the weights to go on from. Of an untrained DNABERT-2 (see `sizes`) the folder of its
        tokenizer.json.
    revision : str or None
        Commit of a hub id.
    sizes : mapping or None
        Sizes of a network of random weights, those of DNABERT made by `begin_to_learn`; None: the weights are those of
        `source`.
    seed : int
        Draws random weights.
    dropout : float
        Of DNABERT while it learns; the other networks have none.
    unit : {"run", "token"}
        See `MaskingRule`.

    Raises
    ------
    InputError
        There is no such model, or it cannot be loaded.
    """
    if name not in LEARNERS:
        raise InputError(f"Masked-language models are {', '.join(LEARNERS)}; got {name!r}.")
    if dropout and not name.startswith("dnabert-"):
        raise InputError(f"dropout is DNABERT's (dnabert-3 to dnabert-6); {name} has none: leave it at 0.")
    if sizes is None:
        encoder = load_encoder(name, source=source, revision=revision, device="cpu")
    else:
        encoder = load_encoder(f"{UNTRAINED}{name}", source=source, device="cpu", seed=seed, **sizes)
    if isinstance(encoder, ReverseComplementAverage) or not isinstance(encoder, TokenEncoder):
        raise InputError(f"Masked-language models are {', '.join(LEARNERS)}; got {name!r}.")
    network = use_plain_linears(encoder.model).requires_grad_(True)
    _set_dropout(network, dropout)
    model = MaskedLanguageModel(network, seed=seed)
    spec = encoder.spec
    if sizes is not None and name.startswith("dnabert-"):
        begin_to_learn(model)
        spec = replace(spec, weights_sha256=parameters_sha256(network))
    if sizes is None and model.head is not None:
        assert source is not None
        checkpoint = find_checkpoint(source, encoder.spec.revision)
        model.load_head(published_names(read_weights(checkpoint.weights), embedding=EMBEDDING, prefix=PREFIX))
    learner = Learner(name, model, encoder.encode, _rule(name, model, unit), spec, encoder.pad_id, encoder.n_special[0])
    if name != "dnabert2":
        return learner
    path = _tokenizer_file(source, encoder)
    return replace(learner, tokens_of=_pieces(path), tokenizer_file=path)


def _rule(name: str, model: MaskedLanguageModel, unit: Unit) -> MaskingRule:
    if name.startswith("caduceus"):
        first = len(single_base.SPECIAL_TOKENS)
        return MaskingRule(1, single_base.MASK, first, first + 4, unit)
    if name == "dnabert2":
        assert model.head is not None
        return MaskingRule(1, bpe.MASK, len(bpe.SPECIAL_TOKENS), len(model.head.bias), unit)
    k, first = int(name[-1]), len(kmer.SPECIAL_TOKENS)
    return MaskingRule(k, kmer.MASK, first, first + 4**k, unit)


def _set_dropout(network: nn.Module, p: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = p


def _tokenizer_file(source: str | None, encoder: TokenEncoder) -> Path:
    if source is None:
        raise InputError(
            "DNABERT-2 needs a tokenizer.json to be pretrained: set tokenizer.vocabulary to learn one from the FASTA, "
            "or source to a folder that has one."
        )
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder / TOKENIZER_FILE
    assert encoder.spec.revision is not None
    return fetch_file(source, (TOKENIZER_FILE,), encoder.spec.revision)


def _pieces(path: Path) -> dict[int, str]:
    """Bases of each piece."""
    vocabulary = json.loads(path.read_text("utf-8"))["model"]["vocab"]
    return {number: piece for piece, number in vocabulary.items() if number >= len(bpe.SPECIAL_TOKENS)}
