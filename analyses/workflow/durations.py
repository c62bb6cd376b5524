"""How long something takes on this machine: measured several times, told as a range."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

REPEATS = 2
LONG = 1.0
"""Seconds of some work that is not done again to be measured: a dry run must not take as long as the run."""

_EXTRAPOLATED = 1.2
"""What is measured once and multiplied is known less well than what was measured."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Least and most seconds."""

    low: float
    high: float

    def __add__(self, other: Duration) -> Duration:
        return Duration(self.low + other.low, self.high + other.high)

    def times(self, factor: float) -> Duration:
        """Of so many of it."""
        return Duration(self.low * factor, self.high * factor)

    def widened(self) -> Duration:
        """For what is extrapolated."""
        return Duration(self.low / _EXTRAPOLATED, self.high * _EXTRAPOLATED)

    def shown(self) -> list[float]:
        """Both ends, rounded for a plan."""
        return [round(self.low, 1), round(self.high, 1)]

    def __str__(self) -> str:
        low, high = f"{self.low:,.0f}", f"{self.high:,.0f}"
        return f"about {high} s" if low == high else f"{low} to {high} s"


NOTHING = Duration(0.0, 0.0)


def total(durations: Iterable[Duration]) -> Duration:
    """All of them, one after the other."""
    return sum(durations, NOTHING)


def measure(work: Callable[[], object], *, repeats: int = REPEATS) -> Duration:
    """Seconds of some work, after it was done once: what comes first pays for imports, compilation and allocation."""
    work()
    return measure_warm(work, repeats=repeats)


def measure_warm(work: Callable[[], object], *, repeats: int = REPEATS) -> Duration:
    """Seconds of some work whose like was done before: at least those of a machine that does nothing else meanwhile,
    at most those that passed. What takes long is done once."""
    passed, worked = [], []
    for _ in range(repeats):
        begun, begun_work = time.perf_counter(), time.process_time()
        work()
        passed.append(time.perf_counter() - begun)
        worked.append(time.process_time() - begun_work)
        if passed[-1] > LONG:
            break
    return Duration(min(*passed, *worked), max(passed))


def per_unit(few: Duration, many: Duration, n_units: int) -> Duration:
    """Seconds of one more unit of work, of which `many` did `n_units` more than `few`.

    At least what the slowest of the short runs leaves, at most what the quickest does.
    """
    low, high = (max(b - a, 0.0) / n_units for a, b in ((few.high, many.low), (few.low, many.high)))
    return Duration(low, high)


def shared_out(work: Duration, n_workers: int) -> Duration:
    """Work that processes share: at best evenly, at worst with half of each process beyond the first lost."""
    return Duration(work.low / n_workers, work.high / (1 + (n_workers - 1) / 2))
