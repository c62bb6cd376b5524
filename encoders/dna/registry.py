"""Encoders by name: those of this package, and those that other packages offer as entry points.

A third party adds an encoder by one class (or function) that takes an `EncoderRequest`, and an entry point of the
group ``genebrain.encoders`` that bears the encoder's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from encoders.dna.catalog import CARDS, UNTRAINED
from encoders.dna.checkpoints.licenses import show_license
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.reverse_complement import ReverseComplementAverage
from encoders.errors import InputError

__all__ = ["UNTRAINED", "EncoderRequest", "available_encoders", "load_encoder", "register_encoder"]

ENTRY_POINT_GROUP = "genebrain.encoders"


@dataclass(frozen=True, slots=True)
class EncoderRequest:
    """What `load_encoder` was asked for, except for the strand policy, which is the same for every encoder."""

    name: str
    source: str | None = None
    revision: str | None = None
    pooling: str = "mean"
    layer: int = -1
    dtype: str = "float32"
    device: str = "auto"
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_untrained(self) -> bool:
        """Whether random weights are asked for."""
        return self.name.startswith(UNTRAINED)

    def check_no_network(self) -> None:
        """Raise InputError where something is set that only an encoder with weights and layers has."""
        only = EncoderRequest(self.name)
        for setting in ("source", "revision", "pooling", "layer", "dtype"):
            value, allowed = getattr(self, setting), getattr(only, setting)
            if value != allowed:
                raise InputError(
                    f"{self.name} has no weights and layers: {setting} must be {allowed!r}; got {value!r}."
                )

    def take_texts(self, defaults: Mapping[str, str | None]) -> "tuple[dict[str, str | None], EncoderRequest]":
        """Options that are words, those not given at their defaults, and the request without them.

        Raises
        ------
        InputError
            One of them is no text.
        """
        values = dict(defaults)
        for key in defaults:
            value = self.options.get(key, defaults[key])
            if not (isinstance(value, str) or value is None):
                raise InputError(f"Option {key!r} of {self.name} needs a word; got {value!r}.")
            values[key] = value
        others = {key: value for key, value in self.options.items() if key not in defaults}
        return values, replace(self, options=others)

    def read_options(self, defaults: Mapping[str, int]) -> dict[str, int]:
        """Whole-number options, those not given at their defaults.

        Raises
        ------
        InputError
            An option is unknown to this encoder, or is no whole number.
        """
        values = dict(defaults)
        for key, value in self.options.items():
            if key not in defaults:
                known = ", ".join(sorted(defaults)) or "none"
                raise InputError(f"{self.name} has no option {key!r} (options: {known}). Remove or rename it.")
            if not isinstance(value, int) or isinstance(value, bool):
                raise InputError(f"Option {key!r} of {self.name} needs a whole number; got {value!r}.")
            values[key] = value
        return values


Builder = Callable[[EncoderRequest], SequenceEncoder]
AnyBuilder = TypeVar("AnyBuilder", bound=Builder)
_BUILDERS: dict[str, Builder] = {}


def register_encoder(*names: str) -> Callable[[AnyBuilder], AnyBuilder]:
    """Decorator: make a class or function that takes an `EncoderRequest` known under these names.

    Raises
    ------
    ValueError
        A name is taken by another builder.
    """

    def register(builder: AnyBuilder) -> AnyBuilder:
        for name in names:
            if _BUILDERS.setdefault(name, builder) is not builder:
                raise ValueError(f"the encoder name {name!r} is taken by {_BUILDERS[name]!r}")
        return builder

    return register


def available_encoders() -> tuple[str, ...]:
    """Names that `load_encoder` knows, sorted; nothing is imported to find them."""
    return tuple(sorted({*CARDS, *_BUILDERS, *_entry_points()}))


def load_encoder(
    name: str,
    *,
    source: str | None = None,
    revision: str | None = None,
    rc: str = "forward",
    pooling: str = "mean",
    layer: int = -1,
    dtype: str = "float32",
    device: str = "auto",
    **options: object,
) -> SequenceEncoder:
    """Load an encoder by its name.

    Parameters
    ----------
    name : str
        One of `available_encoders`; ``untrained:NAME`` is the control with random weights.
    source : str or None
        Folder with the published files, or a hub id.
    revision : str or None
        Commit, branch or tag of a hub id; the commit it stands for is recorded in the spec.
    rc : {"forward", "average", "equivariant"}
        "average": the mean of the vectors of both strands. "equivariant": by the model's own construction.
    pooling : {"mean", "cls", "max"}
        How token vectors become one vector; special tokens never take part in mean and max.
    layer : int
        Layer that is pooled: 0 is the embedding layer, -1 the last.
    dtype, device : str
        Number format of the computation ("bfloat16": of the factors of products alone); "auto" is a GPU where there
        is one.
    **options
        Options of the encoder, such as ``k=5``. Token models take ``long="stitch"``: a sequence longer than
        ``max_tokens`` is read in windows that overlap by ``margin`` tokens on either side, instead of being refused.

    Raises
    ------
    InputError
        The name or an option is unknown, files are missing or not those of this model, or a setting is one that
        this encoder cannot take.
    """
    if rc == "average" and name in CARDS and rc not in CARDS[name].rc_modes:
        raise InputError(f"{name} cannot average both strands: {CARDS[name].no_average}. Use rc='forward'.")
    request = EncoderRequest(name, source, revision, pooling, layer, dtype, device, options)
    encoder = _builder(name)(request)
    if encoder.spec.trained and encoder.spec.source is not None:
        show_license(encoder.spec.label, encoder.spec.license, encoder.spec.source)
    if rc == "forward" or rc == encoder.spec.rc_mode:
        return encoder
    if rc == "average":
        return ReverseComplementAverage(encoder)
    if rc == "equivariant":
        raise InputError(f"{name} is not equivariant by construction, so rc='equivariant' is refused; use 'average'.")
    raise InputError(f"rc must be 'forward', 'average' or 'equivariant'; got {rc!r} for {name}.")


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _builder(name: str) -> Builder:
    if name in CARDS:  # imported now and not before: kmer-spectrum must not cost an import of torch
        import_module(f"encoders.dna.models.{CARDS[name].module}")
    elif name not in _BUILDERS and name in _entry_points():
        register_encoder(name)(_entry_points()[name].load())
    if name not in _BUILDERS:
        near = get_close_matches(name, available_encoders(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(available_encoders())}."
        raise InputError(f"There is no encoder {name!r}; {hint}")
    return _BUILDERS[name]
