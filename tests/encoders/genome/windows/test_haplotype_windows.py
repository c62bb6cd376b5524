"""Windows anchored on the reference: cutting, sharing, orientation, storage."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.haplotypes.alleles import check_policies
from encoders.genome.haplotypes.consensus import Edit
from encoders.genome.haplotypes.haplotype_sequences import apply_edits, haplotype_sequences
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference
from encoders.genome.sequences import reverse_complement
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.vcf import VcfSource
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table
from encoders.genome.windows.regions import check_unit, make_tiles, split_edit

GENOME = "ACGTTGCAAGGCTTACCATG" * 15


def _gene(name: str, strand: str, *exons: tuple[int, int]) -> Gene:
    placed = tuple(Interval("20", start, end, strand) for start, end in exons)
    body = Interval("20", min(exons)[0], max(exons)[1], strand)
    return Gene(name, name, body, placed, "by hand")


def _panel(*genes: Gene) -> Panel:
    return Panel(genes, "canonical", ("by hand",), "none")


Cohort = tuple[Reference, Panel, VariantFiles, list[str]]


@pytest.fixture
def cohort(simulated_genome: Path) -> Cohort:
    """Six simulated genes, two of them overlapping; 41 phased and 23 partly phased subjects."""
    variants = VariantFiles([simulated_genome / "phased.vcf.gz", simulated_genome / "mixed.vcf.gz"])
    panel = read_panel(simulated_genome / "genes.gtf", unstranded="forward")
    return Reference(simulated_genome / "genome.fa.gz"), panel, variants, list(variants.samples)


@pytest.fixture
def real_cohort(real_data: Path) -> Cohort:
    """17 GRCh37 genes; 300 phased and 203 partly phased subjects."""
    genome = real_data / "genome"
    chr20 = [next((genome / "grch37_chr20").glob(f"*EUR{n}*.vcf.gz")) for n in (300, 203)]
    comt = next((genome / "grch37_chr22").glob("*.vcf.gz"))
    annotations = sorted(genome.glob("grch37_chr2[02]/*.gtf"))
    names = [gene.gene_id for gene in read_panel(annotations[0], unstranded="forward").genes]
    return (
        Reference(sorted(genome.glob("grch37_chr2[02]/*.fa.gz"))),
        read_panel(annotations, [*names, "COMT"], unstranded="forward"),
        VariantFiles([*chr20, comt]),
        list(VariantFiles(chr20).samples),
    )


@st.composite
def edits_of_a_region(draw: st.DrawFn) -> tuple[str, list[Edit], int, str]:
    length = draw(st.integers(1, 40))
    sequence = "".join(draw(st.lists(st.sampled_from("ACGT"), min_size=length, max_size=length)))
    edits, free = [], 0
    while free < length and draw(st.booleans()):
        start = draw(st.integers(free, length - 1))
        end = draw(st.integers(start if start > 0 else start + 1, length))
        edits.append(Edit(start, end, draw(st.text("ACGT", max_size=6))))
        free = end + 1
    return sequence, edits, draw(st.integers(1, 12)), draw(st.sampled_from("+-"))


@given(edits_of_a_region())
def test_windows_joined_are_the_haplotype(case: tuple[str, list[Edit], int, str]) -> None:
    sequence, edits, window, strand = case
    tiles = make_tiles(Interval("20", 0, len(sequence), strand), window)
    changed: dict[int, list[Edit]] = {}
    for edit in edits:
        for number, part in split_edit(edit, tiles):
            changed.setdefault(number, []).append(part)
    pieces = [
        apply_edits(sequence[tile.start : tile.end], changed.get(number, ())) for number, tile in enumerate(tiles)
    ]
    assert "".join(pieces if strand == "+" else pieces[::-1]) == apply_edits(sequence, edits)


def test_indels_stay_with_their_anchor_and_do_not_shift_later_windows(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    """Insertion on the last base of window 1, deletion across windows 2 and 3, subject 2 like the reference."""
    insertion = (110, GENOME[109], GENOME[109] + "TT", ".", ["0|1", "0|0"])
    deletion = (118, GENOME[117:123], GENOME[117], ".", ["1|0", "0|0"])
    vcf = write_vcf([insertion, deletion], samples=("S1", "S2"))
    reference, gene = Reference(write_fasta({"20": GENOME})), _gene("G", "+", (100, 135))
    table = make_window_table(reference, _panel(gene), VariantFiles(vcf), window=10)
    assert table.end.tolist() == [110, 120, 130, 135]
    assert table.weight.tolist() == [10 / 35, 10 / 35, 10 / 35, 5 / 35]
    carried = [[table.sequences[index] for index in table.haplotypes(window)] for window in range(4)]
    tiles = [GENOME[100:110], GENOME[110:120], GENOME[120:130], GENOME[130:135]]
    assert carried[0] == [tiles[0], tiles[0] + "TT", tiles[0], tiles[0]]
    assert carried[1] == [GENOME[110:118], tiles[1], tiles[1], tiles[1]]
    assert carried[2] == [GENOME[123:130], tiles[2], tiles[2], tiles[2]]
    assert carried[3] == [tiles[3]] * 4
    assert table.indptr.tolist() == [0, 1, 2, 3, 3]


def test_minus_strand_runs_from_the_five_prime_end_in_gene_orientation(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    gene = _gene("G", "-", (200, 213), (100, 107))
    vcf = write_vcf([(201, GENOME[200], "T" if GENOME[200] != "T" else "G", ".", ["1|1"])])
    table = make_window_table(Reference(write_fasta({"20": GENOME})), _panel(gene), VariantFiles(vcf), window=5)
    assert table.start.tolist() == [208, 203, 200, 102, 100]
    assert table.exon.tolist() == [1, 1, 1, 2, 2]
    assert table.window.tolist() == [1, 2, 3, 1, 2]
    assert table.sequences[table.reference_index[0]] == reverse_complement(GENOME[208:213])
    assert set(table.haplotypes(2)) != {table.reference_index[2]}
    assert table.n_distinct == 5
    assert len(table.sequences) == 6


def test_events_are_counted_and_ambiguity_never_reaches_a_window(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    genome = GENOME[:104] + "M" + GENOME[105:]
    records = [
        (103, genome[102], "*,A", ".", ["1|1"]),
        (106, genome[105:108], genome[105], ".", ["1|0"]),
        (107, genome[106], "A" if genome[106] != "A" else "C", ".", ["1|1"]),
        (109, genome[108], "C", ".", ["./."]),
        (120, genome[119:131], genome[119], ".", ["0|1"]),
        (129, genome[128], "<DEL>", "END=140", ["1|0"]),
    ]
    table = make_window_table(
        Reference(write_fasta({"20": genome})),
        _panel(_gene("G", "+", (100, 135)), _gene("H", "+", (200, 210))),
        VariantFiles(write_vcf(records)),
        window=10,
    )
    assert table.events == {
        "ambiguous_reference_base": 1, "emptied_window": 2, "gene_without_records": 1, "missing_genotype": 1,
        "overlapping_skipped": 1, "star_allele": 2, "symbolic_deletion": 1,
    }  # fmt: skip
    assert "" in table.sequences
    assert set("".join(table.sequences)) <= set("ACGTN")


@pytest.mark.parametrize("strand", ["+", "-"])
def test_promoters_lie_around_the_transcription_start(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path], strand: str
) -> None:
    vcf = write_vcf([(101, GENOME[100], "T", ".", ["0|0"])])
    table = make_window_table(
        Reference(write_fasta({"20": GENOME})), _panel(_gene("G", strand, (20, 290))), VariantFiles(vcf),
        unit="promoter", promoter_flank=30, window=100,
    )  # fmt: skip
    assert (table.start[0], table.end[0]) == ((0, 50) if strand == "+" else (260, 300))
    assert table.exon.tolist() == [0]


def _assert_windows_joined_are_haplotypes(cohort: Cohort, unphased: str) -> None:
    reference, panel, variants, subjects = cohort
    subjects = [*subjects[:11], *subjects[-26:]]
    table = make_window_table(reference, panel, variants, subject_ids=subjects, unit="gene", unphased=unphased)
    carried = np.stack([table.haplotypes(window) for window in range(table.n_windows)])
    for number, gene in enumerate(panel.genes):
        expected = haplotype_sequences(reference, variants, gene.interval, subjects, unphased=unphased)
        windows = np.flatnonzero(table.gene_index == number)
        for row, subject in enumerate(subjects):
            for copy, sequence in enumerate(expected[subject]):
                column = carried[windows, row * table.ploidy + copy]
                joined = "".join(table.sequences[index] for index in column)
                assert joined == (reverse_complement(sequence) if gene.interval.strand == "-" else sequence)


def _assert_the_table_adds_up(cohort: Cohort, n_genes: int, n_subjects: int, least_gain: float) -> None:
    reference, panel, variants, subjects = cohort
    steps: list[tuple[int, int]] = []
    table = make_window_table(
        reference, panel, variants, subject_ids=subjects, unphased="as-written", progress=lambda *at: steps.append(at)
    )
    assert (len(panel.genes), table.n_subjects, steps[-1]) == (n_genes, n_subjects, (n_genes, n_genes))
    assert table.n_sequences_total == table.n_windows * n_subjects * 2
    assert table.gain > least_gain
    assert np.allclose(np.bincount(table.gene_index, weights=table.weight), 1)
    assert len(set(table.sequences)) == len(table.sequences)


def _assert_batches_change_nothing(cohort: Cohort, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, panel, variants, subjects = cohort
    whole = make_window_table(reference, panel, variants, subject_ids=subjects, unphased="as-written")
    with monkeypatch.context() as patch:
        patch.setattr("encoders.genome.windows.builder.SUBJECTS_AT_ONCE", at_once)
        patch.setattr(VariantFiles, "subjects_apart", True)
        parts = make_window_table(reference, panel, variants, subject_ids=subjects, unphased="as-written")
    assert set(whole.sequences) == set(parts.sequences)
    for window in range(whole.n_windows):
        found, expected = (np.array(table.sequence_ids)[table.haplotypes(window)] for table in (parts, whole))
        assert np.array_equal(found, expected)


def _assert_saved_comes_back(table: WindowTable, tmp_path: Path) -> None:
    for _ in range(2):
        table.save(tmp_path / "windows")
    loaded = WindowTable.load(tmp_path / "windows")
    for name, value in vars(table).items():
        assert np.array_equal(getattr(loaded, name), value), name
        assert type(getattr(loaded, name)) is type(value)
    assert [path.name for path in tmp_path.iterdir()] == ["windows"]
    with pytest.raises(InputError, match="make it"):
        WindowTable.load(tmp_path)


def _assert_the_long_frame_fits(table: WindowTable) -> None:
    frame = table.to_frame()
    assert list(frame.columns) == ["subject_id", "haplotype", "gene_id", "exon", "window", "sequence_id"]
    assert len(frame) == table.n_sequences_total
    row = frame.iloc[5 * 74 + 2 * 9 + 1]
    assert (row.subject_id, row.haplotype, row.gene_id) == (
        table.subject_ids[9], 2, table.gene_ids[table.gene_index[5]],
    )  # fmt: skip
    assert row.sequence_id == table.sequence_ids[table.haplotypes(5)[2 * 9 + 1]]


def _of_37_subjects(cohort: Cohort) -> WindowTable:
    reference, panel, variants, subjects = cohort
    table = make_window_table(reference, panel, variants, subject_ids=subjects[-37:], unphased="as-written")
    assert table.subject_ids == tuple(subjects[-37:])
    return table


@pytest.mark.parametrize("unphased", ["as-written", "iupac", "iupac-unphased", "alternate"])
def test_windows_of_a_cohort_joined_equal_the_haplotypes(cohort: Cohort, unphased: str) -> None:
    _assert_windows_joined_are_haplotypes(cohort, unphased)


def test_six_genes_in_64_subjects(cohort: Cohort) -> None:
    _assert_the_table_adds_up(cohort, 6, 64, 15)
    reference, panel, variants, _ = cohort
    with pytest.raises(InputError, match="unphased heterozygote in M"):
        make_window_table(reference, panel, variants)


@pytest.mark.parametrize("unit", ["exon", "gene"])
def test_distinct_windows_are_those_of_bcftools_haplotypes_cut_by_its_chain(
    cohort: Cohort, simulated_genome: Path, unit: Any
) -> None:
    """Not the number alone: the very sequences, gene by gene."""
    reference, panel, variants, _ = cohort
    expected = json.loads((simulated_genome / "windows.json").read_text())[unit]
    assert expected.keys() == {gene.gene_id for gene in panel.genes}
    for gene in panel.genes:
        alone = replace(panel, genes=(gene,))
        table = make_window_table(reference, alone, variants, unit=unit, unphased="as-written")
        carried = {table.sequences[index] for window in range(table.n_windows) for index in table.haplotypes(window)}
        assert {
            "n_windows": table.n_windows,
            "n_distinct": table.n_distinct,
            "sha256_of_sorted": hashlib.sha256("\n".join(sorted(carried)).encode()).hexdigest(),
        } == expected[gene.gene_id], gene.gene_id


def test_batches_of_subjects_give_the_same_table(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    _assert_batches_change_nothing(cohort, 27, monkeypatch)


def test_a_record_that_is_decoded_for_all_is_read_once_for_any_number_of_subjects(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, panel, variants, subjects = cohort
    fetch, n_read = VcfSource._fetch, []

    def counted(self: VcfSource, reader: Any, contig: str, interval: Interval | None) -> Iterator[Any]:
        for record in fetch(self, reader, contig, interval):
            n_read[-1] += interval is not None
            yield record

    monkeypatch.setattr("encoders.genome.windows.builder.SUBJECTS_AT_ONCE", 5)
    monkeypatch.setattr(VcfSource, "_fetch", counted)
    for n_subjects in (4, 37):
        n_read.append(0)
        make_window_table(reference, panel, variants, subject_ids=subjects[:n_subjects], unphased="as-written")
    assert n_read[0] == n_read[1] > 0


def test_saved_tables_come_back_whole(cohort: Cohort, tmp_path: Path) -> None:
    _assert_saved_comes_back(_of_37_subjects(cohort), tmp_path)


def test_the_long_frame_has_one_row_per_window_and_haplotype(cohort: Cohort) -> None:
    _assert_the_long_frame_fits(_of_37_subjects(cohort))


def test_seventeen_real_genes_in_503_subjects(
    real_cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unphased in ("as-written", "iupac", "iupac-unphased", "alternate"):
        _assert_windows_joined_are_haplotypes(real_cohort, unphased)
    _assert_the_table_adds_up(real_cohort, 17, 503, 250)
    _assert_batches_change_nothing(real_cohort, 197, monkeypatch)
    reference, panel, variants, subjects = real_cohort
    with pytest.raises(InputError, match="unphased heterozygote in NA12878"):
        make_window_table(reference, panel, variants, subject_ids=subjects)
    for chosen in (subjects[:37], subjects[-37:]):
        _assert_the_long_frame_fits(_of_37_subjects((reference, panel, variants, chosen)))
    _assert_saved_comes_back(_of_37_subjects((reference, panel, variants, subjects[:37])), tmp_path)


def test_comt_in_3202_subjects_has_the_published_number_of_distinct_windows(real_data: Path) -> None:
    folder = real_data / "genome/grch38_chr22"
    reference, variants = Reference(next(folder.glob("*.fa.gz"))), VariantFiles(next(folder.glob("*.vcf.gz")))
    table = make_window_table(reference, read_panel(next(folder.glob("*.gtf"))), variants, unit="gene")
    assert (table.n_subjects, table.n_windows, table.n_distinct) == (3202, 57, 1293)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window 0"),
        ({"subject_ids": ["S1", "S9"]}, r"1 of 2 \(first S9; near names: none\)"),
        ({"subject_ids": ["S1", "S1"]}, "named once each"),
        ({"subject_ids": []}, "at least one"),
    ],
)
def test_bad_requests_are_refused(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path], arguments: dict[str, object], message: str
) -> None:
    reference = Reference(write_fasta({"20": GENOME}))
    variants = VariantFiles(write_vcf([(101, GENOME[100], "T", ".", ["0|0"])]))
    with pytest.raises(InputError, match=message):
        make_window_table(reference, _panel(_gene("G", "+", (100, 135))), variants, **arguments)


def test_words_that_mean_nothing_are_refused_with_those_that_do() -> None:
    with pytest.raises(InputError, match="must be one of phased, as-written"):
        check_policies("random", "reference")
    with pytest.raises(InputError, match="must be one of reference, N"):
        check_policies("phased", "drop")
    with pytest.raises(InputError, match="must be one of exon, gene, promoter"):
        check_unit("intron")
