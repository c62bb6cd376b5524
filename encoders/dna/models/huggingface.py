"""Any DNA model published in a standard layout of transformers, with a tokenizer named by options; no remote code.

Layouts: BERT, ESM, ModernBERT, Llama, Mistral, GPT-2 (`encoders.dna.networks.transformers_layouts`). Tokenizers, by the
option ``tokenizer``:

``kmer``
    overlapping k-mers (option ``k``), numbered as DNABERT's;
``character``
    bases, numbered as Caduceus';
``vocabulary``
    overlapping k-mers, or bases for ``k: 1``, numbered by vocab.txt of the checkpoint;
``bpe``
    tokenizer.json of the checkpoint (GROVER, GenomeOcean);
``nt-v1``, ``nt-v2``, ``nt-v2-3mer``
    those of Nucleotide Transformer;
``generator``
    the 6-mers of GENERator: the 1 to 5 bases after the last whole 6-mer are not read.

A causal model (Llama, Mistral, GPT-2) describes a base by what lies before it: the mean over tokens is offered, "cls"
is not, as its first token has seen nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoders.dna.checkpoints.configuration import check_transformer_sizes
from encoders.dna.checkpoints.filling import check_sizes_in_file, fill_strictly, published_names
from encoders.dna.checkpoints.licenses import AT_SOURCE
from encoders.dna.checkpoints.shards import find_any_checkpoint, read_any_weights
from encoders.dna.networks.linears import read_dtype
from encoders.dna.networks.transformers_layouts import (
    HEADS,
    LAYOUTS,
    RECOMPUTED,
    LayoutModel,
    computed_buffers,
    current_names,
    find_layout,
    make_config,
    make_network,
)
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.token_models.framed_encoder import FramedEncoder, plan_by_tokens
from encoders.dna.token_models.long_sequences import WindowPlan, take_long_options
from encoders.dna.token_models.pooling import check_pooling
from encoders.dna.token_models.token_encoder import read_device
from encoders.dna.token_models.token_spec import check_no_checkpoint, checkpoint_weights, make_spec, random_weights
from encoders.dna.tokenizers.framed_tokenizer import FramedTokenizer
from encoders.dna.tokenizers.named import TOKENIZER_FILES, TOKENIZERS, make_tokenizer, read_tokenizer
from encoders.errors import InputError

UNTRAINED_SIZES = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 514,
}
DEFAULT_WINDOWS = WindowPlan(max_tokens=1024, margin=64)
"""Windows of long sequences, in tokens."""

_NO_LIMIT = 0
_WORDS = {"tokenizer": None, "layout": None}
_NUMBERS = {"k": 6, "max_tokens": _NO_LIMIT}


@register_encoder("huggingface", f"{UNTRAINED}huggingface")
def load_huggingface(request: EncoderRequest) -> FramedEncoder:
    """Builder of the registry.

    Options are ``tokenizer`` (always), ``k`` of k-mers, ``max_tokens`` where fewer than the network's positions are
    wanted, ``layout`` where config.json does not name one, ``long="stitch"`` with ``max_tokens`` and ``margin`` of a
    window (see `take_long_options`), and for an untrained model a seed and sizes; its ``source`` is then a folder with
    the files of the tokenizer, if that needs any.
    """
    check_pooling(request.pooling)
    device = read_device(request.device)
    read_dtype(request.dtype, device, request.name)
    words, request = request.take_texts(_WORDS)
    if words["tokenizer"] not in TOKENIZERS:
        raise InputError(
            f"{request.name} needs the option tokenizer, one of {', '.join(TOKENIZERS)}; got {words['tokenizer']!r}."
        )
    request, asked = take_long_options(request)
    parts = (_make_untrained if request.is_untrained else _make_trained)(
        request, str(words["tokenizer"]), words["layout"]
    )
    tokenizer, n_special = parts.tokenizer, parts.tokenizer.n_before + parts.tokenizer.n_after
    _check_parts(parts, request)
    spec, plan = plan_by_tokens(
        _make_spec(parts, request), asked, DEFAULT_WINDOWS, max_tokens=parts.max_tokens, n_special=n_special
    )
    return FramedEncoder(parts.model, tokenizer, spec, device=device, max_tokens=parts.max_tokens, plan=plan)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an encoder is made of; `config` is the library's configuration object, `settings` go into the spec."""

    model: LayoutModel
    config: Any
    tokenizer: FramedTokenizer
    layout: str
    max_tokens: int
    settings: Mapping[str, object]
    weights: Mapping[str, Any]
    shown: str


def _make_trained(request: EncoderRequest, tokenizer_name: str, layout_name: str | None) -> _Parts:
    numbers = request.read_options(_NUMBERS)
    if request.source is None:
        raise InputError(
            f"{request.name} needs a checkpoint: set source to a folder with config.json and model.safetensors or "
            "pytorch_model.bin, or to a hub id."
        )
    checkpoint = find_any_checkpoint(request.source, request.revision)
    name = layout_name or str(checkpoint.config.get("model_type"))
    layout = find_layout(name, checkpoint.source)
    config = make_config(layout, checkpoint.config, checkpoint.source)
    tokenizer = read_tokenizer(tokenizer_name, numbers["k"], checkpoint)
    weights = published_names(
        current_names(read_any_weights(checkpoint)), embedding=layout.embedding, prefix=layout.prefix
    )
    sizes = {key: getattr(config, key) for key in ("vocab_size", "hidden_size", "num_hidden_layers")}
    check_sizes_in_file(sizes, weights, checkpoint.source)
    network = make_network(layout, config, checkpoint.source)
    computed = {layout.prefix + key: tensor for key, tensor in computed_buffers(network).items()}
    fill_strictly(network, computed | weights, prefix=layout.prefix, unused=(*HEADS, *RECOMPUTED))
    digest = hashlib.sha256(json.dumps(checkpoint.config, sort_keys=True).encode()).hexdigest()
    settings = numbers | {"layout": name, "config_sha256": digest}
    most = _max_tokens(config, name, numbers["max_tokens"])
    shown, found = Path(checkpoint.source).name, checkpoint_weights(checkpoint, AT_SOURCE)
    return _Parts(LayoutModel(network), config, tokenizer, name, most, settings, found, shown)


def _make_untrained(request: EncoderRequest, tokenizer_name: str, layout_name: str | None) -> _Parts:
    check_no_checkpoint(request, takes_source=True)
    numbers = request.read_options({"seed": 0} | _NUMBERS | UNTRAINED_SIZES)
    folder = Path(request.source or ".").expanduser()
    tokenizer = make_tokenizer(tokenizer_name, numbers["k"], folder / TOKENIZER_FILES.get(tokenizer_name, ""))
    name = layout_name or "bert"
    layout = find_layout(name, request.name)
    config = make_config(layout, _untrained_settings(request, name, numbers, tokenizer), request.name)
    model = LayoutModel(make_network(layout, config, request.name, seed=numbers["seed"]))
    most = _max_tokens(config, name, numbers["max_tokens"])
    shown, drawn = f"untrained {name} {tokenizer_name}", random_weights(model, request.source)
    return _Parts(model, config, tokenizer, name, most, numbers | {"layout": name}, drawn, shown)


def _untrained_settings(
    request: EncoderRequest, layout_name: str, numbers: Mapping[str, int], tokenizer: FramedTokenizer
) -> dict[str, Any]:
    """Contents of the config.json that an untrained network would have."""
    sizes = {key: numbers[key] for key in UNTRAINED_SIZES}
    check_transformer_sizes(sizes, request.name)
    if layout_name in ("llama", "mistral"):
        sizes["num_key_value_heads"] = sizes["num_attention_heads"]
    if layout_name == "gpt2":
        sizes["n_inner"] = sizes.pop("intermediate_size")
    sizes |= {"vocab_size": tokenizer.vocabulary_size, "pad_token_id": tokenizer.pad_id, "mask_token_id": 0}
    return sizes | dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0)


def _max_tokens(config: Any, layout_name: str, wanted: int) -> int:
    """Most tokens that the network has positions for, or fewer if wanted."""
    most = int(config.max_position_embeddings)
    if layout_name == "esm":  # positions are counted from that of padding on
        most -= config.pad_token_id + 1
    return min(most, wanted) if wanted != _NO_LIMIT else most


def _check_parts(parts: _Parts, request: EncoderRequest) -> None:
    """Refuse a tokenizer or setting that this network cannot take."""
    label, tokenizer, config = parts.shown, parts.tokenizer, parts.config
    if LAYOUTS[parts.layout].is_causal and request.pooling == "cls":
        raise InputError(f"The first token of {label} has seen nothing ({parts.layout} is causal); use pooling 'mean'.")
    if parts.layout == "gpt2" and request.dtype != "float32":
        raise InputError(
            f"{label} computes in float32, as the layers of gpt2 are none of torch's; got {request.dtype!r}."
        )
    if tokenizer.vocabulary_size > config.vocab_size:
        raise InputError(
            f"The tokenizer has {tokenizer.vocabulary_size} tokens, the network of {label} {config.vocab_size}. Name "
            "the tokenizer that the model was trained with."
        )
    if parts.layout == "esm" and tokenizer.pad_id != config.pad_token_id:
        raise InputError(
            f"An ESM counts positions from its padding token, {config.pad_token_id}; that of the tokenizer is "
            f"{tokenizer.pad_id}. Name the tokenizer that the model was trained with."
        )
    if parts.max_tokens <= tokenizer.n_before + tokenizer.n_after:
        raise InputError(f"max_tokens of {label} must leave room for a base; got {parts.max_tokens}.")


def _make_spec(parts: _Parts, request: EncoderRequest) -> EncoderSpec:
    tokenizer = parts.tokenizer
    room = parts.max_tokens - tokenizer.n_before - tokenizer.n_after
    return make_spec(
        request,
        parts.weights,
        parts.settings,
        n_layers=parts.config.num_hidden_layers,
        shown=parts.shown,
        family=f"transformers {parts.layout}",
        hidden_dim=parts.config.hidden_size,
        tokenizer_version=tokenizer.version,
        min_bp=tokenizer.min_bp,
        max_bp=room * tokenizer.stride + max(tokenizer.min_bp - tokenizer.stride, 0),
    )
