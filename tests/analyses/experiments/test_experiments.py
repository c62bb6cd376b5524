"""Every experiment from its own YAML: a planted answer is found, and where nothing is planted nothing is."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments import audit
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.pipeline import run_stages
from tests.analyses.commands import EXPERIMENTS, Experiment

# compare --------------------------------------------------------------------------------------------------------------


def test_encoders_are_compared_on_one_gene(experiment: Experiment) -> None:
    """Nothing is ordered there, which is said; all else is as ever."""
    encoders = "encoders=[../encoders/kmer-spectrum.yaml, ../encoders/untrained-dnabert-3-rc.yaml]"
    alone = experiment("compare", encoders, "genome.genes=[SIMG02]", label="-one-gene", until="report")
    stability = alone["comparison"]["stability"]
    assert {(one["mean"], one["least"]) for one in stability} == {(None, None)}
    page = (alone["folder"] / "report.html").read_text("utf-8")
    assert "not defined: in a fold, genes have no order (one gene, or scores that do not vary there)" in page
    assert "· 1 gene ·" in " ".join(page.split())
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()


def test_a_comparison_holds_the_arms_and_the_baselines_at_one_width(compared: dict[str, Any]) -> None:
    comparison = compared["comparison"]
    assert {row["arm"] for row in comparison["rows"]} == {"kmer-5", "untr-cps", "dosage"}
    for view in ("linked", "control"):
        assert len({row["x_cca"] for row in comparison["rows"] if row["view"] == view}) == 1
    linked = [row for row in comparison["rows"] if row["view"] == "linked"]
    assert max(row["p_max_t"] for row in linked if row["arm"] == "kmer-5") < 0.05
    assert min(row["p_max_t"] for row in comparison["rows"] if row["view"] == "control") >= 0.05
    strands = {arm["arm"]: arm["rc_consistency"] for arm in comparison["arms"]}
    assert strands["untr-cps"]["most_relative_l2"] <= 1e-6
    assert strands["untr-cps"]["least_cosine"] == pytest.approx(1.0, abs=1e-6)
    costs = {arm["arm"]: arm["cost"] for arm in comparison["arms"]}
    assert costs["untr-cps"]["n_encoded"] > 50
    page = (compared["folder"] / "report.html").read_text()
    assert "Comparison of encoders" in page
    assert "an arm that does not beat its untrained control" in page


def test_a_planted_difference_is_found_in_the_right_order(
    experiment: Experiment, cohort: DemoCohort, tmp_path: Path
) -> None:
    """The brain follows a component that one arm's embedding leads with and the other's does not."""
    encoders = "encoders=[../encoders/kmer-spectrum.yaml, ../encoders/untrained-caduceus-ps.yaml]"
    config = load_config(
        EXPERIMENTS / "compare.yaml",
        (f"output={tmp_path / 'look'}", encoders, "compare.baselines=false", "workers=1"),
        variables={"DEMO_COHORT": str(cohort.folder)},
    )
    look = Run(config)
    run_stages(look, until="embed")
    width = 12
    scores = {name: look.gene_scores(name, width) for name in look.arms}
    one, other = (values / values.std(axis=0) for values in scores.values())
    unshared = one - other @ np.linalg.lstsq(other, one, rcond=None)[0]
    own = unshared[:, unshared.var(axis=0).argmax()]
    rng = np.random.default_rng(0)
    features = rng.standard_normal((len(own), 20))
    features[:, :8] += 2.0 * (own / own.std())[:, None]
    brain = pd.DataFrame(features, columns=[f"roi{i:02d}" for i in range(20)])
    brain.insert(0, "subject_id", list(look.cohort.subject_ids))
    brain.to_csv(tmp_path / "brain.csv", index=False)
    found = experiment(
        "compare",
        encoders,
        "compare.baselines=false",
        f"brain={{planted: {{path: {tmp_path / 'brain.csv'}}}}}",
        f"alignment.x_dimensions={width}",
        "truth=null",
        label="_planted",
    )
    (row,) = found["comparison"]["differences"]
    assert (row["arm_a"], row["arm_b"]) == ("kmer-5", "untr-cps")
    assert row["interval"][0] > 0
    assert row["p_corrected"] < 0.05
    assert found["comparison"]["rows"][0]["rank"] == 1


# pooling and rc -------------------------------------------------------------------------------------------------------


def test_poolings_are_named_arms_of_one_encoder(experiment: Experiment) -> None:
    arm = "encoders=[../encoders/untrained-dnabert-3-rc.yaml]"
    found = experiment("pooling", "pooling.poolings=[mean, max]", arm, until="report")
    assert [arm["spec"]["pooling"] for arm in found["run"]["arms"]] == ["mean", "max"]
    by_arm = {(row["arm"], row["view"]): row for row in found["comparison"]["rows"]}
    assert by_arm["untr3-rc-mean-last1", "linked"]["p_max_t"] < 0.05
    assert min(row["p_max_t"] for (_, view), row in by_arm.items() if view == "control") >= 0.05
    assert found["comparison"]["alike"][0]["cka"] < 0.999


def test_forward_and_averaged_strands_are_compared(experiment: Experiment) -> None:
    found = experiment("rc", "encoders=[../encoders/untrained-dnabert-3-rc.yaml]", until="report")
    strands = {arm["rc_mode"]: arm["rc_consistency"] for arm in found["comparison"]["arms"]}
    assert strands["forward"]["median_relative_l2"] > 0.01
    assert strands["average"]["most_relative_l2"] == 0.0
    linked = [row for row in found["comparison"]["rows"] if row["view"] == "linked"]
    assert max(row["p_max_t"] for row in linked) < 0.05


# audit ----------------------------------------------------------------------------------------------------------------


def test_an_audit_finds_the_site_that_was_left_in_and_only_that(experiment: Experiment) -> None:
    settings = ("audit.n_shuffles=99", "audit.n_pairings=6", "audit.targets=[site, sex]")
    clean = experiment("audit", *settings, until="report")
    before = {(leak["view"], leak["target"]): leak["before"] for leak in clean["leaks"]}
    after = {(leak["view"], leak["target"]): leak["after"] for leak in clean["leaks"]}
    assert before["control", "site"]["q"] < 0.05  # the simulation gives sites their own white matter
    assert min(state["q"] for state in after.values()) >= 0.05
    assert sum(row["n_below_05"] for row in clean["pairings"]) <= 3
    assert clean["twins"]["n_across_folds"] == 0
    without_site = "confounds=[{column: age, kind: continuous}, {column: sex, kind: categorical}]"
    leaky = experiment("audit", *settings, without_site, label="_leaky")
    left = {(leak["view"], leak["target"]): leak for leak in leaky["leaks"]}["control", "site"]
    assert left["after"]["q"] < 0.05
    assert not left["removed"]
    assert "can still be predicted after confounds are removed" in leaky["answer"][0]
    n_targets = len({leak["target"] for leak in leaky["leaks"] if leak["after"]["q"] < 0.05})
    assert leaky["answer"][0].startswith("One covariate " if n_targets == 1 else f"{n_targets} covariates ")


def test_an_audit_without_covariates_says_so(experiment: Experiment) -> None:
    settings = ("audit.n_shuffles=19", "audit.n_pairings=1", "confounds=[]", "folds.stratify=null")
    alone = "brain.linked.role=negative control"
    found = experiment("audit", *settings, alone, label="_no_covariates", until="report")
    assert found["answer"][0].startswith("No covariate was predicted: the configuration names neither audit.targets")
    assert found["answer"][1].startswith("No genes were paired with brains at random")
    page = (found["folder"] / "report.html").read_text("utf-8")
    assert "Can covariates be predicted" not in page
    assert "Are random pairings" not in page


@pytest.mark.parametrize(("cells", "is_refused"), [(["4", ""], True), (["4", "4"], True), (["4", "5"], False)])
def test_an_audited_column_needs_values_that_differ_in_two_folds(
    cohort: DemoCohort, tmp_path: Path, cells: list[str], is_refused: bool
) -> None:
    table = pd.read_csv(cohort.folder / "participants.tsv", sep="\t", dtype=str)
    table["score"] = np.resize(np.array(cells, dtype=object), len(table))
    table.to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    settings = (
        f"output={tmp_path / 'out'}",
        f"participants=[{{path: {tmp_path / 'participants.tsv'}}}]",
        "audit.targets=[score]",
    )
    config = load_config(EXPERIMENTS / "audit.yaml", settings, variables={"DEMO_COHORT": str(cohort.folder)})
    run = Run(config, dry=True)
    if is_refused:
        with pytest.raises(InputError, match="two values or more, known in two folds or more; 'score' has 1 among"):
            audit.check(run)
    else:
        audit.check(run)


def test_an_audit_finds_duplicated_brains(experiment: Experiment, cohort: DemoCohort, tmp_path: Path) -> None:
    brain = pd.read_parquet(cohort.folder / "brain_linked.parquet")
    values = [column for column in brain.columns if column != "subject_id"]
    brain.loc[brain.index[:40], values] = brain.loc[brain.index[40], values].to_numpy()
    brain.to_parquet(tmp_path / "brain.parquet")
    found = experiment(
        "audit",
        f"brain={{linked: {{path: {tmp_path / 'brain.parquet'}}}}}",
        "audit.n_shuffles=19",
        "audit.n_pairings=1",
        label="_twins",
    )
    assert found["twins"]["brain"]["linked"] == {"n": 1, "split": 1}
    assert any("the same row of linked" in sentence for sentence in found["answer"])


# dims -----------------------------------------------------------------------------------------------------------------


def test_dimensions_are_chosen_inside_and_tested_outside(experiment: Experiment) -> None:
    found = experiment("dims", "dims.grid=[2, 8, 20]", until="report")
    searches = {search["view"]: search for search in found["searches"]}
    assert searches["linked"]["p"] < 0.05
    assert searches["control"]["p"] >= 0.05
    assert set(searches["linked"]["chosen"]) <= {2, 8, 20}
    assert len(searches["linked"]["chosen"]) == 4
    assert (found["folder"] / "figures" / "dims__kmer-5__linked.svg").exists()


# tune -----------------------------------------------------------------------------------------------------------------


def test_a_search_goes_on_where_it_stopped_and_is_tested_on_subjects_set_aside(experiment: Experiment) -> None:
    arms = ("encoders=[../encoders/kmer-spectrum.yaml]", "tune.poolings=[mean]")
    short = experiment("tune", *arms, "tune.n_trials=4", "tune.test_folds=2", label="_short")
    again = experiment("tune", *arms, "tune.n_trials=4", "tune.test_folds=2", label="_again", until="report")
    assert again["searches"] == short["searches"]  # the same seed searches alike
    more = experiment("tune", *arms, "tune.n_trials=8", "tune.test_folds=2", label="_short")
    trials = {name: found["searches"][0]["trials"] for name, found in (("short", short), ("more", more))}
    assert trials["more"][:4] == trials["short"]
    assert len(trials["more"]) == 8
    tested = more["searches"][0]["tested"]
    assert tested["p"] < 0.05
    assert tested["p_corrected"] == tested["p"]  # of one search
    assert tested["n_train"] + tested["n_test"] == more["run"]["cohort"]["n_subjects"]
    assert re.search(r"Of 8 trials it took at most \d+ components a side and penalty", more["answer"][0])
    ranked = (*arms, "tune.n_trials=4", "tune.test_folds=2", "brain.linked.normal_scores=true")
    other = experiment("tune", *ranked, label="_short")  # another view begins another study
    assert len(other["searches"][0]["trials"]) == 4
    assert [one["inner_rho"] for one in other["searches"][0]["trials"]] != [one["inner_rho"] for one in trials["short"]]


def test_a_search_without_a_link_finds_none(experiment: Experiment, cohort: DemoCohort) -> None:
    found = experiment(
        "tune",
        "encoders=[../encoders/kmer-spectrum.yaml]",
        "tune.poolings=[mean]",
        f"brain={{control: {{path: {cohort.folder / 'brain_control.parquet'}}}}}",
        "tune.n_trials=8",
        "tune.test_folds=2",
        label="_null",
    )
    assert found["searches"][0]["tested"]["p"] >= 0.05


def test_several_searches_are_one_family(experiment: Experiment, cohort: DemoCohort) -> None:
    views = {name: "{path: " + str(path) + "}" for name, path in (
        ("linked", cohort.brain_linked), ("unlinked", cohort.folder / "brain_control.parquet")
    )}  # fmt: skip
    found = experiment(
        "tune",
        "encoders=[../encoders/kmer-spectrum.yaml]",
        "brain={" + ", ".join(f"{name}: {value}" for name, value in views.items()) + "}",
        "tune.poolings=[mean]",
        "tune.n_trials=4",
        "tune.test_folds=2",
        label="_family",
    )
    linked, unlinked = (search["tested"] for search in found["searches"])
    assert linked["p"] <= linked["p_corrected"] < 0.05
    assert unlinked["p"] == unlinked["p_corrected"] >= 0.05  # the last step of step-down is by itself
    assert all(", over 2 searches 0." in sentence for sentence in found["answer"])
