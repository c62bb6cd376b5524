"""ComBat against neuroCombat on full fits; held-out rows by hand; every refusal a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from fusion import ComBat, Confound, ConfoundDesign, InputError

N, P = 97, 11
NAMES = np.array(["Bonn", "Lyon", "Oslo", "Rome"])


class SitesInTheRow(ComBat):
    """ComBat for checks that know no sites: the site is read off the row itself, so that it stays with its subject."""

    def fit(self, X: Any, y: object = None) -> "SitesInTheRow":
        return super().fit(X, sites=self._site_of(X))

    def transform(self, X: Any) -> Any:
        return super().transform(X, sites=self._site_of(X))

    def fit_transform(self, X: Any, y: object = None) -> Any:
        return self.fit(X).transform(X)

    def _site_of(self, X: Any) -> Any:
        try:
            values = np.real(np.asarray(X, dtype=complex))
        except (TypeError, ValueError):  # what is no matrix of numbers is ComBat's to refuse
            return None
        first = values.reshape(len(values), -1)[:, :1].sum(axis=1)
        return np.floor(np.abs(np.where(np.isfinite(first), first, 0)) * 64.7) % 2


@parametrize_with_checks([SitesInTheRow(), SitesInTheRow(empirical_bayes=False, unseen="pooled")])
def test_scikit_learn_contract(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def _cohort(seed: int = 0, shares: Any = (0.5, 0.2, 0.2, 0.1)) -> tuple[np.ndarray[Any, Any], Any, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    codes = rng.choice(len(shares), N, p=shares)
    age = (50 + 10 * rng.standard_normal(N) + 3 * codes).astype(np.float32).astype(float)  # neuroCombat rounds to these
    covariates = pd.DataFrame({"age": age, "sex": rng.choice(["F", "M"], N), "group": rng.choice(list("abc"), N)})
    x = rng.standard_normal((N, P)) * rng.uniform(0.5, 4, P) + rng.uniform(-20, 20, P)
    x = (x + rng.standard_normal((4, P))[codes]) * rng.uniform(0.7, 1.5, (4, P))[codes]
    x += 0.05 * age[:, None] + (covariates["sex"] == "M").to_numpy()[:, None] * rng.standard_normal(P)
    return x, NAMES[codes], covariates


def _neurocombat(x: Any, sites: Any, covariates: pd.DataFrame | None, monkeypatch: Any, **options: Any) -> Any:
    from neuroCombat import neuroCombat

    monkeypatch.setattr(np, "int", int, raising=False)  # its reference option needs the name that numpy 2 dropped
    given = pd.DataFrame(index=range(N)) if covariates is None else covariates
    numbers = [name for name in given if given[name].dtype.kind == "f"]
    return neuroCombat(
        dat=x.T,
        covars=given.assign(site=sites),
        batch_col="site",
        categorical_cols=[name for name in given if name not in numbers],
        continuous_cols=numbers,
        **options,
    )["data"].T


@pytest.mark.parametrize("columns", [None, ["age"], ["sex", "group"], ["age", "sex", "group"]], ids=str)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"parametric": False}, {"parametric": False}),
        ({"mean_only": True}, {"mean_only": True}),
        ({"mean_only": True, "parametric": False}, {"mean_only": True, "parametric": False}),
        ({"empirical_bayes": False}, {"eb": False}),
        ({"reference": "Lyon"}, {"ref_batch": "Lyon"}),
    ],
    ids=str,
)
def test_full_fit_equals_neurocombat(ours: Any, theirs: Any, columns: Any, monkeypatch: Any) -> None:
    x, sites, covariates = _cohort()
    kept = None if columns is None else covariates[columns]
    expected = _neurocombat(x, sites, kept, monkeypatch, **theirs)
    np.testing.assert_allclose(ComBat(**ours).fit_transform(x, sites=sites, covariates=kept), expected, atol=1e-6)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.3, 0.4, 0.3)], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_full_fit_equals_neurocombat_for_other_cohorts(shares: Any, seed: int, monkeypatch: Any) -> None:
    x, sites, covariates = _cohort(seed + 1, shares)
    expected = _neurocombat(x, sites, covariates, monkeypatch)
    np.testing.assert_allclose(ComBat().fit_transform(x, sites=sites, covariates=covariates), expected, atol=1e-6)


def test_constant_features_pass_through_and_shape_nothing(monkeypatch: Any) -> None:
    x, sites, covariates = _cohort()
    constant = np.column_stack([x[:, :4], np.full(N, 0.1), x[:, 4:]])
    harmonised = ComBat().fit_transform(constant, sites=sites, covariates=covariates)
    np.testing.assert_array_equal(harmonised[:, 4], 0.1)
    expected = _neurocombat(x, sites, covariates, monkeypatch)
    np.testing.assert_allclose(np.delete(harmonised, 4, axis=1), expected, atol=1e-6)


def test_held_out_rows_equal_the_formula_by_hand() -> None:
    x, sites, covariates = _cohort()
    train, test = slice(0, 70), slice(70, None)
    combat = ComBat(empirical_bayes=False).fit(x[train], sites=sites[train], covariates=covariates[["age"]][train])
    found = combat.transform(x[test], sites[test], covariates[["age"]][test])
    age, dummies = covariates["age"].to_numpy(), (sites[:, None] == NAMES).astype(float)
    design = np.column_stack([dummies, age])
    coefficients = np.linalg.lstsq(design[train], x[train])[0]
    pooled = np.sqrt(((x[train] - design[train] @ coefficients) ** 2).mean(axis=0))
    grand = dummies[train].mean(axis=0) @ coefficients[:4]
    z = (x - grand - np.outer(age, coefficients[4])) / pooled
    for i in range(70, N):
        of_site = z[train][sites[train] == sites[i]]
        adjusted = (z[i] - of_site.mean(axis=0)) / of_site.std(axis=0, ddof=1)
        np.testing.assert_allclose(found[i - 70], adjusted * pooled + grand + age[i] * coefficients[4], atol=1e-9)


def test_held_out_rows_never_reach_the_fit() -> None:
    x, sites, covariates = _cohort()
    combat = ComBat().fit(x[:70], sites=sites[:70], covariates=covariates[:70])
    together = combat.transform(x[70:], sites[70:], covariates[70:])
    alone = np.vstack([combat.transform(x[i : i + 1], sites[i : i + 1], covariates[i : i + 1]) for i in range(70, N)])
    np.testing.assert_allclose(alone, together, atol=1e-12)


def test_sites_are_removed_and_covariates_kept() -> None:
    rng = np.random.default_rng(3)
    n = 2000
    sites, age = rng.choice(NAMES, n), rng.standard_normal(n)
    code = np.searchsorted(NAMES, sites)
    error = rng.standard_normal((n, P))
    x = 2 * age[:, None] + np.array([0, 3, -2, 5])[code, None] + np.array([1, 2, 0.5, 1])[code, None] * error
    harmonised = ComBat().fit_transform(x, sites=sites, covariates=age)
    slopes = np.polyfit(age, harmonised, 1)[0]
    np.testing.assert_allclose(slopes, 2, atol=0.1)
    residual = harmonised - np.outer(age, slopes)
    means = np.array([residual[sites == site].mean(axis=0) for site in NAMES])
    spreads = np.array([residual[sites == site].std(axis=0) for site in NAMES])
    assert np.ptp(means, axis=0).max() < 0.1  # was 8; shrinkage leaves a little
    assert (spreads.max(axis=0) / spreads.min(axis=0)).max() < 1.1


def test_large_sites_do_not_underflow_without_parameters() -> None:
    rng = np.random.default_rng(0)
    x, sites = rng.standard_normal((6000, 5)), np.repeat(["a", "b"], 3000)
    assert np.isfinite(ComBat(parametric=False).fit_transform(x, sites=sites)).all()


def test_unseen_sites_follow_their_policy() -> None:
    x, sites, covariates = _cohort()
    new = np.array(["Turin", "Bonn"])
    strict = ComBat().fit(x, sites=sites, covariates=covariates)
    with pytest.raises(InputError, match=r"knows the sites 'Bonn', 'Lyon', 'Oslo', 'Rome'; got 'Turin'"):
        strict.transform(x[:2], new, covariates[:2])
    pooled = ComBat(unseen="pooled").fit(x, sites=sites, covariates=covariates)
    with pytest.warns(UserWarning, match="left 1 subjects of sites that training did not have as they are: 'Turin'"):
        found = pooled.transform(x[:2], new, covariates[:2])
    np.testing.assert_array_equal(found[0], x[0])
    np.testing.assert_array_equal(found[1], strict.transform(x[1:2], new[1:], covariates[1:2])[0])


def test_saved_and_loaded_gives_the_same_bits(tmp_path: Path) -> None:
    x, sites, covariates = _cohort()
    design = ConfoundDesign([Confound("age"), Confound("sex", "categorical")], unseen="mean")
    combat = ComBat(reference="Oslo", unseen="pooled").fit(x, sites=sites, covariates=(covariates, design))
    loaded = ComBat.load(combat.save(tmp_path / "combat"))
    assert loaded.get_params() == combat.get_params()
    one, other = (c.transform(x, sites, covariates) for c in (combat, loaded))
    assert one.tobytes() == other.tobytes()
    np.testing.assert_array_equal(one[sites == "Oslo"], x[sites == "Oslo"])
    coded = np.searchsorted(NAMES, sites)
    of_numbers = ComBat().fit(x, sites=coded)
    np.testing.assert_array_equal(
        ComBat.load(of_numbers.save(tmp_path / "n")).transform(x, coded), of_numbers.transform(x, coded)
    )


ALONE = np.array(["Bonn"] * 60 + ["Lyon"] * (N - 61) + ["Oslo"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"sites": [pd.NA, *["a", "b"] * 48]}, "site of every subject; 1 of 97 are missing", id="NA"),
        pytest.param({"sites": None}, "needs the site of every subject: pass sites=", id="none"),
        pytest.param({"sites": ALONE}, "site 'Oslo' has one: merge it", id="alone"),
        pytest.param({"sites": ["Bonn"] * N}, "two sites or more; all 97", id="one site"),
        pytest.param({"sites": ["Bonn"] * 5}, "got 5 for 97 subjects", id="length"),
        pytest.param({"sites": ["Bonn", None] * 48 + ["Lyon"]}, "48 of 97 are missing", id="missing"),
        pytest.param({"reference": "Turin"}, "reference among the training sites; got 'Turin'", id="reference"),
        pytest.param({"unseen": "ignore"}, "unseen='error' or 'pooled'; got 'ignore'", id="policy"),
        pytest.param({"covariates": "site"}, "covariates that sites do not explain", id="confounded"),
        pytest.param({"x": np.nan}, "column 3 has 1 missing", id="NaN"),
        pytest.param({"x": 1}, r"two that vary; got 1 \(n_features = 1\)", id="one feature"),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    x, sites, covariates = _cohort()
    given = {"sites": sites, "covariates": covariates} | {k: v for k, v in change.items() if k in ("sites",)}
    if "covariates" in change:
        given["covariates"] = pd.DataFrame({"town": np.char.upper(sites.astype(str))})
    if change.get("x") == 1:
        x = x[:, :1]
    elif "x" in change:
        x[5, 3] = np.nan
    options = {k: v for k, v in change.items() if k in ("reference", "unseen")}
    with pytest.raises(InputError, match=sentence):
        ComBat(**options).fit(x, **given)


def test_a_lone_subject_can_be_moved_but_not_scaled() -> None:
    x, _, _ = _cohort()
    harmonised = ComBat(mean_only=True).fit_transform(x, sites=ALONE)
    assert np.isfinite(harmonised).all()


def test_forgotten_covariates_are_refused() -> None:
    x, sites, covariates = _cohort()
    combat = ComBat().fit(x, sites=sites, covariates=covariates.to_numpy()[:, :1].astype(float))
    with pytest.raises(InputError, match="ComBat was fitted with 1 confound columns; got 0"):
        combat.transform(x, sites)
    tabled = ComBat().fit(x, sites=sites, covariates=covariates)
    with pytest.raises(InputError, match="table of columns age, sex, group; got an array"):
        tabled.transform(x, sites, np.ones((N, 3)))


def test_sites_in_another_order_are_refused() -> None:
    x, sites, _ = _cohort()
    ids = [f"sub-{i:02d}" for i in range(N)]
    with pytest.raises(InputError, match="sites must list the subjects of X in the same order; row 0 is 'sub-96'"):
        ComBat().fit(pd.DataFrame(x, index=ids), sites=pd.Series(sites, index=ids[::-1]))


def _thickness(real_data: Path) -> tuple[np.ndarray[Any, Any], Any, pd.DataFrame]:
    """Cortex of 1,078 people at 23 sites; constant columns left out."""
    table = pd.read_csv(real_data / "brain" / "fcon1000.csv")
    sites = table["sub_id"].str.replace(r"_sub\d+$", "", regex=True).to_numpy(dtype=object)
    values = table.drop(columns=["sub_id", "age", "sex"]).select_dtypes("number")
    covariates = table[["age"]].astype(np.float32).astype(float).assign(sex=table["sex"].astype(str))
    return values.loc[:, values.nunique() > 1].to_numpy(dtype=float), sites, covariates


def test_full_fit_equals_neurocombat_on_real_sites(real_data: Path) -> None:
    from neuroCombat import neuroCombat

    x, sites, covariates = _thickness(real_data)
    given = covariates.assign(site=sites)
    outside = neuroCombat(x.T, given, "site", categorical_cols=["sex"], continuous_cols=["age"])["data"].T
    ours = ComBat().fit_transform(x, sites=sites, covariates=covariates)
    assert len(set(sites)) == 23
    assert (np.abs(ours - outside) / x.std(axis=0)).max() < 1e-6


def _assert_sites_are_gone_from_held_out(x: Any, sites: Any, covariates: pd.DataFrame) -> None:
    held_out = np.random.default_rng(0).permutation(len(x)) < 400
    common = ~np.isin(sites, [site for site in set(sites) if (sites[~held_out] == site).sum() < 10])
    train, test = ~held_out & common, held_out & common
    combat = ComBat().fit(x[train], sites=sites[train], covariates=covariates[train])
    after = combat.transform(x[test], sites[test], covariates[test])
    shares = [_explained_by_sites(values, sites[test], covariates[test]) for values in (x[test], after)]
    chance = (len(set(sites[test])) - 1) / test.sum()
    assert np.median(shares[0]) > 3 * chance
    # A held-out site mean less its training mean varies by 1/n_test + 1/n_train.
    assert np.median(shares[1]) < 1.2 * chance * (1 + test.sum() / train.sum())


def test_sites_are_gone_from_real_subjects_that_the_fit_never_saw(real_data: Path) -> None:
    _assert_sites_are_gone_from_held_out(*_thickness(real_data))


def test_sites_are_gone_from_subjects_that_the_fit_never_saw() -> None:
    """1,031 subjects at 19 sites of 3 to 130, each with its own level and spread in each of 61 features."""
    rng = np.random.default_rng(12)
    sizes = np.array([3, 6, 12, 19, 23, 28, 31, 37, 41, 44, 52, 57, 63, 70, 81, 98, 111, 125, 130])
    code = rng.permutation(np.repeat(np.arange(19), sizes))
    covariates = pd.DataFrame({"age": rng.uniform(8, 85, len(code)), "sex": rng.choice(["f", "m"], len(code))})
    noise = rng.standard_normal((len(code), 61)) * rng.uniform(0.7, 1.4, (19, 61))[code]
    ages = np.outer(covariates["age"] - 40, rng.normal(0, 0.01, 61))
    x = 2.5 + noise + rng.normal(0, 0.6, (19, 61))[code] + ages + np.outer(covariates["sex"] == "f", np.full(61, 0.2))
    _assert_sites_are_gone_from_held_out(x, np.array([f"site {n}" for n in code], dtype=object), covariates)


def _explained_by_sites(values: Any, sites: Any, covariates: pd.DataFrame) -> Any:
    """Share of the variance left by age and sex that sites explain, per feature."""
    base = np.column_stack([np.ones(len(values)), covariates["age"], covariates["sex"] == covariates["sex"].iloc[0]])
    full = np.column_stack([base, pd.get_dummies(sites).to_numpy(dtype=float)[:, 1:]])
    left = [
        np.square(values - design @ np.linalg.lstsq(design, values)[0]).sum(axis=0)
        for design in (base.astype(float), full.astype(float))
    ]
    return 1 - left[1] / left[0]


@pytest.mark.parametrize("options", [{}, {"parametric": False}, {"mean_only": True}, {"reference": "Oslo"}], ids=str)
def test_units_and_orders_do_not_matter(options: Any) -> None:
    x, sites, covariates = _cohort()
    rng = np.random.default_rng(9)
    expected = ComBat(**options).fit_transform(x, sites=sites, covariates=covariates)
    factor, shift = 10 ** rng.uniform(-3, 3, P), rng.normal(0, 50, P)
    rescaled = ComBat(**options).fit_transform(x * factor + shift, sites=sites, covariates=covariates)
    np.testing.assert_allclose((rescaled - shift) / factor, expected, atol=1e-7)
    rows, columns = rng.permutation(N), rng.permutation(P)
    shuffled = ComBat(**options).fit_transform(x[rows][:, columns], sites=sites[rows], covariates=covariates.iloc[rows])
    np.testing.assert_allclose(shuffled, expected[rows][:, columns], atol=1e-10)
    recoded = covariates.assign(age=covariates["age"] * 12 - 5, sex=covariates["sex"].map({"F": "z", "M": "a"}))
    np.testing.assert_allclose(ComBat(**options).fit_transform(x, sites=sites, covariates=recoded), expected, atol=1e-9)
