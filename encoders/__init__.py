"""DNA and brain encoders: sequences and scans in, float32 vectors out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from encoders.dna.check import check_encoder
    from encoders.dna.protocol import EncoderSpec
    from encoders.dna.registry import available_encoders, load_encoder
    from encoders.dna.verify import verify_encoder
    from encoders.errors import InputError
    from encoders.store import EmbeddingStore

_EXPORTS = {
    "available_encoders": "encoders.dna.registry",
    "check_encoder": "encoders.dna.check",
    "load_encoder": "encoders.dna.registry",
    "EncoderSpec": "encoders.dna.protocol",
    "EmbeddingStore": "encoders.store",
    "InputError": "encoders.errors",
    "verify_encoder": "encoders.dna.verify",
}
__all__ = [
    "EmbeddingStore",
    "EncoderSpec",
    "InputError",
    "available_encoders",
    "check_encoder",
    "load_encoder",
    "verify_encoder",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
