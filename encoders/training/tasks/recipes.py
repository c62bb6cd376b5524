"""What kinds of labelled sets can be made, and how."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from encoders.errors import InputError
from encoders.training.tasks.candidates import Candidate, Source
from encoders.training.tasks.coding import (
    CODING_CLASSES,
    EXONIC_CLASSES,
    FRAME_CLASSES,
    coding_candidates,
    exonic_candidates,
    frame_candidates,
)
from encoders.training.tasks.composition import TOLERANCE, Match
from encoders.training.tasks.splice import CLASSES as SPLICE_CLASSES
from encoders.training.tasks.splice import splice_candidates
from encoders.training.tasks.splitting import DuplicateRule, SplitBy
from encoders.training.tasks.starts import (
    FIRST_EXON_CLASSES,
    PROMOTER_CLASSES,
    first_exon_candidates,
    promoter_candidates,
)

TaskName = Literal["splice", "promoter", "frame", "coding", "exon", "first-exon"]
Sites = Literal["canonical", "all"]
Find = Callable[[Source, np.random.Generator], Iterator[Candidate]]


class Recipe(NamedTuple):
    """A task: its classes, its usual window in bases, where candidates come from, and whether class 0 is a background
    that is drawn from."""

    classes: tuple[str, ...]
    window: int
    find: Find
    background: bool = True


RECIPES: Mapping[TaskName, Recipe] = {
    "splice": Recipe(SPLICE_CLASSES, 200, splice_candidates),
    "promoter": Recipe(PROMOTER_CLASSES, 300, promoter_candidates),
    "frame": Recipe(FRAME_CLASSES, 90, frame_candidates, background=False),
    "coding": Recipe(CODING_CLASSES, 120, coding_candidates),
    "exon": Recipe(EXONIC_CLASSES, 120, exonic_candidates),
    "first-exon": Recipe(FIRST_EXON_CLASSES, 200, first_exon_candidates),
}


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """How a labelled set is made.

    Parameters
    ----------
    window : int, optional
        Bases of a sequence; the recipe's if not given.
    most : int
        Sequences of a class, over all splits.
    by : {"auto", "chromosome", "cluster"}
        "auto" splits by chromosome where `dev` or `test` names some, else by clusters of what is alike or overlaps.
    dev, test : tuple of str
        Chromosomes.
    identity : float
        From which sequences are near-duplicates.
    duplicates : {"drop", "keep"}
        Near-duplicates across splits: the one in the earlier split is dropped, or they stay and are told.
    match : {"gc", "dinucleotides", "none"}
        By what classes are matched.
    tolerance : float
        Largest difference in GC of members that are matched.
    sites : {"canonical", "all"}
        Splice sites with GT and AG alone, or all that are annotated.
    pool : int
        Candidates of the background for each labelled one.
    seed : int
    """

    window: int | None = None
    most: int = 2000
    by: SplitBy = "auto"
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    identity: float = 0.9
    duplicates: DuplicateRule = "drop"
    match: Match = "gc"
    tolerance: float = TOLERANCE
    sites: Sites = "canonical"
    pool: int = 10
    seed: int = 0

    def check(self) -> None:
        """Raise InputError where a number makes no sense."""
        for name, value, low, high in (
            ("window", 2 if self.window is None else self.window, 2, 100_000),
            ("most", self.most, 10, 10_000_000),
            ("pool", self.pool, 1, 1000),
            ("identity", self.identity, 0.5, 1.0),
            ("tolerance", self.tolerance, 0.0, 1.0),
            ("seed", self.seed, 0, 2**63 - 1),
        ):
            if not low <= value <= high:
                raise InputError(f"A labelled set needs {name} from {low} to {high}; got {value}: choose one of these.")
        if self.window is not None and self.window % 2:
            raise InputError(
                f"A window lies around its middle and must be even; got {self.window}: add or drop a base."
            )
