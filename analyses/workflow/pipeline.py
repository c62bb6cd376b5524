"""The stages of a run in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType

from analyses.config.run_config import RunConfig
from analyses.run.run import Run
from analyses.workflow import stages, track

STAGES: Mapping[str, Callable[[Run], object]] = MappingProxyType(
    {
        "windows": stages.build_windows,
        "embed": stages.embed,
        "align": stages.align,
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


def run_stages(run: Run, *, until: str = "log") -> None:
    """Run the stages of an opened run up to and including ``until``; its engine is ended with them."""
    with closing(run.engine):
        for name, stage in STAGES.items():
            stage(run)
            if name == "windows":
                stages.check_experiment(run)
            if name == until:
                return
