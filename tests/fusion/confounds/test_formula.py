"""Formulas and lists of products: what formulaic codes, unseen levels, and nothing that runs."""

import builtins
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from formulaic import model_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion import Confound, ConfoundDesign, InputError, Interaction, Residualizer, read_formula
from fusion.confounds.coding import ConfoundCoding, Confounds

N = 167
AGE, SEX, SITE = Confound("age"), Confound("sex", "categorical"), Confound("site", "categorical")
COLUMNS = [AGE, Confound("dose"), SEX, SITE]


def _frame(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.uniform(20, 80, N),
            "dose": rng.gamma(2, 3, N),
            "sex": rng.choice(["F", "M"], N, p=[0.6, 0.4]),
            "site": rng.choice(["Bonn", "Lyon", "Oslo"], N, p=[0.5, 0.3, 0.2]),
            "my col": rng.standard_normal(N),
        }
    )


OUTCOME = np.random.default_rng(5).standard_normal((N, 3))


def _residuals(design: ConfoundDesign, frame: pd.DataFrame) -> np.ndarray:
    with np.testing.suppress_warnings() as quiet:
        quiet.filter(UserWarning, "Confounds hold")
        return np.asarray(Residualizer().fit_transform(OUTCOME, confounds=design.fit(frame).transform(frame)))


def _by_statsmodels(formula: str, frame: pd.DataFrame) -> np.ndarray:
    columns = np.asarray(model_matrix(formula, frame), dtype=float)
    return np.column_stack([sm.OLS(one, columns).fit().resid for one in OUTCOME.T])


@pytest.mark.parametrize(
    "formula",
    [
        "bs(age, df=4) + age:C(site)",
        "bs(age, df=4) + C(site) + age:C(site)",
        "age*sex",
        "age:site",
        "sex:site",
        "site + sex:site",
        "age/site + dose",
        "poly(age, 2)*sex",
        "poly(age, degree=3):site",
        "bs(age, df=5, degree=2):site",
        "(age + sex + site)**2 - sex:site",
        "age*dose*sex",
        "age:dose",
        "`my col`*C(sex)",
        "age %in% site",
        "age + ((sex))",
    ],
)
def test_a_formula_removes_what_formulaic_and_statsmodels_remove(formula: str) -> None:
    frame = _frame()
    np.testing.assert_allclose(_residuals(ConfoundDesign(formula), frame), _by_statsmodels(formula, frame), atol=1e-10)


@pytest.mark.parametrize(
    ("formula", "terms"),
    [
        ("age + sex + age:sex", [AGE, SEX, "age:sex"]),
        ("ns(age, df=3)*C(sex)", [Confound("age", "spline", df=3, by="sex"), Confound("age", "spline", df=3), SEX]),
        ("site + age:site", [SITE, Confound("age", by="site")]),
        ("bs(age, df=4) + age:site + site", [Confound("age", "B-spline"), Confound("age", by="site"), SITE]),
        ("age*sex*site", [AGE, SEX, SITE, "age:sex", "age:site", "sex:site", "age : sex : site"]),
        ("poly(age, 3) + sex + age:sex", [Confound("age", "polynomial", degree=3), SEX, Interaction(("age", "sex"))]),
    ],
)
def test_a_formula_is_the_list_of_its_terms(formula: str, terms: list[Confound | Interaction | str]) -> None:
    frame = _frame(1)
    np.testing.assert_allclose(
        _residuals(ConfoundDesign(formula), frame), _residuals(ConfoundDesign(terms), frame), atol=1e-10
    )


@settings(max_examples=8, deadline=None)
@given(picked=st.lists(st.sampled_from(["age", "dose", "sex", "site"]), min_size=2, max_size=3, unique=True))
def test_any_product_of_listed_confounds_is_that_of_its_formula(picked: list[str]) -> None:
    frame = _frame(2)
    products = [f"{a}:{b}" for i, a in enumerate(picked) for b in picked[i + 1 :]]
    listed = ConfoundDesign([*(one for one in COLUMNS if one.column in picked), *products])
    by_formula = _by_statsmodels(f"({' + '.join(picked)})**2", frame)
    np.testing.assert_allclose(_residuals(listed, frame), by_formula, atol=1e-10)


def test_names_say_what_a_column_is() -> None:
    design = ConfoundDesign([Confound("age", "spline", df=3, by="sex"), SEX, SITE, "sex:site"]).fit(_frame())
    assert list(design.get_feature_names_out()) == [
        *(f"age (spline {j} of 3) x sex[{level}]" for j in (1, 2, 3) for level in "FM"),
        *("sex[M]", "site[Lyon]", "site[Oslo]", "sex[M] x site[Lyon]", "sex[M] x site[Oslo]"),
    ]
    assert [term.label for term in design.terms_] == ["age (spline, df 3) x sex", "sex", "site", "sex x site"]
    assert design.dropped_ == {}


def test_a_product_without_its_parts_is_said_and_a_whole_one_is_not(recwarn: pytest.WarningsRecorder) -> None:
    frame = _frame()
    ConfoundDesign([AGE, SEX, "age:sex", SITE, Confound("dose", by="site")]).fit(frame)
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"hold 'age x site' without 'site', so that its lines all meet where age is"):
        ConfoundDesign([Confound("age", by="site")]).fit(frame)
    with pytest.warns(UserWarning, match=r"hold 'age x dose' without 'dose', .* add dose as a confound too"):
        ConfoundDesign("age + age:dose").fit(frame)


def test_a_site_that_training_lacked_gets_the_mean_line_or_its_sentence() -> None:
    frame = _frame()
    train, new = frame[frame["site"] != "Oslo"], frame[frame["site"] == "Oslo"]
    terms = [AGE, SITE, Confound("age", by="site")]
    with pytest.raises(InputError, match=r"'site' has levels that training did not: 'Oslo'"):
        ConfoundDesign(terms).fit(train).transform(new)
    design = ConfoundDesign(terms, unseen="mean").fit(train)
    slope = {"Bonn": 2.0, "Lyon": 5.0}
    outcome = np.array([slope[site] * age for site, age in zip(train["site"], train["age"], strict=True)])
    residualizer = Residualizer().fit(outcome[:, np.newaxis], confounds=design.transform(train))
    left = residualizer.transform(np.zeros((len(new), 1)), design.transform(new))[:, 0]
    shares = train["site"].value_counts(normalize=True)
    mean_slope = sum(shares[site] * slope[site] for site in slope)
    np.testing.assert_allclose(-left, mean_slope * new["age"], atol=1e-8)


def test_a_column_that_varies_in_no_training_row_is_left_out_of_every_product() -> None:
    frame = _frame()
    train = frame[(frame["sex"] == "F") | (frame["site"] == "Bonn")]  # nobody is a man of Lyon or Oslo
    design = ConfoundDesign([SEX, SITE, "sex:site"]).fit(train)
    assert design.dropped_ == {"sex[M] x site[Lyon]": "constant", "sex[M] x site[Oslo]": "constant"}
    assert np.linalg.matrix_rank(design.transform(train)) == design.transform(train).shape[1] == 3


def test_a_saved_design_codes_as_it_did() -> None:
    frame = _frame()
    design = ConfoundDesign([Confound("age", "spline", by="site"), SITE, SEX, "sex:site", Confound("dose")], "mean")
    coding = ConfoundCoding.learn(Confounds.of((frame, design)))
    again = ConfoundCoding.from_record(coding.to_record())
    odd = frame.iloc[:9].assign(site="Rome", age=99.0)
    for rows in (frame, odd):
        with np.testing.suppress_warnings() as quiet:
            quiet.filter(UserWarning, "Confound 'age")
            one, two = (each.encode(Confounds.of(rows), len(rows), "test") for each in (coding, again))
        np.testing.assert_array_equal(one, two)


def test_a_design_saved_before_there_were_curves_codes_as_it_did() -> None:
    frame = _frame()
    coding = ConfoundCoding.learn(Confounds.of((frame, ConfoundDesign([AGE, SEX, SITE], "mean"))))
    record = coding.to_record()
    old = record["design"]
    dummies = [*old["shares"]["sex"][1:], *old["shares"]["site"][1:]]
    old["confounds"] = [["age", "continuous"], ["sex", "categorical"], ["site", "categorical"]]
    old["dummy_means_"] = [0.0, *dummies]
    del old["curves"], old["shares"]
    odd = frame.iloc[:7].assign(site="Rome")
    one, two = (each.encode(Confounds.of(odd), 7, "t") for each in (coding, ConfoundCoding.from_record(record)))
    np.testing.assert_allclose(one, two, atol=1e-15)


HOSTILE = [
    "__import__('os').system('touch made')",
    "age + open('made', 'w')",
    "{open('made', 'w')}",
    "age + {().__class__}",
    "I(age**2)",
    "np.log(age)",
    "log(age)",
    "C(site, contr.sum)",
    "C(open('made','w'))",
    "bs(age, df=open('made','w'))",
    "bs(age, df=[c for c in (4,)][0])",
    "bs(age, df=True)",
    "bs(age, knots=(1, 2))",
    "poly(age, 2, raw=True)",
    "poly(age, **{'degree': 2})",
    "bs(*age)",
    "bs(bs(age))",
    "bs()",
    "age[0]",
    "[age]",
    "age + [0]",
    "C(site)0 + 1",
    "age + sex 0",
    "`age`0 + 1",
    "age.__class__",
    "lambda: age",
    "y ~ age",
    "~",
    "age | sex",
    "age +",
    "'age'",
    "2*age",
    ".",
    "age - 1",
    "0 + age",
    "",
    "1",
    "C",
    "a" * 2_000,
    "+".join("abcdefgh") + "*".join(["(a+b+c+d+e+f)"] * 9),
    "(a+b+c+d+e+f+g+h+i+j)**9",
    "age\x00",
    "a\nb",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_run_or_means_nothing_is_refused_in_a_sentence(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a formula ran code")

    monkeypatch.setattr(os, "system", never)
    monkeypatch.setattr(builtins, "eval", never)
    frame = _frame()
    with pytest.raises(InputError, match=r"(?s)^(A formula of confounds|Confound) .*[:)].*\.$"):
        ConfoundDesign(text).fit(frame)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agee + sex", r"'agee' is not a column of the table: did you mean age"),
        ("cr(age, df=4)", r"a natural cubic spline is ns\(x, df=4\)"),
        ("age - 1", "keeps its intercept"),
        ("(age + sex + site)**2**2", "has a power of a power"),
        ("(age + sex + site)^ 2 ^2", "has a power of a power"),
        ("bs(age, df=2)", "needs a df from 3 to 20 for a B-spline; got 2"),
        ("ns(sex)", "'sex' is declared continuous but holds str"),
    ],
)
def test_mistakes_in_a_formula_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConfoundDesign(text).fit(_frame())


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([AGE, "age:sex"], r"'age x sex' names 'sex', which is not among them \(age\)"),
        ([AGE, "age"], "names two or more of them, such as age:sex; got 'age'"),
        ([AGE, "age:age"], "needs columns that differ; got 'age x age'"),
        ([SEX, Interaction(())], "names two or more"),
    ],
)
def test_mistakes_in_products_are_named(terms: list[Confound | Interaction | str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConfoundDesign(terms).fit(_frame())


def test_columns_with_odd_names_are_read_in_backticks() -> None:
    (term, other) = read_formula("ns(`age (years)`, df=3) + C(`a:b`)")
    assert (term.columns, other.columns) == (("age (years)",), ("a:b",))
