"""The genome side of a run: files to a table of windows and its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.config.inputs import GenomeConfig
from analyses.genome.variant_paths import find_variants, variant_parts
from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.contigs import check_spelling
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
        return tuple(dict.fromkeys(gene.interval.chrom for gene in self.panel.genes))

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


def open_genome(config: GenomeConfig) -> Genome:
    """Open the files and choose the panel; nothing large is read yet."""
    panel = read_panel(
        config.annotation,
        config.genes,
        transcript=config.transcript,
        biotype=config.biotype,
        unstranded=config.unstranded,
    )
    genome = Genome(Reference(config.reference), panel, VariantFiles(find_variants(config.variants)))
    if not config.contig_aliases:
        check_spelling(genome.chroms, genome.reference.contigs, of="reference")
        check_spelling(genome.chroms, genome.variants.contigs, of="variant files")
    return genome


def count_windows(
    genome: Genome, config: GenomeConfig, subject_ids: Sequence[str], *, progress: Advance | None = None
) -> tuple[WindowTable, dict[str, Any]]:
    """Pass the input gate, build every haplotype's windows, and summarise them.

    Returns
    -------
    table : WindowTable
    summary : dict
        Counts, events by kind, gate and settings: no subject's data.
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


def summarise(table: WindowTable, gate: ReferenceAgreement, genome: Genome) -> dict[str, Any]:
    """Counts, events by kind, gate and settings: no subject's data."""
    return {
        "n_genes": len(table.gene_ids),
        "n_windows": table.n_windows,
        "n_sequences_total": table.n_sequences_total,
        "n_distinct": table.n_distinct,
        "gain": table.gain,
        "events": table.events,
        "gate": gate.to_dict(),
        "settings": table.settings,
        "sources": list(genome.panel.sources),
    }
