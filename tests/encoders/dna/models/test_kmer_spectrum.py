"""K-mer frequencies against a count by hand, and what they promise of strands and of imports."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import InputError, load_encoder
from encoders.dna.models.kmer_spectrum import KmerSpectrum
from encoders.genome.sequences import reverse_complement


def spectrum_by_hand(sequence: str, k: int) -> dict[str, float]:
    kmers = [sequence[i : i + k] for i in range(len(sequence) - k + 1)]
    known = [min(kmer, reverse_complement(kmer)) for kmer in kmers if "N" not in kmer]
    return {kmer: count / len(known) for kmer, count in Counter(known).items()}


@pytest.mark.parametrize(("k", "n_canonical"), [(1, 2), (2, 10), (3, 32), (4, 136), (5, 512), (6, 2080)])
def test_columns_are_the_canonical_kmers_in_alphabetical_order(k: int, n_canonical: int) -> None:
    encoder = KmerSpectrum(k)
    assert encoder.spec.hidden_dim == n_canonical == len(encoder.kmers)
    assert list(encoder.kmers) == sorted(encoder.kmers)
    assert all(kmer <= reverse_complement(kmer) for kmer in encoder.kmers)


@given(st.text("ACGT", min_size=12, max_size=80), st.integers(1, 5))
def test_frequencies_equal_a_count_by_hand(sequence: str, k: int) -> None:
    encoder = KmerSpectrum(k)
    (vector,) = encoder.embed([sequence])
    expected = spectrum_by_hand(sequence, k)
    np.testing.assert_allclose(vector, [expected.get(kmer, 0.0) for kmer in encoder.kmers], rtol=1e-6)
    assert vector.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.filterwarnings("ignore:.*hold an N")
def test_kmers_with_n_are_left_out_of_the_count() -> None:
    sequence = "ACGTACGTNACGGTACCATG"
    encoder = KmerSpectrum(3)
    (vector,) = encoder.embed([sequence])
    expected = spectrum_by_hand(sequence, 3)
    np.testing.assert_allclose(vector, [expected.get(kmer, 0.0) for kmer in encoder.kmers], rtol=1e-6)


@given(st.lists(st.text("ACGT", min_size=5, max_size=60), min_size=1, max_size=5))
def test_both_strands_have_one_vector_to_the_last_bit(sequences: list[str]) -> None:
    encoder = KmerSpectrum(5)
    other_strands = [reverse_complement(sequence) for sequence in sequences]
    assert encoder.embed(sequences).tobytes() == encoder.embed(other_strands).tobytes()


def test_torch_is_not_imported_for_it() -> None:
    code = (
        "import sys, tempfile, pathlib\n"
        "from encoders import EmbeddingStore, load_encoder\n"
        "from encoders.embedding import embed_missing\n"
        "encoder = load_encoder('kmer-spectrum', k=3)\n"
        "store = EmbeddingStore(pathlib.Path(tempfile.mkdtemp()), encoder.spec)\n"
        "assert embed_missing(encoder, ['ACGTACGT'], store).n_encoded == 1\n"
        "assert not {'torch', 'transformers', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"k": 0}, "k from 1 to 8; got 0"),
        ({"k": 9}, "k from 1 to 8; got 9"),
        ({"k": "5"}, "whole number"),
        ({"kk": 5}, "no option 'kk'"),
        ({"source": "somewhere"}, "source must be None"),
        ({"layer": 3}, "layer must be -1"),
        ({"pooling": "cls"}, "pooling must be 'mean'"),
        ({"rc": "equivariant"}, "use 'average'"),
        ({"rc": "both"}, "rc must be"),
    ],
)
def test_settings_it_cannot_take_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_encoder("kmer-spectrum", **settings)  # type: ignore[arg-type]
