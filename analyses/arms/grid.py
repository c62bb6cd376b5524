"""Which arms an experiment compares: those that are named, their variants, and the baselines every model must beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from analyses.arms.twins import UNTRAINED, UNTRAINED_SOURCE, is_trained, make_twin
from analyses.config.encoder import EncoderConfig, Options
from analyses.config.run_config import RunConfig
from analyses.errors import InputError

#: Encoders without weights: what a comparison shows without any model.
BASELINES: tuple[tuple[str, str, dict[str, bool | int | float | str]], ...] = (
    ("kmer-5", "kmer-spectrum", {"k": 5}),
    ("dosage", "one-hot-dosage", {}),
)


def make_arms(config: RunConfig) -> tuple[EncoderConfig, ...]:
    """The arms of a run, in the order of tables and figures.

    ``compare`` adds the baselines and an untrained control of each architecture, and of each size that a folder has,
    that is not there yet; ``pooling`` and ``rc`` replace each named arm by its variants.

    Raises
    ------
    InputError
        Two arms have one name, as written or once variants and baselines are added.
    """
    arms = _expand(config)
    names = [arm.name for arm in arms]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"encoders: the arm name '{repeated[0]}' is used twice; give each arm its own name.")
    return arms


def _expand(config: RunConfig) -> tuple[EncoderConfig, ...]:
    if config.experiment == "compare":
        return (*config.encoders, *_missing_baselines(config))
    if config.experiment == "pooling":
        return tuple(_pooling_variants(config))
    if config.experiment == "rc":
        return tuple(make_variant(arm, rc=mode) for arm, mode in product(config.encoders, config.rc.modes))
    return config.encoders


def _missing_baselines(config: RunConfig) -> Iterator[EncoderConfig]:
    if not config.compare.baselines or config.genome is None:
        return
    present = {_registered(arm) for arm in config.encoders}
    for name, encoder, options in BASELINES:
        if encoder not in present:
            yield EncoderConfig(name=name, encoder=encoder, options=options)
    yield from missing_twins(config.encoders)


def missing_twins(arms: Sequence[EncoderConfig]) -> Iterator[EncoderConfig]:
    """An untrained twin of each trained network that none of the arms stands for: one of each size."""
    named = {_registered(arm) for arm in arms}
    made: list[tuple[str, Options]] = []
    for arm in filter(is_trained, arms):
        twin = make_twin(arm)
        if twin.encoder not in named and (twin.encoder, twin.options) not in made:
            made.append((twin.encoder, twin.options))
            yield twin


def _registered(arm: EncoderConfig) -> str:
    """Name in the registry: an untrained source is another encoder than the checkpoint."""
    return f"{UNTRAINED}{arm.encoder}" if arm.source == UNTRAINED_SOURCE else arm.encoder


def _pooling_variants(config: RunConfig) -> Iterator[EncoderConfig]:
    for arm, pooling, layer in product(config.encoders, config.pooling.poolings, config.pooling.layers):
        yield make_variant(arm, pooling=pooling, layer=layer)


def make_variant(arm: EncoderConfig, **changes: str | int) -> EncoderConfig:
    """The same arm with other settings, which its name says."""
    name = "-".join([arm.name, *map(_word, changes.values())])
    return arm.model_copy(update=changes | {"name": name})


def _word(value: str | int) -> str:
    """A setting within a name: axis labels are cut at ten characters."""
    if isinstance(value, int):
        return f"l{value}" if value >= 0 else f"last{-value}"
    return {"forward": "fwd", "average": "avg", "equivariant": "eq"}.get(value, value)
