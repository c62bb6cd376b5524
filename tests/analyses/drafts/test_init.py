"""`genebrain init`: a configuration from files, which runs as it is where nothing has to be decided."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
import yaml

from analyses.config.file import load_config
from analyses.drafts.draft import write_draft
from analyses.drafts.kinds import kind_of
from analyses.errors import InputError
from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import Command


@pytest.fixture
def folder(small_cohort: DemoCohort, tmp_path: Path) -> Path:
    """A copy of the small cohort in a folder of an awkward name."""
    return Path(shutil.copytree(small_cohort.folder, tmp_path / "a #1 {x}: 'ü'"))


def test_a_folder_of_files_becomes_a_study_that_runs(
    genebrain: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "study.yaml"
    assert genebrain("init", folder, "--output", file) == 0
    assert "still needed" not in capsys.readouterr().out
    config = load_config(file)
    covariates = pd.read_csv(folder / "participants.tsv", sep="\t")
    named = {confound.column: confound.kind for confound in config.confounds}
    assert list(named) == [column for column in covariates.columns if column not in ("subject_id", "family")]
    assert {column for column, kind in named.items() if kind == "categorical"} == {"sex", "site", "batch"}
    assert config.cohort.family_column == "family"
    assert config.folds.stratify == "site"
    assert config.genome is not None
    assert len(config.genome.genes or ()) == 11
    assert set(config.brain) == {"brain_linked", "brain_control"}
    assert (folder / "genebrain.schema.json").stat().st_size > 1000
    assert genebrain("run", file, "--dry-run", "--set", "compare.baselines=false") == 0
    assert "in all" in capsys.readouterr().out
    assert genebrain("init", folder, "--output", file) == 2
    assert "--force" in capsys.readouterr().err


def test_ids_are_found_by_who_is_genotyped_and_strangers_are_said(folder: Path, small_cohort: DemoCohort) -> None:
    brain = pd.read_parquet(small_cohort.brain_linked).rename(columns={"subject_id": "who"})
    brain.insert(0, "row", np.arange(len(brain)))
    brain.to_csv(folder / "brain_linked.csv", index=False)
    (folder / "brain_linked.parquet").unlink()
    other = pd.read_parquet(small_cohort.brain_control)
    other["subject_id"] = "x" + other["subject_id"]
    other.to_parquet(folder / "brain_control.parquet")
    study = write_draft([folder], folder / "study.yaml")
    tables = {table.path.name: table for table in study.tables}
    assert tables["brain_linked.csv"].id_column == "who"
    (said,) = study.needs()
    assert "none of brain_control.parquet (such as x" in said
    assert load_config(folder / "study.yaml").brain["brain_linked"].id_column == "who"


def test_guesses_are_comments_and_what_speaks_against_a_column_is_said(folder: Path) -> None:
    table = pd.read_csv(folder / "participants.tsv", sep="\t", dtype={"subject_id": str})
    table["ageAtScan"], table["scanner"], table["eTIV"], table["ancestry"] = table["age"], "one", 1.5e6, "EUR"
    table.loc[[3, 5], "site"] = None
    table["sex"] = table["sex"].astype(str)
    table.loc[::7, "age"], table.loc[1::7, "age"], table.loc[2::7, "sex"] = -9, -77, "-9"
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    study = write_draft([folder], folder / "study.yaml")
    text = (folder / "study.yaml").read_text()
    for line in (
        "# - {column: ageAtScan, kind: continuous} # age is an age already",
        "# - {column: scanner, kind: categorical} # the same for all",
        "# - {column: eTIV, kind: continuous} # decide",
        "# - {column: ancestry, kind: categorical} # decide",
        "- {column: site, kind: categorical} # missing in 2 subjects",
        "# missing_codes: ['-9', '-77'] # age (-9, -77), sex (-9) look like codes",
    ):
        assert line in text
    assert [sentence for sentence in study.needs() if "age, sex of participants.tsv" in sentence]


def test_contigs_of_another_spelling_and_unphased_genotypes_are_seen(folder: Path, small_cohort: DemoCohort) -> None:
    lines = gzip.decompress(small_cohort.variants.read_bytes()).decode().splitlines(keepends=True)
    renamed = [line if line.startswith("#") else f"chr{line.replace('0|1', '0/1', 3)}" for line in lines]
    renamed = [line.replace("##contig=<ID=", "##contig=<ID=chr") for line in renamed]
    (folder / "cohort.vcf").write_text("".join(renamed))
    (folder / "cohort.vcf.gz.tbi").unlink()
    pysam.tabix_compress(str(folder / "cohort.vcf"), str(folder / "cohort.vcf.gz"), force=True)
    pysam.tabix_index(str(folder / "cohort.vcf.gz"), preset="vcf", force=True)
    (folder / "cohort.vcf").unlink()
    study = write_draft([folder], folder / "study.yaml")
    genome = load_config(folder / "study.yaml").genome
    assert genome is not None
    assert genome.contig_aliases
    assert study.genotypes is not None
    assert 0 < study.genotypes.n_unphased < study.genotypes.n_heterozygous
    assert [sentence for sentence in study.needs() if "genome.unphased" in sentence]


def test_one_unphased_subject_of_the_last_of_several_files_is_seen(folder: Path, small_cohort: DemoCohort) -> None:
    rows = [line.split("\t") for line in gzip.decompress(small_cohort.variants.read_bytes()).decode().splitlines()]
    half = 9 + (len(rows[-1]) - 9) // 2
    halves = {"first": slice(9, half), "second": slice(half, None)}
    for name, kept in halves.items():
        lines = ["\t".join(row if row[0].startswith("##") else row[:9] + row[kept]) for row in rows]
        if name == "second":  # all of its last subject, and of nobody else
            lines = [line if line.startswith("#") else line[:-2] + line[-2:].replace("|", "/") for line in lines]
        (folder / f"{name}.vcf").write_text("\n".join(lines) + "\n")
        pysam.tabix_index(str(folder / f"{name}.vcf"), preset="vcf", force=True)
    for path in folder.glob("cohort.vcf*"):
        path.unlink()
    study = write_draft([folder], folder / "study.yaml")
    assert study.genotypes is not None
    assert 0 < study.genotypes.n_unphased < 0.05 * study.genotypes.n_heterozygous
    assert [sentence for sentence in study.needs() if "genome.unphased" in sentence]


def test_what_is_missing_is_said_and_nothing_half_made_is_left(folder: Path, tmp_path: Path) -> None:
    study = write_draft([folder / "genes.gtf", folder / "participants.tsv"], tmp_path / "new" / "study.yaml")
    assert [sentence.split(" is needed")[0] for sentence in study.needs()] == [
        "A reference",
        "A file of genotypes",
        "A brain table",
    ]
    assert "# variants:  # needed" in (tmp_path / "new" / "study.yaml").read_text()
    twice = pd.read_csv(folder / "participants.tsv", sep="\t", dtype=str)
    pd.concat([twice, twice.head(1)]).to_csv(folder / "participants.tsv", sep="\t", index=False)
    (folder / "brain_linked.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError) as caught:
        write_draft([folder], tmp_path / "never" / "study.yaml")
    assert "2 problems" in str(caught.value)
    assert "participants.tsv" in str(caught.value)
    assert "brain_linked.parquet" in str(caught.value)
    assert not (tmp_path / "never").exists()


def test_one_table_may_hold_covariates_and_brains(folder: Path) -> None:
    brain = pd.read_parquet(folder / "brain_linked.parquet").merge(
        pd.read_csv(folder / "participants.tsv", sep="\t", dtype={"subject_id": str}), on="subject_id"
    )
    for name in ("brain_linked.parquet", "brain_control.parquet", "participants.tsv"):
        (folder / name).unlink()
    brain.to_csv(folder / "all.csv", index=False)
    write_draft([folder], folder / "study.yaml")
    config = load_config(folder / "study.yaml")
    assert [view.path.name for view in config.brain.values()] == ["all.csv"]
    assert config.participants[0].columns is not None
    assert {"age", "sex", "site", "PC1"} <= set(config.participants[0].columns)
    assert not [column for column in config.participants[0].columns if column.endswith("thickness")]


def test_files_are_known_by_their_first_letters_where_names_do_not_tell(folder: Path) -> None:
    expected = {"reference.fa": "reference", "genes.gtf": "annotation", "participants.tsv": "table"}
    for name, kind in expected.items():
        plain = folder / f"{name.partition('.')[0]}-plain"
        plain.write_bytes((folder / name).read_bytes())
        packed = folder / f"{name.partition('.')[0]}-packed"
        packed.write_bytes(gzip.compress((folder / name).read_bytes()))
        assert kind_of(plain) == kind_of(packed) == kind
    noise = folder / "noise"
    noise.write_bytes(bytes(range(256)) * 40)
    assert kind_of(noise) is None
    cut = folder / "cut"
    cut.write_bytes(gzip.compress(b"a\tb\n" * 4000)[:30])
    assert kind_of(cut) is None
    with pytest.raises(InputError, match="known by its name or its first letters"):
        write_draft([noise], folder / "study.yaml")


def test_the_text_is_yaml_whatever_columns_are_called(folder: Path) -> None:
    brain = pd.read_parquet(folder / "brain_linked.parquet")
    brain.columns = ["subject_id", "a: {b}", "# no", "[c]", *brain.columns[4:]]
    brain.to_parquet(folder / "x- y:#z.parquet")
    (folder / "brain_linked.parquet").unlink()
    write_draft([folder], folder / "study.yaml")
    assert "x-y-z" in yaml.safe_load((folder / "study.yaml").read_text())["brain"]
    assert load_config(folder / "study.yaml").brain["x-y-z"].path.is_file()
