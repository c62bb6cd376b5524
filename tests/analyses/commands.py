"""Arguments of the command line for the small simulated cohort."""

from collections.abc import Callable
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "demo.yaml"
#: Quick, and enough for the planted link to be found.
SETTINGS = ("alignment.n_permutations=199", "folds.n_splits=4")

Command = Callable[..., int]


def run_arguments(output: Path, *settings: str) -> list[str]:
    """Arguments that run the demo's configuration on the small cohort, quickly."""
    chosen = [f"output={output}", *SETTINGS, *settings]
    return [str(CONFIG), *(word for setting in chosen for word in ("--set", setting))]
