"""DNABERT 3-6: BERT over overlapping k-mers (https://doi.org/10.1093/bioinformatics/btab083).

The published weights under transformers' own BertModel and our k-mer tokenizer. The padding mask is the correct one:
the authors' code has masked wrongly since 2021, so a padded batch there differs from this, an unpadded one does not.
An unknown k-mer (N) is read as [UNK] and pooled like any other; `encoders.dna.hygiene` bounds how many there may be.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertModel

from encoders.dna.buckets import make_buckets
from encoders.dna.checkpoints import Checkpoint, fill_strictly, find_checkpoint, read_weights
from encoders.dna.hygiene import check_sequences
from encoders.dna.kmer_tokenizer import PAD, KmerTokenizer, TokenIds
from encoders.dna.pooling import check_pooling, pool
from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.registry import UNTRAINED, EncoderRequest, register_encoder
from encoders.errors import InputError

UNUSED_KEYS = ("cls.*", "pooler.*", "embeddings.position_ids")
"""Heads that pretraining or the library stored; the pooler was never trained."""

BASE_SIZES = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
MAX_TOKENS = 512
TOKEN_BUDGET = {"cpu": 1024, "cuda": 65_536}
"""Tokens of a batch, padding included; larger batches only lose time on a CPU."""


class Dnabert:
    """DNABERT as an encoder.

    Parameters
    ----------
    model : BertModel
        Filled, without the pooling layer, returning all hidden states.
    tokenizer : KmerTokenizer
        Of the model's k.
    spec : EncoderSpec
        `layer` counts from the embedding layer, 0.
    device : torch.device
        Where the model goes.
    """

    def __init__(self, model: BertModel, tokenizer: KmerTokenizer, spec: EncoderSpec, device: torch.device) -> None:
        self.model = model.train(False).requires_grad_(False).to(device)
        self.tokenizer = tokenizer
        self.spec = spec
        self._device = device

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Pooled vectors of the layer that the spec names. See `SequenceEncoder.embed`."""
        tokens = [self.tokenizer.encode(bases) for bases in check_sequences(sequences, self.spec)]
        vectors = np.empty((len(tokens), self.spec.hidden_dim), dtype=np.float32)
        for batch in make_buckets([len(ids) for ids in tokens], TOKEN_BUDGET[self._device.type]):
            vectors[batch] = self._forward([tokens[index] for index in batch])
        return vectors

    @torch.inference_mode()
    def _forward(self, tokens: list[TokenIds]) -> Vectors:
        lengths = torch.tensor([len(ids) for ids in tokens])
        input_ids = torch.full((len(tokens), int(lengths.max())), PAD)
        for row, ids in zip(input_ids, tokens, strict=True):
            row[: len(ids)] = torch.from_numpy(ids)
        position = torch.arange(input_ids.shape[1])
        attention_mask = position < lengths[:, None]
        is_base = (position > 0) & (position < lengths[:, None] - 1)
        output = self.model(input_ids.to(self._device), attention_mask.long().to(self._device))
        pooled = pool(output.hidden_states[self.spec.layer], is_base.to(self._device), self.spec.pooling)
        vectors: Vectors = pooled.cpu().numpy()
        return vectors


@register_encoder(*(f"{prefix}dnabert-{k}" for prefix in ("", UNTRAINED) for k in (3, 4, 5, 6)))
def load_dnabert(request: EncoderRequest) -> Dnabert:
    """Builder of the registry; untrained models take a seed and the sizes of the network as options."""
    check_pooling(request.pooling)
    if request.dtype != "float32":
        raise InputError(f"{request.name} computes in float32; got dtype {request.dtype!r}.")
    device = _read_device(request.device)
    tokenizer = KmerTokenizer(int(request.name[-1]))
    made = _make_untrained(request, tokenizer) if request.is_untrained else _make_trained(request, tokenizer)
    return Dnabert(made[0], tokenizer, made[1], device)


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
    provenance = {
        "source": checkpoint.source,
        "revision": checkpoint.revision,
        "weights_sha256": checkpoint.weights_sha256,
        "license": "Apache-2.0",
    }
    return model, _make_spec(request, config, tokenizer, provenance)


def _make_untrained(request: EncoderRequest, tokenizer: KmerTokenizer) -> tuple[BertModel, EncoderSpec]:
    if request.source is not None or request.revision is not None:
        raise InputError(f"{request.name} has random weights, so source and revision must not be set.")
    options = request.read_options({"seed": 0} | BASE_SIZES)
    seed = options.pop("seed")
    config = _make_config(options | {"vocab_size": tokenizer.vocabulary_size}, request.name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    digest = hashlib.sha256()
    for key, parameter in sorted(model.state_dict().items()):
        digest.update(key.encode() + parameter.numpy().tobytes())
    provenance = {"weights_sha256": digest.hexdigest(), "trained": False, "license": "not applicable: random weights"}
    return model, _make_spec(request, config, tokenizer, provenance, seed=str(seed))


def _make_spec(
    request: EncoderRequest, config: BertConfig, tokenizer: KmerTokenizer, provenance: Mapping[str, Any], **more: str
) -> EncoderSpec:
    n_layers = config.num_hidden_layers
    if not -n_layers - 1 <= request.layer <= n_layers:
        raise InputError(f"{request.name} has layers 0 (embedding) to {n_layers}; got layer {request.layer}.")
    layer = request.layer % (n_layers + 1)
    label = request.name.replace(":", " ")
    label += "" if request.pooling == "mean" else f" {request.pooling}"
    label += "" if layer == n_layers else f" layer {layer}"
    shape = {key: str(getattr(config, key)) for key in (*BASE_SIZES, "hidden_act", "layer_norm_eps")}
    return EncoderSpec(
        name=request.name,
        family="DNABERT",
        label=label,
        hidden_dim=config.hidden_size,
        tokenizer_version=tokenizer.version,
        min_bp=tokenizer.k,
        max_bp=config.max_position_embeddings - 2 + tokenizer.k - 1,
        pooling=request.pooling,
        layer=layer,
        options=tuple(sorted((shape | more).items())),
        **provenance,
    )


def _read_architecture(checkpoint: Checkpoint, name: str, tokenizer: KmerTokenizer) -> BertConfig:
    """The few keys of config.json that shape the network; the others are leftovers of generation and fine-tuning."""
    needed = (*BASE_SIZES, "vocab_size")
    missing = [key for key in needed if key not in checkpoint.config]
    if missing:
        raise InputError(f"config.json of {checkpoint.source} lacks {', '.join(missing)}; it is not one of DNABERT.")
    if checkpoint.config["vocab_size"] != tokenizer.vocabulary_size:
        raise InputError(
            f"{name} has a vocabulary of {tokenizer.vocabulary_size}; that of {checkpoint.source} has "
            f"{checkpoint.config['vocab_size']}. Use the encoder of the same k."
        )
    optional = ("hidden_act", "layer_norm_eps", "max_position_embeddings", "type_vocab_size")
    given = {key: checkpoint.config[key] for key in (*needed, *optional) if key in checkpoint.config}
    return _make_config(given, name)


def _make_config(shape: Mapping[str, Any], name: str) -> BertConfig:
    sizes = {key: shape[key] for key in BASE_SIZES}
    if min(sizes.values()) < 1 or sizes["hidden_size"] % sizes["num_attention_heads"]:
        raise InputError(
            f"The sizes of {name} must be positive, and hidden_size a multiple of num_attention_heads; got {sizes}."
        )
    settings = {"max_position_embeddings": MAX_TOKENS, "layer_norm_eps": 1e-12, "pad_token_id": PAD} | dict(shape)
    return BertConfig(**settings, output_hidden_states=True)


def _read_device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.split(":")[0] not in TOKEN_BUDGET or (device != "cpu" and not torch.cuda.is_available()):
        raise InputError(f"device must be 'auto', 'cpu' or, where there is a GPU, 'cuda'; got {device!r}.")
    return torch.device(device)
