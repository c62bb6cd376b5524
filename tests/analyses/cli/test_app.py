"""The command line starts fast and says what it does."""

import csv
import gzip
import hashlib
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.analyses.commands import Command

HEAVY = ("torch", "transformers", "mlflow", "sklearn", "pandas", "nilearn", "scipy", "matplotlib", "msprime")


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    script = f"import sys, analyses.cli.app; print([m for m in {HEAVY} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", ["run", "windows", "embed", "align", "compare", "report", "ui", "doctor", "demo", "haplotypes", "power"]
)
def test_every_command_explains_itself(command: str, genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert genebrain(command, "--help") == 0
    assert len(capsys.readouterr().out.split()) > 10


def test_doctor_gets_the_known_answer_right(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert genebrain("doctor") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("known answer right")
    assert [line.split()[1] for line in lines if line.startswith("products ")] == ["float32", "bfloat16"]


def test_doctor_tells_the_blas_of_a_process_that_has_loaded_nothing_yet() -> None:
    ask = "from analyses.cli.doctor import examine; print(examine())"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    told = [line for line in answer.stdout.splitlines() if line.startswith("BLAS ")]
    assert told
    assert all(re.fullmatch(r"BLAS \S+ \S+ kernel \S+, threads [1-9][0-9]*", line) for line in told)


def test_a_command_says_a_warning_once(
    genebrain: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stage after stage meets the same rare level; another command says it again."""
    monkeypatch.setattr("analyses.cli.doctor.examine", _examine_with_warnings)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            assert genebrain("doctor") == 0
        assert capsys.readouterr().err.splitlines() == [
            "genebrain: warning: Level North has one subject.",
            "genebrain: warning (RuntimeWarning): Level North has one subject.",
        ]


def _examine_with_warnings() -> str:
    for category in (UserWarning, UserWarning, RuntimeWarning):
        warnings.warn("Level North has one subject.", category, stacklevel=1)
    warnings.warn("A worker stopped while some jobs were given to the executor. This can be caused by", stacklevel=1)
    return ""


def test_power_prints_the_published_size_of_noise(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """5,000 subjects, 512 x 512: noise gives 0.603 +- 0.0025, and nothing below 0.338 can be found."""
    assert genebrain("power", "--n", 5001, "--x", 512, "--y", 512, "--json") == 0
    panel = json.loads(capsys.readouterr().out)
    assert panel["null_r1_mean"] == pytest.approx(0.603, abs=0.0025)
    assert panel["rho_c"] == pytest.approx(0.338, abs=0.0005)
    assert any("per dimension" in flag for flag in panel["flags"])


@pytest.mark.parametrize(("n", "folds", "code"), [(100, 60, 2), (100, 26, 2), (100, 25, 0), (19, 5, 2), (20, 5, 0)])
def test_power_of_folds_that_a_run_would_refuse_is_refused(
    genebrain: Command, capsys: pytest.CaptureFixture[str], n: int, folds: int, code: int
) -> None:
    assert genebrain("power", "--n", n, "--x", 3, "--y", 3, "--rho", 0.6, "--folds", folds) == code
    said = f"genebrain: {folds} folds need at least 4 subjects each, {4 * folds} in all; got {n}: take fewer folds"
    assert capsys.readouterr().err.startswith(said) is (code == 2)


def test_power_says_when_correlations_are_one(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert genebrain("power", "--n", 100, "--x", 80, "--y", 80) == 0
    assert "1 by construction" in capsys.readouterr().out


def _printed_digest(genebrain: Command, capsys: pytest.CaptureFixture[str], *options: object) -> str:
    assert genebrain("haplotypes", *options) == 0
    sequence = "".join(capsys.readouterr().out.splitlines()[1:])
    return hashlib.sha256(sequence.encode()).hexdigest()


def test_haplotypes_print_the_consensus_of_bcftools(
    genebrain: Command, capsys: pytest.CaptureFixture[str], simulated_genome: Path
) -> None:
    """One gene, two subjects, both haplotypes."""
    with gzip.open(simulated_genome / "haplotypes.tsv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["options"] in {"-H 1", "-H 2"}]
    chosen = [row for row in rows if row["gene"] == "G2" and row["subject"] in {"P00", "P40"}]
    assert len({row["sha256"] for row in chosen}) > 1
    for row in chosen:
        options = ["--reference", simulated_genome / "genome.fa.gz", "--variants", simulated_genome / "phased.vcf.gz"]
        options += ["--region", row["region"], "--subject", row["subject"], "--haplotype", row["options"][-1]]
        assert _printed_digest(genebrain, capsys, *options) == row["sha256"], row


def test_haplotypes_print_the_published_consensus(
    genebrain: Command, capsys: pytest.CaptureFixture[str], real_data: Path
) -> None:
    folder = real_data / "genome" / "grch37_chr20"
    found = _printed_digest(
        genebrain, capsys,
        "--reference", folder / "GRCh37.chr20_1-2Mb.npad.fa.gz",
        "--variants", folder / "1kgp3_EUR300_phased.chr20_1-2Mb.vcf.gz",
        "--region", "20:1093906-1160596", "--subject", "HG00096", "--haplotype", 1,
    )  # fmt: skip
    assert found.startswith("6c0e5287a65391fdd92716a526b42d19")
