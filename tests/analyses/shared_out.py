"""One arm and one view of a small cohort, to be shared out in every way."""

from pathlib import Path

import numpy as np

from analyses.config.file import load_config
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.sharded_stages import chosen_arms
from tests.analyses.commands import CONFIG

ARM = "kmer-5"
WINDOW_FILES = ("windows/table/table.npz", "windows/table/table.json", "windows/summary.json")
RESULT_FILES = tuple(f"alignments/{ARM}__linked/{name}" for name in ("alignment.json", "null_draws.npz"))


def settings(cohort: DemoCohort, output: Path, *more: str) -> list[str]:
    """Overrides of the demo's configuration."""
    return [
        f"output={output}",
        "experiment=align",
        "encoders=[encoders/kmer-spectrum.yaml]",
        f"brain={{linked: {{path: {cohort.folder / 'brain_linked.parquet'}}}}}",
        "tracking.enabled=false",
        "workers=1",
        "alignment.n_permutations=99",
        "folds.n_splits=3",
        *more,
    ]


def arguments(cohort: DemoCohort, output: Path, *more: str) -> list[str]:
    """The same for the command line, with further arguments."""
    return [str(CONFIG), *(word for text in settings(cohort, output) for word in ("--set", text)), *more]


def open_run(cohort: DemoCohort, output: Path, *more: str) -> Run:
    """The same in process."""
    given = settings(cohort, output, *more)
    return Run(load_config(CONFIG, given, variables={"DEMO_COHORT": str(cohort.folder)}))


def stored_vectors(run: Run) -> dict[str, bytes]:
    """What the store of the arm holds, read from its files; an id may be in it once."""
    found: dict[str, bytes] = {}
    for path in chosen_arms(run, [ARM])[0].store.folder.glob("*.ids"):
        ids = path.read_text().splitlines()
        assert not set(ids) & set(found)
        found |= {one: row.tobytes() for one, row in zip(ids, np.load(path.with_suffix(".npy")), strict=True)}
    return found


def check_same_files(names: tuple[str, ...], one: Path, other: Path) -> None:
    """Byte for byte."""
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
