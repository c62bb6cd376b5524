"""Pairs of unlike kinship in one cohort: exchanged as wholes whatever they are, and by kinship.

Calibration: twins resemble one another in both views, strangers who share a household label do not, and nothing links
the views.
"""

from typing import Any

import numpy as np
import pytest

from fusion import Blocks, cross_validated_cca, kinship_blocks, permutation_test_cca
from tests.calibration.rates import Rates, above, assert_valid

pytestmark = pytest.mark.calibration

SHARES = {"MZ": 0.9, "DZ": 0.5, "stranger": 0.0}
"""Part of the variance that members of a family have in common."""

COHORTS = {
    "MZ and strangers": (("MZ",) * 2,) * 40 + (("stranger",) * 2,) * 40,
    "all kinds, pairs and threes": (
        *(("MZ",) * 2,) * 20,
        *(("DZ",) * 2,) * 12,
        *(("stranger",) * 2,) * 20,
        *(("MZ", "MZ", "DZ"),) * 10,
        *(("stranger",) * 3,) * 10,
    ),
}


def _draw(seed: int, name: str, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Views without a link, families and kinds; MZ twins and their sibling share what siblings share."""
    rng, families = np.random.default_rng(seed), COHORTS[name]
    order = rng.permutation(len(families))
    family = np.repeat(np.arange(len(families)), [len(families[i]) for i in order])
    kinds = np.array([kind for i in order for kind in families[i]])
    common = np.where(kinds == "stranger", 0.0, SHARES["DZ"])[:, np.newaxis]
    twin = np.where(kinds == "MZ", SHARES["MZ"] - SHARES["DZ"], 0.0)[:, np.newaxis]
    views = []
    for _ in "xy":
        of_family, of_twins = (rng.standard_normal((len(families), width))[family] for _ in range(2))
        own = rng.standard_normal((len(family), width))
        views.append(np.sqrt(common) * of_family + np.sqrt(twin) * of_twins + np.sqrt(1 - common - twin) * own)
    return views[0], views[1], family, kinds


def _p(seed: int, name: str) -> dict[str, float]:
    x, y, family, kinds = _draw(seed, name, 8)
    found = {}
    for way, blocks in (
        ("by kinship", kinship_blocks(family, kinds=kinds)),
        ("families of equal size", Blocks(family, "whole")),
    ):
        settings: dict[str, Any] = {"exchangeability_blocks": blocks, "random_state": seed}
        found[f"{way}: in sample"] = float(
            permutation_test_cca(x, y, projection="theil", n_permutations=99, n_steps=1, **settings).p_fwer[0]
        )
        held_out = cross_validated_cca(
            x,
            y,
            groups=family,
            stratify=blocks.labels[:, 0] if blocks.mode == "nested" else None,
            n_permutations=19,
            n_bootstrap=2,
            n_components=1,
            x_dimensions=8,
            y_dimensions=8,
            **settings,
        )
        found[f"{way}: held out"] = float(held_out.p[0])
    return found


@pytest.mark.parametrize("name", COHORTS)
def test_kinship_null(rates: Rates, name: str) -> None:
    found = rates(lambda seed: _p(seed, name), 1000)
    for place in ("in sample", "held out"):
        assert_valid(found[f"by kinship: {place}"])
    assert above(found["families of equal size: in sample"], 0.09)
