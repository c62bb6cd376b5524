"""Shapes in signatures, checked for the first calls of every function in every test.

A kernel that a test calls ten thousand times is no better checked by the last call than by the twentieth, and a check
costs more than a small product of matrices.
"""

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import unwrap
from typing import Any

from beartype import beartype

FIRST_CALLS = 20
_trusted: list[Any] = []


def check_first_calls(function: Callable[..., Any]) -> Callable[..., Any]:
    """The type checker of jaxtyping's import hook: beartype, until a function has been called often enough."""
    checked, calls = beartype(function), 0

    @wraps(function)
    def check(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % FIRST_CALLS == 0:
            _trust(function.__module__, function.__qualname__)
        return checked(*args, **kwargs)

    return check


def _trust(module: str, qualified_name: str) -> None:
    """jaxtyping leaves alone what has the mark of ``typing.no_type_check``; local functions are always checked."""
    found: Any = sys.modules[module]
    for name in qualified_name.split("."):
        found = getattr(found, name, None)
    function = unwrap(getattr(found, "fget", getattr(found, "__func__", found)))
    if getattr(function, "__qualname__", None) == qualified_name:
        function.__no_type_check__ = True
        _trusted.append(function)


def forget_trust() -> Iterator[None]:
    """Around a test: what was trusted in the one before is checked again."""
    while _trusted:
        vars(_trusted.pop()).pop("__no_type_check__", None)
    yield
