"""The harness of `make bench-pipeline`: what it extrapolates, where it goes on, what it counts, what it simulates."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from encoders.genome.annotation.panel import read_panel
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.reference_check import check_reference_alleles
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table
from tests.benchmarks import bench_pipeline
from tests.benchmarks.bench_pipeline import Figures, measure_size
from tests.benchmarks.growth import Growth
from tests.benchmarks.pipeline_note import ARMS, FEW, MEMORY_SIZES, STAGES, collect, write_note
from tests.benchmarks.simulated_cohort import write_cohort
from tests.benchmarks.watched_process import watch

MEASURED = {"seconds": 9.0, "cpu_seconds": 7.0, "peak_gb": 0.4, "disk_gb": 0.1}


def test_what_grows_on_a_line_is_extrapolated_on_it() -> None:
    growth = Growth({n: 30 + 0.02 * n for n in (500, 5_000, 28_932, 100_000)})
    assert growth.at(500_000) == pytest.approx(30 + 0.02 * 500_000)
    assert 0.9 < growth.exponent < 1


def test_what_grows_faster_is_extrapolated_by_its_power() -> None:
    growth = Growth({n: 1e-6 * n**1.7 for n in (500, 5_000, 28_932)})
    assert growth.exponent == pytest.approx(1.7)
    assert growth.at(500_000) == pytest.approx(1e-6 * 500_000**1.7)


def test_what_does_not_grow_stays() -> None:
    assert Growth({500: 3.0, 5_000: 3.0, 28_932: 3.0}).at(500_000) == pytest.approx(3.0)
    assert Growth({500: 4.0, 5_000: 3.5, 28_932: 3.0}).at(500_000) == 3.0


def test_two_sizes_are_too_few() -> None:
    with pytest.raises(ValueError, match=r"needs 3 sizes; got \[500, 5000\]"):
        Growth({500: 1.0, 5_000: 2.0}).at(28_932)


def _figures(sizes: Sequence[int], stages: Sequence[str] = STAGES) -> dict[str, dict[str, float]]:
    found = {f"{n} cohort": {"bcf_gb": 1e-4, "pgen_gb": 1e-4} for n in sizes}
    for n in sizes:
        for arm in ARMS:
            for stage in stages:
                found[f"{n} {arm} {stage}"] = {name: value * n / 500 for name, value in MEASURED.items()}
        counts = {"records": 7.0, "haplotype_windows": 90.0, "distinct_windows": 11.0}
        found[f"{n} kmer windows"] |= counts
    return found


def test_sizes_that_were_not_measured_are_marked(tmp_path: Path) -> None:
    figures = _figures([500, 2_000, 5_000]) | _figures([28_932], ["windows", "embed"])
    cells = collect(figures, "kmer", "align")
    assert {n: cell.measured for n, cell in cells.items()} == {
        500: True, 2_000: True, 5_000: True, 28_932: False, 100_000: False, 500_000: False,
    }  # fmt: skip
    assert collect(figures, "kmer", "windows")[28_932].measured
    assert cells[500_000].values["peak_gb"] == pytest.approx(400)
    write_note(figures, tmp_path)
    note = (tmp_path / "pipeline.md").read_text()
    assert "| align | 5,000 | 90 | 70 | 4.00 GB | 1,000.0 MB |" in note
    assert "| align | ~28,932 | ~521 | ~405 | ~23.15 GB | ~5,786.4 MB |" in note
    assert "BCF to report, 5-mers: <= 15 min | ~34.7 min, 27.0 min of processor time | MISSED |" in note
    assert "| no stage above 8 GB at 100,000 | ~80.0 GB" in note
    assert (tmp_path / "pipeline.svg").read_text().startswith("<?xml")


def test_memory_of_the_alignment_is_that_of_few_permutations(tmp_path: Path) -> None:
    few = {f"{n} kmer {FEW}": MEASURED | {"peak_gb": 0.5 + n / 50_000} for n in MEMORY_SIZES}
    cells = collect(_figures([500, 2_000, 5_000, 28_932]) | few, "kmer", "align")
    assert cells[100_000].values["peak_gb"] == pytest.approx(2.5)
    assert cells[500_000].values["peak_gb"] == pytest.approx(10.5)
    assert cells[28_932].values["peak_gb"] == pytest.approx(MEASURED["peak_gb"] * 28_932 / 500)
    assert not cells[100_000].measured, "its seconds are not those of 999 permutations"
    write_note(_figures([500, 2_000, 5_000]) | few, tmp_path)
    assert f"| {FEW} | 200,000 |" in (tmp_path / "pipeline.md").read_text()


def test_what_is_not_known_of_some_stages_is_open(tmp_path: Path) -> None:
    write_note(_figures([500, 2_000, 5_000], ["windows", "embed", "report"]), tmp_path)
    note = (tmp_path / "pipeline.md").read_text()
    assert "<= 15 min | not known: align not measured at 3 sizes | |" in note
    assert "not known of recipe (kmer), align (kmer), recipe (network), align (network) | MISSED |" in note


def test_two_sizes_are_told_without_others(tmp_path: Path) -> None:
    write_note(_figures([500, 5_000]), tmp_path)
    assert "~" not in (tmp_path / "pipeline.md").read_text().split("## The cohorts")[1]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is started, in the order of the commands; the cohort is a folder, everything else costs the same."""
    started: list[str] = []

    def pretend(command: Sequence[str], folder: Path, variables: dict[str, str]) -> dict[str, float]:
        if "--cohort" in command:
            started.append("cohort")
            made = Path(command[-1])
            made.mkdir()
            for suffix in ("bcf", "pgen"):
                (made / f"cohort.{suffix}").write_bytes(b"x" * 50)
            return dict(MEASURED)
        stage = "recipe" if "--recipe" in command else command[2]
        if stage == "align" and not (folder / "may align").exists():
            raise KeyboardInterrupt
        started.append(f"{stage} {variables['BENCH_VARIANTS']}")
        return dict(MEASURED)

    monkeypatch.setattr(bench_pipeline, "_watch", pretend)
    monkeypatch.setattr(bench_pipeline, "_counted", lambda results: {"records": 3.0})
    return started


def test_a_size_goes_on_with_the_stage_at_which_it_stopped(tmp_path: Path, commands: list[str]) -> None:
    kept = tmp_path / "figures.json"
    with pytest.raises(KeyboardInterrupt):
        measure_size(700, Figures(kept), STAGES, tmp_path / "scratch")
    assert commands == ["cohort"] + [
        f"{stage} cohort.{suffix}" for stage in ("windows", "embed", "recipe") for suffix in ("bcf", "pgen")
    ]
    commands.clear()
    (tmp_path / "scratch" / "700" / "may align").touch()
    measure_size(700, Figures(kept), STAGES, tmp_path / "scratch")
    assert commands == ["align cohort.bcf", "align cohort.pgen", "report cohort.bcf", "report cohort.pgen"]
    assert not (tmp_path / "scratch" / "700").exists()
    commands.clear()
    measure_size(700, Figures(kept), STAGES, tmp_path / "scratch")
    assert commands == []
    assert len(json.loads(kept.read_text())) == 1 + 2 * len(STAGES)


def test_a_size_whose_files_are_gone_begins_anew(tmp_path: Path, commands: list[str]) -> None:
    figures = Figures(tmp_path / "figures.json")
    measure_size(700, figures, STAGES[:2], tmp_path / "scratch")
    figures.keep("7000 kmer embed", MEASURED)
    commands.clear()
    measure_size(700, figures, STAGES[:3], tmp_path / "scratch")
    assert commands[:2] == ["cohort", "windows cohort.bcf"]
    assert len(commands) == 1 + 2 * 3
    assert "7000 kmer embed" in figures.known


def test_memory_and_processor_time_of_children_are_counted(tmp_path: Path) -> None:
    busy = "end = time.process_time() + 1\nwhile time.process_time() < end: pass"
    child = f"import time; block = bytearray(300_000_000); {busy}"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    found = watch([sys.executable, "-c", parent], cwd=tmp_path, log=tmp_path / "log.txt")
    assert found["cpu_seconds"] >= 1
    assert 0.3 <= found["peak_gb"] < 0.6


def _windows(folder: Path, suffix: str) -> WindowTable:
    panel, variants = read_panel(folder / "genes.gtf"), VariantFiles(folder / f"cohort.{suffix}")
    reference = Reference(folder / "reference.fa")
    agreement = check_reference_alleles(reference, variants, panel)
    assert agreement.n_matching == agreement.n_records
    return make_window_table(reference, panel, variants)


def test_bcf_and_pgen_hold_the_same_haplotypes(tmp_path: Path) -> None:
    n_records = write_cohort(tmp_path / "cohort", 173, n_genes=5, seed=3)
    bcf, pgen = (_windows(tmp_path / "cohort", suffix) for suffix in ("bcf", "pgen"))
    assert sum(1 for _ in VariantFiles(tmp_path / "cohort" / "cohort.bcf").contigs) == 2
    assert n_records > 20
    assert (bcf.n_subjects, len(bcf.gene_ids)) == (173, 5)
    assert bcf.sequences == pgen.sequences
    for name in ("indptr", "haplotype_index", "sequence_index"):
        np.testing.assert_array_equal(getattr(bcf, name), getattr(pgen, name))
    assert bcf.n_distinct > bcf.n_windows
