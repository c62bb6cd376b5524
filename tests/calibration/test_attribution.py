"""Genes left out one by one: how often one seems to add something and does not, alone and beside a real one."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from fusion import make_folds
from fusion.attribution import BlockAttribution, attribute_blocks
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

N, GENES, WIDTH, REAL = 80, 5, 3, 2


def _attribute(seed: int, effect: float, likeness: float) -> BlockAttribution:
    """Genes in a row, each like the one before it; the brain follows one of them, and confounds, which genes do too."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((N, GENES, WIDTH))
    for gene in range(1, GENES):
        own[:, gene] = likeness * own[:, gene - 1] + np.sqrt(1 - likeness**2) * own[:, gene]
    confounds = rng.standard_normal((N, 3))
    genes = own.reshape(N, -1) + 0.5 * confounds @ rng.standard_normal((3, GENES * WIDTH))
    brain = rng.standard_normal((N, 4)) + 0.5 * confounds @ rng.standard_normal((3, 4))
    brain[:, 0] += effect * own[:, REAL, 0]
    blocks = {f"g{gene}": np.arange(WIDTH) + gene * WIDTH for gene in range(GENES)}
    return attribute_blocks(
        genes,
        brain,
        confounds,
        folds=make_folds(N, 3, random_state=seed),
        blocks=blocks,
        repeats=2,
        x_dimensions=7,
        y_dimensions=3,
        n_permutations=199,
        random_state=seed,
    )


def _naive(found: BlockAttribution, null: list[int]) -> float:
    """Folds taken for independent, Bonferroni."""
    return float(min(1.0, ttest_1samp(found.changes[:, null], 0, alternative="greater").pvalue.min() * len(null)))


def _null(seed: int) -> dict[str, float]:
    found = _attribute(seed, effect=0.0, likeness=0.5)
    family = found.family
    return {
        "any gene, max-T": family.p_fwer.min(),
        "any gene, q": family.q.min(),
        "one gene": family.p[REAL],
        "naive: t over folds": _naive(found, list(range(GENES))),
    }


def _beside(seed: int) -> dict[str, float]:
    found = _attribute(seed, effect=1.5, likeness=0.5)
    family, null = found.family, [gene for gene in range(GENES) if gene != REAL]
    discoveries = np.flatnonzero(family.q <= 0.05)
    drawn = np.random.default_rng(seed).choice(discoveries) if len(discoveries) else REAL
    return {
        "a finding by q, drawn at random, is false": float(drawn == REAL),
        "another gene, max-T": family.p_fwer[null].min(),
        "the neighbour of the real gene": family.p[REAL + 1],
        "the real gene is_found, max-T": family.p_fwer[REAL],
        "the real gene is_found, q": family.q[REAL],
    }


def test_attribution_null(rates: Rates) -> None:
    found = rates(_null, 200)
    for case in ("any gene, max-T", "any gene, q", "one gene"):
        assert_valid(found[case])


def test_attribution_beside_a_real_gene(rates: Rates) -> None:
    found = rates(_beside, 100)
    for case in ("a finding by q, drawn at random, is false", "another gene, max-T"):
        assert_valid(found[case])
    assert above(found["the real gene is_found, max-T"], 0.5)
