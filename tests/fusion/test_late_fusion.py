"""LateFusion: what users call, on new subjects and from disk."""

from pathlib import Path

import numpy as np
import pytest

from fusion import FactoredView, InputError, LateFusion, ViewPCA

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
    np.testing.assert_allclose(fusion.x_map_.apply(_view(new["x"]), new["confounds"]), expected, atol=1e-10)


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
    with pytest.raises(InputError, match="24 features; this view has 11"):
        fusion.transform(linked["y"], linked["y"], linked["confounds"])
    with pytest.raises(InputError, match="1 by construction"):
        LateFusion(x_dimensions=24, y_dimensions=11).fit(**_rows(linked, slice(0, 35)))
    with pytest.raises(InputError, match="rows of x"):
        fusion.transform(linked["x"], linked["y"][:5], linked["confounds"])
