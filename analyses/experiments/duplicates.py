"""Subjects that are nearly one: duplicates and relatives, and whether folds keep them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.families import read_families
from analyses.results.schema.experiments.audits import Duplicates, SharedGroups

if TYPE_CHECKING:
    from analyses.run.run import Run

NONE_KNOWN = SharedGroups(n=0, split=0)


def count_duplicates(run: Run) -> Duplicates:
    """Count brain rows that are equal to the last digit, subjects with equal haplotypes, and families.

    Only brain duplicates and families over more than one fold are counted as such: equal haplotypes may be chance.
    """
    folds = run.folds.assignments
    brain = {name: _groups(_row_keys(run.brain_values(name)), folds) for name in run.brain}
    genes = _groups(_haplotype_keys(run), folds) if run.config.genome else NONE_KNOWN
    known = read_families(run.config.cohort, run.cohort.covariates)
    families = NONE_KNOWN if known is None else _groups(known.labels, folds)
    across = families.split + max((found.split for found in brain.values()), default=0)
    return Duplicates(
        brain=brain,
        genes=genes,
        families=families,
        n_across_folds=across,
        sentences=tuple(_sentences(brain, genes, families) or [_none_found(run)]),
    )


def _row_keys(values: np.ndarray) -> np.ndarray:
    return np.array([row.tobytes() for row in np.ascontiguousarray(values)], dtype=object)


def _haplotype_keys(run: Run) -> np.ndarray:
    """What each subject carries in all windows of the panel."""
    table = run.window_table
    carried: list[list[tuple[int, int]]] = [[] for _ in table.subject_ids]
    for window in range(table.n_windows):
        inside = slice(table.indptr[window], table.indptr[window + 1])
        subjects = (table.haplotype_index[inside] // table.ploidy).tolist()
        for subject, sequence in zip(subjects, table.sequence_index[inside].tolist(), strict=True):
            carried[subject].append((window, sequence))
    return np.array([repr(sorted(windows)) for windows in carried], dtype=object)


def _groups(keys: np.ndarray, folds: np.ndarray) -> SharedGroups:
    """Groups of equal keys with more than one member, and those with members in more than one fold."""
    members: dict[Any, set[int]] = {}
    counts: dict[Any, int] = {}
    for key, fold in zip(keys.tolist(), folds.tolist(), strict=True):
        members.setdefault(key, set()).add(fold)
        counts[key] = counts.get(key, 0) + 1
    repeated = [key for key, n in counts.items() if n > 1]
    return SharedGroups(n=len(repeated), split=sum(len(members[key]) > 1 for key in repeated))


def _sentences(brain: dict[str, SharedGroups], genes: SharedGroups, families: SharedGroups) -> list[str]:
    sentences = []
    for name, found in brain.items():
        if found.n:
            which = "1 group of subjects has" if found.n == 1 else f"{found.n} groups of subjects have"
            sentences.append(
                f"{which} the same row of {name} to the last digit, {found.split} of them in more than one fold: with "
                "a few rounded features different people do; with many these are duplicates, to be removed."
            )
    if families.split:
        which = "1 family has" if families.split == 1 else f"{families.split} families have"
        sentences.append(f"{which} members in more than one fold: set folds.group to the family column.")
    if genes.n:
        which = "1 group of subjects carries" if genes.n == 1 else f"{genes.n} groups of subjects carry"
        sentences.append(
            f"{which} the same haplotypes in every window, {genes.split} of them in more than one fold: on a "
            "small panel unrelated people do; on a large one these are twins or duplicates."
        )
    return sentences


def _none_found(run: Run) -> str:
    """What was looked for and not found: no more than that."""
    looked = ["No two subjects have equal brain rows"]
    looked += [", nor equal haplotypes in all windows"] if run.config.genome else []
    known = run.config.cohort.knows_families
    looked += ["; no family is split by a fold." if known else "; families are not known (cohort.family_column)."]
    return "".join(looked)
