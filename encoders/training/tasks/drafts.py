"""Candidates as sequences, without those that are of no use."""

# ruff: noqa: F722

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.sequences import reverse_complement
from encoders.training.tasks.candidates import Candidate, Source
from encoders.training.tasks.recipes import RECIPES, Recipe, TaskSettings
from encoders.training.tasks.splice import is_canonical

SPARE = 2
"""Members of a class that are looked at for each that is kept: some find no partner."""

_BASES = frozenset("ACGT")


class Drafts:
    """Distinct sequences of every class, in the order of their places.

    Parameters
    ----------
    source : Source
    recipe : Recipe
    settings : TaskSettings
    rng : numpy.random.Generator

    Attributes
    ----------
    sequences : list of str
    labels : int64 [n]
    places : list of Interval
    left_out : Counter of str
        How many candidates, by why.

    Raises
    ------
    InputError
        A class has none.
    """

    def __init__(self, source: Source, recipe: Recipe, settings: TaskSettings, rng: np.random.Generator) -> None:
        self.recipe, self.left_out = recipe, Counter[str]()
        self._limits = [
            (settings.pool if recipe.background and label == 0 else SPARE) * settings.most
            for label in range(len(recipe.classes))
        ]
        needs_core = recipe is RECIPES["splice"] and settings.sites == "canonical"
        found = defaultdict(list)
        for interval, label in self._some(self._distinct_places(recipe.find(source, rng)), rng):
            bases = source.read(interval)
            if set(bases) - _BASES:
                self.left_out["with N or another code"] += 1
            elif needs_core and not is_canonical(label, bases):
                self.left_out["no GT at a donor or no AG at an acceptor"] += 1
            else:
                found[min(bases, reverse_complement(bases))].append((bases, label, interval))
        rows = list(self._distinct_sequences(found))
        self.sequences = [bases for bases, _, _ in rows]
        self.labels: Int64[np.ndarray, " n"] = np.array([label for _, label, _ in rows], dtype=np.int64)
        self.places = [interval for _, _, interval in rows]
        self._check_classes()

    def _distinct_places(self, candidates: Iterator[Candidate]) -> dict[Interval, int]:
        """Class of every place, until each class has as many as can be of use."""
        labels: dict[Interval, set[int]] = defaultdict(set)
        n_found = np.zeros(len(self._limits), dtype=np.int64)
        gene = ""
        for one in candidates:
            if one.gene != gene and one.gene and (n_found >= self._limits).all():
                break
            gene = one.gene or gene
            n_found[one.label] += one.interval not in labels
            labels[one.interval].add(one.label)
        self.left_out["places of several classes"] += sum(len(found) > 1 for found in labels.values())
        return {place: next(iter(found)) for place, found in labels.items() if len(found) == 1}

    def _some(self, places: Mapping[Interval, int], rng: np.random.Generator) -> list[tuple[Interval, int]]:
        """At most as many of a class as can be of use, in the order of their places."""
        kept: list[tuple[Interval, int]] = []
        for label, limit in enumerate(self._limits):
            listed = [place for place, of in places.items() if of == label]
            drawn = rng.permutation(len(listed))[:limit]
            self.left_out["more than is needed"] += len(listed) - len(drawn)
            kept += [(listed[k], label) for k in drawn.tolist()]
        return sorted(kept, key=lambda one: (one[0].chrom, one[0].start, one[0].strand))

    def _distinct_sequences(
        self, found: Mapping[str, list[tuple[str, int, Interval]]]
    ) -> Iterator[tuple[str, int, Interval]]:
        for same in found.values():
            if len({label for _, label, _ in same}) > 1:
                self.left_out["same sequence in several classes"] += len(same)
            else:
                self.left_out["repeats of a sequence"] += len(same) - 1
                yield same[0]

    def counts(self, classes: Sequence[str]) -> dict[str, int]:
        """Candidates that are of use, by class."""
        return {name: int((self.labels == label).sum()) for label, name in enumerate(classes)}

    def _check_classes(self) -> None:
        """Raise InputError if a class has none."""
        counts = self.counts(self.recipe.classes)
        if empty := [name for name, n in counts.items() if n == 0]:
            out = "; ".join(f"{n} {why}" for why, n in self.left_out.items() if n) or "none were left out"
            raise InputError(
                f"Every class needs sequences; there is none of class {empty[0]} ({out}): give more genes, a shorter "
                "window, or other files."
            )
