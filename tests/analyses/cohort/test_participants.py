"""Several tables of participants, some of one file name: all of them are read, and told apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analyses.cohort.labels import name_tables
from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.run.run import Run

N = 61
IDS = [f"p{k:02d}" for k in range(N)]
COLUMNS = {"age": np.linspace(30, 70, N).round(1), "site": ["Bonn", "Oslo"] * 30 + ["Bonn"], "motion": np.arange(N) / 9}


def _write(path: Path, *columns: str) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"subject_id": IDS} | {name: COLUMNS[name] for name in columns}).to_csv(path, sep="\t", index=False)
    return {"path": str(path)}


@pytest.fixture
def study(tmp_path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    brain = pd.DataFrame(rng.standard_normal((N, 5)), columns=[f"roi{k}" for k in range(5)])
    brain.insert(0, "subject_id", IDS)
    brain.to_csv(tmp_path / "brain.csv", index=False)
    (tmp_path / "vectors").mkdir()
    np.savez(tmp_path / "vectors" / "APOE.npz", embeddings=rng.standard_normal((N, 4)), iids=np.array(IDS))
    return {
        "name": "two-tables",
        "output": str(tmp_path / "out"),
        "brain": {"thickness": {"path": str(tmp_path / "brain.csv")}},
        "encoders": [{"name": "mine", "encoder": "precomputed", "source": str(tmp_path / "vectors")}],
        "folds": {"n_splits": 3},
        "tracking": {"enabled": False},
    }


def _run(study: dict[str, Any], folder: Path, participants: list[dict[str, str]], *confounds: str) -> Run:
    chosen = {"participants": participants, "confounds": [{"column": name, "kind": "continuous"} for name in confounds]}
    (folder / "run.yaml").write_text(yaml.safe_dump(study | chosen))
    return Run(load_config(folder / "run.yaml"), dry=True)


def test_tables_of_one_name_are_both_read(study: dict[str, Any], tmp_path: Path) -> None:
    tables = [_write(tmp_path / "site_a/p.tsv", "age", "site"), _write(tmp_path / "scans/p.tsv", "motion")]
    cohort = _run(study, tmp_path, tables, "age", "motion").cohort
    assert list(cohort.covariates) == ["age", "site", "motion"]
    assert [table["table"] for table in cohort.overlap][1:3] == [
        "participants site_a/p.tsv",
        "participants scans/p.tsv",
    ]


def test_columns_of_tables_of_one_name_are_checked(study: dict[str, Any], tmp_path: Path) -> None:
    tables = [_write(tmp_path / "a/p.tsv", "age"), _write(tmp_path / "b/p.tsv", "motion")]
    with pytest.raises(InputError, match=r"names column 'mption', which no .* columns are: age, motion; did you mean"):
        _run(study, tmp_path, tables, "age", "mption").cohort  # noqa: B018
    tables = [_write(tmp_path / "a/p.tsv", "age"), _write(tmp_path / "b/p.tsv", "age", "site")]
    with pytest.raises(InputError, match=r"'age' is in two of participants a/p\.tsv, participants b/p\.tsv"):
        _run(study, tmp_path, tables, "age").cohort  # noqa: B018


def test_one_file_may_be_named_twice_for_other_columns(study: dict[str, Any], tmp_path: Path) -> None:
    table = _write(tmp_path / "p.tsv", "age", "site")
    tables = [table | {"columns": ["site"]}, table | {"columns": ["age"]}]
    cohort = _run(study, tmp_path, tables, "age").cohort
    assert list(cohort.covariates) == ["site", "age"]
    assert [one["table"] for one in cohort.overlap][1:3] == ["participants p.tsv (1)", "participants p.tsv (2)"]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=7))
def test_names_differ_and_end_in_the_file_name(parts: list[list[str]]) -> None:
    paths = [Path("/", *one) for one in parts]
    names = name_tables(paths)
    assert len(set(names)) == len(names) == len(paths)
    for path, name in zip(paths, names, strict=True):
        assert str(path).endswith(name.partition(" (")[0])
        if [other.name for other in paths].count(path.name) == 1:
            assert name == path.name
