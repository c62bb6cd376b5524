"""Shares of variance: those of sums of squares of statsmodels, whatever the coding, for dense and factored views."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from fusion import Confound, ConfoundDesign, TableView
from fusion.confounds.shares import TOGETHER, ConfoundShare, confound_shares
from tests.fusion.factors import make_panel

N, Q = 149, 5
TERMS = [Confound("age"), Confound("sex", "categorical"), Confound("site", "categorical"), "age:sex"]


def _frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    site = rng.choice(["Bonn", "Lyon", "Oslo"], N, p=[0.5, 0.3, 0.2])
    age = rng.uniform(20, 80, N) + 9 * (site == "Oslo")
    return pd.DataFrame({"age": age, "sex": rng.choice(["F", "M"], N), "site": site})


def _view(frame: pd.DataFrame) -> np.ndarray:
    rng = np.random.default_rng(1)
    signal = np.outer(frame["age"] / 20, rng.standard_normal(Q)) + np.outer(frame["sex"] == "F", rng.standard_normal(Q))
    return signal + rng.standard_normal((N, Q)) * np.arange(1, Q + 1)


def _shares(view: np.ndarray, frame: pd.DataFrame, *, scale: bool) -> dict[str, ConfoundShare]:
    columns = ConfoundDesign(TERMS).fit(frame).by_term(frame)
    subjects = [f"s{i}" for i in range(len(frame))]
    return {one.term: one for one in confound_shares(TableView(view, subjects), columns, scale=scale)}


@pytest.mark.parametrize("scale", [True, False])
def test_shares_beyond_others_are_sums_of_squares_of_type_two(scale: bool) -> None:
    frame = _frame()
    view = _view(frame)
    totals = ((view - view.mean(axis=0)) ** 2).sum(axis=0)
    weights = 1 / totals / Q if scale else np.full(Q, 1 / totals.sum())
    found = _shares(view, frame, scale=scale)
    names = {"age": "age", "sex": "C(sex)", "site": "C(site)", "age x sex": "age:C(sex)"}
    tables = [
        sm.stats.anova_lm(smf.ols("y ~ age*C(sex) + C(site)", frame.assign(y=column)).fit(), typ=2) for column in view.T
    ]
    for term, name in names.items():
        squares = np.array([table.loc[name, "sum_sq"] for table in tables])
        assert found[term].beyond == pytest.approx(float(weights @ squares), rel=1e-9)
        assert found[term].df_beyond == tables[0].loc[name, "df"]
    alone = [smf.ols("y ~ age*C(sex)", frame.assign(y=column)).fit().ess for column in view.T]
    assert found["age x sex"].alone == pytest.approx(float(weights @ alone), rel=1e-9)
    assert found["age x sex"].df == 3
    everything = [smf.ols("y ~ age*C(sex) + C(site)", frame.assign(y=column)).fit().ess for column in view.T]
    assert found[TOGETHER].alone == found[TOGETHER].beyond == pytest.approx(float(weights @ everything), rel=1e-9)


def test_the_zero_of_an_amount_does_not_matter() -> None:
    frame = _frame()
    view = _view(frame)
    one, two = (_shares(view, each, scale=True) for each in (frame, frame.assign(age=frame["age"] + 1000)))
    for term, share in one.items():
        assert (share.df, share.df_beyond) == (two[term].df, two[term].df_beyond)
        assert (share.alone, share.beyond) == pytest.approx((two[term].alone, two[term].beyond), rel=1e-6, abs=1e-9)


def test_a_confound_that_others_hold_takes_nothing_beyond_them() -> None:
    frame = _frame().assign(years=lambda table: table["age"] / 12 + 3, scanner="Prisma")
    terms = [*TERMS[:3], Confound("years"), Confound("scanner", "categorical")]
    columns = ConfoundDesign(terms).fit(frame).by_term(frame)
    view = TableView(_view(frame), [f"s{i}" for i in range(N)])
    found = {one.term: one for one in confound_shares(view, columns, scale=True)}
    assert (found["years"].df, found["years"].df_beyond, found["years"].beyond) == (1, 0, 0.0)
    assert found["years"].alone == pytest.approx(found["age"].alone)
    assert (found["scanner"].df, found["scanner"].alone) == (0, 0.0)


def test_constant_columns_count_for_nothing_and_a_view_that_is_a_confound_is_all_taken() -> None:
    frame = _frame()
    view = np.column_stack([frame["age"], np.full(N, 0.1), 2 - 3 * frame["age"]])
    for scale in (True, False):
        assert _shares(view, frame, scale=scale)["age"].alone == pytest.approx(1.0)
    assert confound_shares(TableView(view, [f"s{i}" for i in range(N)]), {}, scale=True) == ()


@pytest.mark.parametrize("scale", [True, False])
def test_a_factored_view_has_the_shares_of_its_dense_equal(scale: bool) -> None:
    panel = make_panel()
    frame = pd.DataFrame({"age": np.arange(37) % 11.0, "sex": np.array(["F", "M"])[np.arange(37) % 3 // 2]})
    columns = ConfoundDesign([Confound("age", "spline", df=3, by="sex"), TERMS[1]]).fit(frame).by_term(frame)
    dense = TableView(panel.dense, panel.view.subject_ids)
    for one, two in zip(*(confound_shares(v, columns, scale=scale) for v in (panel.view, dense)), strict=True):
        assert (one.term, one.df, one.df_beyond) == (two.term, two.df, two.df_beyond)
        assert (one.alone, one.beyond) == pytest.approx((two.alone, two.beyond), rel=1e-6)
