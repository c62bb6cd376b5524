"""Verdicts of calibrations: with all data sets those of a bare comparison, with a share those of an exact test."""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from tests.calibration import recorded
from tests.calibration.rates import (
    FEWEST,
    SURE,
    Counted,
    above,
    assert_valid,
    at_least,
    at_most,
    below,
    count,
    differs,
    level,
    near,
    reaches,
    sets,
    share,
)

SIZES = (20, 50, 200)


def _is_valid(found: Counted, limit: float, exact: bool = True) -> bool:
    try:
        assert_valid(found, limit, exact)
    except AssertionError:
        return False
    return True


def _refused(verdict: Callable[[Counted], bool], rate: float, n: int) -> float:
    """How often a share of n data sets of this rate is refused, exactly: over all counts that can be."""
    counts = [Counted(k, n, is_share=True) for k in range(n + 1)]
    refused = np.array([not verdict(one) for one in counts])
    return float(binom.pmf(np.arange(n + 1), n, rate)[refused].sum())


def _held_against(verdict: Callable[[Counted, float], bool], limit: float, found: Counted) -> bool:
    return verdict(found, limit)


@pytest.mark.parametrize("n", [20, 37])
def test_with_all_data_sets_verdicts_are_bare_comparisons(n: int) -> None:
    for k in range(n + 1):
        found, rate = Counted(k, n), k / n
        low = binomtest(k, n).proportion_ci(method="exact").low
        for limit in (0.05, 0.2, 0.75, 0.9):
            assert at_most(found, limit) == (rate <= limit)
            assert below(found, limit) == (rate < limit)
            assert at_least(found, limit) == (rate >= limit)
            assert above(found, limit) == (rate > limit)
            assert near(found, limit, by=0.05) == (abs(rate - limit) <= 0.05)
            assert reaches(found, limit) == (low <= limit)
            assert _is_valid(found, limit) == (low <= 0.05 and rate <= limit)
            assert _is_valid(found, limit, exact=False) == (rate <= limit)
        for other in range(n + 1):
            assert above(found, Counted(other, n)) == (rate > other / n)
            assert above(found, Counted(other, n), margin=0.15) == (rate > other / n - 0.15)
            assert at_least(found, Counted(other, n), margin=0.1) == (rate >= other / n - 0.1)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("limit", [0.02, 0.05, 0.09, 0.2, 0.75, 0.9])
def test_a_rate_at_its_limit_is_hardly_ever_refused(limit: float, n: int) -> None:
    verdicts: tuple[Callable[[Counted, float], bool], ...] = (at_most, below, at_least, above, reaches)
    for verdict in verdicts:
        assert _refused(partial(_held_against, verdict, limit), limit, n) < 0.005
    assert _refused(lambda found: near(found, limit + 0.05, by=0.05), limit, n) < 0.005


@pytest.mark.parametrize("n", SIZES)
def test_a_test_that_rejects_in_5_percent_is_hardly_ever_refused(n: int) -> None:
    assert _refused(lambda found: _is_valid(found, 0.065), 0.05, n) < 0.005
    assert _refused(lambda found: _is_valid(found, 0.065, exact=False), 0.065, n) < 0.005


@pytest.mark.parametrize("n", [20, 50])
@pytest.mark.parametrize(("margin", "rate"), [(0.0, 0.1), (0.0, 0.6), (0.1, 0.8), (0.15, 0.55)])
def test_a_rate_like_another_is_hardly_ever_refused(margin: float, rate: float, n: int) -> None:
    """The limit itself: less than the other rate by all of the margin."""
    likely = [np.flatnonzero(binom.pmf(np.arange(n + 1), n, one) > 1e-7) for one in (rate - margin, rate)]
    refused = 0.0
    for k, other in product(*likely):
        if not above(Counted(int(k), n, is_share=True), Counted(int(other), n, is_share=True), margin=margin):
            refused += binom.pmf(k, n, rate - margin) * binom.pmf(other, n, rate)
    assert refused < 0.005


def test_what_is_wrong_is_found() -> None:
    """Twice the limit with 200 data sets, a naive way's 30 % with 20 to 40, a link that is lost with 20."""
    assert _refused(lambda found: at_most(found, 0.08), 0.16, 200) > 0.6
    assert _refused(lambda found: _is_valid(found, 0.065), 0.13, 200) > 0.8
    assert _refused(lambda found: _is_valid(found, 0.065), 0.3, 20) > 0.5
    assert _refused(lambda found: _is_valid(found, 0.065), 0.3, 40) > 0.9
    assert _refused(lambda found: at_least(found, 0.9), 0.5, 20) > 0.8
    assert _refused(lambda found: near(found, 0.8, by=0.05), 0.4, 50) > 0.95
    assert not above(Counted(1, 30, is_share=True), Counted(15, 30, is_share=True))
    assert not at_least(Counted(8, 20, is_share=True), Counted(20, 20, is_share=True), margin=0.1)


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIBRATION_SHARE", "0.1")


@pytest.mark.usefixtures("tenth")
def test_a_share_has_its_part_of_the_data_sets_and_no_less_than_some() -> None:
    assert [sets(n) for n in (2000, 300, 200, 60, FEWEST, 7)] == [200, FEWEST, FEWEST, FEWEST, FEWEST, 7]
    assert count(np.array([0.01, 0.05, 0.06]), 3) == Counted(2, 3, is_share=False)
    assert count(np.array([0.01, 0.05, np.nan]), 30) == Counted(2, 3, is_share=True)
    assert level(0.01) == SURE


def test_all_data_sets_are_drawn_unless_a_share_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALIBRATION_SHARE", raising=False)
    assert [sets(n) for n in (2000, 300, 7)] == [2000, 300, 7]
    assert level(0.01) == 0.01
    for wrong in ("0", "-1", "1.5"):
        monkeypatch.setenv("CALIBRATION_SHARE", wrong)
        with pytest.raises(ValueError, match="CALIBRATION_SHARE must be above 0 and at most 1"):
            share()


def test_rows_are_read_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "RESULTS", tmp_path / "results.md")
    assert recorded.read_rows() == {}
    recorded.write_row("one_test", "-", Counted(5, 100))
    recorded.write_row("a_test", "t(2): naive: all, uncorrected", Counted(30, 60))
    recorded.write_row("one_test", "-", Counted(6, 100))
    assert recorded.read_rows() == {
        ("a_test", "t(2): naive: all, uncorrected"): Counted(30, 60),
        ("one_test", "-"): Counted(6, 100),
    }
    assert recorded.RESULTS.read_text("utf-8").splitlines()[-1] == "| one_test | - | 6 of 100 | 6.0% | 2.2% to 12.6% |"


def test_the_recorded_rows_are_what_would_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, rows = recorded.RESULTS.read_text("utf-8"), recorded.read_rows()
    assert len(rows) > 300
    monkeypatch.setattr(recorded, "RESULTS", tmp_path / "results.md")
    recorded.RESULTS.write_text(written, "utf-8")
    for name in list(rows)[:7]:
        recorded.write_row(*name, rows[name])
    assert recorded.RESULTS.read_text("utf-8") == written


def test_the_table_names_the_rates_that_left_what_is_recorded() -> None:
    told = [
        recorded.Told("null", "plain", Counted(1, 20, is_share=True), Counted(20, 400)),
        recorded.Told("null", "sites", Counted(9, 20, is_share=True), Counted(20, 400)),
        recorded.Told("control", "-", Counted(20, 20), None),
    ]
    assert differs(Counted(0, 20), Counted(300, 400))
    assert not differs(Counted(1, 20), Counted(20, 400))
    lines = list(recorded.table(told))
    assert lines[0].split() == ["test", "case", "found", "95", "%", "interval", "recorded"]
    assert lines[1].endswith("  5.0% (20 of 400)")
    assert "0.13% to 24.9%" in lines[1]
    assert lines[4:] == ["Rates other than the recorded ones (Fisher's exact test, p < 0.001): 1", "null: sites"]
    assert list(recorded.table(told[:1]))[-1].endswith("none")
