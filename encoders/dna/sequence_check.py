"""What every sequence passes before any encoder reads it.

Letters are upper-cased and U becomes T. An ambiguity code other than N (R, Y, ...) becomes N: no model was trained
on it. A k-mer with an N in it cannot be read: above 5 % of such k-mers the caller is warned, above 50 % there is
no vector, because it would describe the gap and not the sequence.
"""

import re
import warnings
from collections.abc import Sequence

import numpy as np

from encoders.dna.protocol import EncoderSpec
from encoders.errors import InputError
from encoders.genome.sequences import clean_sequence

WARN_ABOVE = 0.05
REFUSE_ABOVE = 0.5

_AMBIGUOUS = re.compile("[^ACGTN]")


def read_bases(sequence: str) -> tuple[str, int]:
    """Sequence in the letters ACGTN, and how many ambiguity codes became N.

    Examples
    --------
    >>> from encoders.dna.sequence_check import read_bases
    >>> read_bases("acguRN")
    ('ACGTNN', 1)
    """
    return _AMBIGUOUS.subn("N", clean_sequence(sequence))


def unknown_fraction(bases: str, unit: int) -> float:
    """Fraction of the overlapping k-mers of length `unit` that hold an N; 1 where there is no k-mer at all.

    Examples
    --------
    >>> from encoders.dna.sequence_check import unknown_fraction
    >>> unknown_fraction("ACGTNACG", 3)
    0.5
    """
    n_units = len(bases) - unit + 1
    if n_units < 1:
        return 1.0
    if "N" not in bases:
        return 0.0
    is_unknown = np.frombuffer(bases.encode(), np.uint8) == ord("N")
    before = np.concatenate([[0], np.cumsum(is_unknown)])
    return float(np.mean(before[unit:] > before[:n_units]))


def check_sequences(sequences: Sequence[str], spec: EncoderSpec, *, warn: bool = True) -> list[str]:
    """Sequences in the letters ACGTN, each of them one that the encoder can read.

    Parameters
    ----------
    sequences : sequence of str
        DNA or RNA, any case.
    spec : EncoderSpec
        Gives the limits `min_bp` and `max_bp`; `min_bp` is the length of a k-mer.
    warn : bool
        Whether to warn of k-mers that cannot be read.

    Raises
    ------
    InputError
        A sequence is too short, too long, holds a letter that is no base, or can mostly not be read; its index is
        named.
    """
    cleaned, fractions = [], []
    for index, sequence in enumerate(sequences):
        bases = _bases_of_length(index, sequence, spec)
        fraction = unknown_fraction(bases, spec.min_bp)
        if fraction > REFUSE_ABOVE:
            raise InputError(
                f"{spec.label} needs at least half of a sequence to be readable; in sequence {index} "
                f"{fraction:.0%} of the {spec.min_bp}-mers hold an N or an ambiguity code. Leave this sequence out."
            )
        cleaned.append(bases)
        fractions.append(fraction)
    if warn:
        _warn_of_unknown(fractions, spec)
    return cleaned


def _bases_of_length(index: int, sequence: str, spec: EncoderSpec) -> str:
    try:
        bases, _ = read_bases(sequence)
    except InputError as error:
        raise InputError(f"Sequence {index}: {error}") from error
    if len(bases) < spec.min_bp:
        raise InputError(
            f"{spec.label} needs sequences of at least {spec.min_bp} bp; sequence {index} has {len(bases)}. "
            "Leave it out or lengthen it."
        )
    if spec.max_bp is not None and len(bases) > spec.max_bp:
        raise InputError(
            f"{spec.label} reads at most {spec.max_bp} bp at once and never truncates; sequence {index} has "
            f"{len(bases)}. Cut it into windows of at most {spec.max_bp} bp."
        )
    return bases


def _warn_of_unknown(fractions: list[float], spec: EncoderSpec) -> None:
    above = [fraction for fraction in fractions if fraction > WARN_ABOVE]
    if above:
        warnings.warn(
            f"{spec.label}: in {len(above)} of {len(fractions)} sequences more than {WARN_ABOVE:.0%} of the "
            f"{spec.min_bp}-mers hold an N or an ambiguity code (at most {max(above):.1%}); they are read as unknown.",
            stacklevel=4,
        )
