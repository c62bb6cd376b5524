"""A small genome with a rule in it, and small models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from encoders.training.pretraining.learner import Learner, make_learner

TINY = {
    "dnabert-3": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24},
    "dnabert2": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24},
    "caduceus-ph": {"d_model": 16, "n_layer": 1, "d_state": 4, "d_conv": 4, "expand": 2},
    "caduceus-ps": {"d_model": 16, "n_layer": 1, "d_state": 4, "d_conv": 4, "expand": 2},
}


def random_bases(n: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), n))


@pytest.fixture(scope="session")
def small_genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two contigs of a chain of order 1, the second soft-masked in part and with a run of N."""
    rng = np.random.default_rng(8)
    moves = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.1, 0.2, 0.1, 0.6], [0.3, 0.4, 0.2, 0.1]])
    contigs = []
    for n in (30_000, 6_000):
        codes = [0]
        draws = rng.random(n)
        edges = moves.cumsum(axis=1)
        for draw in draws[1:].tolist():
            codes.append(int((draw > edges[codes[-1]]).sum().clip(max=3)))
        contigs.append("".join("ACGT"[code] for code in codes))
    second = contigs[1][:2000].lower() + "N" * 100 + contigs[1][2100:]
    path = tmp_path_factory.mktemp("genome") / "small.fa"
    path.write_text(f">one\n{contigs[0]}\n>two\n{second}\n")
    return path


@pytest.fixture(scope="session")
def make_tiny(bpe_of_small_genome: Path) -> Callable[..., Learner]:
    """A model of random weights of each family."""

    def make(name: str, **settings: object) -> Learner:
        source = str(bpe_of_small_genome) if name == "dnabert2" else None
        return make_learner(name, sizes=TINY[name], source=source, **settings)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def bpe_of_small_genome(small_genome: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tokenizer.json of 60 pieces."""
    from encoders.dna.pieces.learned_bpe import learn_bpe

    folder = tmp_path_factory.mktemp("pieces")
    text = small_genome.read_text().splitlines()[1]
    learn_bpe([text[start : start + 500] for start in range(0, len(text), 500)], 60, folder / "tokenizer.json")
    return folder
