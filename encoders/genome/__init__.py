"""From reference, annotation and variants to distinct sequences."""

from importlib import import_module
from typing import Any

_EXPORTS = {
    "reverse_complement": "sequences",
    "sequence_id": "sequences",
    "clean_sequence": "sequences",
    "Interval": "intervals",
    "Gene": "intervals",
    "parse_region": "intervals",
    "Reference": "reference",
    "Panel": "annotation",
    "read_panel": "annotation",
    "GenotypeBlock": "genotypes",
    "VariantFiles": "variants",
    "GateReport": "gate",
    "check_reference_alleles": "gate",
    "haplotype_sequence": "haplotypes",
    "haplotype_sequences": "haplotypes",
    "WindowTable": "window_table",
    "make_window_table": "windows",
    "merge_window_tables": "window_merge",
    "count_in_allele_space": "windows",
    "WindowCount": "allele_space",
    "CallableRegions": "callable_regions",
    "haplotype_dosage": "cohort",
    "read_dosages": "dosages",
    "RecordReport": "dosages",
    "KingCounts": "kinship",
    "count_pairs": "kinship",
    "pairs_frame": "kinship",
    "make_families": "kinship",
    "Ancestry": "ancestry",
    "ancestry_components": "ancestry",
    "select_unrelated": "cohort",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
