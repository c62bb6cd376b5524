"""Which columns of the brain views are features, said in words; a confound among them is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from analyses.cohort.design import confound_kinds
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from encoders.brain.connectivity.edges import split_edge
from encoders.brain.headers.choice import describe_facts, list_names

if TYPE_CHECKING:
    import pandas as pd

    from encoders.brain.tables import BrainTable

_AT_ONCE = 512
_SHOWN = 6
_SAME = 1e-10
"""Share of a column's variance that may be left once a confound is removed, if it is that confound."""


def name_features(names: Sequence[str]) -> tuple[str, ...]:
    """Names of features in few words: edges by their regions, numbered ones by first and last.

    Examples
    --------
    >>> name_features(["A--B", "A--C", "B--C"])
    ('edges of A', 'B', 'C')
    >>> name_features(["age_gap", "v0", "v1", "v2"])
    ('age_gap', 'v0 to v2')
    """
    edges = [split_edge(name) for name in names]
    regions = list(dict.fromkeys(region for edge in edges if edge is not None for region in edge))
    if regions and None not in edges and len(regions) < len(names) + 1:
        return (f"edges of {regions[0]}", *regions[1:])
    shown: list[str] = []
    for (stem, _), numbered in groupby(enumerate(names), key=lambda item: _counted(*item)):
        run = [name for _, name in numbered]
        shown += [f"{run[0]} to {run[-1]}"] if stem and len(run) > 2 else run
    return tuple(shown)


def _counted(place: int, name: str) -> tuple[str, int]:
    """What neighbours share that differ by one in the number at their end."""
    match = re.fullmatch(r"(.*?)(\d+)", name)
    return ("", place) if match is None else (f"{match[1]}#", int(match[2]) - place)


def columns_left_out(table: BrainTable) -> dict[str, str]:
    """Columns of a view's table that are no features of it, and what each is."""
    return dict(table.left_out) | dict.fromkeys(table.dropped_constant, "constant, or without values")


def describe_features(brain: Mapping[str, BrainTable]) -> list[str]:
    """Per view what was taken, what was left out and what each of these is."""
    lines = []
    for name, table in brain.items():
        taken = list_names(name_features(table.feature_names), shown=_SHOWN)
        features = "feature" if len(table.feature_names) == 1 else "features"
        lines.append(f"{name}: {len(table.feature_names):,} {features}: {taken}")
        if left_out := columns_left_out(table):
            lines.append(f"{name}: left out {describe_facts(left_out)}")
    return lines


def check_features(config: RunConfig, brain: Mapping[str, BrainTable], covariates: pd.DataFrame) -> None:
    """Refuse features that are confounds, ids, families or strata of the run, by name or by what they hold.

    Parameters
    ----------
    brain : mapping of view name to BrainTable
        Row i of every table is row i of `covariates`.
    covariates : DataFrame [n_subjects, n_columns]

    Raises
    ------
    InputError
        A feature of the name of such a column; a feature of which nothing is left once one confound is removed.
    """
    named: dict[str | None, str] = {
        config.cohort.family_column: "the column of families",
        config.cohort.kinship_column: "the column of kinship",
        config.folds.group: "the column of folds.group",
        config.folds.stratify: "the column of folds.stratify",
        config.alignment.exchangeable_within: "the column of alignment.exchangeable_within",
        **dict.fromkeys(config.confound_columns, "a confound"),
    }
    said = {column.casefold(): what for column, what in named.items() if column is not None}
    for name, table in brain.items():
        for feature in table.feature_names:
            if feature.casefold() in said:
                raise InputError(
                    f"A feature must be none of the run's covariates; '{feature}' of brain view '{name}' is "
                    f"{said[feature.casefold()]}: add it to brain.{name}.exclude."
                )
        for column, kind in confound_kinds(config, covariates).items():
            _check_values(name, table, column, covariates[column], kind == "categorical")


def _check_values(view: str, table: BrainTable, column: str, covariate: pd.Series, is_categorical: bool) -> None:
    """A confound under another name: age in years and in months, or codes of its levels."""
    design = _levels(covariate) if is_categorical else _centre(covariate)
    n_subjects, n_features = table.values.shape
    if design.shape[1] == 0 or design.shape[1] > n_subjects // 2:
        return  # constant, or so many levels that they may explain anything
    for first in range(0, n_features, _AT_ONCE):
        block = np.asarray(table.values[:, first : first + _AT_ONCE], dtype=np.float64)
        same = np.flatnonzero(_determined(block, design))
        if len(same):
            feature = table.feature_names[first + int(same[0])]
            raise InputError(
                f"A feature must be no confound; '{feature}' of brain view '{view}' is determined by the confound "
                f"'{column}' in all {n_subjects} subjects: add it to brain.{view}.exclude."
            )


def _determined(block: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Columns of which a centred design leaves nothing, [n_columns]; of those with gaps, where they have a value."""
    axes, _ = np.linalg.qr(design)
    centred = block - block.mean(axis=0)
    rest = centred - axes @ (axes.T @ centred)
    total = (centred**2).sum(axis=0)
    found = np.asarray((total > 0) & ((rest**2).sum(axis=0) <= _SAME * total))
    for column in np.flatnonzero(np.isnan(total)):
        rows = ~np.isnan(block[:, column])
        given = design[rows] - design[rows].mean(axis=0)
        kept = given[:, np.abs(given).max(axis=0) > 0]
        if kept.shape[1] and kept.shape[1] <= rows.sum() // 2:
            found[column] = _determined(block[rows][:, [column]], kept)[0]
    return found


def _centre(covariate: pd.Series) -> np.ndarray:
    """The column, centred; none if it is constant, or words, which the design of confounds refuses."""
    if covariate.dtype.kind not in "fiub":
        return np.empty((len(covariate), 0))
    values = covariate.to_numpy(dtype=np.float64)[:, None]
    return values - values.mean() if np.ptp(values) > 0 else np.empty((len(values), 0))


def _levels(covariate: pd.Series) -> np.ndarray:
    """Indicators of all levels but one, centred."""
    _, codes = np.unique(covariate.astype(str).to_numpy(), return_inverse=True)
    indicators = np.equal.outer(codes, np.arange(1, codes.max() + 1)).astype(np.float64)
    return np.asarray(indicators - indicators.mean(axis=0))
