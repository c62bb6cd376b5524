"""How much of each gene an encoder cannot read: a table for the results of a run."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from encoders.dna.batching import split_long
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.sequence_check import REFUSE_ABOVE, WARN_ABOVE, read_bases, unknown_fraction
from encoders.dna.verification.seen_tokens import innermost, seen_ids, special_counts
from encoders.errors import InputError

if TYPE_CHECKING:
    import pandas

PIECE_BP = 400
"""Sequences with an N are tokenised in pieces of this length: a window of any encoder."""


def report_unknown(gene_ids: Sequence[str], sequences: Sequence[str], encoder: SequenceEncoder) -> "pandas.DataFrame":
    """Unknown bases and tokens of each gene.

    Parameters
    ----------
    gene_ids : sequence of str
        Gene of each sequence.
    sequences : sequence of str
        DNA or RNA, any case; a window of a gene.
    encoder : SequenceEncoder
        Whose tokens are counted.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``gene_id``, in the order of first appearance: ``n_sequences``; ``n_bp``; ``ambiguous_bases``, the
        number of codes other than N, all of which are read as N; ``n_fraction`` of the bases; ``unknown_fraction``
        and ``unknown_fraction_max``, the mean over sequences and the largest share of tokens that are what an N
        becomes (k-mers where the encoder shows no tokens); ``n_warned`` and ``n_refused``, how many sequences are
        above 5 % and above 50 % of unreadable k-mers. Refused ones have no vector.

    Raises
    ------
    InputError
        The two lists differ in length, or a sequence holds a letter that is no base.
    """
    import pandas as pd

    if len(gene_ids) != len(sequences):
        raise InputError(f"Each sequence needs its gene; got {len(sequences)} sequences and {len(gene_ids)} genes.")
    tokens = _UnknownTokens(encoder)
    rows = [_count(sequence, tokens) for sequence in sequences]
    table = pd.DataFrame(rows, columns=["n_bp", "ambiguous_bases", "n", "unknown", "unreadable"])
    table.insert(0, "gene_id", list(gene_ids))
    grouped = table.groupby("gene_id", sort=False)
    report = pd.DataFrame({"n_sequences": grouped.size(), "n_bp": grouped["n_bp"].sum()})
    report["ambiguous_bases"] = grouped["ambiguous_bases"].sum()
    report["n_fraction"] = grouped["n"].sum() / report["n_bp"].clip(lower=1)
    report["unknown_fraction"] = grouped["unknown"].mean()
    report["unknown_fraction_max"] = grouped["unknown"].max()
    is_refused = table["unreadable"] > REFUSE_ABOVE
    report["n_warned"] = ((table["unreadable"] > WARN_ABOVE) & ~is_refused).groupby(table["gene_id"], sort=False).sum()
    report["n_refused"] = is_refused.groupby(table["gene_id"], sort=False).sum()
    return report


class _UnknownTokens:
    """Share of a sequence's tokens that an N becomes; for an encoder without visible tokens, of its k-mers."""

    def __init__(self, encoder: SequenceEncoder) -> None:
        self.encoder = innermost(encoder)
        self.unit = self.encoder.spec.min_bp
        rng = np.random.default_rng(0)
        plain = ["".join(rng.choice(list("ACGT"), 48 + extra)) for extra in range(24)]
        self._special = special_counts(self.encoder, plain[0]) or (0, 0)
        known = {token for bases in plain for token in self._read(bases)}
        with_n = [set(self._read(f"{bases[:24]}N{bases[24:]}")) for bases in plain[:6]]
        self._tokens_of_n = set.intersection(*with_n) - known

    def fraction(self, bases: str) -> float:
        """Between 0 and 1; 1 where there is nothing to read."""
        unreadable = unknown_fraction(bases, self.unit)
        if "N" not in bases or unreadable > REFUSE_ABOVE or not self._tokens_of_n:
            return unreadable
        counted = [self._count(piece) for piece in split_long(bases, max_bp=PIECE_BP, min_bp=self.unit)]
        n_unknown, n_tokens = np.sum(counted, axis=0).tolist()
        return float(n_unknown / n_tokens)

    def _count(self, piece: str) -> tuple[int, int]:
        if unknown_fraction(piece, self.unit) > REFUSE_ABOVE:  # a gap within a longer sequence: a token per N
            return len(piece) - self.unit + 1, len(piece) - self.unit + 1
        ids = self._read(piece)
        return sum(token in self._tokens_of_n for token in ids), len(ids)

    def _read(self, bases: str) -> list[int]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is read here is counted, not embedded
            ids = seen_ids(self.encoder, bases) or []
        before, after = self._special
        return ids[before : len(ids) - after]


def _count(sequence: str, tokens: _UnknownTokens) -> tuple[int, int, int, float, float]:
    bases, n_ambiguous = read_bases(sequence)
    unreadable = unknown_fraction(bases, tokens.unit)
    return len(bases), n_ambiguous, bases.count("N"), tokens.fraction(bases), unreadable
