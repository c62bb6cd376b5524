"""Fitted tails as results keep them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from analyses.results.schema.tails import FittedTail
from fusion.permutation.tails import TailP


def describe_tail(found: TailP) -> FittedTail:
    """A fitted tail without NaN."""
    low, high = found.interval
    return FittedTail(
        p=_optional(found.p_fitted),
        interval=(_optional(low), _optional(high)),
        is_least=found.is_least,
        method=found.method,
        goodness=_optional(found.goodness),
        shape=_optional(found.shape),
        threshold=_optional(found.threshold),
        n_fitted=found.n_fitted,
        n_exceeding=found.n_exceeding,
        refusal=found.refusal or None,
    )


def describe_tested(found: Iterable[TailP]) -> tuple[FittedTail, ...]:
    """Fitted tails of the components that were tested, which are the first ones."""
    return tuple(describe_tail(one) for one in found if not math.isnan(one.p_counted))


def describe_pair(found: tuple[TailP, TailP]) -> tuple[FittedTail, FittedTail]:
    """Fitted tails of a correlation and of a trace."""
    return describe_tail(found[0]), describe_tail(found[1])


def _optional(value: float) -> float | None:
    return None if math.isnan(value) else value
