"""Experiments that need more than alignments: each is one module with the same three functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from pathlib import Path

    from analyses.pipeline import Pipeline

#: Experiment to the module that does it. ``align``, ``compare``, ``pooling`` and ``rc`` are alignments of their arms
#: (`analyses.arm_grid`) and their comparison (`analyses.compare_encoders`).
MODULES: Mapping[str, str] = {}

Result = dict[str, Any]


class Experiment(Protocol):
    """What such a module offers; its part of the report is ``templates/experiment_<name>.html``."""

    def run(self, pipeline: Pipeline) -> Result:
        """Do it; the result is JSON and holds aggregates only.

        Besides its own keys it has ``answer`` (sentences, the first of which stands alone), ``metrics`` (name to
        number, for tracking, the most important first) and ``trials`` (name, params and metrics of child runs).
        """
        ...

    def draw(self, result: Result, folder: Path) -> Iterator[str]:
        """Write the figures as ``<name>.svg`` with ``<name>.csv`` beside them, and give their names."""
        ...


def find_experiment(name: str) -> Experiment | None:
    """The module of an experiment; None for one that is made of alignments alone."""
    return cast("Experiment", import_module(MODULES[name])) if name in MODULES else None


def result_file(name: str) -> str:
    """Where the result lies in a results folder."""
    return f"experiments/{name}.json"
