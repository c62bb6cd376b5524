"""Train, dev and test: by chromosome, or by clusters of what is alike."""

# ruff: noqa: F722

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

from encoders.errors import InputError
from encoders.training.tasks.similarity import Pairs

TRAIN, DEV, TEST = 0, 1, 2
SHARES = (0.7, 0.1, 0.2)
"""Of train, dev and test, where clusters are shared out."""

SplitBy = Literal["auto", "chromosome", "cluster"]
DuplicateRule = Literal["drop", "keep"]


def split_by_chromosome(chroms: Sequence[str], dev: Sequence[str], test: Sequence[str]) -> Int64[np.ndarray, " n"]:
    """Split of every sequence: 0 train, 1 dev, 2 test.

    Raises
    ------
    InputError
        A chromosome holds no sequence, or none is left for train.
    """
    there = list(dict.fromkeys(chroms))
    if absent := [name for name in (*dev, *test) if name not in there]:
        raise InputError(
            f"A split needs sequences; chromosome {absent[0]} holds none (there are {', '.join(there)}): choose others."
        )
    if len({*dev, *test}) == len(there):
        raise InputError(
            f"A split by chromosome leaves one for train; dev ({', '.join(dev)}) and test ({', '.join(test)}) take all "
            "that hold sequences: name fewer, or split by cluster."
        )
    place = dict.fromkeys(there, TRAIN) | dict.fromkeys(dev, DEV) | dict.fromkeys(test, TEST)
    return np.array([place[chrom] for chrom in chroms], dtype=np.int64)


def split_by_cluster(
    clusters: Int64[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    rng: np.random.Generator,
    shares: Sequence[float] = SHARES,
) -> Int64[np.ndarray, " n"]:
    """Split of every sequence: whole clusters, the largest first, go where their classes are lacking most.

    Parameters
    ----------
    clusters, labels : int64 [n]
    rng : numpy.random.Generator
        Order of clusters of one size.
    shares : three floats
        Of every class, in train, dev and test.
    """
    n_classes = int(labels.max()) + 1
    counts = np.zeros((int(clusters.max()) + 1, n_classes))
    np.add.at(counts, (clusters, labels), 1.0)
    wanted = np.outer(shares, counts.sum(axis=0))
    lacking: Float64[np.ndarray, "3 n_classes"] = wanted.copy()
    order = rng.permutation(len(counts))
    place = np.zeros(len(counts), dtype=np.int64)
    for cluster in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        need = (lacking / np.maximum(wanted, 1e-9)) @ counts[cluster]
        place[cluster] = int(need.argmax())
        lacking[place[cluster]] -= counts[cluster]
    return np.asarray(place[clusters])


def straddling(pairs: Pairs, split: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "n_across 2"]:
    """Those pairs whose two sequences are in different splits."""
    return np.asarray(pairs[split[pairs[:, 0]] != split[pairs[:, 1]]])


def keep_apart(pairs: Pairs, split: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which sequences stay so that no pair straddles splits: of two the one in the later split does."""
    kept = np.ones(len(split), dtype=bool)
    across = straddling(pairs, split)
    earlier = np.where(split[across[:, 0]] < split[across[:, 1]], across[:, 0], across[:, 1])
    kept[earlier] = False
    return kept


def choose_rule(by: SplitBy, dev: Sequence[str], test: Sequence[str]) -> Literal["chromosome", "cluster"]:
    """What ``auto`` stands for: chromosomes where they are named, else clusters.

    Raises
    ------
    InputError
        Chromosomes are named for a split by cluster, or not for both splits of one by chromosome.
    """
    if by == "cluster" and (dev or test):
        raise InputError("A split by cluster takes no chromosomes for dev and test; some are named: leave them out.")
    if by == "cluster" or not (dev or test or by == "chromosome"):
        return "cluster"
    if not dev or not test:
        raise InputError(
            f"A split by chromosome needs one for dev and one for test; got dev {', '.join(dev) or 'none'}, test "
            f"{', '.join(test) or 'none'}: name both, or split by cluster."
        )
    if both := sorted(set(dev) & set(test)):
        raise InputError(f"A chromosome may be in one split only; {both[0]} is asked for in dev and test: choose one.")
    return "chromosome"
