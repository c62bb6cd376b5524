"""A variant that drives the brain is the first of its component; few carriers stay untold; tables can be joined."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.errors import InputError
from analyses.genome.allele_tables import name_allele, read_alleles, read_annotations
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow import pipeline
from encoders.errors import InputError as EncodersError
from tests.analyses.commands import EXPERIMENTS

ARM = "encoders=[../encoders/kmer-spectrum.yaml]"
QUICK = ("alignment.n_permutations=39", "folds.n_splits=3", "workers=1", "variants.n_listed=40", ARM)


def _config(cohort: DemoCohort, output: Path, *settings: str) -> Any:
    words = (f"output={output}", *QUICK, *settings)
    return load_config(EXPERIMENTS / "variants.yaml", words, variables={"DEMO_COHORT": str(cohort.folder)})


@pytest.fixture(scope="module")
def planted(small_cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One variant in ten features of the brain, noise in the others and in the control; all that the run wrote."""
    folder, rng = tmp_path_factory.mktemp("variants"), np.random.default_rng(1)
    run = Run(_config(small_cohort, folder / "look"), dry=True)
    alleles = read_alleles(run.genome, run.genome_config, run.cohort.subject_ids)
    chosen = max(alleles, key=lambda one: one.copies.var())
    copies = dict(zip(run.cohort.subject_ids, chosen.copies.tolist(), strict=True))
    for view in ("linked", "control"):
        table = pd.read_parquet(small_cohort.folder / f"brain_{view}.parquet")
        ids, features = table.iloc[:, 0].astype(str), table.columns[1:31]
        values = rng.standard_normal((len(table), len(features)))
        if view == "linked":
            values[:, :10] += 3 * ids.map(copies).fillna(0).to_numpy()[:, None]
        made = pd.DataFrame(values, columns=features)
        made.insert(0, table.columns[0], ids)
        made.to_parquet(folder / f"{view}.parquet")
    cadd = folder / "cadd.tsv"
    cadd.write_text(
        "## CADD\n#Chrom\tPos\tRef\tAlt\tPHRED\n"
        f"chr{chosen.chrom}\t{chosen.position + 1}\t{chosen.ref}\t{chosen.alt}\t17.5\n1\t1\tA\tC\t0.1\n"
    )
    control = f"control: {{path: {folder}/control.parquet, role: negative control}}"
    brain = f"brain={{linked: {{path: {folder}/linked.parquet}}, {control}}}"
    output = folder / "run"
    pipeline.run_pipeline(_config(small_cohort, output, brain, f"variants.annotations={cadd}"), until="report")
    found = json.loads((output / "experiments" / "variants.json").read_text())
    return {"folder": output, "chosen": chosen, "alleles": alleles, **found}


def _first(planted: dict[str, Any], view: str) -> dict[str, Any]:
    (found,) = (one for one in planted["drivers"] if one["view"] == view and one["component"] == 1)
    return dict(found)


def test_the_variant_that_drives_the_brain_is_first(planted: dict[str, Any]) -> None:
    found = _first(planted, "linked")
    assert found["alleles"][0]["key"] == name_allele(planted["chosen"])
    assert found["alleles"][0]["share"] > 0.5
    assert found["p"] < 0.05
    assert "driven most by" in planted["answer"][0]
    assert "no link that holds" not in planted["answer"][0]


def test_shares_of_all_alleles_add_up_and_a_control_is_said_to_be_none(planted: dict[str, Any]) -> None:
    assert all(one["additive"] == pytest.approx(1, abs=0.05) for one in planted["drivers"] if one["component"] == 1)
    assert _first(planted, "control")["p"] >= 0.05


def test_few_carriers_are_not_told_nor_what_would_tell_them(planted: dict[str, Any]) -> None:
    table = pd.read_csv(planted["folder"] / "experiments" / "variants__kmer-5__linked.tsv", sep="\t", dtype=str)
    carriers = {name_allele(one): int((one.copies > 0).sum()) for one in planted["alleles"]}
    assert len(table) == len(planted["alleles"]) == planted["n_alleles"]
    few = table[table["key"].map(carriers) < 5]
    assert len(few) > 5
    assert set(few["n_carriers"]) == {"<5"}
    assert set(few["n_copies"]) == {"<9"}
    assert few[["share_1", "share_2", "share_3"]].isna().all().all()
    others = table[table["key"].map(carriers) >= 5]
    assert (others["n_carriers"].astype(int) == others["key"].map(carriers)).all()
    shown = {allele["key"] for one in planted["drivers"] for allele in one["alleles"]}
    assert min(carriers[key] for key in shown) >= 5


def test_the_users_columns_stand_in_the_table(planted: dict[str, Any]) -> None:
    table = pd.read_csv(planted["folder"] / "experiments" / "variants__kmer-5__linked.tsv", sep="\t", dtype=str)
    joined = table.set_index("key")["PHRED"].dropna()
    assert joined.to_dict() == {name_allele(planted["chosen"]): "17.5"}
    assert planted["joined"] == {"name": "cadd.tsv", "n_matched": 1, "columns": ["PHRED"]}


def test_effects_are_those_of_the_mutants_at_the_same_place(planted: dict[str, Any]) -> None:
    """The window that is mutated holds the driver, and its own substitution is one of the mutants."""
    window, top = planted["mutagenesis"], _first(planted, "linked")["alleles"][0]
    effect = np.array(window["effect"])
    assert effect.shape == (4, len(window["sequence"]))
    same = [effect[["ACGT".index(base)], place] for place, base in enumerate(window["sequence"])]
    assert not np.any(same), "the base that is there changes nothing"
    place = next(one["place"] for one in window["carried"] if one["key"] == top["key"])
    alt = top["alt"] if window["strand"] == "+" else top["alt"].translate(str.maketrans("ACGT", "TGCA"))
    assert len(top["ref"]) == len(top["alt"]) == 1
    assert effect["ACGT".index(alt), place] == pytest.approx(top["effect"], rel=1e-6)


def test_the_report_shows_it(planted: dict[str, Any]) -> None:
    page = (planted["folder"] / "report.html").read_text()
    assert planted["answer"][0].split(":")[0] in page
    for name in ("variants_drivers", "variants_mutants"):
        assert (planted["folder"] / "figures" / f"{name}.csv").is_file()
        assert f"figures/{name}.csv" in page
    assert "not defined: Pseudo-log-likelihoods are those of DNABERT, DNABERT-2 and Caduceus; got kmer-5" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\n1\t2\n", r"must have the columns chrom, pos, ref, alt; .* lacks chrom, pos, ref, alt \(it has a, b\)"),
        ("chrom\tpos\tref\talt\n1\t2\tA\n", "must have 4 cells; line 2 .* has 3"),
        ("## remark\nchrom\tpos\tref\talt\n\n1\t2e3\tA\tC\n", "whole numbers from 1; line 4 .* has '2e3'"),
        ("chrom\tpos\tref\talt\tCADD\tcadd\n", "has 'CADD' twice"),
    ],
)
def test_a_table_that_cannot_be_joined_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_annotations(tmp_path / "a.tsv")


def test_a_packed_table_is_read_by_place_and_alleles(tmp_path: Path) -> None:
    text = "## CADD\n#Chrom\tPos\tRef\tAlt\tPHRED\nchr20\t131 \ta\tC\t8.9\n20\t131\tA\tC\t1.0\n"
    (tmp_path / "empty.tsv").touch()
    with pytest.raises(EncodersError, match="it is empty"):
        read_annotations(tmp_path / "empty.tsv")
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(text.encode()))
    table = read_annotations(tmp_path / "a.tsv.gz")
    assert table.to_dict() == {"PHRED": {"20-131-A-C": "8.9"}}
    (tmp_path / "bare.tsv").write_text("chrom\tpos\tref\talt\n20\t131\tA\tC\n")
    assert read_annotations(tmp_path / "bare.tsv").shape == (1, 0)


def test_a_window_that_there_is_not_is_said(small_cohort: DemoCohort, tmp_path: Path, planted: dict[str, Any]) -> None:
    from analyses.experiments.mutagenesis import chosen_window

    for asked, said in (("NOWHERE", "NOWHERE is no gene of the panel"), ("SIMG01:99", "SIMG01 has windows 1 to")):
        run = Run(_config(small_cohort, planted["folder"], f"variants.mutagenesis={asked}"))
        with pytest.raises(InputError, match=said):
            chosen_window(run, planted["chosen"])
