"""A gene that was asked for and is not used is named with its reason in everything that a run says or writes."""

import json
from pathlib import Path

import pytest

from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import Command, run_arguments

REASON = "exons of one transcript overlap"


def test_a_gene_with_a_doubled_exon_is_named_everywhere(
    genebrain: Command, cohort: DemoCohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = cohort.annotation.read_text().splitlines(keepends=True)
    number, doubled = next((number, line) for number, line in enumerate(lines) if "\texon\t" in line)
    gene = doubled.split('gene_id "')[1].split('"')[0]
    (tmp_path / "doubled.gtf").write_text("".join([*lines[:number], doubled, *lines[number:]]))
    settings = (
        f"genome.annotation={tmp_path / 'doubled.gtf'}", "encoders=[encoders/kmer-spectrum.yaml]",
        "alignment.n_permutations=19", "folds.n_splits=2", "tracking.enabled=false",
    )  # fmt: skip
    run = run_arguments(tmp_path / "out", *settings)
    assert genebrain("run", *run, "--dry-run") == 0
    dry = capsys.readouterr().out
    assert genebrain("run", *run) == 0
    said = capsys.readouterr().out
    for text in (dry, said):
        assert any(gene in line and REASON in line and "left out" in line for line in text.splitlines())
    for file in ("windows/summary.json", "run.json"):
        written = json.loads((tmp_path / "out" / file).read_text())
        assert REASON in written.get("genome", written)["skipped_genes"][gene]
    row = next(
        line for line in (tmp_path / "out" / "report.html").read_text().splitlines() if f"<td>{gene}</td>" in line
    )
    assert REASON in row
