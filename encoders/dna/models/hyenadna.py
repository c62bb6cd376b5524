"""HyenaDNA as an encoder (https://arxiv.org/abs/2306.15794): one token per base, up to 1,000,000 of them.

No remote code. The network is causal: a base is described by what lies before it, and the mean over bases sees mostly
one side. ``rc="average"`` reads both sides, at two passes. The published tokenizer pads on the left and appends [SEP];
here padding is on the right, where it changes nothing, and there is no [SEP].
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from encoders.dna.checkpoints.configuration import check_keys, check_numbers, check_whole_sizes
from encoders.dna.checkpoints.files import find_checkpoint
from encoders.dna.checkpoints.filling import check_sizes_in_file, fill_strictly, published_names
from encoders.dna.checkpoints.weights_file import read_weights
from encoders.dna.networks.hyena import SHORT_FILTER
from encoders.dna.networks.hyenadna import HyenaDNA, HyenaDNAShape, make_hyenadna
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.framed_encoder import FramedEncoder
from encoders.dna.token_models.long_sequences import WindowPlan, plan_windows, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers import single_base as base_tokenizer
from encoders.dna.tokenizers.kmer import TokenIds
from encoders.dna.tokenizers.own_tokens import check_single_bases
from encoders.errors import InputError

PREFIX, EMBEDDING = "hyena.backbone.", "embeddings.word_embeddings.weight"
ROWS_MULTIPLE = 8
"""The rows of the embedding are filled up to a multiple of this."""

PUBLISHED_SIZES = {"d_model": 256, "n_layer": 8, "d_inner": 1024, "max_seq_len": 160_002}
"""Of medium-160k; the sizes that an untrained model may change."""

DEFAULT_WINDOWS = WindowPlan(max_tokens=16_384, margin=1024)
"""Windows of sequences beyond the filter's length."""

_OPTIONAL = ("emb_dim", "filter_order", "num_inner_mlps", "layer_norm_epsilon")
_FIXED = {"hyena_order": 2, "short_filter_order": SHORT_FILTER, "use_bias": True}


class HyenaDNATokenizer:
    """One token per base and none beside them; the numbers are those of `encoders.dna.tokenizers.single_base`."""

    min_bp = stride = 1
    n_before = n_after = 0
    pad_id = base_tokenizer.PAD
    version = base_tokenizer.VERSION
    vocabulary_size = base_tokenizer.VOCABULARY_SIZE

    def encode(self, sequence: str) -> TokenIds:
        """Token ids of the bases."""
        return base_tokenizer.encode_bases(sequence)


@register_encoder("hyenadna", f"{UNTRAINED}hyenadna")
def load_hyenadna(request: EncoderRequest) -> FramedEncoder:
    """Builder of the registry.

    Options are ``long="stitch"`` with ``max_tokens`` and ``margin`` of a window (see `take_long_options`), and for an
    untrained model a seed and the sizes of the network.
    """
    check_pooling(request.pooling)
    if request.pooling == "cls":
        raise InputError(f"{request.name} reads bases alone and has no [CLS] token; use pooling 'mean' or 'max'.")
    if request.dtype != "float32":
        raise InputError(
            f"{request.name} computes in float32: its filter and Fourier transforms lose a third of the signal below "
            f"that; got dtype {request.dtype!r}."
        )
    device = read_device(request.device)
    request, asked = take_long_options(request)
    model, spec = _make_untrained(request) if request.is_untrained else _make_trained(request)
    spec, plan = plan_windows(spec, asked, DEFAULT_WINDOWS, n_special=0)
    return FramedEncoder(model, HyenaDNATokenizer(), spec, device=device, plan=plan)


def fill_hyenadna(model: HyenaDNA, weights: Mapping[str, Tensor]) -> None:
    """Fill the network from the tensors of a published file.

    Raises
    ------
    InputError
        A key is missing, unknown or of another shape, or a copy of the frequency of the sines differs from it.
    """
    kept = published_names(weights, embedding=EMBEDDING, prefix=PREFIX)
    for key, original in _declared_ties(model.shape).items():
        copy = kept.pop(key, None)
        if copy is not None and original in kept and not torch.equal(copy, kept[original]):
            raise InputError(
                f"HyenaDNA shares one tensor between {original} and {key}; in this file they differ. It is not a "
                "checkpoint of this model."
            )
    fill_strictly(model, kept, prefix=PREFIX, unused=())


def _declared_ties(shape: HyenaDNAShape) -> dict[str, str]:
    """Keys that a file may leave out because they are copies, and what they are copies of."""
    filters = [f"{PREFIX}layers.{layer}.mixer.filter_fn.implicit_filter." for layer in range(shape.n_layer)]
    sines = range(3, 2 * shape.num_inner_mlps + 2, 2)
    return {f"{name}{sine}.freq": f"{name}1.freq" for name in filters for sine in sines}


def _make_trained(request: EncoderRequest) -> tuple[HyenaDNA, EncoderSpec]:
    request.read_options({})
    if request.source is None:
        raise InputError(
            f"{request.name} needs its published weights: set source to a folder with config.json and "
            "model.safetensors, or to a hub id such as LongSafari/hyenadna-medium-160k-seqlen-hf."
        )
    checkpoint = find_checkpoint(request.source, request.revision)
    check_single_bases(checkpoint, request.name)
    shape = _read_shape(checkpoint.config, checkpoint.source)
    weights = read_weights(checkpoint.weights)
    sizes = {key: size for key, size in asdict(shape).items() if key != "max_seq_len"}
    check_sizes_in_file(sizes, weights, checkpoint.source)
    model = make_hyenadna(shape, seed=0)  # every weight is then replaced
    fill_hyenadna(model, weights)
    return model, _make_spec(request, shape, checkpoint_weights(checkpoint, "BSD-3-Clause"))


def _make_untrained(request: EncoderRequest) -> tuple[HyenaDNA, EncoderSpec]:
    check_no_checkpoint(request)
    options = request.read_options({"seed": 0} | PUBLISHED_SIZES)
    seed = options.pop("seed")
    shape = _make_shape(options | {"vocab_size": base_tokenizer.VOCABULARY_SIZE}, request.name)
    model = make_hyenadna(shape, seed=seed)
    return model, _make_spec(request, shape, random_weights(model), seed=seed)


def _read_shape(config: Mapping[str, Any], source: str) -> HyenaDNAShape:
    """The keys of config.json that shape the network; what this network cannot be is refused."""
    check_keys(config, (*PUBLISHED_SIZES, "vocab_size"), source, "HyenaDNA")
    for key, value in _FIXED.items():
        if config.get(key, value) != value:
            raise InputError(f"HyenaDNA is built for {key} = {value}; {source} has {config[key]!r}.")
    return _make_shape(config, source)


def _make_shape(config: Mapping[str, Any], name: str) -> HyenaDNAShape:
    sizes = {key: config[key] for key in (*PUBLISHED_SIZES, "vocab_size", *_OPTIONAL) if key in config}
    multiple = config.get("pad_vocab_size_multiple", ROWS_MULTIPLE)
    whole = {key: size for key, size in sizes.items() if key != "layer_norm_epsilon"}
    check_whole_sizes(whole | {"pad_vocab_size_multiple": multiple}, name)
    check_numbers({key: sizes[key] for key in ("layer_norm_epsilon",) if key in sizes}, name)
    rows = base_tokenizer.embedding_rows(sizes["vocab_size"], multiple, name)
    return HyenaDNAShape(**sizes | {"vocab_size": rows})


def _make_spec(
    request: EncoderRequest, shape: HyenaDNAShape, weights: Mapping[str, Any], **more: object
) -> EncoderSpec:
    return make_spec(
        request,
        weights,
        asdict(shape) | more,
        n_layers=shape.n_layer + 1,  # the last norm counts as a layer of its own
        family="HyenaDNA",
        hidden_dim=shape.d_model,
        tokenizer_version=base_tokenizer.VERSION,
        min_bp=1,
        max_bp=shape.max_seq_len,
    )
