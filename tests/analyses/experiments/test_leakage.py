"""What is told of a covariate: families move as units, and who has no value takes no part."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from analyses.experiments.leakage import Covariate, make_shuffles, predict_covariate
from fusion import Blocks
from fusion.cross_validation.folds import folds_of
from fusion.permutation.relations import Relations
from fusion.views.view import as_view

FAMILIES = np.arange(120) // 4


def test_families_that_share_genes_and_targets_are_no_leak() -> None:
    """Both are the family's, and unrelated: labels that move freely find a link in a fifth of such data."""
    relations = Relations.of(120, groups=FAMILIES, blocks=Blocks(FAMILIES, "whole"))
    found = {"units": 0, "free": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        genes = rng.standard_normal((30, 6))[FAMILIES] + 0.3 * rng.standard_normal((120, 6))
        target = Covariate.of(pd.Series(rng.standard_normal(30)[FAMILIES], name="age"), "continuous")
        folds = folds_of(relations, 4, seed)
        for name, of in (("units", relations), ("free", Relations.of(120))):
            told = predict_covariate(
                as_view(genes),
                target,
                folds,
                nuisance=None,
                n_components=6,
                scale=False,
                shuffles=make_shuffles(of, 59, seed),
            )
            found[name] += told.p <= 0.05
    assert binomtest(found["units"], 60, 0.05, alternative="greater").pvalue > 0.01
    assert found["free"] > found["units"]


def test_labels_of_a_site_move_though_subjects_change_places_within_it() -> None:
    orders = make_shuffles(Relations.of(12, blocks=Blocks(np.arange(12) // 4, "within")), 19, 0)
    assert orders[0].tolist() == list(range(12))
    assert (orders[1:] // 4 != np.arange(12) // 4).any()


@pytest.mark.parametrize("kind", ["continuous", "categorical"])
def test_who_has_no_value_takes_no_part(kind: str) -> None:
    """The same as in a cohort without them, components being those of the view as it is."""
    rng = np.random.default_rng(1)
    values = pd.Series(rng.integers(0, 3, 90).astype(float), name="bmi")
    values[rng.random(90) < 0.2] = np.nan
    known = np.flatnonzero(values.notna())
    target = Covariate.of(values, kind)
    assert target.known.tolist() == known.tolist()
    view = rng.standard_normal((90, 3)) + values.fillna(values.mean()).to_numpy()[:, None]
    folds = folds_of(Relations.of(90), 3, 0)
    told = predict_covariate(
        as_view(view),
        target,
        folds,
        nuisance=None,
        n_components=3,
        scale=False,
        shuffles=make_shuffles(Relations.of(len(known)), 99, 0),
    )
    assert told.p == 0.01
    assert told.null_mean < told.score
