"""The device loop: each distinct sequence once, nothing twice, whatever happens in between."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import EmbeddingStore, InputError, load_encoder
from encoders.dna.batching import split_long
from encoders.dna.models.kmer_spectrum import KmerSpectrum
from encoders.dna.protocol import Vectors
from encoders.dna.reverse_complement import ReverseComplementAverage
from encoders.embedding import available_cores, embed_missing, missing_sequences, read_embeddings
from encoders.genome.sequences import reverse_complement, sequence_id
from tests import warm_processes
from tests.encoders.killing import KILL_AT


class CountingEncoder:
    """K-mer spectra by another name, which remember what they were asked for and read the given strand only."""

    def __init__(self) -> None:
        self._encoder = KmerSpectrum(3)
        self.spec = self._encoder.spec
        self.batches: list[list[str]] = []

    def embed(self, sequences: Sequence[str]) -> Vectors:
        self.batches.append(list(sequences))
        return self._encoder.embed(sequences)


def make_sequences(n: int, seed: int = 0, longest: int = 510) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(20, longest + 1, n)]


def test_a_cohort_of_haplotypes_costs_its_distinct_sequences(tmp_path: Path) -> None:
    """1,000 subjects x 20 genes with 5 haplotypes each: 100 embeddings, both strands being one."""
    distinct = make_sequences(100)
    rng = np.random.default_rng(1)
    cohort = [distinct[5 * gene + haplotype] for gene in range(20) for haplotype in rng.integers(0, 5, 2000)]
    cohort += [reverse_complement(sequence) for sequence in distinct]
    encoder = CountingEncoder()
    store = EmbeddingStore(tmp_path, encoder.spec)
    report = embed_missing(encoder, cohort, store)
    assert (report.n_distinct, report.n_cached, report.n_encoded) == (100, 0, 100)
    assert sum(map(len, encoder.batches)) == 100
    assert report.n_forward_passes == len(encoder.batches)
    np.testing.assert_array_equal(read_embeddings(cohort[:300], store), KmerSpectrum(3).embed(cohort[:300]))

    again = CountingEncoder()
    second = embed_missing(again, cohort, EmbeddingStore(tmp_path, again.spec))
    assert (second.n_cached, second.n_encoded, second.n_forward_passes) == (100, 0, 0)
    assert again.batches == []


SETTINGS: dict[str, dict[str, object]] = {
    "as it is": {},
    "both strands": {"rc": "average"},
    "pooling": {"pooling": "max"},
    "layer": {"layer": 1},
    "dtype": {"dtype": "bfloat16"},
    "windows": {"long": "stitch"},
    "wider windows": {"long": "stitch", "max_tokens": 2048},
    "wider margin": {"long": "stitch", "margin": 80},
    "weights": {"seed": 1},
    "limit": {"max_tokens": 4096},
}


def test_a_changed_setting_never_hits_the_cache(tmp_path: Path) -> None:
    (sequence,) = make_sequences(1, longest=60)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    for setting in SETTINGS.values():
        encoder = load_encoder("untrained:dnabert2", device="cpu", **sizes, **setting)  # type: ignore[arg-type]
        for n_encoded in (1, 0):
            report = embed_missing(encoder, [sequence], EmbeddingStore(tmp_path, encoder.spec))
            assert (report.n_encoded, report.n_cached) == (n_encoded, 1 - n_encoded)
    assert len(list(tmp_path.iterdir())) == len(SETTINGS)


def test_a_long_gene_is_read_in_windows_by_the_encoder_that_was_asked_to(tmp_path: Path) -> None:
    """Whole, not in pieces: its vector is the encoder's own, and one for both strands."""
    gene = "".join(np.random.default_rng(8).choice(list("ACGT"), 700))
    encoder = load_encoder(
        "untrained:dnabert-3",
        rc="average",
        long="stitch",
        margin=30,
        device="cpu",
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
    )
    store = EmbeddingStore(tmp_path, encoder.spec)
    report = embed_missing(encoder, [gene, reverse_complement(gene)], store)
    assert (report.n_encoded, report.n_split) == (1, 0)
    assert report.runtime["device"] == "cpu"
    assert report.runtime["linears"] in ("mkl", "onednn")
    vectors = read_embeddings([gene, reverse_complement(gene)], store)
    np.testing.assert_array_equal(vectors, np.repeat(encoder.embed([gene]), 2, axis=0))


def test_batches_keep_the_budget_and_like_lengths_together(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    calls: list[tuple[int, int]] = []
    embed_missing(
        encoder,
        make_sequences(90),
        EmbeddingStore(tmp_path, encoder.spec),
        batch_bp=2000,
        shard_size=40,
        progress=lambda done, total: calls.append((done, total)),
    )
    lengths = [[len(sequence) for sequence in batch] for batch in encoder.batches]
    assert all(len(batch) * max(batch) <= 2000 for batch in lengths)
    flat = [length for batch in lengths for length in batch]
    assert flat == sorted(flat, reverse=True)
    assert calls[-1] == (90, 90)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_the_forward_strand_is_kept_apart_where_only_that_is_read(tmp_path: Path) -> None:
    encoder = load_encoder("untrained:dnabert-3", hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    store = EmbeddingStore(tmp_path, encoder.spec)
    (sequence,) = make_sequences(1, longest=60)
    report = embed_missing(encoder, [sequence, reverse_complement(sequence)], store)
    assert report.n_encoded == 2
    assert store.has([sequence_id(sequence)]) == [True]


@pytest.mark.filterwarnings("ignore:.*hold an N")
def test_where_nothing_can_be_read_the_vector_is_zero_and_counted(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    store = EmbeddingStore(tmp_path, encoder.spec)
    sequences = ["", "AC", "ACGTACGT", "N" * 30, "ACGTRACGTACGTACGT", "ACGTNNNNNNNNNNNNN", "acgtacgt"]
    report = embed_missing(encoder, sequences, store)
    assert (report.n_distinct, report.n_too_short, report.n_unreadable, report.n_ambiguous_bases) == (2, 2, 2, 1)
    vectors = read_embeddings(sequences, store)
    assert vectors.any(axis=1).tolist() == [False, False, True, False, True, False, True]
    np.testing.assert_array_equal(vectors[6], vectors[2])


def test_what_is_missing_is_what_would_be_embedded(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    store = EmbeddingStore(tmp_path / "store", encoder.spec)
    sequences = [*make_sequences(9), "AC", "N" * 40]
    asked = sequences + [reverse_complement(sequence) for sequence in sequences]
    missing = missing_sequences(encoder.spec, asked, store)
    assert len(missing) == 9
    assert not (tmp_path / "store").exists()
    embed_missing(encoder, asked[:4], store)
    assert len(missing_sequences(encoder.spec, asked, store)) == 5
    embed_missing(encoder, asked, store)
    assert sorted(sequence for batch in encoder.batches for sequence in batch) == sorted(missing)


def test_an_insertion_that_outgrows_its_window_is_read_in_pieces(tmp_path: Path) -> None:
    """For k-mer frequencies the pieces' weighted mean is exactly the vector of the whole."""
    rng = np.random.default_rng(5)
    long = "".join(rng.choice(list("ACGT"), size=523))
    limited = CountingEncoder()
    limited.spec = replace(limited.spec, max_bp=100)
    store = EmbeddingStore(tmp_path, limited.spec)
    report = embed_missing(limited, ["ACGTACGT", long, reverse_complement(long)], store)
    assert report.n_split == 2
    assert all(len(sequence) <= 100 for batch in limited.batches for sequence in batch)
    vectors = read_embeddings(["ACGTACGT", long, reverse_complement(long)], store)
    np.testing.assert_allclose(vectors[:2], CountingEncoder().embed(["ACGTACGT", long]), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(vectors[1], vectors[2])


@given(n=st.integers(3, 400), max_bp=st.integers(8, 60), k=st.integers(1, 6))
def test_pieces_hold_every_kmer_once(n: int, max_bp: int, k: int) -> None:
    bases = "".join(np.random.default_rng(n).choice(list("ACGT"), size=n))
    pieces = split_long(bases, max_bp=max_bp, min_bp=k)
    assert all(len(piece) <= max_bp for piece in pieces)
    kmers = [piece[i : i + k] for piece in pieces for i in range(len(piece) - k + 1)]
    assert kmers == [bases[i : i + k] for i in range(n - k + 1)]


def test_a_store_of_another_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The store given is that of kmer-4; the encoder is kmer-3"):
        embed_missing(KmerSpectrum(3), [], EmbeddingStore(tmp_path, KmerSpectrum(4).spec))


EMBED = """
import sys, pathlib, numpy as np
from encoders import EmbeddingStore, load_encoder
from encoders.embedding import embed_missing
rng = np.random.default_rng(0)
sequences = ["".join(rng.choice(list("ACGT"), 300)) for _ in range(600)]
encoder = load_encoder("kmer-spectrum", k=4)
print("ready", flush=True)
report = embed_missing(encoder, sequences, EmbeddingStore(pathlib.Path(sys.argv[1]), encoder.spec), shard_size=5)
"""


KILL = KILL_AT + EMBED.replace(
    'print("ready", flush=True)',
    """
store = EmbeddingStore(pathlib.Path(sys.argv[1]), encoder.spec)
for n_lines in np.random.default_rng(1).integers(1, 4000, 20):  # one shard takes about 600
    child = os.fork()
    if not child:
        kill_at(int(n_lines))
        embed_missing(encoder, sequences, EmbeddingStore(pathlib.Path(sys.argv[1]), encoder.spec), shard_size=5)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    print(len(store), flush=True)
sys.exit()
""",
)
"""The same run, killed twenty times at lines drawn by chance; each time the vectors there are counted."""


def test_runs_killed_at_twenty_points_resume_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), 300)) for _ in range(600)]
    encoder = load_encoder("kmer-spectrum", k=4)
    run = warm_processes.run(KILL, tmp_path, check=True)
    counts = [int(line) for line in run.stdout.split()]
    assert len(counts) == 20
    assert counts == sorted(counts), "what was stored stays"
    assert 0 < counts[-1] < 600, "each was killed at work"
    store = EmbeddingStore(tmp_path, encoder.spec)
    n_before = len(store)
    report = embed_missing(encoder, sequences, store)
    assert (report.n_cached, report.n_encoded) == (n_before, 600 - n_before)
    np.testing.assert_array_equal(read_embeddings(sequences, store), encoder.embed(sequences))
    on_disk = [line for path in store.folder.glob("*.ids") for line in path.read_text().splitlines()]
    assert len(on_disk) == len(set(on_disk)) == 600


def test_two_runs_at_once_agree(tmp_path: Path) -> None:
    processes = [warm_processes.start(EMBED, tmp_path) for _ in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    encoder = load_encoder("kmer-spectrum", k=4)
    store = EmbeddingStore(tmp_path, encoder.spec)
    on_disk = [line for path in store.folder.glob("*.ids") for line in path.read_text().splitlines()]
    assert len(on_disk) == len(set(on_disk)) == len(store) == 600


def test_the_thread_count_is_that_of_the_task_and_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    seen: list[int] = []
    encoder = CountingEncoder()
    before = torch.get_num_threads()
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    embed_missing(
        encoder,
        make_sequences(3),
        EmbeddingStore(tmp_path, encoder.spec),
        progress=lambda *_: seen.append(torch.get_num_threads()),
    )
    assert set(seen) == {available_cores()} == {1}
    assert torch.get_num_threads() == before
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    assert available_cores() == len(os.sched_getaffinity(0))


def test_averaged_spectra_equal_the_plain_ones(tmp_path: Path) -> None:
    sequences = make_sequences(5)
    averaged = ReverseComplementAverage(KmerSpectrum(3))
    np.testing.assert_array_equal(averaged.embed(sequences), KmerSpectrum(3).embed(sequences))
