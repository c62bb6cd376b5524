"""Arguments of the command line for the small simulated cohort."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from analyses.config.file import load_config
from analyses.workflow import pipeline

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"
#: Quick, and enough for the planted link to be found.
SETTINGS = (
    "alignment.n_permutations=199",
    "folds.n_splits=4",
    "experiment=align",
    "encoders=[encoders/kmer-spectrum.yaml, encoders/untrained-dnabert-3-rc.yaml]",
)

EXPERIMENTS = CONFIG.parent / "experiments"

Command = Callable[..., int]
Experiment = Callable[..., dict[str, Any]]


def run_arguments(output: Path, *settings: str) -> list[str]:
    """Arguments that run the demo's configuration on the small cohort, quickly."""
    chosen = [f"output={output}", *SETTINGS, *settings]
    return [str(CONFIG), *(word for setting in chosen for word in ("--set", setting))]


def run_pipeline(cohort: Path, output: Path, *, workers: int) -> None:
    """The same in process, without the command line."""
    settings = [f"output={output}", f"workers={workers}", *SETTINGS]
    pipeline.run_pipeline(load_config(CONFIG, settings, variables={"DEMO_COHORT": str(cohort)}))
