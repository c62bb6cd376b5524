"""Bad input: one clear sentence, exit code 2, nothing half-written."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pysam
import pytest

from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import Command, run_arguments

Damage = Callable[[DemoCohort, Path], list[str]]


def _missing_file(cohort: DemoCohort, folder: Path) -> list[str]:
    return [f"participants.0.path={folder / 'nowhere.tsv'}"]


def _wrong_build(cohort: DemoCohort, folder: Path) -> list[str]:
    """Every position moved by 137 bases, as between builds."""
    return [f"genome.variants={_rewrite(cohort.variants, folder, lambda f: [f[0], str(int(f[1]) + 137), *f[2:]])}"]


def _off_by_one(cohort: DemoCohort, folder: Path) -> list[str]:
    return [f"genome.variants={_rewrite(cohort.variants, folder, lambda f: [f[0], str(int(f[1]) + 1), *f[2:]])}"]


def _other_contig_names(cohort: DemoCohort, folder: Path) -> list[str]:
    renamed = _rewrite(cohort.variants, folder, lambda f: [f"chr{f[0]}", *f[1:]], "##contig=<ID=", "##contig=<ID=chr")
    return [f"genome.variants={renamed}"]


def _no_index(cohort: DemoCohort, folder: Path) -> list[str]:
    shutil.copy(cohort.variants, folder / "bare.vcf.gz")
    return [f"genome.variants={folder / 'bare.vcf.gz'}"]


def _duplicate_ids(cohort: DemoCohort, folder: Path) -> list[str]:
    frame = pd.read_parquet(cohort.brain_linked)
    frame.loc[1, "subject_id"] = frame.loc[0, "subject_id"]
    return [f"brain.linked.path={_parquet(frame, folder)}"]


def _float_ids(cohort: DemoCohort, folder: Path) -> list[str]:
    frame = pd.read_parquet(cohort.brain_linked)
    frame["subject_id"] = [float(i) for i in range(len(frame))]
    return [f"brain.linked.path={_parquet(frame, folder)}"]


def _no_overlap(cohort: DemoCohort, folder: Path) -> list[str]:
    frame = pd.read_parquet(cohort.brain_linked)
    frame["subject_id"] = "sub-" + frame["subject_id"]
    return [f"brain.linked.path={_parquet(frame, folder)}"]


def _missing_value(cohort: DemoCohort, folder: Path) -> list[str]:
    frame = pd.read_parquet(cohort.brain_linked)
    frame.loc[3, "lh_insula_thickness"] = float("nan")
    return [f"brain.linked.path={_parquet(frame, folder)}"]


def _constant_columns(cohort: DemoCohort, folder: Path) -> list[str]:
    frame = pd.read_parquet(cohort.brain_linked)
    frame[frame.columns.drop("subject_id")] = 2.5
    return [f"brain.linked.path={_parquet(frame, folder)}"]


def _confound_of_nobody(cohort: DemoCohort, folder: Path) -> list[str]:
    frame = pd.read_csv(cohort.participants, sep="\t", dtype=str)
    frame["age"] = "NA"
    frame.to_csv(folder / "participants.tsv", sep="\t", index=False)
    return [f"participants.0.path={folder / 'participants.tsv'}"]


CASES: dict[str, tuple[Damage, str]] = {
    "missing file": (_missing_file, "nowhere.tsv"),
    "wrong build": (_wrong_build, "build"),
    "off by one": (_off_by_one, "off by one"),
    "chr1 against 1": (_other_contig_names, "chr1"),
    "unindexed": (_no_index, "tabix"),
    "duplicate ids": (_duplicate_ids, "unique"),
    "float ids": (_float_ids, "float"),
    "no overlap": (_no_overlap, "sub-"),
    "missing value": (_missing_value, "lh_insula_thickness"),
    "constant columns": (_constant_columns, "varying"),
    "fewer subjects than dimensions": (lambda c, f: ["alignment.x_dimensions=400"], "400"),
    "unknown key": (lambda c, f: ["alignment.permutations=9"], "n_permutations"),
    "file tracking": (lambda c, f: [f"tracking.uri=file:{f}/mlruns"], "sqlite"),
    "unknown confound": (lambda c, f: ["confounds.0.column=agee"], "agee"),
    "a confound of nobody": (_confound_of_nobody, "missing age"),
    "unknown encoder": (lambda c, f: ["encoders.0.encoder=kmer-spectrun"], "kmer-spectrum"),
    "unknown gene": (lambda c, f: ["genome.genes=[SIMG99]"], "SIMG99"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_sentence_exit_2_and_nothing_written(
    name: str, genebrain: Command, cohort: DemoCohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, word = CASES[name]
    output = tmp_path / "results" / "run"
    given = tmp_path / "given"
    given.mkdir()
    settings = damage(cohort, given)
    code = genebrain("run", *run_arguments(output, *settings))
    error = capsys.readouterr().err
    assert code == 2, error
    lines = [line for line in error.splitlines() if line.startswith("genebrain: ")]
    assert len(lines) == 1
    assert word in lines[0]
    assert "Traceback" not in error
    assert not (output / "report.html").exists()
    assert not (output / "run.json").exists()
    assert not list(output.rglob("*.tmp"))


def test_an_output_that_cannot_be_written(
    genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    assert genebrain("run", *run_arguments(blocker / "run")) == 2
    assert "writable" in capsys.readouterr().err


def test_a_configuration_that_does_not_exist(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert genebrain("run", "no-such.yaml") == 2
    assert "no-such.yaml" in capsys.readouterr().err


def _parquet(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "damaged.parquet"
    frame.to_parquet(path, index=False)
    return path


def _rewrite(
    source: Path, folder: Path, change: Callable[[list[str]], list[str]], old: str = "", new: str = ""
) -> Path:
    """Copy a VCF with every record changed, compressed and indexed again."""
    plain = folder / "damaged.vcf"
    with gzip.open(source, "rt") as lines, plain.open("w") as out:
        for line in lines:
            if line.startswith("#"):
                out.write(line.replace(old, new) if old else line)
            else:
                out.write("\t".join(change(line.rstrip("\n").split("\t"))) + "\n")
    return Path(pysam.tabix_index(str(plain), preset="vcf", force=True))
