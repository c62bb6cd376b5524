"""Every form of confounds becomes one value that keeps its rows, its ids and its design together."""

import numpy as np
import pandas as pd
import pytest

from fusion import ConfoundDesign, HarmonizedView, InputError, NormalScoresView, make_folds
from fusion.arrays import dense
from fusion.confounds.coding import Confounds

N = 37
ROWS = np.array([30, 2, 17, 5])
AGE = np.random.default_rng(0).normal(60, 8, N)
SITES = np.array(["Bonn", "Oslo", "Rome"])[np.arange(N) % 3]
NUMBERS = np.column_stack([AGE, np.arange(N)])
IDS = [f"sub-{i:02d}" for i in range(N)]


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"age": AGE, "site": SITES}, index=IDS)


@pytest.mark.parametrize(
    "given",
    [NUMBERS, NUMBERS.tolist(), pd.DataFrame(NUMBERS, IDS), pd.DataFrame(NUMBERS)],
    ids=lambda g: type(g).__name__,
)
def test_numbers_stay_numbers(given: object) -> None:
    confounds = Confounds.of(given)
    assert confounds.shape == (N, 2)
    np.testing.assert_array_equal(confounds.coded(np.arange(9)), NUMBERS)
    np.testing.assert_array_equal(confounds.take(ROWS).coded(np.arange(2)), NUMBERS[ROWS])


def test_one_column_may_be_flat_and_keeps_the_ids_of_a_series() -> None:
    confounds = Confounds.of(pd.Series(AGE, IDS))
    assert confounds.subject_ids == tuple(IDS)
    assert confounds.take(ROWS).subject_ids == tuple(IDS[row] for row in ROWS)
    np.testing.assert_array_equal(confounds.coded(np.arange(9)), AGE[:, np.newaxis])


def test_no_confounds_are_none_in_every_operation() -> None:
    nothing = Confounds.of(None)
    assert nothing.given is None
    assert nothing.take(ROWS).given is None
    assert nothing.coded(ROWS) is None
    assert nothing.count_unseen(make_folds(N, 4, random_state=0)).tolist() == [0, 0, 0, 0]


def test_a_value_is_converted_once() -> None:
    confounds = Confounds.of((_frame(), ConfoundDesign()))
    assert Confounds.of(confounds) is confounds


def test_a_design_learns_from_the_training_rows_of_the_rows_taken() -> None:
    taken, train = Confounds.of((_frame(), ConfoundDesign())).take(ROWS), np.array([0, 2, 3])
    of_training = _frame().iloc[ROWS].iloc[train]
    with pytest.warns(UserWarning, match="one training subject"):
        expected = ConfoundDesign().fit(of_training)
    assert set(of_training["site"]) == set(SITES[ROWS])
    with pytest.warns(UserWarning, match="one training subject"):
        np.testing.assert_array_equal(taken.coded(train), expected.transform(_frame().iloc[ROWS]))


def test_levels_that_training_lacks_are_counted_by_fold() -> None:
    frame = _frame()
    frame.iloc[:3, 1] = "Wien"
    folds = [(np.arange(3, N), np.array([0, 1])), (np.arange(2, N), np.array([0, 1, 30]))]
    with pytest.warns(UserWarning, match="'Wien'"):
        counts = Confounds.of((frame, ConfoundDesign(unseen="mean"))).count_unseen(
            [*folds, (np.arange(N), np.array([4]))]
        )
    assert counts.tolist() == [2, 0, 0]


def test_rows_without_ids_get_none_by_being_taken() -> None:
    brain = np.random.default_rng(1).standard_normal((N, 5))
    frame = pd.DataFrame({"age": AGE})
    for view in (HarmonizedView(brain, SITES, frame), NormalScoresView(brain, frame)):
        np.testing.assert_array_equal(dense(view.take(ROWS)), dense(view)[ROWS])


def test_a_design_needs_its_columns() -> None:
    with pytest.raises(InputError, match=r"finds its columns in a DataFrame; got one with ndarray: give"):
        Confounds.of((NUMBERS, ConfoundDesign()))
