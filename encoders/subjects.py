"""From windows to subjects, kept factored: X_g = 1 offset_g' + designs_g @ embeddings_g.

A subject's vector for a gene is the mean over haplotypes of the weighted mean over the gene's windows. Nearly all
haplotypes carry the reference sequence, whose vector is the same for everyone: it goes into the offset, and a design
holds an entry only where a haplotype differs, ``+ weight / ploidy`` at the sequence it carries and
``- weight / ploidy`` at the reference sequence that it replaces. The dense matrix is never built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64

from encoders.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from encoders.genome.windows.haplotype_windows import WindowTable

Embeddings = Float32[np.ndarray, "_n_sequences hidden_dim"]
Offset = Float64[np.ndarray, " hidden_dim"]
Windows = Int64[np.ndarray, " n_gene_windows"]
SequenceVectors = Callable[[list[int]], Embeddings]


@dataclass(frozen=True)
class GeneFactors:
    """Subjects x (genes x hidden_dim) without the dense matrix; the block of a gene is factored as above.

    Attributes
    ----------
    subject_ids, gene_ids : tuple of str
        Rows, and blocks of columns.
    designs : list of csr_array, each (n_subjects, n_sequences_of_gene)
        Copies of each sequence beyond the reference, times window weight / ploidy.
    embeddings : list of float32 array, each (n_sequences_of_gene, hidden_dim)
        Vectors of those sequences.
    offsets : list of float64 array, each (hidden_dim,)
        Vector of a subject who carries the reference in all windows of the gene.
    """

    subject_ids: tuple[str, ...]
    gene_ids: tuple[str, ...]
    designs: list[csr_array]
    embeddings: list[Embeddings]
    offsets: list[Offset]


def make_gene_factors(table: WindowTable, vectors_of: SequenceVectors | Embeddings) -> GeneFactors:
    """Factor the subject vectors of every gene of a window table.

    Parameters
    ----------
    table : WindowTable
        Which haplotype carries which sequence.
    vectors_of : callable or float32 array, shape (n_distinct, hidden_dim)
        Vectors of ``table.sequences``: an array (may be memory-mapped), or a function that takes a list of indexes
        into them and returns their vectors.

    Returns
    -------
    GeneFactors
        Genes in the order of ``table.gene_ids``.

    Raises
    ------
    InputError
        A gene has no window, or the array has not one row per distinct sequence.
    """
    if not callable(vectors_of):
        if len(vectors_of) != len(table.sequences):
            raise InputError(
                f"One vector per distinct sequence is needed: the table has {len(table.sequences)} sequences, "
                f"the array {len(vectors_of)} rows. Embed the sequences of this very table."
            )
        vectors_of = vectors_of.__getitem__
    designs, embeddings, offsets = [], [], []
    for gene, gene_id in enumerate(table.gene_ids):
        windows = np.flatnonzero(table.gene_index == gene)
        if not len(windows):
            raise InputError(f"Every gene needs at least one window; {gene_id} has none. Remove it from the panel.")
        design, sequences = _make_design(table, windows)
        designs.append(design)
        embeddings.append(np.asarray(vectors_of(sequences), dtype=np.float32))
        reference = vectors_of(table.reference_index[windows].tolist()).astype(np.float64)
        offsets.append(table.weight[windows] @ reference)
    return GeneFactors(table.subject_ids, table.gene_ids, designs, embeddings, offsets)


def _make_design(table: WindowTable, windows: Windows) -> tuple[csr_array, list[int]]:
    """Design of one gene, and the sequence of each of its columns."""
    from scipy.sparse import coo_array

    subjects, carried, replaced, weights = (
        np.concatenate(parts) for parts in zip(*_entries(table, windows), strict=True)
    )
    sequences, columns = np.unique(np.concatenate([carried, replaced]), return_inverse=True)
    values = np.concatenate([weights, -weights])
    shape = (len(table.subject_ids), len(sequences))
    # scipy keeps the type of the places it is given: half the memory where 32 bits hold them.
    kind = np.int32 if max(*shape, len(values)) < np.iinfo(np.int32).max else np.int64
    places = np.tile(subjects, 2).astype(kind), columns.astype(kind)
    design = coo_array((values, places), shape=shape).tocsr()  # adds up repeated entries
    design.eliminate_zeros()
    return design, sequences.tolist()


def _entries(table: WindowTable, windows: Windows) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Per window: the subject, sequence carried, sequence replaced and weight of every non-reference haplotype."""
    entries = []
    for window in windows:
        inside = slice(table.indptr[window], table.indptr[window + 1])
        carried = table.sequence_index[inside]
        replaced = np.full_like(carried, table.reference_index[window])
        weights = np.full(len(carried), table.weight[window] / table.ploidy)
        entries.append((table.haplotype_index[inside] // table.ploidy, carried, replaced, weights))
    return entries
