"""Arguments of the command line for the small simulated cohort."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analyses.config.file import load_config
from analyses.workflow import alignments, pipeline
from fusion.power import held_out, stability

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
    with few_studies_drawn():
        pipeline.run_pipeline(load_config(CONFIG, settings, variables={"DEMO_COHORT": str(cohort)}))


FEW_STUDIES = {
    module: tuple((widest, *(n // 10 for n in drawn)) for widest, *drawn in module.DRAWN)
    for module in (held_out, stability)
}


@contextmanager
def few_studies_drawn() -> Iterator[None]:
    """A tenth of the studies stands for the power of an alignment, which else takes half of the time of a small one.

    In processes that align beside this one too. Fixtures of a session are made before those of a module, so they ask
    for it themselves.
    """
    with pytest.MonkeyPatch.context() as patched:
        for module, few in FEW_STUDIES.items():
            patched.setattr(module, "DRAWN", few)
        patched.setattr(alignments, "_align_alone", align_with_few_studies)
        _forget()
        yield
    _forget()


def align_with_few_studies(recipe: dict[str, Any]) -> object:
    """One arm and one view in a process of its own."""
    with few_studies_drawn():
        return alignments._align_pair(recipe, n_jobs=1)


def _forget() -> None:
    for drawn in (held_out._null, held_out._largest):
        drawn.cache_clear()
