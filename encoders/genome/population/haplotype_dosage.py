"""Who is in the study, genetically: relatives, and haplotype counts per gene."""

# ruff: noqa: F722

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int8

from encoders.errors import InputError
from encoders.genome.sequences import sequence_id
from encoders.genome.windows.table import WindowTable

if TYPE_CHECKING:
    pass


def haplotype_dosage(
    table: WindowTable, gene_id: str
) -> tuple[Int8[np.ndarray, "n_subjects n_gene_haplotypes"], tuple[str, ...]]:
    """How many copies of each distinct haplotype of a gene every subject carries.

    Parameters
    ----------
    table : WindowTable
    gene_id : str
        Two haplotypes are equal where they agree in all windows of the gene.

    Returns
    -------
    dosage : int8 [n_subjects, n_gene_haplotypes]
        0, 1 or 2 (or 1 where the table holds one sequence per subject); the most common haplotype first.
    labels : tuple of str [n_gene_haplotypes]
        Identity of each haplotype, made of its windows' sequence ids.

    Raises
    ------
    InputError
        If the gene is not in the table.
    """
    if gene_id not in table.gene_ids:
        near = ", ".join(get_close_matches(gene_id, table.gene_ids, n=3)) or "none"
        raise InputError(f"Gene {gene_id} is not in the window table (near names: {near}): correct the name.")
    windows = np.flatnonzero(table.gene_index == table.gene_ids.index(gene_id)).tolist()
    carried = np.stack([table.haplotypes(window) for window in windows], axis=1)
    distinct, which, counts = np.unique(carried, axis=0, return_inverse=True, return_counts=True)
    dosage = np.zeros((table.n_subjects, len(distinct)), dtype=np.int8)
    np.add.at(dosage, (np.repeat(np.arange(table.n_subjects), table.ploidy), which.ravel()), 1)
    order = np.argsort(-counts, kind="stable")
    labels = tuple(sequence_id("".join(table.sequence_ids[index] for index in distinct[row])) for row in order)
    return dosage[:, order], labels
