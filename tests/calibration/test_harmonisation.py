"""Sites brought together in every fold, or before folds: how often a link is found that is not there."""

from typing import Any

import numpy as np
import pytest

from fusion import ComBat, CovBat, HarmonizedView, cross_validated_cca, make_folds
from fusion.comparison.paired_differences import paired_family
from tests.calibration.rates import Rates, assert_valid

pytestmark = pytest.mark.calibration

N, N_SETS = 96, 150
SIZES = (40, 28, 18, 10)
SITES = np.repeat(np.arange(len(SIZES)), SIZES)


def _unlinked(seed: int) -> tuple[Any, Any, Any]:
    """Genes whose means differ between sites as ancestry does, brains whose means and scales do, ages that do."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, 6)) + rng.normal(0, 0.6, (4, 6))[SITES]
    y = rng.standard_normal((N, 9)) * np.exp(rng.normal(0, 0.4, (4, 9)))[SITES] + rng.normal(0, 0.8, (4, 9))[SITES]
    age = rng.standard_normal((N, 1)) + 0.5 * SITES[:, np.newaxis]
    return x, y + 0.3 * age, age


def _p_values(seed: int) -> dict[str, float]:
    x, y, age = _unlinked(seed)
    folds = make_folds(N, 3, stratify=SITES, random_state=seed)
    confounds = np.column_stack([np.eye(4)[SITES, 1:], age])

    def align(view: Any, nuisance: Any = confounds) -> Any:
        sizes = {"x_dimensions": 3, "y_dimensions": 3, "n_components": 1}
        draws = {"n_permutations": 59, "n_bootstrap": 2, "random_state": seed}
        return cross_validated_cca(x, view, nuisance, folds=folds, **sizes, **draws)

    arms = {
        "as it is": align(y),
        "ComBat": align(HarmonizedView(y, SITES)),
        "ComBat keeping age": align(HarmonizedView(y, SITES, age)),
        "CovBat keeping age": align(HarmonizedView(y, SITES, age, combat=CovBat())),
    }
    genes_kept = ComBat().fit_transform(y, sites=SITES, covariates=np.column_stack([age, x]))
    before = {
        "naive: ComBat before folds": align(ComBat().fit_transform(y, sites=SITES, covariates=age)),
        "naive: before folds, sites no confound": align(ComBat().fit_transform(y, sites=SITES, covariates=age), age),
        "naive: before folds, genes kept, sites no confound": align(genes_kept, age),
    }
    pairs = [(name, "as it is") for name in arms if name != "as it is"]
    changes = paired_family(arms, pairs=pairs, n_permutations=399, random_state=seed)
    return {name: float(one.p[0]) for name, one in (arms | before).items()} | {"any change": min(changes.values())}


def test_harmonised_sites_without_a_link(rates: Rates) -> None:
    found = rates(_p_values, N_SETS)
    for name, rate in found.items():
        if not name.startswith("naive"):
            assert_valid(rate)
