"""Pieces spell their sequence, whichever tokenizer read it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.dna.pieces import PieceReader, bpe_reader, kmer_reader, learn_bpe, six_mer_reader
from encoders.dna.registry import load_encoder
from encoders.errors import InputError


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pieces learnt from bases in which GATTACA is frequent."""
    rng = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    words = [*rng.choice(list("ACGT"), 6_000), *["GATTACA"] * 1_500]
    rng.shuffle(words)
    assert learn_bpe(["".join(words[:4_000]), f"NN{''.join(words[4_000:])}N"], 90, path) == 6_000 + 7 * 1_500
    return path


def _spelled(reader: PieceReader, sequence: str) -> str:
    ids, starts = reader.read(sequence)
    ends = [*starts[1:].tolist(), len(sequence)]
    assert [end - start for start, end in zip(starts.tolist(), ends, strict=True)] == reader.lengths[ids].tolist()
    return "".join(
        reader.texts[token] if reader.is_piece[token] else sequence[start : start + 1]
        for token, start in zip(ids.tolist(), starts.tolist(), strict=True)
    )


@pytest.fixture(scope="module")
def side_by_side(learnt: Path) -> tuple[PieceReader, ...]:
    return six_mer_reader(), bpe_reader(learnt, "learnt")


@given(st.text("ACGTN", min_size=1, max_size=80))
def test_pieces_side_by_side_spell_the_sequence(side_by_side: tuple[PieceReader, ...], sequence: str) -> None:
    for reader in side_by_side:
        assert _spelled(reader, sequence) == sequence


def test_what_is_frequent_becomes_a_piece_that_an_untrained_network_reads(learnt: Path) -> None:
    reader = bpe_reader(learnt, "learnt")
    assert "GATTACA" in reader.texts
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    encoder = load_encoder("untrained:dnabert2", source=str(learnt.parent), **sizes)
    assert encoder.embed(["GATTACAGATTACA"]).shape == (1, 16)


def test_pieces_are_those_of_the_published_tokenizer(published_data: Path) -> None:
    """The example of DNABERT-2's README: 17 tokens, special ones included."""
    reader = bpe_reader(published_data / "tokenizers/dnabert2/tokenizer.json", "DNABERT-2")
    sequence = "ACGTAGCATCGGATCTATCTATCGACACTTGGTTATCGATCTACGAGCATCTCGTTAGC"
    ids, starts = reader.read(sequence)
    assert ids.tolist() == [5, 194, 32, 757, 1239, 2092, 294, 24, 359, 88, 93, 32, 75, 77, 19]
    assert _spelled(reader, sequence) == sequence
    assert starts[0] == 0


def test_overlapping_k_mers_begin_at_every_base() -> None:
    ids, starts = kmer_reader(3).read("ACGTNACG")
    assert starts.tolist() == [0, 1, 2, 3, 4, 5]
    assert [kmer_reader(3).texts[token] for token in ids] == ["ACG", "CGT", "[UNK]", "[UNK]", "[UNK]", "ACG"]


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"at least 10,000 known bases; got 8\."):
        learn_bpe(["ACGTNACGT"], 64, tmp_path / "tokenizer.json")
    with pytest.raises(InputError, match=r"at least 10 of them; got 7"):
        learn_bpe(["ACGT" * 9_000], 7, tmp_path / "tokenizer.json")
    assert not list(tmp_path.iterdir())
