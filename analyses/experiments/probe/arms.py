"""What is probed: the run's arms under each layer and pooling, their untrained twins, k-mers and single bases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from analyses.arms.arm import SequenceArm, make_sequence_arm
from analyses.arms.grid import BASELINES, make_variant
from analyses.arms.twins import is_trained, make_twin
from analyses.config.encoder import PRECOMPUTED, EncoderConfig
from analyses.progress import progress_bar
from analyses.results.schema.experiments.probes import ProbeArmKind

if TYPE_CHECKING:
    from analyses.experiments.probe.tasks import Task
    from analyses.run.run import Run
    from encoders.dna.protocol import EncoderSpec

KMERS, ONE_HOT, MATRIX = "kmer-spectrum", "one-hot-dosage", "pwm"
WITHOUT_LAYERS = (KMERS, ONE_HOT, PRECOMPUTED)
MOST_ONE_HOT = 2000
"""Bases up to which single bases are probed: four columns each."""


@dataclass(frozen=True)
class ProbeArm:
    """An arm that is probed.

    Attributes
    ----------
    config : EncoderConfig
    kind : {"encoder", "baseline", "untrained"}
    control : str or None
        Name of the untrained twin.
    """

    config: EncoderConfig
    kind: ProbeArmKind
    control: str | None = None


@dataclass(frozen=True)
class ProbeVectors:
    """What an arm gave.

    Attributes
    ----------
    name, label : str
    kind : {"encoder", "baseline", "untrained"}
    spec : EncoderSpec
    control : str or None
    vectors : dict of task to float64 [n, hidden_dim]
    """

    name: str
    label: str
    kind: ProbeArmKind
    spec: EncoderSpec
    control: str | None
    vectors: dict[str, np.ndarray]


def list_arms(run: Run, longest: int) -> list[ProbeArm]:
    """The run's encoders under each layer and pooling, each trained one before its twin, then the baselines.

    Parameters
    ----------
    longest : int
        Bases of the longest sequence of all tasks.
    """
    arms = []
    for config in run.arm_configs:
        if config.encoder not in WITHOUT_LAYERS:
            for variant in _variants(run, config):
                twin = make_twin(variant) if is_trained(variant) else None
                arms.append(
                    ProbeArm(variant, "untrained" if twin is None else "encoder", None if twin is None else twin.name)
                )
                arms += [] if twin is None else [ProbeArm(twin, "untrained")]
        elif config.encoder == KMERS:
            arms.append(ProbeArm(config, "baseline"))
    if not any(one.config.encoder == KMERS for one in arms):
        name, encoder, options = next(one for one in BASELINES if one[1] == KMERS)
        arms.append(ProbeArm(EncoderConfig(name=name, encoder=encoder, options=options), "baseline"))
    if longest <= MOST_ONE_HOT:
        arms.append(ProbeArm(EncoderConfig(name="one-hot", encoder=ONE_HOT, options={"window": longest}), "baseline"))
    return arms


def _variants(run: Run, config: EncoderConfig) -> Iterator[EncoderConfig]:
    settings = run.config.probe
    for pooling, layer in product(settings.poolings or (config.pooling,), settings.layers or (config.layer,)):
        changes: dict[str, str | int] = {"pooling": pooling} if settings.poolings else {}
        changes |= {"layer": layer} if settings.layers else {}
        yield make_variant(config, **changes) if changes else config


def embed_tasks(run: Run, arms: list[ProbeArm], tasks: list[Task]) -> Iterator[ProbeVectors]:
    """Vectors of every task by every arm, one arm in memory at a time; each distinct sequence is embedded once."""
    from encoders.embedding import embed_missing, read_embeddings

    for one in arms:
        arm = open_arm(run, one.config)
        vectors = {}
        for task in tasks:
            with progress_bar(f"probe: {arm.name}, {task.name}") as advance:
                embed_missing(arm.encoder, task.sequences, arm.store, progress=advance)
            vectors[task.name] = read_embeddings(task.sequences, arm.store).astype(np.float64)
        yield ProbeVectors(arm.name, _label(run, one, arm.spec), one.kind, arm.spec, one.control, vectors)


def open_arm(run: Run, config: EncoderConfig) -> SequenceArm:
    """An arm that is probed, its encoder loaded: that of the run where it is one.

    Raises
    ------
    InputError
        The encoder has not this pooling or layer, and what loading refuses.
    """
    named = run.arms.get(config.name)
    if isinstance(named, SequenceArm) and config in run.arm_configs:
        return named
    return make_sequence_arm(config, run.config.store_root, lambda: run.window_table, window=1)


def _label(run: Run, one: ProbeArm, spec: EncoderSpec) -> str:
    if one.config.encoder == ONE_HOT:
        return "one-hot"
    several = [*(["layer"] if len(run.config.probe.layers) > 1 else [])]
    several += ["pooling"] if len(run.config.probe.poolings) > 1 else []
    told = [f"layer {spec.layer}" if what == "layer" else spec.pooling for what in several]
    return spec.label if one.kind == "baseline" or not told else f"{spec.label}, {', '.join(told)}"
