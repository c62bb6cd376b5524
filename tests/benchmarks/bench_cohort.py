"""PCA of factored panels from 5,000 to 500,000 subjects and of tables on disk: time, memory, exactness.

    python -m tests.benchmarks.bench_cohort              every part, and the note results/cohort.md with its plot
    python -m tests.benchmarks.bench_cohort panel 28932  one part; its figures join those of earlier parts

Every figure comes from a process of its own, so that its peak memory is its own. Figures are kept in
results/cohort.json, from which the note is written.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from analyses.arms.cost import peak_memory
from tests.benchmarks.simulated_panel import make_panel

RESULTS = Path(__file__).parent / "results"
FIGURES = RESULTS / "cohort.json"
COMPONENTS = 512
COHORT = 28_932
SIZES = (5_000, 10_000, COHORT, 100_000, 500_000)
DENSE_SIZES = (4_000, 8_000)  # smaller ones are ruled by a part that does not grow with subjects
EXACT_SIZE = 4_000
TABLE = (7_116, 85_248)
PARTS = [
    ["windows"],
    ["exact", str(EXACT_SIZE)],
    *(["panel", str(n)] for n in SIZES),
    *(["dense", str(n)] for n in DENSE_SIZES),
    ["table", str(TABLE[0])],
]


def panel(n: int) -> dict[str, float]:
    """Fit a factored panel; memory is that of the process, data included."""
    from fusion import ViewPCA

    view, confounds = make_panel(n)
    ViewPCA(2).fit(make_panel(300, n_genes=2, n_windows=40, carried=9)[0])  # compiles
    data = peak_memory() / 1e9
    clock = _Clock()
    pca = ViewPCA(COMPONENTS, confounds=confounds, random_state=0).fit(view)
    return clock.read() | {
        "peak_gb": peak_memory() / 1e9,
        "data_gb": data,
        "residual": pca.residual_,
        "entries": sum(design.nnz for design in view.designs),
        "columns": view.shape[1],
        "smallest_share": float(np.sqrt(pca.explained_variance_[-1] / pca.explained_variance_[0])),
    }


def dense(n: int) -> dict[str, float]:
    """Scikit-learn's randomized PCA on the dense residualised, scaled matrix; only its own fit is timed."""
    from sklearn.decomposition import PCA

    matrix = _dense_residuals(n, np.float32)
    clock = _Clock()
    pca = PCA(COMPONENTS, svd_solver="randomized", iterated_power=7, random_state=0, copy=False).fit(matrix)
    return clock.read() | {
        "peak_gb": peak_memory() / 1e9,
        "matrix_gb": matrix.nbytes / 1e9,
        "top": pca.singular_values_[0],
    }


def exact(n: int) -> dict[str, float]:
    """Singular values of the iteration against LAPACK on the Gram matrix of the dense matrix."""
    import scipy.linalg

    import fusion.decomposition.subspace
    from fusion import ViewPCA

    view, confounds = make_panel(n)
    assert n > fusion.decomposition.subspace.EIGH_LIMIT, "the iteration is what is checked"
    pca = ViewPCA(COMPONENTS, confounds=confounds).fit(view)
    values = np.sqrt(pca.explained_variance_ * (n - 1 - 15))
    matrix = _dense_residuals(n, np.float32)
    gram = np.zeros((n, n))
    for columns in range(0, matrix.shape[1], 4096):
        block = matrix[:, columns : columns + 4096].astype(np.float64)
        gram += block @ block.T
    oracle = np.sqrt(scipy.linalg.eigvalsh(gram, subset_by_index=[n - COMPONENTS, n - 1])[::-1])
    return {"largest_relative_error": float(np.abs(values / oracle - 1).max()), "residual": pca.residual_}


def table(n: int) -> dict[str, float]:
    """PCA of a float32 table on disk; memory is that of a process that only fits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.npy"
        _write_table(path, n, TABLE[1])
        figures: dict[str, float] = _run(["table-fit", str(path)])
    return figures


def table_fit(path: str) -> dict[str, float]:
    """Open and fit the table of this file."""
    from fusion import TableView, ViewPCA

    clock = _Clock()
    view = TableView.from_npy(path, [f"s{i}" for i in range(TABLE[0])])
    confounds = np.random.default_rng(1).standard_normal((TABLE[0], 15))
    pca = ViewPCA(COMPONENTS, confounds=confounds).fit(view)
    return clock.read() | {"peak_gb": peak_memory() / 1e9, "residual": pca.residual_}


class _Clock:
    """Seconds on the wall, and seconds of processor time over all threads: the latter where cores are shared."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self._wall, "cpu_seconds": time.process_time() - self._processor}


def _dense_residuals(n: int, dtype: Any) -> np.ndarray[Any, Any]:
    """The matrix whose PCA a factored panel's is, built with plain least squares."""
    view, confounds = make_panel(n)
    design = np.linalg.qr(np.column_stack([np.ones(n), confounds])).Q
    matrix = np.empty(view.shape, dtype)
    for columns, block in view.column_blocks():
        residuals = block - design @ (design.T @ block)
        matrix[:, columns] = residuals / np.sqrt(np.square(residuals).sum(axis=0) / (n - 16))
    return matrix


def _write_table(path: Path, n: int, width: int) -> None:
    rng = np.random.default_rng(0)
    mixing = (
        rng.standard_normal((600, width)).astype(np.float32) / np.sqrt(np.arange(1, 601, dtype=np.float32))[:, None]
    )
    target = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, width))
    for first in range(0, n, 512):
        rows = target[first : first + 512]
        rows[:] = rng.standard_normal((len(rows), 600), dtype=np.float32) @ mixing
        rows += rng.standard_normal(rows.shape, dtype=np.float32)
    target.flush()


def _run(part: list[str]) -> Any:
    command = [sys.executable, "-m", "tests.benchmarks.bench_cohort", "child", *part]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["child"]:
        name, argument = arguments[1:3]
        figures = table_fit(argument) if name == "table-fit" else PART_FUNCTIONS[name](int(argument))
        print(json.dumps({key: float(value) for key, value in figures.items()}))
        return
    from tests.benchmarks.bench_windows import window_rows
    from tests.benchmarks.cohort_note import write_note

    RESULTS.mkdir(exist_ok=True)
    if not arguments:
        FIGURES.unlink(missing_ok=True)
    for part in [arguments] if arguments else PARTS:
        figures = window_rows() if part == ["windows"] else _run(part)
        print(*part, json.dumps(figures), flush=True)
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        FIGURES.write_text(json.dumps(known | {" ".join(part): figures}, indent=1, sort_keys=True) + "\n")
    write_note(json.loads(FIGURES.read_text()), RESULTS)


PART_FUNCTIONS = {"panel": panel, "dense": dense, "exact": exact, "table": table}


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main(sys.argv[1:])
