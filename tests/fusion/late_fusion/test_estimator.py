"""LateFusion: what users call, on new subjects and from disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from fusion import (
    ComBat,
    Confound,
    ConfoundDesign,
    FactoredView,
    InputError,
    LateFusion,
    Residualizer,
    RidgeCCA,
    SparseCCA,
    ViewPCA,
)
from fusion.confounds.coding import Confounds

N, P, Q, R = 97, 24, 11, 2


@pytest.fixture
def linked() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    z, shared = rng.standard_normal((N, R)), rng.standard_normal(N)
    x = rng.standard_normal((N, P)) + 3 * np.outer(shared, rng.standard_normal(P)) + z @ rng.standard_normal((R, P))
    y = rng.standard_normal((N, Q)) + 3 * np.outer(shared, rng.standard_normal(Q)) + z @ rng.standard_normal((R, Q))
    return {"x": x, "y": y, "confounds": z}


def _rows(data: dict[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in data.items()}


def test_scores_in_training_rows(linked: dict[str, np.ndarray]) -> None:
    fusion = LateFusion().fit(**linked)
    x_scores, y_scores = fusion.transform(**linked)
    assert x_scores.shape == y_scores.shape == (N, 3)
    np.testing.assert_allclose(np.cov(x_scores.T), np.eye(3), atol=1e-8)
    np.testing.assert_allclose(fusion.score(**linked), fusion.canonical_correlations_, atol=1e-8)
    assert fusion.n_effective_ == N - 1 - R
    assert sum(fusion.dimensions_) == (N - 1 - R) // 10
    assert np.abs(linked["confounds"].T @ x_scores).max() < 1e-8


def test_new_subjects_one_by_one(linked: dict[str, np.ndarray]) -> None:
    fusion = LateFusion().fit(**_rows(linked, slice(0, 70)))
    new = _rows(linked, slice(70, None))
    together = fusion.transform(**new)[0]
    alone = np.vstack([fusion.transform(**_rows(new, slice(i, i + 1)))[0] for i in range(27)])
    np.testing.assert_allclose(alone, together, atol=1e-10)
    assert fusion.score(**new)[0] > 0.5


def test_map_equals_the_pca(linked: dict[str, np.ndarray]) -> None:
    train, new = _rows(linked, slice(0, 70)), _rows(linked, slice(70, None))
    fusion = LateFusion(pca_components=9).fit(**train)
    pca = ViewPCA(9, confounds=train["confounds"]).fit(train["x"])
    expected = pca.transform(new["x"], confounds=new["confounds"])
    z = fusion.coding_.encode(Confounds.of(new["confounds"]), 27, "LateFusion")
    np.testing.assert_allclose(fusion.x_map_.apply(_view(new["x"]), z), expected, atol=1e-10)


def _view(values: np.ndarray) -> object:
    from fusion import as_view

    return as_view(values)


def test_concatenation_has_unit_variance(linked: dict[str, np.ndarray]) -> None:
    fusion = LateFusion(pca_components=10).fit(**linked)
    both = fusion.concatenate(**linked)
    assert both.shape == (N, 20)
    np.testing.assert_allclose((both**2).sum(axis=0) / (N - 1 - R), 1, atol=1e-8)


def test_saved_and_loaded_gives_the_same_bits(linked: dict[str, np.ndarray], tmp_path: Path) -> None:
    fusion = LateFusion(n_components=2, x_dimensions=5).fit(**linked)
    loaded = LateFusion.load(fusion.save(tmp_path / "fusion"))
    assert loaded.get_params() == fusion.get_params()
    assert loaded.dimensions_ == fusion.dimensions_
    for one, other in zip(fusion.transform(**linked), loaded.transform(**linked), strict=True):
        assert one.tobytes() == other.tobytes()
    assert fusion.concatenate(**linked).tobytes() == loaded.concatenate(**linked).tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["fusion.npz"]


def test_planted_gene_and_region_lead() -> None:
    rng = np.random.default_rng(0)
    genes = [rng.standard_normal((40, 6)).astype(np.float32) for _ in range(5)]
    designs = [np.eye(40)[rng.integers(0, 40, N)] for _ in genes]
    view = FactoredView(
        designs=designs, embeddings=genes, subject_ids=[f"s{i}" for i in range(N)], gene_ids=list("ABCDE")
    )
    y = rng.standard_normal((N, Q))
    y[:, 4] = designs[2] @ genes[2] @ rng.standard_normal(6)
    fusion = LateFusion(x_dimensions=20, y_dimensions=Q).fit(view, y)
    of_genes, of_regions = fusion.loadings(view, y)
    assert of_genes["gene_id"].iloc[0] == "C"
    assert of_regions["feature"].iloc[0] == "x4"
    assert len(of_genes) == 5
    assert len(of_regions) == Q


def test_bad_input_is_one_sentence(linked: dict[str, np.ndarray]) -> None:
    fusion = LateFusion().fit(**linked)
    with pytest.raises(InputError, match="2 confound columns; got 0"):
        fusion.transform(linked["x"], linked["y"])
    with pytest.raises(InputError, match="X has 11 features, but LateFusion is expecting 24"):
        fusion.transform(linked["y"], linked["y"], linked["confounds"])
    with pytest.raises(InputError, match="1 by construction"):
        LateFusion(x_dimensions=24, y_dimensions=11).fit(**_rows(linked, slice(0, 35)))
    with pytest.raises(InputError, match="rows of x"):
        fusion.transform(linked["x"], linked["y"][:5], linked["confounds"])


@parametrize_with_checks([LateFusion(), LateFusion(x_dimensions=2, y_dimensions=1, estimator=RidgeCCA(penalty=0.5))])
def test_scikit_learn_contract(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


@pytest.fixture
def cohort(linked: dict[str, np.ndarray]) -> dict[str, Any]:
    """The same subjects as tables with ids: confounds with categories, brains of three sites."""
    rng = np.random.default_rng(8)
    ids = pd.Index([f"sub-{i:03d}" for i in range(N)])
    sites = rng.choice(["Bonn", "Lyon", "Oslo"], N)
    shift = {"Bonn": -4.0, "Lyon": 0.0, "Oslo": 9.0}
    confounds = pd.DataFrame({"age": 60 + 8 * linked["confounds"][:, 0], "sex": rng.choice(["F", "M"], N)}, index=ids)
    y = linked["y"] + np.array([shift[site] for site in sites])[:, None] + (confounds["sex"] == "M").to_numpy()[:, None]
    return {
        "x": pd.DataFrame(linked["x"], ids, [f"g{j}" for j in range(P)]),
        "y": pd.DataFrame(y, ids, [f"roi{j}" for j in range(Q)]),
        "confounds": confounds,
        "sites": sites,
    }


def _of(cohort: dict[str, Any], rows: slice) -> dict[str, Any]:
    return {name: values[rows] for name, values in cohort.items()}


def _by_hand(view: np.ndarray, Z: np.ndarray, train: slice, k: int) -> np.ndarray:
    """Least squares on the training rows, residual SD, singular vectors: scores of all rows."""
    coefficients = np.linalg.lstsq(Z[train], view[train])[0]
    residuals = view - Z @ coefficients
    residuals = residuals / np.sqrt((residuals[train] ** 2).sum(axis=0) / (len(view[train]) - Z.shape[1]))
    return residuals @ np.linalg.svd(residuals[train], full_matrices=False)[2][:k].T


@pytest.mark.parametrize("harmonize", [None, ComBat()], ids=["as they are", "harmonised"])
def test_new_subjects_equal_the_fold_by_hand(cohort: dict[str, Any], harmonize: ComBat | None) -> None:
    from statsmodels.multivariate.cancorr import CanCorr

    train, new = slice(0, 70), slice(70, None)
    age, male = cohort["confounds"]["age"].to_numpy(), (cohort["confounds"]["sex"] == "M").to_numpy()
    Z = np.column_stack([np.ones(N), age, male])
    x, y = cohort["x"].to_numpy(), cohort["y"].to_numpy()
    if harmonize is None:
        cohort = {name: values for name, values in cohort.items() if name != "sites"}
    else:
        fitted = ComBat().fit(y[train], sites=cohort["sites"][train], covariates=Z[train, 1:])
        y = fitted.transform(y, cohort["sites"], Z[:, 1:])
    a, b = _by_hand(x, Z, train, 6), _by_hand(y, Z, train, 4)
    cancorr = CanCorr(a[train], b[train])
    settings = {"x_dimensions": 6, "y_dimensions": 4, "harmonize": harmonize}
    fusion = LateFusion(**settings).fit(**_of(cohort, train))
    np.testing.assert_allclose(fusion.canonical_correlations_, cancorr.cancorr[:3], atol=1e-8)
    for found, view, weights in zip(
        fusion.transform(**_of(cohort, new)), (a, b), (cancorr.y_cancoef, cancorr.x_cancoef), strict=True
    ):
        expected = (view @ weights)[:, :3]
        expected = expected[new] / expected[train].std(axis=0, ddof=1)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-8)


def test_levels_are_those_of_the_fit(cohort: dict[str, Any]) -> None:
    del cohort["sites"]
    fusion = LateFusion().fit(**cohort)
    women = {name: values[cohort["confounds"]["sex"] == "F"] for name, values in cohort.items()}
    everyone = fusion.transform(**cohort)[0][cohort["confounds"]["sex"] == "F"]
    np.testing.assert_allclose(fusion.transform(**women)[0], everyone, atol=1e-12)
    women["confounds"] = women["confounds"].assign(sex="X")
    with pytest.raises(InputError, match="'sex' has levels that training did not: 'X'"):
        fusion.transform(**women)
    tolerant = ConfoundDesign([Confound("age"), Confound("sex", "categorical")], unseen="mean")
    lenient = LateFusion().fit(cohort["x"], cohort["y"], (cohort["confounds"], tolerant))
    assert np.isfinite(lenient.transform(**women)[0]).all()
    with pytest.raises(InputError, match="table of columns age, sex; got an array"):
        fusion.transform(cohort["x"], cohort["y"], np.ones((N, 2)))


def test_ids_and_names_are_kept(cohort: dict[str, Any]) -> None:
    del cohort["sites"]
    fusion = LateFusion(pca_components=8).fit(**_of(cohort, slice(0, 70)))
    new = _of(cohort, slice(70, None))
    scores, both = fusion.scores_frame(**new), fusion.concatenation_frame(**new)
    assert list(scores.index) == list(both.index) == list(new["x"].index)
    assert list(scores.columns) == ["x_1", "x_2", "x_3", "y_1", "y_2", "y_3"]
    np.testing.assert_array_equal(scores.to_numpy(), np.hstack(fusion.transform(**new)))
    np.testing.assert_array_equal(both.to_numpy(), fusion.concatenate(**new))
    assert both.columns[8] == "brain_pc1"


def test_the_recipe_says_requested_and_effective(linked: dict[str, np.ndarray]) -> None:
    fusion = LateFusion().fit(**linked)
    assert fusion.concatenation_.name == "fusion_concat_gene_brain_1024_v1"
    said = "fusion_concat_gene_brain_1024_v1: 1024 columns requested (512 gene + 512 brain), 35 effective (24 + 11)"
    assert fusion.concatenation_frame(**linked).attrs["recipe"] == said
    assert fusion.concatenate(**linked).shape == (N, P + Q)


def test_full_recipe_has_1024_columns() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((600, 530)), rng.standard_normal((600, 520))
    fusion = LateFusion(x_dimensions=5, y_dimensions=5).fit(x, y)
    both = fusion.concatenation_frame(x[:3], y[:3])
    assert both.shape == (3, 1024)
    assert fusion.concatenation_.effective == (512, 512)
    assert (both.columns[511], both.columns[512]) == ("gene_pc512", "brain_pc1")


@pytest.mark.parametrize("estimator", [RidgeCCA(penalty=(0.2, 0.9)), SparseCCA(x_l1=0.4, y_l1=0.6)], ids=repr)
def test_other_estimators_align_and_save(cohort: dict[str, Any], estimator: Any, tmp_path: Path) -> None:
    settings = {"x_dimensions": 20, "y_dimensions": 9, "estimator": estimator, "scale": (True, False)}
    fusion = LateFusion(**settings, harmonize=ComBat(unseen="pooled")).fit(**cohort)
    x_scores, y_scores = fusion.transform(**cohort)
    np.testing.assert_allclose(x_scores.std(axis=0, ddof=1), 1, atol=1e-8)
    np.testing.assert_allclose(y_scores.std(axis=0, ddof=1), 1, atol=1e-8)
    np.testing.assert_allclose(fusion.score(**cohort), fusion.canonical_correlations_, atol=1e-8)
    assert fusion.x_loadings_.shape == fusion.x_weights_.shape == (20, 3)
    loaded = LateFusion.load(fusion.save(tmp_path / "fusion"))
    for one, other in zip(fusion.transform(**cohort), loaded.transform(**cohort), strict=True):
        assert one.tobytes() == other.tobytes()
    assert repr(loaded) == repr(fusion)
    if isinstance(estimator, SparseCCA):
        assert (fusion.x_weights_ == 0).sum() > 10


def test_a_penalty_allows_more_dimensions_than_exact_cca(linked: dict[str, np.ndarray]) -> None:
    few = _rows(linked, slice(0, 35))
    wide = LateFusion(x_dimensions=24, y_dimensions=11, estimator=RidgeCCA(penalty=0.5)).fit(**few)
    assert wide.dimensions_ == (24, 11)
    assert wide.canonical_correlations_[0] < 1 - 1e-6


def test_harmonising_removes_what_sites_add(cohort: dict[str, Any]) -> None:
    fusion = LateFusion(harmonize=ComBat(), scale=False).fit(**cohort)
    brain = fusion.concatenate(**cohort)[:, P]
    means = [brain[cohort["sites"] == site].mean() for site in ("Bonn", "Lyon", "Oslo")]
    assert np.ptp(means) < 0.3
    sites = cohort.pop("sites")
    plain = LateFusion(scale=False).fit(**cohort).concatenate(**cohort)[:, P]
    assert np.ptp([plain[sites == site].mean() for site in ("Bonn", "Lyon", "Oslo")]) > 1


def test_sites_need_a_harmoniser_and_the_harmoniser_sites(cohort: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="takes sites only to harmonize them"):
        LateFusion().fit(**cohort)
    fusion = LateFusion(harmonize=ComBat()).fit(**cohort)
    sites = cohort.pop("sites")
    with pytest.raises(InputError, match="pass sites="):
        fusion.transform(**cohort)
    assert fusion.transform(cohort["x"], confounds=cohort["confounds"]).shape == (N, 3)
    with pytest.raises(InputError, match="the site itself first of all"):
        fusion.fit(cohort["x"], cohort["y"], cohort["confounds"].assign(site=sites), sites=sites)


def test_normal_scores_before_the_confounds_have_no_way_in(cohort: dict[str, Any]) -> None:
    """Residuals may be ranked and aligned with the confounds given again; a ranker is no setting of LateFusion."""
    train = _of(cohort, slice(0, 70))
    Z = ConfoundDesign().fit(train["confounds"]).transform(train["confounds"])
    ranked = Residualizer(normal_scores=True).fit_transform(train["y"].to_numpy(), confounds=Z)
    fusion = LateFusion().fit(train["x"].to_numpy(), ranked, Z)
    assert np.abs(Z.T @ fusion.transform(train["x"].to_numpy(), ranked, Z)[1]).max() < 1e-8
    assert not {name for name in LateFusion().get_params() if "normal" in name}


def test_columns_in_another_order_are_refused(cohort: dict[str, Any], tmp_path: Path) -> None:
    del cohort["sites"]
    fusion = LateFusion.load(LateFusion().fit(**cohort).save(tmp_path / "fusion"))
    swapped = cohort | {"y": cohort["y"][cohort["y"].columns[::-1]]}
    with pytest.raises(InputError, match="y must have the columns of the fit in the same order; column 0 is 'roi10'"):
        fusion.transform(**swapped)
    with pytest.raises(InputError, match="feature names should match"):
        fusion.transform(**cohort | {"x": cohort["x"][cohort["x"].columns[::-1]]})
    # Without names there is nothing to compare.
    np.testing.assert_array_equal(
        fusion.y_scores(cohort["y"].to_numpy(), cohort["confounds"]), fusion.transform(**cohort)[1]
    )
