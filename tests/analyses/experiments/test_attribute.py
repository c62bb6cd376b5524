"""What genes and regions add is found where it was planted; what has no answer says why."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments.attribution import answer, attribute
from analyses.experiments.attribution.blocks import Panel, region_blocks
from analyses.genome.gene_sets import read_gene_sets
from analyses.results.folder import load_results
from analyses.results.schema.experiments import AttributeResult
from analyses.results.serialisation import to_json
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from tests.analyses.commands import EXPERIMENTS, Experiment

QUICK = ("attribute.n_permutations=179", "attribute.repeats=2", "alignment.min_ratio=15")


@pytest.fixture(scope="module")
def sets(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gene sets: those of the planted link, the others, one of a single gene, one of genes that are elsewhere."""
    planted = list(cohort.truth["genes"])
    genes = [f"SIMG{number:02d}" for number in range(1, 9)]
    path = tmp_path_factory.mktemp("sets") / "sets.gmt"
    lines = {
        "PLANTED": planted,
        "OTHERS": [gene for gene in genes if gene not in planted][:3],
        "SINGLE": genes[:1],
        "ELSEWHERE": ["BRCA1", "TP53"],
        "EVERYTHING": [*genes, "TP53"],
    }
    path.write_text("".join(f"{name}\tby hand\t" + "\t".join(genes) + "\n" for name, genes in lines.items()), "utf-8")
    return path


@pytest.fixture(scope="module")
def attributed(experiment: Experiment, sets: Path) -> dict[str, Any]:
    return experiment("attribute", f"attribute.gene_sets={sets}", "attribute.sides=[genes]", *QUICK, until="report")


def ask(attributed: dict[str, Any], cohort: DemoCohort, *settings: str) -> AttributeResult:
    """Attributes something else beside the alignments that are there."""
    chosen = (f"output={attributed['folder']}", "workers=1", "folds.n_splits=4", *QUICK, *settings)
    config = load_config(EXPERIMENTS / "attribute.yaml", chosen, variables={"DEMO_COHORT": str(cohort.folder)})
    result = attribute.run(Run(config))
    json.dumps(to_json(result), allow_nan=False)
    return result


def test_a_planted_gene_is_found_and_the_answer_names_it(attributed: dict[str, Any], cohort: DemoCohort) -> None:
    result = load_results(attributed["folder"]).experiment
    assert isinstance(result, AttributeResult)
    (genes,) = result.attributions
    found = answer.found_blocks(genes)
    assert found
    assert {block.label for block in found} <= set(cohort.truth["genes"])
    assert genes.blocks[0].value > 0
    assert genes.blocks[0].interval[0] < genes.blocks[0].value < genes.blocks[0].interval[1]
    assert {block.loading_rank for block in genes.blocks} == set(range(1, 9))
    assert result.answer[0].startswith(f"{len(found)} of 8 genes add")
    assert genes.smallest is not None
    assert genes.smallest.q == pytest.approx(8 / 180)
    assert any("exchanges one gene among 8 can reach q = 0.044" in sentence for sentence in result.answer)


def test_a_gene_that_tells_something_and_yet_changes_nothing_does_not_add(attributed: dict[str, Any]) -> None:
    """Without columns of noise the measure rises; one that is told from noise may still not let it fall."""
    result = load_results(attributed["folder"]).experiment
    assert isinstance(result, AttributeResult)
    (genes,) = result.attributions
    first, second, *others = (replace(block, value=-0.01, q=0.5) for block in genes.blocks)
    still = replace(second, q=0.02, label="STILL")
    adding = replace(first, q=0.03, value=0.04, label="ADDING")
    both, none = (answer.sentences([replace(genes, blocks=(one, still, *others))], None)[0] for one in (adding, first))
    assert both.startswith("1 of 8 genes adds to")
    assert both.endswith("; STILL is told from noise (q below 0.05), though nothing falls without it.")
    assert none.startswith("No gene of 8 is shown to add to")
    assert none.endswith("; STILL is told from noise (q below 0.05), though nothing falls without it.")


def test_sets_are_held_against_the_other_genes_and_taken_by_themselves(attributed: dict[str, Any]) -> None:
    result = load_results(attributed["folder"]).experiment
    assert isinstance(result, AttributeResult)
    (genes,) = result.attributions
    found = {one.name: one for one in genes.sets}
    assert set(found) == {"PLANTED", "OTHERS", "EVERYTHING"}  # others have fewer than two genes here
    planted, others, everything = found["PLANTED"], found["OTHERS"], found["EVERYTHING"]
    assert planted.difference is not None
    assert others.difference is not None
    assert planted.difference > others.difference
    assert planted.p_self is not None
    assert planted.p_self < 0.05
    assert everything.n_listed == 9
    assert everything.reason is not None
    assert everything.reason_self is not None
    assert genes.length_known


def test_the_page_the_figures_and_the_long_table_show_it(attributed: dict[str, Any]) -> None:
    folder: Path = attributed["folder"]
    page = (folder / "report.html").read_text("utf-8")
    assert "Genes left out one by one" in page
    assert "Sets of genes" in page
    (name,) = {path.stem.removesuffix("__bars") for path in (folder / "figures").glob("attribute_*__bars.svg")}
    for kind in ("bars", "volcano"):
        table = pd.read_csv(folder / "figures" / f"{name}__{kind}.csv")
        assert len(table) == 8
        assert {"block", "value", "lower", "upper", "p", "q", "p_fwer"} <= set(table.columns)
    result = load_results(folder).experiment
    assert isinstance(result, AttributeResult)
    columns = result.tables["attribution"]
    assert list(columns)[:4] == ["arm", "view", "side", "gene"]
    assert {len(column) for column in columns.values()} == {8}


def test_regions_are_left_out_and_a_design_that_cannot_reach_is_said(
    attributed: dict[str, Any], cohort: DemoCohort
) -> None:
    few = ("attribute.n_permutations=19", "attribute.sides=[brain]")
    result = ask(attributed, cohort, *few)
    (regions,) = result.attributions
    assert len(regions.blocks) == 68
    assert all(block.loading is not None for block in regions.blocks)
    assert any("raise attribute.n_permutations to 1" in sentence for sentence in result.answer)


def test_an_outcome_is_attributed_and_one_that_has_no_answer_says_why(
    attributed: dict[str, Any], cohort: DemoCohort
) -> None:
    outcome = ("predict.outcome=sex", "confounds=[{column: age, kind: continuous}]", "attribute.n_permutations=19")
    result = ask(attributed, cohort, "attribute.sides=[genes]", *outcome)
    assert {one.measure for one in result.attributions} == {"AUROC"}
    assert all(block.loading is None for block in result.attributions[0].blocks)
    confound = ask(attributed, cohort, "predict.outcome=age")
    assert confound.attributions[0].reason is not None
    assert "'age' is among the confounds" in confound.answer[0]
    assert confound.metrics == {}


def test_one_gene_and_one_region_end_with_a_reason(experiment: Experiment, cohort: DemoCohort) -> None:
    alone = experiment(
        "attribute",
        "genome.genes=[SIMG02]",
        "brain={linked: {path: " + str(cohort.brain_linked) + ", include: [lh_insula_thickness]}}",
        "attribute.n_permutations=19",
        label="-alone",
        until="report",
    )
    genes, regions = alone["attributions"]
    assert genes["reason"] == "SIMG02 is all there is, so that nothing is left without it"
    assert regions["reason"] == "lh_insula is all there is, so that nothing is left without it"
    assert "is not defined: SIMG02 is all there is" in (alone["folder"] / "report.html").read_text("utf-8")


def test_measures_and_edges_of_one_region_stand_together() -> None:
    names = (
        "lh_insula_thickness",
        "lh_insula_area",
        "rh_insula_thickness",
        "L_cuneus_thickavg",
        "FA_fornix",
        "A--B",
        "A--C",
    )
    blocks = region_blocks(names, "auto")
    assert {region: columns.tolist() for region, columns in blocks.items()} == {
        "lh_insula": [0, 1],
        "rh_insula": [2],
        "L_cuneus": [3],
        "FA_fornix": [4],
        "A": [5, 6],
        "B": [5],
        "C": [6],
    }
    assert list(region_blocks(names, "column")) == list(names)


def test_genes_of_a_set_are_found_by_symbol_or_id_with_or_without_version() -> None:
    panel = Panel({"ENSG01.7": "ABC", "ENSG02.1": "Def", "g3": "g3"}, None)
    assert panel.find(["abc", "ENSG02", "nothing"]) == ["ENSG01.7", "ENSG02.1"]
    assert panel.find(["ENSG01.7", "g3"]) == ["ENSG01.7", "g3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\tnote\n", "a name, a description and genes, parted by tabs; line 1"),
        ("A,note,BRCA1\n", "a name, a description and genes, parted by tabs; line 1"),
        ("A\tnote\tX\nA\tnote\tY\n", "'A' comes twice"),
    ],
)
def test_a_file_that_is_no_gmt_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        read_gene_sets(path)


def test_sets_need_genes_and_sides_are_named_once(cohort: DemoCohort, sets: Path, tmp_path: Path) -> None:
    def load(*settings: str) -> Run:
        chosen = (f"output={tmp_path / 'out'}", *settings)
        variables = {"DEMO_COHORT": str(cohort.folder)}
        return Run(load_config(EXPERIMENTS / "attribute.yaml", chosen, variables=variables))

    with pytest.raises(InputError, match=r"attribute\.gene_sets needs genes among attribute\.sides"):
        attribute.check(load(f"attribute.gene_sets={sets}", "attribute.sides=[brain]"))
    with pytest.raises(InputError, match="genes, brain or both, each once"):
        load("attribute.sides=[genes, genes]")
    with pytest.raises(InputError, match=r"attribute\.gene_sets must name an existing file"):
        load(f"attribute.gene_sets={tmp_path / 'none.gmt'}")
