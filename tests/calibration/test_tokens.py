"""Pieces of sequences that are random given their dinucleotides: how often any of them is called frequent or rare."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from analyses.genome.panel_pieces import PieceTable, ReferenceWindow, count_in_shuffles
from encoders.dna.pieces import (
    PieceReader,
    bpe_reader,
    compare_counts,
    kmer_reader,
    learn_bpe,
    six_mer_reader,
)
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N_SHUFFLES, N_SETS, N_GENES = 79, 1000, 3
NEXT = np.array([[30, 20, 30, 20], [35, 30, 4, 31], [28, 24, 28, 20], [18, 22, 30, 30]]) / 100
"""Which base follows which: C is hardly followed by G, as in the genome."""
WORD = "GATTACA"


def _sequence(n_bases: int, rng: np.random.Generator) -> str:
    """A first-order Markov chain, of which every arrangement of the same dinucleotides is as likely."""
    onward, draws, base = NEXT.cumsum(axis=1), rng.random(n_bases), 0
    found = []
    for draw in draws:
        base = min(int(np.searchsorted(onward[base], draw, side="right")), 3)
        found.append("ACGT"[base])
    return "".join(found)


@cache
def _readers() -> tuple[PieceReader, ...]:
    """Three tokenizers; the pieces of the third are learnt in a sequence that nothing is counted in."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        learn_bpe([_sequence(20_000, np.random.default_rng(0))], 128, path)
        learnt = bpe_reader(path, "BPE")
    return kmer_reader(4), six_mer_reader(), learnt


def _windows(seed: int, word: str = "") -> list[ReferenceWindow]:
    rng = np.random.default_rng([seed, 1])
    found = []
    for index, size in enumerate((97, 131, 160, 113, 149)):
        sequence = _sequence(size, rng)
        for third in range(3):
            start = third * size // 3 + int(rng.integers(1, 20))
            sequence = sequence[:start] + word + sequence[start + len(word) :]
        places = ((np.arange(size) + index) % 3).astype(np.int8)
        found.append(ReferenceWindow(index, index % N_GENES, sequence, places))
    return found


def _count(windows: list[ReferenceWindow], seed: int) -> PieceTable:
    return count_in_shuffles(
        windows,
        _readers(),
        {},
        np.full(4, 0.25),
        n_genes=N_GENES,
        n_shuffles=N_SHUFFLES,
        rng=np.random.default_rng([seed, 2]),
        progress=lambda done, of: None,
    )


def _bases_shuffled(windows: list[ReferenceWindow], reader: PieceReader, seed: int) -> np.ndarray:
    """Counts where windows keep their bases and not their dinucleotides."""
    rng = np.random.default_rng([seed, 3])
    counts = np.zeros((N_SHUFFLES + 1, len(reader.texts)), dtype=np.int64)
    for window in windows:
        for row in range(N_SHUFFLES + 1):
            letters = np.array(list(window.sequence))
            text = "".join(letters if row == 0 else rng.permutation(letters))
            counts[row] += np.bincount(reader.read(text)[0], minlength=counts.shape[1])
    return counts


def _null(seed: int) -> dict[str, float]:
    windows = _windows(seed)
    table = _count(windows, seed)
    found: dict[str, float] = {}
    for reader in _readers():
        test = compare_counts(table.pieces[reader.name][:, reader.is_piece])
        found[f"{reader.name}: any piece, max-T"] = float(test.p_fwer.min())
        found[f"naive: {reader.name}: any piece, uncorrected"] = float(test.p.min())
    kmers = _readers()[0]
    shuffled = compare_counts(_bases_shuffled(windows, kmers, seed)[:, kmers.is_piece])
    found["naive: kmer: bases shuffled, max-T"] = float(shuffled.p_fwer.min())
    shares = [table.cut[name].sum(axis=1) / table.boundaries[name].sum(axis=1) for name in ("six-mer", "bpe")]
    found["codons cut, max-T"] = float(compare_counts(np.column_stack(shares).round(12), floor=0.0).p_fwer.min())
    return found


def _planted(seed: int) -> dict[str, float]:
    """A word of seven bases three times in every window, of which four overlapping pieces are made."""
    reader = _readers()[0]
    table = _count(_windows(seed, WORD), seed)
    test = compare_counts(table.pieces[reader.name])
    words = [reader.texts.index(WORD[start : start + 4]) for start in range(4)]
    return {"any of its pieces, max-T": float(test.p_fwer[words].min())}


def test_tokens_null(rates: Rates) -> None:
    found = rates(_null, N_SETS)
    for name, rate in found.items():
        if not name.startswith("naive"):
            assert_valid(rate)


def test_tokens_planted_word_is_found(rates: Rates) -> None:
    assert above(rates(_planted, 60)["any of its pieces, max-T"], 0.8)
