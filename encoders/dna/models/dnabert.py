"""DNABERT 3-6: BERT over overlapping k-mers (https://doi.org/10.1093/bioinformatics/btab083).

The published weights under transformers' own BertModel and our k-mer tokenizer. The padding mask is the correct one:
the authors' code has masked wrongly since 2021, so a padded batch there differs from this, an unpadded one does not.
An unknown k-mer (N) is read as [UNK] and pooled like any other; `encoders.dna.sequence_check` bounds how many there may
be.
"""

from collections.abc import Mapping
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import BertConfig, BertModel

from encoders.dna.checkpoints.configuration import (
    check_keys,
    check_numbers,
    check_transformer_memory,
    check_transformer_sizes,
    check_whole_sizes,
)
from encoders.dna.checkpoints.files import Checkpoint, find_checkpoint
from encoders.dna.checkpoints.filling import check_sizes_in_file, fill_strictly, published_names
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.networks.linears import read_dtype
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.long_sequences import WindowPlan, plan_windows, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import TokenEncoder, read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers.kmer import PAD, KmerTokenizer
from encoders.dna.tokenizers.own_tokens import own_tokens
from encoders.dna.tokenizers.vocabulary import VocabularyTokenizer
from encoders.errors import InputError

PREFIX, EMBEDDING = "bert.", "embeddings.word_embeddings.weight"
UNUSED_KEYS = ("pooler.*", "embeddings.position_ids")
"""What the library stored within the network; the pooler was never trained for a mean over tokens."""

AnyTokenizer = KmerTokenizer | VocabularyTokenizer

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
    if request.is_untrained:
        model, read_by, spec = _make_untrained(request, tokenizer)
    else:
        model, read_by, spec = _make_trained(request, tokenizer)
    spec, plan = plan_windows(spec, asked, DEFAULT_WINDOWS, n_special=2)
    return TokenEncoder(model, read_by.encode, spec, pad_id=read_by.pad_id, device=device, plan=plan)


def _make_trained(request: EncoderRequest, generated: KmerTokenizer) -> tuple[BertModel, AnyTokenizer, EncoderSpec]:
    request.read_options({})
    if request.source is None:
        raise InputError(
            f"{request.name} needs its published weights: set source to a folder with config.json and "
            f"pytorch_model.bin, or to the hub id zhihan1996/DNA_bert_{generated.k}."
        )
    checkpoint = find_checkpoint(request.source, request.revision)
    tokenizer = _read_tokenizer(checkpoint, generated)
    config = _read_architecture(checkpoint, request.name, tokenizer)
    weights = published_names(read_weights(checkpoint.weights), embedding=EMBEDDING, prefix=PREFIX)
    sizes = (*BASE_SIZES, "vocab_size", "max_position_embeddings", "type_vocab_size")
    check_sizes_in_file({key: getattr(config, key) for key in sizes}, weights, checkpoint.source)
    model = _make_network(config, request.name)
    fill_strictly(model, weights, prefix=PREFIX, unused=UNUSED_KEYS)
    return model, tokenizer, _make_spec(request, config, tokenizer, checkpoint_weights(checkpoint, "Apache-2.0"))


def _read_tokenizer(checkpoint: Checkpoint, generated: KmerTokenizer) -> AnyTokenizer:
    """The published order of k-mers, or another one that the checkpoint lists."""
    listed = own_tokens(checkpoint)
    if listed is None or listed[1] == {token: number for number, token in enumerate(generated.vocabulary())}:
        return generated
    path, numbers = listed
    tokens = sorted(numbers, key=numbers.__getitem__)
    if sorted(numbers.values()) != list(range(len(tokens))):
        raise InputError(f"A list of k-mers numbers them from 0 without gaps; {path} does not: download it again.")
    tokenizer = VocabularyTokenizer(tokens, generated.k, str(path))
    if (tokenizer.n_before, tokenizer.n_after) != (1, 1):
        raise InputError(f"DNABERT reads k-mers between [CLS] and [SEP]; {path} does not list both.")
    return tokenizer


def _make_network(config: BertConfig, name: str) -> BertModel:
    with torch.random.fork_rng(devices=[]):  # the library draws weights first, which must not move the caller's stream
        try:
            return BertModel(config, add_pooling_layer=False)
        except (TypeError, ValueError, KeyError, RuntimeError, AttributeError) as error:
            raise InputError(f"The settings in config.json of {name} do not go together ({error}).") from error


def _make_untrained(request: EncoderRequest, tokenizer: KmerTokenizer) -> tuple[BertModel, AnyTokenizer, EncoderSpec]:
    check_no_checkpoint(request)
    options = request.read_options({"seed": 0} | BASE_SIZES)
    seed = options.pop("seed")
    config = _make_config(options | {"vocab_size": tokenizer.vocabulary_size}, request.name)
    check_transformer_memory(options, request.name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    return model, tokenizer, _make_spec(request, config, tokenizer, random_weights(model), seed=seed)


def _make_spec(
    request: EncoderRequest, config: BertConfig, tokenizer: AnyTokenizer, weights: Mapping[str, Any], **more: object
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


def _read_architecture(checkpoint: Checkpoint, name: str, tokenizer: AnyTokenizer) -> BertConfig:
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
    other = ("vocab_size", "max_position_embeddings", "type_vocab_size")
    check_whole_sizes({key: shape[key] for key in other if key in shape}, name)
    check_numbers({key: shape[key] for key in ("layer_norm_eps",) if key in shape}, name)
    if not isinstance(shape.get("hidden_act", ""), str):
        raise InputError(f"hidden_act of {name} must be the name of an activation; got {shape['hidden_act']!r}.")
    settings = {"max_position_embeddings": MAX_TOKENS, "layer_norm_eps": 1e-12, "pad_token_id": PAD} | dict(shape)
    try:
        return BertConfig(**settings, output_hidden_states=True)
    except (TypeError, ValueError, KeyError, StrictDataclassError) as error:
        raise InputError(f"config.json of {name} is not one of BERT ({error}).") from error
