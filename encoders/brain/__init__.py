"""Brain tables and connectivity."""

from importlib import import_module

_MODULES = {"BrainTable": "tables", "read_brain_table": "tables"}

__all__ = ["BrainTable", "read_brain_table"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
