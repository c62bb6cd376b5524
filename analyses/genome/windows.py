"""The genome side of a run: files to a table of windows and its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.config.inputs import GenomeConfig
from analyses.errors import InputError
from analyses.genome.variant_paths import find_variants, variant_parts
from analyses.results.schema.runs import GenomeSummary
from analyses.results.schema.runs import ReferenceAgreement as AgreementCounts
from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.contigs import check_spelling, find_contig, list_contigs, unequal_ploidy
from encoders.genome.intervals import Gene
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.reference_check import ReferenceAgreement, check_reference_alleles
from encoders.genome.windows.callable_regions import CallableRegions
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table

if TYPE_CHECKING:
    from analyses.progress import Advance


@dataclass(frozen=True)
class Genome:
    """Opened genome files: reference, panel of genes, genotypes."""

    reference: Reference
    panel: Panel
    variants: VariantFiles

    @property
    def chroms(self) -> tuple[str, ...]:
        """Contigs of the panel, as the annotation names them."""
        return contigs_of(self.panel)

    @property
    def samples(self) -> tuple[str, ...]:
        """Samples with genotypes on every contig of the panel."""
        return self.variants.samples_on(self.chroms)


def genome_files(config: GenomeConfig) -> dict[str, Path]:
    """Every file that the windows depend on, by the configuration key that names it: PGEN and Zarr are several."""
    listed = {
        "reference": config.reference,
        "annotation": config.annotation,
        "variants": find_variants(config.variants),
        "callable_regions": () if config.callable_regions is None else (config.callable_regions,),
    }
    found = {f"genome.{key}.{number}": path for key, paths in listed.items() for number, path in enumerate(paths)}
    parts = {
        f"{key}:{part.relative_to(path.parent)}": part for key, path in found.items() for part in variant_parts(path)
    }
    return {key: path for key, path in found.items() if not path.is_dir()} | parts


def open_genome(config: GenomeConfig, *, usable_only: bool = False) -> Genome:
    """Open the files and choose the panel; nothing large is read yet.

    Parameters
    ----------
    config : GenomeConfig
    usable_only : bool
        Without a list of genes, leave out those that `open_genotypes` leaves out.
    """
    panel, variants = open_genotypes(config, usable_only=usable_only)
    genome = Genome(Reference(config.reference), panel, variants)
    if not config.contig_aliases:
        check_spelling(genome.chroms, genome.reference.contigs, of="reference")
    return genome


def open_genotypes(config: GenomeConfig, *, usable_only: bool = False) -> tuple[Panel, VariantFiles]:
    """The panel and the variant files, without the reference.

    Parameters
    ----------
    config : GenomeConfig
    usable_only : bool
        Without a list of genes, leave out those on other contigs than autosomes and those in which nothing varies: a
        whole annotation asks for none in particular.
    """
    panel = read_panel(
        config.annotation,
        config.genes,
        transcript=config.transcript,
        biotype=config.biotype,
        unstranded=config.unstranded,
    )
    variants = VariantFiles(find_variants(config.variants), dosages=config.dosages)
    if usable_only and config.genes is None:
        panel = _usable(panel, variants, config.promoter_flank if config.unit == "promoter" else 0)
    if not config.contig_aliases:
        check_spelling(contigs_of(panel), variants.contigs, of="variant files", joined=True)
    return panel, variants


def contigs_of(panel: Panel) -> tuple[str, ...]:
    """Contigs of a panel, each once, as the annotation names them."""
    return tuple(dict.fromkeys(gene.interval.chrom for gene in panel.genes))


def count_windows(
    genome: Genome, config: GenomeConfig, subject_ids: Sequence[str], *, progress: Advance | None = None
) -> tuple[WindowTable, GenomeSummary]:
    """Pass the input gate, build every haplotype's windows, and summarise them.

    Returns
    -------
    table : WindowTable
    summary : GenomeSummary
    """
    gate = check_reference_alleles(genome.reference, genome.variants, genome.panel)
    table = make_table(genome, config, subject_ids, progress=progress)
    return table, summarise(table, gate, genome)


def make_table(
    genome: Genome, config: GenomeConfig, subject_ids: Sequence[str], *, progress: Advance | None = None
) -> WindowTable:
    """Every haplotype's windows, whether or not REF agrees with the reference."""
    regions = None if config.callable_regions is None else CallableRegions(config.callable_regions)
    if regions is not None:
        regions.check_contigs(genome.chroms)
    return make_window_table(
        genome.reference,
        genome.panel,
        genome.variants,
        subject_ids=subject_ids,
        unit=config.unit,
        window=config.window,
        unphased=config.unphased,
        missing=config.missing,
        promoter_flank=config.promoter_flank,
        callable_regions=regions,
        outside_callable=config.outside_callable,
        progress=progress,
    )


def summarise(table: WindowTable, agreement: ReferenceAgreement, genome: Genome) -> GenomeSummary:
    """Counts, events by kind, agreement with the reference and settings: no subject's data."""
    return GenomeSummary(
        n_genes=len(table.gene_ids),
        n_windows_per_haplotype=table.n_windows,
        n_haplotype_windows=table.n_sequences_total,
        n_distinct_windows=table.n_distinct,
        gain=table.gain,
        events=dict(table.events),
        reference_agreement=agreement_counts(agreement),
        settings=table.settings,
        sources=tuple(genome.panel.sources),
        skipped_genes=dict(genome.panel.skipped),
        notes=genome.panel.notes or None,
    )


def describe_sequences(table: WindowTable) -> list[str]:
    """A line if references are to be embedded that nobody carries: subjects are kept as differences from them."""
    n_of_reference = len(table.sequences) - table.n_distinct
    if not n_of_reference:
        return []
    places = "a window" if n_of_reference == 1 else f"{n_of_reference:,} windows"
    return [
        f"{len(table.sequences):,} sequences to read: the {table.n_distinct:,} distinct windows, and the reference's "
        f"own of {places} in which everybody differs from it"
    ]


def describe_left_out(skipped: Mapping[str, str], notes: Sequence[str] | None) -> list[str]:
    """A line for every gene that was asked for and is not used, then what else is to be known of the annotation."""
    lines = [f"left out            {gene}: {reason}" for gene, reason in skipped.items()]
    return lines + [f"annotation          {note}" for note in notes or ()]


def agreement_counts(agreement: ReferenceAgreement) -> AgreementCounts:
    """How many records agree with the reference, as results hold it."""
    return AgreementCounts(
        n_records=agreement.n_records, n_matching=agreement.n_matching, n_bases=agreement.n_bases, share=agreement.share
    )


def _usable(panel: Panel, variants: VariantFiles, flank: int) -> Panel:
    """Genes on autosomes in which something varies: a whole annotation asks for none in particular."""
    contigs = variants.contigs
    reasons = {gene: _unusable(gene, variants, contigs, flank) for gene in panel.genes}
    kept = tuple(gene for gene, reason in reasons.items() if not reason)
    if not kept:
        raise InputError(
            f"The variant files need records in autosomal genes of the annotation; they have records on "
            f"{list_contigs(contigs)}, the annotation has genes on {list_contigs(contigs_of(panel))} (the first is "
            f"left out: {next(iter(reasons.values()), 'there is none')}). Give matching files."
        )
    skipped = tuple((gene.gene_id, reason) for gene, reason in reasons.items() if reason)
    return replace(panel, genes=kept, skipped=panel.skipped + skipped)


def _unusable(gene: Gene, variants: VariantFiles, contigs: Sequence[str], flank: int) -> str:
    """Why a gene is left out of a whole annotation; empty where it is not."""
    place = gene.interval
    if unequal_ploidy(place.chrom, variants.length(place.chrom)):
        return f"it lies on {place.chrom}, of which not everyone has two copies"
    if find_contig(place.chrom, contigs) is None:
        return f"the variant files have no records on {place.chrom}"
    around = replace(place, start=max(0, place.start - flank), end=place.end + flank)
    return "" if next(variants.sites(around), None) is not None else "the variant files have no records in it"
