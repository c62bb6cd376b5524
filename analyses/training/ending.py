"""How a training ends in tracking: finished, failed, or told to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from analyses.stopping import StopRequested

if TYPE_CHECKING:
    from analyses.tracking.training_curve import TrainingCurve


@contextmanager
def ended_in_tracking(tracked: TrainingCurve | None) -> Iterator[None]:
    """Around a training: its run in tracking ends as it does."""
    status = "FAILED"
    try:
        yield
        status = "FINISHED"
    except (StopRequested, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        if tracked is not None:
            tracked.end(status)
