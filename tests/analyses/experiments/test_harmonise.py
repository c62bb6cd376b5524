"""Sites that hide a link are brought together; sites that are none cost nothing; what cannot be asked is a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments.harmonisation import harmonise
from analyses.results.folder import load_results
from analyses.results.schema.experiments import HarmoniseResult
from analyses.results.serialisation import to_json
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from fusion import InputError as FusionError
from tests.analyses.commands import EXPERIMENTS, Experiment

Ask = Callable[..., HarmoniseResult]
QUICK = (
    "encoders=[kmer-spectrum]",
    "harmonise.n_shuffles=39",
    "harmonise.n_components=12",
    "alignment.n_permutations=59",
)


@pytest.fixture(scope="module")
def tables(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Participants with a scanner that does nothing and a rare site; a brain measured too coarsely at one."""
    folder = tmp_path_factory.mktemp("sites")
    people = pd.read_csv(cohort.participants, sep="\t", dtype={"subject_id": str})
    rng = np.random.default_rng(5)
    people["scanner"] = rng.choice(["A", "B", "C"], len(people))
    people["rare"] = np.where(np.arange(len(people)) % 25 == 0, "small", people["scanner"])
    people["one"] = "here"
    people.to_csv(folder / "participants.tsv", sep="\t", index=False)
    brain = pd.read_parquet(cohort.brain_linked).set_index("subject_id")
    site = people.set_index("subject_id")["scanner"].loc[brain.index].to_numpy()
    at = site == "C"
    coarse = rng.standard_normal((at.sum(), brain.shape[1])) * brain.std().to_numpy()
    brain.loc[at] = brain[at] + 8 * coarse
    brain.reset_index().to_parquet(folder / "brain.parquet")
    return folder


@pytest.fixture(scope="module")
def demo(experiment: Experiment, cohort: DemoCohort) -> dict[str, Any]:
    view = f"brain={{linked: {{path: {cohort.brain_linked}}}}}"
    return experiment("harmonise", *QUICK, view, "harmonise.methods=[combat]", until="report")


@pytest.fixture(scope="module")
def ask(demo: dict[str, Any], cohort: DemoCohort, tables: Path) -> Ask:
    """Harmonises other tables beside the alignments that are there."""

    def ask(*settings: str, site: str = "scanner") -> HarmoniseResult:
        view = f"brain={{linked: {{path: {cohort.brain_linked}}}}}"
        confounds = f"confounds=[{{column: {site}, kind: categorical}}, {{column: age, kind: continuous}}]"
        chosen = (f"output={demo['folder']}", "workers=1", "folds.n_splits=4", f"folds.stratify={site}", *QUICK)
        named = (view, confounds, f"participants=[{{path: {tables / 'participants.tsv'}}}]", f"harmonise.site={site}")
        config = load_config(
            EXPERIMENTS / "harmonise.yaml", (*chosen, *named, *settings), variables={"DEMO_COHORT": str(cohort.folder)}
        )
        run = Run(config)
        harmonise.check(run)
        result = harmonise.run(run)
        json.dumps(to_json(result), allow_nan=False)
        return result

    return ask


def _by_method(rows: Any, view: str = "linked") -> dict[str, Any]:
    return {one.method: one for one in rows if one.view == view}


def test_sites_are_told_as_they_are_and_not_after_combat(demo: dict[str, Any]) -> None:
    result = load_results(demo["folder"]).experiment
    assert isinstance(result, HarmoniseResult)
    told = _by_method(result.predictions)
    assert told["none"].before.score > 0.6
    assert told["none"].before.p == 1 / 40
    assert told["combat"].before.score < told["none"].before.score - 0.2
    assert min(one.after.q for one in told.values()) > 0.05  # confounds, the site among them, are removed
    rho = _by_method(result.alignments)
    assert rho["none"].p_corrected < 0.05
    assert result.answer[0].startswith("Bringing the 4 sites of “site” together changes no held-out correlation")
    assert result.answer[-1].startswith("Harmonisation is no licence to leave confounds out")


def test_the_arm_without_harmonisation_is_the_alignment_itself(demo: dict[str, Any]) -> None:
    result = load_results(demo["folder"])
    table = result.table().set_index("view")
    one = _by_method(result.experiment.alignments)["none"]
    assert one.rho == pytest.approx(table.loc["linked", "rho"], abs=1e-12)
    assert one.p == table.loc["linked", "p"]


def test_the_page_and_the_figures_show_it(demo: dict[str, Any]) -> None:
    page = (demo["folder"] / "report.html").read_text()
    assert "Sites (“site”), brought together" in page
    assert "no licence to leave confounds out" in page
    for name in ("harmonise_rho", "harmonise_sites"):
        assert (demo["folder"] / "figures" / f"{name}.svg").exists()
        assert len(pd.read_csv(demo["folder"] / "figures" / f"{name}.csv")) == 2


def test_a_site_that_measures_coarsely_hides_a_link_that_combat_shows(ask: Ask, tables: Path) -> None:
    result = ask(f"brain.linked.path={tables / 'brain.parquet'}", "harmonise.methods=[combat-keep]")
    (change,) = result.differences
    rho = _by_method(result.alignments)
    assert change.difference > 0.05
    assert change.p_corrected < 0.05
    assert change.difference == pytest.approx(rho["combat-keep"].rho - rho["none"].rho)
    assert "changes the held-out correlation: kmer-5 × linked with ComBat keeping confounds" in result.answer[0]


def test_sites_that_are_none_cost_nothing(ask: Ask) -> None:
    result = ask("harmonise.methods=[combat, covbat]")
    for change in result.differences:
        assert abs(change.difference) < 0.05
        assert change.p_corrected > 0.05
    assert all(one.before.q > 0.05 for one in result.predictions)


def test_a_site_that_nobody_was_trained_on_stays_as_it_is(ask: Ask) -> None:
    groups = ("folds.stratify=null", "folds.group=scanner", "folds.n_splits=3", "harmonise.methods=[combat]")
    with pytest.raises(InputError, match=r"training subjects of every site in every fold; fold \d holds out all of '"):
        ask(*groups)
    result = ask(*groups, "harmonise.unseen=pooled")
    assert result.sites.n_unseen_folds == 3
    assert all(one.reason == "3 folds test a site that their training subjects lack" for one in result.predictions)
    assert any("left" in sentence and "as they are" in sentence for sentence in result.warnings)
    assert "How well linked tells scanner is not defined: 3 folds test" in result.answer[1]
    with pytest.raises(FusionError, match=r"\b3\b"):  # more folds than sites: the legal numbers are named
        ask("folds.stratify=null", "folds.group=scanner", "folds.n_splits=5")


def test_small_sites_are_refused_or_kept_by_a_stated_rule(ask: Ask) -> None:
    with pytest.raises(
        InputError, match=r"asks for 30 subjects at every site; 'small' of 'rare' has 1\d \(1 of 4 sites"
    ):
        ask(site="rare")
    kept = ask("harmonise.small_sites=keep", "harmonise.methods=[combat]", site="rare")
    assert kept.sites.small == ("small",)
    assert any(one.startswith("1 of 4 sites have fewer than 30 subjects and were kept") for one in kept.answer)
    with pytest.raises(InputError, match=r"two sites or more; all \d+ subjects have 'here' in 'one'"):
        ask("confounds=[{column: one, kind: categorical}]", site="one")


def test_a_method_that_cannot_be_fitted_says_why(ask: Ask) -> None:
    result = ask("brain.linked.include=[lh_insula_thickness]", "harmonise.methods=[combat]")
    rows = _by_method(result.alignments)
    assert rows["none"].rho is not None
    assert rows["combat"].reason.startswith("ComBat shrinks over features and needs two that vary")
    assert "give more features, or leave harmonisation out" in rows["combat"].reason
    assert result.answer[0].startswith("What bringing the sites of “scanner” together changes is not defined: ComBat")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("harmonise.site=null", r"harmonise.site: must name the column"),
        ("harmonise.site=family", r"harmonise: 'family' must be among confounds too"),
        ("harmonise.keep=[site]", r"harmonise.keep: 'site' must be a confound other than the site"),
        ("harmonise.methods=[]", r"at least one method"),
        ("harmonise.methods=[combat, combat]", r"every one once"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_read(cohort: DemoCohort, setting: str, sentence: str) -> None:
    with pytest.raises((InputError, ValidationError), match=sentence):
        load_config(EXPERIMENTS / "harmonise.yaml", (setting,), variables={"DEMO_COHORT": str(cohort.folder)})
