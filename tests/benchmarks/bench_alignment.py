"""Seconds of one whole alignment: 7,116 subjects, 512 x 512 dimensions, 5 folds, 999 permutations, report included."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from analyses.cli.blas_kernel import prefer_fast_kernel

prefer_fast_kernel(insist=True)

import numpy as np  # noqa: E402 (the kernel is chosen before numpy is imported)
import pandas as pd  # noqa: E402

from analyses.alignment.files import write_alignment  # noqa: E402
from analyses.alignment.recipe import Seeds, align_views  # noqa: E402
from analyses.config.sections import AlignmentConfig  # noqa: E402
from analyses.report.page import make_report  # noqa: E402
from analyses.results.schema.alignments import AlignmentLabels  # noqa: E402
from analyses.results.schema.runs import RunRecord  # noqa: E402
from analyses.results.serialisation import read_result  # noqa: E402
from analyses.results.workspace import Workspace  # noqa: E402
from fusion import (  # noqa: E402
    Confound,
    TableView,
    make_folds,
)
from tests.analyses.run_folder import write_run_folder  # noqa: E402

NOTE = Path(__file__).parent / "results" / "alignment.md"
N_SUBJECTS, N_GENES, HIDDEN, N_FEATURES = 7116, 111, 16, 640
LABELS = AlignmentLabels("synthetic", "synthetic", "table", trained=True, role="test")


def make_views(seed: int = 0) -> tuple[TableView, TableView, pd.DataFrame]:
    """A gene table of 111 x 16 columns, a brain table of 640, one link between them, and 3 covariates."""
    rng = np.random.default_rng(seed)
    ids = [f"s{i:05d}" for i in range(N_SUBJECTS)]
    covariates = pd.DataFrame(
        {
            "age": rng.uniform(40, 80, N_SUBJECTS),
            "sex": rng.choice(["f", "m"], N_SUBJECTS),
            "site": rng.integers(0, 22, N_SUBJECTS),
        }
    )
    shared = rng.standard_normal(N_SUBJECTS)
    x = rng.standard_normal((N_SUBJECTS, N_GENES * HIDDEN)).astype(np.float32)
    y = rng.standard_normal((N_SUBJECTS, N_FEATURES)).astype(np.float32)
    x[:, :HIDDEN] += 0.5 * shared[:, np.newaxis]
    y[:, :40] += 0.5 * shared[:, np.newaxis]
    genes = [f"g{j // HIDDEN:03d}" for j in range(x.shape[1])]
    return TableView(x, ids, genes), TableView(y, ids, [f"roi{j:03d}" for j in range(N_FEATURES)]), covariates


@contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    stages[name] = stages.get(name, 0.0) + time.perf_counter() - start


@contextmanager
def _watched(stages: dict[str, float]) -> Iterator[None]:
    """Clock the parts of an alignment where it calls them."""
    from unittest.mock import patch

    from analyses.alignment import recipe as align

    def clocked(name: str) -> Any:
        inner = getattr(align, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            with _timed(stages, name):
                return inner(*args, **kwargs)

        return patch.object(align, name, call)

    with clocked("permutation_tests_cca"), clocked("cross_validated_cca"), clocked("interpret"):
        yield


def alignment_seconds(
    dimensions: tuple[int | str, int | str] = (512, 512), *, n_permutations: int = 999, n_jobs: int = 2
) -> list[tuple[str, float]]:
    """Wall seconds by stage, and in total, of one alignment with its files and figures.

    Parameters
    ----------
    dimensions : pair of int or "auto"
        Components that enter CCA.
    n_permutations, n_jobs : int

    Returns
    -------
    list of (stage, seconds)
        The last row is the total.
    """
    gene_view, brain_view, covariates = make_views()
    settings = AlignmentConfig(x_dimensions=dimensions[0], y_dimensions=dimensions[1], n_permutations=n_permutations)
    confounds = tuple(
        Confound(name, kind) for name, kind in (("age", "continuous"), ("sex", "categorical"), ("site", "categorical"))
    )
    stages: dict[str, float] = {}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, _watched(stages):
        alignment = align_views(
            gene_view,
            brain_view,
            covariates,
            labels=LABELS,
            confounds=confounds,
            settings=settings,
            folds=make_folds(N_SUBJECTS, 5, random_state=0),
            seeds=Seeds.spawn(0),
            n_jobs=n_jobs,
        )
        with _timed(stages, "files and report"):
            write_alignment(Workspace(Path(folder)), alignment)
            _report(Path(folder))
    total = time.perf_counter() - start
    return [*stages.items(), ("PCA and the rest", total - sum(stages.values())), ("total", total)]


def _report(folder: Path) -> None:
    """The page and figures of this alignment, within the facts of an example run."""
    write_run_folder(folder, planted=False, compared=False)
    run = read_result(RunRecord, folder / "run.json")
    of_this = replace(run, alignments=(f"{LABELS.arm}__{LABELS.view}",))
    Workspace(folder).write_result("run.json", of_this)
    make_report(folder)


def main() -> None:
    """Print the seconds of both ways to choose dimensions, and write them down."""
    lines = [
        "# One whole alignment",
        "",
        f"{N_SUBJECTS:,} subjects, {N_GENES} genes x {HIDDEN} columns, {N_FEATURES} brain features, 23 confounds,",
        f"5 folds, 999 permutations in and out of sample, report included; {os.cpu_count()} cores, 2 workers,",
        f"numpy {np.__version__}. Required: at most 300 s at 512 x 512. Written by `make bench-fusion`.",
    ]
    print("\n".join(lines[2:]), flush=True)
    for dimensions in ((512, 512), ("auto", "auto")):
        lines += ["", f"## {dimensions[0]} x {dimensions[1]} dimensions", "", "| stage | wall seconds |", "|---|---|"]
        for stage, seconds in alignment_seconds(dimensions):
            lines.append(f"| {stage} | {seconds:.1f} |")
            print(f"{dimensions[0]} x {dimensions[1]}: {stage:<24}{seconds:8.1f}", flush=True)
        NOTE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
