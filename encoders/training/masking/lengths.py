"""Lengths of the sequences of pretraining: half of them whole, half drawn, as DNABERT was trained."""

from dataclasses import dataclass

import numpy as np

from encoders.errors import InputError


@dataclass(frozen=True, slots=True)
class LengthRule:
    """How long the next sequence is.

    Attributes
    ----------
    shortest, longest : int
        Bases; both are drawn too.
    full_share : float
        Probability of the longest; the others are uniform from the shortest to the longest.
    """

    shortest: int
    longest: int
    full_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.shortest <= self.longest:
            raise InputError(
                f"Lengths of sequences need 0 < shortest <= longest; got {self.shortest} and {self.longest}: correct "
                "window.min_bases or window.max_bases."
            )

    def draw(self, rng: np.random.Generator) -> int:
        """Bases of one sequence."""
        if rng.random() < self.full_share:
            return self.longest
        return int(rng.integers(self.shortest, self.longest + 1))
