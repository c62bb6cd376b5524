"""Families by column, pedigree and kinship table: the same blocks, through a run as well."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from analyses.cohort.families import read_families
from analyses.cohort.kinship_tables import describe_pairs, read_kinship_tables
from analyses.cohort.pedigree import read_pedigree
from analyses.config.file import load_config
from analyses.config.inputs import CohortConfig
from analyses.errors import InputError
from analyses.run.run import Run
from encoders.tables import MISSING_MARKS
from tests.analyses.commands import Command

PEDIGREE = """subject_id,father_id,mother_id
gran,0,
kid1,dad,mum
kid2,dad,mum
half,dad,
mum,0,gran
aunt,0,gran
cousin,,aunt
inbred,kid1,kid2
"""


def test_kinship_of_a_pedigree_is_that_of_the_textbook(tmp_path: Path) -> None:
    (tmp_path / "pedigree.csv").write_text(PEDIGREE)
    ids = ["kid1", "cousin", "half", "kid2", "gran", "mum", "inbred", "aunt"]
    codes = read_pedigree(tmp_path / "pedigree.csv", ids).codes.toarray()
    found = pd.DataFrame(np.where(codes > 0, (codes - 1) / 2**20, 0), ids, ids)
    assert found.loc["kid1", "kid2"] == 1 / 4
    assert found.loc["kid1", "half"] == 1 / 8
    assert found.loc["kid1", "cousin"] == 1 / 32  # mum and aunt have one parent in common
    assert found.loc["mum", "aunt"] == 1 / 8
    assert found.loc["gran", "kid1"] == 1 / 8
    assert found.loc["aunt", "kid1"] == 1 / 16
    assert found.loc["half", "mum"] == 0
    assert found.loc["inbred", "cousin"] == 1 / 32
    assert codes[ids.index("mum"), ids.index("kid1")] == 1  # a parent, unlike a sibling of the same kinship
    assert codes[ids.index("inbred"), ids.index("kid2")] == 1


@pytest.mark.parametrize("name", ["pedigree.fam", "pedigree.ped"])
def test_files_of_plink_have_no_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("f1 a dad mum 1 -9\nf1 b dad mum 2 -9\nf2\tc\t0\t0\t1\t-9\n")
    assert read_pedigree(path, ["c", "b", "a"]).families.tolist() == [0, 1, 1]
    path.write_text("f1 a dad mum 1 -9\nf1 b\n")
    with pytest.raises(InputError, match="line 2 has fewer"):
        read_pedigree(path, ["a", "b"])


def test_pedigrees_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("IID,PAT,MAT\na,b,0\nb,a,0\n")
    with pytest.raises(InputError, match="ancestor of themselves"):
        read_pedigree(path, ["a"])
    path.write_text("IID,PAT,MAT\na,b,0\na,c,0\n")
    with pytest.raises(InputError, match=r"unique; .* has 'a'"):
        read_pedigree(path, ["a"])
    path.write_text("IID,PAT,MAT\na,b,0\n")
    with pytest.raises(InputError, match="lacks 1 of 1, first 'z'"):
        read_pedigree(path, ["z"])
    path.write_text("IID,PAT\na,b\n")
    with pytest.raises(InputError, match="one column mat, mother"):
        read_pedigree(path, ["a"])


MARKS = [*MISSING_MARKS, "N/A", "NA", "NaN", "None", "NULL", "0", "-9", "unknown", "Unknown", " n/a "]


@pytest.mark.parametrize("mark", MARKS)
def test_strangers_with_unknown_parents_are_no_siblings(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text("IID,PAT,MAT\n" + "".join(f"{one},{mark},{mark}\n" for one in "abcdef") + "kid,a,b\n")
    assert read_pedigree(path, list("abcdef")).families.tolist() == [0, 1, 2, 3, 4, 5]
    if mark.strip():
        (tmp_path / "p.fam").write_text("".join(f"f {one} {mark.strip()} {mark.strip()} 0 -9\n" for one in "abc"))
        assert read_pedigree(tmp_path / "p.fam", list("abc")).families.tolist() == [0, 1, 2]


@pytest.mark.parametrize("rows", ["a,x,x\n", "a,x,y\nb,z,x\n", "a,x,0\nb,,x\n", "a,?,?\nb,?,?\n"])
def test_nobody_is_father_and_mother(tmp_path: Path, rows: str) -> None:
    (tmp_path / "p.csv").write_text("IID,PAT,MAT\n" + rows)
    with pytest.raises(InputError, match=r"Nobody is father and mother; .* says so of '[x?]': correct it, with 0"):
        read_pedigree(tmp_path / "p.csv", ["a"])


@pytest.mark.parametrize(
    "rows",
    ["kid,101.0,102\n101,,\n102,,\n", "kid,101,102.0\n101,,\n102,,\n", "kid.,101,102\n1.0,0,0\n", "kid,1e+05,0\n"],
)
def test_ids_of_a_pedigree_that_became_floats_are_refused(tmp_path: Path, rows: str) -> None:
    (tmp_path / "p.csv").write_text("IID,PAT,MAT\n" + rows)
    with pytest.raises(InputError, match=r"Ids of relatives must be text, not floating-point .* restore the original"):
        read_pedigree(tmp_path / "p.csv", ["kid"])


def test_parents_that_pandas_made_floats_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"iid": [101, 102, 103], "father": [np.nan, np.nan, 101], "mother": [np.nan, np.nan, 102]})
    frame.to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match=r"got '101.0'"):
        read_pedigree(tmp_path / "p.parquet", ["103"])
    frame.assign(father=frame["father"].astype("Int64"), mother=None).to_parquet(tmp_path / "p.parquet")
    assert read_pedigree(tmp_path / "p.parquet", ["101", "102", "103"]).families.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("parent", "child"), [("0101", "101"), ("S1", "s1")])
def test_ids_that_lost_zeros_or_capitals_are_refused(tmp_path: Path, parent: str, child: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"IID,PAT,MAT\nkid,{child},0\n{parent},0,0\n")
    with pytest.raises(InputError, match=f"'{child}' is nobody, and '{parent}' differs"):
        read_pedigree(path, ["kid", parent])
    path.write_text(f"ID1,ID2,KINSHIP\nkid,{child},0.25\nkid,x,0.1\n")
    with pytest.raises(InputError, match=f"'{child}' is nobody, and '{parent}' differs"):
        read_kinship_tables([path], ["kid", parent])


KING = """#IID1\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP
a\tb\t9000\t0.2\t0.0\t0.49
c\td\t9000\t0.1\t0.01\t0.26
d\te\t9000\t0.1\t0.02\t0.11
f\tg\t9000\t0.1\t0.05\t0.031
x\ty\t9000\t0.1\t0.05\t0.25
"""


def test_a_table_of_king_is_read_by_degree(tmp_path: Path) -> None:
    (tmp_path / "plink2.kin0").write_text(KING)
    pairs = read_kinship_tables([tmp_path / "plink2.kin0"], list("abcdefg"))
    assert pairs.families.tolist() == [0, 0, 1, 1, 1, 2, 3]  # f and g are farther than third degree
    assert [pairs.codes[0, 1], pairs.codes[2, 3], pairs.codes[3, 4], pairs.codes[2, 4]] == [1, 2, 3, 0]


def test_what_king_inferred_is_believed(tmp_path: Path) -> None:
    between, within = tmp_path / "king.kin0", tmp_path / "king.kin"
    between.write_text("FID1\tID1\tFID2\tID2\tN_SNP\tKinship\tInfType\n1\ta\t2\tb\t90\t0.25\tPO\n")
    within.write_text("FID\tID1\tID2\tN_SNP\tKinship\tInfType\n3\tc\td\t90\t0.25\tFS\n3\tc\te\t90\t0.05\tUN\n")
    pairs = read_kinship_tables([between, within], list("abcde"))
    assert pairs.codes[0, 1] != pairs.codes[2, 3]
    assert pairs.families.tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KING.replace("0.26", "."), "must be numbers; got an empty cell"),
        (KING.replace("IID2", "other"), "one column ID2 or IID2"),
        (KING + "b\ta\t9000\t0.1\t0.0\t0.25\n", "'a' and 'b' have two"),
        (KING + "a\ta\t9000\t0.1\t0.0\t0.5\n", "'a' with itself"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.kin0").write_text(text)
    with pytest.raises(InputError, match=said):
        read_kinship_tables([tmp_path / "t.kin0"], list("abcdefg"))


@pytest.mark.parametrize("text", ["ID1, ID2, KINSHIP\nA, B, 0.25\n", "ID1;ID2;KINSHIP\n A ;B ; 0.25\n"])
def test_blanks_around_ids_are_no_part_of_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.csv").write_text(text)
    assert read_kinship_tables([tmp_path / "k.csv"], ["A", "B"]).families.tolist() == [0, 0]


@pytest.mark.parametrize("row", ["101.0,102,0.25", "101,102.0,0.25", "101,1e+05,0.25"])
def test_ids_of_a_table_that_became_floats_are_refused(tmp_path: Path, row: str) -> None:
    (tmp_path / "k.csv").write_text(f"ID1,ID2,KINSHIP\n{row}\n")
    with pytest.raises(InputError, match="Ids of relatives must be text"):
        read_kinship_tables([tmp_path / "k.csv"], ["101", "102"])


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        (list("abcde"), []),
        ([], []),
        (list("abc"), ["1 of 4 rows pair a subject of the cohort with somebody who is not in it, and 1 rows pair two"]),
        (list("acx"), ["3 of 4 rows .* and 0 rows pair two of its subjects; no second id is a subject: check how"]),
        (list("be"), ["2 of 4 rows .* no first id is a subject"]),
    ],
)
def test_pairs_with_somebody_else_are_told(tmp_path: Path, subjects: list[str], said: list[str]) -> None:
    (tmp_path / "t.kin0").write_text(KING)
    told = describe_pairs([tmp_path / "t.kin0"], subjects)
    assert len(told) == len(said)
    assert all(re.search(pattern, one) for pattern, one in zip(said, told, strict=True))
    assert describe_pairs([], subjects) == []


def test_a_table_of_other_subjects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.kin0").write_text(KING)
    with pytest.raises(InputError, match=r"none of the 5 pairs in .* does \(first: 'a'\)"):
        read_kinship_tables([tmp_path / "t.kin0"], ["0a", "0b"])


FAMILY = ["f1", "f1", "f2", "f2", "f2", "f3", "f3", "f4"]
KINDS = ["MZ", "MZ", "DZ", "DZ", "sib", "MZ", "MZ", None]


def test_twins_are_two(tmp_path: Path) -> None:
    config = CohortConfig(family_column="family", kinship_column="zygosity", relatives="keep-all")
    table = pd.DataFrame({"family": FAMILY, "zygosity": KINDS}, [f"s{i}" for i in range(8)])
    found = read_families(config, table)
    assert found is not None
    assert "2 of 2" in found.describe()
    assert "2 families are the only ones of their kind" in found.describe()
    with pytest.raises(InputError, match=r"'mz' for more than two of one family, s4 .*'mz 1', 'mz 2'"):
        read_families(config, table.replace({"DZ": "mz", "sib": "mz"}))
    with pytest.raises(InputError, match="'zygosity' is empty for 1 of 7, first s1"):
        read_families(config, table.assign(zygosity=["MZ", None, *KINDS[2:]]))


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        ({"family_column": "f", "pedigree": "p.fam"}, "cohort.family_column and cohort.pedigree are given: keep one"),
        ({"kinship_column": "z", "relatives": "keep-all"}, "give families by cohort.family_column"),
        ({"family_column": "f", "kinship_column": "z"}, "set relatives to keep-all"),
    ],
)
def test_what_contradicts_itself_is_refused(cohort: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CohortConfig(**cohort)


@pytest.fixture
def twins(tmp_path: Path) -> dict[str, Any]:
    """30 MZ pairs, 25 pairs of siblings and 21 subjects alone, as a run reads them."""
    rng = np.random.default_rng(3)
    sizes = [2] * 55 + [1] * 21
    family = np.repeat(np.arange(len(sizes)), sizes)
    ids = np.array([f"t{i:03d}" for i in rng.permutation(len(family))])
    kinds = np.where(family < 30, "MZ", np.where(family < 55, "sib", "alone"))
    table = pd.DataFrame({"subject_id": ids, "family": family, "zygosity": kinds})
    table.sort_values("subject_id").to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    paired = table[table["family"] < 55].groupby("family")["subject_id"].agg(list)
    rows = [f"{a}\t{b}\t{0.48 if k < 30 else 0.24}" for k, (a, b) in paired.items()]
    (tmp_path / "king.kin0").write_text("\n".join(["ID1\tID2\tKinship", *rows]) + "\n")
    lines = [f"{f} {i} {f'd{f} m{f}' if f < 55 else '0 0'} 0 -9" for i, f in zip(ids, family, strict=True)]
    (tmp_path / "cohort.fam").write_text("\n".join(lines) + "\n")
    brain = pd.DataFrame(rng.standard_normal((len(ids), 6)), columns=[f"roi{k}" for k in range(6)])
    brain.insert(0, "subject_id", ids)
    brain.to_csv(tmp_path / "brain.csv", index=False)
    folder = tmp_path / "vectors" / "APOE"
    folder.mkdir(parents=True)
    np.save(folder / "embeddings_1_layer_last.npy", rng.standard_normal((len(ids), 5)).astype(np.float32))
    np.save(folder / "iids.npy", ids)
    return {
        "name": "twins",
        "output": str(tmp_path / "out"),
        "participants": [{"path": "participants.tsv"}],
        "brain": {"thickness": {"path": "brain.csv"}},
        "encoders": [{"name": "mine", "encoder": "precomputed", "source": "./vectors"}],
        "alignment": {"n_permutations": 19, "x_dimensions": 3, "y_dimensions": 3, "n_components": 1},
        "folds": {"n_splits": 3},
        "tracking": {"enabled": False},
    }


SOURCES: dict[str, dict[str, Any]] = {
    "column": {"family_column": "family", "kinship_column": "zygosity"},
    "king": {"kinship_table": "king.kin0"},
    "pedigree": {"pedigree": "cohort.fam", "kinship_column": "zygosity"},
}


def _config(twins: dict[str, Any], cohort: dict[str, Any], folder: Path) -> Path:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(twins | {"cohort": {"relatives": "keep-all"} | cohort}))
    return path


def test_every_source_gives_the_same_blocks(twins: dict[str, Any], tmp_path: Path) -> None:
    blocks = []
    for cohort in SOURCES.values():
        run = Run(load_config(_config(twins, cohort, tmp_path)), dry=True)
        assert run.relations.blocks is not None
        assert run.relations.groups is not None
        blocks.append(run.relations.blocks.labels)
        assert len(run.folds.relations.clusters) == 131
        assert "30 of 2" in run.cohort.remarks[-1]
    for other in blocks[1:]:
        for level in range(3):
            pairs = np.unique(np.column_stack([blocks[0][:, level], other[:, level]]), axis=0)
            assert len(pairs) == len(np.unique(blocks[0][:, level])) == len(np.unique(other[:, level]))
    kept = _config(twins, {"kinship_table": ["king.kin0"], "relatives": "keep-one"}, tmp_path)
    assert len(Run(load_config(kept), dry=True).cohort.subject_ids) == 76


def test_a_run_exchanges_by_kinship(twins: dict[str, Any], genebrain: Command, tmp_path: Path) -> None:
    assert genebrain("run", _config(twins, SOURCES["king"], tmp_path)) == 0
    found = json.loads((tmp_path / "out/alignments/mine__thickness/alignment.json").read_text())
    assert found["in_sample"]["scheme"] == "nested blocks of 3 levels"
    assert "Families change places with families of their kind" in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize("relatives", ["keep-one", "keep-all", "whiten"])
def test_a_run_tells_of_pairs_that_its_cohort_lacks(twins: dict[str, Any], tmp_path: Path, relatives: str) -> None:
    lines = (tmp_path / "king.kin0").read_text() + "".join(f"t{k:03d}\telsewhere{k}\t0.25\n" for k in range(7))
    (tmp_path / "king.kin0").write_text(lines)
    config = _config(twins, SOURCES["king"] | {"relatives": relatives}, tmp_path)
    remarks = Run(load_config(config), dry=True).cohort.remarks
    told = (
        "7 of 62 rows pair a subject of the cohort with somebody who is not in it, and 55 rows pair two of its subjects"
    )
    assert [one for one in remarks if "cohort.kinship_table" in one] == [f"cohort.kinship_table: {told}."]


def test_families_without_kinship_are_told_what_is_missing(twins: dict[str, Any], tmp_path: Path) -> None:
    run = Run(load_config(_config(twins, {"family_column": "family"}, tmp_path)), dry=True)
    assert "give cohort.kinship_column" in run.cohort.remarks[-1]
