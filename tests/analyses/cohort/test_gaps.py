"""Missing brain values through a run: filled in by folds, counted by site, refused where too little was measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from analyses.alignment.files import weights_file
from analyses.brain.table_import import import_brain
from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.run.run import Run
from analyses.workflow.pipeline import run_pipeline
from analyses.workflow.plan import make_plan
from encoders.brain.import_options import ImportOptions
from fusion import FrozenAlignment
from fusion.errors import InputError as FusionError
from tests.analyses.commands import Command

N = 144
#: As a user writes it; paths are filled in.
YAML = """
name: gaps
participants: [{path: participants.tsv}]
brain:
  thickness:
    path: brain.csv
    nan: impute
confounds: [{column: age, kind: continuous}, {column: site, kind: categorical}]
encoders: [{name: mine, encoder: precomputed, source: ./vectors}]
alignment: {n_permutations: 39, x_dimensions: 3, y_dimensions: 3, n_components: 1}
folds: {n_splits: 3, stratify: site}
tracking: {enabled: false}
"""


@pytest.fixture
def inputs(tmp_path: Path) -> pd.DataFrame:
    """A cohort of three sites, one of which lacks many values of four of eleven regions; two subjects have nothing."""
    rng = np.random.default_rng(5)
    ids = np.array([f"p{i:03d}" for i in rng.permutation(N)])
    site = np.array(["Bonn", "Oslo", "Rome"])[rng.integers(0, 3, N)]
    table = pd.DataFrame({"subject_id": ids, "age": rng.normal(50, 9, N).round(1), "site": site})
    table.to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    genes = rng.standard_normal((N, 5))
    values = rng.standard_normal((N, 2)) @ rng.standard_normal((2, 11)) + 0.6 * rng.standard_normal((N, 11))
    values += 0.5 * genes[:, [0]] + (site == "Oslo")[:, None]
    values[np.ix_(site == "Oslo", [1, 4, 5, 8])] *= np.where(rng.random(((site == "Oslo").sum(), 4)) < 0.5, np.nan, 1)
    values[[3, 70]] = np.nan
    brain = pd.DataFrame(values, columns=[f"roi{k}" for k in range(11)])
    brain.insert(0, "subject_id", ids)
    brain.to_csv(tmp_path / "brain.csv", index=False)
    folder = tmp_path / "vectors" / "APOE"
    folder.mkdir(parents=True)
    np.save(folder / "embeddings_1_layer_last.npy", genes.astype(np.float32))
    np.save(folder / "iids.npy", ids)
    return brain


def _config(folder: Path, output: str = "out", **view: Any) -> Path:
    config = yaml.safe_load(YAML) | {"output": str(folder / output)}
    config["brain"]["thickness"] |= view
    path = folder / f"{output}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


IMPUTED = "missing values imputed from confounds and the other features by iterative ridge regressions"


def test_a_run_says_what_was_missing_and_how_it_was_filled_in(
    inputs: pd.DataFrame, genebrain: Command, tmp_path: Path
) -> None:
    assert genebrain("run", _config(tmp_path)) == 0
    found = json.loads((tmp_path / "out/alignments/mine__thickness/alignment.json").read_text())
    assert found["n"]["subjects"] == N - 2
    assert found["held_out"]["p"][0] == 0.025
    run = json.loads((tmp_path / "out/run.json").read_text())
    (remark,) = run["cohort"]["remarks"]
    missing = inputs.drop(index=[3, 70]).iloc[:, 1:].isna().to_numpy().mean(axis=1)
    oslo = pd.read_csv(tmp_path / "participants.tsv", sep="\t").drop(index=[3, 70])["site"] == "Oslo"
    by_site = f"by site Oslo {missing[oslo].mean():.0%}, Bonn 0%, Rome 0%"
    assert f"brain thickness: {missing.mean():.1%} of the values are missing, in 4 of 11 features" in remark
    assert by_site in remark
    assert IMPUTED in remark
    assert run["cohort"]["exclusions"] == [{"reason": "brain thickness: no brain value at all", "n": "<5"}]
    assert run["views"][0]["preparation"] == f"{IMPUTED}: learnt in every fold from its training subjects"
    report = (tmp_path / "out/report.html").read_text()
    assert IMPUTED in report
    assert by_site in report


def _aligned(config: Path) -> dict[str, Any]:
    run = run_pipeline(load_config(config), until="align")
    found: dict[str, Any] = json.loads((run.workspace.folder / "alignments/mine__thickness/alignment.json").read_text())
    return found | {"remarks": run.cohort.remarks}


def test_covariances_of_pairs_find_the_link_as_well(inputs: pd.DataFrame, tmp_path: Path) -> None:
    found = _aligned(_config(tmp_path, nan="pairwise"))
    assert found["held_out"]["p"][0] == 0.025
    assert "covariances over the subjects who have both features" in found["remarks"][-1]
    # Weights of mapped features are for no other cohort's features, whatever that cohort does with its own gaps.
    weights = FrozenAlignment.load(weights_file(tmp_path / "out", "mine", "thickness"))
    with pytest.raises(FusionError, match="the map of nan: pairwise differs"):
        weights.check_origin({name: value for name, value in weights.origin if "pairwise" not in name})


def test_a_complete_table_gives_the_same_result(inputs: pd.DataFrame, tmp_path: Path) -> None:
    inputs.fillna(1.0).to_csv(tmp_path / "brain.csv", index=False)
    refused, imputed = (_aligned(_config(tmp_path, nan, nan=nan)) for nan in ("refuse", "impute"))
    assert refused == imputed
    assert imputed["remarks"] == ()


def test_the_dry_run_says_so_as_well(inputs: pd.DataFrame, tmp_path: Path) -> None:
    plan = make_plan(load_config(_config(tmp_path, impute={"method": "low-rank"})))
    assert any("by probabilistic principal components" in line for line in plan["flow"])


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (range(90), r"view 'thickness' has too many missing values for nan: impute\. .*'roi7' has 5\d of 142: exclude"),
        (range(73), r"'roi7' has 4\d of 9\d"),  # half of the cohort have it, of a fold's training subjects fewer
    ],
)
def test_too_little_is_refused_before_anything_is_embedded(
    lost: range, said: str, inputs: pd.DataFrame, tmp_path: Path
) -> None:
    inputs.loc[lost, "roi7"] = np.nan
    inputs.to_csv(tmp_path / "brain.csv", index=False)
    config = load_config(_config(tmp_path))
    with pytest.raises(InputError, match=said):
        make_plan(config)
    with pytest.raises(InputError, match=said):
        run_pipeline(config)
    assert not (tmp_path / "out/alignments").exists()


def test_a_confound_with_gaps_is_no_feature(inputs: pd.DataFrame, tmp_path: Path) -> None:
    participants = pd.read_csv(tmp_path / "participants.tsv", sep="\t")
    inputs["roi10"] = 12 * participants["age"].where(np.arange(N) % 4 > 0)
    inputs.to_csv(tmp_path / "brain.csv", index=False)
    with pytest.raises(InputError, match="'roi10' of brain view 'thickness' is determined by the confound 'age'"):
        _ = Run(load_config(_config(tmp_path)), dry=True).cohort


def test_an_import_keeps_gaps_for_the_run(inputs: pd.DataFrame, tmp_path: Path) -> None:
    said = import_brain([tmp_path / "brain.csv"], tmp_path / "brain.parquet", ImportOptions(), nan="keep")
    n_missing = int(inputs.iloc[:, 1:].isna().sum().sum())
    assert f"{n_missing} missing values in 11 features were kept" in said["notes"][-1]
    taken = Run(load_config(_config(tmp_path, path="brain.parquet")), dry=True).cohort.brain["thickness"]
    read = Run(load_config(_config(tmp_path)), dry=True).cohort.brain["thickness"]
    assert taken.subject_ids == read.subject_ids
    np.testing.assert_allclose(taken.values, read.values, rtol=1e-6)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({"nan": "mean", "impute": {"method": "low-rank"}}, "impute says how .* and nan is mean"),
        ({"nan": "impute", "connectivity": "correlation"}, "connectivity of time series has no missing values"),
        ({"nan": "impute", "impute": {"max_missing": 1}}, "less than 1"),
        ({"nan": "pairwise", "impute": {"method": "low-rank"}}, "nan: pairwise imputes nothing"),
    ],
)
def test_what_contradicts_itself_is_refused(
    view: dict[str, Any], said: str, inputs: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        load_config(_config(tmp_path, **view))
