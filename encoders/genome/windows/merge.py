"""Joins the window tables of parts of a panel into the table that one process would have made of all of it."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.windows.table import WindowTable


def merge_window_tables(parts: Sequence[WindowTable], gene_ids: Sequence[str]) -> WindowTable:
    """Join tables that hold every gene of a panel once, bit for bit as :func:`make_window_table` of the whole panel.

    Windows come in the order of the panel's genes, and distinct sequences in the order in which that panel shows them
    first. A part lists its sequences by first appearance too, so they need only be sorted by gene and joined.

    Parameters
    ----------
    parts : sequence of WindowTable
        Of the same subjects and settings, each with its genes in the order of the panel; any order of parts.
    gene_ids : sequence of str
        The panel.

    Returns
    -------
    WindowTable

    Raises
    ------
    InputError
        If a gene is missing, too many or in two parts, or parts differ in subjects, ploidy or settings.
    """
    _check_parts(parts, gene_ids)
    number_of = {gene: number for number, gene in enumerate(gene_ids)}
    genes = [np.array([number_of[gene] for gene in part.gene_ids])[part.gene_index] for part in parts]
    sequences, sequence_ids, codes = _join_sequences(parts, genes)
    gene_index = np.concatenate(genes)
    order = np.argsort(gene_index, kind="stable")
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    starts = np.cumsum(lengths) - lengths
    indptr = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    entries = np.arange(indptr[-1]) + np.repeat(starts[order] - indptr[:-1], lengths[order])

    def windows(name: str) -> np.ndarray:
        joined: np.ndarray = np.concatenate([getattr(part, name) for part in parts])[order]
        return joined

    def words(name: str) -> tuple[str, ...]:
        joined = [word for part in parts for word in getattr(part, name)]
        return tuple(joined[window] for window in order)

    def recoded(name: str) -> np.ndarray:
        joined = [code[getattr(part, name)] for part, code in zip(parts, codes, strict=True)]
        return np.concatenate(joined).astype(np.int32)

    events = sum((Counter(part.events) for part in parts), Counter())
    return WindowTable(
        subject_ids=parts[0].subject_ids,
        gene_ids=tuple(gene_ids),
        gene_index=gene_index[order].astype(np.int32),
        exon=windows("exon"),
        window=windows("window"),
        chrom=words("chrom"),
        start=windows("start"),
        end=windows("end"),
        strand=words("strand"),
        weight=windows("weight"),
        sequences=sequences,
        sequence_ids=sequence_ids,
        reference_index=recoded("reference_index")[order],
        indptr=indptr,
        haplotype_index=np.concatenate([part.haplotype_index for part in parts])[entries],
        sequence_index=recoded("sequence_index")[entries],
        ploidy=parts[0].ploidy,
        events=dict(sorted(events.items())),
        settings=parts[0].settings,
    )


def _check_parts(parts: Sequence[WindowTable], gene_ids: Sequence[str]) -> None:
    held = Counter(gene for part in parts for gene in part.gene_ids)
    panel = set(gene_ids)
    wrong = [gene for gene in dict.fromkeys([*gene_ids, *held]) if held[gene] != 1 or gene not in panel]
    if wrong or not parts:
        first = wrong[0] if wrong else "all"
        raise InputError(
            f"Window tables to be merged need each of the panel's {len(gene_ids)} genes once; {len(wrong)} are "
            f"missing, repeated or unknown (first {first}, {held[first]} times). Make what is missing; give each once."
        )
    for part in parts[1:]:
        for name in ("subject_ids", "ploidy", "settings"):
            if getattr(part, name) != getattr(parts[0], name):
                raise InputError(
                    f"Window tables to be merged need the same {name}; that of the part with gene {part.gene_ids[0]} "
                    f"differs from that with {parts[0].gene_ids[0]}. Make the parts with one configuration."
                )


def _join_sequences(
    parts: Sequence[WindowTable], genes: Sequence[Int64[np.ndarray, " _n_windows"]]
) -> tuple[tuple[str, ...], tuple[str, ...], list[Int64[np.ndarray, " _n_sequences"]]]:
    """Distinct sequences by first gene and, inside it, as its part lists them; for each part, their new numbers."""
    firsts = [_first_genes(part, gene) for part, gene in zip(parts, genes, strict=True)]
    of_part = np.repeat(np.arange(len(parts)), [len(first) for first in firsts])
    place = np.concatenate([np.arange(len(first)) for first in firsts])
    number_of: dict[str, int] = {}
    identity_of: dict[str, str] = {}
    codes = [np.empty(len(first), dtype=np.int64) for first in firsts]
    for joined in np.lexsort((place, of_part, np.concatenate(firsts))):
        part, row = parts[of_part[joined]], place[joined]
        sequence = part.sequences[row]
        identity_of[sequence] = part.sequence_ids[row]
        codes[of_part[joined]][row] = number_of.setdefault(sequence, len(number_of))
    return tuple(number_of), tuple(identity_of.values()), codes


def _first_genes(part: WindowTable, gene: Int64[np.ndarray, " n_windows"]) -> Int64[np.ndarray, " n_sequences"]:
    """Number in the panel of the first gene in which each sequence of a part appears."""
    first = np.full(len(part.sequences), np.iinfo(np.int64).max)
    np.minimum.at(first, part.reference_index, gene)
    np.minimum.at(first, part.sequence_index, np.repeat(gene, np.diff(part.indptr)))
    return first
