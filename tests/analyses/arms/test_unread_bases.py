"""The per-gene table of what an encoder could not read, from a table of windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from analyses.arms.unread_bases import describe, gene_report
from encoders import load_encoder
from encoders.genome.sequences import sequence_id
from tests.encoders.test_subjects import make_table


def test_each_distinct_sequence_of_a_gene_counts_once() -> None:
    table, carried = make_table(seed=4)
    report = gene_report(table, load_encoder("kmer-spectrum", k=4))
    assert report.index.tolist() == list(table.gene_ids)
    for gene, gene_id in enumerate(table.gene_ids):
        windows = np.flatnonzero(table.gene_index == gene)
        distinct = {*carried[windows].ravel().tolist(), *table.reference_index[windows].tolist()}
        assert report.loc[gene_id, "n_sequences"] == len(distinct)
        assert report.loc[gene_id, "n_bp"] == sum(len(table.sequences[index]) for index in distinct)
        assert report.loc[gene_id, "n_refused"] == (0 in distinct), "the lost window"


def test_genes_without_trouble_need_no_sentence_and_the_worst_is_named() -> None:
    table, _ = make_table(seed=4)
    index = np.maximum(table.sequence_index, 1)
    sequences = (*table.sequences[:7], "N" * 60, *table.sequences[8:])
    encoder = load_encoder("kmer-spectrum", k=4)
    readable = replace(table, sequence_index=index)
    assert describe(gene_report(readable, encoder)) == ""
    reference = np.full(table.n_windows, 1, np.int32)
    reference[table.gene_index == 3] = 7
    gap = replace(
        readable,
        sequences=sequences,
        sequence_ids=tuple(map(sequence_id, sequences)),
        reference_index=reference,
        sequence_index=np.ones_like(index),
    )
    sentence = describe(gene_report(gap, encoder))
    assert "cannot be read in 1 of 11 genes (g3; distinct sequences without a vector: 1)" in sentence


def test_each_kind_is_said_only_where_it_holds() -> None:
    """Few unknown tokens and one window without a vector are no gene of many unknown tokens."""
    genes = ["g0", "g1", "g2"]
    few = pd.DataFrame({"unknown_fraction": [0.03, 0.0, 0.0], "n_refused": [0, 2, 1]}, index=genes)
    assert "unknown tokens" not in describe(few)
    assert "2 of 3 genes (most in g1; distinct sequences without a vector: 3)" in describe(few)
    many = pd.DataFrame({"unknown_fraction": [0.03, 0.06, 0.2], "n_refused": [0, 0, 0]}, index=genes)
    assert describe(many) == "more than 5% unknown tokens in 2 of 3 genes, most in g2 (20.0%)"


def test_the_run_writes_it(results: Path) -> None:
    files = sorted((results / "embed").glob("unknown_*.csv"))
    assert files
    for path in files:
        report = pd.read_csv(path, index_col="gene_id")
        assert len(report) == 8
        assert report["n_refused"].sum() == 0
        assert (report["unknown_fraction_max"] <= 1).all()
