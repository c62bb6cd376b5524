"""Vectors of edges: their names, and Fisher's z."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from encoders.errors import InputError
from encoders.tables.quoting import quote_some

Edges = Float64[np.ndarray, "n_subjects n_edges"]
SEPARATOR = "--"


def edge_names(rois: Sequence[str], *, diagonal: bool) -> tuple[str, ...]:
    """``A--B`` for each entry of the lower triangle, row by row."""
    rows, columns = np.tril_indices(len(rois), 0 if diagonal else -1)
    return tuple(
        f"{rois[column]}{SEPARATOR}{rois[row]}" for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    )


def split_edge(name: str) -> tuple[str, str] | None:
    """The two regions of an edge's name; None of any other feature."""
    first, found, second = name.partition(SEPARATOR)
    return (first, second) if found else None


def fisher_z_of(edges: Edges, names: Sequence[str]) -> Edges:
    """atanh of correlations; those of 1 are refused."""
    whole = np.abs(edges) >= 1
    if whole.any():
        pairs = [names[j] for j in np.flatnonzero(whole.any(axis=0)).tolist()]
        raise InputError(
            f"Fisher's z needs correlations below 1; {quote_some(pairs)} reach it {np.count_nonzero(whole)} times: "
            "leave out one of two equal regions, or switch Fisher's z off."
        )
    return np.asarray(np.arctanh(edges))
