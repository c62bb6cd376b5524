"""What of each gene an encoder could not read, for the results of a run: shares and counts, no subject's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from encoders.dna.sequence_check import WARN_ABOVE

if TYPE_CHECKING:
    import pandas as pd

    from encoders.dna.protocol import SequenceEncoder
    from encoders.genome.windows.haplotype_windows import WindowTable


def gene_report(table: WindowTable, encoder: SequenceEncoder) -> pd.DataFrame:
    """`encoders.dna.unknown_bases.report_unknown` over the distinct sequences of each gene."""
    from encoders.dna.unknown_bases import report_unknown

    entries = np.repeat(table.gene_index, np.diff(table.indptr))
    genes = np.concatenate([table.gene_index, entries])
    pairs = np.stack([genes, np.concatenate([table.reference_index, table.sequence_index])], axis=1)
    distinct = np.unique(pairs, axis=0)
    gene_ids = [table.gene_ids[gene] for gene in distinct[:, 0]]
    return report_unknown(gene_ids, [table.sequences[index] for index in distinct[:, 1]], encoder)


def describe(report: pd.DataFrame) -> str:
    """One sentence where a gene is poorly read, else nothing."""
    above = report[(report["unknown_fraction"] > WARN_ABOVE) | (report["n_refused"] > 0)]
    if above.empty:
        return ""
    shares = above["unknown_fraction"]
    worst = str(shares.idxmax())
    return (
        f"{len(above)} of {len(report)} genes have more than {WARN_ABOVE:.0%} unknown tokens or windows that cannot be "
        f"read ({int(report['n_refused'].sum()):,} distinct sequences without a vector); the worst is {worst} "
        f"({shares.max():.1%})"
    )
