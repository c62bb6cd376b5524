"""Keys that every table has: the decimal mark, and the cells without a value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

Decimal = Literal[".", ","] | None


def _codes_as_text(value: object) -> object:
    """Codes are cells, so text; YAML gives numbers."""
    return tuple(str(code) for code in value) if isinstance(value, list | tuple) else value


_AS_WRITTEN = WithJsonSchema({"type": "array", "items": {"type": ["string", "number"]}})

Codes = Annotated[tuple[str, ...], BeforeValidator(_codes_as_text), _AS_WRITTEN]
