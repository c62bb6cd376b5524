"""Curves span what other programs span, remove exactly what follows them, and go on as lines."""

import warnings

import numpy as np
import pandas as pd
import patsy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion import Confound, ConfoundDesign, InputError, Residualizer
from fusion.confounds.coding import ConfoundCoding, Confounds
from fusion.confounds.curves import Curve

N = 113


def _ages(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(55, 14, N)


def _residuals(columns: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    full = np.column_stack([np.ones(len(outcome)), columns])
    return outcome - full @ np.linalg.lstsq(full, outcome)[0]


def _removed(confounds: list[Confound], frame: pd.DataFrame, outcome: np.ndarray) -> np.ndarray:
    return Residualizer().fit_transform(outcome, confounds=ConfoundDesign(confounds).fit(frame).transform(frame))


@pytest.mark.parametrize(
    ("confound", "theirs"),
    [
        (Confound("age", "B-spline", df=4), "bs(age, df=4)"),
        (Confound("age", "B-spline", df=7, degree=2), "bs(age, df=7, degree=2)"),
        (Confound("age", "polynomial", degree=3), "age + np.power(age, 2) + np.power(age, 3)"),
    ],
)
def test_residuals_are_those_of_patsy(confound: Confound, theirs: str) -> None:
    frame, outcome = pd.DataFrame({"age": _ages()}), np.random.default_rng(1).standard_normal((N, 3))
    columns = np.asarray(patsy.dmatrix(theirs, frame))
    np.testing.assert_allclose(_removed([confound], frame, outcome), _residuals(columns, outcome), atol=1e-10)


@pytest.mark.parametrize("df", [2, 4, 9])
def test_natural_splines_are_those_of_patsy_with_the_knots_of_r(df: int) -> None:
    frame, outcome = pd.DataFrame({"age": _ages(2)}), np.random.default_rng(3).standard_normal((N, 2))
    knots = np.quantile(frame["age"], np.arange(1, df) / df)  # of R's ns(age, df)
    columns = np.asarray(patsy.dmatrix("0 + cr(age, knots=knots)", {"age": frame["age"], "knots": knots}))
    assert columns.shape[1] == df + 1
    np.testing.assert_allclose(
        _removed([Confound("age", "spline", df=df)], frame, outcome), _residuals(columns, outcome), atol=1e-10
    )


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["spline", "B-spline", "polynomial"]),
    slope=st.floats(-1e3, 1e3),
    origin=st.floats(-1e4, 1e4),
    seed=st.integers(0, 99),
)
def test_a_straight_line_is_removed_exactly(kind: str, slope: float, origin: float, seed: int) -> None:
    age = _ages(seed) + origin
    rest = _removed([Confound("age", kind)], pd.DataFrame({"age": age}), (slope * age + 3)[:, np.newaxis])
    assert np.abs(rest).max() <= 1e-8 * (1 + np.abs(slope * age).max())


@pytest.mark.parametrize("kind", ["spline", "B-spline"])
def test_beyond_its_knots_a_spline_is_a_line_without_a_step_or_a_kink(kind: str) -> None:
    curve = Curve.of(Confound("age", kind, df=5), _ages())
    for end, away in ((curve.numbers[-1], 1.0), (curve.numbers[0], -1.0)):
        steps = end + away * np.array([-1e-6, 0.0, 1e-6, 20.0, 40.0])
        values = curve(steps)
        slopes = np.diff(values, axis=0) / np.diff(steps)[:, np.newaxis]
        np.testing.assert_allclose(slopes[0], slopes[1], atol=1e-4)
        np.testing.assert_allclose(slopes[2], slopes[3], atol=1e-9)
        np.testing.assert_allclose(slopes[1], slopes[3], atol=1e-4)
    assert curve(np.array([curve.numbers[0]])) == pytest.approx(np.zeros((1, 5)), abs=1e-12)


def test_subjects_beyond_the_knots_are_counted_and_get_the_line() -> None:
    frame = pd.DataFrame({"age": _ages()})
    design = ConfoundDesign([Confound("age", "spline")]).fit(frame)
    new = pd.DataFrame({"age": [50.0, 130.0, 131.0, 132.0]})
    with pytest.warns(UserWarning, match=r"'age \(spline, df 4\)': 3 subjects lie beyond its outermost knots"):
        columns = design.transform(new)
    np.testing.assert_allclose(columns[1] + columns[3], 2 * columns[2], atol=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design.transform(frame)


def test_knots_are_those_of_the_whole_cohort_in_every_fold() -> None:
    frame = pd.DataFrame({"age": _ages()})
    confounds = Confounds.of((frame, ConfoundDesign([Confound("age", "spline")])))
    whole = confounds.coded(np.arange(N))
    young = np.argsort(frame["age"].to_numpy())[:60]
    of_fold = confounds.coded(young)
    assert whole is not None
    assert of_fold is not None
    np.testing.assert_allclose(_residuals(whole, of_fold), 0, atol=1e-10)
    again = confounds.take(young).coded(np.arange(60))
    assert again is not None
    np.testing.assert_allclose(again, of_fold[young], atol=1e-12)
    one = Confounds.of(frame.iloc[:1])  # who has no knots of his own
    assert ConfoundCoding.learn(confounds).encode(one, 1, "test").shape == (1, 4)


@pytest.mark.parametrize("kind", ["spline", "B-spline", "polynomial"])
def test_a_constant_amount_has_no_curve_and_is_dropped_by_name(kind: str) -> None:
    frame = pd.DataFrame({"age": np.full(N, 0.1 + 0.2)})
    design = ConfoundDesign([Confound("age", kind)]).fit(frame)
    assert design.transform(frame).shape == (N, 0)
    assert set(design.dropped_.values()) == {"constant"}


def test_too_few_values_for_the_knots_are_said() -> None:
    with pytest.raises(InputError, match=r"'wave \(spline, df 4\)' needs knots that differ, .* it has 3 distinct"):
        ConfoundDesign([Confound("wave", "spline")]).fit(pd.DataFrame({"wave": np.arange(N) % 3.0}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "spline", "df": 1}, "needs a df from 2 to 20 for a spline; got 1"),
        ({"kind": "B-spline", "df": 2}, "needs a df from 3 to 20"),
        ({"kind": "B-spline", "degree": 9}, "needs a degree from 1 to 5; got 9"),
        ({"kind": "polynomial", "degree": 7}, "needs a degree from 2 to 6 for a polynomial; got 7"),
        ({"df": 3}, "is continuous and has no df"),
        ({"kind": "polynomial", "df": 3}, "is polynomial and has no df: leave it out, or say kind: spline or B-spline"),
        ({"by": "age"}, "cannot have a slope by itself"),
    ],
)
def test_sizes_that_there_are_not_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Confound("age", **given)  # type: ignore[arg-type]
