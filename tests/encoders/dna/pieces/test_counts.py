"""What is planted is found against shuffles, and nothing where nothing is; codons on both strands."""

import numpy as np
import pytest

from encoders.dna.pieces import compare_counts, count_cuts, kmer_reader, shuffle_dinucleotides, six_mer_reader
from encoders.errors import InputError
from encoders.genome.annotation.codons import codon_places
from encoders.genome.intervals import CodingPart, Interval

PLANTED = "GATTACA"[:6]


def _counts(genes: list[str], n_shuffles: int, rng: np.random.Generator) -> np.ndarray:
    reader = kmer_reader(6)
    rows = [[gene, *shuffle_dinucleotides(gene, n_shuffles, rng)] for gene in genes]
    table = np.zeros((n_shuffles + 1, len(reader.texts)), dtype=np.int64)
    for gene in rows:
        for row, sequence in enumerate(gene):
            table[row] += np.bincount(reader.read(sequence)[0], minlength=table.shape[1])
    return table


def test_a_word_planted_in_every_gene_is_the_one_that_is_found() -> None:
    rng = np.random.default_rng(11)
    genes = ["".join(rng.choice(list("ACGT"), n)) for n in rng.integers(150, 260, 13)]
    places = [int(rng.integers(1, len(gene) - 6)) for gene in genes]
    planted = [gene[:at] + PLANTED + gene[at + 6 :] for gene, at in zip(genes, places, strict=True)]
    reader = kmer_reader(6)
    word = reader.texts.index(PLANTED)
    found = compare_counts(_counts(planted, 79, rng))
    assert found.p_fwer[word] == 1 / 80
    assert found.z.argmax() == word
    nothing = compare_counts(_counts(genes, 79, rng))
    assert nothing.p_fwer.min() > 0.05


def test_p_is_the_share_of_rows_that_are_at_least_as_far() -> None:
    table = np.array([[5, 1, 4], [0, 1, 4], [1, 0, 4], [2, 2, 4], [7, 1, 4]])
    found = compare_counts(table, floor=0.0)
    z = (table - table.mean(axis=0)) / np.where(table.std(axis=0) > 0, table.std(axis=0), 1)
    np.testing.assert_allclose(found.p, (np.abs(z) >= np.abs(z[0]) - 1e-9).mean(axis=0))
    largest = np.abs(z).max(axis=1)
    np.testing.assert_allclose(found.p_fwer, [(largest >= abs(one) - 1e-9).mean() for one in z[0]])
    assert found.p[2] == 1.0  # what never changes is no surprise


def test_counts_need_a_shuffle() -> None:
    with pytest.raises(InputError, match="one is needed at least; got 0"):
        compare_counts(np.ones((1, 3)))


@pytest.mark.parametrize("strand", ["+", "-"])
def test_codons_are_counted_along_the_strand_over_exons(strand: str) -> None:
    """A coding sequence of two exons, the second of which begins with the last two bases of a codon."""
    lengths = (7, 11)
    ends = [100 + lengths[0], 140 + lengths[1]]
    plus = [Interval("1", 100, ends[0], "+"), Interval("1", 140, ends[1], "+")]
    exons = plus if strand == "+" else [Interval("1", 300 - one.end, 300 - one.start, "-") for one in plus]
    coding = [CodingPart(exons[0], 0), CodingPart(exons[1], 2)]
    first, second = (codon_places(exon, coding).tolist() for exon in exons)
    assert first + second == [base % 3 for base in range(sum(lengths))]
    around = Interval("1", exons[0].start - 2, exons[0].end + 1, strand)
    before, after = (2, 1) if strand == "+" else (1, 2)
    assert codon_places(around, coding).tolist() == [-1] * before + first + [-1] * after


def test_pieces_in_frame_cut_nothing_and_others_all() -> None:
    sequence, reader = "ACGTTA" * 12, six_mer_reader()
    places = np.tile(np.array([0, 1, 2], np.int8), 24)
    _, starts = reader.read(sequence)
    assert count_cuts(places, starts) == (11, 0)
    assert count_cuts(np.roll(places, 1), starts) == (11, 11)
    assert count_cuts(np.full(72, -1, np.int8), starts) == (0, 0)
    utr = places.copy()
    utr[:36] = -1
    assert count_cuts(utr, starts) == (5, 0)


def test_the_seam_of_two_coding_sequences_is_no_codon() -> None:
    """A window in which one coding part ends within a codon and the next begins anew has no boundary there."""
    places = np.array([0, 1, 0, 1, 2, 0], np.int8)
    assert count_cuts(places, np.arange(6)) == (4, 3)
