"""The factored subjects equal the dense mean over windows and haplotypes, computed the slow and obvious way."""

from dataclasses import replace

import numpy as np
import pytest

from encoders import InputError
from encoders.genome.sequences import sequence_id
from encoders.genome.windows.haplotype_windows import WindowTable
from encoders.subjects import GeneFactors, make_gene_factors

N_SUBJECTS, HIDDEN_DIM = 37, 16


def make_table(seed: int, *, ploidy: int = 2, n_genes: int = 11) -> tuple[WindowTable, np.ndarray]:
    """Random table, and the same as a dense array [n_windows, n_haplotypes] of sequence indexes."""
    rng = np.random.default_rng(seed)
    sequences = ["", *("".join(rng.choice(list("ACGT"), length)) for length in rng.integers(20, 511, 60))]
    n_windows_of_gene = rng.integers(1, 6, n_genes)
    gene_index = np.repeat(np.arange(n_genes), n_windows_of_gene).astype(np.int32)
    n_windows, n_haplotypes = len(gene_index), N_SUBJECTS * ploidy
    reference_index = rng.integers(1, len(sequences), n_windows).astype(np.int32)
    carried = np.repeat(reference_index[:, None], n_haplotypes, axis=1)
    differs = rng.random(carried.shape) < rng.choice([0.0, 0.05, 0.9], (n_windows, 1))
    carried[differs] = rng.integers(0, 5, differs.sum())  # few sequences: repeats within and across windows; 0 is lost
    differs = carried != reference_index[:, None]
    bp = rng.integers(1, 511, n_windows)
    weight = bp / np.bincount(gene_index, bp)[gene_index]
    window, haplotype = np.nonzero(differs)
    table = WindowTable(
        subject_ids=tuple(f"s{i:03d}" for i in range(N_SUBJECTS)),
        gene_ids=tuple(f"g{i}" for i in range(n_genes)),
        gene_index=gene_index,
        exon=np.zeros(n_windows, np.int32),
        window=np.arange(n_windows, dtype=np.int32),
        chrom=("20",) * n_windows,
        start=np.arange(n_windows),
        end=np.arange(n_windows) + bp,
        strand=("+",) * n_windows,
        weight=weight,
        sequences=tuple(sequences),
        sequence_ids=tuple(map(sequence_id, sequences)),
        reference_index=reference_index,
        indptr=np.concatenate([[0], np.cumsum(differs.sum(axis=1))]),
        haplotype_index=haplotype.astype(np.int64),
        sequence_index=carried[window, haplotype].astype(np.int32),
        ploidy=ploidy,
        events={},
        settings={},
    )
    return table, carried


def make_vectors(table: WindowTable, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((len(table.sequences), HIDDEN_DIM)).astype(np.float32)
    vectors[0] = 0  # the lost window
    return vectors


def dense_subjects(table: WindowTable, carried: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Undeduplicated: every subject, gene, window and haplotype in turn; [n_subjects, n_genes, hidden_dim]."""
    dense = np.zeros((N_SUBJECTS, len(table.gene_ids), HIDDEN_DIM))
    for subject in range(N_SUBJECTS):
        for window, gene in enumerate(table.gene_index):
            for haplotype in range(table.ploidy):
                vector = vectors[carried[window, table.ploidy * subject + haplotype]]
                dense[subject, gene] += table.weight[window] * vector / table.ploidy
    return dense


def multiply_out(factors: GeneFactors) -> np.ndarray:
    blocks = zip(factors.designs, factors.embeddings, factors.offsets, strict=True)
    return np.stack([offset + design @ embedding for design, embedding, offset in blocks], axis=1)


@pytest.mark.parametrize("ploidy", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_factors_equal_the_dense_mean(seed: int, ploidy: int) -> None:
    table, carried = make_table(seed, ploidy=ploidy)
    vectors = make_vectors(table, seed)
    assert (carried == 0).any(), "some haplotype must have lost a window"
    expected = dense_subjects(table, carried, vectors)
    factors = make_gene_factors(table, vectors)
    np.testing.assert_allclose(multiply_out(factors), expected, atol=1e-6)
    from_function = make_gene_factors(table, lambda indexes: vectors[indexes])
    np.testing.assert_array_equal(multiply_out(from_function), multiply_out(factors))


def test_shapes_and_sparsity() -> None:
    table, carried = make_table(3)
    factors = make_gene_factors(table, make_vectors(table, 3))
    assert factors.subject_ids == table.subject_ids
    assert factors.gene_ids == table.gene_ids
    assert len(factors.designs) == len(factors.embeddings) == len(factors.offsets) == 11
    for gene, (design, embedding, offset) in enumerate(
        zip(factors.designs, factors.embeddings, factors.offsets, strict=True)
    ):
        assert design.shape == (N_SUBJECTS, len(embedding))
        assert embedding.dtype == np.float32
        assert offset.shape == (HIDDEN_DIM,)
        is_reference = (carried == table.reference_index[:, None])[table.gene_index == gene].all(axis=0)
        unchanged = is_reference.reshape(N_SUBJECTS, 2).all(axis=1)
        assert not design[np.flatnonzero(unchanged)].nnz, "a subject who carries the reference needs no entry"


def test_a_gene_without_variation_has_no_columns() -> None:
    table, _ = make_table(8, n_genes=1)
    nothing = {"haplotype_index": np.zeros(0, np.int64), "sequence_index": np.zeros(0, np.int32)}
    unvaried = replace(table, indptr=np.zeros_like(table.indptr), **nothing)
    factors = make_gene_factors(unvaried, make_vectors(table, 8))
    assert factors.designs[0].shape == (N_SUBJECTS, 0)
    assert factors.embeddings[0].shape == (0, HIDDEN_DIM)
    assert multiply_out(factors).shape == (N_SUBJECTS, 1, HIDDEN_DIM)


def test_vectors_of_another_table_are_refused() -> None:
    table, _ = make_table(1)
    with pytest.raises(InputError, match="has 61 sequences, the array 60 rows"):
        make_gene_factors(table, make_vectors(table, 1)[1:])


def test_a_gene_without_windows_is_named() -> None:
    table, _ = make_table(1)
    widened = replace(table, gene_ids=(*table.gene_ids, "lost"))
    with pytest.raises(InputError, match="lost has none"):
        make_gene_factors(widened, make_vectors(table, 1))
