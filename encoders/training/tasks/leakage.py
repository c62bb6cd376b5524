"""What a labelled set, whoever made it, has on both sides of its splits."""

from dataclasses import dataclass

import numpy as np

from encoders.training.tasks.labelled import LabelledSet
from encoders.training.tasks.similarity import similar_pairs


@dataclass(frozen=True)
class Leakage:
    """Sequences of test with a near-duplicate in another split.

    Attributes
    ----------
    n_test : int
    n_in_train, n_in_dev : int
        Of these, those that a sequence of train, or of dev, is alike to.
    identity : float
        From which sequences count as alike.
    """

    n_test: int
    n_in_train: int
    n_in_dev: int
    identity: float

    def sentence(self) -> str:
        """What was found, for a person."""
        return (
            f"{self.n_in_train} of {self.n_test} test sequences have a near-duplicate (identity of "
            f"{self.identity:.0%} or more, on either strand) in train, {self.n_in_dev} in dev."
        )


def find_leakage(task: LabelledSet, *, identity: float = 0.9) -> Leakage:
    """Look for near-duplicates across the splits of a set, as `similar_pairs` finds them.

    Parameters
    ----------
    task : LabelledSet
    identity : float
    """
    of_split = np.repeat(np.arange(3), [len(split) for split in task.splits.values()])
    sequences = [sequence for split in task.splits.values() for sequence in split.sequences]
    pairs = similar_pairs(sequences, identity=identity)
    in_test = pairs[of_split[pairs[:, 1]] == 2]  # splits follow one another, so the later one stands second
    found = [len(np.unique(in_test[of_split[in_test[:, 0]] == place, 1])) for place in (0, 1)]
    return Leakage(len(task.test), found[0], found[1], identity)
