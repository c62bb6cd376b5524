"""What a result of an experiment has in common with every other: numbers for tracking, and what was tried."""

from __future__ import annotations

from dataclasses import dataclass

from analyses.results.serialisation import Number

#: Settings and numbers that a tracking store shows beside a run: names are the store's, values what they happen to be.
Params = dict[str, str | int | float]
Metrics = dict[str, Number]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried: a child run in tracking."""

    name: str
    params: Params
    metrics: Metrics
