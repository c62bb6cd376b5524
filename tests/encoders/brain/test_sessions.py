"""Sessions are ordered as the numbers and dates that their labels are; what can be read two ways is refused."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.brain.sessions import choose_sessions, order_sessions
from encoders.errors import InputError


@pytest.mark.parametrize(
    "ordered",
    [
        ["ses-1", "ses-2", "ses-10"],
        ["ses-01", "ses-9", "ses-10"],
        ["ses-00A", "ses-01A", "ses-02A"],
        ["0", "8", "10", "12"],
        ["-1", "0", "1.5", "12.0"],
        ["2018", "2019"],
        ["2018-12-31", "2019-03-01"],
        ["ses-20181231", "ses-20190301"],
        ["2018-12-01 00:00:00", "2019-01-01 00:00:00"],
        ["2019-05-01T10:00:00+02:00", "2019-05-01T09:00:00Z"],
        ["11-2018", "03-2019"],
        ["31/12/2018", "15/03/2019", "01/06/2020"],
        ["12/31/2018", "01/06/2020"],
        ["3.2.2018", "1.12.2018"],
        ["31122018", "01032019"],
        ["12-Mar-2019", "1-Jan-2020"],
        ["March 12, 2019", "January 1, 2020"],
        ["sc", "bl", "m06", "m12"],
        ["6m", "1y", "18m"],
        ["baseline_year_1_arm_1", "6_month_follow_up_arm_1", "2_year_follow_up_y_arm_1", "4_year_follow_up_y_arm_1"],
        ["ses-baselineYear1Arm1", "ses-2YearFollowUpYArm1"],
        ["visit2_run6", "visit2_run10", "visit10_run1"],
    ],
    ids=lambda labels: labels[-1],
)
def test_labels_are_ordered_for_what_they_are(ordered: list[str]) -> None:
    assert order_sessions(ordered[::-1], "t.csv").first_to_last() == tuple(ordered)
    assert order_sessions(sorted(ordered), "t.csv").first_to_last() == tuple(ordered)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["pre", "post"], "neither all numbers nor all dates"),
        (["first", "second"], "neither all numbers nor all dates"),
        (["1", "2", "follow-up"], "neither all numbers nor all dates"),
        (["ses-1", "visit-2"], "neither all numbers nor all dates"),
        (["02/01/2019", "01/03/2019"], r"day first \(02/01/2019, .* month first \(01/03/2019, "),
        (["02012019", "01032019"], "day first .* or .* month first"),
        (["v1.9", "v1.10"], r"as numbers \(v1.10, v1.9\) or number by number \(v1.9, v1.10\)"),
        (["1", ""], "rows without one"),
        (["1", "nan"], "rows without one"),
    ],
)  # fmt: skip
def test_an_order_that_is_not_told_is_refused(labels: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        order_sessions(labels, "t.csv")


def test_an_order_can_be_given() -> None:
    assert order_sessions(["post", "pre"], "t.csv", ["pre", "mid", "post"]).first_to_last() == ("pre", "post")
    with pytest.raises(InputError, match="lacks or repeats 'post'"):
        order_sessions(["post", "pre"], "t.csv", ["pre"])


DAYS = st.lists(st.dates(date(1950, 1, 1), date(2099, 12, 31)), min_size=2, max_size=9, unique=True)
FORMS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%d-%b-%Y", "ses-%Y%m%d", "%B %d, %Y")


@settings(max_examples=30)
@given(days=DAYS, form=st.sampled_from(FORMS))
def test_any_dates_in_a_form_of_one_reading(days: list[date], form: str) -> None:
    labels = [day.strftime(form) for day in days]
    assert order_sessions(labels, "t.csv").first_to_last() == tuple(day.strftime(form) for day in sorted(days))


@settings(max_examples=30)
@given(days=DAYS, form=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d%m%Y", "%m%d%Y"]))
def test_a_day_beyond_the_twelfth_tells_how_dates_are_written(days: list[date], form: str) -> None:
    labels = [day.strftime(form) for day in days]
    telling = [*labels, date(1949, 1, 25).strftime(form)]
    assert order_sessions(telling, "t.csv").first_to_last()[1:] == tuple(day.strftime(form) for day in sorted(days))


@settings(max_examples=30)
@given(
    numbers=st.lists(st.integers(0, 400), min_size=2, max_size=9, unique=True),
    form=st.sampled_from(["{}", "V{}", "ses-{:03d}", "t{}b"]),
)
def test_any_numbers(numbers: list[int], form: str) -> None:
    labels = [form.format(number) for number in numbers]
    assert order_sessions(labels, "t.csv").first_to_last() == tuple(map(form.format, sorted(numbers)))


def test_the_last_session_of_each_subject() -> None:
    ids, labels = ["a", "a", "b", "b", "c"], ["ses-2", "ses-10", "ses-9", "ses-10", "ses-1"]
    chosen = choose_sessions(ids, labels, "last", source="t.csv")
    assert chosen.rows == (1, 3, 4)
    assert chosen.note is not None
    assert "ordered as numbers: ses-1, ses-2, ses-9, ses-10" in chosen.note
    assert choose_sessions(ids, labels, "first", source="t.csv").rows == (0, 2, 4)
    assert choose_sessions(ids, labels, "ses-10", source="t.csv").rows == (1, 3)
    with pytest.raises(InputError, match="several of 'a', 'b': choose session"):
        choose_sessions(ids, labels, None, source="t.csv")
    with pytest.raises(InputError, match="'01', '1' of 'a'"):
        choose_sessions(["a", "a"], ["1", "01"], "last", source="t.csv")


def test_subjects_of_one_session_each_need_no_order() -> None:
    assert choose_sessions(["a", "b"], ["pre", "post"], "last", source="t.csv").rows == (0, 1)
