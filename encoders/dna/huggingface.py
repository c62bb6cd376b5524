"""Any DNA model published in a standard layout of transformers, with a tokenizer named by options; no remote code.

Layouts: BERT, ESM, ModernBERT, Llama, Mistral, GPT-2 (`encoders.dna.transformers_layouts`). Tokenizers, by the option
``tokenizer``:

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
from pathlib import Path
from typing import Any

from encoders.dna.catalog import RANDOM_WEIGHTS
from encoders.dna.checkpoints import Checkpoint, fetch_file, fill_strictly, find_checkpoint, read_weights
from encoders.dna.framed_encoder import FramedEncoder, FramedTokenizer
from encoders.dna.licenses import AT_SOURCE
from encoders.dna.named_tokenizers import (
    GENERATED,
    TOKENIZER_FILES,
    TOKENIZERS,
    generated_vocabulary,
    make_tokenizer,
)
from encoders.dna.pooling import check_pooling
from encoders.dna.protocol import EncoderSpec
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.dna.six_mer_tokenizer import GeneratorTokenizer, NucleotideTransformerTokenizer
from encoders.dna.token_encoder import parameters_sha256, read_device, read_layer
from encoders.dna.transformers_layouts import (
    HEADS,
    LAYOUTS,
    RECOMPUTED,
    LayoutModel,
    current_names,
    find_layout,
    make_config,
    make_network,
)
from encoders.errors import InputError

UNTRAINED_SIZES = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 514,
}
_NO_LIMIT = 0
_WORDS = {"tokenizer": None, "layout": None}
_NUMBERS = {"k": 6, "max_tokens": _NO_LIMIT}


@register_encoder("huggingface", f"{UNTRAINED}huggingface")
def load_huggingface(request: EncoderRequest) -> FramedEncoder:
    """Builder of the registry.

    Options are ``tokenizer`` (always), ``k`` of k-mers, ``max_tokens`` where fewer than the network's positions are
    wanted, ``layout`` where config.json does not name one, and for an untrained model a seed and sizes; its ``source``
    is then a folder with the files of the tokenizer, if that needs any.
    """
    check_pooling(request.pooling)
    if request.dtype != "float32":
        raise InputError(f"{request.name} computes in float32; got dtype {request.dtype!r}.")
    words, request = request.take_texts(_WORDS)
    if words["tokenizer"] not in TOKENIZERS:
        raise InputError(
            f"{request.name} needs the option tokenizer, one of {', '.join(TOKENIZERS)}; got {words['tokenizer']!r}."
        )
    make = _make_untrained if request.is_untrained else _make_trained
    return make(request, str(words["tokenizer"]), words["layout"])


def _make_trained(request: EncoderRequest, tokenizer_name: str, layout_name: str | None) -> FramedEncoder:
    numbers = request.read_options(_NUMBERS)
    if request.source is None:
        raise InputError(
            f"{request.name} needs a checkpoint: set source to a folder with config.json and model.safetensors or "
            "pytorch_model.bin, or to a hub id."
        )
    checkpoint = find_checkpoint(request.source, request.revision)
    name = layout_name or str(checkpoint.config.get("model_type"))
    layout = find_layout(name, checkpoint.source)
    config = make_config(layout, checkpoint.config, checkpoint.source)
    _check_numbering(tokenizer_name, numbers["k"], checkpoint)
    file = _find_file(checkpoint, TOKENIZER_FILES.get(tokenizer_name))
    tokenizer = make_tokenizer(tokenizer_name, numbers["k"], file)
    network = make_network(layout, config, checkpoint.source)
    weights = current_names(read_weights(checkpoint.weights))
    fill_strictly(network, weights, prefix=layout.prefix, unused=(*HEADS, *RECOMPUTED))
    provenance = {
        "source": checkpoint.source,
        "revision": checkpoint.revision,
        "weights_sha256": checkpoint.weights_sha256,
        "license": AT_SOURCE,
        "label": Path(checkpoint.source).name,
    }
    settings = {"layout": name, "config_sha256": _digest(checkpoint.config)}
    return _make_encoder(request, LayoutModel(network), config, tokenizer, numbers | settings, provenance)


def _make_untrained(request: EncoderRequest, tokenizer_name: str, layout_name: str | None) -> FramedEncoder:
    if request.revision is not None:
        raise InputError(f"{request.name} has random weights, so revision must not be set.")
    numbers = request.read_options({"seed": 0} | _NUMBERS | UNTRAINED_SIZES)
    folder = Path(request.source or ".").expanduser()
    tokenizer = make_tokenizer(tokenizer_name, numbers["k"], folder / TOKENIZER_FILES.get(tokenizer_name, ""))
    name = layout_name or "bert"
    layout = find_layout(name, request.name)
    sizes: dict[str, Any] = {key: numbers[key] for key in UNTRAINED_SIZES}
    if min(sizes.values()) < 1 or sizes["hidden_size"] % sizes["num_attention_heads"]:
        raise InputError(
            f"The sizes of {request.name} must be positive, and hidden_size a multiple of num_attention_heads; got "
            f"{sizes}."
        )
    tokens = {"vocab_size": tokenizer.vocabulary_size, "pad_token_id": tokenizer.pad_id, "mask_token_id": 0}
    tokens |= dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0)
    if name in ("llama", "mistral"):
        sizes["num_key_value_heads"] = sizes["num_attention_heads"]
    if name == "gpt2":
        sizes["n_inner"] = sizes.pop("intermediate_size")
    config = make_config(layout, sizes | tokens, request.name)
    model = LayoutModel(make_network(layout, config, request.name, seed=numbers["seed"]))
    provenance = {
        "source": request.source,
        "weights_sha256": parameters_sha256(model),
        "trained": False,
        "license": RANDOM_WEIGHTS,
        "label": f"untrained {name} {tokenizer_name}",
    }
    return _make_encoder(request, model, config, tokenizer, numbers | {"layout": name}, provenance)


def _find_file(checkpoint: Checkpoint, name: str | None) -> Path | None:
    """The file that the tokenizer reads, if it reads one."""
    if name is None:
        return None
    if checkpoint.revision is None:  # a folder
        return checkpoint.weights.parent / name
    return fetch_file(checkpoint.source, (name,), checkpoint.revision)


def _check_numbering(tokenizer_name: str, k: int, checkpoint: Checkpoint) -> None:
    """A list of tokens beside the weights must not contradict the generated one."""
    path = checkpoint.weights.parent / TOKENIZER_FILES["vocabulary"]
    if tokenizer_name not in GENERATED or not path.is_file():
        return
    generated, listed = generated_vocabulary(tokenizer_name, k), path.read_text("utf-8").split()
    if list(generated) != listed[: len(generated)]:
        raise InputError(
            f"The tokenizer {tokenizer_name!r} numbers its tokens otherwise than {path}; use tokenizer 'vocabulary', "
            "which reads that file."
        )


def _digest(config: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _max_tokens(config: Any, layout_name: str, wanted: int) -> int:
    """Most tokens that the network has positions for, or fewer if wanted."""
    most = int(config.max_position_embeddings)
    if layout_name == "esm":  # positions are counted from that of padding on
        most -= config.pad_token_id + 1
    return min(most, wanted) if wanted != _NO_LIMIT else most


def _make_encoder(
    request: EncoderRequest,
    model: LayoutModel,
    config: Any,
    tokenizer: FramedTokenizer,
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> FramedEncoder:
    label, layout_name = provenance["label"], settings["layout"]
    if LAYOUTS[layout_name].is_causal and request.pooling == "cls":
        raise InputError(f"The first token of {label} has seen nothing ({layout_name} is causal); use pooling 'mean'.")
    if tokenizer.vocabulary_size > config.vocab_size:
        raise InputError(
            f"The tokenizer has {tokenizer.vocabulary_size} tokens, the network of {label} {config.vocab_size}. Name "
            "the tokenizer that the model was trained with."
        )
    if layout_name == "esm" and tokenizer.pad_id != config.pad_token_id:
        raise InputError(
            f"An ESM counts positions from its padding token, {config.pad_token_id}; that of the tokenizer is "
            f"{tokenizer.pad_id}. Name the tokenizer that the model was trained with."
        )
    max_tokens = _max_tokens(config, layout_name, settings["max_tokens"])
    room = max_tokens - tokenizer.n_before - tokenizer.n_after
    if room < 1:
        raise InputError(f"max_tokens of {label} must leave room for a base; got {max_tokens}.")
    strides = isinstance(tokenizer, NucleotideTransformerTokenizer | GeneratorTokenizer)
    layer = read_layer(request.layer, config.num_hidden_layers, label)
    label += "" if request.pooling == "mean" else f" {request.pooling}"
    label += "" if layer == config.num_hidden_layers else f" layer {layer}"
    spec = EncoderSpec(
        name=request.name,
        family=f"transformers {layout_name}",
        hidden_dim=config.hidden_size,
        tokenizer_version=tokenizer.version,
        min_bp=1 if isinstance(tokenizer, NucleotideTransformerTokenizer) else tokenizer.k,
        max_bp=room * tokenizer.k if strides else room + tokenizer.k - 1,
        pooling=request.pooling,
        layer=layer,
        options=tuple(sorted((key, str(value)) for key, value in settings.items())),
        **dict(provenance) | {"label": label},
    )
    device = read_device(request.device)
    return FramedEncoder(model, tokenizer, spec, device=device, max_tokens=max_tokens)
