"""Relatives made uncorrelated: as a direct GLS has it, h2 as mixed models have it, families never parted."""

import numpy as np
import pytest
import scipy.sparse
import statsmodels.api as sm

from fusion import (
    InputError,
    KinshipModel,
    TableView,
    cross_validated_cca,
    make_folds,
    permutation_test_cca,
    whiten_relatives,
)
from fusion.arrays import dense
from tests.fusion.factors import make_panel
from tests.fusion.pedigrees import make_pedigrees

PEDIGREES = make_pedigrees(31, seed=1)
K = PEDIGREES.relationship
N = len(K)


def test_made_pedigrees_are_related_as_their_genes_are() -> None:
    dosages = PEDIGREES.dosages(np.random.default_rng(0), 40_000, frequency=0.5)
    observed = (dosages - 1) @ (dosages - 1).T / (0.5 * dosages.shape[1])
    np.testing.assert_allclose(observed, K, atol=0.03)


def test_least_squares_of_whitened_rows_are_a_direct_gls() -> None:
    rng = np.random.default_rng(2)
    z, y = rng.standard_normal((N, 2)), rng.standard_normal((N, 1))
    design = np.column_stack([np.ones(N), z])
    for share in (0.0, 0.37, 0.9, 0.999):
        whitener = KinshipModel.of(scipy.sparse.csr_array(K)).whitener(share)
        direct = sm.GLS(y, design, sigma=share * K + (1 - share) * np.eye(N)).fit()
        ours = np.linalg.lstsq(whitener @ design, whitener @ y)[0]
        np.testing.assert_allclose(ours[:, 0], direct.params, atol=1e-8)
        np.testing.assert_allclose(whitener.toarray(), whitener.toarray().T, atol=1e-12)
        covariance = whitener @ (share * K + (1 - share) * np.eye(N)) @ whitener
        np.testing.assert_allclose(covariance, np.eye(N), atol=1e-8)
        strangers = PEDIGREES.families[:, None] != PEDIGREES.families
        assert np.all(whitener.toarray()[strangers] == 0)


def test_h2_of_siblings_is_that_of_a_random_intercept() -> None:
    rng = np.random.default_rng(3)
    family = np.repeat(np.arange(40), rng.integers(1, 5, 40))
    siblings = np.where(family[:, None] == family, 0.5, 0.0) + 0.5 * np.eye(len(family))
    z = rng.standard_normal((len(family), 1))
    y = 0.6 * rng.standard_normal(40)[family] + 0.9 * rng.standard_normal(len(family)) + z[:, 0]
    fitted = sm.MixedLM(y, sm.add_constant(z), groups=family).fit(reml=True)
    between = float(fitted.cov_re[0, 0])
    share = KinshipModel.of(siblings).heritability(y[:, None], z)
    # (1/2) h2 of the variance is common to siblings
    assert share == pytest.approx(2 * between / (between + fitted.scale), abs=2e-3)


def test_h2_of_several_columns_maximises_their_dense_likelihoods_together() -> None:
    rng = np.random.default_rng(4)
    z, values = rng.standard_normal((N, 2)), rng.standard_normal((N, 3)) * [1, 20, 0.1]
    values += PEDIGREES.breeding_values(rng, 3) * [1, 10, 0.2]
    design = np.column_stack([np.ones(N), z])

    def loss(share: float) -> float:
        covariance = share * K + (1 - share) * np.eye(N)
        inverse = np.linalg.inv(covariance)
        inner = design.T @ inverse @ design
        projection = inverse - inverse @ design @ np.linalg.solve(inner, design.T @ inverse)
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(inner)[1]
        return sum(0.5 * ((N - 3) * np.log(y @ projection @ y) + logs) for y in values.T)

    share = KinshipModel.of(K).heritability(values, z)
    assert 0.05 < share < 0.95
    assert all(loss(share) < loss(share + step) for step in (-0.02, -0.005, 0.005, 0.02))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_h2_is_recovered(share: float) -> None:
    pedigrees, rng = make_pedigrees(200, seed=5), np.random.default_rng(6)
    values = np.sqrt(share) * pedigrees.breeding_values(rng, 30)
    values += np.sqrt(1 - share) * rng.standard_normal(values.shape)
    assert KinshipModel.of(pedigrees.relationship).heritability(values) == pytest.approx(share, abs=0.08)


def test_a_panel_of_genes_stays_factored_and_gives_the_same() -> None:
    panel = make_panel(n=N)
    brain = np.random.default_rng(7).standard_normal((N, 4))
    factored = whiten_relatives(panel.view, brain, relationship=K)
    table = whiten_relatives(panel.dense, brain, relationship=K)
    np.testing.assert_allclose(dense(factored.x), dense(table.x), atol=1e-8)
    rows = np.array([5, 1, 30])
    weights = np.random.default_rng(8).standard_normal((3, 2))
    np.testing.assert_allclose(factored.x.take(rows).multiply_transposed(weights), dense(table.x)[rows].T @ weights)
    np.testing.assert_allclose(factored.x.column_moments(rows)[1], dense(table.x)[rows].var(axis=0), atol=1e-8)


def test_tests_take_what_was_whitened_and_folds_keep_families() -> None:
    rng = np.random.default_rng(9)
    x = PEDIGREES.dosages(rng, 5)
    y = 0.5 * x[:, [0]] + rng.standard_normal((N, 6)) + PEDIGREES.breeding_values(rng, 6)
    found = whiten_relatives(x, y, rng.standard_normal((N, 1)), relationship=K)
    in_sample = permutation_test_cca(found.x, found.y, found.confounds, n_permutations=99, random_state=1)
    assert in_sample.p_fwer[0] < 0.05
    folds = make_folds(N, 4, groups=found.groups, random_state=1)
    for family in np.unique(PEDIGREES.families):
        assert len(set(folds.assignments[PEDIGREES.families == family])) == 1
    settings = {"x_dimensions": 5, "y_dimensions": 6, "n_components": 1, "n_permutations": 39, "random_state": 1}
    held_out = cross_validated_cca(found.x, found.y, found.confounds, folds=folds, **settings)
    assert held_out.p[0] <= 0.05
    assert found.heritability[0] > 0.8


def test_strangers_stay_as_they_are() -> None:
    values = np.random.default_rng(10).standard_normal((11, 3))
    model = KinshipModel.of(scipy.sparse.eye_array(11))
    np.testing.assert_array_equal((model.whitener(0.7) @ values), values)
    with pytest.raises(InputError, match="needs relatives; no two subjects are related"):
        model.heritability(values)


def test_what_cannot_be_whitened_is_refused() -> None:
    twins = np.kron(np.eye(3), [[1, 0.96], [0.96, 1]])
    with pytest.raises(InputError, match=r"rows 0 and 1 have \(relationship 0.96\), 3 pairs in all: keep one"):
        KinshipModel.of(twins)
    impossible = np.eye(4)
    impossible[0, 1:] = impossible[1:, 0] = 0.7
    with pytest.raises(InputError, match=r"matrix of a family of 4, with row 0 in it, has an eigenvalue of -0\.2"):
        KinshipModel.of(impossible)
    with pytest.raises(InputError, match="square and symmetric"):
        KinshipModel.of(np.triu(K))
    with pytest.raises(InputError, match=r"at least 1 on its diagonal; row 0 has 0\.5"):
        KinshipModel.of(K / 2)
    with pytest.raises(InputError, match=f"relationship must have the rows of x: got {N} for 7"):
        whiten_relatives(np.eye(7), np.eye(7), relationship=K)
    ids = [f"s{i}" for i in range(N)]
    with pytest.raises(InputError, match="y must list the subjects of x in the same order"):
        whiten_relatives(TableView(K, ids), TableView(K, ids[::-1]), relationship=K)
