"""What a pretraining needs before its first step: the parts of a genome, a network, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.errors import InputError
from analyses.results.provenance import file_fingerprint
from analyses.training.workspace import TrainingWorkspace

if TYPE_CHECKING:
    import torch

    from analyses.config.training.pretraining import PretrainingConfig
    from encoders.training.pretraining.genome import Stretches
    from encoders.training.pretraining.learner import Learner
    from encoders.training.pretraining.validation import Validation

LONGEST = {"dnabert2": 2560, "caduceus-ph": 1024, "caduceus-ps": 1024}
"""Bases, where nothing is said; DNABERT reads 510 k-mers at most."""

MOST_KMERS, FEWEST_KMERS = 510, 5
SHORTEST_SHARE = 10
PIECE_TEXT = 1000
"""Bases of the texts that pieces are learnt from."""


@dataclass(frozen=True)
class Prepared:
    """What is trained, on what, and what it is judged by.

    Attributes
    ----------
    learner : Learner
    train, held_out : Stretches
    shortest, longest : int
        Bases of a sequence.
    validation : Validation
    chain_nats : dict of int to float64 array, shape [n_windows]
        Nats of the hidden bases of each held-out sequence by Markov chains, by order.
    tokenizer : Path or None
        The tokenizer.json that the model reads.
    """

    learner: Learner
    train: Stretches
    held_out: Stretches
    shortest: int
    longest: int
    validation: Validation
    chain_nats: dict[int, np.ndarray]
    tokenizer: Path | None

    @property
    def chains(self) -> dict[int, float]:
        """Nats per hidden base of the chains, by order."""
        return {order: float(nats.sum() / self.validation.n_bases) for order, nats in self.chain_nats.items()}

    @property
    def best_order(self) -> int:
        """Order of the chain that tells the hidden bases best."""
        return min(self.chains, key=self.chains.__getitem__)


def decisive_settings(config: PretrainingConfig) -> dict[str, Any]:
    """What decides the weights: settings but for where it runs and what is told of it, and the files."""
    told = config.model_dump(mode="json", exclude={"name", "output", "tracking"})
    for key in ("device", "log_every", "keep", "checkpoint_every", "gradient_checkpointing"):
        del told["training"][key]
    del told["genome"]["reference"]
    files = [file_fingerprint(path) for path in config.genome.reference if path.is_file()]
    return {"kind": "pretraining", "files": files, **told}


def prepare(config: PretrainingConfig, space: TrainingWorkspace) -> Prepared:
    """Genome, tokens, network, hidden places and chains.

    Raises
    ------
    InputError
        Files, sizes, places or lengths do not go together.
    """
    from accelerate import PartialState

    from encoders.genome.reference import Reference
    from encoders.training.pretraining.genome import split_genome
    from encoders.training.pretraining.learner import make_learner
    from encoders.training.pretraining.markov import fit_chains
    from encoders.training.pretraining.validation import Validation

    shortest, longest = _lengths(config)
    genome = config.genome
    train, held_out = split_genome(Reference(genome.reference), genome.train_on, genome.hold_out, shortest)
    source, tokenizer = config.model.source, None
    if config.tokenizer is not None:
        tokenizer = space.folder / "tokenizer.json"
        with PartialState(cpu=training_device(config).type == "cpu").main_process_first():
            if not tokenizer.is_file():
                _learn_pieces(config, train, tokenizer)
        source = str(space.folder)
    is_new = config.model.source is None
    learner = make_learner(
        config.model.encoder,
        source=source,
        revision=config.model.revision,
        sizes=config.model.sizes if is_new else None,
        seed=config.seed,
        dropout=config.model.dropout,
        unit=config.masking.unit,
    )
    if config.model.encoder == "dnabert2" and tokenizer is None:
        tokenizer = learner.tokenizer_file
    orders = sorted(set(config.validation.markov_orders))
    validation = Validation(
        learner,
        held_out,
        n_windows=config.validation.windows,
        length=longest,
        flank=max(orders),
        seed=config.seed,
    )
    if not validation.places:
        raise InputError(
            f"Validation hides spans with {max(orders)} known bases on both sides; held-out sequences of at most "
            f"{longest} bases have no room for one: lengthen window.max_bases, or lower validation.markov_orders."
        )
    fitted = fit_chains(train.texts(max(orders)), orders)
    chains = {chain.order: validation.judge_chain(chain) for chain in fitted}
    return Prepared(learner, train, held_out, shortest, longest, validation, chains, tokenizer)


def _lengths(config: PretrainingConfig) -> tuple[int, int]:
    """Bases of the shortest and the longest sequence."""
    name = config.model.encoder
    if name in LONGEST:
        longest = config.window.max_bases or LONGEST[name]
        return config.window.min_bases or max(2, longest // SHORTEST_SHARE), longest
    k = int(name[-1])
    longest = config.window.max_bases or MOST_KMERS + k - 1
    if longest > MOST_KMERS + k - 1:
        raise InputError(
            f"window.max_bases of {name} must be at most {MOST_KMERS + k - 1}, which are {MOST_KMERS} k-mers; got "
            f"{longest}: lower it."
        )
    shortest = config.window.min_bases or min(FEWEST_KMERS + k - 1, longest)
    if shortest < k:
        raise InputError(f"window.min_bases of {name} must be at least {k}, one k-mer; got {shortest}: raise it.")
    return shortest, longest


def training_device(config: PretrainingConfig) -> torch.device:
    """Where the network is."""
    from encoders.dna.token_models.token_encoder import read_device

    return read_device(config.training.device)


def _learn_pieces(config: PretrainingConfig, train: Stretches, path: Path) -> None:
    from encoders.dna.pieces.learned_bpe import learn_bpe
    from encoders.genome.sequences import reverse_complement
    from encoders.publishing import published_file

    assert config.tokenizer is not None
    rng = np.random.default_rng([config.seed, 2**33])
    n_texts = -(-config.tokenizer.bases // PIECE_TEXT)
    texts = (train.draw(PIECE_TEXT, rng) for _ in range(n_texts))
    both = (
        reverse_complement(text) if number % 2 and config.strands != "forward" else text
        for number, text in enumerate(texts)
    )
    with published_file(path) as unfinished:
        learn_bpe(both, config.tokenizer.vocabulary, unfinished)


def strands_of(config: PretrainingConfig, learner: Learner) -> str:
    """Strands that are read: forward or both."""
    if config.strands == "auto":
        return "forward" if learner.is_equivariant else "both"
    return config.strands
