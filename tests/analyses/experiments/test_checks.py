"""What an experiment refuses of its configuration and files is told by a dry run, and before any window is cut."""

from pathlib import Path

import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.pipeline import run_pipeline
from analyses.workflow.plan import make_plan
from encoders.errors import InputError as EncodersError
from tests.analyses.commands import CONFIG, EXPERIMENTS

_NETWORK = "encoders=[untrained-dnabert-3-rc]"
REFUSED = {
    "tune": (("tune.poolings=[mean, max]",), "kmer-spectrum has no weights and layers: pooling must be 'mean'"),
    "tune folds": (("tune.poolings=[mean]", "tune.test_folds=5"), "tune.test_folds must leave folds to learn from"),
    "predict": (
        ("predict.outcome=sex", "predict.test=delong", "predict.positive=X"),
        "predict.positive must be a level",
    ),
    "predict score": (("predict.outcome=sex", "predict.polygenic_score=site"), "polygenic_score needs numbers"),
    "audit": (("audit.targets=[agee]",), "audit.targets names column 'agee'"),
    "tokens": (("tokens.motifs={folder}/a.tsv",), "must begin with a line >ID NAME"),
    "variants": (("variants.annotations={folder}/a.tsv",), "variants.annotations must have the columns"),
    "attribute": (("attribute.gene_sets={folder}/a.tsv",), "Every line of a GMT file"),
    "probe layers": ((_NETWORK, "probe.layers=[99]"), "has layers 0 .* got layer 99"),
    "probe window": ((_NETWORK, "probe.window=3000"), "reads at most 512 bp, and task splice has one of 3000"),
    "stratify": (("stratify.levels=[M, X]",), "nobody has 'X'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_told_before_anything_is_done(case: str, small_cohort: DemoCohort, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tb\n")
    settings, said = REFUSED[case]
    arms = "encoders=[kmer-spectrum]"
    given = [one.format(folder=tmp_path) for one in settings]
    output = tmp_path / "out"
    without = ("confounds_without=[sex]",) if case.startswith("predict") else ()
    config = load_config(
        EXPERIMENTS / f"{case.split()[0]}.yaml",
        (f"output={output}", "tracking.enabled=false", arms, *without, *given),
        variables={"DEMO_COHORT": str(small_cohort.folder)},
    )
    with pytest.raises((InputError, EncodersError), match=said):
        make_plan(config)
    assert not output.exists()
    with pytest.raises((InputError, EncodersError), match=said):
        run_pipeline(config)
    assert not (output / "windows").exists()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_dry_run_tells_that_results_cannot_be_written(place: str, small_cohort: DemoCohort, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    config = load_config(CONFIG, (f"output={tmp_path / place}",), variables={"DEMO_COHORT": str(small_cohort.folder)})
    with pytest.raises(InputError, match=r"output folder must be writable; .*file is no folder"):
        make_plan(config)
