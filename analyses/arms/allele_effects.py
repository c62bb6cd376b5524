"""What single alleles, and single bases, do to the gene vectors of one arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from analyses.arms.arm import SequenceArm
    from analyses.progress import Advance
    from encoders.dna.protocol import SequenceEncoder
    from encoders.genome.windows.carried_alleles import CarriedAllele


@dataclass(frozen=True, eq=False)
class AlleleShifts:
    """Moves of gene vectors.

    Attributes
    ----------
    moves : float64 [n_alleles, hidden_dim]
        Gene vector with the allele alone less that of the reference.
    references : float64 [n_genes, hidden_dim]
    n_embedded : int
        Windows that the store lacked.
    """

    moves: np.ndarray
    references: np.ndarray
    n_embedded: int


def find_shifts(arm: SequenceArm, alleles: Sequence[CarriedAllele], progress: Advance) -> AlleleShifts:
    """Moves of every allele; windows that the store lacks are embedded and added to it."""
    from encoders.embedding import embed_missing, read_embeddings

    table = arm.windows()
    sequences = [text for allele in alleles for _, text in allele.changed]
    report = embed_missing(arm.encoder, sequences, arm.store, progress=progress)
    reference = read_embeddings([table.sequences[index] for index in table.reference_index], arm.store)
    vectors = read_embeddings(sequences, arm.store).astype(np.float64)
    reference = reference.astype(np.float64)
    owner = np.repeat(np.arange(len(alleles)), [len(allele.changed) for allele in alleles])
    windows = np.array([window for allele in alleles for window, _ in allele.changed], dtype=np.int64)
    moves = np.zeros((len(alleles), arm.spec.hidden_dim))
    np.add.at(moves, owner, table.weight[windows, None] * (vectors - reference[windows]))
    genes = np.zeros((len(table.gene_ids), arm.spec.hidden_dim))
    np.add.at(genes, table.gene_index, table.weight[:, None] * reference)
    return AlleleShifts(moves, genes, report.n_encoded)


def find_mutant_moves(arm: SequenceArm, window: int, progress: Advance) -> np.ndarray:
    """Moves of the gene vector for A, C, G, T at every place of a window, float64 [4, n_bases, hidden_dim]."""
    from encoders.embedding import embed_missing, read_embeddings
    from encoders.genome.windows.carried_alleles import point_mutants

    table = arm.windows()
    sequence = table.sequences[table.reference_index[window]]
    mutants = list(point_mutants(sequence))
    texts = [sequence, *(text for _, _, text in mutants)]
    embed_missing(arm.encoder, texts, arm.store, progress=progress)
    vectors = read_embeddings(texts, arm.store).astype(np.float64)
    moves = np.zeros((4, len(sequence), arm.spec.hidden_dim))
    places, bases = [place for place, _, _ in mutants], ["ACGT".index(base) for _, base, _ in mutants]
    moves[bases, places] = table.weight[window] * (vectors[1:] - vectors[0])
    return moves


def log_likelihood_ratios(
    encoder: SequenceEncoder, alleles: Sequence[CarriedAllele], arm: SequenceArm, progress: Advance
) -> list[float]:
    """Pseudo-log-likelihood of the windows with each allele alone less that of the reference, in nats.

    Raises
    ------
    InputError
        The encoder is no masked model with its head.
    """
    from encoders.dna.attribution.masked_head import MaskedModel

    model, table = MaskedModel(encoder), arm.windows()
    known: dict[str, float] = {}

    def of(sequence: str) -> float:
        if sequence not in known:
            known[sequence] = model.log_likelihood(sequence) if sequence else 0.0
        return known[sequence]

    ratios = []
    for done, allele in enumerate(alleles, start=1):
        windows = ((text, table.sequences[table.reference_index[window]]) for window, text in allele.changed)
        ratios.append(sum(of(text) - of(reference) for text, reference in windows))
        progress(done, len(alleles))
    return ratios
