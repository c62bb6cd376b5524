"""Smaller studies drawn from one: they are studies of their own, keep families, and say what they cannot."""

from typing import Any

import numpy as np
import pytest

from fusion import cross_validated_cca, make_folds, subsample_curve
from fusion.cross_validation.folds import folds_of
from fusion.errors import InputError

N = 187
RNG = np.random.default_rng(4)
X, Y = RNG.standard_normal((N, 5)), RNG.standard_normal((N, 4))
Y[:, 0] += 0.9 * X[:, 0]
FOLDS = make_folds(N, 3, random_state=0)


def test_a_draw_is_a_study_of_these_subjects_alone() -> None:
    (found,) = subsample_curve(X, Y, folds=FOLDS, shares=(0.5,), n_draws=4, random_state=3)
    for draw, rho in enumerate(found.by_draw):
        rng = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(0, draw)))
        rows = np.sort(rng.permutation(N)[:94])
        folds = folds_of(FOLDS.relations.take(rows), 3, int(rng.integers(2**31)))
        settings: dict[str, Any] = {"n_permutations": 1, "n_bootstrap": 2, "n_components": 1}
        alone = cross_validated_cca(X[rows], Y[rows], folds=folds, **settings)
        assert rho == pytest.approx(alone.rho[0], abs=1e-10)
    assert found.n_subjects == 94


def test_more_subjects_find_more_and_further_studies_scatter_more_than_the_mean() -> None:
    few, many = subsample_curve(X, Y, folds=FOLDS, shares=(0.25, 0.75), n_draws=12)
    assert few.rho < many.rho
    for one in (few, many):
        assert one.studies[0] < one.interval[0] < one.rho < one.interval[1] < one.studies[1]
    assert np.ptp(many.studies) < np.ptp(few.studies)


def test_families_are_drawn_as_wholes() -> None:
    families = np.arange(N) // 11
    folds = make_folds(N, 3, groups=families, random_state=0)
    (found,) = subsample_curve(X, Y, folds=folds, shares=(0.5,), n_draws=3)
    assert found.n_subjects % 11 == 0
    assert np.isfinite(found.rho)


def test_too_few_subjects_have_a_reason_and_no_number() -> None:
    z = RNG.standard_normal((N, 12))
    few, many = subsample_curve(X, Y, z, folds=FOLDS, shares=(0.08, 0.8), n_draws=3)
    assert few.reason is not None
    assert np.isnan([few.rho, *few.interval, *few.studies]).all()
    assert many.reason is None


@pytest.mark.parametrize(
    ("given", "message"),
    [({"shares": (0.5, 1.0)}, "must lie between 0 and 1"), ({"n_draws": 2}, "at least 3, or their scatter")],
)
def test_what_cannot_be_asked_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        subsample_curve(X, Y, folds=FOLDS, **given)
