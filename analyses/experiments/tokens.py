"""``experiment: tokens``: what tokenizers make of the panel's reference windows.

Pieces, matches of motifs and cuts of codons are counted in the windows and in shuffles of each that keep its
dinucleotides. Whether the frame in which windows are read matters to vectors is asked of every arm that reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.arms.frame_shifts import compare_frames
from analyses.errors import InputError
from analyses.formats import format_number, format_p, table_text
from analyses.genome.panel_pieces import PieceTable, ReferenceWindow, count_in_shuffles, reference_windows
from analyses.genome.piece_readers import make_readers
from analyses.genome.piece_summary import (
    LEVEL,
    describe_cuts,
    describe_motifs,
    describe_pieces,
    not_defined,
)
from analyses.progress import progress_bar
from analyses.results.schema.experiments import Metrics, TokensResult, Trial
from analyses.results.schema.experiments.tokens import CodonCuts, FrameShift, MotifMatches, TokenizerPieces
from encoders.dna.pieces import PieceReader, PositionWeights, read_jaspar

if TYPE_CHECKING:
    from analyses.run.run import Run

LEARNT = "experiments/tokens_bpe.json"
NO_CODING = (
    "the annotation gives no coding sequence (CDS lines) to a gene of the panel, or exons of several transcripts were "
    "merged (genome.transcript: union)"
)


def check(run: Run) -> None:
    """Read the motifs before anything is counted."""
    if run.config.tokens.motifs is not None:
        read_jaspar(run.config.tokens.motifs)


def run(run: Run) -> TokensResult:
    """Count, shuffle, compare."""
    windows = reference_windows(run.window_table, run.genome.panel)
    settings, panel = run.config.tokens, run.genome.panel
    readers, reasons, source = make_readers(run.config.tokens, run.genome, run.window_table, run.workspace.path(LEARNT))
    motifs = () if settings.motifs is None else read_jaspar(settings.motifs)
    background = _composition(windows)
    found = {one: one.threshold(background, settings.motif_p) for one in motifs}
    thresholds = {one: threshold for one, threshold in found.items() if threshold is not None}
    with progress_bar("shuffles") as advance:
        table = count_in_shuffles(
            windows,
            readers,
            thresholds,
            background,
            n_genes=len(panel.genes),
            n_shuffles=settings.n_shuffles,
            rng=np.random.default_rng(run.config.seed),
            progress=advance,
        )
    tokenizers = _describe(run, readers, reasons, table, list(thresholds))
    cuts = tuple(describe_cuts(table, [gene.name for gene in panel.genes]))
    frames = _frames(run, windows)
    is_coding = any((window.places >= 0).any() for window in windows)
    of_motifs = describe_motifs(table, thresholds, motifs)
    return TokensResult(
        n_windows=len(windows),
        n_bases=sum(len(window.sequence) for window in windows),
        n_shuffles=settings.n_shuffles,
        bpe=source,
        tokenizers=tokenizers,
        cuts=cuts,
        cuts_reason=_why(cuts, is_coding, "no tokenizer puts pieces side by side in coding sequence"),
        frames=frames,
        frames_reason=_why(frames, is_coding, "no arm reads a window with coding sequence"),
        motifs=of_motifs,
        motifs_reason=None if motifs else "no motifs were given (tokens.motifs)",
        motif_p=settings.motif_p,
        answer=tuple(_answer(tokenizers, cuts, frames, of_motifs, is_coding=is_coding)),
        metrics=_metrics(tokenizers, cuts, frames, of_motifs),
        trials=tuple(_trials(tokenizers, cuts)),
    )


def _why(found: Sequence[object], is_coding: bool, otherwise: str) -> str | None:
    return None if found else otherwise if is_coding else NO_CODING


def _composition(windows: Sequence[ReferenceWindow]) -> np.ndarray:
    """Shares of A, C, G, T; of both strands, as motifs are sought on both."""
    text = "".join(window.sequence for window in windows)
    counts = np.array([text.count(base) for base in "ACGT"], dtype=np.float64)
    both = counts + counts[::-1]
    if not both.all():
        raise InputError("Tokens need windows with A or T, and C or G; those of the panel lack one. Name other genes.")
    return np.asarray(both / both.sum())


def _describe(
    run: Run,
    readers: Sequence[PieceReader],
    reasons: Mapping[str, str],
    table: PieceTable,
    motifs: Sequence[PositionWeights],
) -> tuple[TokenizerPieces, ...]:
    """Every tokenizer that was asked for; all pieces of it are a table beside the result."""
    described = {}
    for reader in readers:
        described[reader.name], rows = describe_pieces(reader, table, motifs)
        run.workspace.write_text(f"experiments/tokens_pieces__{reader.name}.csv", table_text(rows))
    for name, reason in reasons.items():
        described[name] = not_defined(name, "BPE", reason)
    return tuple(described[name] for name in dict.fromkeys(run.config.tokens.tokenizers))


def _frames(run: Run, windows: Sequence[ReferenceWindow]) -> tuple[FrameShift, ...]:
    names = [gene.name for gene in run.genome.panel.genes]
    found = []
    for name, arm in run.sequence_arms.items():
        with progress_bar(f"frames of {name}") as advance:
            genes = compare_frames(arm, windows, advance)
        found += [
            FrameShift(
                arm=name,
                arm_label=arm.spec.label,
                gene=names[one.gene],
                n_windows=one.n_windows,
                in_frame=one.in_frame,
                shifted=one.shifted,
            )
            for one in genes
        ]
    return tuple(found)


def _answer(
    tokenizers: Sequence[TokenizerPieces],
    cuts: Sequence[CodonCuts],
    frames: Sequence[FrameShift],
    motifs: Sequence[MotifMatches],
    *,
    is_coding: bool,
) -> list[str]:
    pieces = [_said_of_pieces(one) for one in tokenizers]
    matched = [one for one in motifs if one.p_fwer < LEVEL]
    sentences = [*_said_of_cuts(tokenizers, cuts), *_said_of_frames(frames)]
    if not is_coding:
        sentences.append(f"Codons are not defined: {NO_CODING}.")
    if motifs:
        said = f"{len(matched)} of {len(motifs)} motifs match more or less often than in shuffled sequence"
        best = [f" (most clearly {one.name}, {one.n} against {format_number(one.expected, 1)})" for one in matched[:1]]
        sentences.append(f"{said}{''.join(best)}.")
    return [*pieces[-1:], *sentences, *pieces[:-1]]


def _said_of_pieces(one: TokenizerPieces) -> str:
    if one.reason is not None:
        return f"{one.label} is not defined: {one.reason}"
    differ = [piece for piece in one.pieces if piece.p_fwer < LEVEL]
    most = [f", most clearly {part.piece} ({part.n} against {format_number(part.expected, 1)})" for part in differ[:1]]
    if one.n_frequent or one.n_rare:
        said = (
            f"{one.n_frequent} of {one.n_vocabulary:,} pieces are more frequent than when shuffled, {one.n_rare} rarer"
        )
    else:
        said = f"none of {one.n_vocabulary:,} pieces is more or less frequent than in shuffled sequence"
    lengths = f"{format_number(one.mean_length)} bases a piece ({format_number(one.expected_length)} shuffled)"
    return f"{one.label}: {said}{''.join(most)}; {lengths}."


def _said_of_cuts(tokenizers: Sequence[TokenizerPieces], cuts: Sequence[CodonCuts]) -> list[str]:
    labels = {one.name: one.label for one in tokenizers}
    return [
        f"{labels[cut.tokenizer]}: {format_number(100 * cut.share, 1)} % of boundaries in coding sequence cut a codon, "
        f"{'as' if cut.p_fwer >= LEVEL else 'other than'} in shuffled sequence "
        f"({format_number(100 * cut.expected, 1)} %, p = {format_p(cut.p_fwer)})."
        for cut in cuts
        if cut.gene is None
    ]


def _said_of_frames(frames: Sequence[FrameShift]) -> list[str]:
    arms = dict.fromkeys(one.arm for one in frames)
    return [_said_of_arm([one for one in frames if one.arm == arm]) for arm in arms]


def _said_of_arm(frames: Sequence[FrameShift]) -> str:
    """Medians over genes."""
    moved = [1 - one.in_frame for one in frames]
    scale = [1 - sum(one.shifted) / 2 for one in frames]
    text = (
        f"{frames[0].arm_label}: reading in frame changes a gene's vector by {float(np.median(moved)):.1g} (1 - cosine)"
    )
    return f"{text}; moving the grid by 1 or 2 bases, whatever the frame, by {float(np.median(scale)):.1g}."


def _metrics(
    tokenizers: Sequence[TokenizerPieces],
    cuts: Sequence[CodonCuts],
    frames: Sequence[FrameShift],
    motifs: Sequence[MotifMatches],
) -> Metrics:
    found: Metrics = {f"tokens/cut_{one.tokenizer}": one.share for one in cuts if one.gene is None}
    found |= {f"tokens/p_cut_{one.tokenizer}": one.p_fwer for one in cuts if one.gene is None}
    for one in tokenizers:
        if one.reason is None:
            found |= {f"tokens/length_{one.name}": one.mean_length, f"tokens/frequent_{one.name}": one.n_frequent}
    for arm in dict.fromkeys(one.arm for one in frames):
        moved = [1 - one.in_frame for one in frames if one.arm == arm]
        found[f"tokens/frame_{arm}"] = float(np.median(moved))
    return found | ({"tokens/motifs": sum(one.p_fwer < LEVEL for one in motifs)} if motifs else {})


def _trials(tokenizers: Sequence[TokenizerPieces], cuts: Sequence[CodonCuts]) -> list[Trial]:
    """One child a tokenizer, so that tracking shows them side by side."""
    trials = []
    for one in tokenizers:
        if one.reason is None:
            metrics: Metrics = {
                "tokens/length": one.mean_length,
                "tokens/gc": one.gc,
                "tokens/frequent": one.n_frequent,
                "tokens/rare": one.n_rare,
            }
            share = next((cut.share for cut in cuts if cut.tokenizer == one.name and cut.gene is None), None)
            metrics |= {} if share is None else {"tokens/cut": share}
            trials.append(Trial(name=f"tokenizer {one.name}", params={"tokenizer": one.label}, metrics=metrics))
    return trials


def draw(result: TokensResult, folder: Path) -> dict[str, Path]:
    """Lengths, pieces beside shuffled sequence, cuts of codons, frames."""
    from analyses.figures.sequences.tokens import draw_tokens

    return draw_tokens(result, folder)
