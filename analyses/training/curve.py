"""Points of a training's curve: said, sent to tracking, and kept as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from analyses.progress import say

if TYPE_CHECKING:
    from analyses.tracking.training_curve import TrainingCurve

NAMES = {
    "loss": "train/loss",
    "grad_norm": "train/gradient_norm",
    "learning_rate": "train/learning_rate",
}
"""Of what transformers logs; what begins with ``eval_`` is a figure of validation."""

Point = tuple[int, str, float]


def shown_names(values: Mapping[str, Any]) -> dict[str, float]:
    """Values under the names of the curve; what has none is left out."""
    named = {}
    for key, value in values.items():
        if key in NAMES:
            named[NAMES[key]] = float(value)
        elif key.startswith("eval_"):
            named[f"validation/{key.removeprefix('eval_')}"] = float(value)
    return named


class CurveReport:
    """Tells each point to whoever wants it.

    Parameters
    ----------
    total : int
        Steps of the training.
    tracked : TrainingCurve or None
        Where it is tracked.
    constants : mapping of str to float
        Logged with every validation, so that a level is a line beside the curve.
    """

    def __init__(self, total: int, tracked: TrainingCurve | None, constants: Mapping[str, float] | None = None) -> None:
        self._total, self._tracked, self._constants = total, tracked, dict(constants or {})

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        """One point."""
        named = shown_names(values)
        is_validation = any(name.startswith("validation/") for name in named)
        if is_validation:
            told = ", ".join(f"{name.partition('/')[2]} {value:.4f}" for name, value in named.items())
            say(f"step {step:,} of {self._total:,}: {told}")
        if self._tracked is not None:
            self._tracked.log(step, named | (self._constants if is_validation else {}))


def curve_points(history: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Points of a trainer's history, by step and name: one that was read from a checkpoint has another order."""
    return sorted(
        (int(entry["step"]), name, value)
        for entry in history
        for name, value in shown_names({key: one for key, one in entry.items() if key not in ("step", "epoch")}).items()
    )


def curve_table(points: Iterable[Point]) -> str:
    """The curve as csv: step, name, value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "name", "value"])
    writer.writerows((step, name, repr(value)) for step, name, value in points)
    return text.getvalue()
