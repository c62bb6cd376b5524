"""The configuration of `genebrain pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.names import RunName
from analyses.config.section import Section
from analyses.config.sections import TrackingConfig
from analyses.config.training.loop import LoopConfig, ModelConfig


class CorpusConfig(Section):
    """What is read."""

    reference: tuple[Path, ...] = Field(min_length=1)
    """FASTA files, plain or bgzip."""
    train_on: tuple[str, ...] = ()
    """Contigs, or regions as 20:1-5000000, to train on; all of the files if none is named."""
    hold_out: tuple[str, ...] = Field(min_length=1)
    """Contigs or regions that the model is judged on and never trained on."""

    @field_validator("reference", "train_on", "hold_out", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str | Path) else value

    @field_validator("train_on", "hold_out", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: object) -> object:
        several = [value] if type(value) is int else value
        return [str(one) if type(one) is int else one for one in several] if isinstance(several, list) else several


class TokenizerConfig(Section):
    """DNABERT-2 without source: pieces are learnt from the genome by byte-pair encoding."""

    vocabulary: int = Field(default=4096, ge=10)
    """Pieces, special tokens included."""
    bases: int = Field(default=5_000_000, ge=10_000)
    """Bases, drawn from what is trained on, that pieces are learnt from."""


class WindowConfig(Section):
    """Lengths of sequences, in bases."""

    min_bases: int | None = Field(default=None, ge=1)
    """Shortest; if not given 5 tokens of DNABERT, a tenth of the longest of the others."""
    max_bases: int | None = Field(default=None, ge=1)
    """Longest; if not given 510 tokens of DNABERT, 2,560 bases of DNABERT-2, 1,024 of Caduceus."""
    full_share: float = Field(default=0.5, ge=0, le=1)
    """Share of sequences of the greatest length; the lengths of the others are drawn evenly."""


class MaskingConfig(Section):
    """What is hidden: spans of k tokens of overlapping k-mers, single tokens of others."""

    share: float = Field(default=0.15, gt=0, lt=1)
    """Share of tokens that are to be told."""
    last_share: float = Field(default=0.2, gt=0, lt=1)
    """The same in the last part of the training."""
    last_part: float = Field(default=1 / 6, ge=0, le=1)
    """Which fraction of the steps is the last part."""
    unit: Literal["run", "token"] = "run"
    """What is replaced as one by [MASK] (80 %), a random token (10 %) or itself (10 %): a run of tokens, so that none
    of them spells a hidden base out, or each token by itself as in the published code of DNABERT."""


class PretrainingLoopConfig(LoopConfig):
    """How weights are changed, and how often that is looked at."""

    steps: int = Field(ge=1)
    """Changes of the weights."""
    warmup_steps: int | None = Field(default=None, ge=0)
    """Steps of the warm-up; a twentieth of all if not given."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints, from which a training that was ended goes on."""
    keep: int = Field(default=2, ge=1)
    """Checkpoints that are kept until the training is finished."""

    @model_validator(mode="after")
    def _warm_within_steps(self) -> PretrainingLoopConfig:
        if self.warmup_steps is not None and self.warmup_steps > self.steps:
            raise ValueError(f"warmup_steps must be at most steps, {self.steps}; got {self.warmup_steps}")
        return self


class ValidationConfig(Section):
    """How the model is judged on what was held out."""

    every: int = Field(default=500, ge=1)
    """Steps between judgements."""
    windows: int = Field(default=200, ge=1)
    """Sequences, in each of which spans are hidden as far apart as the flanks need."""
    markov_orders: tuple[int, ...] = (0, 1, 3, 5)
    """Orders of the Markov chains, fitted to what is trained on, that tell the same bases."""

    @model_validator(mode="after")
    def _orders_that_can_be_counted(self) -> ValidationConfig:
        if not self.markov_orders or not all(0 <= order <= 10 for order in self.markov_orders):
            raise ValueError("markov_orders must be whole numbers from 0 to 10, one at least")
        return self


class PretrainingConfig(Section):
    """Masked-language pretraining of one encoder."""

    name: RunName
    """Name of the training; that of the file if not given."""
    output: Path
    """Folder of the trained model, which `source:` takes; checkpoints lie beside it until it is finished."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of weights, sequences, lengths and masks."""
    model: ModelConfig
    """The network."""
    genome: CorpusConfig
    """What is read."""
    tokenizer: TokenizerConfig | None = None
    """DNABERT-2 without source: how pieces are learnt."""
    window: WindowConfig = WindowConfig()
    """Lengths of sequences."""
    masking: MaskingConfig = MaskingConfig()
    """What is hidden."""
    strands: Literal["auto", "forward", "both"] = "auto"
    """Whether half of the sequences are read as their reverse complement (both). auto: both, but for caduceus-ps, which
    learns both strands from one."""
    training: PretrainingLoopConfig
    """How weights are changed."""
    validation: ValidationConfig = ValidationConfig()
    """How the model is judged."""
    tracking: TrackingConfig = TrackingConfig()
    """MLflow."""

    @model_validator(mode="after")
    def _pieces_for_dnabert2(self) -> PretrainingConfig:
        learns = self.tokenizer is not None
        if learns and (self.model.encoder != "dnabert2" or self.model.source is not None):
            raise ValueError("tokenizer is for dnabert2 without source; the others have tokens of their own")
        if self.model.encoder == "dnabert2" and self.model.source is None and not learns:
            raise ValueError("dnabert2 without source needs tokenizer: {vocabulary: 4096}")
        return self
