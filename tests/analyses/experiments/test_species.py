"""Orthologs are found, strangers under their names are not; strands, gaps and too few of anything; real genomes."""

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam
import pytest
from pydantic import ValidationError

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.experiments.species import orthologs
from analyses.results.folder import load_results
from analyses.results.schema.experiments import SpeciesResult
from analyses.results.serialisation import to_json
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.simulation.files import write_records
from encoders.genome.orthologs import normalised_edit_distance, read_genes_of_species
from encoders.genome.sequences import reverse_complement
from tests.analyses.commands import EXPERIMENTS, Experiment

Ask = Callable[..., SpeciesResult]
ONE_VIEW = ("alignment.n_permutations=19", "alignment.n_components=1", "folds.n_splits=3")


@pytest.fixture(scope="module")
def demo(experiment: Experiment, cohort: DemoCohort) -> dict[str, Any]:
    view = f"brain={{linked: {{path: {cohort.brain_linked}}}}}"
    return experiment("species", "encoders=[kmer-spectrum, untrained-dnabert-3-rc]", view, *ONE_VIEW, until="report")


@pytest.fixture
def ask(demo: dict[str, Any], cohort: DemoCohort, tmp_path: Path) -> Ask:
    """Asks about other sequences, by species and gene, with the k-mer spectrum and composition."""

    def ask(genomes: dict[str, dict[str, str]], *settings: str) -> SpeciesResult:
        for name, genes in genomes.items():
            write_records(tmp_path / f"{name}.fa", genes)
        named = ", ".join(f"{{name: {name}, path: {tmp_path / name}.fa}}" for name in genomes)
        chosen = (f"output={demo['folder']}", "encoders=[kmer-spectrum]", f"species.genomes=[{named}]", *settings)
        config = load_config(EXPERIMENTS / "species.yaml", chosen, variables={"DEMO_COHORT": str(cohort.folder)})
        run = Run(config)
        orthologs.check(run)
        result = orthologs.run(run)
        json.dumps(to_json(result), allow_nan=False)
        return result

    return ask


@pytest.fixture(scope="module")
def genomes(cohort: DemoCohort) -> dict[str, dict[str, str]]:
    """The simulated orthologs."""
    folder = cohort.folder / "orthologs"
    return {name: read_genes_of_species(folder / f"{name}.fa") for name in ("home", "sister", "cousin", "outgroup")}


def by_arm(rows: Any) -> dict[str, Any]:
    return {one.arm: one for one in rows}


def test_orthologs_are_found_beside_baselines_and_untrained_networks(demo: dict[str, Any]) -> None:
    result = load_results(demo["folder"]).experiment
    assert isinstance(result, SpeciesResult)
    found = by_arm(result.retrievals)
    assert {name: one.kind for name, one in found.items()} == {
        "kmer-5": "baseline",
        "untr3-rc": "untrained",
        "composition": "baseline",
    }
    assert found["kmer-5"].p_corrected < 0.05
    assert found["kmer-5"].recall > 0.7
    assert found["composition"].mrr < found["kmer-5"].mrr
    assert found["kmer-5"].chance_recall == pytest.approx(1 / 8)
    assert set(by_arm(result.differences)) == {"untr3-rc", "composition"}
    tests = {(one.arm, one.question): one for one in result.divergences}
    assert tests["kmer-5", "species"].p_corrected < 0.05
    assert tests["kmer-5", "species"].rho > 0.5
    assert sum(one.n_turned for one in result.species) > 0  # the cousin's, on the other strand
    assert len(result.pairs) == 8 * 6
    assert "Among 8 genes of 4 species, genes find their orthologs by" in result.answer[0]


def test_the_page_and_the_figures_show_it(demo: dict[str, Any]) -> None:
    assert "Orthologs of home, sister, cousin, outgroup" in (demo["folder"] / "report.html").read_text()
    assert len(pd.read_csv(demo["folder"] / "figures" / "species_retrieval.csv")) == 3
    assert len(pd.read_csv(demo["folder"] / "figures" / "species_distances.csv")) == 3 * 8 * 6


def test_the_simulated_species_lie_as_far_apart_as_their_tree_says(genomes: dict[str, dict[str, str]]) -> None:
    def distance(one: str, other: str) -> float:
        pairs = [(genomes[one][gene], genomes[other][gene]) for gene in genomes["home"]]
        both = [
            min(normalised_edit_distance(a, b), normalised_edit_distance(a, reverse_complement(b))) for a, b in pairs
        ]
        return float(np.mean(both))

    assert distance("home", "sister") < distance("home", "cousin") < distance("home", "outgroup") < 0.4


def test_strangers_under_the_names_of_orthologs_are_at_chance(ask: Ask, genomes: dict[str, dict[str, str]]) -> None:
    rng = np.random.default_rng(2)
    shuffled = {
        name: dict(zip(genes, rng.permutation(np.array(list(genes.values()), dtype=object)), strict=True))
        for name, genes in genomes.items()
    }
    result = ask(shuffled)
    for one in result.retrievals:
        assert one.p_corrected > 0.05
        assert abs(one.mrr - one.chance_mrr) < 0.25
    assert result.answer[0].startswith("By no encoder do genes find their orthologs among 8 genes of 4 species")


def test_strands_do_not_matter_once_genes_are_turned(ask: Ask, genomes: dict[str, dict[str, str]]) -> None:
    two = {name: genomes[name] for name in ("home", "sister")}
    other = two | {"sister": {gene: reverse_complement(bases) for gene, bases in two["sister"].items()}}
    as_they_are, turned = ask(two), ask(other)
    assert turned.species[1].n_turned == 8
    assert [one.alignment for one in turned.pairs] == [one.alignment for one in as_they_are.pairs]
    assert by_arm(turned.retrievals)["kmer-5"].mrr == by_arm(as_they_are.retrievals)["kmer-5"].mrr
    left = ask(other, "species.strands=as-written")
    assert min(one.alignment for one in left.pairs) > 0.3
    assert by_arm(left.retrievals)["kmer-5"].mrr == pytest.approx(by_arm(as_they_are.retrievals)["kmer-5"].mrr)


def test_what_is_too_little_is_not_defined_and_says_why(ask: Ask, genomes: dict[str, dict[str, str]]) -> None:
    gene = next(iter(genomes["home"]))
    one = ask({name: {gene: genomes[name][gene]} for name in ("home", "sister")})
    assert (one.retrievals, one.differences) == ((), ())
    assert one.answer[0].startswith("Retrieval is not defined: 1 gene is in two species")
    assert {test.reason for test in one.divergences} == {
        "1 genes are there in all species, and it takes 4",
        "there are 2 species, and it takes 4",
    }
    with pytest.raises(InputError, match=r"must name genes alike in two species or more; no name is in two of home"):
        ask({"home": {"A": "ACGT" * 20}, "away": {"B": "ACGT" * 20}})


def test_genes_that_cannot_be_compared_are_named(ask: Ask, genomes: dict[str, dict[str, str]]) -> None:
    home, sister = dict(genomes["home"]), dict(genomes["sister"])
    home["ALONE"], home["SHORT"], sister["SHORT"] = "ACGTTGCA" * 9, "ACG", "ACGTTGCA" * 9
    home["GAP"], sister["GAP"] = "N" * 90 + "ACGT", "ACGTTGCA" * 9
    result = ask({"home": home, "sister": sister})
    assert result.n_genes == 8
    assert result.left_out == (
        "2 genes are too short or mostly N in a species: GAP, SHORT.",
        "1 genes are in one species alone: ALONE.",
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("species.genomes=[{name: a, path: a.fa}]", "needs two species or more; got 1"),
        ("species.genomes=[{name: a, path: a.fa}, {name: a, path: b.fa}]", "'a' is there twice"),
        ("species.distance=manhattan", "distance"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_read(cohort: DemoCohort, setting: str, sentence: str) -> None:
    with pytest.raises((InputError, ValidationError), match=sentence):
        load_config(EXPERIMENTS / "species.yaml", (setting,), variables={"DEMO_COHORT": str(cohort.folder)})


def test_real_genomes_lie_as_mammals_do_and_genes_are_found(ask: Ask, real_data: Path) -> None:
    """100 kb of man, dog, mouse and rat, cut where they are aligned."""
    with pysam.FastxFile(str(real_data / "genome" / "ortholog" / "ENr334-100k.fa.gz")) as records:
        rows = {str(record.comment).split()[0]: str(record.sequence).upper() for record in records}
    genomes: dict[str, dict[str, str]] = {name: {} for name in rows}
    for start in range(0, 60_000, 2000):
        parts = {name: row[start : start + 2000].translate(str.maketrans("", "", "-*.")) for name, row in rows.items()}
        if min(len(part) for part in parts.values()) > 400:
            for name, part in parts.items():
                genomes[name][f"piece{start}"] = part
    result = ask(genomes)
    assert result.n_genes >= 5
    kmers = by_arm(result.retrievals)["kmer-5"]
    assert kmers.p_corrected < 0.05
    assert kmers.mrr > 2 * kmers.chance_mrr
    apart = {
        (a, b): np.mean([one.alignment for one in result.pairs if {one.first, one.second} == {a, b}])
        for a, b in combinations(genomes, 2)
    }
    assert min(apart, key=lambda pair: apart[pair]) == ("mm9", "rn4")
