"""`harmonize` and `normal_scores` of a brain view: left to the folds, named in the report, refused where unsound."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from fusion import ComBat, ConfoundDesign, HarmonizedView, NormalScoresView
from fusion.arrays import dense
from fusion.confounds.design import Confound
from fusion.errors import InputError as NoSuchSite
from tests.analyses.commands import EXPERIMENTS, Experiment

ALIGN = EXPERIMENTS / "align.yaml"
PREPARED = ("brain.linked.harmonize=site", "brain.linked.normal_scores=true")


def _run(cohort: DemoCohort, output: Path, *settings: str) -> Run:
    return Run(
        load_config(ALIGN, (f"output={output}", *settings), variables={"DEMO_COHORT": str(cohort.folder)}), dry=True
    )


def test_a_fold_harmonises_by_its_training_subjects_and_keeps_the_other_confounds(
    cohort: DemoCohort, tmp_path: Path
) -> None:
    run = _run(cohort, tmp_path, PREPARED[0])
    view, train = run.brain_view("linked"), next(iter(run.folds))[0]
    assert isinstance(view, HarmonizedView)
    covariates = run.cohort.covariates
    kept = [Confound(c.column, c.kind) for c in run.config.confounds if c.column != "site"]
    of_train = (covariates.iloc[train], ConfoundDesign(kept, unseen="mean"))
    sites = covariates["site"].astype(str).to_numpy()
    values = run.brain_values("linked")
    combat = ComBat().fit(values[train], sites=sites[train], covariates=of_train)
    expected = combat.transform(values, sites, (covariates, of_train[1]))
    np.testing.assert_array_equal(dense(view.fitted_on(train)), expected)
    assert not hasattr(run.brain_view("control"), "fitted_on")


def test_sites_may_be_brought_to_one_of_them_by_its_number_too(cohort: DemoCohort, tmp_path: Path) -> None:
    table = pd.read_csv(cohort.participants, sep="\t", dtype=str)
    numbers = {name: str(20200101 + k) for k, name in enumerate(sorted(table["site"].unique()))}
    table["visit"] = table["site"].map(numbers)
    table.loc[3, "visit"] = None  # a gap makes floats of whole numbers
    table.to_csv(tmp_path / "p.tsv", sep="\t", index=False)
    confounds = "confounds=[{column: visit, kind: categorical}]"
    settings = (f"participants=[{{path: {tmp_path / 'p.tsv'}}}]", confounds, "folds.stratify=null")
    harmonize = "brain.linked.harmonize={{site: visit, reference: '{}'}}"
    run = _run(cohort, tmp_path, *settings, harmonize.format("20200102"))
    view, train = run.brain_view("linked"), next(iter(run.folds))[0]
    assert isinstance(view, HarmonizedView)
    at_reference = view.sites == "20200102"
    values = run.brain_values("linked")
    np.testing.assert_allclose(dense(view.fitted_on(train))[at_reference], values[at_reference])
    other = _run(cohort, tmp_path, *settings, harmonize.format("East")).brain_view("linked")
    assert isinstance(other, HarmonizedView)
    with pytest.raises(NoSuchSite, match="got 'East', not one of '20200101'"):
        other.fitted_on(train)


def test_normal_scores_come_after_harmonisation(cohort: DemoCohort, tmp_path: Path) -> None:
    view = _run(cohort, tmp_path, *PREPARED).brain_view("linked")
    assert isinstance(view, NormalScoresView)
    assert isinstance(view.view, HarmonizedView)
    assert np.abs(dense(view)).max() < 3.5


def test_a_run_finds_the_planted_link_and_its_report_says_what_folds_learnt(experiment: Experiment) -> None:
    found = experiment("align", *PREPARED, label="_prepared", until="report")
    said = {view["name"]: view["preparation"] for view in found["run"]["views"]}
    assert said["linked"].startswith("ComBat over site (keeping age, sex, batch, PC1")
    assert "normal scores" in said["linked"]
    assert said["control"] == ""
    assert said["linked"] in (found["folder"] / "report.html").read_text(encoding="utf-8")
    rows = {row["view"]: row for row in found["comparison"]["rows"]}
    assert rows["linked"]["p_max_t"] <= 0.05 < rows["control"]["p_max_t"]


def test_an_audit_pairs_prepared_brains(experiment: Experiment) -> None:
    found = experiment("audit", *PREPARED, "audit.n_pairings=3", "audit.n_shuffles=19", label="_prepared")
    assert {row["view"] for row in found["pairings"]} == {"linked"}
    assert all(row["n"] == 3 for row in found["pairings"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("harmonize=scanner", "'scanner' must be among confounds too"),
        ("harmonize={site: site, keep: [height]}", "'height' must be a confound other than the site"),
        ("harmonize={site: site, keep: [site]}", "'site' must be a confound other than the site"),
        ("harmonize={keep: [age]}", "harmonize.site"),
    ],
)
def test_unsound_settings_are_refused(cohort: DemoCohort, tmp_path: Path, setting: str, said: str) -> None:
    with pytest.raises((InputError, ValidationError), match=said):
        _run(cohort, tmp_path, f"brain.linked.{setting}")
