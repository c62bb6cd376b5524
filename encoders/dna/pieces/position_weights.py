"""Known motifs: matrices of a file in JASPAR's format, and where a sequence matches them on either strand.

A place matches where its log-odds reach a threshold whose p is exact: the distribution of scores of random sequence
is summed over all words (Staden 1989; https://doi.org/10.1093/bioinformatics/5.2.89).
"""

# ruff: noqa: F722

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int8

from encoders.damage import refused_if_damaged
from encoders.errors import InputError

BASES = "ACGT"
PSEUDOCOUNT = 0.8
STEPS_PER_BIT = 1000
"""Scores are whole numbers of thousandths of a bit, so that their distribution is a finite sum."""

MAX_WIDTH = 60
_UNREADABLE = -(10**9)
_ROW = re.compile(r"([ACGTacgt]?)\s*\[?((?:\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))*)\s*\]?", re.ASCII)
"""A letter, and counts parted by blanks, in brackets or not."""

_CODES = np.full(256, 4, dtype=np.int8)
_CODES[np.frombuffer(BASES.encode(), np.uint8)] = np.arange(4)

Background = Float64[np.ndarray, " 4"]
Hits = Bool[np.ndarray, "n_sequences _n_places"]
Codes = Int8[np.ndarray, "n_sequences _n_bases"]


@dataclass(frozen=True, slots=True, eq=False)
class PositionWeights:
    """A motif.

    Attributes
    ----------
    motif_id, name : str
    counts : float64 [width, 4]
        How often A, C, G, T stand at each place.
    """

    motif_id: str
    name: str
    counts: Float64[np.ndarray, "width 4"]

    @property
    def width(self) -> int:
        """Bases."""
        return len(self.counts)

    def scores(self, background: Background) -> np.ndarray:
        """Log-odds of each base at each place in thousandths of a bit, int64 [width, 4]."""
        spread = self.counts + PSEUDOCOUNT * background
        odds = spread / spread.sum(axis=1, keepdims=True) / background
        return np.asarray(np.rint(STEPS_PER_BIT * np.log2(odds)), dtype=np.int64)

    def threshold(self, background: Background, p: float) -> int | None:
        """Least score that random sequence of this composition reaches with a probability of at most `p`.

        None where the best word itself is more frequent than that.
        """
        scores = self.scores(background)
        lowest = scores.min(axis=1)
        probability = np.ones(1)
        for row in scores - lowest[:, None]:
            longer = np.zeros(len(probability) + int(row.max()))
            for step, share in zip(row.tolist(), background.tolist(), strict=True):
                longer[step : step + len(probability)] += share * probability
            probability = longer
        above = probability[::-1].cumsum()[::-1]
        allowed = np.flatnonzero(above <= p * (1 + 1e-9))
        allowed = allowed[probability[allowed] > 0]
        return int(allowed[0] + lowest.sum()) if len(allowed) else None

    def hits(self, codes: Codes, background: Background, threshold: int) -> Hits:
        """Where a match begins, on the strand that is read or on the other.

        Places with a letter other than A, C, G, T match nothing.

        Parameters
        ----------
        codes : int8 [n_sequences, n_bases]
            As `base_codes` gives them, of sequences of one length.
        background : float64 [4]
            Shares of A, C, G, T, which `threshold` was computed for.
        threshold : int

        Returns
        -------
        bool [n_sequences, n_bases - width + 1]
        """
        n_places = codes.shape[1] - self.width + 1
        if n_places < 1:
            return np.zeros((len(codes), 0), dtype=bool)
        scores = np.hstack([self.scores(background), np.full((self.width, 1), _UNREADABLE)])
        other = np.hstack([scores[::-1, 3::-1], scores[:, 4:]])
        found = np.zeros((len(codes), n_places), dtype=bool)
        for strand in (scores, other):
            total = np.zeros((len(codes), n_places), dtype=np.int64)
            for place, of_base in enumerate(strand):
                total += of_base[codes[:, place : place + n_places]]
            found |= total >= threshold
        return found


def base_codes(sequences: Sequence[str]) -> Codes:
    """Places of the letters of sequences of one length in ACGT; 4 for any other, int8 [n_sequences, n_bases].

    Examples
    --------
    >>> from encoders.dna.pieces.position_weights import base_codes
    >>> base_codes(["ACGT", "NNTA"]).tolist()
    [[0, 1, 2, 3], [4, 4, 3, 0]]
    """
    letters = np.frombuffer("".join(sequences).encode("ascii"), np.uint8)
    return _CODES[letters].reshape(len(sequences), -1)


def read_jaspar(path: Path) -> tuple[PositionWeights, ...]:
    """Matrices of a file: ``>ID NAME`` and four rows of counts, in the order A, C, G, T, with or without letters.

    Raises
    ------
    InputError
        The file is missing, holds no matrix, or one that is none.
    """
    if not path.is_file():
        raise InputError(f"Motifs need a file in JASPAR's format; there is no {path}.")
    with refused_if_damaged(path, "a text file of motifs"):
        blocks = re.split(r"^>", path.read_text("utf-8"), flags=re.MULTILINE)
    motifs = tuple(_read_block(block, path) for block in blocks[1:])
    if not motifs or blocks[0].strip():
        raise InputError(f"Each motif of {path} must begin with a line >ID NAME; give a file in JASPAR's format.")
    ids = [motif.motif_id for motif in motifs]
    if repeated := next((one for one in ids if ids.count(one) > 1), None):
        raise InputError(f"Motifs of a file must differ in their ids; {path} has {repeated} twice: remove one.")
    return motifs


def _read_block(block: str, path: Path) -> PositionWeights:
    head, *lines = block.splitlines() or [""]
    words = head.split()
    rows = [line for line in lines if line.strip()]
    read = [_ROW.fullmatch(line.strip()) for line in rows]
    if None in read:
        raise InputError(
            f"Rows of a motif are counts from 0, after their letter or without it; {path} has the row "
            f"{rows[read.index(None)].strip()[:60]!r} in {words[0] if words else 'one without an id'}: correct it."
        )
    letters = [row[1].upper() for row in read if row is not None and row[1]]
    values = [row[2].split() for row in read if row is not None]
    widths = {len(row) for row in values}
    if not words or len(values) != 4 or len(widths) != 1 or letters not in ([], list(BASES)):
        raise InputError(
            f"A motif of JASPAR's format is a line >ID NAME and four rows of equal length, A, C, G, T; "
            f"{words[0] if words else 'one without an id'} of {path} has rows of {[len(row) for row in values]}."
        )
    counts = np.array(values, dtype=np.float64).T
    if not 0 < len(counts) <= MAX_WIDTH or not np.isfinite(counts).all() or not (counts.sum(axis=1) > 0).all():
        raise InputError(
            f"A motif has 1 to {MAX_WIDTH} places, each with finite counts that are not all 0; {words[0]} of {path} "
            "has not: correct it."
        )
    return PositionWeights(words[0], words[1] if len(words) > 1 else words[0], counts)
