"""The stages of a run in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType

from analyses.config.run_config import RunConfig
from analyses.experiments.registry import BEFORE_EMBEDDING, MODULES
from analyses.progress import say
from analyses.run.run import Run
from analyses.workflow import alignments, stages, track

STAGES: Mapping[str, Callable[[Run], object]] = MappingProxyType(
    {
        "windows": stages.build_windows,
        "embed": stages.embed,
        "align": alignments.align,
        "compare": stages.compare,
        "experiment": stages.experiment,
        "report": stages.report,
        "log": track.log,
    }
)


def run_pipeline(config: RunConfig, *, until: str = "log", force: bool = False) -> Run:
    """Run the stages of a configuration up to and including ``until``.

    Parameters
    ----------
    config : RunConfig
    until : str
        One of `STAGES`.
    force : bool
        Redo stages that are finished with the same inputs.

    Returns
    -------
    Run
        With what was opened for it.

    Raises
    ------
    InputError
        Bad input, before anything is written for it; a tracking address that cannot be used is said first of all.
    """
    track.tracking_address(config.tracking, config.output.parent)
    run = Run(config, force=force)
    run_stages(run, until=until)
    return run


def _describe(run: Run, until: str) -> str:
    """What will be done, before any of it: the stages in their order, with how much each has to do."""
    n_arms, n_views = len(run.arm_configs), len(run.config.brain)
    sizes = {"embed": f" {n_arms} arms", "align": f" {n_arms} x {n_views}", "experiment": f" {run.config.experiment}"}
    names = _names(run, until)
    return f"{len(names)} stages: " + ", ".join(f"{name}{sizes.get(name, '')}" for name in names)


def _names(run: Run, until: str) -> list[str]:
    """The stages that have anything to do, in their order."""
    names = [*STAGES][: [*STAGES].index(until) + 1]
    return [name for name in names if name != "experiment" or run.config.experiment in MODULES]


def run_stages(run: Run, *, until: str = "log") -> None:
    """Run the stages of an opened run up to and including ``until``; its engine is ended with them."""
    say(f"run      {_describe(run, until)}")
    names = _names(run, until)
    with closing(run.engine):
        stages.check_experiment(run)
        for name, stage in STAGES.items():
            if name == "embed" and until != "embed" and run.config.experiment in BEFORE_EMBEDDING:
                stages.experiment(run)
            if len(names) > 1 and name in names:
                say(f"stage    {names.index(name) + 1} of {len(names)}: {name}")
            stage(run)
            if name == "windows":
                stages.check_windows(run)
            if name == until:
                return
