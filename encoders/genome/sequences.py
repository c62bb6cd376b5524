"""The nucleotide alphabet: cleaning, reverse complement and identity of sequences."""

from hashlib import blake2b

from encoders.errors import InputError

ACGTN = frozenset("ACGTN")
AMBIGUITY = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG",
}  # fmt: skip
"""IUPAC ambiguity codes (N apart) and the bases each stands for, in alphabetical order."""

_ALPHABET = ACGTN | AMBIGUITY.keys()
_COMPLEMENT = str.maketrans("ACGTNRYSWKMBDHV", "TGCANYRSWMKVHDB")


def clean_sequence(sequence: str) -> str:
    """Upper-case DNA with U read as T.

    Raises
    ------
    InputError
        If anything outside A, C, G, T, N and the IUPAC ambiguity codes is left.

    Examples
    --------
    >>> from encoders.genome.sequences import clean_sequence
    >>> clean_sequence("acgun")
    'ACGTN'
    """
    upper = sequence.upper().replace("U", "T")
    if strangers := sorted(set(upper) - _ALPHABET):
        position = min(upper.index(letter) for letter in strangers)
        raise InputError(
            f"A DNA sequence holds only A, C, G, T, N and IUPAC codes; got {strangers[0]!r}"
            f"{f' and {len(strangers) - 1} other letters' if len(strangers) > 1 else ''}, first at position "
            f"{position + 1} of {len(upper)}: remove or replace them with N."
        )
    return upper


def reverse_complement(sequence: str) -> str:
    """Sequence of the other strand, 5' to 3', upper case; IUPAC codes are complemented too.

    Examples
    --------
    >>> from encoders.genome.sequences import reverse_complement
    >>> reverse_complement("AACGR")
    'YCGTT'
    """
    return clean_sequence(sequence).translate(_COMPLEMENT)[::-1]


def sequence_id(sequence: str) -> str:
    """BLAKE2b-128 of the upper-case sequence, 32 hexadecimal digits.

    Examples
    --------
    >>> from encoders.genome.sequences import sequence_id
    >>> sequence_id("acgt") == sequence_id("ACGT")
    True
    """
    return blake2b(sequence.upper().encode("ascii"), digest_size=16).hexdigest()
