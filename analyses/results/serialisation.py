"""Results to JSON and back: one writer, one reader, and the format that both know."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from analyses.errors import InputError
from analyses.validation import in_words

FORMAT = 5
"""Of every file that holds a result, under the key ``format``; files written before it was there read the same.

2: the held-out trace, and components that were not tested held out (null). 3: counts of few subjects are text (``<5``).
4: held-out intervals of which none is valid (two nulls); places of compared arms by their differences, intervals that
hold for the leader, no share of draws that it leads. 5: kinds of confounds are any text (``spline, df 4``), and what
every confound took from each side.
"""

#: Of a field that is absent from the file, not null in it, where it is None.
OMITTED_IF_NONE: Any = Field(exclude_if=lambda value: value is None)

#: The same of one that is False.
OMITTED_IF_FALSE: Any = Field(exclude_if=lambda value: value is False)

Number = int | float
Interval = tuple[float, float]
#: Two None where no interval is valid.
OptionalInterval = tuple[float | None, float | None]

T = TypeVar("T")


def tuples(values: np.ndarray | list[Any]) -> tuple[Any, ...]:
    """An array of any depth as nested tuples of Python numbers."""
    nested = values.tolist() if isinstance(values, np.ndarray) else values
    return tuple(tuples(value) if isinstance(value, list) else value for value in nested)


def optional_interval(bounds: np.ndarray) -> OptionalInterval:
    """Bounds [2] of an interval, None where there is none."""
    low, high = (None if np.isnan(bound) else float(bound) for bound in bounds)
    return low, high


def plain(part: Any) -> dict[str, Any]:
    """JSON values of a result or of one of its parts, keys in the order of the file."""
    kind: Any = type(part)
    values: dict[str, Any] = _adapter(kind).dump_python(part, mode="json", by_alias=True, warnings="error")
    return values


def to_json(result: object) -> dict[str, Any]:
    """JSON values of a whole file, with its format."""
    return {"format": FORMAT, **plain(result)}


def from_json(kind: type[T], content: Any, *, source: str | Path) -> T:
    """A result from the JSON values of its file.

    Parameters
    ----------
    kind : type
        One of the result types of this package.
    content : JSON value
    source : str or Path
        Where the values come from, for the error.

    Raises
    ------
    InputError
        The values have a newer format, or are not those of `kind`.
    """
    came = content.get("format", FORMAT) if isinstance(content, dict) else FORMAT
    if not isinstance(came, int) or came > FORMAT:
        raise InputError(
            f"{source} must have format {FORMAT} or older to be read by this version; it has format {came}: read it "
            "with the version that wrote it, or run again into another folder."
        )
    try:
        result: T = _adapter(cast(Any, kind)).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the top"
        raise InputError(
            f"{source} must hold the fields of {kind.__name__}; at {place}: {in_words(first)}. Correct it, "
            "or run the stage that writes it again."
        ) from None
    return result


_HALF_A_LETTER = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path) -> Any:
    """Read one JSON file of a results folder; a missing one is the user's to mend."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        if _HALF_A_LETTER.search(text):  # of a pair, or alone: then nothing can be done with it, not even shown
            json.dumps(content, ensure_ascii=False).encode()
    except FileNotFoundError:
        raise InputError(
            f"A results folder holds {path.name}; {path} does not exist: run `genebrain align` with this output first."
        ) from None
    except OSError as error:
        raise InputError(
            f"{path} must be a file that can be read; it is not ({error.strerror}): correct the path, or get the "
            "results again."
        ) from None
    except (ValueError, RecursionError) as error:  # no text, no JSON, brackets or digits without end
        raise InputError(
            f"{path} must be JSON as this program writes it; it is damaged ({error}): remove it, and run the stage "
            "that writes it again."
        ) from None
    return content


def read_result(kind: type[T], path: Path) -> T:
    """Read one file of a results folder; errors as of `from_json`, or that it does not exist."""
    return from_json(kind, read_json(path), source=path)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
