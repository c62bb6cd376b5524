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
    """What is poorly read, in a sentence for each of its two kinds; nothing where all is well.

    Examples
    --------
    >>> import pandas as pd
    >>> report = pd.DataFrame({"unknown_fraction": [0.03, 0.0], "n_refused": [1, 0]}, index=["COMT", "PDYN"])
    >>> describe(report)
    'windows that cannot be read in 1 of 2 genes (COMT; distinct sequences without a vector: 1)'
    """
    above, refused = report[report["unknown_fraction"] > WARN_ABOVE], report[report["n_refused"] > 0]
    said = []
    if not above.empty:
        worst = above["unknown_fraction"].idxmax()
        said.append(
            f"more than {WARN_ABOVE:.0%} unknown tokens in {len(above)} of {len(report)} genes, most in {worst} "
            f"({above['unknown_fraction'].max():.1%})"
        )
    if not refused.empty:
        most = refused["n_refused"].idxmax()
        said.append(
            f"windows that cannot be read in {len(refused)} of {len(report)} genes ({'most in ' * (len(refused) > 1)}"
            f"{most}; distinct sequences without a vector: {int(refused['n_refused'].sum()):,})"
        )
    return "; ".join(said)
