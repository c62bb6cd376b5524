"""Does an encoder say the same of a gene whichever strand it reads?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from encoders.dna.protocol import SequenceEncoder
    from encoders.genome.windows.haplotype_windows import WindowTable

#: Windows of a gene that are read: the heaviest. Every window costs two passes, and a few show what there is to see.
WINDOWS_PER_GENE = 4


@dataclass(frozen=True, slots=True)
class GeneStrands:
    """Both strands of one gene's reference sequence.

    Attributes
    ----------
    gene_id : str
    n_windows : int
        Windows read.
    cosine : float
        Of the two gene vectors.
    relative_l2 : float
        Norm of their difference over the norm of their mean.
    """

    gene_id: str
    n_windows: int
    cosine: float
    relative_l2: float


def measure_rc_consistency(encoder: SequenceEncoder, table: WindowTable) -> list[GeneStrands]:
    """Compare the vectors of each gene's reference sequence and of its reverse complement.

    Both strands are handed to the encoder as they are, also where it promises to read both as one: it is measured.

    Returns
    -------
    list of GeneStrands
        One per gene with a readable window.
    """
    from encoders.genome.sequences import reverse_complement

    chosen = [_heaviest_windows(encoder, table, gene) for gene in range(len(table.gene_ids))]
    sequences = [table.sequences[table.reference_index[window]] for windows in chosen for window in windows]
    forward = _embed(encoder, sequences)
    reverse = _embed(encoder, [reverse_complement(sequence) for sequence in sequences])
    rows, first = [], 0
    for gene_id, windows in zip(table.gene_ids, chosen, strict=True):
        weights = table.weight[windows]
        inside = slice(first, first := first + len(windows))
        if len(windows):
            pair = weights @ forward[inside].astype(np.float64), weights @ reverse[inside].astype(np.float64)
            rows.append(GeneStrands(gene_id, len(windows), *_compare(*pair)))
    return rows


def _heaviest_windows(encoder: SequenceEncoder, table: WindowTable, gene: int) -> np.ndarray:
    from encoders.dna.sequence_check import REFUSE_ABOVE, unknown_fraction

    least = encoder.spec.min_bp
    windows = np.flatnonzero(table.gene_index == gene)
    bases = [table.sequences[table.reference_index[window]] for window in windows]
    readable = np.array([unknown_fraction(text, least) <= REFUSE_ABOVE for text in bases], dtype=bool)
    windows = windows[readable]
    heaviest: np.ndarray = windows[np.argsort(-table.weight[windows], kind="stable")[:WINDOWS_PER_GENE]]
    return heaviest


def _embed(encoder: SequenceEncoder, sequences: Sequence[str]) -> np.ndarray:
    """One by one, so that a vector cannot depend on its neighbours in a batch."""
    return np.concatenate([encoder.embed([sequence]) for sequence in sequences])


def _compare(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Cosine and relative difference."""
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    mean = float(np.linalg.norm(a + b)) / 2
    cosine = float(a @ b) / scale if scale else 1.0
    return cosine, float(np.linalg.norm(a - b)) / mean if mean else 0.0
