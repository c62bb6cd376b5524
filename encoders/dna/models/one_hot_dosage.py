"""The genotype baseline in the slot of an encoder: what the alleles themselves carry, without any model.

A window is written base by base, four numbers each (A, C, G, T: 1 where the base is that one, an N is none of them),
and the end of a window that is shorter than `window` is zeros. Windows are anchored on the reference, and everything
after the encoder is linear: the mean over haplotypes of these numbers is the dosage of each allele at each base,
divided by the ploidy, and a gene's vector is their mean over its windows. A linear method on it is a linear method on
allele dosages, and whatever a trained encoder adds must show as more than this arm finds.

What it is not: bases at one place of different windows of a gene share a column, and their dosages add up there. Where
single variants must stay apart, let the run's window (and the option ``window``) be as long as the region: then a gene
is one window and each column one allele. An insertion or deletion shifts the bases after it to the end of its window.
The indicators of the distinct windows themselves would need one vector length per gene, which an encoder cannot have,
and would set neighbours apart that share all alleles but one.

The average of both strands is refused: a base is known by its place, and the other strand has it at another place.
"""

from collections.abc import Sequence

import numpy as np

from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.registry import EncoderRequest, register_encoder
from encoders.dna.sequence_check import check_sequences
from encoders.errors import InputError

BASES = "ACGT"
DEFAULT_WINDOW = 510
MAX_WINDOW = 100_000

_NONE = len(BASES)
_CODES = np.full(256, _NONE, dtype=np.int64)
_CODES[np.frombuffer(BASES.encode(), np.uint8)] = np.arange(len(BASES))


class OneHotDosage:
    """Four indicator columns per base of the window, A, C, G, T, from its 5' end.

    Parameters
    ----------
    window : int
        Longest sequence, in base pairs; vectors have four times as many numbers.
    """

    def __init__(self, window: int = DEFAULT_WINDOW) -> None:
        if not 1 <= window <= MAX_WINDOW:
            raise InputError(f"one-hot-dosage needs a window from 1 to {MAX_WINDOW} bp; got {window}.")
        self.spec = EncoderSpec(
            name="one-hot-dosage",
            family="genotype baseline",
            label=f"one-hot dosage {window}",
            hidden_dim=len(BASES) * window,
            tokenizer_version="one-hot-acgt-1",
            min_bp=1,
            max_bp=window,
            options=(("window", str(window)),),
        )

    def embed(self, sequences: Sequence[str]) -> Vectors:
        """Indicators of the bases. See `SequenceEncoder.embed`."""
        vectors = np.zeros((len(sequences), self.spec.hidden_dim), dtype=np.float32)
        for row, bases in zip(vectors, check_sequences(sequences, self.spec), strict=True):
            codes = _CODES[np.frombuffer(bases.encode(), np.uint8)]
            known = np.flatnonzero(codes != _NONE)
            row[len(BASES) * known + codes[known]] = 1
        return vectors


@register_encoder("one-hot-dosage")
def load_one_hot_dosage(request: EncoderRequest) -> OneHotDosage:
    """Builder of the registry; the option is `window`, in base pairs."""
    request.check_no_network()
    return OneHotDosage(**request.read_options({"window": DEFAULT_WINDOW}))
