"""Experiments that need more than alignments: each has a module with the same two functions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from pathlib import Path

    from analyses.results.schema.experiments import ExperimentResult
    from analyses.run.run import Run

#: Experiment to the module that does it. ``align``, ``compare``, ``pooling`` and ``rc`` are alignments of their arms
#: (`analyses.arms.grid`) and their comparison (`analyses.alignment.comparison`).
MODULES: Mapping[str, str] = {
    "attribute": "analyses.experiments.attribution.attribute",
    "associate": "analyses.experiments.associate",
    "audit": "analyses.experiments.audit",
    "dims": "analyses.experiments.dims",
    "harmonise": "analyses.experiments.harmonisation.harmonise",
    "escalate": "analyses.experiments.escalation.escalate",
    "predict": "analyses.experiments.prediction.predict",
    "probe": "analyses.experiments.probe.probe",
    "replicate": "analyses.experiments.replicate",
    "tokens": "analyses.experiments.tokens",
    "stratify": "analyses.experiments.stratify",
    "subsample": "analyses.experiments.subsample",
    "species": "analyses.experiments.species.orthologs",
    "tune": "analyses.experiments.tune",
    "variants": "analyses.experiments.variants",
}

#: Experiments that ask nothing of alignments: they answer before the cohort is embedded.
BEFORE_EMBEDDING = ("probe",)


class Experiment(Protocol):
    """What such a module offers; its part of the report is ``templates/experiment_<name>.html``.

    It may offer two functions of the run more, which refuse in one sentence: ``check``, what configuration and tables
    tell, before anything is done; ``check_windows``, what the windows tell, before anything is embedded.
    """

    def run(self, run: Run) -> ExperimentResult:
        """Do it; the result holds aggregates only.

        Besides its own fields it has ``answer`` (sentences, the first of which stands alone), ``metrics`` (name to
        number, for tracking, the most important first) and ``trials`` (child runs).
        """
        ...

    def draw(self, result: Any, folder: Path) -> dict[str, Path]:
        """Write the figures of what `run` gave, each with the CSV behind it; their paths by name."""
        ...


def find_experiment(name: str) -> Experiment:
    """The module of an experiment that is one of `MODULES`."""
    return cast("Experiment", import_module(MODULES[name]))
