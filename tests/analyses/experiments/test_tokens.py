"""Tokens of the simulated panel, whose exons are random: every tokenizer has pieces, and nothing is found in them."""

import json
from typing import Any

import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.simulation.cohort import DemoCohort
from analyses.workflow import pipeline
from tests.analyses.commands import EXPERIMENTS

QUICK = (
    "alignment.n_permutations=19",
    "folds.n_splits=3",
    "workers=1",
    "tokens.n_shuffles=39",
    "brain={linked: {path: BRAIN}}",
)
SIZES = "{hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 24}"
ARMS = f"encoders=[{{name: six, encoder: 'untrained:nucleotide-transformer', options: {SIZES}}}]"
JASPAR = ">MA0018.1 CREB1\nA [0 0 9 0 0 0 0 9]\nC [0 0 0 9 0 0 9 0]\nG [0 9 0 0 9 0 0 0]\nT [9 0 0 0 0 9 0 0]\n"


@pytest.fixture(scope="module")
def tokens(small_cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "jaspar.txt").write_text(JASPAR)
    quick = [one.replace("BRAIN", str(small_cohort.brain_linked)) for one in QUICK]
    settings = [f"output={folder / 'run'}", *quick, ARMS, f"tokens.motifs={folder / 'jaspar.txt'}"]
    variables = {"DEMO_COHORT": str(small_cohort.folder)}
    pipeline.run_pipeline(load_config(EXPERIMENTS / "tokens.yaml", settings, variables=variables), until="report")
    return {"folder": folder / "run", **json.loads((folder / "run" / "experiments" / "tokens.json").read_text())}


def test_all_tokenizers_read_all_bases_and_find_nothing(tokens: dict[str, Any]) -> None:
    found = {one["name"]: one for one in tokens["tokenizers"]}
    assert list(found) == ["kmer", "six-mer", "bpe"]
    for name in ("six-mer", "bpe"):
        assert sum(part["length"] * part["n"] for part in found[name]["lengths"]) == tokens["n_bases"]
    assert found["kmer"]["n_pieces"] == tokens["n_bases"] - 5 * tokens["n_windows"]
    assert all(one["n_frequent"] + one["n_rare"] <= 1 for one in found.values())
    assert tokens["bpe"].startswith("learnt from ")
    assert (tokens["folder"] / "experiments" / "tokens_bpe.json").is_file()
    listed = pd.read_csv(tokens["folder"] / "experiments" / "tokens_pieces__bpe.csv", keep_default_na=False)
    assert listed["n"].sum() == found["bpe"]["n_pieces"]


def test_codons_of_both_strands_are_cut_as_in_shuffles(tokens: dict[str, Any]) -> None:
    panel = {one["tokenizer"]: one for one in tokens["cuts"] if one["gene"] is None}
    assert panel.keys() == {"six-mer", "bpe"}
    assert panel["bpe"]["p_fwer"] > 0.05
    assert panel["bpe"]["share"] == pytest.approx(2 / 3, abs=0.05)
    assert len({one["gene"] for one in tokens["cuts"]}) == 12
    assert tokens["motifs"][0]["name"] == "CREB1"


def test_frames_stand_beside_any_move_of_the_grid(tokens: dict[str, Any]) -> None:
    assert {one["arm"] for one in tokens["frames"]} == {"six"}
    assert len(tokens["frames"]) == 11
    for one in tokens["frames"]:
        assert -1 <= one["in_frame"] <= 1
        assert max(one["shifted"]) < 1


def test_the_report_draws_it(tokens: dict[str, Any]) -> None:
    page = (tokens["folder"] / "report.html").read_text()
    for name in ("lengths", "pieces", "codons", "frames"):
        assert f"figures/tokens_{name}.csv" in page
        assert (tokens["folder"] / "figures" / f"tokens_{name}.csv").is_file()


def test_a_run_without_sequences_is_refused(small_cohort: DemoCohort) -> None:
    words = ["genome=null", "encoders=[{name: made, encoder: precomputed, source: here}]"]
    with pytest.raises(InputError, match="genome: is required, since experiment: tokens reads sequences"):
        load_config(EXPERIMENTS / "tokens.yaml", words, variables={"DEMO_COHORT": str(small_cohort.folder)})
