"""Networks of the library transformers that DNA models are published in, and how their files name the weights.

The library's own classes are built from config.json; code beside a checkpoint is never run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from encoders.errors import InputError

HEADS = ("cls.*", "lm_head.*", "head.*", "decoder.*", "classifier.*", "score.*", "pooler.*", "contact_head.*")
"""Heads of pretraining or fine-tuning; a pooler was never trained for a mean over tokens."""

RECOMPUTED = ("*position_ids", "*token_type_ids", "*inv_freq", "h.*.attn.bias", "h.*.attn.masked_bias")
"""Buffers that the library once stored and now computes from config.json."""

_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""Of BERT's first files; the library still writes them for ESM."""

_NOT_OF_THE_NETWORK = ("architectures", "auto_map", "torch_dtype", "dtype", "_name_or_path", "transformers_version",
                       "attn_implementation", "_attn_implementation", "use_cache")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """One network of the library.

    Attributes
    ----------
    config_class, model_class : str
        Names in the library.
    prefix : str
        What files with a head write before each key.
    embedding : str
        Key of its embedding.
    is_causal : bool
        Whether a token sees only those before it.
    has_pooler : bool
        Whether the library adds a pooler unless told not to.
    """

    config_class: str
    model_class: str
    prefix: str
    embedding: str
    is_causal: bool = False
    has_pooler: bool = False


_WORDS = "embeddings.word_embeddings.weight"
LAYOUTS = {
    "bert": Layout("BertConfig", "BertModel", "bert.", _WORDS, has_pooler=True),
    "esm": Layout("EsmConfig", "EsmModel", "esm.", _WORDS, has_pooler=True),
    "modernbert": Layout("ModernBertConfig", "ModernBertModel", "model.", "embeddings.tok_embeddings.weight"),
    "llama": Layout("LlamaConfig", "LlamaModel", "model.", "embed_tokens.weight", is_causal=True),
    "mistral": Layout("MistralConfig", "MistralModel", "model.", "embed_tokens.weight", is_causal=True),
    "gpt2": Layout("GPT2Config", "GPT2Model", "transformer.", "wte.weight", is_causal=True),
}
"""By `model_type` of config.json."""


class LayoutOutput(NamedTuple):
    """Token vectors, shape (n_sequences, n_tokens, hidden_size): of the last layer; of embeddings and every layer."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]


class LayoutModel(nn.Module):
    """A network of the library behind the two names that every token encoder has."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> LayoutOutput:
        """Token vectors of all layers; padding, 0 in the mask, on the right where the network is causal."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        output = self.network(input_ids=input_ids, attention_mask=mask, output_hidden_states=True)
        return LayoutOutput(output.last_hidden_state, (*output.hidden_states[:-1], output.last_hidden_state))


def find_layout(name: str, source: str) -> Layout:
    """Layout of a name.

    Raises
    ------
    InputError
        There is none of this name.
    """
    if name not in LAYOUTS:
        raise InputError(
            f"The encoder huggingface reads the layouts {', '.join(LAYOUTS)}; {source} is of {name!r}. Name the one "
            "that fits by the option layout, or use the encoder made for this model."
        )
    return LAYOUTS[name]


def make_config(layout: Layout, settings: Mapping[str, Any], source: str) -> Any:
    """Configuration object of the library.

    Raises
    ------
    InputError
        The library cannot read the settings, or they ask for quantized weights.
    """
    import transformers
    from huggingface_hub.errors import StrictDataclassError

    if settings.get("quantization_config") is not None:
        raise InputError(f"{source} holds quantized weights, which are not read; use the published full weights.")
    kept = {key: value for key, value in settings.items() if key not in _NOT_OF_THE_NETWORK}
    try:
        config = getattr(transformers, layout.config_class)(**kept, use_cache=False)
    except (TypeError, ValueError, KeyError, AttributeError, StrictDataclassError) as error:
        raise InputError(f"config.json of {source} is not one of {layout.config_class} ({error}).") from error
    config._attn_implementation = "sdpa"
    return config


def make_network(layout: Layout, config: Any, source: str, *, seed: int = 0) -> nn.Module:
    """Network with random weights of a seed; the caller's stream of random numbers does not move.

    Raises
    ------
    InputError
        Sizes of the configuration do not go together.
    """
    import transformers

    options = {"add_pooling_layer": False} if layout.has_pooler else {}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        try:
            network: nn.Module = getattr(transformers, layout.model_class)(config, **options)
        except (TypeError, ValueError, RuntimeError, AttributeError, ZeroDivisionError) as error:
            raise InputError(f"The sizes in config.json of {source} do not go together ({error}).") from error
    if hasattr(network, "contact_head"):  # ESM's head for protein contacts, which a file may lack
        del network.contact_head
    return network.float()


def computed_buffers(network: nn.Module) -> dict[str, Tensor]:
    """Buffers that a file may leave out, as the library computes them from the configuration."""
    return {
        key: tensor
        for key, tensor in network.state_dict().items()
        if any(fnmatch(key, pattern) for pattern in RECOMPUTED)
    }


def current_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights in row-major order under the names of today: the gamma and beta of old norms are weight and bias."""
    renamed = {}
    for key, tensor in weights.items():
        for old, new in _OLD_NAMES.items():
            key = key.removesuffix(old) + new if key.endswith(old) else key
        if key in renamed:
            raise InputError(f"Every key must be known; a file of weights has {key} twice, by an old name and its new.")
        renamed[key] = tensor.contiguous()
    return renamed
