"""DNABERT 3-6: BERT over overlapping k-mers (https://doi.org/10.1093/bioinformatics/btab083).

The published weights under transformers' own BertModel and our k-mer tokenizer. The padding mask is the correct one:
the authors' code has masked wrongly since 2021, so a padded batch there differs from this, an unpadded one does not.
An unknown k-mer (N) is read as [UNK] and pooled like any other; `encoders.dna.sequence_check` bounds how many there may
be.
"""

from collections.abc import Mapping
from typing import Any

import torch
from transformers import BertConfig, BertModel

from encoders.dna.checkpoints.configuration import check_keys, check_transformer_sizes
from encoders.dna.checkpoints.files import Checkpoint, fill_strictly, find_checkpoint, read_weights
from encoders.dna.networks.linears import read_dtype
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.long_sequences import WindowPlan, plan_windows, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import TokenEncoder, read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers.kmer import PAD, KmerTokenizer
from encoders.errors import InputError

UNUSED_KEYS = ("cls.*", "pooler.*", "embeddings.position_ids")
"""Heads that pretraining or the library stored; the pooler was never trained."""

BASE_SIZES = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
MAX_TOKENS = 512
DEFAULT_WINDOWS = WindowPlan(max_tokens=MAX_TOKENS, margin=64)
"""Windows of long sequences, where they are asked for."""


@register_encoder(*(f"{prefix}dnabert-{k}" for prefix in ("", UNTRAINED) for k in (3, 4, 5, 6)))
def load_dnabert(request: EncoderRequest) -> TokenEncoder:
    """Builder of the registry.

    Options are ``long="stitch"`` with ``max_tokens`` and ``margin`` (see `take_long_options`), and for an untrained
    model a seed and the sizes of the network.
    """
    check_pooling(request.pooling)
    device = read_device(request.device)
    read_dtype(request.dtype, device, request.name)
    request, asked = take_long_options(request)
    tokenizer = KmerTokenizer(int(request.name[-1]))
    model, spec = _make_untrained(request, tokenizer) if request.is_untrained else _make_trained(request, tokenizer)
    spec, plan = plan_windows(spec, asked, DEFAULT_WINDOWS, n_special=2)
    return TokenEncoder(model, tokenizer.encode, spec, pad_id=PAD, device=device, plan=plan)


def _make_trained(request: EncoderRequest, tokenizer: KmerTokenizer) -> tuple[BertModel, EncoderSpec]:
    request.read_options({})
    if request.source is None:
        raise InputError(
            f"{request.name} needs its published weights: set source to a folder with config.json and "
            f"pytorch_model.bin, or to the hub id zhihan1996/DNA_bert_{tokenizer.k}."
        )
    checkpoint = find_checkpoint(request.source, request.revision)
    config = _read_architecture(checkpoint, request.name, tokenizer)
    with torch.random.fork_rng(devices=[]):  # the library draws weights first, which must not move the caller's stream
        model = BertModel(config, add_pooling_layer=False)
    fill_strictly(model, read_weights(checkpoint.weights), prefix="bert.", unused=UNUSED_KEYS)
    return model, _make_spec(request, config, tokenizer, checkpoint_weights(checkpoint, "Apache-2.0"))


def _make_untrained(request: EncoderRequest, tokenizer: KmerTokenizer) -> tuple[BertModel, EncoderSpec]:
    check_no_checkpoint(request)
    options = request.read_options({"seed": 0} | BASE_SIZES)
    seed = options.pop("seed")
    config = _make_config(options | {"vocab_size": tokenizer.vocabulary_size}, request.name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    return model, _make_spec(request, config, tokenizer, random_weights(model), seed=seed)


def _make_spec(
    request: EncoderRequest, config: BertConfig, tokenizer: KmerTokenizer, weights: Mapping[str, Any], **more: object
) -> EncoderSpec:
    return make_spec(
        request,
        weights,
        {key: getattr(config, key) for key in (*BASE_SIZES, "hidden_act", "layer_norm_eps")} | more,
        n_layers=config.num_hidden_layers,
        family="DNABERT",
        hidden_dim=config.hidden_size,
        tokenizer_version=tokenizer.version,
        min_bp=tokenizer.k,
        max_bp=config.max_position_embeddings - 2 + tokenizer.k - 1,
    )


def _read_architecture(checkpoint: Checkpoint, name: str, tokenizer: KmerTokenizer) -> BertConfig:
    """The few keys of config.json that shape the network; the others are leftovers of generation and fine-tuning."""
    needed = (*BASE_SIZES, "vocab_size")
    check_keys(checkpoint.config, needed, checkpoint.source, "DNABERT")
    if checkpoint.config["vocab_size"] != tokenizer.vocabulary_size:
        raise InputError(
            f"{name} has a vocabulary of {tokenizer.vocabulary_size}; that of {checkpoint.source} has "
            f"{checkpoint.config['vocab_size']}. Use the encoder of the same k."
        )
    optional = ("hidden_act", "layer_norm_eps", "max_position_embeddings", "type_vocab_size")
    given = {key: checkpoint.config[key] for key in (*needed, *optional) if key in checkpoint.config}
    return _make_config(given, name)


def _make_config(shape: Mapping[str, Any], name: str) -> BertConfig:
    check_transformer_sizes({key: shape[key] for key in BASE_SIZES}, name)
    settings = {"max_position_embeddings": MAX_TOKENS, "layer_norm_eps": 1e-12, "pad_token_id": PAD} | dict(shape)
    return BertConfig(**settings, output_hidden_states=True)
