"""How often something was found, and when that is good enough: over all data sets, or over a share of them.

Over all data sets a rate is held against its limit as it is: seeds are fixed, so a verdict does not change from run to
run. Over a share of them (``CALIBRATION_SHARE``, the first ones of the same seeds) few are drawn, so a rate is refused
only where an exact test contradicts its limit at 0.001.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.stats import binomtest, fisher_exact

ALPHA = 0.05
SURE = 0.001
"""p below which a share of the data sets contradicts a claim."""

FEWEST = 30
"""Data sets that a share holds at least, where the calibration has as many."""


@dataclass(frozen=True)
class Counted:
    """In how many of `n` data sets something was found; `is_share` where these are not all of the calibration."""

    found: int
    n: int
    is_share: bool = False

    @property
    def rate(self) -> float:
        """Found over drawn."""
        return self.found / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Exact binomial 95 % interval of the rate (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404)."""
        limits = binomtest(self.found, self.n).proportion_ci(method="exact")
        return float(limits.low), float(limits.high)

    def __str__(self) -> str:
        return f"{self.found} of {self.n}"


Rate = Callable[[Callable[[int], float], int], Counted]
"""The fixture `rate`: p by seed, and how many data sets the calibration has."""

Rates = Callable[[Callable[[int], dict[str, float]], int], dict[str, Counted]]
"""The fixture `rates`: p of several tests by seed, and how many data sets the calibration has."""

Record = Callable[[str, Counted, Counted | None], None]
"""The fixture `record`: a name beside that of the test, what was counted, and what is recorded of it."""


def share() -> float:
    """Part of the data sets that is drawn, 1 unless ``CALIBRATION_SHARE`` says less; ValueError outside (0, 1]."""
    part = float(os.environ.get("CALIBRATION_SHARE", "1"))
    if not 0 < part <= 1:
        raise ValueError(f"CALIBRATION_SHARE must be above 0 and at most 1; got {part:g}.")
    return part


def sets(n: int) -> int:
    """How many of the calibration's n data sets are drawn."""
    return min(n, max(FEWEST, round(share() * n)))


def count(p: np.ndarray, n_sets: int) -> Counted:
    """How many p [n_drawn] are at most 5 %, in a calibration of `n_sets` data sets."""
    return Counted(int((np.asarray(p) <= ALPHA).sum()), len(p), len(p) < n_sets)


def level(usual: float) -> float:
    """p below which a test of uniformity or the like refuses: the usual one, and 0.001 at most of a share."""
    return usual if share() == 1 else min(usual, SURE)


def at_most(found: Counted, limit: float) -> bool:
    """Whether the rate is the limit or less."""
    return not _exceeds(found, limit) if found.is_share else found.rate <= limit


def below(found: Counted, limit: float) -> bool:
    """Whether the rate is less than the limit."""
    return not _exceeds(found, limit) if found.is_share else found.rate < limit


def at_least(found: Counted, limit: float | Counted, margin: float = 0.0) -> bool:
    """Whether the rate is that of the limit or more, given away a margin."""
    return not _falls_short(found, limit, margin) if found.is_share else found.rate >= _value(limit) - margin


def above(found: Counted, limit: float | Counted, margin: float = 0.0) -> bool:
    """Whether the rate is more than that of the limit, given away a margin."""
    return not _falls_short(found, limit, margin) if found.is_share else found.rate > _value(limit) - margin


def near(found: Counted, centre: float, by: float) -> bool:
    """Whether the rate is `by` or less away from the centre."""
    if found.is_share:
        return at_least(found, centre - by) and at_most(found, centre + by)
    return abs(found.rate - centre) <= by


def reaches(found: Counted, limit: float) -> bool:
    """Whether the exact binomial interval of the rate goes down to the limit."""
    return at_most(found, limit) if found.is_share else found.interval[0] <= limit


def assert_valid(found: Counted, limit: float = 0.065, exact: bool = True) -> None:
    """The rate is at most `limit`, and its exact binomial interval reaches down to 5 %."""
    assert reaches(found, ALPHA) or not exact, f"rate {found.rate:.3f}, {found}"
    assert at_most(found, limit), f"rate {found.rate:.3f}, {found}"


def differs(one: Counted, other: Counted) -> bool:
    """Whether Fisher's exact test (two-sided) tells the rates apart at 0.001."""
    return bool(_fisher(one, other, "two-sided") < SURE)


def _value(limit: float | Counted) -> float:
    return limit.rate if isinstance(limit, Counted) else limit


def _exceeds(found: Counted, limit: float) -> bool:
    return bool(binomtest(found.found, found.n, limit, alternative="greater").pvalue < SURE)


def _falls_short(found: Counted, limit: float | Counted, margin: float) -> bool:
    """Of another rate by Fisher's exact test, the margin given away in whole data sets."""
    if not isinstance(limit, Counted):
        return bool(binomtest(found.found, found.n, limit - margin, alternative="less").pvalue < SURE)
    raised = Counted(min(found.n, found.found + ceil(margin * found.n)), found.n)
    return bool(_fisher(raised, limit, "less") < SURE)


def _fisher(one: Counted, other: Counted, alternative: str) -> float:
    table = [[of.found, of.n - of.found] for of in (one, other)]
    return float(fisher_exact(table, alternative=alternative).pvalue)
