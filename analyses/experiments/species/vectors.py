"""Vectors of orthologs, windowed and weighted as those of the panel, by every arm and the controls beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.arms.arm import SequenceArm, make_sequence_arm
from analyses.arms.grid import BASELINES, missing_twins
from analyses.config.encoder import PRECOMPUTED, EncoderConfig
from analyses.experiments.species.sequences import Orthologs
from analyses.progress import progress_bar
from analyses.results.schema.experiments.orthologs import ArmKind
from encoders.genome.intervals import Interval
from encoders.genome.windows.regions import make_tiles

if TYPE_CHECKING:
    from analyses.run.run import Run

DEFAULT_WINDOW = 510
COMPOSITION = EncoderConfig(name="composition", encoder="kmer-spectrum", options={"k": 1})
"""Shares of A and T against C and G: what is found without any order of bases."""
KMERS = "kmer-spectrum"


@dataclass(frozen=True)
class SpeciesArm:
    """An encoder, and what it is beside the others."""

    arm: SequenceArm
    kind: ArmKind

    @property
    def name(self) -> str:
        """Names the arm in files and tables."""
        return self.arm.name

    @property
    def label(self) -> str:
        """Names the arm in sentences."""
        return "composition" if self.name == COMPOSITION.name else self.arm.spec.label


def window_of(run: Run) -> int:
    """Bases per window."""
    genome = run.config.genome
    return run.config.species.window or (DEFAULT_WINDOW if genome is None else genome.window)


def list_arms(run: Run) -> list[SpeciesArm]:
    """The run's encoders, the k-mer spectrum and composition, and an untrained twin of every trained network."""
    named = [config for config in run.arm_configs if config.encoder != PRECOMPUTED]
    arms = [run.arms[config.name] for config in named]
    found = [SpeciesArm(arm, _kind(arm)) for arm in arms if isinstance(arm, SequenceArm)]
    for config in _controls(named):
        if config.name not in {one.name for one in found}:
            # A run of vectors that were made elsewhere has no windows, and its controls read these sequences alone.
            made = make_sequence_arm(config, run.config.store_root, lambda: run.window_table, window=1)
            found.append(SpeciesArm(made, _kind(made)))
    return found


def _kind(arm: SequenceArm) -> ArmKind:
    if not arm.spec.trained:
        return "untrained"
    return "baseline" if arm.spec.name == KMERS else "encoder"


def _controls(named: list[EncoderConfig]) -> Iterator[EncoderConfig]:
    if not any(config.encoder == KMERS for config in named):
        name, encoder, options = next(one for one in BASELINES if one[1] == KMERS)
        yield EncoderConfig(name=name, encoder=encoder, options=options)
    yield COMPOSITION
    yield from missing_twins(named)


def gene_vectors(one: SpeciesArm, orthologs: Orthologs, window: int) -> list[np.ndarray]:
    """Vector of every gene of every species, float64 [n_genes, hidden_dim] a species; zeros where it lacks the gene.

    Windows are cut from the 5' end and weigh by their lengths, as those of a gene of the panel do; a shorter rest that
    the encoder cannot read weighs nothing.
    """
    from encoders.embedding import embed_missing, read_embeddings

    store, encoder = one.arm.store, one.arm.encoder
    found = []
    for name, own in zip(orthologs.species, orthologs.sequences, strict=True):
        rows = [
            (gene, part) for gene, gene_name in enumerate(orthologs.genes) for part in _cut(own.get(gene_name), window)
        ]
        parts = [part for _, part in rows]
        with progress_bar(f"species: {one.name}, {name}") as advance:
            embed_missing(encoder, parts, store, progress=advance)
        vectors = read_embeddings(parts, store).astype(np.float64)
        weight = np.array([len(part) for part in parts], dtype=np.float64) * vectors.any(axis=1)
        of_gene = np.array([gene for gene, _ in rows])
        total, sums = np.zeros(len(orthologs.genes)), np.zeros((len(orthologs.genes), vectors.shape[1]))
        np.add.at(total, of_gene, weight)
        np.add.at(sums, of_gene, weight[:, np.newaxis] * vectors)
        found.append(sums / np.where(total > 0, total, 1.0)[:, np.newaxis])
    return found


def _cut(bases: str | None, window: int) -> list[str]:
    if bases is None:
        return []
    return [bases[tile.start : tile.end] for tile in make_tiles(Interval("gene", 0, len(bases), "+"), window)]
