"""Does a gene's vector change when its windows are read from their first codon on?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from analyses.arms.arm import SequenceArm
    from analyses.progress import Advance

SHIFTS = (0, 1, 2)


class CodingWindow(Protocol):
    """A window of the reference with the places of its bases within codons."""

    @property
    def index(self) -> int: ...
    @property
    def gene(self) -> int: ...
    @property
    def sequence(self) -> str: ...
    @property
    def places(self) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class GeneFrame:
    """Cosines of a gene's vector with that in frame, and with those 1 and 2 bases later."""

    gene: int
    n_windows: int
    in_frame: float
    shifted: tuple[float, float]


def first_codon(places: np.ndarray) -> int | None:
    """Bases to leave out so that a grid of three that begins there begins codons; None where nothing codes.

    Examples
    --------
    >>> import numpy as np
    >>> first_codon(np.array([-1, 1, 2, 0, 1, 2])), first_codon(np.array([-1, -1, 1, 2, 0]))
    (0, 1)
    """
    begins = np.flatnonzero(places == 0)
    return int(begins[0]) % 3 if len(begins) else None


def compare_frames(arm: SequenceArm, windows: Sequence[CodingWindow], progress: Advance) -> list[GeneFrame]:
    """Gene vectors of the coding windows as they are, in frame, and 1 and 2 bases later.

    Vectors are those of the store, which the missing ones are added to. Each gene's vector is the mean over its coding
    windows, weighted as in the gene view.

    Returns
    -------
    list of GeneFrame
        Genes with a window that codes and that the encoder reads; a vector without length has no cosine, and none is
        listed.
    """
    from encoders.dna.sequence_check import REFUSE_ABOVE, unknown_fraction
    from encoders.embedding import embed_missing, read_embeddings

    least, table = arm.spec.min_bp, arm.windows()
    coding = [
        window
        for window in windows
        if first_codon(window.places) is not None
        and len(window.sequence) - SHIFTS[-1] >= least
        and all(unknown_fraction(window.sequence[shift:], least) <= REFUSE_ABOVE for shift in SHIFTS)
    ]
    if not coding:
        return []
    read = [window.sequence[shift:] for window in coding for shift in SHIFTS]
    embed_missing(arm.encoder, read, arm.store, progress=progress)
    vectors = read_embeddings(read, arm.store).astype(np.float64).reshape(len(coding), len(SHIFTS), -1)
    frame = np.array([first_codon(window.places) for window in coding])
    weight, gene = (np.array(column) for column in zip(*((table.weight[w.index], w.gene) for w in coding), strict=True))
    found = []
    for number in np.unique(gene).tolist():
        rows = np.flatnonzero(gene == number)
        shifts = [np.full(len(rows), 0), frame[rows], np.full(len(rows), 1), np.full(len(rows), 2)]
        as_is, *others = (weight[rows] @ vectors[rows, shift] for shift in shifts)
        cosines = [cosine(as_is, other) for other in others]
        if None not in cosines:
            in_frame, one, two = (float(value or 0.0) for value in cosines)
            found.append(GeneFrame(number, len(rows), in_frame, (one, two)))
    return found


def cosine(a: np.ndarray, b: np.ndarray) -> float | None:
    """Cosine of two vectors, to the last digits where it is near 1; None where one has no length."""
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0:
        return None
    difference = a / lengths[0] - b / lengths[1]
    return 1.0 - float(difference @ difference) / 2
