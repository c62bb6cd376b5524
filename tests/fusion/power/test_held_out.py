"""Predicted power of the held-out tests: what must hold at any size, and the size of the test itself."""

import numpy as np
import pytest

from fusion import InputError, detectable_held_out_rho, held_out_power
from fusion.power.held_out import critical_value


def test_without_a_link_five_percent_are_found() -> None:
    assert held_out_power(300, 6, 4, 0.0) == pytest.approx(0.05, abs=0.005)
    assert held_out_power(300, 6, 4, 0.0, n_alignments=8) <= 0.05 / 6


def test_sides_may_change_places() -> None:
    found, swapped = (held_out_power(300, *size, 0.3) for size in ((6, 4), (4, 6)))
    assert found == pytest.approx(swapped, abs=0.08)


def test_more_subjects_find_smaller_links_and_more_alignments_need_larger_ones() -> None:
    few, many = (detectable_held_out_rho(n, 5, 4) for n in (150, 600))
    corrected = detectable_held_out_rho(150, 5, 4, n_alignments=12)
    assert few is not None
    assert many is not None
    assert corrected is not None
    assert many < few < corrected
    assert held_out_power(150, 5, 4, few) == pytest.approx(0.8, abs=1e-6)


def test_nothing_is_found_where_dimensions_reach_the_subjects() -> None:
    assert detectable_held_out_rho(60, 30, 20) is None
    assert held_out_power(60, 30, 20, 0.9) == 0.05


def test_the_critical_value_is_that_of_the_largest_in_its_own_units() -> None:
    null = np.random.default_rng(0).standard_normal((20_000, 3)) * [0.01, 1.0, 50.0] + [0.0, 3.0, -9.0]
    assert critical_value(null) == pytest.approx(2.121, abs=0.04)  # normal quantile at .95 ** (1 / 3)
    copies = np.repeat(null[:, :1], 5, axis=1)
    assert critical_value(copies) == pytest.approx(1.645, abs=0.04)


def test_a_correlation_beyond_its_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"correlation in \[0, 1\); got 1.0"):
        held_out_power(300, 6, 4, 1.0)
