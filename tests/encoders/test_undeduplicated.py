"""Subjects embedded window by window, haplotype by haplotype, against each distinct window once."""

from pathlib import Path

import numpy as np
import pytest

from encoders.dna.registry import load_encoder
from encoders.embedding import embed_missing, read_embeddings
from encoders.genome.annotation.panel import read_panel
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table
from encoders.store import EmbeddingStore
from encoders.subjects import make_gene_factors


@pytest.fixture(scope="module")
def simulated(simulated_genome: Path) -> WindowTable:
    """Forty-one phased subjects and five genes."""
    return make_window_table(
        Reference(simulated_genome / "genome.fa.gz"),
        read_panel(simulated_genome / "genes.gtf"),
        VariantFiles(simulated_genome / "phased.vcf.gz"),
    )


@pytest.fixture(scope="module")
def real(real_data: Path) -> WindowTable:
    """Fifty phased subjects and the genes of one megabase of chromosome 20."""
    folder = real_data / "genome/grch37_chr20"
    variants = VariantFiles(next(folder.glob("*EUR300*.vcf.gz")))
    return make_window_table(
        Reference(next(folder.glob("*.fa.gz"))),
        read_panel(next(folder.glob("*.gtf")), unstranded="forward"),
        variants,
        subject_ids=list(variants.samples)[:50],
    )


@pytest.mark.parametrize("name", ["simulated", "real"])
def test_subjects_are_the_same_with_and_without_deduplication(
    request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    table = request.getfixturevalue(name)
    encoder = load_encoder("kmer-spectrum")
    store = EmbeddingStore(tmp_path, encoder.spec)
    embed_missing(encoder, table.sequences, store)
    once = read_embeddings(table.sequences, store)
    factors = make_gene_factors(table, once)
    for g in range(0, len(table.gene_ids), 3):
        windows = np.flatnonzero(table.gene_index == g)
        expected = np.zeros((table.n_subjects, once.shape[1]))
        for window in windows:
            carried = table.haplotypes(window)
            again = encoder.embed([table.sequences[i] for i in carried])  # every copy, however often it repeats
            np.testing.assert_array_equal(again, once[carried])
            both = again.astype(np.float64).reshape(table.n_subjects, table.ploidy, -1).mean(axis=1)
            expected += table.weight[window] * both
        found = factors.offsets[g] + factors.designs[g] @ factors.embeddings[g].astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
