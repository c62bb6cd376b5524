"""Relatives are dropped family by family; dosages count haplotypes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel
from encoders.genome.intervals import Gene, Interval
from encoders.genome.population.haplotype_dosage import haplotype_dosage
from encoders.genome.population.kinship import select_unrelated
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import make_window_table


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
    with pytest.raises(InputError, match="Gene H is not in the window table"):
        haplotype_dosage(table, "H")
