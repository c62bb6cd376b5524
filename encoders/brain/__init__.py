"""Brain tables and connectivity."""

from importlib import import_module

_MODULES = {
    "BrainTable": "tables",
    "ImportOptions": "options",
    "detect_layout": "sources",
    "read_brain_table": "tables",
    "read_source": "sources",
    "write_canonical": "canonical",
}

__all__ = ["BrainTable", "ImportOptions", "detect_layout", "read_brain_table", "read_source", "write_canonical"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
