"""Relatives and ancestry of a cohort from its genotypes, as tables that participants can be joined with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.errors import InputError
from analyses.genome.subject_lists import read_subjects
from analyses.genome.variant_paths import find_variants
from encoders.publishing import published_file

if TYPE_CHECKING:
    import pandas as pd

    from encoders.genome.variants.best_guess import DosagePolicy
    from encoders.genome.variants.files import VariantFiles

ONE_GENOME = 2**-1.5
"""Kinship above which two samples are of one genome: duplicates, identical twins (Manichaikul et al. 2010)."""

_FEW_RECORDS = 5_000
"""With fewer, third-degree kinship is noise: Manichaikul et al. (2010) use 150,000 and more."""


def write_kinship(
    paths: Sequence[Path],
    folder: Path,
    *,
    subjects: Path | None = None,
    cutoff: float = 0.0442,
    min_maf: float = 0.01,
    max_missing: float = 0.05,
    dosages: DosagePolicy = "refuse",
) -> dict[str, Any]:
    """Write ``kinship.tsv`` (pairs from ``cutoff`` on), ``families.tsv`` and ``kinship.json``.

    Returns
    -------
    dict
        Counts of subjects, records, pairs and families; no subject's id.
    """
    from encoders.genome.population.dosages import RecordReport, read_dosages
    from encoders.genome.population.kinship import count_pairs, make_families, pairs_frame

    variants, ids = _open(paths, subjects, dosages)
    report = RecordReport()
    chunks = read_dosages(variants, ids, report, min_maf=min_maf, max_missing=max_missing)
    counts = count_pairs(chunks, len(ids))
    pairs = pairs_frame(counts, ids, cutoff)
    rates = counts.call_rates()
    families = make_families(pairs, ids).assign(call_rate=rates)
    summary = {
        "n_subjects": len(ids),
        "records": report.to_dict(),
        "cutoff": cutoff,
        "n_pairs": len(pairs),
        "n_pairs_of_one_genome": (n_same := int((pairs["kinship"] > ONE_GENOME).sum())),
        "n_families": int(families["family"].max()),
        "n_subjects_with_relatives": int((families["n_in_family"] > 1).sum()),
        "n_dropped_if_one_per_family": len(ids) - int(families["family"].max()),
        "n_subjects_call_rate_below_0.95": int((rates < 0.95).sum()),
        "lowest_call_rate": float(rates.min()),
        "note": "; ".join(filter(None, (_too_few(report.n_kept), _twice(n_same, report.n_kept)))),
    }
    _write(folder, {"kinship.tsv": pairs, "families.tsv": families}, "kinship.json", summary)
    return summary


def write_ancestry(
    paths: Sequence[Path],
    folder: Path,
    *,
    subjects: Path | None = None,
    fit_on: Path | None = None,
    n_components: int = 10,
    min_maf: float = 0.05,
    max_missing: float = 0.05,
    max_r2: float = 0.2,
    dosages: DosagePolicy = "refuse",
) -> dict[str, Any]:
    """Write ``ancestry.tsv`` (subject_id, PC1, ...) and ``ancestry.json``.

    Returns
    -------
    dict
        Counts, eigenvalues and what the components were fitted on; no subject's id.

    Raises
    ------
    InputError
        If a subject of ``fit_on`` is not among the subjects.
    """
    import pandas as pd

    from encoders.genome.population.ancestry import ancestry_components, thin_linked
    from encoders.genome.population.dosages import RecordReport, read_dosages

    variants, ids = _open(paths, subjects, dosages)
    fitted = ids if fit_on is None else read_subjects(fit_on, variants.samples)
    if strangers := sorted(set(fitted) - set(ids)):
        raise InputError(
            f"Subjects that define the components must be among the subjects; {len(strangers)} of {len(fitted)} (first "
            f"{strangers[0]}) are not. Correct {fit_on}."
        )
    fit = np.isin(np.array(ids, dtype=object), np.array(fitted, dtype=object))
    report = RecordReport()
    chunks = read_dosages(variants, ids, report, min_maf=min_maf, max_missing=max_missing, counted=fit)
    thinned = thin_linked(chunks, max_r2, fit)
    found = ancestry_components(thinned, n_components, fit=fit)
    columns = [f"PC{number}" for number in range(1, n_components + 1)]
    frame = pd.DataFrame(found.scores, columns=columns)
    frame.insert(0, "subject_id", list(ids))
    summary = {
        "n_subjects": len(ids),
        "n_fitted": int(fit.sum()),
        "n_projected": int((~fit).sum()),
        "records": report.to_dict() | {"n_after_linkage": found.n_records},
        "eigenvalues": found.eigenvalues.tolist(),
        "note": _too_few(found.n_records),
    }
    _write(folder, {"ancestry.tsv": frame}, "ancestry.json", summary)
    return summary


def describe(summary: dict[str, Any], *, as_json: bool) -> str:
    """The summary as JSON or as lines for a person."""
    if as_json:
        return json.dumps(summary, indent=1)
    lines = []
    for key, value in summary.items():
        if key == "records":
            lines.append(f"{'records':<30}{value['n_kept']:,} of {value['n_records']:,}")
            if guessed := value.get("best_guess"):
                share = f"{guessed['n_genotypes']:,} genotypes, {guessed['share_uncertain']:.1%} uncertain"
                lines.append(f"  {'best guess':<28}{share}")
            lines += [f"  {reason:<28}{n:,}" for reason, n in value["left_out"].items() if n]
        elif key == "eigenvalues":
            lines.append(f"{key:<30}{', '.join(f'{number:.3f}' for number in value)}")
        elif value != "":
            lines.append(f"{key.replace('_', ' '):<30}{value}")
    return "\n".join(lines)


def _open(paths: Sequence[Path], subjects: Path | None, dosages: DosagePolicy) -> tuple[VariantFiles, tuple[str, ...]]:
    from encoders.genome.variants.files import VariantFiles

    if not paths:
        raise InputError("Genotypes are needed; got no --variants. Give VCF.gz, BCF, PGEN, BGEN or VCF Zarr files.")
    variants = VariantFiles(find_variants(paths), dosages=dosages)
    return variants, read_subjects(subjects, variants.samples)


def _twice(n_pairs: int, n_records: int) -> str:
    if not n_pairs:
        return ""
    if n_records < _FEW_RECORDS:
        return f"{n_pairs:,} pairs look like one genome, which in so few records a shared haplotype does as well"
    return (
        f"{n_pairs:,} pairs have one genome: one subject twice, or identical twins: keep one of each, or give both one "
        "family (cohort.family_column)"
    )


def _too_few(n_records: int) -> str:
    if n_records >= _FEW_RECORDS:
        return ""
    return f"only {n_records:,} records: give genome-wide variants, a few genes show neither kinship nor ancestry"


def _write(folder: Path, tables: dict[str, pd.DataFrame], name: str, summary: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, frame in tables.items():
        with published_file(folder / file) as unfinished:
            frame.to_csv(unfinished, sep="\t", index=False)
    with published_file(folder / name) as unfinished:
        unfinished.write_text(json.dumps(summary, indent=1))
