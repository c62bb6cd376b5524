"""Introns of the demo read GT ... AG on both strands; exons and variable sites are what they were."""

from collections import Counter

import pysam

from analyses.simulation.cohort import DemoCohort
from encoders.genome.annotation import read_panel
from encoders.genome.sequences import reverse_complement
from encoders.training.tasks.splice import DONOR, intron_ends


def test_introns_begin_and_end_as_introns_do(cohort: DemoCohort) -> None:
    cores: Counter[str] = Counter()
    strands = set()
    with pysam.FastaFile(str(cohort.reference)) as fasta:
        for gene in read_panel(cohort.annotation).genes:
            strands.add(gene.interval.strand)
            for label, at in intron_ends(gene):
                ahead = (label == DONOR) == (gene.interval.strand == "+")
                two = fasta.fetch(gene.interval.chrom, *((at, at + 2) if ahead else (at - 2, at)))
                cores[two if gene.interval.strand == "+" else reverse_complement(two)] += 1
    assert strands == {"+", "-"}
    assert (cores["GT"] + cores["AG"]) / cores.total() > 0.9  # the others hold a variable site
    assert cores["GT"] > 0.4 * cores.total()


def test_alleles_still_spell_the_reference(cohort: DemoCohort) -> None:
    n = 0
    with pysam.FastaFile(str(cohort.reference)) as fasta, pysam.VariantFile(str(cohort.variants)) as variants:
        for record in variants:
            assert fasta.fetch(record.chrom, record.start, record.stop) == record.ref
            n += 1
    assert n > 100
