"""The whole pipeline against subjects: seconds, processor seconds, memory and disk of every stage.

    python -m tests.benchmarks.bench_pipeline --sizes 500 5000      these cohorts, and the note results/pipeline.md
    python -m tests.benchmarks.bench_pipeline --until embed         no further than this stage
    python -m tests.benchmarks.bench_pipeline --arms kmer           these encoders alone
    python -m tests.benchmarks.bench_pipeline --memory              the alignment with 19 permutations, for its memory
    python -m tests.benchmarks.bench_pipeline --note                the note alone, from the figures that are kept

Cohorts are simulated under build/, and removed with what was made of them once all stages of their size are measured.
Every stage is a command of its own, the one that a user types. Figures are kept in results/pipeline.json: what is there
is not measured again, and whoever stops in the middle of a size goes on with its next stage.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analyses.results.schema.runs import GenomeSummary
from analyses.results.serialisation import read_result
from tests.benchmarks.pipeline_note import FEW, MEMORY_SIZES, SIZES, STAGES, write_note
from tests.benchmarks.watched_process import GIGABYTE, watch

REPOSITORY = Path(__file__).parents[2]
CONFIG = Path(__file__).parent / "pipeline.yaml"
RESULTS = Path(__file__).parent / "results"
FIGURES = RESULTS / "pipeline.json"
SCRATCH = REPOSITORY / "build" / "bench-pipeline"


@dataclass(frozen=True)
class Arm:
    """Genotypes of one format, read by one encoder."""

    name: str
    variants: str
    encoder: str


ARMS = (Arm("kmer", "cohort.bcf", "kmer-spectrum"), Arm("network", "cohort.pgen", "untrained-dnabert2-rc"))


class Figures:
    """What was measured, by subjects, arm and stage; written down after each measurement."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}

    def keep(self, key: str, measured: Mapping[str, float]) -> None:
        self.known[key] = {name: round(value, 6) for name, value in measured.items()}
        self._write()

    def forget(self, n_subjects: int) -> None:
        """Drop what is known of a size whose files are gone: its next stages would do the earlier ones again."""
        self.known = {key: value for key, value in self.known.items() if int(key.split()[0]) != n_subjects}
        self._write()

    def missing(self, n_subjects: int, stages: Sequence[str], arms: Sequence[Arm]) -> list[tuple[str, Arm]]:
        """Stages in their order, in each arm, that were not measured."""
        return [
            (stage, arm) for stage in stages for arm in arms if f"{n_subjects} {arm.name} {stage}" not in self.known
        ]

    def _write(self) -> None:
        text = json.dumps(self.known, indent=1, sort_keys=True) + "\n"
        fresh = self._path.with_suffix(".tmp")
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, self._path)


def measure_size(
    n_subjects: int, figures: Figures, stages: Sequence[str], scratch: Path, arms: Sequence[Arm] = ARMS
) -> None:
    """Measure what is missing of one size, on a cohort that is made for it where it is not there."""
    if not figures.missing(n_subjects, stages, arms):
        return
    folder = scratch / str(n_subjects)
    cohort = folder / "cohort"
    if not cohort.is_dir():
        figures.forget(n_subjects)
        folder.mkdir(parents=True, exist_ok=True)
        made = _watch(["-m", "tests.benchmarks.bench_pipeline", "--cohort", str(n_subjects), str(cohort)], folder, {})
        figures.keep(f"{n_subjects} cohort", made | _sizes(cohort))
    for stage, arm in figures.missing(n_subjects, stages, arms):
        before = _bytes_of(folder)
        measured = _watch(_command(stage, folder, arm), folder, _variables(cohort, arm))
        written = (_bytes_of(folder) - before) / GIGABYTE
        found = _counted(folder / arm.name) if stage == "windows" else {}
        figures.keep(f"{n_subjects} {arm.name} {stage}", measured | {"disk_gb": written} | found)
        print(n_subjects, arm.name, stage, json.dumps(figures.known[f"{n_subjects} {arm.name} {stage}"]), flush=True)
    shutil.rmtree(folder)


def _command(stage: str, folder: Path, arm: Arm) -> list[str]:
    given = [str(CONFIG), "--output", str(folder / arm.name), "--set", f"store={folder / 'store'}"]
    if stage == "recipe":
        return ["-m", "tests.benchmarks.bench_pipeline", "--recipe", str(folder / arm.name), str(folder / "store")]
    if stage == FEW:
        stage, given = "align", [*given, "--set", "alignment.n_permutations=19"]
    return ["-c", "from analyses.cli import main; main()", stage, *given]


def _variables(cohort: Path, arm: Arm) -> dict[str, str]:
    return {"BENCH_COHORT": str(cohort), "BENCH_VARIANTS": arm.variants, "BENCH_ARM": arm.encoder}


def _watch(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> dict[str, float]:
    assigned = [f"{name}={value}" for name, value in variables.items()]
    return watch(["env", *assigned, sys.executable, *command], cwd=REPOSITORY, log=folder / "log.txt")


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sizes(cohort: Path) -> dict[str, float]:
    return {f"{suffix}_gb": (cohort / f"cohort.{suffix}").stat().st_size / GIGABYTE for suffix in ("bcf", "pgen")}


def _counted(results: Path) -> dict[str, float]:
    summary = read_result(GenomeSummary, results / "windows" / "summary.json")
    return {
        "records": summary.reference_agreement.n_records,
        "haplotype_windows": summary.n_haplotype_windows,
        "distinct_windows": summary.n_distinct_windows,
    }


def reduce_genes(output: Path, store: Path) -> None:
    """Residualise the gene view of a run on its confounds and reduce it: what `align` does first."""
    from analyses.cli.blas_kernel import prefer_fast_kernel

    prefer_fast_kernel()
    from analyses.config.file import load_config
    from analyses.run.run import Run

    run = Run(load_config(CONFIG, [f"output={output}", f"store={store}"]))
    (arm,) = run.arms
    _, pca = run.gene_pca(arm)
    print(f"recipe   {pca.n_components_} components of {len(run.cohort.subject_ids):,} subjects")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench_pipeline")
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--until", choices=STAGES, default=STAGES[-1])
    parser.add_argument("--arms", nargs="*", choices=[arm.name for arm in ARMS], default=[arm.name for arm in ARMS])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--note", action="store_true")
    parser.add_argument("--cohort", nargs=2, metavar=("N", "FOLDER"))
    parser.add_argument("--recipe", nargs=2, type=Path, metavar=("OUTPUT", "STORE"))
    asked = parser.parse_args(arguments)
    if asked.cohort:
        from tests.benchmarks.simulated_cohort import write_cohort

        print(write_cohort(Path(asked.cohort[1]), int(asked.cohort[0])), "records")
        return
    if asked.recipe:
        reduce_genes(*asked.recipe)
        return
    RESULTS.mkdir(exist_ok=True)
    figures = Figures(FIGURES)
    stages = ("windows", "embed", FEW) if asked.memory else STAGES[: STAGES.index(asked.until) + 1]
    for n_subjects in () if asked.note else MEMORY_SIZES if asked.memory else asked.sizes:
        measure_size(n_subjects, figures, stages, SCRATCH, [arm for arm in ARMS if arm.name in asked.arms])
        write_note(figures.known, RESULTS)
    write_note(figures.known, RESULTS)


if __name__ == "__main__":
    main(sys.argv[1:])
