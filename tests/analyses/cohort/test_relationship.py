"""Relatives made uncorrelated by a run: by kinship of a table, of a pedigree, of its own genotypes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from analyses.cohort.relationship import read_relationship
from analyses.config.file import load_config
from analyses.config.inputs import CohortConfig
from analyses.errors import InputError
from analyses.run.run import Run
from encoders.genome.population.relationship import related_blocks, relationship_matrix
from fusion import KinshipModel
from tests.analyses.commands import Command
from tests.fusion.pedigrees import FAMILIES, Pedigrees, make_pedigrees

PEDIGREES = make_pedigrees(31, seed=1)
N = len(PEDIGREES.members)
IDS = [f"s{row:03d}" for row in range(N)]


def _refuse_genotypes() -> Any:
    raise AssertionError("genotypes are not opened where kinship is given")


def _write_pedigree(path: Path, pedigrees: Pedigrees) -> None:
    """Every member of every family, who is not in the cohort too."""
    name = {one: IDS[row] for row, one in enumerate(pedigrees.members)}
    lines, mothers = ["IID\tPAT\tMAT"], set()
    for family, shape in enumerate(pedigrees.shapes):
        for member, parents in enumerate(FAMILIES[shape][0]):
            both = [name.get((family, one), f"x{family}_{one}") for one in parents or ()] or ["0", "0"]
            both = both[::-1] if both[0] in mothers else both  # the mother of half-siblings stands first once
            mothers.add(both[1] if parents else None)
            lines.append("\t".join([name.get((family, member), f"x{family}_{member}"), *both]))
    path.write_text("\n".join(lines) + "\n")


def _write_king(path: Path, pedigrees: Pedigrees) -> None:
    kinship = pedigrees.relationship / 2
    pairs = [(i, j) for i, j in zip(*np.nonzero(np.triu(kinship, 1)), strict=True)]
    rows = [f"{IDS[i]}\t{IDS[j]}\t{kinship[i, j] + 0.004:.4f}" for i, j in pairs]
    path.write_text("\n".join(["#IID1\tIID2\tKINSHIP", *rows]) + "\n")


@pytest.fixture
def families(tmp_path: Path) -> dict[str, Any]:
    """Families of six shapes with precomputed genes that follow kinship, as a run reads them."""
    rng = np.random.default_rng(3)
    _write_pedigree(tmp_path / "pedigree.tsv", PEDIGREES)
    _write_king(tmp_path / "king.kin0", PEDIGREES)
    pd.DataFrame({"subject_id": IDS, "age": rng.uniform(20, 60, N)}).to_csv(
        tmp_path / "participants.tsv", sep="\t", index=False
    )
    brain = pd.DataFrame(PEDIGREES.breeding_values(rng, 6) + rng.standard_normal((N, 6)), columns=list("abcdef"))
    brain.insert(0, "subject_id", IDS)
    brain.to_csv(tmp_path / "brain.csv", index=False)
    folder = tmp_path / "vectors" / "APOE"
    folder.mkdir(parents=True)
    np.save(folder / "embeddings_1_layer_last.npy", PEDIGREES.breeding_values(rng, 5).astype(np.float32))
    np.save(folder / "iids.npy", np.array(IDS))
    return {
        "name": "families",
        "output": str(tmp_path / "out"),
        "participants": [{"path": "participants.tsv"}],
        "confounds": [{"column": "age", "kind": "continuous"}],
        "brain": {"thickness": {"path": "brain.csv"}},
        "encoders": [{"name": "mine", "encoder": "precomputed", "source": "./vectors"}],
        "alignment": {"n_permutations": 19, "x_dimensions": 3, "y_dimensions": 3, "n_components": 1},
        "folds": {"n_splits": 3},
        "tracking": {"enabled": False},
    }


def _config(families: dict[str, Any], cohort: dict[str, Any], folder: Path) -> Path:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(families | {"cohort": {"relatives": "whiten"} | cohort}))
    return path


def test_table_and_pedigree_give_the_relationships_that_the_families_have(tmp_path: Path) -> None:
    _write_pedigree(tmp_path / "pedigree.tsv", PEDIGREES)
    _write_king(tmp_path / "king.kin0", PEDIGREES)
    for source in ({"pedigree": tmp_path / "pedigree.tsv"}, {"kinship_table": tmp_path / "king.kin0"}):
        found = read_relationship(CohortConfig(relatives="whiten", **source), IDS, _refuse_genotypes)
        np.testing.assert_allclose(found.matrix.toarray(), PEDIGREES.relationship, atol=1e-12)
        same = found.families[:, None] == found.families
        np.testing.assert_array_equal(same, PEDIGREES.families[:, None] == PEDIGREES.families)


def test_a_matrix_of_streamed_genotypes_is_the_dense_one() -> None:
    """By the definition of plink2's --make-rel, written as one product of the whole standardised table."""
    rng = np.random.default_rng(4)
    counts = PEDIGREES.dosages(rng, 700, frequency=0.4).T.astype(np.int8)
    counts[rng.random(counts.shape) < 0.03] = -1
    counts[5] = 0
    found = relationship_matrix(iter(np.array_split(counts, 7)), N)
    table = np.where(counts < 0, np.nan, counts.astype(float))[np.delete(np.arange(700), 5)]
    p = np.nanmean(table, axis=1, keepdims=True) / 2
    z = (table - 2 * p) / np.sqrt(2 * p * (1 - p))
    dense = np.array([[np.nanmean(z[:, i] * z[:, j]) for j in range(N)] for i in range(N)])
    np.testing.assert_allclose(found.values, dense, atol=1e-10)
    assert found.n_records == 699


def test_families_found_in_genotypes_are_those_that_were_made() -> None:
    counts = PEDIGREES.dosages(np.random.default_rng(5), 8000, frequency=0.4).T.astype(np.int8)
    matrix = related_blocks(relationship_matrix(np.array_split(counts, 4), N))
    same = PEDIGREES.families[:, None] == PEDIGREES.families
    np.testing.assert_array_equal(matrix.toarray() != 0, same)
    np.testing.assert_allclose(matrix.toarray(), PEDIGREES.relationship, atol=0.06)
    assert KinshipModel.of(matrix).eigenvalues.min() > 0.25


@pytest.mark.parametrize("source", [{"kinship_table": "king.kin0"}, {"pedigree": "pedigree.tsv"}])
def test_a_run_whitens_relatives(
    families: dict[str, Any], source: dict[str, Any], genebrain: Command, tmp_path: Path
) -> None:
    assert genebrain("run", _config(families, source, tmp_path)) == 0
    found = json.loads((tmp_path / "out/alignments/mine__thickness/alignment.json").read_text())
    assert found["in_sample"]["scheme"] == "free permutation of rows"
    assert found["n"]["subjects"] == N
    assert found["relatives"]["source"] == f"kinship of cohort.{next(iter(source))}"
    assert found["relatives"]["h2_genes"] > 0.5
    assert not any("groups keep relatives" in one for one in found["warnings"])
    assert "were made uncorrelated before" in (tmp_path / "out/report.html").read_text()
    run = Run(load_config(tmp_path / "run.yaml"), dry=True)
    for family in np.unique(PEDIGREES.families):
        assert len(set(run.folds.assignments[PEDIGREES.families == family])) == 1


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        ({}, "whiten needs to know who is related to whom: give cohort.kinship_table or cohort.pedigree"),
        ({"family_column": "age"}, "needs numbers of kinship, which cohort.family_column"),
    ],
)
def test_without_numbers_of_kinship_it_is_refused(
    families: dict[str, Any], cohort: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        load_config(_config(families, cohort, tmp_path))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"brain": {"thickness": {"path": "brain.csv", "normal_scores": True}}}, "brain.thickness is learnt in every"),
        ({"experiment": "dims"}, "is for experiments align and compare; experiment is dims"),
        ({"folds": {"n_splits": 3, "group": "age"}}, "folds.group and cohort.relatives: whiten exclude"),
    ],
)
def test_what_cannot_be_whitened_is_refused(
    families: dict[str, Any], changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        load_config(_config(families | changed, {"kinship_table": "king.kin0"}, tmp_path))


def test_twins_strangers_and_impossible_relations_are_refused_without_ids(tmp_path: Path) -> None:
    table = tmp_path / "t.kin0"

    def read(rows: list[str]) -> None:
        table.write_text("\n".join(["IID1\tIID2\tKINSHIP", *rows]) + "\n")
        read_relationship(CohortConfig(relatives="whiten", kinship_table=table), list("abcdef"), _refuse_genotypes)

    with pytest.raises(InputError, match=r"1 pairs have one \(identical twins"):
        read(["a\tb\t0.49"])
    with pytest.raises(InputError, match="no two subjects are related"):
        read(["a\tb\t0.01"])
    with pytest.raises(InputError, match="matrix of a family of 6 has an eigenvalue"):
        read([f"a\t{other}\t0.25" for other in "bcdef"])
