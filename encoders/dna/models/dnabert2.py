"""DNABERT-2 (https://arxiv.org/abs/2306.15006) and DNABERT-S (https://arxiv.org/abs/2402.08777).

One network and one loader for both; no remote code, no triton. A base that cannot be read (N) is one [UNK] and is
pooled like any other piece, though a piece stands for about five bases: `encoders.dna.sequence_check` counts bases.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from encoders.dna.checkpoints.configuration import (
    check_keys,
    check_numbers,
    check_transformer_memory,
    check_transformer_sizes,
    check_whole_sizes,
)
from encoders.dna.checkpoints.files import Checkpoint, fetch_file, find_checkpoint
from encoders.dna.checkpoints.filling import check_sizes_in_file, fill_strictly, published_names
from encoders.dna.checkpoints.licenses import AT_SOURCE
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.networks.linears import read_dtype
from encoders.dna.networks.mosaic_bert import MosaicBert, MosaicBertShape
from encoders.dna.networks.random_weights import draw_weights
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.long_sequences import WindowPlan, plan_windows, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import TokenEncoder, read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers.bpe import PAD, BpeTokenizer, FixedPieceTokenizer, PieceTokenizer
from encoders.errors import InputError

TOKENIZER_FILE = "tokenizer.json"
PREFIX = "bert."
UNUSED_KEYS = ("pooler.*", "embeddings.position_ids")
"""What a library may have stored within the network; a pooler was never trained for a mean over tokens."""

EMBEDDING_KEY, DECODER_KEY = "embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"
"""One matrix under two names."""

BASE_SIZES = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
MAX_TOKENS = 8192
"""Default of the option max_tokens: a bound on memory, as the network itself knows none."""

DEFAULT_WINDOWS = WindowPlan(max_tokens=1024, margin=64)
"""Windows of long sequences: about 5 kb, the fastest to read, and 300 bp of context at a seam."""

_LICENSES = {
    "7ff39ec77a484dd01070a41bfd6e95cdd7247bec80fe357ab43a4be33687aeba": "Apache-2.0",  # DNABERT-2-117M, 7bce263b
}


@register_encoder("dnabert2", f"{UNTRAINED}dnabert2")
def load_dnabert2(request: EncoderRequest) -> TokenEncoder:
    """Builder of the registry.

    Options are ``max_tokens``, the most tokens of a sequence; ``long="stitch"`` with ``margin`` and ``max_tokens``,
    then those of a window (see `take_long_options`); and for an untrained model a seed and the sizes of the network.
    An untrained model reads the tokenizer.json in the folder `source` or, without one, pieces of a fixed length.
    """
    check_pooling(request.pooling)
    device = read_device(request.device)
    read_dtype(request.dtype, device, request.name)
    request, asked = take_long_options(request)
    model, tokenizer, spec = _make_untrained(request) if request.is_untrained else _make_trained(request)
    spec, plan = plan_windows(spec, asked, DEFAULT_WINDOWS, n_special=2)
    return TokenEncoder(model, tokenizer.encode, spec, pad_id=PAD, device=device, plan=plan)


def _make_trained(request: EncoderRequest) -> tuple[MosaicBert, PieceTokenizer, EncoderSpec]:
    options = request.read_options({"max_tokens": MAX_TOKENS})
    if request.source is None:
        raise InputError(
            f"{request.name} needs its published weights: set source to a folder with config.json, tokenizer.json "
            "and pytorch_model.bin, or to the hub id zhihan1996/DNABERT-2-117M or zhihan1996/DNABERT-S."
        )
    checkpoint = find_checkpoint(request.source, request.revision)
    tokenizer = BpeTokenizer(_find_tokenizer(checkpoint))
    shape = _read_shape(checkpoint, tokenizer, request.name)
    weights = published_names(read_weights(checkpoint.weights), embedding=EMBEDDING_KEY, prefix=PREFIX)
    sizes = {key: getattr(shape, key) for key in (*BASE_SIZES, "vocab_size", "type_vocab_size")}
    check_sizes_in_file(sizes, weights, checkpoint.source)
    model = _make_network(shape, request.name)
    fill_strictly(model, weights, prefix=PREFIX, unused=UNUSED_KEYS)
    _check_tie(weights, model, checkpoint)
    found = checkpoint_weights(checkpoint, _LICENSES.get(checkpoint.weights_sha256, AT_SOURCE))
    return model, tokenizer, _make_spec(request, model.shape, tokenizer, options["max_tokens"], found)


def _make_untrained(request: EncoderRequest) -> tuple[MosaicBert, PieceTokenizer, EncoderSpec]:
    check_no_checkpoint(request, takes_source=True)
    tokenizer: PieceTokenizer = FixedPieceTokenizer()
    if request.source is not None:
        tokenizer = BpeTokenizer(Path(request.source).expanduser() / TOKENIZER_FILE)
    options = request.read_options({"seed": 0, "max_tokens": MAX_TOKENS} | BASE_SIZES)
    sizes = {key: options[key] for key in BASE_SIZES}
    model = _make_network(MosaicBertShape(**sizes, vocab_size=tokenizer.vocabulary_size), request.name)
    draw_weights(model, options["seed"])
    weights = random_weights(model, request.source)
    spec = _make_spec(request, model.shape, tokenizer, options["max_tokens"], weights, seed=options["seed"])
    return model, tokenizer, spec


def _find_tokenizer(checkpoint: Checkpoint) -> Path:
    if checkpoint.revision is None:  # a folder
        return checkpoint.weights.parent / TOKENIZER_FILE
    return fetch_file(checkpoint.source, (TOKENIZER_FILE,), checkpoint.revision)


def _make_network(shape: MosaicBertShape, name: str) -> MosaicBert:
    sizes = {key: getattr(shape, key) for key in BASE_SIZES}
    check_transformer_sizes(sizes, name)
    check_transformer_memory(sizes, name)
    with torch.random.fork_rng(devices=[]):  # torch draws weights first, which must not move the caller's stream
        return MosaicBert(shape)


def _read_shape(checkpoint: Checkpoint, tokenizer: PieceTokenizer, name: str) -> MosaicBertShape:
    """The few keys of config.json that shape the network."""
    config = checkpoint.config
    needed = (*BASE_SIZES, "vocab_size")
    check_keys(config, needed, checkpoint.source, "DNABERT-2")
    if config.get("hidden_act", "gelu") != "gelu":
        raise InputError(
            f"DNABERT-2 has the activation gelu; config.json of {checkpoint.source} asks for {config['hidden_act']!r}."
        )
    if config["vocab_size"] != tokenizer.vocabulary_size:
        raise InputError(
            f"The vocabularies of the network and its tokenizer must agree; config.json of {checkpoint.source} has "
            f"{config['vocab_size']} pieces, tokenizer.json {tokenizer.vocabulary_size}. Download both again."
        )
    optional = ("type_vocab_size", "layer_norm_eps")
    check_whole_sizes({key: config[key] for key in (*needed, *optional[:1]) if key in config}, name)
    check_numbers({key: config[key] for key in optional[1:] if key in config}, name)
    return MosaicBertShape(**{key: config[key] for key in (*needed, *optional) if key in config})


def _check_tie(weights: Mapping[str, Tensor], model: MosaicBert, checkpoint: Checkpoint) -> None:
    decoder = weights.get(DECODER_KEY)
    if decoder is not None and not torch.equal(decoder, model.get_parameter(EMBEDDING_KEY)):
        raise InputError(
            f"{DECODER_KEY} and {EMBEDDING_KEY} must be one matrix; in {checkpoint.weights} they differ. "
            "The file was altered; download it again."
        )


def _make_spec(
    request: EncoderRequest,
    shape: MosaicBertShape,
    tokenizer: PieceTokenizer,
    max_tokens: int,
    weights: Mapping[str, Any],
    **more: object,
) -> EncoderSpec:
    if max_tokens < 3:
        raise InputError(f"max_tokens of {request.name} must leave room for [CLS], a base and [SEP]; got {max_tokens}.")
    pieces = f" {tokenizer.longest}-bp pieces" if isinstance(tokenizer, FixedPieceTokenizer) else ""
    return make_spec(
        request,
        weights,
        {key: getattr(shape, key) for key in (*BASE_SIZES, "layer_norm_eps")} | more,
        n_layers=shape.num_hidden_layers,
        shown=request.name.replace(":", " ") + pieces,
        family="DNABERT-2",
        hidden_dim=shape.hidden_size,
        tokenizer_version=tokenizer.version,
        min_bp=1,
        max_bp=max_tokens - 2,  # a piece is one base at least, so this many always fit
    )
