"""What a gene's windows hold that cannot be read, counted by hand."""

import pytest

from encoders import InputError, load_encoder
from encoders.dna.unknown_bases import report_unknown

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
CLEAN = "ACGTTGCAACGGATTACAGC"  # 20 bp


def load(name: str, **options: object):  # type: ignore[no-untyped-def]
    sizes = {"d_model": 12, "n_layer": 2} if "caduceus" in name else SMALL
    return load_encoder(name, device="cpu", **(sizes | options))


def test_the_table_counts_per_gene() -> None:
    genes = ["B", "A", "B", "B", "A"]
    sequences = [CLEAN, f"{CLEAN[:10]}N{CLEAN[10:]}", "acgrygcaacggauuacagc", "N" * 20, CLEAN * 30]
    report = report_unknown(genes, sequences, load("untrained:dnabert-3"))
    assert report.index.tolist() == ["B", "A"]
    assert report["n_sequences"].tolist() == [3, 2]
    assert report["n_bp"].tolist() == [60, 621]
    assert report["ambiguous_bases"].tolist() == [2, 0]
    assert report["n_fraction"].tolist() == pytest.approx([22 / 60, 1 / 621])
    assert report["unknown_fraction"].tolist() == pytest.approx([(4 / 18 + 1) / 3, (3 / 19) / 2])
    assert report["unknown_fraction_max"].tolist() == pytest.approx([1, 3 / 19])
    assert report["n_warned"].tolist() == [1, 1]
    assert report["n_refused"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "fraction"),
    [
        ("untrained:dnabert-6", 6 / 16),  # six of sixteen k-mers
        ("untrained:dnabert2", 1 / 5),  # pieces of 5 bases: 2 before the N, and 2 after it
        ("untrained:caduceus-ps", 1 / 21),  # a token per base
    ],
)
def test_tokens_are_counted_as_the_encoder_reads_them(name: str, fraction: float) -> None:
    sequence = f"{CLEAN[:10]}N{CLEAN[10:]}"
    for rc in ("forward", "average"):
        report = report_unknown(["G"], [sequence], load(name, rc=rc))
        assert report["unknown_fraction"].tolist() == pytest.approx([fraction])


def test_the_gap_of_a_long_sequence_is_counted_whole() -> None:
    sequence = CLEAN * 50 + "N" * 1000 + CLEAN * 50
    (row,) = report_unknown(["G"], [sequence], load("untrained:caduceus-ph")).to_dict("records")
    assert row["unknown_fraction"] == row["n_fraction"] == pytest.approx(1 / 3)
    assert (row["n_warned"], row["n_refused"]) == (1, 0)


def test_an_encoder_without_tokens_is_counted_in_kmers() -> None:
    report = report_unknown(["G", "G"], ["ACGTNACG", ""], load_encoder("kmer-spectrum", k=3))
    assert report["unknown_fraction"].tolist() == pytest.approx([(0.5 + 1) / 2])
    assert report["n_refused"].tolist() == [1]


def test_a_list_of_another_length_and_a_letter_that_is_no_base_are_refused() -> None:
    encoder = load_encoder("kmer-spectrum")
    with pytest.raises(InputError, match="got 2 sequences and 1 genes"):
        report_unknown(["G"], ["ACGT", "ACGT"], encoder)
    with pytest.raises(InputError, match="holds only A, C, G, T"):
        report_unknown(["G"], ["ACG!"], encoder)
