"""Distinct windows from genome files alone: no configuration, no brain, no encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.config.inputs import GenomeConfig
from analyses.errors import InputError
from analyses.genome.subject_lists import read_subjects
from analyses.genome.windows import (
    agreement_counts,
    contigs_of,
    describe_left_out,
    make_table,
    open_genome,
    open_genotypes,
)
from analyses.results.schema.runs import FileWindows
from analyses.results.serialisation import to_json
from encoders.genome.variants.reference_check import ReferenceAgreement, check_reference_alleles
from encoders.publishing import published_file

if TYPE_CHECKING:
    from analyses.progress import Advance
    from encoders.genome.annotation.panel import Panel
    from encoders.genome.windows.allele_space import WindowCount
    from encoders.genome.windows.table import WindowTable


def count_files(genome: GenomeConfig, *, subjects: Path | None = None, progress: Advance | None = None) -> FileWindows:
    """Count windows and distinct windows: with a reference by sequence, without one by alleles.

    Parameters
    ----------
    genome : GenomeConfig
        No ``reference`` for a count in allele space. Without ``genes``, every gene of ``biotype`` that lies on an
        autosome and holds records.
    subjects : Path, optional
        A list of them (:func:`analyses.genome.subject_lists.read_subjects`); every sample if not given.

    Returns
    -------
    FileWindows
    """
    from encoders.genome.windows.haplotype_windows import count_in_allele_space

    if genome.reference:
        return _make_table(genome, subjects, progress)[1]
    if genome.callable_regions is not None:
        raise InputError(
            f"Callable regions mark bases of the reference; the count in allele space has none. Give --reference with "
            f"--callable {genome.callable_regions.name}."
        )
    panel, variants = open_genotypes(genome, usable_only=True)
    count = count_in_allele_space(
        panel,
        variants,
        subject_ids=read_subjects(subjects, variants.samples_on(contigs_of(panel))),
        unit=genome.unit,
        window=genome.window,
        unphased=genome.unphased,
        missing=genome.missing,
        promoter_flank=genome.promoter_flank,
        progress=progress,
    )
    return summarise(count, panel, _settings(genome, panel), None)


def write_windows(
    genome: GenomeConfig, folder: Path, *, subjects: Path | None = None, progress: Advance | None = None
) -> FileWindows:
    """Write the window table (``windows/``) and its counts (``windows.json``) into a folder.

    Parameters
    ----------
    genome, subjects
        As :func:`count_files`.

    Returns
    -------
    FileWindows
        As :func:`count_files` gives it.

    Raises
    ------
    InputError
        If there is no reference: a table needs sequences.
    """
    if not genome.reference:
        raise InputError("A window table needs the reference; got no --reference. Give it, or count with --dry-run.")
    table, summary = _make_table(genome, subjects, progress)
    table.save(folder / "windows")
    with published_file(folder / "windows.json") as unfinished:
        unfinished.write_text(json.dumps(to_json(summary), indent=1))
    return summary


def _make_table(
    config: GenomeConfig, subjects: Path | None, progress: Advance | None
) -> tuple[WindowTable, FileWindows]:
    from encoders.genome.windows.haplotype_windows import WindowCount

    genome = open_genome(config, usable_only=True)
    chosen = read_subjects(subjects, genome.samples)
    gate = check_reference_alleles(genome.reference, genome.variants, genome.panel)
    table = make_table(genome, config, chosen, progress=progress)
    return table, summarise(WindowCount.of(table), genome.panel, _settings(config, genome.panel), gate)


def _settings(genome: GenomeConfig, panel: Panel) -> dict[str, str | int | None]:
    return {
        "unit": genome.unit,
        "window": genome.window,
        "flank": genome.promoter_flank if genome.unit == "promoter" else None,
        "transcript": genome.transcript,
        "release": panel.release,
        "unphased": genome.unphased,
        "missing": genome.missing,
        "dosages": genome.dosages,
        "outside_callable": genome.outside_callable if genome.callable_regions else None,
    }


EVENTS = (
    "missing_genotype", "unphased_heterozygote", "star_allele", "symbolic_deletion", "overlapping_skipped", "trimmed",
    "phase_sets_joined", "best_guess_genotype", "uncertain_best_guess", "emptied_window", "ambiguous_reference_base",
    "gene_without_records", "outside_callable_base", "outside_callable_allele", "repeated_record",
)  # fmt: skip
"""Every kind that is counted; haploid calls, symbolic alleles without a sequence and REF mismatches stop instead."""
_ALLELE_NOTE = (
    "counted in allele space, without the FASTA: records that spell one sequence in two ways and equal windows of two "
    "places count twice (0.4-3 % too many), and REF was not checked"
)


def summarise(
    count: WindowCount, panel: Panel, settings: dict[str, str | int | None], agreement: ReferenceAgreement | None
) -> FileWindows:
    """The counts with how they were made; where nothing was held against a reference, in allele space."""
    return FileWindows(
        n_subjects=count.n_subjects,
        n_genes=len(panel.genes),
        n_windows_per_haplotype=count.n_windows_per_haplotype,
        n_haplotype_windows=count.n_haplotype_windows,
        n_distinct_windows=count.n_distinct_windows,
        gain=count.gain,
        events=dict.fromkeys(EVENTS, 0) | count.events,
        by_gene=count.by_gene,
        reference_agreement=None if agreement is None else agreement_counts(agreement),
        counted_by="alleles" if agreement is None else "sequence",
        note=_ALLELE_NOTE if agreement is None else "",
        skipped_genes=dict(panel.skipped),
        settings=settings,
        notes=panel.notes or None,
    )


def describe(found: FileWindows, *, as_json: bool) -> str:
    """The counts as JSON or as lines for a person."""
    if as_json:
        return json.dumps(to_json(found), indent=1)
    lines = [
        f"subjects            {found.n_subjects:,}",
        f"genes               {found.n_genes:,}, {found.n_windows_per_haplotype:,} windows a haplotype",
        f"windows             {found.n_haplotype_windows:,}",
        f"distinct windows    {found.n_distinct_windows:,} (gain {found.gain:,.0f})",
    ]
    lines += [f"  {event:<26}{n:,}" for event, n in found.events.items() if n]
    if n := found.events.get("best_guess_genotype", 0):
        share = found.events["uncertain_best_guess"] / n
        lines.append(f"best guesses        {n:,} genotypes that nobody called, {share:.1%} of them uncertain")
    lines += describe_left_out(found.skipped_genes, found.notes)
    return "\n".join([*lines, found.note] if found.note else lines)
