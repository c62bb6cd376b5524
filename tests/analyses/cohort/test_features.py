"""What is a feature in a run: listed, scan facts left out, and never a confound, whatever it is called."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses.cohort.features import check_features, columns_left_out, describe_features, name_features
from analyses.config.file import load_config
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from encoders.brain.tables import BrainTable
from tests.analyses.commands import EXPERIMENTS

N = 37
RNG = np.random.default_rng(9)
COVARIATES = pd.DataFrame(
    {
        "age": RNG.normal(40, 9, N),
        "sex": RNG.choice(["F", "M"], N),
        "site": RNG.choice(["West", "East", "North"], N),
        "batch": RNG.choice(["B1", "B2"], N),
        "family": [f"FAM{i}" for i in range(N)],
        **{f"PC{i}": RNG.normal(size=N) for i in range(1, 6)},
    }
)


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return load_config(EXPERIMENTS / "align.yaml", (f"output={tmp_path}",), variables={"DEMO_COHORT": str(tmp_path)})


def _table(**columns: np.ndarray) -> dict[str, BrainTable]:
    features = {"lh_a": RNG.normal(size=N), **columns}
    ids = tuple(f"s{i}" for i in range(N))
    return {"linked": BrainTable(ids, tuple(features), np.column_stack(list(features.values())))}


def test_features_of_their_own_are_taken(config: RunConfig) -> None:
    noisy = COVARIATES["age"].to_numpy() + RNG.normal(0, 0.1, N)
    check_features(config, _table(rh_a=RNG.normal(size=N), noisy=noisy, constant=np.full(N, 2.0)), COVARIATES)


@pytest.mark.parametrize("name", ["age", "Age", "site", "PC3", "family"])
def test_a_covariate_of_the_run_among_the_features_is_refused(config: RunConfig, name: str) -> None:
    with pytest.raises(InputError, match=rf"'{name}' of brain view 'linked' is .*add it to brain\.linked\.exclude"):
        check_features(config, _table(**{name: RNG.normal(size=N)}), COVARIATES)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("age", COVARIATES["age"].to_numpy() * 12 - 3),
        ("age", COVARIATES["age"].to_numpy().astype(np.float32)),
        ("sex", np.where(COVARIATES["sex"] == "F", 1.0, 0.0)),
        ("site", COVARIATES["site"].map({"West": 3, "East": 1, "North": 7}).to_numpy(dtype=float)),
    ],
)
def test_a_confound_under_another_name_is_refused(config: RunConfig, column: str, values: np.ndarray) -> None:
    with pytest.raises(InputError, match=f"'quantity' of brain view 'linked' is determined by the confound '{column}'"):
        check_features(config, _table(quantity=values), COVARIATES)


def test_names_in_few_words() -> None:
    assert name_features(["a", "v7", "v8", "v9", "v11", "x1"]) == ("a", "v7 to v9", "v11", "x1")
    edges = [f"r{i}--r{j}" for i in range(9) for j in range(i)]
    assert name_features(edges) == ("edges of r1", *(f"r{i}" for i in (0, 2, 3, 4, 5, 6, 7, 8)))


def test_a_run_lists_what_it_took_and_what_not(cohort: DemoCohort, tmp_path: Path) -> None:
    frame = pd.read_parquet(cohort.folder / "brain_linked.parquet")
    with_facts = frame.assign(age_years=41.5, siteID=3, meanFD=0.25, TIV=np.linspace(1.2e6, 1.7e6, len(frame)))
    with_facts.to_csv(tmp_path / "brain.csv", index=False)
    given = (f"output={tmp_path / 'out'}", f"brain.linked.path={tmp_path / 'brain.csv'}")
    run = Run(load_config(EXPERIMENTS / "align.yaml", given, variables={"DEMO_COHORT": str(cohort.folder)}), dry=True)
    table = run.cohort.brain["linked"]
    assert table.feature_names == tuple(frame.columns[1:])
    assert list(columns_left_out(table)) == ["age_years", "siteID", "meanFD", "TIV"]
    taken, left_out = describe_features({"linked": table})
    assert taken.startswith(f"linked: {len(table.feature_names)} features: lh_bankssts_thickness, ")
    (alone,) = describe_features({"one": replace(table, feature_names=table.feature_names[:1], left_out={})})
    assert alone == "one: 1 feature: lh_bankssts_thickness"
    empty = replace(table, left_out={}, dropped_constant=("thickness_9",))
    assert columns_left_out(empty) == {"thickness_9": "constant, or without values"}
    assert left_out == (
        "linked: left out age_years (an age), siteID (a site or scanner), meanFD (of motion or scan quality), TIV (a "
        "head size)"
    )
