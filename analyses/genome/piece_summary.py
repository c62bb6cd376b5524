"""Counts of pieces, cuts and matches beside their shuffles, as results hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analyses.results.schema.experiments.tokens import CodonCuts, MotifMatches, PieceCount, PieceLength, TokenizerPieces
from encoders.dna.pieces import NullTest, PieceReader, PositionWeights, compare_counts
from encoders.dna.pieces.codon_cuts import CHANCE

if TYPE_CHECKING:
    import pandas as pd

    from analyses.genome.panel_pieces import PieceTable

LEVEL = 0.05
SHOWN = 24
"""Pieces that a result lists."""

COVERED = 0.5
"""Share of its places within matches of a motif from which a piece is said to belong to it."""


def not_defined(name: str, label: str, reason: str) -> TokenizerPieces:
    """A tokenizer that there is not."""
    return TokenizerPieces(
        name=name,
        label=label,
        reason=reason,
        n_pieces=0,
        n_distinct=0,
        n_vocabulary=0,
        mean_length=0.0,
        expected_length=0.0,
        gc=0.0,
        n_frequent=0,
        n_rare=0,
        lengths=(),
        pieces=(),
    )


def describe_pieces(
    reader: PieceReader, table: PieceTable, motifs: Sequence[PositionWeights]
) -> tuple[TokenizerPieces, pd.DataFrame]:
    """What one tokenizer makes of the panel; and every piece that it or a shuffle holds, the most different first."""
    import pandas as pd

    known = np.flatnonzero(reader.is_piece)
    counts = table.pieces[reader.name][:, known]
    lengths, gc = reader.lengths[known], _gc_shares([reader.texts[token] for token in known])
    found = compare_counts(counts)
    order = np.lexsort((known, -np.abs(found.z)))
    order = order[counts[:, order].any(axis=0)]
    listed = [
        PieceCount(
            piece=reader.texts[known[place]],
            n=int(found.observed[place]),
            **_numbers(found, place),
            gc=float(gc[place]),
            motifs=_motifs_of(table.within[reader.name][known[place]], counts[0, place], motifs),
        )
        for place in order.tolist()
    ]
    rows = [
        {"piece": one.piece, "n": one.n, "expected": one.expected, "z": one.z, "p": one.p, "p_fwer": one.p_fwer}
        | {"gc": one.gc, "motifs": " ".join(one.motifs)}
        for one in listed
    ]
    total, of_shuffles = int(counts[0].sum()), counts[1:].sum()
    differ = found.p_fwer < LEVEL
    summary = TokenizerPieces(
        name=reader.name,
        label=reader.label,
        reason=None if total else "the panel has no base that it knows",
        n_pieces=total,
        n_distinct=int((counts[0] > 0).sum()),
        n_vocabulary=len(known),
        mean_length=_share(counts[0] @ lengths, total),
        expected_length=_share(counts[1:].sum(axis=0) @ lengths, of_shuffles),
        gc=_share(counts[0] * lengths @ gc, counts[0] @ lengths),
        n_frequent=int((differ & (found.z > 0)).sum()),
        n_rare=int((differ & (found.z < 0)).sum()),
        lengths=tuple(_lengths(counts, lengths, gc)),
        pieces=tuple(listed[:SHOWN]),
    )
    return summary, pd.DataFrame(rows)


def _numbers(found: NullTest, place: int) -> dict[str, float]:
    names = ("expected", "z", "p", "p_fwer")
    return {name: float(getattr(found, name)[place]) for name in names}


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _gc_shares(texts: Sequence[str]) -> np.ndarray:
    return np.array([sum(base in "GC" for base in text) / len(text) for text in texts])


def _motifs_of(within: np.ndarray, n_places: int, motifs: Sequence[PositionWeights]) -> tuple[str, ...]:
    inside = np.flatnonzero(within >= COVERED * n_places).tolist() if n_places else []
    return tuple(motifs[number].name for number in inside)


def _lengths(counts: np.ndarray, lengths: np.ndarray, gc: np.ndarray) -> Iterator[PieceLength]:
    for length in np.unique(lengths[counts.any(axis=0)]).tolist():
        these = lengths == length
        n = int(counts[0, these].sum())
        yield PieceLength(
            length=length,
            n=n,
            expected=float(counts[1:, these].sum(axis=1).mean()),
            gc=float(counts[0, these] @ gc[these] / n) if n else None,
        )


def describe_cuts(table: PieceTable, genes: Sequence[str]) -> Iterator[CodonCuts]:
    """Share of boundaries that cut codons: of the panel by each tokenizer, then gene by gene."""
    readers = [name for name, boundaries in table.boundaries.items() if boundaries.sum(axis=1).all()]
    total = [(reader, None, table.boundaries[reader].sum(axis=1), table.cut[reader].sum(axis=1)) for reader in readers]
    by_gene = [
        (reader, gene, table.boundaries[reader][:, column], table.cut[reader][:, column])
        for reader in readers
        for column, gene in enumerate(genes)
        if table.boundaries[reader][0, column]
    ]
    for family in (total, by_gene):
        yield from _cuts_of_family(family)


def _cuts_of_family(family: Sequence[tuple[str, str | None, np.ndarray, np.ndarray]]) -> Iterator[CodonCuts]:
    if not family:
        return
    shares = [
        np.divide(cut, boundaries, out=np.full(len(cut), CHANCE), where=boundaries > 0)
        for *_, boundaries, cut in family
    ]
    found = compare_counts(np.stack(shares, axis=1).round(12), floor=0.0)
    for place, (reader, gene, boundaries, cut) in enumerate(family):
        yield CodonCuts(
            tokenizer=reader,
            gene=gene,
            n_boundaries=int(boundaries[0]),
            n_cut=int(cut[0]),
            share=float(found.observed[place]),
            expected=float(found.expected[place]),
            null=(float(found.low[place]), float(found.high[place])),
            p=float(found.p[place]),
            p_fwer=float(found.p_fwer[place]),
        )


def describe_motifs(
    table: PieceTable, thresholds: Mapping[PositionWeights, int], motifs: Sequence[PositionWeights]
) -> tuple[MotifMatches, ...]:
    """Matches of every motif, the smallest p first; those that cannot match last."""
    found, scanned = compare_counts(table.matches), list(thresholds)
    described = [
        MotifMatches(
            motif_id=motif.motif_id,
            name=motif.name,
            width=motif.width,
            reason=None,
            n=int(found.observed[place]),
            **_numbers(found, place),
        )
        for place, motif in enumerate(scanned)
    ]
    described.sort(key=lambda one: (one.p_fwer, -abs(one.z)))
    why = "even its best word is more frequent in random sequence than motif_p allows"
    described += [_no_match(one, why) for one in motifs if one not in thresholds]
    return tuple(described)


def _no_match(motif: PositionWeights, why: str) -> MotifMatches:
    return MotifMatches(
        motif_id=motif.motif_id,
        name=motif.name,
        width=motif.width,
        reason=why,
        n=0,
        expected=0.0,
        z=0.0,
        p=1.0,
        p_fwer=1.0,
    )
