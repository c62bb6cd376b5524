"""Alleles alone are what haplotypes that carry nothing else hold: indels, several ALT, both strands, two files."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.carried_alleles import AlleleReader, CarriedAllele, point_mutants
from encoders.genome.windows.haplotype_windows import make_window_table
from encoders.genome.windows.table import WindowTable

Read = tuple[WindowTable, list[CarriedAllele], Panel]


@pytest.fixture(scope="module", params=["exon", "gene"])
def read(simulated_genome: Path, request: pytest.FixtureRequest) -> Read:
    unit: Any = request.param
    panel = read_panel(simulated_genome / "genes.gtf", unstranded="forward")
    reference = Reference(simulated_genome / "genome.fa.gz")
    variants = VariantFiles([simulated_genome / "phased.vcf.gz", simulated_genome / "mixed.vcf.gz"])
    table = make_window_table(reference, panel, variants, unit=unit, window=130, unphased="as-written")
    reader = AlleleReader(reference, panel, variants, table.subject_ids, unit, 130, 1000)
    return table, list(reader.read()), panel


def test_a_haplotype_with_one_allele_in_a_window_holds_the_sequence_of_that_allele(read: Read) -> None:
    table, alleles, _ = read
    carried: dict[int, list[tuple[str, CarriedAllele]]] = defaultdict(list)
    for allele in alleles:
        for window, text in allele.changed:
            carried[window].append((text, allele))
    kinds = set()
    for window, of_window in carried.items():
        copies = np.sum([allele.copies for _, allele in of_window], axis=0)
        entries = slice(table.indptr[window], table.indptr[window + 1])
        held = defaultdict(list)
        for haplotype, index in zip(table.haplotype_index[entries], table.sequence_index[entries], strict=True):
            held[int(haplotype) // 2].append(table.sequences[index])
        for text, allele in of_window:
            for subject in np.flatnonzero((copies == 1) & (allele.copies == 1)).tolist():
                assert held[subject] == [text]
                kinds.add((len(allele.alt) - len(allele.ref) > 0, len(allele.ref) > 1, table.strand[window]))
    assert {strand for *_, strand in kinds} == {"+", "-"}
    assert len(kinds) >= 5  # substitutions, insertions and deletions on both strands


def test_every_subject_that_differs_somewhere_carries_an_allele_there(read: Read) -> None:
    table, alleles, _ = read
    differs = np.zeros((table.n_subjects, table.n_windows), dtype=bool)
    windows = np.repeat(np.arange(table.n_windows), np.diff(table.indptr))
    differs[table.haplotype_index // 2, windows] = True
    explained = np.zeros_like(differs)
    for allele in alleles:
        for window, _ in allele.changed:
            explained[:, window] |= allele.copies > 0
    assert differs.any()
    assert not (differs & ~explained).any()


def test_places_and_order_are_those_of_the_records(read: Read, simulated_genome: Path) -> None:
    import pysam

    table, alleles, panel = read
    known = {}
    with pysam.VariantFile(str(simulated_genome / "phased.vcf.gz")) as file:
        for record in file:
            for code, alt in enumerate(record.alts or (), start=1):
                copies = sum(list(sample["GT"]).count(code) for sample in record.samples.values())
                known[record.chrom, record.pos - 1, record.ref, alt] = copies
    n_several = defaultdict(set)
    for allele in alleles:
        key = (allele.chrom, allele.position, allele.ref, allele.alt)
        assert int(allele.copies[:41].sum()) == known[key]  # the other file's subjects stand behind these
        n_several[key[:3]].add(allele.alt)
        assert allele.copies.max() <= 2
    if table.settings["unit"] == "gene":
        assert max(map(len, n_several.values())) > 1, "a site with several ALT must be among them"
    by_gene = [[one.position for one in alleles if one.gene == gene] for gene in range(len(panel.genes))]
    assert all(positions == sorted(positions) for positions in by_gene)


def test_a_window_has_three_mutants_a_base() -> None:
    mutants = list(point_mutants("ACGTN"))
    assert len(mutants) == 12
    assert all(sum(a != b for a, b in zip(text, "ACGTN", strict=True)) == 1 for _, _, text in mutants)
    assert len({text for *_, text in mutants}) == 12
