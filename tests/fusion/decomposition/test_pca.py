"""ViewPCA against a dense singular value decomposition, and against leakage."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import fusion.decomposition.lanczos
import fusion.decomposition.subspace
from fusion import FactoredView, InputError, TableView, ViewPCA, cross_validated_cca, make_folds
from fusion.arrays import Matrix
from tests.benchmarks.simulated_panel import make_panel as simulated_panel
from tests.fusion.factors import SUBJECTS, make_panel

TRAIN, TEST = np.arange(30), np.arange(30, SUBJECTS)
Z = np.random.default_rng(5).standard_normal((SUBJECTS, 3)) + np.array([0, 40, -2])


def dense_oracle(X: Matrix, confounds: Matrix) -> tuple[Matrix, Matrix]:
    """Scores of all rows and variances, by least squares and a full SVD of the training rows."""
    design = np.column_stack([np.ones(len(X)), confounds])
    residuals = X - design @ np.linalg.lstsq(design[TRAIN], X[TRAIN])[0]
    dof = len(TRAIN) - design.shape[1]
    residuals /= np.sqrt(np.square(residuals[TRAIN]).sum(axis=0) / dof)
    _, s, axes = np.linalg.svd(residuals[TRAIN], full_matrices=False)
    return residuals @ axes.T[:, :dof], s[:dof] ** 2 / dof


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e5])
def test_factored_pca_equals_dense_svd_for_training_and_held_out_rows(offset: float) -> None:
    panel = make_panel(offset=offset)
    pca = ViewPCA(confounds=Z).fit(panel.view, rows=TRAIN)
    scores, variances = dense_oracle(panel.dense, Z)
    assert (pca.n_components_requested_, pca.n_components_) == (512, 30 - 1 - 3)
    assert pca.residual_ < 1e-9
    np.testing.assert_allclose(pca.explained_variance_, variances, rtol=1e-6)
    found = pca.transform(panel.view)
    signs = np.sign(np.sum(found[TRAIN] * scores[TRAIN], axis=0))
    np.testing.assert_allclose(found, scores * signs, atol=1e-6)
    assert pca.explained_variance_ratio_.sum() == pytest.approx(1)


def test_narrow_table_equals_scikit_learn() -> None:
    X = np.random.default_rng(1).standard_normal((SUBJECTS, 9)) @ np.random.default_rng(2).standard_normal((9, 9))
    theirs = PCA(svd_solver="full").fit(StandardScaler().fit_transform(X))
    ours = ViewPCA().fit(X)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, atol=1e-12)
    np.testing.assert_allclose(np.abs(ours.components_), np.abs(theirs.components_), atol=1e-9)
    unscaled, dense = ViewPCA(4, scale=False).fit(X), PCA(4, svd_solver="full").fit(X)
    np.testing.assert_allclose(unscaled.explained_variance_, dense.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(np.abs(unscaled.transform(X)), np.abs(dense.transform(X)), atol=1e-9)


def test_signs_do_not_depend_on_rounding_between_equal_columns() -> None:
    x = np.random.default_rng(1).standard_normal((SUBJECTS, 1))
    X = np.hstack([x, -x, x]) * [1, 3, 7]
    for order in ([0, 1, 2], [0, 2, 1]):
        components = ViewPCA().fit(X[:, order]).components_
        assert components.shape == (1, 3)
        assert components[0, 0] > 0


@pytest.mark.parametrize("shape", [(150, 260), (260, 150)])
def test_iteration_agrees_with_the_eigendecomposition(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(3).standard_normal(shape)
    exact = ViewPCA(20).fit(X)
    monkeypatch.setattr(fusion.decomposition.subspace, "EXACT_LIMIT", 10)
    monkeypatch.setattr(fusion.decomposition.lanczos, "BLOCK", 7)
    iterated, again, other = (ViewPCA(20, random_state=seed).fit(X) for seed in (0, 0, 1))
    assert iterated.residual_ <= 1e-6
    np.testing.assert_allclose(iterated.explained_variance_, exact.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(iterated.components_, exact.components_, atol=1e-5)
    np.testing.assert_allclose(other.components_, exact.components_, atol=1e-5)
    np.testing.assert_array_equal(iterated.components_, again.components_)


def test_iteration_on_the_gram_matrix_of_a_table_agrees_too(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(3).standard_normal((150, 260))
    exact = ViewPCA(20).fit(X)
    monkeypatch.setattr(fusion.decomposition.subspace, "EIGH_LIMIT", 10)
    monkeypatch.setattr(fusion.decomposition.lanczos, "BLOCK", 7)
    iterated = ViewPCA(20).fit(X)
    np.testing.assert_allclose(iterated.explained_variance_, exact.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(iterated.components_, exact.components_, atol=1e-5)


@pytest.mark.parametrize("n", [101, 307])  # fewer and more subjects than windows
@pytest.mark.parametrize("power", [0.0, 1.0, 4.0])  # flat, slow and fast spectra
def test_iteration_on_factors_equals_the_dense_svd(n: int, power: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    designs = [scipy.sparse.random_array((n, 20), density=0.3, rng=rng, format="csr") for _ in range(11)]
    embeddings = [rng.standard_normal((20, 16)) / np.arange(1, 17) ** power for _ in designs]
    ids = [f"s{i}" for i in range(n)]
    view = FactoredView(designs=designs, embeddings=embeddings, subject_ids=ids, gene_ids=[f"g{g}" for g in range(11)])
    Z = rng.standard_normal((n, 3))
    monkeypatch.setattr(fusion.decomposition.subspace, "EXACT_LIMIT", 10)
    monkeypatch.setattr(fusion.decomposition.lanczos, "BLOCK", 7)
    pca = ViewPCA(13, confounds=Z, scale=False).fit(view)
    X = np.hstack([a.toarray() @ e for a, e in zip(designs, embeddings, strict=True)])
    design = np.column_stack([np.ones(n), Z])
    _, s, axes = np.linalg.svd(X - design @ np.linalg.lstsq(design, X)[0], full_matrices=False)
    np.testing.assert_allclose(pca.explained_variance_, s[:13] ** 2 / (n - 4), rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(pca.components_ * axes[:13], axis=1)), 1, atol=1e-5)
    np.testing.assert_allclose(pca.components_ @ pca.components_.T, np.eye(13), atol=1e-9)
    assert pca.residual_ <= 2e-6


@pytest.mark.parametrize("limit", [10, 6000])
def test_bits_do_not_depend_on_the_number_of_threads(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion.decomposition.subspace, "EXACT_LIMIT", limit)
    monkeypatch.setattr(fusion.decomposition.lanczos, "BLOCK", 7)
    view, Z = simulated_panel(331, n_genes=7, hidden_dim=16, n_windows=900, carried=40)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
        with threadpool_limits(limits=threads):
            pca = ViewPCA(11, confounds=Z).fit(view)
            results.append((pca.components_, pca.explained_variance_, pca.transform(view)))
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_factored_view_is_never_made_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = make_panel()

    def refuse(*_: Any) -> None:
        raise AssertionError("a block of the dense matrix was formed")

    multiply = FactoredView.multiply

    def multiply_by_few(view: FactoredView, matrix: Matrix) -> Matrix:
        assert matrix.shape[1] < view.shape[1], "a product with as many columns as the dense matrix was formed"
        return multiply(view, matrix)

    monkeypatch.setattr(FactoredView, "column_blocks", refuse)
    monkeypatch.setattr(FactoredView, "multiply", multiply_by_few)
    brain = np.random.default_rng(1).standard_normal((SUBJECTS, 5))
    ViewPCA(confounds=Z).fit(panel.view, rows=TRAIN).group_loadings(panel.view, brain[:, 0])
    folds = make_folds(SUBJECTS, 3, random_state=0)
    cross_validated_cca(panel.view, brain, Z, folds=folds, x_dimensions=3, y_dimensions=3, n_permutations=9)


def test_iteration_that_stops_short_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion.decomposition.subspace, "EXACT_LIMIT", 10)
    monkeypatch.setattr(fusion.decomposition.lanczos, "BLOCK", 7)
    monkeypatch.setattr(fusion.decomposition.lanczos, "MAX_RESTARTS", 1)
    with pytest.raises(np.linalg.LinAlgError, match="needs a relative residual of 1e-06 and reached"):
        ViewPCA(20).fit(np.random.default_rng(3).standard_normal((150, 260)))


def fitted(view: Any) -> list[Matrix]:
    pca = ViewPCA(confounds=Z).fit(view, rows=TRAIN)
    return [pca.components_, pca.mean_, pca.scale_, pca.explained_variance_, pca.transform(view, TRAIN)]


@pytest.mark.parametrize("kind", ["factored", "table"])
def test_held_out_rows_never_change_what_is_fitted(kind: str) -> None:
    panel, other = make_panel(), make_panel()
    if kind == "factored":
        for design in other.view.designs:
            design.data[design.indptr[TEST[0]] :] += 100
        views: list[Any] = [panel.view, other.view]
    else:
        other.dense[TEST] *= 1e6
        views = [TableView(p.dense, p.view.subject_ids) for p in (panel, other)]
    for before, after in zip(*map(fitted, views), strict=True):
        np.testing.assert_array_equal(before, after)


def test_fitted_scores_have_the_stated_variances_and_no_confound() -> None:
    panel = make_panel()
    pca = ViewPCA(confounds=Z).fit(panel.view, rows=TRAIN)
    scores = pca.transform(panel.view, TRAIN)
    dof = pca.n_train_ - 1 - pca.n_confounds_
    np.testing.assert_allclose(scores.T @ scores / dof, np.diag(pca.explained_variance_), atol=1e-8)
    np.testing.assert_allclose(np.column_stack([np.ones(30), Z[TRAIN]]).T @ scores, 0, atol=1e-8)
    np.testing.assert_allclose(scores, ViewPCA(confounds=Z).fit_transform(panel.view, TRAIN), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounding_does_not_turn_constant_columns_into_signal(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((SUBJECTS, 5))
    constant = 1e4 * np.full((SUBJECTS, 1), 0.1) * (1 + rng.integers(-1, 2, (SUBJECTS, 1)) * np.finfo(dtype).eps)
    of_confounds = Z @ [[1.0], [2.0], [-0.5]] + 1e3
    X = np.hstack([signal[:, :2], constant, signal[:, 2:], of_confounds, np.zeros((SUBJECTS, 1))]).astype(dtype)
    pca = ViewPCA(confounds=Z).fit(X, rows=TRAIN)
    assert pca.n_constant_columns_ == 3
    assert pca.n_components_ == 5
    np.testing.assert_array_equal(pca.components_[:, [2, 6, 7]], 0)
    X[TEST, 2] += 1e6
    assert np.abs(pca.transform(X, TEST)).max() < 100


def test_one_window_carried_by_every_subject_is_constant() -> None:
    rng = np.random.default_rng(0)
    thirds = scipy.sparse.csr_array(np.full((SUBJECTS, 3), 1 / 3))
    varying = scipy.sparse.csr_array(rng.integers(0, 3, (SUBJECTS, 2)) / 2)
    view = FactoredView(
        designs=[thirds, varying],
        embeddings=[rng.standard_normal((3, 16)).astype(np.float32), rng.standard_normal((2, 7)).astype(np.float32)],
        subject_ids=[f"s{i}" for i in range(SUBJECTS)],
        gene_ids=["constant", "varying"],
    )
    pca = ViewPCA().fit(view)
    assert (pca.n_constant_columns_, pca.n_components_) == (16, 2)


def test_new_subjects_need_their_confounds_and_known_ones_are_found_by_id() -> None:
    panel = make_panel()
    pca = ViewPCA(confounds=Z).fit(panel.view, rows=TRAIN)
    held_out = panel.view.take(TEST[::-1])
    expected = pca.transform(panel.view, TEST[::-1])
    np.testing.assert_allclose(pca.transform(held_out), expected, atol=1e-10)
    strangers = TableView(panel.dense[TEST[::-1]], [f"new{i}" for i in range(len(TEST))])
    with pytest.raises(InputError, match="7 subjects, such as 'new0'"):
        pca.transform(strangers)
    np.testing.assert_allclose(pca.transform(strangers, confounds=Z[TEST[::-1]]), expected, atol=1e-8)


def test_arrays_carry_the_model_and_no_subject(tmp_path: Path) -> None:
    panel = make_panel()
    pca = ViewPCA(confounds=Z).fit(panel.view, rows=TRAIN)
    np.savez(tmp_path / "pca.npz", **pca.to_arrays())
    with np.load(tmp_path / "pca.npz", allow_pickle=False) as stored:
        loaded = ViewPCA.from_arrays(stored)
    expected = pca.transform(panel.view, TEST)
    np.testing.assert_array_equal(loaded.transform(panel.view, TEST, confounds=Z), expected)
    assert loaded.to_arrays().keys() == pca.to_arrays().keys()
    with pytest.raises(InputError, match="pass their confounds"):
        loaded.transform(panel.view, TEST)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda X: ViewPCA(confounds=Z).fit(X, rows=TRAIN[:4]), "4 subjects for 3 confounds", id="too few"),
        pytest.param(lambda X: ViewPCA(confounds=Z[:9]).fit(X), "one row per subject; got shape", id="other rows"),
        pytest.param(lambda X: ViewPCA(0).fit(X), "at least 1; got 0", id="no component"),
        pytest.param(lambda X: ViewPCA().fit(X * 0 + 3), "all 5 are constant", id="constant"),
        pytest.param(lambda X: ViewPCA().fit(X).transform(X[:, :4]), "fitted on 5 columns; got 4", id="other columns"),
        pytest.param(lambda X: ViewPCA().fit(X).transform(X, confounds=Z), "0 columns of the fit", id="confounds late"),
    ],
)
def test_bad_input_gets_its_sentence(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.random.default_rng(0).standard_normal((SUBJECTS, 5)))
