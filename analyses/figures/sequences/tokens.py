"""Figures of tokens: lengths of pieces, pieces and codons beside shuffled sequence, frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, VERMILION, new_figure, save_figure
from analyses.results.schema.experiments import TokensResult
from analyses.results.schema.experiments.tokens import CodonCuts, FrameShift, TokenizerPieces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, VERMILION)
NAMED = 8
"""Pieces that a figure names."""

LEVEL = 0.05


def draw_tokens(result: TokensResult, folder: Path) -> dict[str, Path]:
    """``tokens_lengths``, ``tokens_pieces``, ``tokens_codons``, ``tokens_frames``, as far as they are defined."""
    import pandas as pd

    tokenizers = [one for one in result.tokenizers if one.reason is None]
    drawn = {}
    if tokenizers:
        lengths = [
            {"tokenizer": one.label, "length": part.length, "n": part.n, "expected": part.expected, "gc": part.gc}
            for one in tokenizers
            for part in one.lengths
        ]
        data = pd.DataFrame(lengths).astype({"gc": float})
        drawn["tokens_lengths"] = save_figure(lengths_figure(tokenizers), folder / "tokens_lengths.svg", data)
        pieces = [
            {"tokenizer": one.label, "piece": part.piece, "n": part.n, "expected": part.expected, "z": part.z}
            | {"p_fwer": part.p_fwer}
            for one in tokenizers
            for part in one.pieces
        ]
        figure = pieces_figure(tokenizers)
        drawn["tokens_pieces"] = save_figure(figure, folder / "tokens_pieces.svg", pd.DataFrame(pieces))
    labels = {one.name: one.label for one in tokenizers}
    if result.cuts:
        cuts = [
            {"tokenizer": labels[one.tokenizer], "gene": one.gene or "all", "boundaries": one.n_boundaries}
            | {
                "share": one.share,
                "expected": one.expected,
                "low": one.null[0],
                "high": one.null[1],
                "p_fwer": one.p_fwer,
            }
            for one in result.cuts
        ]
        figure = codons_figure(result.cuts, labels)
        drawn["tokens_codons"] = save_figure(figure, folder / "tokens_codons.svg", pd.DataFrame(cuts))
    if result.frames:
        frames = [
            {"arm": one.arm_label, "gene": one.gene, "in_frame": 1 - one.in_frame}
            | {"by_1": 1 - one.shifted[0], "by_2": 1 - one.shifted[1]}
            for one in result.frames
        ]
        drawn["tokens_frames"] = save_figure(
            frames_figure(result.frames), folder / "tokens_frames.svg", pd.DataFrame(frames)
        )
    return drawn


def lengths_figure(tokenizers: Sequence[TokenizerPieces]) -> Figure:
    """Share of the pieces by their length, and in shuffled sequence."""
    with new_figure(2.8) as (figure, axes):
        width = 0.8 / len(tokenizers)
        for place, one in enumerate(tokenizers):
            at = np.array([part.length for part in one.lengths]) + (place - (len(tokenizers) - 1) / 2) * width
            total, shuffled = sum(part.n for part in one.lengths), sum(part.expected for part in one.lengths)
            share = [part.n / max(total, 1) for part in one.lengths]
            axes.bar(at, share, width, color=COLOURS[place % len(COLOURS)], label=one.label)
            null = [part.expected / max(shuffled, 1e-12) for part in one.lengths]
            axes.plot(at, null, "_", color=INK, markersize=7, label="shuffled" if place == 0 else None)
        longest = max(part.length for one in tokenizers for part in one.lengths)
        axes.set_xticks(range(1, longest + 1))
        axes.set_xlabel("bases of a piece")
        axes.set_ylabel("share of the pieces")
        figure.legend(loc="outside lower left", ncols=4, handlelength=1.2)
    return figure


def pieces_figure(tokenizers: Sequence[TokenizerPieces]) -> Figure:
    """The pieces that differ most from shuffled sequence, by tokenizer: observed over expected."""
    shown = [(one, part) for one in tokenizers for part in one.pieces[:NAMED]]
    with new_figure(0.9 + 0.17 * len(shown)) as (figure, axes):
        places = np.arange(len(shown))[::-1]
        for place, (one, part) in zip(places, shown, strict=True):
            colour = COLOURS[tokenizers.index(one) % len(COLOURS)] if part.p_fwer < LEVEL else GREY
            ratio = float(np.log2((part.n + 0.5) / (part.expected + 0.5)))
            axes.plot((0, ratio), (place, place), color=colour, linewidth=1.2)
            axes.plot(ratio, place, "o", color=colour, markersize=4)
        axes.axvline(0, color=INK, linewidth=0.6, linestyle="--")
        names = [f"{part.piece}  ({one.name}, {part.n} : {part.expected:.1f})" for one, part in shown]
        axes.set_yticks(places, names, fontsize=7)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("log2 of observed over shuffled (grey: no different, p ≥ .05 over all pieces)")
    return figure


def codons_figure(cuts: Sequence[CodonCuts], labels: dict[str, str]) -> Figure:
    """One line a gene: share of boundaries that cut codons, on the range of its shuffles."""
    genes = list(dict.fromkeys(one.gene for one in cuts))
    names = list(dict.fromkeys(one.tokenizer for one in cuts))
    with new_figure(1.1 + 0.16 * len(genes) * len(names)) as (figure, axes):
        for one in cuts:
            within = names.index(one.tokenizer)
            place = -genes.index(one.gene) - (within - (len(names) - 1) / 2) * 0.35
            axes.plot(one.null, (place, place), color=PALE, linewidth=5, solid_capstyle="butt")
            colour = COLOURS[(within + 1) % len(COLOURS)]
            filled = colour if one.p_fwer < LEVEL else "white"
            axes.plot(one.share, place, "o", color=colour, markerfacecolor=filled, markersize=4.5)
        for within, name in enumerate(names):
            axes.plot([], [], "o", color=COLOURS[(within + 1) % len(COLOURS)], label=labels[name])
        axes.axvline(2 / 3, color=INK, linewidth=0.6, linestyle="--")
        axes.set_yticks(-np.arange(len(genes)), [gene or "whole panel" for gene in genes])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(
            "share of boundaries that cut a codon (bar: 95 % of shuffles; dashed: two thirds; filled: p < .05)"
        )
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.2)
    return figure


def frames_figure(frames: Sequence[FrameShift]) -> Figure:
    """One point a gene: change of its vector in frame, beside that of moving the grid anyhow."""
    arms = list(dict.fromkeys(one.arm_label for one in frames))
    least = 1e-9  # nothing to see below it, and a logarithm needs a number
    with new_figure(0.9 + 0.62 * len(arms)) as (figure, axes):
        for row, arm in enumerate(arms):
            these = [one for one in frames if one.arm_label == arm]
            series = (
                (VERMILION, "in frame", 0.22, [1 - one.in_frame for one in these]),
                (GREY, "by 1 base", 0.0, [1 - one.shifted[0] for one in these]),
                (PALE, "by 2 bases", -0.22, [1 - one.shifted[1] for one in these]),
            )
            for colour, label, offset, values in series:
                shown = np.maximum(values, least)
                at = np.full(len(shown), offset - row)
                axes.plot(shown, at, "o", color=colour, markersize=4, alpha=0.8, label=label if row == 0 else None)
                axes.plot(np.median(shown), offset - row, "|", color=INK, markersize=9)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0e}")  # powers would be formulas, which are not drawn
        axes.set_yticks(-np.arange(len(arms)), arms)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("change of a gene's vector, 1 - cosine (bar: median; at 1e-9 nothing changed)")
        figure.legend(loc="outside lower left", ncols=3, handlelength=1.2)
    return figure
