"""Whether the same genes carry a component in every fold, and where that is no question."""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from analyses.arms.arm import Arm
from analyses.arms.properties import loading_stability
from fusion import CrossValidatedCCA, TableView, cross_validated_cca

N, IDS = 120, [f"s{number}" for number in range(120)]
NOTHING = np.empty((N, 0))


@dataclass
class OneView:
    """What of an arm is asked for."""

    values: np.ndarray
    genes: list[str]
    name: str = "arm"

    def gene_view(self) -> TableView:
        return TableView(self.values, IDS, self.genes)


def _aligned(genes: list[str]) -> tuple[Arm, CrossValidatedCCA]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((N, 6))
    y = np.hstack([x[:, :2] + 0.3 * rng.standard_normal((N, 2)), rng.standard_normal((N, 3))])
    arm = cast(Arm, OneView(x, genes))
    brain = TableView(y, IDS, [f"roi{number}" for number in range(5)])
    return arm, cross_validated_cca(arm.gene_view(), brain, n_permutations=19, random_state=0)


def test_genes_that_carry_a_link_keep_their_order() -> None:
    found = loading_stability(*_asked(_aligned(["a", "b", "c", "d", "e", "f"])))
    assert found.mean is not None
    assert found.least is not None
    assert 0.3 < found.mean <= 1
    assert found.least <= found.mean


def test_one_gene_has_no_order() -> None:
    found = loading_stability(*_asked(_aligned(["a"] * 6)))
    assert (found.mean, found.least) == (None, None)


def test_scores_that_are_constant_in_a_fold_give_none() -> None:
    """A rare allele that no subject of the fold carries."""
    arm, held_out = _aligned(["a", "b", "c", "d", "e", "f"])
    scores = np.array(held_out.x_scores)
    _, test = next(iter(held_out.folds))
    scores[test] = 0.25
    found = loading_stability(*_asked((arm, replace(held_out, x_scores=scores))))
    assert (found.mean, found.least) == (None, None)


def _asked(aligned: tuple[Arm, CrossValidatedCCA]) -> tuple[Arm, str, CrossValidatedCCA, np.ndarray]:
    arm, held_out = aligned
    return arm, "view", held_out, NOTHING
