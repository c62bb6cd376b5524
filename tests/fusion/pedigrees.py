"""Families that are made: who is whose child, kinship by recursion, genes dropped from founders."""

from dataclasses import dataclass

import numpy as np

#: Parents by member, None for founders, parents first; who of them is in the cohort.
FAMILIES = (
    ((None, None, (0, 1)), (0, 1, 2)),  # parents and child
    ((None, None, (0, 1), (0, 1), (0, 1)), (2, 3, 4)),  # three siblings
    ((None, None, (0, 1), (0, 1)), (0, 2, 3)),  # one parent, two siblings
    ((None, None, None, (0, 1), (1, 2)), (3, 4)),  # half-siblings
    ((None, None, None, None, (0, 1), (0, 1), (2, 4), (3, 5), (3, 5)), (6, 7, 8)),  # cousins
    ((None,), (0,)),
)


@dataclass(frozen=True)
class Pedigrees:
    """A cohort of such families.

    Attributes
    ----------
    members : list of (family, member) of the cohort, in order
    shapes : which of FAMILIES every family is
    """

    members: list[tuple[int, int]]
    shapes: list[int]

    @property
    def families(self) -> np.ndarray:
        return np.array([family for family, _ in self.members])

    @property
    def relationship(self) -> np.ndarray:
        """Twice the coefficients of kinship, [n_subjects, n_subjects]."""
        found = np.zeros((len(self.members),) * 2)
        for i, (family, one) in enumerate(self.members):
            matrix = 2 * kinship(FAMILIES[self.shapes[family]][0])
            for j, (other, two) in enumerate(self.members):
                if family == other:
                    found[i, j] = matrix[one, two]
        return found

    def dosages(self, rng: np.random.Generator, n_loci: int, frequency: float = 0.3) -> np.ndarray:
        """Alleles dropped from founders through every family, [n_subjects, n_loci]."""
        return self.haplotypes(rng, n_loci, frequency).sum(axis=1)

    def breeding_values(self, rng: np.random.Generator, n_columns: int) -> np.ndarray:
        """Sums of many loci: normal, of variance 1, related by the relationship matrix."""
        return np.linalg.cholesky(self.relationship) @ rng.standard_normal((len(self.members), n_columns))

    def haplotypes(self, rng: np.random.Generator, n_loci: int, frequency: float = 0.3) -> np.ndarray:
        """The same alleles by who gave them, [n_subjects, 2, n_loci]."""
        people: dict[tuple[int, int], np.ndarray] = {}
        for family, shape in enumerate(self.shapes):
            for member, parents in enumerate(FAMILIES[shape][0]):
                if parents is None:
                    people[family, member] = (rng.random((2, n_loci)) < frequency).astype(float)
                    continue
                carried = [people[family, parent] for parent in parents]
                places = np.arange(carried[0].shape[1])
                people[family, member] = np.stack([both[rng.integers(0, 2, len(places)), places] for both in carried])
        return np.stack([people[one] for one in self.members])


def make_pedigrees(n_families: int, seed: int) -> Pedigrees:
    """Families of all shapes, in shuffled order of subjects."""
    rng = np.random.default_rng(seed)
    shapes = [k % len(FAMILIES) for k in range(n_families)]
    members = [(family, one) for family, shape in enumerate(shapes) for one in FAMILIES[shape][1]]
    return Pedigrees([members[i] for i in rng.permutation(len(members))], shapes)


def kinship(parents: tuple[tuple[int, int] | None, ...]) -> np.ndarray:
    """Coefficients of kinship, parents before children."""
    found = np.zeros((len(parents),) * 2)
    for i, both in enumerate(parents):
        if both is None:
            found[i, i] = 0.5
            continue
        found[i, :i] = found[:i, i] = (found[both[0], :i] + found[both[1], :i]) / 2
        found[i, i] = (1 + found[both[0], both[1]]) / 2
    return found
