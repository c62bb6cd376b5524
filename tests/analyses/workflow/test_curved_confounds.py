"""Splines, products and slopes by site from a YAML file to the report, and formulas that say the same."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analyses.cohort.design import describe_confounds, make_design
from analyses.config.file import load_config, resolved_yaml
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from analyses.results import load_results
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.tracking.alignment import list_artifacts, make_tables
from analyses.workflow import pipeline
from fusion import Residualizer

CONFIG = Path(__file__).with_name("curved_confounds.yaml")
LABELS = [
    *("age (spline, df 4)", "sex", "site", "age x sex", "age x site", "PC1 (polynomial, degree 2)", "sex x site"),
    "all together",
]
FORMULA = "ns(age, df=4) + C(sex)*C(site) + age:C(sex) + age:C(site) + poly(PC1, 2)"


def _config(cohort: DemoCohort, output: Path, *settings: str) -> RunConfig:
    return load_config(CONFIG, (f"output={output}", *settings), variables={"DEMO_COHORT": str(cohort.folder)})


@pytest.fixture(scope="module")
def run_folder(small_cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("curved") / "run"
    pipeline.run_pipeline(_config(small_cohort, output), until="report")
    return output


def _alignment(folder: Path, view: str) -> Any:
    return json.loads((folder / "alignments" / f"kmer-5__{view}" / "alignment.json").read_text())


def test_the_run_says_what_every_confound_took_from_each_side(run_folder: Path) -> None:
    for view in ("linked", "control"):
        found = _alignment(run_folder, view)
        taken = found["confounds"]
        assert [one["term"] for one in taken] == LABELS * 2
        assert [one["side"] for one in taken] == ["genes"] * len(LABELS) + ["brain"] * len(LABELS)
        assert all(0 <= one["beyond"] <= one["alone"] + 1e-9 <= 1 for one in taken)
        total = taken[-1]
        assert total["df"] == found["n"]["confounds"]
        assert all(one["alone"] <= total["alone"] + 1e-9 for one in taken[len(LABELS) :])
        with (run_folder / "alignments" / f"kmer-5__{view}" / "confounds.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [(row["side"], row["term"], int(row["df"])) for row in rows] == [
            (one["side"], one["term"], one["df"]) for one in taken
        ]


def test_report_and_tracking_show_the_table(run_folder: Path) -> None:
    page = (run_folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<h3>What the confounds took</h3>") == 2
    assert all(page.count(f"<td>{label}</td>") == 2 for label in LABELS)
    assert "age (spline, df 4), sex (categorical)" in page
    results = load_results(run_folder)
    alignment = results.alignments[0]
    assert make_tables(alignment)["confounds"]["term"] == LABELS * 2
    assert (alignment.folder / "confounds.csv", "tables") in list_artifacts(results, alignment)


def test_the_resolved_configuration_reads_back(small_cohort: DemoCohort, run_folder: Path, tmp_path: Path) -> None:
    config = _config(small_cohort, tmp_path)
    written = tmp_path / "resolved.yaml"
    written.write_text(resolved_yaml(config))
    assert load_config(written).confounds == config.confounds
    assert "null" not in written.read_text().partition("confounds:")[2].partition("cohort:")[0]


@pytest.mark.parametrize("given", [FORMULA, f"{{formula: '{FORMULA}'}}", f"[{{formula: '{FORMULA}'}}]"])
def test_a_formula_removes_what_the_list_removes(small_cohort: DemoCohort, tmp_path: Path, given: str) -> None:
    listed = Run(_config(small_cohort, tmp_path), dry=True)
    by_formula = Run(_config(small_cohort, tmp_path, f"confounds={given}"), dry=True)
    assert by_formula.cohort.subject_ids == listed.cohort.subject_ids
    outcome = np.random.default_rng(0).standard_normal((len(listed.cohort.subject_ids), 2))
    covariates = listed.cohort.covariates
    one, two = (
        Residualizer().fit_transform(outcome, confounds=make_design(run.config).fit(covariates).transform(covariates))
        for run in (listed, by_formula)
    )
    np.testing.assert_allclose(one, two, atol=1e-10)
    assert describe_confounds(by_formula.config, covariates)[0] == describe_confounds(listed.config, covariates)[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[{column: age}]", "confounds.0: kind is required: continuous, categorical, spline"),
        ("[age]", r"a column needs its kind: write \{column: age, kind: continuous\}"),
        ("[{column: age, kind: continuous, df: 4}]", "'age' is continuous and has no df"),
        ("[{column: age, kind: spline, df: 1}]", "needs a df from 2 to 20 for a spline; got 1"),
        ("[{column: age, kind: spline}, 'age:sex']", r"'age x sex' names 'sex', which is not among them \(age\)"),
        ("[{formula: age, kind: spline}]", "kind belongs to a column; with formula leave it out"),
        ("[{kind: spline}]", "one of column, interaction and formula is required; got none"),
        ("[{formula: \"__import__('os').getcwd()\"}]", "A formula of confounds holds"),
        ("[{formula: 'np.log(age)'}]", r"got 'np.log\(age\)' in 'np.log\(age\)': nothing else is read"),
        ("[{column: age, knd: spline}]", "did you mean 'kind'"),
    ],
)
def test_mistakes_are_said_before_a_table_is_read(
    small_cohort: DemoCohort, tmp_path: Path, given: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _config(small_cohort, tmp_path, f"confounds={given}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("agee + C(site)", r"confounds \(agee\) names column 'agee', which no participants table has"),
        ("[{column: age, by: sight}]", "confounds.0.by names column 'sight', which no participants table has"),
    ],
)
def test_columns_that_are_missing_are_named(small_cohort: DemoCohort, tmp_path: Path, given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _ = Run(_config(small_cohort, tmp_path, f"confounds={given}"), dry=True).cohort
