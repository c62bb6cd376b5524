"""A panel of genes of any size, drawn gene by gene: what distinct windows and embeddings look like at scale."""

from typing import Any

import numpy as np
import scipy.sparse

from fusion import FactoredView

POPULATIONS = 5
WINDOWS_PER_GENE = 10  # over which a gene's vector is a weighted mean


def make_panel(
    n_subjects: int,
    *,
    n_genes: int = 111,
    hidden_dim: int = 768,
    n_windows: int = 33_000,
    carried: int = 500,
    seed: int = 0,
) -> tuple[FactoredView, np.ndarray[Any, Any]]:
    """Return a factored view and 15 confounds.

    A subject carries about `carried` non-reference windows. Their frequencies fall like 1/rank within a gene and
    differ between populations, as common and rare haplotypes do; the embedding of a window differs from the
    reference's by a vector whose variance falls like 1/dimension in a random frame.
    """
    rng = np.random.default_rng(seed)
    population = rng.integers(0, POPULATIONS, n_subjects)
    sizes = np.diff(np.linspace(0, n_windows, n_genes + 1).astype(int))
    frames = np.linalg.qr(rng.standard_normal((hidden_dim, hidden_dim))).Q / np.sqrt(np.arange(1, hidden_dim + 1))
    designs, embeddings = [], []
    for size in sizes:
        designs.append(_design(rng, population, size, carried / n_genes))
        embeddings.append((rng.standard_normal((size, hidden_dim)) @ frames.T).astype(np.float32))
    view = FactoredView(
        designs=designs,
        embeddings=embeddings,
        subject_ids=[f"s{i:06d}" for i in range(n_subjects)],
        gene_ids=[f"g{g:03d}" for g in range(n_genes)],
    )
    confounds = rng.standard_normal((n_subjects, 15))
    confounds[:, 0] += population
    return view, confounds


def _design(rng: np.random.Generator, population: np.ndarray[Any, Any], n_windows: int, per_subject: float) -> Any:
    counts = rng.poisson(per_subject, len(population))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.empty(indptr[-1], dtype=np.int32)
    owners = np.repeat(population.astype(np.int8), counts)
    common = 1 / np.arange(1, n_windows + 1)
    for p in range(POPULATIONS):
        frequencies = common * rng.gamma(2.0, 0.5, n_windows)
        chosen = np.flatnonzero(owners == p)
        indices[chosen] = np.searchsorted(
            np.cumsum(frequencies), rng.random(len(chosen)) * frequencies.sum(), side="right"
        ).clip(max=n_windows - 1)
    weights = rng.uniform(0.5, 1.5, n_windows).astype(np.float32) / (2 * WINDOWS_PER_GENE)
    return scipy.sparse.csr_array(
        (weights[indices], indices, indptr.astype(np.int32)), shape=(len(population), n_windows)
    )
