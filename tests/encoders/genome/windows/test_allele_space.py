"""Counting distinct windows without a FASTA, and what callable regions change."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.haplotypes.patterns import PatternTree
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.allele_space import RecordedReference, WindowCount
from encoders.genome.windows.callable_regions import CallableRegions, check_outside
from encoders.genome.windows.haplotype_windows import count_in_allele_space, make_window_table

GENOME = "ACGTTGCAAGGCTTACCATG" * 15


def _panel(*exons: tuple[int, int]) -> Panel:
    placed = tuple(Interval("20", start, end) for start, end in exons)
    gene = Gene("G", "G", Interval("20", exons[0][0], exons[-1][1]), placed, "by hand")
    return Panel((gene,), "canonical", ("by hand",), "none")


def test_windows_and_exons_of_56_real_genes_in_2504_subjects(real_data: Path) -> None:
    """7,724 of 5,428,672 windows and 8,071 of 4,156,640 exons within 1 %, as counted outside this code."""
    folder = real_data / "genome/grch38_pgx_vcf"
    names = [path.stem for path in sorted(folder.glob("*.bcf")) if path.stem not in {"G6PD", "GSTM1"}]
    panel = read_panel(folder / "genes.GRCh38.111.pgx.gtf", names)
    subjects = VariantFiles(next((real_data / "genome/grch37_chr22").glob("*.vcf.gz"))).samples
    variants = VariantFiles([folder / f"{name}.bcf" for name in names])
    count = count_in_allele_space(panel, variants, subject_ids=subjects)
    assert (count.n_subjects, count.n_windows_per_haplotype, count.n_haplotype_windows) == (2504, 1084, 5_428_672)
    assert abs(count.n_distinct_windows - 7724) <= 77
    assert count.gain == count.n_haplotype_windows / count.n_distinct_windows
    assert len(count.by_gene) == 56
    exons = count_in_allele_space(panel, variants, subject_ids=subjects, window=100_000)
    assert exons.n_windows_per_haplotype == 830
    assert abs(exons.n_distinct_windows - 8071) <= 81


Files = tuple[Reference, Panel, VariantFiles]


@pytest.fixture
def files(simulated_genome: Path) -> Files:
    """Five simulated genes and 41 phased subjects."""
    panel = read_panel(simulated_genome / "genes.gtf")
    assert [gene for gene, _ in panel.skipped] == ["G5"]
    return Reference(simulated_genome / "genome.fa.gz"), panel, VariantFiles(simulated_genome / "phased.vcf.gz")


@pytest.fixture
def comt(real_data: Path) -> Files:
    """COMT in 3,202 subjects."""
    folder = real_data / "genome/grch38_chr22"
    panel = read_panel(next(folder.glob("*.gtf")))
    return Reference(next(folder.glob("*.fa.gz"))), panel, VariantFiles(next(folder.glob("*.vcf.gz")))


def _assert_alleles_count_a_little_more(files: Files, unit: Any) -> None:
    reference, panel, variants = files
    table = make_window_table(reference, panel, variants, unit=unit)
    truth, found = WindowCount.of(table), count_in_allele_space(panel, variants, unit=unit)
    assert truth.n_distinct_windows <= found.n_distinct_windows <= 1.03 * truth.n_distinct_windows
    assert (found.n_subjects, found.n_haplotype_windows) == (truth.n_subjects, truth.n_haplotype_windows)
    assert found.events == truth.events
    assert truth.by_gene == table.n_distinct_by_gene()
    assert truth.by_gene.keys() == {gene.gene_id for gene in panel.genes}


@pytest.mark.parametrize("unit", ["exon", "gene", "promoter"])
def test_alleles_count_a_little_more_than_sequences_and_never_less(files: Files, unit: Any) -> None:
    _assert_alleles_count_a_little_more(files, unit)


@pytest.mark.parametrize("unit", ["exon", "gene"])
def test_the_count_by_alleles_is_within_3_percent_of_bcftools(simulated_genome: Path, unit: Any) -> None:
    """All 64 subjects, gene by gene, against the distinct windows of bcftools' haplotypes."""
    variants = VariantFiles([simulated_genome / "phased.vcf.gz", simulated_genome / "mixed.vcf.gz"])
    panel = read_panel(simulated_genome / "genes.gtf", unstranded="forward")
    expected = json.loads((simulated_genome / "windows.json").read_text())[unit]
    found = count_in_allele_space(panel, variants, unit=unit, unphased="as-written")
    assert found.n_windows_per_haplotype == sum(answer["n_windows"] for answer in expected.values())
    assert found.n_haplotype_windows == 2 * 64 * found.n_windows_per_haplotype
    assert found.by_gene.keys() == expected.keys()
    for gene, answer in expected.items():
        assert answer["n_distinct"] <= found.by_gene[gene] <= 1.03 * answer["n_distinct"], gene


def test_alleles_of_a_real_gene_count_a_little_more_and_in_chunks_the_same(
    comt: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unit in ("exon", "gene", "promoter"):
        _assert_alleles_count_a_little_more(comt, unit)
    _assert_chunks_change_nothing(comt, 137, monkeypatch)


def test_records_that_contradict_one_another_stop_a_count_without_fasta(write_vcf: Callable[..., Path]) -> None:
    vcf = write_vcf([(105, "ACG", "A", ".", ["0|1"]), (106, "T", "C", ".", ["0|0"])])
    with pytest.raises(InputError, match=r"20:106 T .* has T at 20:106, where another record has C"):
        count_in_allele_space(_panel((100, 130)), VariantFiles(vcf))


def test_unknown_bases_are_all_different_and_known_ones_are_the_reference(write_vcf: Callable[..., Path]) -> None:
    vcf = write_vcf([(98, "ACGT", "A", ".", ["0|1"]), (106, "T", "C", ".", ["0|0"])])
    sequence = RecordedReference(VariantFiles(vcf), ["20"]).fetch(Interval("20", 99, 110))
    assert (sequence[:2], sequence[6]) == ("GT", "T")
    assert len(set(sequence)) == 10


def _two_samples(write_vcf: Callable[..., Path]) -> Path:
    """A substitution inside and one outside the callable region, an insertion on its last base."""
    rows = [
        (104, GENOME[103], "A" if GENOME[103] != "A" else "C", ".", ["0|1", "0|0"]),
        (110, GENOME[109], GENOME[109] + "TT", ".", ["0|0", "1|0"]),
        (114, GENOME[113], "A" if GENOME[113] != "A" else "C", ".", ["1|1", "0|0"]),
    ]
    return write_vcf(rows, samples=("S1", "S2"))


@pytest.mark.parametrize("zipped", [False, True])
def test_outside_the_targets_of_an_exome_nothing_is_known(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path], tmp_path: Path, zipped: bool
) -> None:
    bed = tmp_path / "targets.bed"
    text = "track name=targets\nchr20\t90\t103\tA\nchr20\t102\t110\n19\t0\t9000\n"
    if zipped:
        bed.write_bytes(gzip.compress(text.encode()))
    else:
        bed.write_text(text)
    arguments = (Reference(write_fasta({"20": GENOME})), _panel((100, 120)), VariantFiles(_two_samples(write_vcf)))
    everywhere = make_window_table(*arguments, window=20)
    assumed = make_window_table(*arguments, window=20, callable_regions=CallableRegions(bed))
    masked = make_window_table(*arguments, window=20, callable_regions=CallableRegions(bed), outside_callable="N")
    assert assumed.sequences == everywhere.sequences
    assert assumed.events == {"outside_callable_allele": 2, "outside_callable_base": 10}
    assert masked.events == assumed.events
    assert assumed.settings["callable"] == str(bed)
    carried = [masked.sequences[index] for index in masked.haplotypes(0)]
    inside, changed = GENOME[100:110], GENOME[100:103] + ("A" if GENOME[103] != "A" else "C") + GENOME[104:110]
    assert carried == [inside + "N" * 10, changed + "N" * 10, inside + "TT" + "N" * 10, inside + "N" * 10]


def test_bad_bed_files_each_have_their_sentence(tmp_path: Path) -> None:
    bed = tmp_path / "targets.bed"
    with pytest.raises(InputError, match="does not exist"):
        CallableRegions(bed)
    bed.write_text("# nothing\n")
    with pytest.raises(InputError, match="needs at least one"):
        CallableRegions(bed)
    bed.write_text("20\t5\t9\n20\t9\t9\n")
    with pytest.raises(InputError, match=r"line 2 of .* is '20.t9.t9'"):
        CallableRegions(bed)
    bed.write_text("20\t5\t9\n")
    with pytest.raises(InputError, match=r"contigs of the panel \(chr7\); .* has 20"):
        CallableRegions(bed).check_contigs(["chr7"])
    with pytest.raises(InputError, match="reference, N; got 'drop'"):
        check_outside("drop")


def test_pattern_tree_equals_the_plain_grouping_of_columns() -> None:
    rng = np.random.default_rng(5)
    codes = rng.choice(np.array([0, 0, 0, 0, 1, 2, -1, -70_000], dtype=np.int32), size=(23, 137))
    codes[:, :60] = codes[:, [0]]
    codes[:, 60:70] = 0
    tree = PatternTree(137)
    for first in (0, 5, 6, 20):
        tree.add(codes[first : {0: 5, 5: 6, 6: 20, 20: 23}[first]])
    found = {tuple(path): haplotypes.tolist() for path, haplotypes in tree.patterns()}
    expected: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for column in range(137):
        path = tuple((row, int(codes[row, column])) for row in np.flatnonzero(codes[:, column]))
        if path:
            expected.setdefault(path, []).append(column)
    assert found == expected


def _assert_chunks_change_nothing(files: Files, n_subjects: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, panel, variants = files
    subjects = variants.samples[:n_subjects]
    whole = make_window_table(reference, panel, variants, subject_ids=subjects, unit="gene")
    with monkeypatch.context() as patch:
        patch.setattr("encoders.genome.haplotypes.patterns.GENOTYPES_AT_ONCE", n_subjects * 37)
        parts = make_window_table(reference, panel, variants, subject_ids=subjects, unit="gene")
    for name in ("sequences", "events"):
        assert getattr(parts, name) == getattr(whole, name)
    for name in ("indptr", "haplotype_index", "sequence_index"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name))


def test_chunks_of_records_do_not_change_the_table(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    _assert_chunks_change_nothing(files, 31, monkeypatch)
