"""Parts of ``experiments/tokens.json``: pieces of tokenizers beside shuffled sequence, codons, frames, motifs."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.results.schema.experiments.trials import Metrics, Tables, Trial, cells, long_tables
from analyses.results.serialisation import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceLength:
    """Pieces of ``length`` bases: how many there are, how many in shuffled sequence, and the share of G and C in them
    (None where there are none)."""

    length: int
    n: int
    expected: float
    gc: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceCount:
    """One piece beside shuffled sequence.

    Attributes
    ----------
    piece : str
        Its bases.
    n : int
    expected : float
        Mean of the shuffles.
    z : float
        Difference over its spread.
    p, p_fwer : float
        Two-sided; corrected over all pieces of the tokenizer by max-T.
    gc : float
        Share of G and C.
    motifs : tuple of str
        Motifs whose matches cover at least half of the places where it stands.
    """

    piece: str
    n: int
    expected: float
    z: float
    p: float
    p_fwer: float
    gc: float
    motifs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerPieces:
    """What one tokenizer makes of the panel.

    Attributes
    ----------
    name, label : str
    reason : str or None
        Why it has no pieces; nothing else is defined then.
    n_pieces, n_distinct, n_vocabulary : int
        Pieces, different ones, and those that it knows.
    mean_length, expected_length : float
        Bases a piece, and in shuffled sequence.
    gc : float
        Share of G and C in its pieces, each counted once a place.
    n_frequent, n_rare : int
        Pieces more frequent and less frequent than in shuffled sequence, p_fwer < .05.
    lengths : tuple of PieceLength
    pieces : tuple of PieceCount
        Those that differ most; all of them lie in ``experiments/tokens_pieces__NAME.csv``.
    """

    name: str
    label: str
    reason: str | None
    n_pieces: int
    n_distinct: int
    n_vocabulary: int
    mean_length: float
    expected_length: float
    gc: float
    n_frequent: int
    n_rare: int
    lengths: tuple[PieceLength, ...]
    pieces: tuple[PieceCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodonCuts:
    """How often boundaries of pieces cut codons.

    Attributes
    ----------
    tokenizer : str
    gene : str or None
        None of the whole panel.
    n_boundaries, n_cut : int
        Between two bases of one coding sequence.
    share, expected : float
        Of boundaries within a codon; in shuffled sequence.
    null : (low, high)
        2.5 and 97.5 % points of the shuffles.
    p, p_fwer : float
        Two-sided; corrected over tokenizers, for genes over genes and tokenizers, by max-T.
    """

    tokenizer: str
    gene: str | None
    n_boundaries: int
    n_cut: int
    share: float
    expected: float
    null: Interval
    p: float
    p_fwer: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShift:
    """What reading in frame does to a gene's vector.

    Attributes
    ----------
    arm, arm_label, gene : str
    n_windows : int
        Windows with coding bases.
    in_frame : float
        Cosine of the gene's vector and that of the windows read from their first codon on.
    shifted : (float, float)
        The same for all windows read 1 and 2 bases later: what any move of the grid does.
    """

    arm: str
    arm_label: str
    gene: str
    n_windows: int
    in_frame: float
    shifted: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotifMatches:
    """Places of the panel that match a motif on either strand.

    Attributes
    ----------
    motif_id, name : str
    width : int
        Bases.
    reason : str or None
        Why nothing matches by definition: even its best word is more frequent than the threshold allows.
    n : int
    expected, z : float
        Mean of the shuffles; difference over its spread.
    p, p_fwer : float
        Two-sided; corrected over all motifs by max-T.
    """

    motif_id: str
    name: str
    width: int
    reason: str | None
    n: int
    expected: float
    z: float
    p: float
    p_fwer: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensResult:
    """``experiments/tokens.json``.

    Attributes
    ----------
    n_windows, n_bases : int
        Reference windows of the panel.
    n_shuffles : int
        Of every window, behind each p.
    bpe : str
        Where byte-pair encoding comes from, or why there is none.
    tokenizers : tuple of TokenizerPieces
    cuts : tuple of CodonCuts
        Of the panel, then gene by gene.
    cuts_reason : str or None
        Why codons are not defined.
    frames : tuple of FrameShift
    frames_reason : str or None
    motifs : tuple of MotifMatches
        The smallest p first.
    motifs_reason : str or None
    motif_p : float
    """

    n_windows: int
    n_bases: int
    n_shuffles: int
    bpe: str
    tokenizers: tuple[TokenizerPieces, ...]
    cuts: tuple[CodonCuts, ...]
    cuts_reason: str | None
    frames: tuple[FrameShift, ...]
    frames_reason: str | None
    motifs: tuple[MotifMatches, ...]
    motifs_reason: str | None
    motif_p: float
    answer: tuple[str, ...]
    metrics: Metrics
    trials: tuple[Trial, ...]

    @property
    def tables(self) -> Tables:
        """One row a tokenizer, a piece of those that differ most, a gene whose codons are cut or frame moved."""
        return long_tables(
            tokenizers=[cells(one) for one in self.tokenizers],
            pieces=[cells(part, tokenizer=one.name) for one in self.tokenizers for part in one.pieces],
            codon_cuts=[cells(one) for one in self.cuts],
            frames=[cells(one) | {"shifted_1": one.shifted[0], "shifted_2": one.shifted[1]} for one in self.frames],
            motifs=[cells(one) for one in self.motifs],
        )
