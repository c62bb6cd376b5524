"""What was shared out and done is not done again, and gives the bits that it gave."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fusion.journal import Arrays, keep_portions
from fusion.parallel import map_permutations


class Memory:
    """A journal in memory, which ends the process (as it were) once it holds `most` entries."""

    def __init__(self, most: int = 10**6) -> None:
        self.entries: dict[str, Arrays] = {}
        self.most = most

    def read(self, entry: str) -> Arrays | None:
        return self.entries.get(entry)

    def write(self, entry: str, arrays: Arrays) -> None:
        if len(self.entries) == self.most:
            raise KeyboardInterrupt
        self.entries[entry] = arrays


def counted(seen: list[int], scale: float) -> Callable[[int], np.ndarray]:
    def one(index: int) -> np.ndarray:
        seen.append(index)
        return scale * np.random.default_rng(index).standard_normal(3)

    return one


def analysis(seen: list[int]) -> list[np.ndarray]:
    """Two jobs one after the other."""
    settings: dict[str, Any] = {"portion": 4}
    return [map_permutations(counted(seen, scale), n, **settings) for scale, n in ((1.0, 11), (2.0, 9))]


@pytest.mark.parametrize("most", [0, 1, 3, 4, 5])
def test_a_killed_analysis_goes_on_where_it_stopped(most: int) -> None:
    expected, journal, seen = analysis([]), Memory(most), list[int]()
    with pytest.raises(KeyboardInterrupt), keep_portions(journal):
        analysis(seen)
    assert len(journal.entries) == most
    journal.most, again = 10**6, list[int]()
    with keep_portions(journal):
        found = analysis(again)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    done = {0: 0, 1: 4, 3: 11, 4: 15, 5: 19}[most]
    assert len(again) == 20 - done
    with keep_portions(journal):
        np.testing.assert_array_equal(analysis(nothing := [])[1], expected[1])
    assert nothing == []


def test_a_job_of_another_length_is_no_answer() -> None:
    journal, seen = Memory(), list[int]()
    with keep_portions(journal):
        map_permutations(counted(seen, 1.0), 8, portion=4)
    with keep_portions(journal):
        found = map_permutations(counted(seen, 1.0), 12, portion=4)
    assert len(found) == 12
    assert len(seen) == 20


def test_without_a_journal_nothing_is_kept() -> None:
    seen: list[int] = []
    analysis(seen)
    analysis(seen)
    assert len(seen) == 40
