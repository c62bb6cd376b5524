"""What the tables of a cohort show, before anything is embedded, that would make a test wrong; each with its remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.design import make_design
from analyses.config.inputs import ParticipantsConfig
from analyses.config.run_config import RunConfig
from fusion.cautions import collected
from fusion.missing_values.imputer import Imputer
from fusion.permutation.assumptions.copies import leading_components
from fusion.permutation.assumptions.sentences import ALIKE, ONE_FAMILY, copy_warnings
from fusion.permutation.projections import nuisance_basis

if TYPE_CHECKING:
    import pandas as pd

    from encoders.brain.tables import BrainTable
    from fusion.cross_validation.folds import Folds

_ALIKE = re.compile(rf"(?:(?P<n>\d+) pairs of rows \(.*?\)|Rows \d+ and \d+) are {ALIKE}: .*")

ALPHA = 0.05
"""Level below which reports speak of a link."""

FEWEST_RECORDS = 5_000
"""Variants from which components show ancestry; with 200, confounding by ancestry was found as a link in 25 %."""


def caution_of_ancestry(table: ParticipantsConfig, confounds: list[str]) -> list[str]:
    """One sentence if components that are confounds were computed from few variants, by the summary beside them.

    Parameters
    ----------
    table : ParticipantsConfig
        ``ancestry.tsv`` as `genebrain ancestry` writes it, ``ancestry.json`` beside it.
    confounds : list of str
        Columns that are confounds.
    """
    beside = table.path.with_suffix(".json")
    if not beside.is_file() or not any(column.startswith("PC") for column in confounds):
        return []
    try:
        found: Any = json.loads(beside.read_text(encoding="utf-8"))
        n_records = int(found["records"]["n_after_linkage"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []  # some other file of that name
    if n_records >= FEWEST_RECORDS:
        return []
    return [
        f"{table.path.name}: components of ancestry from {n_records:,} variants hold much noise, so that ancestry is "
        f"left in genes and brain and shows as a link: compute them from genome-wide variants ({FEWEST_RECORDS:,} and "
        "more after linkage), or leave subjects of other ancestry out."
    ]


def cautions_of_settings(config: RunConfig) -> list[str]:
    """What the configuration alone shows: confounds that ComBat does not keep, draws too few for any small p."""
    lost = [f"brain {view}: {sentence}" for view in config.brain for sentence in _confounds_not_kept(config, view)]
    return [*lost, *_too_few_permutations(config)]


def cautions_before_embedding(
    config: RunConfig, covariates: pd.DataFrame, brain: Mapping[str, BrainTable], folds: Folds
) -> list[str]:
    """What brain tables and covariates show by themselves: numbered sites, subjects twice, folds without variance."""
    with collected() as said:
        design = make_design(config).fit(covariates)
    coded = np.asarray(design.transform(covariates))
    nuisance = nuisance_basis(len(coded), coded)
    for name, table in brain.items():
        values = _without_gaps(np.asarray(table.values, dtype=np.float64), coded)
        copies = map(said_of_a_run, copy_warnings(None, leading_components(_scaled(values), nuisance), folds.relations))
        said += [f"brain {name}: {sentence}" for sentence in [*copies, *_constant_folds(values, folds)]]
    return list(dict.fromkeys(said))


def said_of_a_run(sentence: str) -> str:
    """A sentence of the library for the reader of a run, who knows neither rows nor arguments: pairs and keys.

    Examples
    --------
    >>> said_of_a_run(f"Rows 3 and 17 are {ALIKE}: keep one of each, or {ONE_FAMILY} (groups and blocks).")[:58]
    '1 pair of subjects is as alike as the same subject measure'
    """
    found = _ALIKE.fullmatch(sentence)
    if found is None:
        return sentence
    n_pairs = int(found["n"] or 1)
    which = "1 pair of subjects is" if n_pairs == 1 else f"{n_pairs} pairs of subjects are"
    return (
        f"{which} {ALIKE}: leave one of each out of the tables, or {ONE_FAMILY} (cohort.family_column or "
        "cohort.kinship_table, with cohort.relatives: keep-all); `genebrain kinship` says who shares a genome."
    )


def n_confound_columns(config: RunConfig, covariates: pd.DataFrame) -> int:
    """Columns of the confound design; what it warns of is said by `cautions_before_embedding`."""
    with collected():
        return int(make_design(config).fit(covariates).transform(covariates).shape[1])


def _constant_folds(values: np.ndarray, folds: Folds) -> list[str]:
    n_constant = sum(bool((np.ptp(values[test], axis=0) == 0).all()) for _, test in folds)
    if not n_constant:
        return []
    return [
        f"no feature varies among the test subjects of {n_constant} of {folds.n_splits} folds, so that these show "
        "nothing: set folds.stratify to such a column, lower folds.n_splits, or leave the view out."
    ]


def _too_few_permutations(config: RunConfig) -> list[str]:
    """Keys whose draws leave no p below ALPHA: the smallest is 1 / (n_permutations + 1)."""
    keys = {"alignment.n_permutations": config.alignment.n_permutations}
    of_experiment = getattr(getattr(config, config.experiment, None), "n_permutations", None)
    if of_experiment is not None:
        keys[f"{config.experiment}.n_permutations"] = of_experiment
    return [
        f"{key}: {n_draws} lets no p fall below {ALPHA:g}, whatever is there (the smallest is 1 / {n_draws + 1}): "
        "take 999 or more."
        for key, n_draws in keys.items()
        if 1 / (n_draws + 1) >= ALPHA
    ]


def _confounds_not_kept(config: RunConfig, view: str) -> list[str]:
    """ComBat divides by a site's scale what acts on its subjects: one slope for all sites no longer removes it."""
    harmonize = config.brain[view].harmonize
    if harmonize is None or harmonize.keep is None or harmonize.mean_only:
        return []
    lost = [column for column in config.confound_columns if column not in (harmonize.site, *harmonize.keep)]
    if not lost:
        return []
    return [
        f"harmonize.keep leaves out {', '.join(lost)}, which are confounds: what ComBat makes of their effects differs "
        "between sites of unlike scale, so that not all of it can be removed and tests find somewhat too much: name "
        "them in keep, or leave keep out."
    ]


def _without_gaps(values: np.ndarray, confounds: np.ndarray) -> np.ndarray:
    """What folds of the run will fill in much alike, here for the look at the whole."""
    if not np.isnan(values).any():
        return values
    with collected():  # of a look; the run says its own
        return np.asarray(Imputer("low-rank", max_missing=1.0).fit_transform(values, confounds=confounds))


def _scaled(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))
