"""CovBat against its published code; held-out rows; covariances of sites brought together; refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusion import ComBat, CovBat, HarmonizedView, InputError
from fusion.arrays import dense
from fusion.confounds import combat as combat_module
from tests.conftest import REPOSITORY

N, P = 97, 11
SITES = np.array(["Bonn", "Lyon", "Oslo"])[np.repeat([0, 1, 2], [45, 31, 21])]


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    """Simulated subjects and what the authors' code made of them."""
    with np.load(REPOSITORY / "tests" / "reference" / "covbat" / "covbat.npz") as answers:
        return dict(answers)


def _ours(published: dict[str, Any], kept: str, explained: int) -> Any:
    table = pd.DataFrame({"age": published["age"], "sex": published["sex"].astype(float)})
    covariates = table if kept == "kept" else None
    estimator = CovBat(explained=explained / 100)
    return estimator.fit_transform(published["x"], sites=published["site"], covariates=covariates)


@pytest.mark.parametrize("explained", [95, 60])
@pytest.mark.parametrize("kept", ["plain", "kept"])
def test_full_fit_equals_the_published_code(published: dict[str, Any], kept: str, explained: int) -> None:
    expected = published[f"r_{kept}_{explained}"]
    np.testing.assert_allclose(_ours(published, kept, explained), expected, atol=1e-8)


class DividedByP(np.ndarray[Any, np.dtype[np.float64]]):
    """Locations whose variance has the divisor p, as in the published Python code alone."""

    def var(self, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return np.asarray(self).var()


def test_full_fit_equals_the_published_python_code_by_its_own_divisor(
    published: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink = combat_module.shrink_parametric

    def as_in_python(rows: Any, location: Any, scale: Any) -> Any:
        return tuple(map(np.asarray, shrink(rows, location.view(DividedByP), scale)))

    monkeypatch.setattr(combat_module, "shrink_parametric", as_in_python)
    np.testing.assert_allclose(_ours(published, "kept", 95), published["py_kept_95"], atol=1e-8)


def _coupled(seed: int = 0) -> tuple[Any, pd.DataFrame]:
    """Features that share a factor, which makes up more of them at one site; their means and variances are equal."""
    rng = np.random.default_rng(seed)
    age, share = rng.uniform(20, 80, N), np.where(SITES == "Oslo", 0.8, 0.3)[:, None]
    x = np.sqrt(share) * rng.standard_normal((N, 1)) + np.sqrt(1 - share) * rng.standard_normal((N, P))
    return x * 3 + 7 + 0.05 * age[:, None], pd.DataFrame({"age": age})


def _mean_correlation(x: Any, age: Any) -> Any:
    """Mean correlation of features given age, at Oslo less elsewhere."""
    found = []
    for rows in (SITES == "Oslo", SITES != "Oslo"):
        design = np.column_stack([np.ones(rows.sum()), age[rows]])
        left = x[rows] - design @ np.linalg.lstsq(design, x[rows])[0]
        found.append(np.corrcoef(left.T)[np.triu_indices(P, 1)].mean())
    return found[0] - found[1]


def test_covariances_that_combat_leaves_are_brought_together_and_age_is_kept() -> None:
    x, covariates = _coupled()
    age = covariates["age"].to_numpy()
    combat, covbat = (one.fit_transform(x, sites=SITES, covariates=covariates) for one in (ComBat(), CovBat()))
    assert _mean_correlation(combat, age) > 0.3
    assert abs(_mean_correlation(covbat, age)) < 0.3 * _mean_correlation(combat, age)
    np.testing.assert_allclose(np.polyfit(age, covbat, 1)[0], np.polyfit(age, combat, 1)[0], atol=0.02)


def test_held_out_rows_never_reach_the_fit() -> None:
    x, covariates = _coupled()
    train, test = np.arange(N) % 4 > 0, np.arange(N) % 4 == 0
    covbat = CovBat().fit(x[train], sites=SITES[train], covariates=covariates[train])
    together = covbat.transform(x[test], SITES[test], covariates[test])
    rows = np.flatnonzero(test)
    alone = np.vstack([covbat.transform(x[[i]], SITES[[i]], covariates.iloc[[i]]) for i in rows])
    np.testing.assert_allclose(alone, together, atol=1e-12)
    learnt = HarmonizedView(x, SITES, covariates, combat=CovBat()).fitted_on(train)
    np.testing.assert_allclose(dense(learnt)[test], together, atol=1e-10)


def test_units_do_not_matter_and_constant_features_pass_through() -> None:
    x, covariates = _coupled()
    expected = CovBat().fit_transform(x, sites=SITES, covariates=covariates)
    factor, shift = np.geomspace(1e-2, 1e3, P), np.linspace(-40, 40, P)
    wide = np.column_stack([x * factor + shift, np.full(N, 0.1)])
    found = CovBat().fit_transform(wide, sites=SITES, covariates=covariates)
    np.testing.assert_array_equal(found[:, P], 0.1)
    np.testing.assert_allclose((found[:, :P] - shift) / factor, expected, atol=1e-6)


def test_unseen_sites_follow_the_policy_of_combat() -> None:
    x, _ = _coupled()
    with pytest.raises(InputError, match="knows the sites 'Bonn', 'Lyon', 'Oslo'; got 'Turin'"):
        CovBat().fit(x, sites=SITES).transform(x[:1], ["Turin"])
    pooled = CovBat(combat=ComBat(unseen="pooled")).fit(x, sites=SITES)
    with pytest.warns(UserWarning, match="left 1 subjects of sites that training did not have") as said:
        found = pooled.transform(x[:1], ["Turin"])
    assert len(said) == 1
    np.testing.assert_allclose(found, x[:1], atol=1e-12)


@pytest.mark.parametrize("explained", [0, 1.01, -0.5])
def test_a_share_that_is_none_is_refused(explained: float) -> None:
    with pytest.raises(InputError, match=r"CovBat needs a share of variance from 0 to 1; got explained="):
        CovBat(explained=explained).fit(_coupled()[0], sites=SITES)
