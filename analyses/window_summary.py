"""What a count of windows says, for a program and for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from encoders.genome.annotation.panel import Panel
    from encoders.genome.windows.allele_space import WindowCount

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
