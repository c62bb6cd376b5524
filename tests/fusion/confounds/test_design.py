"""The design is frozen at fit: levels, moments, rank; everything else is said by name."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from fusion import Confound, ConfoundDesign, InputError, Residualizer, infer_confounds

LEVELS = ["low", "mid", "high"]


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(60, 8, 37),
            "sex": np.arange(37) % 2 == 0,
            "site": np.array(["Oslo", "Bonn", "Lyon"])[np.arange(37) % 3],
            "batch": np.arange(37) % 4,
            "dose": pd.Categorical(np.array(LEVELS)[np.arange(37) // 13], LEVELS, ordered=True),
        }
    )


BATCH = [Confound("age"), Confound("site", "categorical"), Confound("batch", "categorical")]


def test_columns_span_what_dummies_of_every_level_span(frame: pd.DataFrame) -> None:
    ours = ConfoundDesign([*BATCH, Confound("dose", "categorical"), Confound("sex", "categorical")]).fit(frame)
    dummies = pd.get_dummies(frame, columns=["sex", "site", "batch", "dose"], dtype=float)
    theirs = np.column_stack([np.ones(37), dummies])
    outcome = np.random.default_rng(1).standard_normal((37, 2))
    residuals = outcome - theirs @ np.linalg.lstsq(theirs, outcome)[0]
    Z = ours.transform(frame)
    np.testing.assert_allclose(Residualizer().fit_transform(outcome, confounds=Z), residuals, atol=1e-9)
    assert Z.shape == (37, len(ours.get_feature_names_out()))


def test_names_order_and_kinds(frame: pd.DataFrame) -> None:
    assert [c.kind for c in infer_confounds(frame)] == ["continuous", *["categorical"] * 2, "continuous", "categorical"]
    design = ConfoundDesign([*BATCH, Confound("dose", "categorical")]).fit(frame)
    names = ["age", "site[Lyon]", "site[Oslo]", "batch[1]", "batch[2]", "batch[3]", "dose[mid]", "dose[high]"]
    assert list(design.get_feature_names_out()) == names
    assert design.dropped_ == {}
    assert clone(design).get_params() == design.get_params()


def test_train_moments_and_levels_are_applied_to_new_rows(frame: pd.DataFrame) -> None:
    design = ConfoundDesign(BATCH[:2]).fit(frame[:30])
    new = design.transform(frame[30:])
    age = frame["age"].to_numpy()
    np.testing.assert_allclose(new[:, 0], (age[30:] - age[:30].mean()) / age[:30].std(), atol=1e-12)
    np.testing.assert_array_equal(new[:, 2], frame["site"][30:] == "Oslo")
    one = design.transform(frame[30:31])
    np.testing.assert_array_equal(one, new[:1])


def test_unseen_level_is_an_error_or_the_mean_which_centring_removes(frame: pd.DataFrame) -> None:
    train, new = frame[frame["site"] != "Lyon"], frame[frame["site"] == "Lyon"]
    with pytest.raises(
        InputError, match=r"'site' has levels that training did not: 'Lyon' \(training: 'Bonn', 'Oslo'\)"
    ):
        ConfoundDesign(BATCH[:2]).fit(train).transform(new)
    design = ConfoundDesign(BATCH[:2], unseen="mean").fit(train)
    centred = design.transform(new) - design.transform(train).mean(axis=0)
    np.testing.assert_allclose(centred[:, 1], 0, atol=1e-15)


def test_constant_and_collinear_columns_are_dropped_by_name(frame: pd.DataFrame) -> None:
    frame = frame.assign(years=frame["age"] / 3 + 1, scanner="Prisma", field=0.1 + 0.2, town=frame["site"].str.upper())
    more = [Confound("years"), Confound("scanner", "categorical"), Confound("field"), Confound("town", "categorical")]
    design = ConfoundDesign([*BATCH[:2], *more]).fit(frame)
    assert design.dropped_["scanner"] == design.dropped_["field"] == "constant"
    assert sorted(design.dropped_.values()).count("collinear") == 3
    assert np.linalg.matrix_rank(design.transform(frame)) == 3


def test_level_of_one_subject_is_warned_of_by_name(frame: pd.DataFrame) -> None:
    frame.loc[5, "site"] = "Rome"
    with pytest.warns(UserWarning, match="'site' has one training subject in level 'Rome'"):
        ConfoundDesign(BATCH[:2]).fit(frame)


def test_unused_categories_get_no_column(frame: pd.DataFrame) -> None:
    design = ConfoundDesign([Confound("dose", "categorical")]).fit(frame[frame["dose"] != "mid"])
    assert list(design.get_feature_names_out()) == ["dose[high]"]


def test_no_confounds_give_no_columns(frame: pd.DataFrame) -> None:
    assert ConfoundDesign([]).fit(frame).transform(frame).shape == (37, 0)


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        pytest.param({"age": np.nan}, BATCH, "'age' has 1 missing values of 37", id="NaN"),
        pytest.param({"age": np.inf}, BATCH, "'age' has 1 infinite values", id="infinite"),
        pytest.param({"site": None}, BATCH, "'site' has 1 missing", id="missing level"),
        pytest.param({}, [Confound("sight")], "'sight' is not a column of the table: did you mean site", id="misspelt"),
        pytest.param({}, [Confound("site")], "'site' is declared continuous but holds str", id="text as amount"),
    ],
)
def test_bad_input_gets_its_sentence(frame: pd.DataFrame, change: dict[str, Any], columns: Any, message: str) -> None:
    for column, value in change.items():
        frame.loc[3, column] = value
    with pytest.raises(InputError, match=message):
        ConfoundDesign(columns).fit(frame)
    with pytest.raises(InputError, match=r"kind 'continuous' or 'categorical', or for a curve .* got 'ordinal'"):
        Confound("age", "ordinal")  # type: ignore[arg-type]
