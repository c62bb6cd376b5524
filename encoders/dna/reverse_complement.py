"""One vector for both strands, for any encoder."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from encoders.dna.protocol import SequenceEncoder, Vectors
from encoders.dna.sequence_check import check_sequences
from encoders.errors import InputError
from encoders.genome.sequences import reverse_complement


def canonical_strand(sequence: str) -> str:
    """The strand that stands for both: the first in alphabetical order.

    Examples
    --------
    >>> from encoders.dna.reverse_complement import canonical_strand
    >>> canonical_strand("TTTG"), canonical_strand("CAAA")
    ('CAAA', 'CAAA')
    """
    return min(sequence, reverse_complement(sequence))


class ReverseComplementAverage:
    """Mean of the pooled vectors of both strands; an encoder made from an encoder.

    Both are computed for the canonical strand, so a sequence and its reverse complement have the same vector to the
    last bit, at two forward passes for the pair.

    Parameters
    ----------
    encoder : SequenceEncoder
        Any encoder but one that averages already.
    """

    def __init__(self, encoder: SequenceEncoder) -> None:
        if encoder.spec.rc_mode == "average":
            raise InputError(f"{encoder.spec.label} averages both strands already; wrap the encoder under it.")
        self.encoder = encoder
        self.spec = replace(encoder.spec, label=f"{encoder.spec.label} rc-avg", rc_mode="average")

    def __getattr__(self, name: str) -> Any:
        """What else the encoder under it offers, such as the network `model`."""
        if name == "encoder":  # not there yet while a copy is being made
            raise AttributeError(name)
        return getattr(self.encoder, name)

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Mean over both strands. See `SequenceEncoder.embed`."""
        # Checked before the strands are sorted, so that an error names the caller's index.
        cleaned = check_sequences(sequences, self.spec, warn=False)
        strands = [canonical_strand(bases) for bases in cleaned]
        distinct = list(dict.fromkeys(strands))
        forward = self.encoder.embed(distinct)
        backward = self.encoder.embed([reverse_complement(bases) for bases in distinct])
        row_of = {bases: row for row, bases in enumerate(distinct)}
        rows = np.array([row_of[bases] for bases in strands], dtype=np.intp)
        averaged: Vectors = ((forward + backward) / np.float32(2))[rows]
        return averaged
