"""The demo: simulate a cohort in the real file formats, then run the very pipeline that a real cohort takes."""

from __future__ import annotations

import time
from pathlib import Path

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.progress import say
from analyses.workflow.pipeline import run_pipeline
from analyses.workflow.track import log

#: What the report says of the simulated cohort. It stands here, so that no copy of the configuration says it of others.
_WORDS = (
    "name=demo",
    "title=Simulated cohort with a planted gene-brain link",
    "brain.linked.description=simulated cortical thickness, with a planted link to three genes",
    "brain.control.description=simulated white-matter features, with site and ancestry effects and no link",
)
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"


def run_demo(output: Path, *, n_subjects: int, seed: int, workers: int, force: bool = False) -> None:
    """Simulate (or reuse) the cohort under ``output/cohort`` and run ``configs/demo.yaml`` on it.

    Raises
    ------
    InputError
        The configuration is not beside the package, or the folder cannot be written.
    """
    from analyses.simulation.cohort import make_demo_cohort

    if not CONFIG.is_file():
        raise InputError(f"The demo needs {CONFIG}, which ships with the repository; run it from a clone.")
    begun = time.perf_counter()
    folder = (output / "cohort").absolute()
    say(f"cohort   {n_subjects:,} simulated subjects (coalescent with three populations) in {folder}")
    make_demo_cohort(folder, n_subjects=n_subjects, seed=seed, progress=lambda line: say(f"         {line}"))
    overrides = [*_WORDS, f"output={output}", f"seed={seed}", f"workers={workers}"]
    config = load_config(CONFIG, overrides, variables={"DEMO_COHORT": str(folder)})
    run = run_pipeline(config, until="report", force=force)
    log(run)
    say(f"Done in {time.perf_counter() - begun:.0f} s.")
