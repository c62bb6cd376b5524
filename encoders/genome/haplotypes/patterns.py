"""Distinct patterns of alleles over a region, found record by record without keeping the genotypes."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Int32, Int64

from encoders.genome.haplotypes.alleles import REFERENCE, MissingPolicy, UnphasedPolicy, choose_alleles, ploidy_of
from encoders.genome.haplotypes.consensus import Consensus, Edit
from encoders.genome.variants.genotypes import GenotypeBlock, join_chunks

GENOTYPES_AT_ONCE = 2_000_000
"""Genotypes of a chunk: about 40 bytes each while they are read."""


@dataclass(frozen=True)
class Pattern:
    """One way to differ from the reference in a region, and who carries it.

    Parameters
    ----------
    edits : tuple of Edit
        By position, on the plus strand; empty where every carried record was skipped.
    haplotypes : int64 [n_carriers]
        ``ploidy * subject + haplotype`` in the block, both from 0, ascending.
    events : Counter
        What the rules did, counted once per haplotype.
    """

    edits: tuple[Edit, ...]
    haplotypes: Int64[np.ndarray, " n_carriers"]
    events: Counter[str]


def records_at_once(n_subjects: int) -> int:
    """Records of a chunk, so that its memory does not depend on the number of subjects."""
    return max(1, GENOTYPES_AT_ONCE // max(1, n_subjects))


def find_patterns(
    sequence: str,
    start: int,
    chunks: Iterable[GenotypeBlock],
    *,
    unphased: UnphasedPolicy,
    missing: MissingPolicy,
    only_copy: int | None = None,
) -> Iterator[Pattern]:
    """Distinct patterns of non-reference alleles, each resolved once.

    Parameters
    ----------
    sequence : str
        Reference of the region, upper case, plus strand.
    start : int
        First base of the region, from 0.
    chunks : iterable of GenotypeBlock
        Consecutive records of one file; their genotypes are dropped one chunk after the other.
    unphased, missing : str
        Policies (:func:`encoders.genome.haplotypes.alleles.choose_alleles`).
    only_copy : int, optional
        Leave the other haplotype of each subject alone (0 or 1).
    """
    ploidy = ploidy_of(unphased)
    tree, seen = None, []
    for chunk in chunks:
        codes = choose_alleles(chunk, unphased=unphased, missing=missing)
        if only_copy is not None:
            codes[:, np.arange(codes.shape[1]) % ploidy != only_copy] = REFERENCE
        tree = tree or PatternTree(codes.shape[1])
        tree.add(codes)
        seen.append(chunk.without_genotypes())
    if tree is None:
        return
    consensus = Consensus(sequence, start, join_chunks(seen))
    for carried, haplotypes in tree.patterns():
        edits, events = consensus.resolve(carried)
        yield Pattern(edits, haplotypes, Counter({event: n * len(haplotypes) for event, n in events.items()}))


class PatternTree:
    """Haplotypes that agree so far stand on one node; a record with another allele takes its carriers to a child.

    Exact, and as large as the distinct patterns and their beginnings are many.

    Parameters
    ----------
    n_haplotypes : int
    """

    def __init__(self, n_haplotypes: int) -> None:
        self._node = np.zeros(n_haplotypes, dtype=np.int64)
        self._parents, self._records, self._codes = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], [_NO_CODES]
        self._n_nodes, self._n_records = 1, 0

    def add(self, codes: Int32[np.ndarray, "n_records n_haplotypes"]) -> None:
        """Further records, in file order."""
        records, carriers = np.nonzero(codes)
        carried = codes[records, carriers].astype(np.int64) - _LOWEST
        bounds = np.searchsorted(records, np.arange(len(codes) + 1)).tolist()
        for record, (first, last) in enumerate(pairwise(bounds)):
            if first < last:
                self._branch(self._n_records + record, carriers[first:last], carried[first:last])
        self._n_records += len(codes)

    def _branch(
        self, record: int, carriers: Int64[np.ndarray, " n_carriers"], codes: Int64[np.ndarray, " n_carriers"]
    ) -> None:
        children, which = np.unique((self._node[carriers] << 32) | codes, return_inverse=True)
        self._node[carriers] = self._n_nodes + which
        self._n_nodes += len(children)
        self._parents.append(children >> 32)
        self._records.append(np.full(len(children), record, dtype=np.int64))
        self._codes.append((children & 0xFFFFFFFF) + _LOWEST)

    def patterns(self) -> Iterator[tuple[list[tuple[int, int]], Int64[np.ndarray, " n_carriers"]]]:
        """Every distinct pattern but the reference: its (record, code) in file order, and its carriers."""
        parents, records, codes = (np.concatenate(c) for c in (self._parents, self._records, self._codes))
        order = np.argsort(self._node, kind="stable")
        ends, firsts = np.unique(self._node[order], return_index=True)
        for end, haplotypes in zip(ends.tolist(), np.split(order, firsts[1:]), strict=True):
            path = []
            while end:
                path.append((int(records[end]), int(codes[end])))
                end = int(parents[end])
            if path:
                yield path[::-1], haplotypes


_LOWEST = int(np.iinfo(np.int32).min)
_NO_CODES = np.zeros(1, dtype=np.int64)
