"""A dry run measures what a run will do: ranges by stage, of the experiment too, and what is not known is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analyses.config.file import load_config
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.durations import Duration, measure, per_unit, shared_out, total
from analyses.workflow.probes import Probe
from fusion import permutation_tests_cca
from fusion.arrays import dense
from tests.analyses.commands import CONFIG, Command, run_arguments

QUICK = (
    "encoders=[kmer-spectrum]",
    "compare.baselines=false",
    "alignment.n_permutations=19",
    "alignment.pca_components=8",
    "folds.n_splits=3",
)


def test_what_takes_long_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyses.workflow.durations.LONG", -1.0)
    done: list[int] = []
    measure(lambda: done.append(1))
    assert len(done) == 2


def test_work_is_done_once_before_it_is_timed_twice() -> None:
    done: list[int] = []
    taken = measure(lambda: done.append(1))
    assert len(done) == 3
    assert 0 <= taken.low <= taken.high


def test_ranges_add_up_and_are_shared_out() -> None:
    one, two = Duration(1.0, 2.0), Duration(3.0, 5.0)
    assert total([one, two, one.times(2)]) == Duration(6.0, 11.0)
    assert per_unit(one, two, 4) == Duration(0.25, 1.0)  # between the two that are nearest, and farthest
    assert shared_out(Duration(6.0, 6.0), 3) == Duration(2.0, 3.0)
    assert shared_out(one, 1) == one
    assert str(Duration(0.2, 0.3)) == "about 0 s"
    assert str(Duration(61.0, 1248.0)) == "61 to 1,248 s"


def test_made_up_genes_hold_no_link_or_the_one_that_is_asked_for(cohort: DemoCohort) -> None:
    run = Run(load_config(CONFIG, QUICK, variables={"DEMO_COHORT": str(cohort.folder)}), dry=True)
    probe, brain = Probe(run, 60, [40]), np.asarray(run.brain_values("linked"))[:, :12]
    found = {}
    for view in (None, "linked"):
        genes = probe.genes(40, view)
        assert genes.subject_ids == run.cohort.subject_ids
        tested = permutation_tests_cca(dense(genes)[:, :12], brain, n_permutations=99, random_state=3)
        found[view] = int((np.asarray(tested["wilks"].p_fwer) < 0.05).sum())
    assert found[None] == 0
    assert found["linked"] >= 2


@pytest.mark.parametrize("experiment", ["audit", "dims", "tune"])
def test_every_stage_is_in_the_plan(
    genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], experiment: str
) -> None:
    own = {
        "audit": ["audit.n_pairings=2", "audit.n_shuffles=19"],
        "dims": ["dims.grid=[2]", "dims.inner_splits=2"],
        "tune": ["tune.n_components=[2, 5]"],
    }[experiment]
    arguments = run_arguments(tmp_path / "out", *QUICK, f"experiment={experiment}", *own)
    assert genebrain("run", *arguments, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    stages = plan["stages"]
    assert list(stages) == ["windows", "embed", "align", experiment, "report", "log"]
    assert stages["log"] is None
    known = [seconds for seconds in stages.values() if seconds is not None]
    assert all(0 <= low <= high for low, high in known)
    assert plan["seconds"][1] == pytest.approx(sum(high for _, high in known), abs=0.4)
    assert min(stages["align"][1], stages[experiment][1]) > 0


def test_what_is_not_estimated_is_said_where_the_sum_stands(
    genebrain: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ("experiment=predict", "predict.outcome=sex")
    assert genebrain("run", *run_arguments(tmp_path / "out", *QUICK, *own), "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "stage               predict: not estimated" in lines
    assert ", without predict and log, and " in lines[-1]
