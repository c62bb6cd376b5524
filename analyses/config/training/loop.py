"""Keys that both kinds of training have: the model that learns, and how its weights are changed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from analyses.config.section import Section

Encoder = Literal["dnabert-3", "dnabert-4", "dnabert-5", "dnabert-6", "dnabert2", "caduceus-ph", "caduceus-ps"]


class ModelConfig(Section):
    """The network: one that exists (source), or one of random weights (sizes)."""

    encoder: Encoder
    """Encoder that learns, by its registered name."""
    source: str | None = None
    """Weights to go on from: a folder or a hub id (read from the cache, else downloaded). Without it they are drawn."""
    revision: str | None = None
    """Commit of a hub checkpoint."""
    sizes: dict[str, int] = Field(default_factory=dict)
    """Sizes of a network of random weights: hidden_size, num_hidden_layers, num_attention_heads, intermediate_size; of
    Caduceus d_model, n_layer, d_state, d_conv, expand. Those not given are the published ones."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """DNABERT: share of values that are left out while it learns; 0.1 as published. It makes two processes differ from
    one, since each draws its own."""

    @model_validator(mode="after")
    def _one_beginning(self) -> ModelConfig:
        if self.source is not None and self.sizes:
            raise ValueError("source has a network of its own sizes: leave sizes out, or source")
        return self


class LoopConfig(Section):
    """How weights are changed, and how often that is looked at."""

    batch_size: int = Field(default=32, ge=1, le=100_000)
    """Sequences of a step, on all processes and devices together."""
    accumulate: int = Field(default=1, ge=1)
    """Parts in which a process reads its share of a step: less memory, the same step."""
    learning_rate: float = Field(default=4e-4, gt=0)
    """Largest learning rate, reached after the warm-up; then it falls to 0 along a line."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of matrices (AdamW); biases, norms and the rates of a state space have none."""
    beta1: float = Field(default=0.9, gt=0, lt=1)
    """AdamW: memory of the gradient."""
    beta2: float = Field(default=0.98, gt=0, lt=1)
    """AdamW: memory of its square."""
    epsilon: float = Field(default=1e-6, gt=0)
    """AdamW: added to the root of the square."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients of a larger norm are scaled down to it; 0 never."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Factors of products: bfloat16, float32, or auto, which is bfloat16 on a GPU that multiplies it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network is."""
    gradient_checkpointing: bool = False
    """Whether layers are computed again for their gradients instead of kept: less memory, about a third more time."""
    log_every: int = Field(default=10, ge=1)
    """Steps between points of the curve."""
