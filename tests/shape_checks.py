"""Shapes in signatures, checked for the first calls of every function in every test.

A kernel that a test calls ten thousand times is no better checked by the last call than by the twentieth, and a check
costs more than a small product of matrices. To write a checker costs more still (milliseconds), so it is written when a
function is first called; a function inside another is made anew, and so is its checker, whenever the outer one is
called.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import unwrap
from typing import Any

from beartype import beartype

FIRST_CALLS = 20
CHECKERS_EACH = 2
"""jaxtyping asks for one of the arguments and one of the result."""

_trusted: list[Any] = []
_made: Counter[tuple[str, str]] = Counter()


def check_first_calls(function: Callable[..., Any]) -> Callable[..., Any]:
    """The type checker of jaxtyping's import hook: beartype, until a function has been called often enough."""
    place = function.__module__, function.__qualname__
    if "<locals>" in function.__qualname__:
        _made[place] += 1
        if _made[place] > CHECKERS_EACH * FIRST_CALLS:
            return function
    checked: Callable[..., Any] | None = None
    calls = 0

    @wraps(function)
    def check(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls, checked
        if checked is None:
            checked = beartype(function)
        calls += 1
        if calls % FIRST_CALLS == 0:
            _trust(function.__module__, function.__qualname__)
        return checked(*args, **kwargs)

    return check


def _trust(module: str, qualified_name: str) -> None:
    """jaxtyping leaves alone what has the mark of ``typing.no_type_check``; a local function is found by no name."""
    found: Any = sys.modules[module]
    for name in qualified_name.split("."):
        found = getattr(found, name, None)
    function = unwrap(getattr(found, "fget", getattr(found, "__func__", found)))
    if getattr(function, "__qualname__", None) == qualified_name:
        function.__no_type_check__ = True
        _trusted.append(function)


def forget_trust() -> Iterator[None]:
    """Around a test: what was trusted in the one before is checked again."""
    _made.clear()
    while _trusted:
        vars(_trusted.pop()).pop("__no_type_check__", None)
    yield
