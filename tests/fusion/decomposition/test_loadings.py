"""Structure correlations against residuals correlated by hand; the planted gene leads."""

import numpy as np
import pytest

from fusion import InputError, TableView, ViewPCA, feature_loadings, group_loadings, structure_correlations
from fusion.arrays import Matrix
from tests.fusion.factors import HIDDEN, SUBJECTS, make_panel

ROWS = np.arange(4, SUBJECTS)
Z = np.random.default_rng(5).standard_normal((SUBJECTS, 2))


def by_hand(X: Matrix, scores: Matrix) -> Matrix:
    design = np.column_stack([np.ones(len(X)), Z[ROWS]])
    residuals = X - design @ np.linalg.lstsq(design, X)[0]
    return np.corrcoef(residuals.T, scores.T)[: X.shape[1], X.shape[1] :]


def test_factored_and_dense_views_have_the_correlations_made_by_hand() -> None:
    panel = make_panel()
    scores = np.random.default_rng(6).standard_normal((len(ROWS), 3))
    expected = by_hand(panel.dense[ROWS], scores)
    table = TableView(panel.dense, panel.view.subject_ids)
    for view in (panel.view, table):
        found = structure_correlations(view, scores, confounds=Z, rows=ROWS)
        np.testing.assert_allclose(found, expected, atol=1e-10)
    pca = ViewPCA(confounds=Z).fit(panel.view, rows=ROWS)
    np.testing.assert_allclose(pca.structure_correlations(panel.view, scores, ROWS), expected, atol=1e-10)


def test_gene_loading_is_the_root_mean_square_of_its_columns() -> None:
    panel = make_panel()
    scores = np.random.default_rng(6).standard_normal((len(ROWS), 2))
    correlations = structure_correlations(panel.view, scores, confounds=Z, rows=ROWS)[:, 1]
    table = group_loadings(panel.view, scores, confounds=Z, rows=ROWS, component=1)
    start = 0
    for gene, width in zip(panel.view.gene_ids, HIDDEN, strict=True):
        row = table.set_index("gene_id").loc[gene]
        own = correlations[start : start + width]
        assert row["loading"] == pytest.approx(np.sqrt(np.mean(own**2)))
        assert row["max"] == pytest.approx(np.abs(own).max())
        assert row["n_columns"] == width
        start += width
    assert table["rank"].tolist() == list(range(1, 12))
    assert table["loading"].is_monotonic_decreasing
    pca = ViewPCA(confounds=Z).fit(panel.view, rows=ROWS)
    assert pca.group_loadings(panel.view, scores, ROWS, component=1).equals(table)


def test_the_gene_behind_a_score_leads() -> None:
    panel = make_panel()
    own = [j for j, gene in enumerate(panel.view.column_groups) if gene == "g4"]
    scores = panel.dense[:, own] @ np.random.default_rng(0).standard_normal(len(own))
    assert group_loadings(panel.view, scores)["gene_id"][0] == "g4"


def test_feature_loadings_keep_their_sign_and_constants_load_nothing() -> None:
    rng = np.random.default_rng(0)
    score = rng.standard_normal(SUBJECTS)
    values = np.column_stack([np.full(SUBJECTS, 0.1), rng.standard_normal(SUBJECTS), -score])
    table = feature_loadings(TableView(values, [str(i) for i in range(SUBJECTS)], ["scanner", "lh", "rh"]), score)
    assert table["feature"].tolist() == ["rh", "lh", "scanner"]
    assert table["loading"].tolist() == pytest.approx([-1, np.corrcoef(values[:, 1], score)[0, 1], 0])
    assert np.isnan(structure_correlations(values, score)[0, 0])


def test_bad_scores_get_their_sentence() -> None:
    X = np.random.default_rng(0).standard_normal((SUBJECTS, 5))
    with pytest.raises(InputError, match="got 3 for 37 subjects"):
        structure_correlations(X, np.zeros(3))
    with pytest.raises(InputError, match="score 1 is constant"):
        structure_correlations(X, np.column_stack([X[:, 0], np.ones(SUBJECTS)]))
