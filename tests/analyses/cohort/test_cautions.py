"""What tables show before anything is embedded: numbered sites, subjects twice, empty folds, thin ancestry."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses.cohort.cautions import caution_of_ancestry, cautions_before_embedding, cautions_of_settings
from analyses.config.brain_view import HarmonizeConfig
from analyses.config.confounds import ConfoundConfig
from analyses.config.file import load_config
from analyses.config.inputs import ParticipantsConfig
from analyses.config.run_config import RunConfig
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from encoders.brain.tables import BrainTable
from fusion import Folds, make_folds
from tests.analyses.commands import EXPERIMENTS

N = 157
RNG = np.random.default_rng(0)
COVARIATES = pd.DataFrame(
    {"age": RNG.uniform(20, 80, N), "site": np.arange(N) % 4 + 1}, index=[f"s{i}" for i in range(N)]
)


def _config(tmp_path: Path, site: str) -> RunConfig:
    config = load_config(EXPERIMENTS / "align.yaml", (f"output={tmp_path}",), variables={"DEMO_COHORT": str(tmp_path)})
    confounds = (ConfoundConfig(column="age", kind="continuous"), ConfoundConfig(column="site", kind=site))
    return config.model_copy(update={"confounds": confounds})


def _brain(values: np.ndarray) -> dict[str, BrainTable]:
    names = tuple(f"v{j}" for j in range(values.shape[1]))
    return {"thickness": BrainTable(tuple(COVARIATES.index), names, values)}


def _said(tmp_path: Path, values: np.ndarray, *, site: str = "categorical", folds: Folds | None = None) -> list[str]:
    folds = folds or make_folds(N, 5, random_state=0)
    return cautions_before_embedding(_config(tmp_path, site), COVARIATES, _brain(values), folds)


def test_clean_tables_are_not_suspected(tmp_path: Path) -> None:
    assert _said(tmp_path, RNG.standard_normal((N, 23))) == []


@pytest.mark.parametrize(("keep", "is_said"), [(None, False), (("age",), False), ((), True)])
def test_confounds_that_combat_does_not_keep_are_said(
    tmp_path: Path, keep: tuple[str, ...] | None, is_said: bool
) -> None:
    config = _config(tmp_path, "categorical")
    view = next(iter(config.brain.values())).model_copy(update={"harmonize": HarmonizeConfig(site="site", keep=keep)})
    config = config.model_copy(update={"brain": {"thickness": view}})
    said = cautions_of_settings(config)
    assert [line.partition(",")[0] for line in said] == ["brain thickness: harmonize.keep leaves out age"] * is_said


@pytest.mark.parametrize(
    ("experiment", "keys", "said"),
    [
        ("align", {"alignment": 19}, ["alignment.n_permutations: 19"]),
        ("align", {"alignment": 20}, []),
        ("align", {"alignment": 999, "escalate": 19}, []),  # an experiment that is not run
        ("escalate", {"alignment": 999, "escalate": 19}, ["escalate.n_permutations: 19"]),
    ],
)
def test_draws_too_few_for_any_small_p_are_said(
    tmp_path: Path, experiment: str, keys: dict[str, int], said: list[str]
) -> None:
    options = [f"output={tmp_path}", *(f"{section}.n_permutations={n_draws}" for section, n_draws in keys.items())]
    file = EXPERIMENTS / f"{experiment}.yaml"
    config = load_config(file, tuple(options), variables={"DEMO_COHORT": str(tmp_path)})
    sentences = cautions_of_settings(config)
    assert [sentence.partition(" lets no p fall below 0.05")[0] for sentence in sentences] == said


def test_a_numbered_site_is_said_with_its_remedy(tmp_path: Path) -> None:
    (said,) = _said(tmp_path, RNG.standard_normal((N, 23)), site="continuous")
    assert said.startswith("Confound 'site' is numbered and taken as an amount")
    assert said.endswith("declare it categorical.")


def test_brain_rows_that_came_twice_are_said(tmp_path: Path) -> None:
    values = RNG.standard_normal((N, 23))
    values[150:] = values[:7] + 0.2 * RNG.standard_normal((7, 23))
    (said,) = _said(tmp_path, values)
    assert said.startswith(
        "brain thickness: 7 pairs of subjects are as alike as the same subject measured twice: leave one of each out"
    )
    assert "cohort.family_column or cohort.kinship_table" in said
    assert "exchangeability_blocks" not in said


def test_folds_that_show_nothing_are_counted(tmp_path: Path) -> None:
    rare = np.zeros((N, 2))
    rare[:3] = 1.0, 2.0
    folds = Folds(np.arange(N) % 5)
    (said,) = _said(tmp_path, rare, folds=folds)
    assert said.startswith("brain thickness: no feature varies among the test subjects of 2 of 5 folds")


@pytest.mark.parametrize(("n_records", "is_thin"), [(200, True), (4_999, True), (5_000, False), (80_000, False)])
def test_ancestry_from_few_variants_is_said(tmp_path: Path, n_records: int, is_thin: bool) -> None:
    (tmp_path / "ancestry.json").write_text(json.dumps({"records": {"n_after_linkage": n_records}}))
    table = ParticipantsConfig(path=tmp_path / "ancestry.tsv")
    said = caution_of_ancestry(table, ["age", "PC1"])
    assert bool(said) is is_thin
    assert all(f"from {n_records:,} variants" in sentence and "genome-wide" in sentence for sentence in said)
    assert caution_of_ancestry(table, ["age"]) == []  # its components remove nothing here


def test_another_file_beside_a_table_is_not_read_as_a_summary(tmp_path: Path) -> None:
    table = ParticipantsConfig(path=tmp_path / "participants.tsv")
    assert caution_of_ancestry(table, ["PC1"]) == []
    for text in ("not json", "[1, 2]", '{"records": {"n_after_linkage": null}}'):
        (tmp_path / "participants.json").write_text(text)
        assert caution_of_ancestry(table, ["PC1"]) == []


def test_the_simulated_cohort_is_not_suspected(cohort: DemoCohort, tmp_path: Path) -> None:
    config = load_config(
        EXPERIMENTS / "align.yaml", (f"output={tmp_path}",), variables={"DEMO_COHORT": str(cohort.folder)}
    )
    run = Run(config, dry=True)
    assert cautions_before_embedding(config, run.cohort.covariates, run.cohort.brain, run.folds) == []


@pytest.mark.parametrize(
    ("cells", "is_said"), [(("F", "M", "-9"), True), (("F", "M", "-1"), False), (("F", "M", ""), False)]
)
def test_a_code_among_words_is_said(cohort: DemoCohort, tmp_path: Path, cells: tuple[str, ...], is_said: bool) -> None:
    table = pd.read_csv(cohort.folder / "participants.tsv", sep="\t")
    table["hand"] = np.resize(np.array(cells), len(table))
    table.to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    config = load_config(
        EXPERIMENTS / "align.yaml",
        (f"output={tmp_path / 'out'}", f"participants=[{{path: {tmp_path / 'participants.tsv'}}}]"),
        variables={"DEMO_COHORT": str(cohort.folder)},
    )
    remarks = Run(config, dry=True).cohort.remarks
    assert any("hand (-9) seem to hold codes for missing values" in remark for remark in remarks) is is_said
