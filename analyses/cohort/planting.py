"""A link of known strength between genes and a brain view: what a run on real data must find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.config.inputs import PlantConfig
from analyses.errors import InputError
from encoders.brain.tables import BrainTable

if TYPE_CHECKING:
    from encoders.genome.windows.haplotype_windows import WindowTable


def plant_link(brain: BrainTable, windows: WindowTable, plan: PlantConfig) -> tuple[BrainTable, dict[str, Any]]:
    """Add a score made of haplotype dosages to some features; encoders' vectors are never looked at.

    For each chosen feature ``y`` (standardised): ``y' = sqrt(1 - a^2) y + a s``, with ``s`` the standardised sum of
    the standardised dosages of one haplotype per gene and ``a`` the strength: the correlation of ``y'`` with ``s``
    where ``y`` and ``s`` were uncorrelated.

    Returns
    -------
    brain : BrainTable
        With ``plan.n_features`` features changed, on the scale they had.
    truth : dict
        What was planted, for the report.

    Raises
    ------
    InputError
        A gene does not vary, or there are fewer features than asked for.
    """
    n_features = brain.values.shape[1]
    if plan.n_features > n_features:
        raise InputError(
            f"plant.n_features must not exceed the {n_features} features of view '{plan.view}'; got {plan.n_features}."
        )
    dosages, labels = _commonest_dosages(windows, plan.genes)
    score = _standardise(_standardise(dosages).sum(axis=1))
    rng = np.random.default_rng(plan.seed)
    columns = np.sort(rng.choice(n_features, size=plan.n_features, replace=False))
    values = np.array(brain.values, dtype=np.float64)
    chosen = values[:, columns]
    centre, spread = _moments(chosen)
    mixed = np.sqrt(1 - plan.strength**2) * (chosen - centre) / spread + plan.strength * score[:, None]
    values[:, columns] = centre + spread * mixed
    truth = {
        "genes": list(plan.genes),
        "view": plan.view,
        "features": [brain.feature_names[column] for column in columns],
        "strength": plan.strength,
        "haplotypes": labels,
        "how": "the standardised sum of one haplotype's copies per gene, mixed into the features by the configuration",
    }
    return replace(brain, values=values), truth


def _commonest_dosages(windows: WindowTable, genes: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Per gene, the copies [n_subjects] of the haplotype whose copy number varies most."""
    from encoders.genome.population.haplotype_dosage import haplotype_dosage

    columns, labels = [], []
    for gene in genes:
        dosage, names = haplotype_dosage(windows, gene)
        best = int(np.argmax(dosage.var(axis=0)))
        if dosage[:, best].var() == 0:
            raise InputError(f"plant.genes: {gene} has one haplotype in this cohort; name a gene that varies.")
        columns.append(dosage[:, best].astype(np.float64))
        labels.append(f"{gene}:{names[best]}")
    return np.column_stack(columns), labels


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column; of what was measured where a view keeps its gaps."""
    if np.isnan(values).any():
        return np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    return values.mean(axis=0), values.std(axis=0)


def _standardise(values: np.ndarray) -> np.ndarray:
    standardised: np.ndarray = (values - values.mean(axis=0)) / values.std(axis=0)
    return standardised
