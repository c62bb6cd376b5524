"""Sequences in another order with every pair of neighbours as often as before (https://doi.org/10.1093/oxfordjournals.molbev.a040370).

A sequence is a walk over its letters in which each pair of neighbours is an edge; every other walk over the same edges
is a shuffle. Altschul and Erickson draw the edge by which each letter is left for the last time, a tree into the last
letter, and the order of the others at random: all walks are equally likely then. The tree is drawn by Wilson's walks
(https://doi.org/10.1145/237814.237880), which end on any sequence, where drawing edges until they are a tree may not.
"""

# ruff: noqa: F722

import re

import numpy as np
from jaxtyping import Float64, Int64, UInt8

LETTERS = "ACGT"
_RUN = re.compile(f"[{LETTERS}]+")
_CODES = np.zeros(256, dtype=np.int64)
_CODES[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(4)
_BYTES = np.frombuffer(LETTERS.encode(), np.uint8)

Codes = Int64[np.ndarray, " n_bases"]


def shuffle_dinucleotides(sequence: str, n_shuffles: int, rng: np.random.Generator) -> list[str]:
    """Shuffles of a sequence that keep the count of every dinucleotide, and its first and last base.

    Parameters
    ----------
    sequence : str
        Upper case. Letters other than A, C, G, T stay where they are, and what stands between them is shuffled by
        itself.
    n_shuffles : int
    rng : numpy Generator

    Returns
    -------
    list of str, length n_shuffles

    Examples
    --------
    >>> from encoders.dna.pieces.shuffling import shuffle_dinucleotides
    >>> import numpy as np
    >>> shuffle_dinucleotides("AACCNGT", 1, np.random.default_rng(0))
    ['AACCNGT']
    """
    letters = np.tile(np.frombuffer(sequence.encode("ascii"), np.uint8), (n_shuffles, 1))
    for run in _RUN.finditer(sequence):
        letters[:, slice(*run.span())] = _shuffle_run(_CODES[letters[0, slice(*run.span())]], n_shuffles, rng)
    return [row.tobytes().decode("ascii") for row in letters]


def _shuffle_run(codes: Codes, n_shuffles: int, rng: np.random.Generator) -> UInt8[np.ndarray, "n_shuffles n_bases"]:
    """All shuffles of one run walk at once, each step of them one of numpy's."""
    rows, step = np.arange(n_shuffles), np.zeros((n_shuffles, 4), dtype=np.int64)
    leaving, first = _orders(codes, n_shuffles, rng)
    walked = np.empty((n_shuffles, len(codes)), dtype=np.uint8)
    at = np.full(n_shuffles, codes[0])
    walked[:, 0] = _BYTES[at]
    for place in range(1, len(codes)):
        number = step[rows, at]
        step[rows, at] = number + 1
        at = leaving[rows, first[at] + number]
        walked[:, place] = _BYTES[at]
    return walked


def _orders(
    codes: Codes, n_shuffles: int, rng: np.random.Generator
) -> tuple[Int64[np.ndarray, "n_shuffles n_edges"], Int64[np.ndarray, " 4"]]:
    """Where the edges of each letter lead, in the order in which they are taken; and where those of a letter begin."""
    counts = np.zeros((4, 4), dtype=np.int64)
    np.add.at(counts, (codes[:-1], codes[1:]), 1)
    first = np.concatenate([[0], counts.sum(axis=1).cumsum()[:-1]])
    leaving = np.empty((n_shuffles, len(codes) - 1), dtype=np.int64)
    trees = _trees(counts, int(codes[-1]), n_shuffles, rng)
    for letter in np.flatnonzero(counts.sum(axis=1)):
        others = np.repeat(np.arange(4), counts[letter])
        block = rng.permuted(np.tile(others, (n_shuffles, 1)), axis=1)
        if letter != codes[-1]:  # one edge to the letter that the tree says is moved to the end
            last = trees[:, letter]
            place = (block == last[:, None]).argmax(axis=1)
            rows = np.arange(n_shuffles)
            block[rows, place] = block[:, -1]
            block[:, -1] = last
        leaving[:, first[letter] : first[letter] + len(others)] = block
    return leaving, first


def _trees(
    counts: Int64[np.ndarray, "4 4"], root: int, n_trees: int, rng: np.random.Generator
) -> Int64[np.ndarray, "n_trees 4"]:
    """Random trees into the root: the letter that each letter is followed by when it is left for the last time."""
    present = [letter for letter in range(4) if counts[letter].any() and letter != root]
    trees = np.full((n_trees, 4), root)
    onward = np.cumsum(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), axis=1)
    for tree in trees:
        _draw_tree(tree, onward, present, root, rng)
    return trees


def _draw_tree(
    tree: Int64[np.ndarray, " 4"],
    onward: Float64[np.ndarray, "4 4"],
    present: list[int],
    root: int,
    rng: np.random.Generator,
) -> None:
    """Walk from each letter until the tree is met; the last way out of each letter is kept, so that loops fall away."""
    within = {root}
    for start in present:
        at = start
        while at not in within:
            tree[at] = min(int(np.searchsorted(onward[at], rng.random(), side="right")), 3)
            at = int(tree[at])
        at = start
        while at not in within:
            within.add(at)
            at = int(tree[at])
