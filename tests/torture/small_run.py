"""A run that is small and goes the whole way, and what it must leave behind."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from analyses.simulation.cohort import make_demo_cohort
from encoders.leftovers import UNFINISHED
from tests.conftest import REPOSITORY

CONFIG = REPOSITORY / "configs" / "demo.yaml"
SAME = ("alignments/*/*", "comparison.json", "windows/table/*", "windows/summary.json", "private/*.npz",
        "private/*.csv", "private/weights/*", "embed/*", "figures/*", "experiments/*")  # fmt: skip
"""What is the same to the bit in every run; the rest tells times, or a key drawn once."""

HEAVY = (
    "alembic.command",
    "analyses.alignment.files",
    "analyses.alignment.recipe",
    "analyses.cli.app",
    "analyses.report.page",
    "analyses.tracking.mlflow_client",
    "analyses.workflow.pipeline",
    "encoders.dna.models.kmer_spectrum",
    "fusion.views.sparse_products",
    "matplotlib.pyplot",
    "mlflow.store.tracking.sqlalchemy_store",
    "pyarrow.parquet",
)

EXPERIMENTS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "align": lambda _: (),
    "predict": lambda _: (
        "experiment=predict",
        "predict={outcome: sex, n_components: 9, inner_splits: 3}",
        "confounds=[{column: age, kind: continuous}, {column: site, kind: categorical}]",
    ),
    "replicate": lambda first: ("experiment=replicate", f"replicate={{results: {first}, same_ids: other-people}}"),
}
"""Settings of the runs that are attacked, by experiment, with the results of a first run in hand."""

Run = tuple[str, str, tuple[tuple[Any, ...], ...]]


@dataclass(frozen=True)
class Left:
    """What a finished run left.

    ``files`` by digest, ``vectors`` of the store by id, ``runs`` that tracking holds as finished (name, stage, values),
    ``statuses`` of all.
    """

    files: dict[str, str]
    vectors: dict[str, str]
    runs: list[Run]
    statuses: Counter[str]


def make_cohort(folder: Path) -> Path:
    """80 subjects, 5 genes."""
    return make_demo_cohort(folder / "cohort", n_subjects=80, n_genes=5, seed=11).folder


def command(verb: str, cohort: Path, *settings: str, workers: int = 1) -> list[str]:
    """Arguments of a verb; all that is written lies in the working directory."""
    chosen = [
        "output=results/out",
        "experiment=align",
        "encoders=[encoders/kmer-spectrum.yaml]",
        f"brain={{linked: {{path: {cohort / 'brain_linked.parquet'}}}}}",
        *(f"genome.{key}={cohort / name}" for key, name in _GENOME.items()),
        f"participants=[{{path: {cohort / 'participants.tsv'}}}]",
        "truth=null",
        "folds.n_splits=2",
        "alignment.n_permutations=39",
        "alignment.pca_components=9",
        "alignment.n_components=2",
        f"workers={workers}",
        *settings,
    ]
    return [verb, str(CONFIG), *(word for one in chosen for word in ("--set", one))]


_GENOME = {"reference": "reference.fa", "annotation": "genes.gtf", "variants": "cohort.vcf.gz"}


def read_left(folder: Path) -> Left:
    """What lies in the working directory of a run."""
    out = folder / "results" / "out"
    files = {str(path.relative_to(out)): _digest(path.read_bytes()) for form in SAME for path in out.glob(form)}
    vectors: dict[str, str] = {}
    for ids in (folder / "results").rglob("*.ids"):
        names = ids.read_text().splitlines()
        if doubled := vectors.keys() & set(names):
            raise AssertionError(f"{len(doubled)} vectors are stored twice")
        vectors |= {name: _digest(row.tobytes()) for name, row in zip(names, _rows(ids), strict=True)}
    runs, statuses = read_tracking(folder / "results" / "mlflow.db")
    return Left(files, vectors, runs, statuses)


def read_tracking(database: Path) -> tuple[list[Run], Counter[str]]:
    """Finished runs with their values, and the statuses of all, read without MLflow."""
    if not database.exists():
        return [], Counter()
    with closing(sqlite3.connect(database)) as store:
        active = store.execute("SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage = 'active'").fetchall()
        runs = []
        for run_id, name, status in active:
            if status == "FINISHED":
                (stage,) = store.execute(
                    "SELECT value FROM tags WHERE run_uuid = ? AND key = 'stage'", (run_id,)
                ).fetchone()
                values = store.execute("SELECT key, step, value FROM metrics WHERE run_uuid = ?", (run_id,)).fetchall()
                runs.append((name, stage, tuple(sorted(values))))
    return sorted(runs), Counter(status for *_, status in active)


def unfinished(folder: Path) -> list[str]:
    """Files and folders that somebody was writing."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if UNFINISHED in path.name]


def import_most() -> None:
    """Import what takes long."""
    for name in HEAVY:
        import_module(name)


def import_all(names: Path) -> None:
    """Import what another process had imported."""
    for name in json.loads(names.read_text()):
        if name.split(".")[0] not in ("__main__", "tests"):
            with suppress(Exception):  # whatever cannot be imported by its name alone is imported when it is needed
                import_module(name)


def _rows(ids: Path) -> np.ndarray:
    rows: np.ndarray = np.load(ids.with_suffix(".npy"))
    return rows


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
