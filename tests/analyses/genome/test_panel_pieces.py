"""Pieces, codons and motifs of windows beside shuffles: what is planted is found, and nothing where nothing is."""

from pathlib import Path

import numpy as np
import pytest

from analyses.arms.frame_shifts import cosine, first_codon
from analyses.genome.panel_pieces import PieceTable, ReferenceWindow, count_in_shuffles
from analyses.genome.piece_summary import describe_cuts, describe_motifs, describe_pieces
from encoders.dna.pieces import PieceReader, PositionWeights, bpe_reader, kmer_reader, learn_bpe, six_mer_reader

MOTIF, N_SHUFFLES = "TGACGTCA", 59
BACKGROUND = np.full(4, 0.25)


@pytest.fixture(scope="module")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> PieceReader:
    """Pieces learnt from words of six bases that N keeps apart, so that no piece is of two."""
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    learn_bpe(["N".join(_words() * 40)] * 6, 60, path)
    return bpe_reader(path, "learnt")


def _words() -> list[str]:
    rng = np.random.default_rng(8)
    return ["".join(rng.choice(list("ACGT"), 6)) for _ in range(8)]


def _window(gene: int, sequence: str, first: int = 0) -> ReferenceWindow:
    places = ((np.arange(len(sequence)) + first) % 3).astype(np.int8)
    return ReferenceWindow(gene, gene, sequence, places)


def _count(
    windows: list[ReferenceWindow], *readers: PieceReader, motifs: tuple[PositionWeights, ...] = ()
) -> PieceTable:
    thresholds = {one: one.threshold(BACKGROUND, 1e-4) or 0 for one in motifs}
    return count_in_shuffles(
        windows,
        readers,
        thresholds,
        BACKGROUND,
        n_genes=len(windows),
        n_shuffles=N_SHUFFLES,
        rng=np.random.default_rng(4),
        progress=lambda done, total: None,
    )


def _random(lengths: list[int], seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length)) for length in lengths]


def test_a_gene_whose_pieces_are_words_in_frame_is_found_and_its_neighbours_are_not(bpe: PieceReader) -> None:
    rng = np.random.default_rng(6)
    in_frame = "".join(rng.choice(_words(), 50))
    others = _random([211, 307, 257], 6)
    windows = [_window(gene, text, gene) for gene, text in enumerate([in_frame, *others])]
    windows[0] = _window(0, in_frame)
    cuts = list(describe_cuts(_count(windows, bpe), ["framed", "a", "b", "c"]))
    found = {one.gene: one for one in cuts}
    assert found["framed"].share < 0.4 < found["framed"].null[0]
    assert found["framed"].p_fwer == 1 / (N_SHUFFLES + 1)
    assert all(found[gene].p_fwer > 0.05 for gene in "abc")
    assert found[None].n_boundaries == sum(found[gene].n_boundaries for gene in ("framed", "a", "b", "c"))


def test_six_mers_cut_by_where_a_window_begins(bpe: PieceReader) -> None:
    windows = [_window(number, text, number) for number, text in enumerate(_random([180, 181, 182], 1))]
    cuts = [one for one in describe_cuts(_count(windows, six_mer_reader()), ["0", "1", "2"]) if one.gene]
    assert [round(one.share, 2) for one in cuts] == [0.0, 1.0, 0.97]  # the last base of the third begins a codon
    assert all(one.p == 1.0 and one.null == (one.share, one.share) for one in cuts)


def test_a_motif_planted_in_every_gene_is_found_in_matches_and_in_pieces() -> None:
    texts = _random([150, 173, 191, 160, 202, 155, 180, 167], 3)
    planted = [f"{text[:60]}{MOTIF}{text[60:]}" for text in texts]
    counts = np.full((8, 4), 0.0)
    counts[np.arange(8), ["ACGT".index(base) for base in MOTIF]] = 20
    motifs = PositionWeights("M1", "CRE", counts), PositionWeights("M2", "POLYA", np.tile([20.0, 0, 0, 0], (8, 1)))
    reader = kmer_reader(6)
    table = _count([_window(gene, text) for gene, text in enumerate(planted)], reader, motifs=motifs)
    first, second = describe_motifs(table, dict.fromkeys(motifs, 0), motifs)
    assert (first.name, second.name) == ("CRE", "POLYA")
    assert first.n >= 8
    assert first.p_fwer == 1 / (N_SHUFFLES + 1)
    assert second.p_fwer > 0.05
    pieces, rows = describe_pieces(reader, table, motifs)
    assert pieces.pieces[0].piece in (MOTIF[:6], MOTIF[1:7], MOTIF[2:])
    assert pieces.pieces[0].motifs == ("CRE",)
    assert pieces.n_frequent >= 3
    assert rows["n"].sum() == pieces.n_pieces == sum(len(text) - 5 for text in planted)
    nothing, _ = describe_pieces(reader, _count([_window(gene, text) for gene, text in enumerate(texts)], reader), ())
    assert (nothing.n_frequent, nothing.n_rare) == (0, 0)


def test_unknown_bases_are_no_pieces_and_stay_where_they_are(bpe: PieceReader) -> None:
    text = _random([120], 9)[0]
    window = _window(0, f"{text[:50]}NNNN{text[50:]}")
    for reader in (kmer_reader(6), six_mer_reader(), bpe):
        pieces, _ = describe_pieces(reader, _count([window], reader), ())
        assert pieces.mean_length * pieces.n_pieces == pytest.approx(120 if not reader.overlap else 6 * 110)


def test_frames_begin_at_the_first_codon() -> None:
    assert first_codon(np.array([2, 0, 1], np.int8)) == 1
    assert first_codon(np.array([-1, -1, -1, 0, 1], np.int8)) == 0
    assert first_codon(np.array([-1, -1], np.int8)) is None
    assert cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0])) == pytest.approx(24 / 25)
    assert cosine(np.zeros(2), np.ones(2)) is None


def test_a_motif_that_cannot_match_says_why(tmp_path: Path) -> None:
    short = PositionWeights("M3", "CG", np.array([[0.0, 9, 0, 0], [0, 0, 9, 0]]))
    (found,) = describe_motifs(PieceTable(matches=np.zeros((3, 0))), {}, (short,))
    assert found.reason is not None
    assert short.threshold(BACKGROUND, 1e-4) is None
