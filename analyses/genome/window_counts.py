"""Distinct windows from genome files alone: no configuration, no brain, no encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analyses.errors import InputError
from analyses.genome.variant_paths import find_variants, read_subjects

if TYPE_CHECKING:
    from analyses.progress import Advance
    from encoders.genome.annotation.panel import Panel, TranscriptRule, UnstrandedPolicy
    from encoders.genome.haplotypes.alleles import MissingPolicy, UnphasedPolicy
    from encoders.genome.intervals import Gene
    from encoders.genome.variants.files import VariantFiles
    from encoders.genome.windows.allele_space import WindowCount
    from encoders.genome.windows.table import WindowTable


@dataclass(frozen=True)
class WindowRequest:
    """Files, units and policies; the words are those of the configuration's ``genome`` section.

    Parameters
    ----------
    reference : tuple of Path
        Empty for a count in allele space.
    annotation, variants : tuple of Path
        A folder of variant files stands for all in it.
    subjects : Path, optional
        One id a line (the first column of a table).
    genes : tuple of str, optional
        By default every gene of ``biotype`` that lies on an autosome and holds records.
    """

    reference: tuple[Path, ...]
    annotation: tuple[Path, ...]
    variants: tuple[Path, ...]
    subjects: Path | None = None
    genes: tuple[str, ...] | None = None
    biotype: str | None = "protein_coding"
    unit: Literal["exon", "gene", "promoter"] = "exon"
    window: int = 510
    flank: int = 1000
    transcript: TranscriptRule = "canonical"
    unphased: UnphasedPolicy = "phased"
    missing: MissingPolicy = "reference"
    unstranded: UnstrandedPolicy = "refuse"
    callable_bed: Path | None = None
    outside_callable: Literal["reference", "N"] = "reference"
    contig_aliases: bool = False


def count_files(request: WindowRequest, *, progress: Advance | None = None) -> dict[str, Any]:
    """Count windows and distinct windows: with a FASTA by sequence, without one by alleles.

    Returns
    -------
    dict
        ``n_subjects``, ``n_windows`` (of all haplotypes), ``n_distinct_windows``, ``gain``, ``events``, and what was
        counted how.
    """
    from encoders.genome.windows.haplotype_windows import WindowCount, count_in_allele_space

    panel, variants, subjects = _open(request)
    if request.reference:
        table, gate = _make_table(request, panel, variants, subjects, progress=progress)
        return summarise(WindowCount.of(table), panel, _settings(request, panel), gate)
    if request.callable_bed is not None:
        raise InputError(
            f"Callable regions mark bases of the reference; the count in allele space has none. Give --reference with "
            f"--callable {request.callable_bed.name}."
        )
    count = count_in_allele_space(
        panel,
        variants,
        subject_ids=subjects,
        unit=request.unit,
        window=request.window,
        unphased=request.unphased,
        missing=request.missing,
        promoter_flank=request.flank,
        progress=progress,
    )
    return summarise(count, panel, _settings(request, panel), None)


def write_windows(request: WindowRequest, folder: Path, *, progress: Advance | None = None) -> dict[str, Any]:
    """Write the window table (``windows/``) and its counts (``windows.json``) into a folder.

    Returns
    -------
    dict
        As :func:`count_files`.

    Raises
    ------
    InputError
        If there is no FASTA: a table needs sequences.
    """
    from analyses.results.workspace import atomic_path
    from encoders.genome.windows.haplotype_windows import WindowCount

    if not request.reference:
        raise InputError("A window table needs the reference; got no --reference. Give it, or count with --dry-run.")
    panel, variants, subjects = _open(request)
    table, gate = _make_table(request, panel, variants, subjects, progress=progress)
    summary = summarise(WindowCount.of(table), panel, _settings(request, panel), gate)
    table.save(folder / "windows")
    with atomic_path(folder / "windows.json") as unfinished:
        unfinished.write_text(json.dumps(summary, indent=1))
    return summary


def _open(request: WindowRequest) -> tuple[Panel, VariantFiles, tuple[str, ...]]:
    from encoders.genome.annotation.panel import read_panel
    from encoders.genome.contigs import check_spelling
    from encoders.genome.variants.files import VariantFiles

    panel = read_panel(
        request.annotation,
        request.genes,
        transcript=request.transcript,
        biotype=request.biotype,
        unstranded=request.unstranded,
    )
    variants = VariantFiles(find_variants(request.variants))
    panel = (
        panel
        if request.genes is not None
        else _usable(panel, variants, request.flank if request.unit == "promoter" else 0)
    )
    chroms = list(dict.fromkeys(gene.interval.chrom for gene in panel.genes))
    if not request.contig_aliases:
        check_spelling(chroms, variants.contigs, of="variant files")
    return panel, variants, read_subjects(request.subjects, variants.samples_on(chroms))


def _usable(panel: Panel, variants: VariantFiles, flank: int) -> Panel:
    """Genes on autosomes in which something varies: a whole annotation asks for none in particular."""
    contigs = variants.contigs
    reasons = {gene: _unusable(gene, variants, contigs, flank) for gene in panel.genes}
    kept = tuple(gene for gene, reason in reasons.items() if not reason)
    if not kept:
        raise InputError(
            f"The variant files need records in the genes of the annotation; they have records on "
            f"{', '.join(contigs[:8])}, the annotation has genes on "
            f"{', '.join(dict.fromkeys(gene.interval.chrom for gene in panel.genes))}. Give matching files."
        )
    skipped = tuple((gene.gene_id, reason) for gene, reason in reasons.items() if reason)
    return replace(panel, genes=kept, skipped=panel.skipped + skipped)


def _unusable(gene: Gene, variants: VariantFiles, contigs: Sequence[str], flank: int) -> str:
    """Why a gene is left out of a whole annotation; empty where it is not."""
    from encoders.errors import InputError as EncodersError
    from encoders.genome.contigs import check_autosome, find_contig

    place = gene.interval
    try:
        check_autosome(place.chrom, gene.name)
    except EncodersError:
        return f"it lies on {place.chrom}, of which not everyone has two copies"
    if find_contig(place.chrom, contigs) is None:
        return f"the variant files have no records on {place.chrom}"
    around = replace(place, start=max(0, place.start - flank), end=place.end + flank)
    return "" if next(variants.sites(around), None) is not None else "the variant files have no records in it"


def _make_table(
    request: WindowRequest,
    panel: Panel,
    variants: VariantFiles,
    subjects: Sequence[str],
    *,
    progress: Advance | None,
) -> tuple[WindowTable, dict[str, float]]:
    from encoders.genome.contigs import check_spelling
    from encoders.genome.reference import Reference
    from encoders.genome.variants.reference_check import check_reference_alleles
    from encoders.genome.windows.callable_regions import CallableRegions
    from encoders.genome.windows.haplotype_windows import make_window_table

    reference = Reference(list(request.reference))
    chroms = [gene.interval.chrom for gene in panel.genes]
    if not request.contig_aliases:
        check_spelling(chroms, reference.contigs, of="reference")
    regions = None if request.callable_bed is None else CallableRegions(request.callable_bed)
    if regions is not None:
        regions.check_contigs(chroms)
    gate = check_reference_alleles(reference, variants, panel)
    table = make_window_table(
        reference,
        panel,
        variants,
        subject_ids=subjects,
        unit=request.unit,
        window=request.window,
        unphased=request.unphased,
        missing=request.missing,
        promoter_flank=request.flank,
        callable_regions=regions,
        outside_callable=request.outside_callable,
        progress=progress,
    )
    return table, gate.to_dict()


def _settings(request: WindowRequest, panel: Panel) -> dict[str, Any]:
    return {
        "unit": request.unit,
        "window": request.window,
        "flank": request.flank if request.unit == "promoter" else None,
        "transcript": request.transcript,
        "release": panel.release,
        "unphased": request.unphased,
        "missing": request.missing,
        "outside_callable": request.outside_callable if request.callable_bed else None,
    }


EVENTS = (
    "missing_genotype", "unphased_heterozygote", "star_allele", "symbolic_deletion", "overlapping_skipped", "trimmed",
    "emptied_window", "ambiguous_reference_base", "gene_without_records", "outside_callable_base",
    "outside_callable_allele",
)  # fmt: skip
"""Every kind that is counted; haploid calls, symbolic alleles without a sequence and REF mismatches stop instead."""
_ALLELE_NOTE = (
    "counted in allele space, without the FASTA: records that spell one sequence in two ways and equal windows of two "
    "places count twice (0.4-3 % too many), and REF was not checked"
)


def summarise(
    count: WindowCount, panel: Panel, settings: dict[str, Any], gate: dict[str, float] | None
) -> dict[str, Any]:
    """The counts with how they were made; without a gate they were counted in allele space."""
    return {
        "n_subjects": count.n_subjects,
        "n_genes": len(panel.genes),
        "n_windows_per_haplotype": count.n_windows_per_haplotype,
        "n_windows": count.n_windows,
        "n_sequences_total": count.n_windows,
        "n_distinct_windows": count.n_distinct_windows,
        "gain": count.gain,
        "events": dict.fromkeys(EVENTS, 0) | count.events,
        "by_gene": count.by_gene,
        "gate": gate,
        "counted_by": "alleles" if gate is None else "sequence",
        "note": _ALLELE_NOTE if gate is None else "",
        "skipped_genes": dict(panel.skipped),
        "settings": settings,
    }


def describe(summary: dict[str, Any], *, as_json: bool) -> str:
    """The counts as JSON or as lines for a person."""
    if as_json:
        return json.dumps(summary, indent=1)
    lines = [
        f"subjects            {summary['n_subjects']:,}",
        f"genes               {summary['n_genes']:,}, {summary['n_windows_per_haplotype']:,} windows a haplotype",
        f"windows             {summary['n_windows']:,}",
        f"distinct windows    {summary['n_distinct_windows']:,} (gain {summary['gain']:,.0f})",
    ]
    lines += [f"  {event:<26}{n:,}" for event, n in summary["events"].items() if n]
    lines += [f"left out            {gene}: {reason}" for gene, reason in summary["skipped_genes"].items()]
    return "\n".join([*lines, summary["note"]] if summary["note"] else lines)
