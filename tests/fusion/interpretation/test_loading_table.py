"""Loadings, their intervals, halves and redundancy: against plain CCA, weighted copies and known truths."""

from typing import Any

import numpy as np
import pytest

from fusion import CanonicalCorrelation, InputError, TableView, ViewPCA
from fusion.cca.matching import matching_rotation
from fusion.decomposition.loadings import structure_correlations
from fusion.interpretation import components
from fusion.interpretation.bootstrap import bootstrap_refits
from fusion.interpretation.components import ROWS_AT_ONCE, fit_components
from fusion.interpretation.loading_table import loading_table, redundancy
from fusion.interpretation.split_half import split_half_cosines
from tests.fusion.factors import SUBJECTS, make_panel

N, P, Q = 137, 9, 7


def linked(seed: int, n: int = N, rho: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Two views whose columns mix latent coordinates; the first pair correlates by rho, the second by half of it."""
    rng, mix = np.random.default_rng(seed), np.random.default_rng(99)
    x, y = rng.standard_normal((n, P)), rng.standard_normal((n, Q))
    for k, r in enumerate((rho, rho / 2)):
        y[:, k] = r * x[:, k] + np.sqrt(1 - r**2) * y[:, k]
    x, y = x @ mix.standard_normal((P, P)).T, y @ mix.standard_normal((Q, Q)).T
    return x - x.mean(axis=0), y - y.mean(axis=0)


def true_loadings(width: int, before: int = 0) -> np.ndarray:
    """Population structure loadings of the first component of `linked`."""
    mix = np.random.default_rng(99)
    mix.standard_normal((before, before))
    axes = mix.standard_normal((width, width))
    return axes[:, 0] / np.linalg.norm(axes, axis=1)


def test_components_are_those_of_cca() -> None:
    x, y = linked(0)
    cca = CanonicalCorrelation(3).fit(x, y)
    found = fit_components(x, y, 3)
    scale = np.sqrt(N / (N - 1))
    np.testing.assert_allclose(np.abs(found.x_weights / scale), np.abs(cca.x_weights_), atol=1e-8)
    np.testing.assert_allclose(np.abs(found.y_weights / scale), np.abs(cca.y_weights_), atol=1e-8)
    np.testing.assert_allclose(found.x_loadings, x.T @ (x @ found.x_weights) / N, atol=1e-8)
    assert (np.diag((x @ found.x_weights).T @ (y @ found.y_weights)) > 0).all()


def test_counts_are_copies_of_rows() -> None:
    x, y = linked(0)
    counts = np.random.default_rng(1).integers(0, 3, N)
    copied = fit_components(np.repeat(x, counts, axis=0), np.repeat(y, counts, axis=0), 2)
    for weighted, plain in zip(vars(fit_components(x, y, 2, counts)).values(), vars(copied).values(), strict=True):
        np.testing.assert_allclose(np.abs(weighted), np.abs(plain), atol=1e-8)


@pytest.mark.parametrize(("single_size", "tolerance"), [(np.inf, 1e-9), (0, 1e-4)])
def test_refits_of_many_rows_are_those_of_repeated_rows(
    monkeypatch: pytest.MonkeyPatch, single_size: float, tolerance: float
) -> None:
    """Rows sorted by a group that moves their means, columns of unlike sizes: in tiles as in one product."""
    rng = np.random.default_rng(11)
    n = 2 * ROWS_AT_ONCE + 311
    shift = np.repeat([0.0, 4.0, -3.0], [n // 3, n // 3, n - 2 * (n // 3)])[:, np.newaxis]
    x = (rng.standard_normal((n, 7)) + shift) * 10.0 ** np.arange(-6, 8, 2) + 2.5
    y = rng.standard_normal((n, 5)) + 0.4 * shift + 0.8 * (x[:, :1] - 2.5) * 1e6
    counts = rng.multinomial(n, np.full(n, 1 / n))
    monkeypatch.setattr(components, "SINGLE_SIZE", single_size)
    found, rows = fit_components(x, y, 2, counts), np.repeat(np.arange(n), counts)
    expected = CanonicalCorrelation(2).fit(x[rows], y[rows])
    scores = [values - values.mean(axis=0) for values in (x[rows] @ found.x_weights, y[rows] @ found.y_weights)]
    for got, own in zip(scores, expected.transform(x[rows], y[rows]), strict=True):
        agreement = np.abs([np.corrcoef(got[:, k], own[:, k])[0, 1] for k in range(2)])
        np.testing.assert_allclose(agreement, 1.0, atol=tolerance)
        np.testing.assert_allclose(got.std(axis=0), 1.0, atol=10 * tolerance)


def test_rotation_is_scipys_procrustes_beyond_the_first() -> None:
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(0)
    reference, turn = rng.standard_normal((P, 4)), np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turned = np.column_stack([-reference[:, 0], reference[:, 1:] @ turn])
    rotation = matching_rotation(turned.T @ reference)
    np.testing.assert_allclose(rotation[1:, 1:], orthogonal_procrustes(turned[:, 1:], reference[:, 1:])[0], atol=1e-10)
    np.testing.assert_allclose(turned @ rotation, reference, atol=1e-10)
    everything = turned @ matching_rotation(turned.T @ reference, keep_first=False)
    np.testing.assert_allclose(everything, reference, atol=1e-10)


def test_loading_intervals_are_around_the_loadings_and_know_the_effect_of_n() -> None:
    widths = []
    for n in (150, 1200):
        x, y = linked(3, n)
        refits = bootstrap_refits(x, y, n_draws=100, seed=1)
        table, extracted = loading_table(
            x, refits.x_scores[:, 0], refits.y_scores[:, 0], draws=refits.x_draws, counts=refits.counts, grouped=False
        )
        expected = structure_correlations(x, refits.x_scores[:, 0])[:, 0]
        np.testing.assert_allclose(table.sort_values("feature")["loading"], expected, atol=1e-10)
        assert extracted == pytest.approx(np.mean(expected**2))
        assert ((table["lo"] < table["loading"]) & (table["loading"] < table["hi"])).all()
        widths.append((table["hi"] - table["lo"]).mean())
    assert widths[1] < widths[0] / 2


def test_cross_loadings_shrink_by_the_canonical_correlation() -> None:
    x, y = linked(3)
    refits = bootstrap_refits(x, y, n_draws=2)
    table, _ = loading_table(
        y, refits.y_scores[:, 0], refits.x_scores[:, 0], draws=refits.y_draws, counts=refits.counts, grouped=False
    )
    r = CanonicalCorrelation(1).fit(x, y).canonical_correlations_[0]
    np.testing.assert_allclose(table["cross_loading"], r * table["loading"], atol=1e-8)


def test_redundancy_is_the_variance_that_the_other_variate_explains() -> None:
    x, y = linked(3)
    refits = bootstrap_refits(x, y, n_draws=2)
    u = refits.x_scores[:, 0]
    explained = [np.corrcoef(column, u)[0, 1] ** 2 for column in y.T]
    r = CanonicalCorrelation(1).fit(x, y).canonical_correlations_[0]
    extracted = np.mean(structure_correlations(y, refits.y_scores[:, 0]) ** 2)
    assert redundancy(float(extracted), r) == pytest.approx(np.mean(explained))
    assert redundancy(0.5, -0.2) == 0.0


def test_intervals_of_genes_come_from_factors() -> None:
    panel = make_panel()
    confounds = np.random.default_rng(5).standard_normal((SUBJECTS, 2))
    x = ViewPCA(3, confounds=confounds).fit_transform(panel.view)
    y = ViewPCA(2, confounds=confounds).fit_transform(np.random.default_rng(1).standard_normal((SUBJECTS, 5)))
    refits = bootstrap_refits(x, y, n_draws=40, seed=0)
    settings: dict[str, Any] = {"counts": refits.counts, "confounds": confounds, "grouped": True}
    tables = [
        loading_table(view, refits.x_scores[:, 0], refits.y_scores[:, 0], draws=refits.x_draws, **settings)[0]
        for view in (panel.view, TableView(panel.dense, panel.view.subject_ids, panel.view.column_groups))
    ]
    np.testing.assert_allclose(tables[0][["loading", "lo", "hi"]], tables[1][["loading", "lo", "hi"]], atol=1e-5)
    assert (tables[0]["lo"] >= 0).all()
    assert (tables[0]["hi"] <= 1).all()


def test_families_are_drawn_as_wholes_and_workers_change_nothing() -> None:
    x, y = linked(0)
    families = np.arange(N) // 3
    one, two = (bootstrap_refits(x, y, clusters=families, n_draws=70, n_jobs=n) for n in (1, 2))
    assert (one.counts[0:135:3] == one.counts[1:135:3]).all()
    assert one.x_draws.tobytes() == two.x_draws.tobytes()


def test_halves_agree_where_there_is_a_link_and_not_where_there_is_none() -> None:
    strong = split_half_cosines(*linked(0, 400, 0.9), n_repeats=20)
    assert strong is not None
    assert min(strong[name]["median"] for name in strong) > 0.9
    rng = np.random.default_rng(0)
    noise = split_half_cosines(rng.standard_normal((400, P)), rng.standard_normal((400, Q)), n_repeats=20)
    assert noise is not None
    assert noise["x_weights"]["median"] < strong["x_weights"]["null_q95"] + 0.2
    assert split_half_cosines(*linked(0, 30), n_repeats=2) is None


def test_too_few_subjects_give_no_intervals_and_repeated_names_a_sentence() -> None:
    x, y = linked(0, 24)
    refits = bootstrap_refits(x, y)
    assert refits.x_draws.shape == (24, 0)
    settings: dict[str, Any] = {"draws": refits.x_draws, "counts": refits.counts, "grouped": False}
    table, _ = loading_table(x, refits.x_scores[:, 0], refits.y_scores[:, 0], **settings)
    assert table[["lo", "hi"]].isna().all(axis=None)
    repeated = TableView(x, [f"s{i}" for i in range(24)], ["roi"] * P)
    with pytest.raises(InputError, match="unique names"):
        loading_table(repeated, refits.x_scores[:, 0], refits.y_scores[:, 0], **settings)


@pytest.mark.parametrize("rho", [0.7])
def test_intervals_cover_population_loadings(rho: float) -> None:
    """Quick form of the calibration: 40 data sets, both sides."""
    covered = []
    for seed in range(40):
        x, y = linked(seed, 300, rho)
        refits = bootstrap_refits(x, y, n_draws=100, seed=seed)
        scores = refits.x_scores[:, 0], refits.y_scores[:, 0]
        for view, truth, own, draws in (
            (x, true_loadings(P), scores, refits.x_draws),
            (y, true_loadings(Q, P), scores[::-1], refits.y_draws),
        ):
            table, _ = loading_table(view, *own, draws=draws, counts=refits.counts, grouped=False)
            table = table.assign(number=table["feature"].str.extract(r"(\d+)$", expand=False).astype(int))
            bounds = table.sort_values("number")[["lo", "hi"]].to_numpy()
            sign = np.sign(table.sort_values("number")["loading"].to_numpy() @ truth)
            covered.append(((bounds[:, 0] <= sign * truth) & (sign * truth <= bounds[:, 1])).mean())
    assert 0.90 <= np.mean(covered) <= 0.98
