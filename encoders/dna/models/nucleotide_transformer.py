"""Nucleotide Transformer v1 and v2 and Agro-NT as encoders (https://doi.org/10.1038/s41592-024-02523-z).

The variant is recognised by the keys and shapes of the file, as the published config.json of v2 does not name it, and
the tokenizer by the rows of the vocabulary. No remote code. The published weights forbid commercial use: loading them
needs the option ``accept_license: cc-by-nc-sa-4.0``.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from encoders.dna.catalog import NON_COMMERCIAL
from encoders.dna.checkpoints.configuration import (
    check_numbers,
    check_switches,
    check_transformer_memory,
    check_whole_sizes,
)
from encoders.dna.checkpoints.files import Checkpoint
from encoders.dna.checkpoints.filling import check_sizes_in_file, fill_strictly, published_names
from encoders.dna.checkpoints.licenses import AT_SOURCE, check_acceptance
from encoders.dna.checkpoints.shards import find_any_checkpoint, read_any_weights
from encoders.dna.networks.linears import read_dtype
from encoders.dna.networks.nucleotide_transformer import NucleotideTransformer, NucleotideTransformerShape
from encoders.dna.networks.random_weights import draw_weights
from encoders.dna.networks.transformers_layouts import current_names
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.framed_encoder import FramedEncoder, plan_by_tokens
from encoders.dna.token_models.long_sequences import WindowPlan, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers.own_tokens import check_own_tokens
from encoders.dna.tokenizers.six_mer import NucleotideTransformerTokenizer
from encoders.errors import InputError

PREFIX, EMBEDDING = "esm.", "embeddings.word_embeddings.weight"
UNUSED_KEYS = ("contact_head.*", "pooler.*", "embeddings.position_ids")
"""What the library stored within the network."""

UNUSED_IF_ROTARY = ("embeddings.position_embeddings.weight",)
"""Stored with v2, and not read by the authors' code either."""

FREQUENCIES = ".rotary_embeddings.inv_freq"
"""Stored in each layer of the published v2, where the file wins over the formula."""

SHARED_FREQUENCIES = f"encoder.layer.*.attention.self{FREQUENCIES}"
"""The key, asterisk included, under which transformers 5 saves one tensor for all layers."""

BASE_SIZES = {"hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 16, "intermediate_size": 2048}
"""Of v2-50m."""

N_POSITIONS_BESIDE_TOKENS = 2
"""The first position is that of <pad> + 1, so the longest input has this many tokens fewer than there are rows."""

DEFAULT_WINDOWS = WindowPlan(max_tokens=1000, margin=50)
"""Windows of long sequences: 6 kb, and 300 bp of context at a seam."""

_VARIANT_OF_ROWS = {4107: "v2", 4105: "v1", 75: "v2-3mer"}
_POSITIONS = {"v1": 1002, "v2": 2050, "v2-3mer": 2050}
_PUBLISHED_SIZES = {(512, 12), (512, 22), (768, 24), (1024, 29), (1280, 24), (2560, 32), (1500, 40)}
"""(hidden_size, num_hidden_layers) of the published models: a folder with such a network is taken for one of them."""


@register_encoder("nucleotide-transformer", f"{UNTRAINED}nucleotide-transformer")
def load_nucleotide_transformer(request: EncoderRequest) -> FramedEncoder:
    """Builder of the registry.

    Options are ``accept_license``; ``long="stitch"`` with ``max_tokens`` and ``margin`` of a window (see
    `take_long_options`); and for an untrained model ``variant`` ("v1", "v2" or "v2-3mer"), a seed and the sizes of the
    network.
    """
    check_pooling(request.pooling)
    device = read_device(request.device)
    read_dtype(request.dtype, device, request.name)
    request, asked = take_long_options(request)
    model, tokenizer, spec = _make_untrained(request) if request.is_untrained else _make_trained(request)
    most = _max_tokens(model.shape)
    spec, plan = plan_by_tokens(spec, asked, DEFAULT_WINDOWS, max_tokens=most, n_special=tokenizer.n_before)
    return FramedEncoder(model, tokenizer, spec, device=device, max_tokens=most, plan=plan)


def read_shape(config: Mapping[str, Any], weights: Mapping[str, Tensor], source: str) -> NucleotideTransformerShape:
    """Shape of the network from config.json and, for the variant, from the keys and shapes of the file.

    Raises
    ------
    InputError
        A size is missing, or the file has no layers of this family.
    """
    needed = (*BASE_SIZES, "vocab_size", "max_position_embeddings")
    missing = [key for key in needed if key not in config]
    keys = {key.removeprefix(PREFIX): tensor for key, tensor in weights.items()}
    layer = "encoder.layer.0."
    missing += [f"{layer}{key} (of the weights)" for key in ("intermediate.dense.weight", "output.dense.weight")
                if layer + key not in keys]  # fmt: skip
    if missing:
        raise InputError(f"{source} lacks {', '.join(missing)}; it is not a Nucleotide Transformer.")
    check_whole_sizes({key: config[key] for key in needed}, source)
    check_numbers({key: config[key] for key in ("layer_norm_eps",) if config.get(key) is not None}, source)
    switches = ("token_dropout", "emb_layer_norm_before")
    check_switches({key: config[key] for key in switches if config.get(key) is not None}, source)
    optional = ("layer_norm_eps", *switches)
    frequencies = f"{layer}attention.self{FREQUENCIES}"
    return NucleotideTransformerShape(
        **{key: config[key] for key in (*needed, *optional) if config.get(key) is not None},
        is_rotary=frequencies in keys or config.get("position_embedding_type") == "rotary",
        is_gated=len(keys[f"{layer}intermediate.dense.weight"]) == 2 * keys[f"{layer}output.dense.weight"].shape[1],
        has_unit_bias=f"{layer}intermediate.dense.bias" in keys,
    )


def _make_trained(
    request: EncoderRequest,
) -> tuple[NucleotideTransformer, NucleotideTransformerTokenizer, EncoderSpec]:
    texts, request = request.take_texts({"accept_license": None})
    request.read_options({})
    if request.source is None:
        raise InputError(
            f"{request.name} needs its published weights: set source to a folder with config.json and "
            "model.safetensors or pytorch_model.bin, or to a hub id such as "
            "InstaDeepAI/nucleotide-transformer-v2-50m-multi-species."
        )
    checkpoint = find_any_checkpoint(request.source, request.revision)
    license_name = _check_license(checkpoint, texts["accept_license"])
    weights = current_names(read_any_weights(checkpoint))
    weights = published_names(weights, embedding=EMBEDDING, prefix=PREFIX)
    shape = read_shape(checkpoint.config, weights, checkpoint.source)
    sizes = {key: getattr(shape, key) for key in (*BASE_SIZES, "vocab_size")}
    check_sizes_in_file(sizes, weights, checkpoint.source)
    tokenizer = NucleotideTransformerTokenizer(_find_variant(shape, checkpoint))
    check_own_tokens(
        checkpoint, tokenizer.vocabulary[: tokenizer.vocabulary_size], request.name,
        "Use the encoder huggingface with tokenizer 'bpe', which reads the list of the checkpoint.",
    )  # fmt: skip
    model = _make_network(shape, request.name)
    weights = _with_frequencies(weights, model)
    fill_strictly(model, weights, prefix=PREFIX, unused=UNUSED_KEYS + (UNUSED_IF_ROTARY if shape.is_rotary else ()))
    return model, tokenizer, _make_spec(request, shape, tokenizer, checkpoint_weights(checkpoint, license_name))


def _make_untrained(
    request: EncoderRequest,
) -> tuple[NucleotideTransformer, NucleotideTransformerTokenizer, EncoderSpec]:
    check_no_checkpoint(request)
    texts, request = request.take_texts(
        {"variant": "v2", "accept_license": None}
    )  # an arm and its control share options
    options = request.read_options({"seed": 0} | BASE_SIZES)
    tokenizer = NucleotideTransformerTokenizer(str(texts["variant"]))
    sizes: dict[str, Any] = {key: options[key] for key in BASE_SIZES}
    is_v2 = texts["variant"] != "v1"
    shape = NucleotideTransformerShape(
        **sizes,
        vocab_size=tokenizer.vocabulary_size,
        max_position_embeddings=_POSITIONS[str(texts["variant"])],
        is_rotary=is_v2,
        is_gated=is_v2,
        has_unit_bias=not is_v2,
        token_dropout=not is_v2,
    )
    model = _make_network(shape, request.name)
    draw_weights(model, options["seed"])
    return model, tokenizer, _make_spec(request, shape, tokenizer, random_weights(model), seed=options["seed"])


def _with_frequencies(weights: Mapping[str, Tensor], model: NucleotideTransformer) -> dict[str, Tensor]:
    """Weights with the frequencies of every layer: one stored for all, or those of the formula where none is stored."""
    found = dict(weights)
    shared = found.pop(PREFIX + SHARED_FREQUENCIES, None)
    if shared is None and any(key.endswith(FREQUENCIES) for key in found):
        return found
    own = {PREFIX + key: tensor for key, tensor in model.state_dict().items() if key.endswith(FREQUENCIES)}
    return found | (own if shared is None else dict.fromkeys(own, shared))


def _check_license(checkpoint: Checkpoint, accepted: str | None) -> str:
    """Licence of the weights; those that are the published ones must have been accepted."""
    sizes = (checkpoint.config.get("hidden_size"), checkpoint.config.get("num_hidden_layers"))
    if checkpoint.revision is None and all(sizes != published for published in _PUBLISHED_SIZES):
        return AT_SOURCE
    check_acceptance(accepted, license_name=NON_COMMERCIAL, source=checkpoint.source)
    return f"{NON_COMMERCIAL} (accepted by the user)"


def _make_network(shape: NucleotideTransformerShape, name: str) -> NucleotideTransformer:
    sizes = {key: getattr(shape, key) for key in BASE_SIZES}
    multiple = shape.num_attention_heads * (2 if shape.is_rotary else 1)
    if min(sizes.values()) < 1 or shape.hidden_size % multiple:
        raise InputError(
            f"The sizes of {name} must be positive, and hidden_size a multiple of num_attention_heads (of twice as "
            f"many for v2); got {sizes}."
        )
    check_transformer_memory(sizes, name)
    with torch.random.fork_rng(devices=[]):  # torch draws weights first, which must not move the caller's stream
        return NucleotideTransformer(shape)


def _find_variant(shape: NucleotideTransformerShape, checkpoint: Checkpoint) -> str:
    if shape.vocab_size not in _VARIANT_OF_ROWS:
        raise InputError(
            f"The vocabulary of Nucleotide Transformer has {', '.join(map(str, _VARIANT_OF_ROWS))} tokens; that of "
            f"{checkpoint.source} has {shape.vocab_size}. It belongs to another tokenizer."
        )
    return _VARIANT_OF_ROWS[shape.vocab_size]


def _max_tokens(shape: NucleotideTransformerShape) -> int:
    return shape.max_position_embeddings - N_POSITIONS_BESIDE_TOKENS


def _make_spec(
    request: EncoderRequest,
    shape: NucleotideTransformerShape,
    tokenizer: NucleotideTransformerTokenizer,
    weights: Mapping[str, Any],
    **more: object,
) -> EncoderSpec:
    return make_spec(
        request,
        weights,
        asdict(shape) | more,
        n_layers=shape.num_hidden_layers,
        family="Nucleotide Transformer",
        hidden_dim=shape.hidden_size,
        tokenizer_version=tokenizer.version,
        min_bp=1,
        max_bp=tokenizer.k * (_max_tokens(shape) - tokenizer.n_before),
    )
