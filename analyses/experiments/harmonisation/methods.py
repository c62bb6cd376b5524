"""The sites of a run, by what rule they are brought together, and whether every fold knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.config.brain_view import BrainViewConfig, HarmonizeConfig
from analyses.errors import InputError
from analyses.privacy.counts import show_count
from analyses.results.schema.experiments.harmonisations import Sites

if TYPE_CHECKING:
    from analyses.run.run import Run

AS_IT_IS = "none"
LABELS = {
    AS_IT_IS: "as it is",
    "combat": "ComBat",
    "combat-keep": "ComBat keeping confounds",
    "covbat": "CovBat keeping confounds",
}


def site_column(run: Run) -> str:
    """The column of sites."""
    site = run.config.harmonise.site
    assert site is not None  # the configuration refuses this experiment without it
    return site


def site_labels(run: Run) -> np.ndarray:
    """The site of every subject, [n_subjects]."""
    return run.cohort.covariates[site_column(run)].astype(str).to_numpy()


def prepare(run: Run, view: str, method: str) -> BrainViewConfig:
    """How a brain view is prepared under one method, in place of whatever harmonisation the configuration gives it."""
    asked, harmonize = run.config.harmonise, None
    if method != AS_IT_IS:
        harmonize = HarmonizeConfig(
            site=site_column(run),
            method="covbat" if method == "covbat" else "combat",
            explained=asked.explained,
            keep=() if method == "combat" else asked.keep,
            unseen=asked.unseen,
        )
    return run.config.brain[view].model_copy(update={"harmonize": harmonize})


def describe_sites(run: Run) -> Sites:
    """The sites, and which are small."""
    settings = run.config.harmonise
    names, counts = np.unique(site_labels(run), return_counts=True)
    return Sites(
        column=site_column(run),
        n_sites=len(names),
        smallest=show_count(int(counts.min()), run.config.privacy.smallest_count),
        wanted=settings.smallest_site,
        small=tuple(names[counts < settings.smallest_site].tolist()),
        n_unseen_folds=len(_unseen(run)),
    )


def check_sites(run: Run) -> None:
    """Hold the sites against the rule for small ones, and folds against sites.

    Raises
    ------
    InputError
        One site alone; a site that is too small, or that a fold's training subjects lack, where this is refused.
    """
    settings, column = run.config.harmonise, site_column(run)
    names, counts = np.unique(site_labels(run), return_counts=True)
    if len(names) < 2:
        raise InputError(
            f"harmonise.site needs a column of two sites or more; all {len(run.cohort.subject_ids)} subjects have "
            f"'{names[0]}' in '{column}': name another column."
        )
    small = counts < settings.smallest_site
    if small.any() and settings.small_sites == "refuse":
        first = int(np.flatnonzero(small)[0])
        raise InputError(
            f"harmonise.smallest_site asks for {settings.smallest_site} subjects at every site; '{names[first]}' of "
            f"'{column}' has {counts[first]} ({small.sum()} of {len(names)} sites are too small): merge sites, leave "
            "them out of the participants, or set harmonise.small_sites: keep, which shrinks them like all others."
        )
    unseen = _unseen(run)
    if unseen and settings.unseen == "error":
        fold, site = next(iter(unseen.items()))
        raise InputError(
            f"Harmonisation needs training subjects of every site in every fold; fold {fold + 1} holds out all of "
            f"'{site}', of which nothing can be learnt: set folds.stratify: {column}, or harmonise.unseen: pooled, "
            "which leaves the subjects of such a site as they are."
        )


def _unseen(run: Run) -> dict[int, str]:
    """Folds that hold out all subjects of a site, each with one such site."""
    labels = site_labels(run)
    lacking = ((fold, np.setdiff1d(labels[test], labels[train])) for fold, (train, test) in enumerate(run.folds))
    return {fold: str(sites[0]) for fold, sites in lacking if len(sites)}
