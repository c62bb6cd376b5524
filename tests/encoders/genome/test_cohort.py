"""Participants keep their ids; dosages count haplotypes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.errors import InputError
from encoders.genome.annotation import Panel
from encoders.genome.cohort import haplotype_dosage, read_participants, select_unrelated
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference
from encoders.genome.variants import VariantFiles
from encoders.genome.windows import make_window_table


@pytest.mark.parametrize("name", ["p.tsv", "p.csv", "p.tsv.gz", "p.parquet"])
def test_ids_stay_strings(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"subject_id": ["007", "NA", "1e"], "age": [30.5, None, 41.0], "site": ["A", "B", "A"]})
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="," if "csv" in name else "\t", index=False)
    read = read_participants(path)
    assert read.index.tolist() == ["007", "NA", "1e"]
    assert list(read.columns) == ["age", "site"]
    assert read["age"].isna().sum() == 1


def test_a_parquet_index_and_whole_numbers_serve_as_ids(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pd.DataFrame({"age": [1, 2]}, index=pd.Index([1001, 1002], name="eid")).to_parquet(path)
    assert read_participants(path, id_column="eid").index.tolist() == ["1001", "1002"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject_id\tage\nS1\t1\nS1\t2\n", "'S1' of .* is repeated"),
        ("subject_id\tage\n1001.0\t1\nS2\t2\n", "'1001.0' of .* decimal number"),
        ("subject_id\tage\n1e5\t1\nS2\t2\n", "decimal number"),
        ("subject_id\tage\n\t1\nS2\t2\n", "'' of .* is empty"),
        ("subjectid\tage\nS1\t1\n", "did you mean 'subjectid'"),
        ("", "cannot be read"),
        ("subject_id\tage\nS1\t1\nS2\t2\t3\t4\n", "cannot be read"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_participants(path)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_participants(tmp_path / "none.tsv")
    (tmp_path / "p.xlsx").write_text("x")
    with pytest.raises(InputError, match="convert it"):
        read_participants(tmp_path / "p.xlsx")
    pd.DataFrame({"subject_id": [1.0, 2.0]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="store it as text"):
        read_participants(tmp_path / "p.parquet")


def test_the_first_of_each_family_is_kept() -> None:
    frame = pd.DataFrame({"family": ["a", "b", "a", "c", "b"]}, index=list("STUVW"))
    assert select_unrelated(frame, "family") == (("S", "T", "V"), ("U", "W"))
    with pytest.raises(InputError, match="name the family column"):
        select_unrelated(frame, "household")
    with pytest.raises(InputError, match="empty for 1 of 5, first T"):
        select_unrelated(frame.assign(family=["a", None, "a", "c", "b"]), "family")


def test_dosage_counts_copies_of_gene_haplotypes(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    records = [(105, "A", "C", ".", ["0|1", "1|1", "0|0"]), (125, "A", "G", ".", ["0|0", "0|1", "0|0"])]
    exons = (Interval("20", 100, 110), Interval("20", 120, 130))
    panel = Panel((Gene("G", "G", Interval("20", 100, 130), exons, "by hand"),), "canonical", (), "none")
    table = make_window_table(
        Reference(write_fasta({"20": "A" * 200})), panel, VariantFiles(write_vcf(records, samples=("S1", "S2", "S3")))
    )
    dosage, labels = haplotype_dosage(table, "G")
    assert dosage.dtype == np.int8
    assert (dosage.sum(axis=1) == 2).all()
    assert dosage[:, 0].tolist() == [1, 0, 2]
    assert sorted(dosage[1].tolist()) == [0, 1, 1]
    assert len(set(labels)) == len(labels) == 3
    with pytest.raises(InputError, match="gene H is not in the window table"):
        haplotype_dosage(table, "H")
