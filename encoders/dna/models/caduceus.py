"""Caduceus Ph and PS as encoders (https://arxiv.org/abs/2403.03234): one token per base, no limit of length.

Nothing of mamba_ssm, triton or the authors' code is needed. PS is equivariant by construction: the mean of its two
halves, the second flipped, gives a sequence and its reverse complement one vector at one pass, and is what is pooled.
Ph reads one strand; with ``rc="average"`` it is what the authors call post-hoc conjoining.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from encoders.dna.checkpoints.configuration import (
    check_keys,
    check_memory,
    check_numbers,
    check_switches,
    check_whole_sizes,
)
from encoders.dna.checkpoints.files import Checkpoint, find_checkpoint
from encoders.dna.checkpoints.filling import check_sizes_in_file, fill_strictly, published_names
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.networks.caduceus import CaduceusModel, CaduceusShape
from encoders.dna.networks.linears import read_dtype
from encoders.dna.networks.mamba import MambaSizes
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.long_sequences import WindowPlan, plan_windows, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import TokenEncoder, read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers import single_base as base_tokenizer
from encoders.dna.tokenizers.own_tokens import check_single_bases
from encoders.dna.tokenizers.single_base import complement_ids, encode_bases
from encoders.errors import InputError

PREFIX = "caduceus.backbone."
"""What the published files write before each key of the network."""

EMBEDDINGS = ("embeddings.word_embeddings.weight", "embeddings.word_embeddings.embedding.weight")
"""Key of the embedding of Ph and of PS."""

PUBLISHED_SIZES = {"d_model": 256, "n_layer": 16, "d_state": 16, "d_conv": 4, "expand": 2}
"""Of the models with a context of 131k; the sizes that an untrained model may change."""

DEFAULT_WINDOWS = WindowPlan(max_tokens=32_768, margin=2_048)
"""Windows of long sequences: a quarter of the published context, which costs 2 GB of PS."""

_FIXED = {"rms_norm": True, "bidirectional": True, "bidirectional_strategy": "add", "bidirectional_weight_tie": True}
_FIXED_IN_MIXER = {"conv_bias": True, "bias": False}


class Caduceus(TokenEncoder):
    """Caduceus as an encoder; its tokens are bases, all of which are pooled. Parameters are those of `TokenEncoder`."""

    n_special = (0, 0)
    float32_layers = ("x_proj", "dt_proj")  # they make the step sizes, whose errors a recurrence would add up

    model: CaduceusModel

    def _token_vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = super()._token_vectors(input_ids, attention_mask)
        if not self.model.shape.rcps:
            return hidden
        forward, reverse = hidden.chunk(2, dim=-1)
        return (forward + reverse.flip(-1)) / 2


@register_encoder(*(f"{prefix}caduceus-{kind}" for prefix in ("", UNTRAINED) for kind in ("ph", "ps")))
def load_caduceus(request: EncoderRequest) -> Caduceus:
    """Builder of the registry.

    Options are ``long="stitch"`` with ``max_tokens`` and ``margin`` (see `take_long_options`), and for an untrained
    model a seed and the sizes of the network.
    """
    check_pooling(request.pooling)
    if request.pooling == "cls":
        raise InputError(f"{request.name} reads bases alone and has no [CLS] token; use pooling 'mean' or 'max'.")
    device = read_device(request.device)
    read_dtype(request.dtype, device, request.name)
    request, asked = take_long_options(request)
    model, spec = _make_untrained(request) if request.is_untrained else _make_trained(request)
    spec, plan = plan_windows(spec, asked, DEFAULT_WINDOWS, n_special=0)
    return Caduceus(model, encode_bases, spec, pad_id=base_tokenizer.PAD, device=device, plan=plan)


def declared_ties(shape: CaduceusShape) -> dict[str, str]:
    """Keys that a file may leave out because they are copies, and what they are copies of."""
    mixer, words, head = "mixer.", "word_embeddings.", "lm_head."
    if shape.rcps:
        mixer, words, head = "mixer.submodule.", "word_embeddings.embedding.", "lm_head.lm_head."
    ties = {f"{head}weight": f"{PREFIX}embeddings.{words}weight"}
    if shape.rcps:
        ties["lm_head.complement_map"] = f"{PREFIX}embeddings.word_embeddings.complement_map"
    for layer in range(shape.n_layer):
        for projection in ("in_proj.weight", "out_proj.weight"):
            module = f"{PREFIX}layers.{layer}.{mixer}"
            ties[f"{module}mamba_rev.{projection}"] = f"{module}mamba_fwd.{projection}"
    return ties


def fill_caduceus(model: CaduceusModel, weights: Mapping[str, Tensor]) -> None:
    """Fill the network from the tensors of a published file.

    Raises
    ------
    InputError
        A key is missing, unknown or of another shape, a copy differs from what it is a copy of, or the complements
        are not those of the tokenizer.
    """
    weights = published_names(weights, embedding=EMBEDDINGS, prefix=PREFIX)
    ties = declared_ties(model.shape)
    for key, original in ties.items():
        if {key, original} <= weights.keys() and not torch.equal(weights[key], weights[original]):
            raise InputError(
                f"Caduceus shares one tensor between {original} and {key}; in this file they differ. It is not a "
                "checkpoint of this model."
            )
    fill_strictly(model, {key: one for key, one in weights.items() if key not in ties}, prefix=PREFIX, unused=())
    if model.shape.rcps and model.complement_map.tolist() != complement_ids(model.shape.vocab_size):
        raise InputError(
            f"The complements of the tokens must be those of A, C, G and T; {PREFIX}embeddings.word_embeddings."
            f"complement_map is {model.complement_map.tolist()}. It belongs to another tokenizer."
        )


def _make_trained(request: EncoderRequest) -> tuple[CaduceusModel, EncoderSpec]:
    request.read_options({})
    if request.source is None:
        raise InputError(
            f"{request.name} needs its published weights: set source to a folder with config.json and "
            f"model.safetensors, or to the hub id kuleshov-group/{request.name}_seqlen-131k_d_model-256_n_layer-16."
        )
    checkpoint = find_checkpoint(request.source, request.revision)
    check_single_bases(checkpoint, request.name)
    shape = _read_shape(checkpoint, request.name)
    weights = read_weights(checkpoint.weights)
    sizes = {"d_model": shape.mixer.d_model, "d_state": shape.mixer.d_state, "d_conv": shape.mixer.d_conv}
    sizes |= {"d_inner": shape.mixer.d_inner, "n_layer": shape.n_layer, "vocab_size": shape.vocab_size}
    check_sizes_in_file(sizes | {"dt_rank": shape.mixer.dt_rank}, weights, checkpoint.source)
    model = _make_model(shape, seed=0)  # every weight is then replaced
    fill_caduceus(model, weights)
    return model, _make_spec(request, shape, checkpoint_weights(checkpoint, "Apache-2.0"))


def _make_untrained(request: EncoderRequest) -> tuple[CaduceusModel, EncoderSpec]:
    check_no_checkpoint(request)
    options = request.read_options({"seed": 0} | PUBLISHED_SIZES)
    vocabulary = {"vocab_size": base_tokenizer.VOCABULARY_SIZE, "pad_vocab_size_multiple": 8}
    rcps = request.name.endswith("ps")
    shape = _make_shape(options | vocabulary | {"rcps": rcps, "fused_add_norm": True}, options, request.name)
    sizes = {key: options[key] for key in PUBLISHED_SIZES}
    check_memory(3 * shape.n_layer * shape.mixer.d_model * shape.mixer.d_inner, sizes, request.name)
    model = _make_model(shape, seed=options["seed"])
    return model, _make_spec(request, shape, random_weights(model), seed=options["seed"])


def _make_model(shape: CaduceusShape, *, seed: int) -> CaduceusModel:
    with torch.random.fork_rng(devices=[]):  # what is drawn must not move the caller's stream
        torch.default_generator.manual_seed(seed)
        return CaduceusModel(shape)


def _make_spec(
    request: EncoderRequest, shape: CaduceusShape, weights: Mapping[str, Any], **more: object
) -> EncoderSpec:
    sizes = asdict(shape)
    return make_spec(
        request,
        weights,
        sizes.pop("mixer") | sizes | more,
        n_layers=shape.n_layer,
        family="Caduceus",
        hidden_dim=shape.mixer.d_model,
        tokenizer_version=base_tokenizer.VERSION,
        min_bp=1,
        rc_mode="equivariant" if shape.rcps else "forward",
    )


def _read_shape(checkpoint: Checkpoint, name: str) -> CaduceusShape:
    """The keys of config.json that shape the network; those that decide its function must be there."""
    config = checkpoint.config
    needed = ("d_model", "n_layer", "vocab_size", "rcps", "fused_add_norm")
    check_keys(config, needed, checkpoint.source, "Caduceus")
    if config["rcps"] != name.endswith("ps"):
        other = "caduceus-ps" if config["rcps"] else "caduceus-ph"
        raise InputError(f"The weights of {checkpoint.source} are those of {other}; {name} was asked for.")
    check_switches({key: config[key] for key in ("rcps", "fused_add_norm")}, checkpoint.source)
    mixer = config.get("ssm_cfg") or {}
    if not isinstance(mixer, dict):
        raise InputError(f"ssm_cfg in config.json of {checkpoint.source} must hold settings by name; got {mixer!r}.")
    for given, fixed in ((config, _FIXED), (mixer, _FIXED_IN_MIXER)):
        for key, value in fixed.items():
            if given.get(key, value) != value:
                raise InputError(f"{name} is built for {key} = {value}; {checkpoint.source} has {given[key]!r}.")
    return _make_shape(config, mixer, name)


def _make_shape(config: Mapping[str, Any], mixer: Mapping[str, Any], name: str) -> CaduceusShape:
    """Shape of the network from the authors' names of its sizes; those of the mixer default to theirs."""
    sizes = {key: mixer.get(key, PUBLISHED_SIZES[key]) for key in ("d_state", "d_conv", "expand")}
    sizes |= {key: config[key] for key in ("d_model", "n_layer", "vocab_size")}
    sizes |= {"pad_vocab_size_multiple": config.get("pad_vocab_size_multiple", 8)}
    if mixer.get("dt_rank", "auto") != "auto":
        sizes["dt_rank"] = mixer["dt_rank"]
    check_whole_sizes(sizes, name)
    check_numbers({"norm_epsilon": config.get("norm_epsilon", 1e-5)}, name)
    return CaduceusShape(
        n_layer=sizes["n_layer"],
        vocab_size=base_tokenizer.embedding_rows(sizes["vocab_size"], sizes["pad_vocab_size_multiple"], name),
        mixer=MambaSizes(
            d_model=sizes["d_model"],
            d_inner=sizes["expand"] * sizes["d_model"],
            d_state=sizes["d_state"],
            d_conv=sizes["d_conv"],
            dt_rank=sizes.get("dt_rank", math.ceil(sizes["d_model"] / 16)),
        ),
        norm_epsilon=float(config.get("norm_epsilon", 1e-5)),
        rcps=config["rcps"],
        fused_add_norm=config["fused_add_norm"],
    )
