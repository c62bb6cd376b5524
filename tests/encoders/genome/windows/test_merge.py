"""Tables of parts of a panel, joined, are the table of the panel: every array, every order, every count."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table
from encoders.genome.windows.merge import merge_window_tables

Files = tuple[Reference, Panel, VariantFiles]


def assert_same(one: WindowTable, other: WindowTable) -> None:
    for field in fields(WindowTable):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if isinstance(first, np.ndarray):
            assert first.dtype == second.dtype, field.name
            assert first.tobytes() == second.tobytes(), field.name
        else:
            assert first == second, field.name


def _gene(name: str, strand: str, *exons: tuple[int, int]) -> Gene:
    placed = tuple(Interval("20", start, end, strand) for start, end in exons)
    return Gene(name, name, Interval("20", min(exons)[0], max(exons)[1], strand), placed, "by hand")


@pytest.fixture
def files(write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]) -> Files:
    """11 genes on a genome that repeats itself: genes share sequences, overlap, and one has no records."""
    rng = np.random.default_rng(3)
    samples = [f"S{number}" for number in range(37)]
    genome = "ACGTTGCAAGGCTTACCATG" * 60
    records = []
    for position in range(5, 1000, 13):
        ref = genome[position - 1]
        alt = "ACGT"[("ACGT".index(ref) + 1) % 4] if position % 3 else ref + "TT"
        genotypes = ["|".join(map(str, pair)) for pair in rng.integers(0, 2, (37, 2))]
        genotypes[position % 37] = ".|."
        records.append((position, ref, alt, ".", genotypes))
    genes = [
        _gene(f"G{n}", "+-"[n % 2], (20 * 4 * n, 20 * 4 * n + 55), (20 * 4 * n + 60, 20 * 4 * n + 103))
        for n in range(10)
    ]
    panel = Panel((*genes[::-1], _gene("G10", "+", (1100, 1180))), "canonical", ("by hand",), "none")
    return Reference([write_fasta({"20": genome})]), panel, VariantFiles([write_vcf(records, samples=samples)])


def _make(files: Files, genes: Sequence[int] | None = None) -> WindowTable:
    reference, panel, variants = files
    chosen = panel if genes is None else replace(panel, genes=tuple(panel.genes[gene] for gene in genes))
    return make_window_table(reference, chosen, variants, window=25)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.integers(0, 4), min_size=11, max_size=11), st.randoms(use_true_random=False))
def test_any_parts_in_any_order_join_to_the_whole(files: Files, shard_of: list[int], random: object) -> None:
    whole, gene_ids = _make(files), [gene.gene_id for gene in files[1].genes]
    parts = [_make(files, [g for g in range(11) if shard_of[g] == shard]) for shard in sorted(set(shard_of))]
    random.shuffle(parts)  # type: ignore[attr-defined]  # hypothesis gives no narrower type
    assert len(whole.sequences) < sum(len(part.sequences) for part in parts) or len(parts) == 1
    assert_same(merge_window_tables(parts, gene_ids), whole)


def test_a_gene_missing_or_twice_is_named(files: Files) -> None:
    gene_ids = [gene.gene_id for gene in files[1].genes]
    one, two = _make(files, range(6)), _make(files, range(5, 11))
    with pytest.raises(InputError, match=r"1 are missing, repeated or unknown \(first G4, 2 times\)"):
        merge_window_tables([one, two], gene_ids)
    with pytest.raises(InputError, match=r"5 are missing.*first G3, 0 times"):
        merge_window_tables([one], gene_ids)


def test_parts_of_other_subjects_are_refused(files: Files) -> None:
    reference, panel, variants = files
    rest = replace(panel, genes=panel.genes[6:])
    fewer = make_window_table(reference, rest, variants, window=25, subject_ids=variants.samples[:5])
    with pytest.raises(InputError, match="the same subject_ids"):
        merge_window_tables([_make(files, range(6)), fewer], [gene.gene_id for gene in panel.genes])


def _assert_thirds_join(files: Files) -> None:
    reference, panel, variants = files

    def make(genes: tuple[Gene, ...]) -> WindowTable:
        chosen = replace(panel, genes=genes)
        return make_window_table(reference, chosen, variants, unphased="as-written", unit="gene")

    parts = [make(panel.genes[shard::3]) for shard in range(3)]
    assert_same(merge_window_tables(parts, [gene.gene_id for gene in panel.genes]), make(panel.genes))


def test_simulated_genes_of_two_contigs_join_to_the_whole(simulated_genome: Path) -> None:
    variants = VariantFiles([simulated_genome / "phased.vcf.gz", simulated_genome / "mixed.vcf.gz"])
    panel = read_panel(simulated_genome / "genes.gtf", unstranded="forward")
    _assert_thirds_join((Reference(simulated_genome / "genome.fa.gz"), panel, variants))


def test_real_genes_join_to_the_whole(real_data: Path) -> None:
    folder = real_data / "genome" / "grch37_chr20"
    panel = read_panel(sorted(folder.glob("*.gtf")), unstranded="forward")
    variants = VariantFiles([next(folder.glob(f"*EUR{n}*.vcf.gz")) for n in (300, 203)])
    _assert_thirds_join((Reference(sorted(folder.glob("*.fa.gz"))), panel, variants))
