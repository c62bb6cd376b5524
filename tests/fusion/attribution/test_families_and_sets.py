"""Corrected p-values as statsmodels has them, floors of designs, and sets of genes against regressions by others."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from fusion import InputError
from fusion.attribution import attainable_floors, competitive_test, correct_family, gene_scores
from fusion.prediction import NotDefinedError


@pytest.fixture(scope="module")
def null() -> np.ndarray:
    draws = np.random.default_rng(0).standard_normal((200, 7)) * np.arange(1, 8)
    draws[0] = np.array([4.0, 1.0, 9.0, -2.0, 3.0, 14.0, 0.0])
    return draws


def test_false_discovery_rates_are_those_of_statsmodels(null: np.ndarray) -> None:
    family = correct_family(null)
    for q, method in ((family.q, "fdr_bh"), (family.q_any, "fdr_by")):
        np.testing.assert_allclose(q, multipletests(family.p, method=method)[1], rtol=1e-12)
    assert (family.p_fwer >= family.p).all()
    assert family.p[0] == np.mean(null[:, 0] >= null[0, 0])


def test_max_t_sees_every_block_on_its_own_scale(null: np.ndarray) -> None:
    other = correct_family(null * np.array([100.0, 1, 1, 1, 1, 1, 1]))
    np.testing.assert_allclose(other.p_fwer, correct_family(null).p_fwer)


def test_floors_are_reached_and_not_passed() -> None:
    draws = np.random.default_rng(1).standard_normal((100, 38))
    draws[0] = 0.0
    draws[0, 4] = 50.0
    family, floors = correct_family(draws), attainable_floors(38, 99, 5)
    assert (family.p.min(), family.q.min(), family.p_fwer.min()) == pytest.approx((floors.p, floors.q, floors.p_fwer))
    assert floors.q_wilcoxon == 1.0
    assert attainable_floors(38, floors.enough_permutations, 5).q < 0.05
    assert attainable_floors(38, floors.enough_permutations - 1, 5).q >= 0.05
    with pytest.raises(InputError, match="at least one block, permutation and fold; got 0, 9 and 5"):
        attainable_floors(0, 9, 5)


def _panel(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1_000, 90_000, 23).astype(float)
    member = np.arange(23) < 8
    return rng.standard_normal(23) + 0.4 * np.log(lengths / 20_000) + 0.8 * member, member, lengths


def test_a_competitive_test_is_the_regression_of_statsmodels() -> None:
    z, member, lengths = _panel(3)
    fitted = sm.OLS(z, np.column_stack([np.ones(23), member, lengths / 1e4, np.log(lengths)])).fit()
    found = competitive_test(z, member, lengths)
    assert (found.difference, found.error) == pytest.approx((fitted.params[1], fitted.bse[1]), rel=1e-8)
    assert found.p == pytest.approx(fitted.pvalues[1] / 2 if fitted.params[1] > 0 else 1 - fitted.pvalues[1] / 2)


def test_a_competitive_test_equals_a_direct_permutation_of_genes() -> None:
    z, member, _ = _panel(4)
    rng = np.random.default_rng(5)
    drawn = np.array([(shuffled := rng.permutation(z))[member].mean() - shuffled[~member].mean() for _ in range(4000)])
    observed = z[member].mean() - z[~member].mean()
    found = competitive_test(z, member)
    assert found.difference == pytest.approx(observed)
    assert found.p == pytest.approx((1 + (drawn >= observed).sum()) / 4001, abs=0.02)


def test_z_of_permutation_p_is_finite_at_both_ends() -> None:
    z = gene_scores(np.array([0.01, 0.5, 1.0]), 99)
    assert np.isfinite(z).all()
    assert z[1] == pytest.approx(0.0)
    assert z[0] > z[1] > z[2]


def test_sets_that_cannot_be_tested_say_why() -> None:
    z, member, lengths = _panel(3)
    with pytest.raises(NotDefinedError, match="1 of the 23 genes are in it"):
        competitive_test(z, np.arange(23) == 4, lengths)
    with pytest.raises(NotDefinedError, match="4 genes are too few"):
        competitive_test(z[:4], np.array([True, True, False, False]), lengths[:4])
    with pytest.raises(NotDefinedError, match="do not vary"):
        competitive_test(np.zeros(23), member)
    with pytest.raises(InputError, match="finite z and a positive length"):
        competitive_test(z, member, lengths * 0)
