"""Genotypes to distinct windows: seconds and memory, and that memory does not grow with subjects.

``python -m tests.benchmarks.bench_windows`` prints the figures as lines and JSON; each case runs in a fresh process,
so that its peak memory is its own. Needs the real genotypes (``GENEBRAIN_REAL_DATA``).
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pysam

from analyses.arms.cost import peak_memory
from encoders.genome.annotation.panel import read_panel
from encoders.genome.haplotypes.patterns import GENOTYPES_AT_ONCE
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import count_in_allele_space

REPOSITORY = Path(__file__).resolve().parents[2]
COPIES = (1, 3, 9)
_UNITS: dict[str, dict[str, Any]] = {
    "56 genes, 510-bp exon windows": {"unit": "exon", "window": 510},
    "56 genes, each exon": {"unit": "exon", "window": 100_000},
}


def real_data() -> Path:
    """Folder of the real genotypes."""
    return Path(os.environ.get("GENEBRAIN_REAL_DATA", REPOSITORY / "../shared/data")).resolve()


def window_rows() -> list[dict[str, Any]]:
    """One row per case: what, subjects, seconds, peak memory in MB, windows, distinct windows."""
    rows = [_in_fresh_process("genes", name) for name in _UNITS]
    with tempfile.TemporaryDirectory() as scratch:
        for copies in COPIES:
            path = _repeat_samples(next((real_data() / "genome/grch38_chr22").glob("*.vcf.gz")), Path(scratch), copies)
            rows.append(_in_fresh_process("copies", str(path)))
    return rows


def _in_fresh_process(case: str, argument: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_windows", case, argument]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    row: dict[str, Any] = json.loads(answer.stdout)
    return row


def _repeat_samples(source: Path, folder: Path, copies: int) -> Path:
    """The same genotypes under ``copies`` names each."""
    target = folder / f"{copies}.bcf"
    with pysam.VariantFile(str(source)) as file:
        header = pysam.VariantHeader()
        for record in file.header.records:
            header.add_record(record)
        names = list(file.header.samples)
        for copy in range(copies):
            for name in names:
                header.add_sample(f"{name}.{copy}")
    plain = folder / f"{copies}.vcf"
    with pysam.BGZFile(str(source)) as lines, plain.open("w") as out:
        out.write(str(header))
        for line in lines:
            text = line.decode()
            if not text.startswith("#"):
                fields = text.rstrip("\n").split("\t")
                out.write("\t".join([*fields[:9], *(fields[9:] * copies)]) + "\n")
    with pysam.VariantFile(str(plain)) as file, pysam.VariantFile(str(target), "wb", header=file.header) as out:
        for record in file:
            out.write(record)
    plain.unlink()
    pysam.tabix_index(str(target), preset="bcf", force=True)
    return target


def _count(name: str, annotation: Path, variants: Sequence[Path], genes: Sequence[str], **settings: Any) -> None:
    begun, before = time.perf_counter(), os.times()
    count = count_in_allele_space(read_panel(annotation, genes), VariantFiles(variants), **settings)
    used = os.times()
    row = {
        "case": name,
        "n_subjects": count.n_subjects,
        "seconds": round(time.perf_counter() - begun, 2),
        "cpu_seconds": round(used.user + used.system - before.user - before.system, 2),
        "peak_mb": round(peak_memory() / 2**20),
        "n_haplotype_windows": count.n_haplotype_windows,
        "n_distinct_windows": count.n_distinct_windows,
    }
    print(json.dumps(row))


def _run_case(case: str, argument: str) -> None:
    if case == "genes":
        folder = real_data() / "genome/grch38_pgx_vcf"
        files = [path for path in sorted(folder.glob("*.bcf")) if path.stem not in {"G6PD", "GSTM1"}]
        genes = [path.stem for path in files]
        _count(argument, folder / "genes.GRCh38.111.pgx.gtf", files, genes, **_UNITS[argument])
    else:
        annotation = next((real_data() / "genome/grch38_chr22").glob("*.gtf"))
        name = f"COMT gene body, samples repeated {Path(argument).stem} times"
        _count(name, annotation, [Path(argument)], ["COMT"], unit="gene")


def main() -> None:
    """Print every row, the machine, and the size of a chunk."""
    rows = window_rows()
    for row in rows:
        print(
            f"{row['case']:<46}{row['n_subjects']:>7,} subjects{row['seconds']:>8.2f} s{row['cpu_seconds']:>8.2f} s CPU"
            f"{row['peak_mb']:>6} MB{row['n_distinct_windows']:>9,} distinct of {row['n_haplotype_windows']:,}"
        )
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    print(json.dumps({"rows": rows, "genotypes_at_once": GENOTYPES_AT_ONCE} | machine))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _run_case(*sys.argv[1:])
    else:
        main()
