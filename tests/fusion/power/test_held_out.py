"""Predicted power of the held-out tests: what must hold at any size, and the size of the test itself."""

import numpy as np
import pytest

from fusion import InputError, detectable_held_out_rho, held_out_power
from fusion.power import held_out
from fusion.power.drawn_studies import StudySize, draw_in_the_limit, draw_statistics
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
    assert held_out_power(150, 5, 4, few) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(("n", "p", "q"), [(150, 5, 4), (600, 12, 20), (3000, 80, 70)])
def test_what_is_found_between_two_correlations_of_the_grid_is_found_in_80_percent(n: int, p: int, q: int) -> None:
    for critical in (1.7, 2.4, 3.1):
        rho = detectable_held_out_rho(n, p, q, critical=critical)
        assert rho is not None
        below, above = (held_out_power(n, p, q, rho * (1 + change), critical=critical) for change in (-0.005, 0.005))
        assert below <= 0.8 <= above


def test_studies_of_one_size_are_drawn_once_for_all_levels() -> None:
    detectable_held_out_rho(211, 6, 5, critical=2.4)
    drawn = held_out._largest.cache_info().misses
    for critical in (2.38, 2.4, 2.42):
        assert detectable_held_out_rho(211, 6, 5, critical=critical) is not None
    assert held_out._largest.cache_info().misses <= drawn + 1


def _of_data(rng: np.random.Generator, rho: float) -> tuple[float, float]:
    """Held-out first correlation and trace of drawn subjects, by singular values and nothing of the package."""
    n, p, q, n_folds = 100, 4, 3, 5
    x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
    y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
    found = []
    for fold in range(n_folds):
        tested = np.arange(n) % n_folds == fold
        (u, s, v), (a, t, b) = (np.linalg.svd(side[~tested] - side[~tested].mean(axis=0), False) for side in (x, y))
        of_x, of_y = ((side[tested] - side[tested].mean(axis=0)) @ (w.T / r) for side, w, r in ((x, v, s), (y, b, t)))
        left, _, right = np.linalg.svd(u.T @ a)
        first = np.corrcoef(of_x @ left[:, 0], of_y @ right[0])[0, 1]
        found.append((first, (u.T @ a * (of_x.T @ of_y)).sum() * (n - n / n_folds - 1) / (n / n_folds - 1)))
    mean = np.mean(found, axis=0)
    return float(mean[0]), float(mean[1])


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_drawn_studies_are_those_of_subjects(rho: float) -> None:
    rng = np.random.default_rng(3)
    ours, theirs = (
        draw_statistics(StudySize(99, 4, 3, 5), rho, 1500),
        np.array([_of_data(rng, rho) for _ in range(400)]),
    )
    assert ours.mean(axis=0) == pytest.approx(theirs.mean(axis=0), abs=4 * theirs.std(axis=0).max() / np.sqrt(400))
    assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.15)
    assert np.corrcoef(ours.T)[0, 1] == pytest.approx(np.corrcoef(theirs.T)[0, 1], abs=0.15)


def test_limits_of_many_dimensions_are_near_what_is_drawn() -> None:
    size = StudySize(2000, 40, 40, 5)
    null = draw_statistics(size, 0.0, 150)
    drawn = ((draw_statistics(size, 0.24, 150) - null.mean(axis=0)) / null.std(axis=0)).mean(axis=0)
    assert drawn == pytest.approx(draw_in_the_limit(size, 0.24, 1000).mean(axis=0), abs=0.6)


def test_folds_of_fewer_rows_than_columns_can_be_drawn() -> None:
    assert np.isfinite(draw_statistics(StudySize(90, 20, 10, 5), 0.3, 20)).all()


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
