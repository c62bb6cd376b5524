"""What a run holds against its subjects: confounds to remove, and who may change places with whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.families import read_families
from analyses.cohort.labels import read_labels
from analyses.cohort.relationship import Relationship
from analyses.config.run_config import RunConfig
from analyses.results.schema.runs import RunConfound
from fusion import Blocks, ConfoundDesign
from fusion.confounds.columns import kind_of
from fusion.confounds.terms import INFERRED, Term, read_terms
from fusion.permutation.relations import Relations

if TYPE_CHECKING:
    import pandas as pd


def make_design(config: RunConfig) -> ConfoundDesign:
    """The design that the run's ``confounds`` ask for, not fitted yet."""
    return ConfoundDesign(config.confound_terms, unseen=config.alignment.unseen_level)


def confound_kinds(config: RunConfig, covariates: pd.DataFrame) -> dict[str, str]:
    """Columns that the confounds need: continuous or categorical, of a formula by what the table holds."""
    kinds = config.confound_columns
    return {name: kind_of(covariates[name]) if kind == INFERRED else kind for name, kind in kinds.items()}


def describe_confounds(config: RunConfig, covariates: pd.DataFrame) -> tuple[RunConfound, ...]:
    """What is removed, one entry a term: a column with its kind, or a product."""

    def described(term: Term) -> RunConfound:
        (first, *others) = term.factors
        size = first.label.partition(f"({first.kind}, ")[2].rstrip(")")
        kind = f"{first.kind}, {size}" if size else first.kind
        return RunConfound(term.label, "product") if others else RunConfound(first.column, kind)

    return tuple(map(described, read_terms(config.confound_terms, lambda column: kind_of(covariates[column]))))


def make_nuisance(config: RunConfig, covariates: pd.DataFrame) -> np.ndarray:
    """Confounds of the whole cohort, [n_subjects, n_columns] without intercept."""
    return np.asarray(make_design(config).fit(covariates).transform(covariates))


def make_relations(config: RunConfig, covariates: pd.DataFrame, relationship: Relationship | None = None) -> Relations:
    """Who belongs together: whom folds keep together and balance, and who may change places with whom.

    Kept families are exchanged by kinship, as wholes where it is not known; within a named column, subjects are. Kinds
    of family are balanced over folds unless ``folds.stratify`` names something else. Families whose rows are made
    uncorrelated stay in one fold, and their members change places freely.
    """
    within, folds = config.alignment.exchangeable_within, config.folds
    families = read_families(config.cohort, covariates) if config.keeps_families else None
    labels = {
        name: None if column is None else read_labels(covariates, column, key=key)
        for name, column, key in (
            ("within", within, "alignment.exchangeable_within"),
            ("groups", folds.group, "folds.group"),
            ("stratify", folds.stratify, "folds.stratify"),
        )
    }
    within_blocks = None if labels["within"] is None else Blocks(labels["within"], "within")
    blocks = within_blocks if families is None else families.blocks
    groups = labels["groups"] if families is None or labels["groups"] is not None else families.labels
    stratify = labels["stratify"]
    if relationship is not None:
        made = Relations.of(len(covariates), groups=relationship.families, stratify=stratify)
        return replace(made, is_whitened=True)
    if stratify is None and blocks is not None and blocks.mode == "nested":
        stratify = blocks.labels[:, 0]
    return Relations.of(len(covariates), groups=groups, stratify=stratify, blocks=blocks)
