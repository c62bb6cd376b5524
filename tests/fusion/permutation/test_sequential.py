"""Sequential stopping: the count it stops at, its law under the null, and the permutations of the full test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion import InputError, permutation_test_cca, sequential_p, sequential_test_cca
from fusion.permutation.p_values import permutation_p


class Values:
    """A statistic that is looked up; picklable."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __call__(self, index: int) -> np.ndarray:
        return self.values[index : index + 1]


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 3000))
@settings(deadline=None, max_examples=60)
def test_it_counts_as_far_as_it_draws(seed: int, n_exceeding: int, n_permutations: int) -> None:
    values = np.random.default_rng(seed).standard_normal(n_permutations + 1)
    found = sequential_p(Values(values), n_permutations, n_exceeding=n_exceeding)
    reached = np.flatnonzero(values[1:] >= values[0]) + 1
    if len(reached) >= n_exceeding:
        drawn = int(reached[n_exceeding - 1])
        assert found.is_stopped
        assert (found.n_permutations, found.n_exceeding, found.p) == (drawn, n_exceeding, n_exceeding / drawn)
    else:
        assert not found.is_stopped
        assert found.p == (1 + len(reached)) / (1 + n_permutations)
    assert 0 < found.p <= 1


def test_p_is_valid_at_the_values_that_it_can_take() -> None:
    rng, n_sets = np.random.default_rng(0), 1500
    p = np.array([sequential_p(Values(rng.standard_normal(100)), 99, n_exceeding=3).p for _ in range(n_sets)])
    for level in (1 / 100, 2 / 100, 3 / 99, 3 / 60, 3 / 30, 3 / 5):
        rate, error = (p <= level + 1e-12).mean(), np.sqrt(level * (1 - level) / n_sets)
        assert abs(rate - level) < 3.5 * error, "exact, not only no larger"


@pytest.fixture(scope="module")
def views() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.standard_normal((53, 5)), rng.standard_normal((53, 3)), rng.standard_normal((53, 2))


@pytest.mark.parametrize("statistic", ["wilks", "roy"])
@pytest.mark.parametrize("blocks", [None, np.arange(53) % 4], ids=["free", "blocks"])
def test_its_permutations_are_those_of_the_full_test(
    views: tuple[np.ndarray, ...], statistic: str, blocks: np.ndarray | None
) -> None:
    full = permutation_test_cca(
        *views,
        statistic=statistic,
        exchangeability_blocks=blocks,
        projection="auto" if blocks is None else "theil",
        n_permutations=2000,
        n_steps=1,
        random_state=3,
    ).null_statistics[:, 0]
    found = sequential_test_cca(
        *views,
        statistic=statistic,
        exchangeability_blocks=blocks,
        n_permutations=2000,
        random_state=3,  # type: ignore[arg-type]
    )
    assert found == sequential_p(Values(full), 2000)
    assert found.is_stopped


def test_workers_do_not_matter(views: tuple[np.ndarray, ...]) -> None:
    one, two = (
        sequential_test_cca(*views[:2], n_permutations=3000, n_exceeding=400, random_state=0, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert one == two


def test_nothing_to_count_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1; got 5 and 0"):
        sequential_p(Values(np.zeros(6)), 5, n_exceeding=0)
    with pytest.raises(InputError, match="must be a number; it is NaN"):
        sequential_p(Values(np.full(6, np.nan)), 5)


def test_a_draw_without_a_number_is_no_evidence() -> None:
    values = np.array([2.0, np.nan, 1.0, np.nan, 0.0])
    assert sequential_p(Values(values), 4, n_exceeding=9).p == 3 / 5
    assert permutation_p(values[:, np.newaxis]).tolist() == [3 / 5]
    assert np.isnan(permutation_p(np.full((4, 1), np.nan))).all()
