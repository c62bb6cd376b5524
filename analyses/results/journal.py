"""When the stages of a run were done and how long they took, as its manifest keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from analyses.errors import InputError
from analyses.results.serialisation import read_json

MANIFEST, EMBEDDING = "manifest.json", "embed.json"


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something was done, in milliseconds of Unix time."""

    start_ms: int
    end_ms: int


def read_spans(folder: Path) -> dict[str, Span]:
    """Span of every finished stage of a results folder; none where no manifest is, or where one says no time.

    Raises
    ------
    InputError
        The manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    manifest = read_json(path)
    try:
        return {name: _span(record) for name, record in manifest["stages"].items() if "finished" in record}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise InputError(
            f"{path} must say of each finished stage when it ended and how many seconds it took; it is damaged: get "
            "the results again from whoever made them, or remove it, and the stages are run again."
        ) from None


def embedding_seconds(folder: Path) -> float:
    """What embedding took in the last run of a results folder; vectors that were in the store already took nothing.

    Raises
    ------
    InputError
        The record is damaged.
    """
    path = folder / EMBEDDING
    if not path.is_file():
        return 0.0
    try:
        return sum(float(report["seconds"]) for report in read_json(path).values())
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{path} must say of each arm how many seconds embedding took; it is damaged: remove it, and `genebrain "
            "embed` writes it again."
        ) from None


def _span(record: dict[str, Any]) -> Span:
    end_ms = round(datetime.fromisoformat(record["finished"]).timestamp() * 1000)
    return Span(end_ms - round(1000 * float(record["seconds"])), end_ms)


def whole_span(spans: dict[str, Span], *, also_seconds: float = 0.0) -> Span | None:
    """What the stages took together, ended when the last one did; None without stages.

    A run that was resumed a week later did not take a week, so pauses between stages are not counted.

    Parameters
    ----------
    spans : mapping of stage to Span
    also_seconds : float
        Of work that is no stage of its own.
    """
    if not spans:
        return None
    end_ms = max(span.end_ms for span in spans.values())
    taken_ms = sum(span.end_ms - span.start_ms for span in spans.values()) + round(1000 * also_seconds)
    return Span(end_ms - taken_ms, end_ms)
