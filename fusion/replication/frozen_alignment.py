"""A fitted alignment as weights of columns: all that another cohort needs to test it, and no subject.

What belongs to the cohort that was fitted (coefficients of confounds, means) is not part of it: another cohort removes
its own. What decides which combination of columns is meant is: scaling, principal axes and canonical weights, which are
one product.
"""

# ruff: noqa: F722

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.archive import Saved
from fusion.arrays import Matrix, Positions
from fusion.cca.exact import CanonicalCorrelation
from fusion.confounds.basis import ConfoundBasis, check_confounds
from fusion.decomposition.pca import ViewPCA
from fusion.errors import InputError
from fusion.late_fusion.estimator import LateFusion
from fusion.views.view import View

SHOWN = 5
"""Columns that a sentence names."""

Runs: TypeAlias = tuple[tuple[str, int], ...]
"""Groups of neighbouring columns, and how many columns each has."""


@dataclass(frozen=True, eq=False)
class FrozenAlignment(Saved):
    """Weights of a fitted alignment, from residualised columns to scores.

    Attributes
    ----------
    x_weights, y_weights : float64 array, shape [n_x, K] and [n_y, K]
        Scores of residualised columns have unit variance in the subjects of the fit.
    correlations : float64 array, shape [K]
        In-sample canonical correlations.
    y_spread : float64 array, shape [n_y], or None
        Residual standard deviation of the columns of y in the subjects of the fit.
    x_columns : tuple of (str, int)
        Groups of columns of x in their order, and how many columns each has: genes, or features by their names.
    y_columns : tuple of str, length n_y
    n_subjects, n_effective : int
        Of the fit; the second less intercept and confounds.
    origin : tuple of (str, str)
        What else has to be equal where this is applied, by name: an encoder, windows.
    """

    x_weights: Float64[np.ndarray, "n_x K"]
    y_weights: Float64[np.ndarray, "n_y K"]
    correlations: Float64[np.ndarray, " K"]
    y_spread: Float64[np.ndarray, " n_y"] | None
    x_columns: Runs
    y_columns: tuple[str, ...]
    n_subjects: int
    n_effective: int
    origin: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_embeddings(
        cls,
        views: tuple[View, View],
        fitted: tuple[ViewPCA, ViewPCA],
        embedded: tuple[Float64[np.ndarray, "n_subjects P"], Float64[np.ndarray, "n_subjects Q"]],
        *,
        origin: Mapping[str, str] | None = None,
    ) -> "FrozenAlignment":
        """Exact CCA of two embeddings, in terms of the columns that they were made of.

        Parameters
        ----------
        views : pair of View
        fitted : pair of ViewPCA
            Of these views, with the confounds.
        embedded : pair of float64 arrays, shape [n_subjects, P] and [n_subjects, Q]
            The leading components that CCA takes.
        origin : mapping of str to str, optional
        """
        cca = CanonicalCorrelation().fit(*embedded)
        x, y = (
            pca.components_[: side.shape[1]].T @ of_components / pca.scale_[:, np.newaxis]
            for pca, side, of_components in zip(fitted, embedded, (cca.x_weights_, cca.y_weights_), strict=True)
        )
        n_subjects = len(embedded[0])
        return cls(
            x,
            y,
            correlations=cca.canonical_correlations_,
            y_spread=column_spread(views[1], check_confounds(fitted[1].confounds, n_subjects)),
            x_columns=column_runs(views[0].column_groups),
            y_columns=tuple(views[1].column_groups),
            n_subjects=n_subjects,
            n_effective=n_subjects - 1 - fitted[0].n_confounds_,
            origin=tuple((origin or {}).items()),
        )

    @classmethod
    def of_late_fusion(cls, fusion: LateFusion, *, n_subjects: int) -> "FrozenAlignment":
        """The weights of a fitted `LateFusion`; y of another cohort has to be harmonised by itself beforehand.

        Parameters
        ----------
        fusion : LateFusion
            Fitted on views or frames, whose columns have names, or on arrays.
        n_subjects : int
            That it was fitted on.

        Examples
        --------
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> genes, brain = rng.standard_normal((97, 24)), rng.standard_normal((97, 11))
        >>> frozen = FrozenAlignment.of_late_fusion(LateFusion(2).fit(genes, brain), n_subjects=97)
        >>> frozen.x_weights.shape, frozen.y_columns[:2]
        ((24, 2), ('x0', 'x1'))
        """
        p, q = fusion.dimensions_
        x, y = fusion.x_map_.weights[:, :p] @ fusion.x_weights_, fusion.y_map_.weights[:, :q] @ fusion.y_weights_
        x_names = _or_numbers(fusion.x_columns_, len(x))
        return cls(
            x,
            y,
            correlations=fusion.canonical_correlations_,
            y_spread=None,
            x_columns=column_runs(x_names),
            y_columns=_or_numbers(fusion.y_columns_, len(y)),
            n_subjects=n_subjects,
            n_effective=fusion.n_effective_,
        )

    @classmethod
    def _from_parts(cls, arrays: dict[str, NDArray[Any]], record: dict[str, Any]) -> "FrozenAlignment":
        made: FrozenAlignment = super()._from_parts(arrays, record)
        for name, side, widths in (
            ("x_weights", made.x_weights, [width for _, width in made.x_columns]),
            ("y_weights", made.y_weights, [1 for _ in made.y_columns]),
        ):
            if side.shape != (sum(widths), made.n_components) or min(widths, default=0) < 1:
                raise ValueError(f"its {name} has shape {side.shape} for {sum(widths)} columns")
        spread = made.y_weights[:, 0] if made.y_spread is None else made.y_spread
        numbers = (made.x_weights, made.y_weights, made.correlations, spread)
        with np.errstate(over="ignore"):
            squares = [np.square(one).sum() for one in numbers]  # scores are made of products
        if len(spread) != len(made.y_columns) or not np.isfinite(squares).all():
            raise ValueError("not all of its numbers are finite, or there")
        if not 1 <= made.n_effective <= made.n_subjects:
            raise ValueError(f"it is of {made.n_effective} of {made.n_subjects} subjects")
        return made

    @property
    def n_components(self) -> int:
        """Pairs of scores, K."""
        return len(self.correlations)

    def aligned_to(self, *, x: Sequence[str] | None = None, y: Sequence[str] | None = None) -> "FrozenAlignment":
        """The same for columns in another order.

        Parameters
        ----------
        x, y : sequence of str, optional
            ``column_groups`` of views of another cohort; None leaves that side as it is.

        Raises
        ------
        InputError
            They have not the columns of the first cohort; the differences are named.
        """
        given_x = self.x_columns if x is None else column_runs(x)
        given_y = self.y_columns if y is None else tuple(y)
        of_x = _order(self.x_columns, given_x, "genes", "read the same panel with the same encoder")
        then = column_runs(self.y_columns)
        of_y = _order(then, column_runs(given_y), "brain features", "select the same columns")
        spread = None if self.y_spread is None else self.y_spread[of_y]
        weights = self.x_weights[of_x], self.y_weights[of_y]
        return replace(
            self, x_weights=weights[0], y_weights=weights[1], y_spread=spread, x_columns=given_x, y_columns=given_y
        )

    def check_origin(self, origin: Mapping[str, str], *, partly: bool = False) -> None:
        """Raise an `InputError` that names what is not as it was in the first cohort.

        Parameters
        ----------
        origin : mapping of str to str
            As it was given where this was made.
        partly : bool
            Hold what `origin` names alone: the rest is not known yet.
        """
        then = {name: value for name, value in dict(self.origin).items() if not partly or name in origin}
        names = [name for name in {**then, **origin} if then.get(name) != origin.get(name)]
        if names:
            first = names[0]
            others = ", ".join(names[1 : SHOWN + 1]) + (", ..." if len(names) > SHOWN + 1 else "")
            more = f"; so do {others}" if others else ""
            raise InputError(
                f"A replication needs everything that vectors are made of as in the first cohort; {first} differs (it "
                f"was {then.get(first, 'not there')}, it is {origin.get(first, 'not there')}){more}: set it as it was."
            )


def column_spread(view: View, confounds: Float64[np.ndarray, "n_subjects R"]) -> Float64[np.ndarray, " n_columns"]:
    """Standard deviation of every column once confounds are removed, [n_columns]."""
    basis = ConfoundBasis.of(confounds)
    squares = view.residual_moments(basis(confounds)).residual_squares
    return np.asarray(np.sqrt(squares / basis.degrees_of_freedom))


def column_runs(groups: Iterable[str]) -> Runs:
    """Groups of neighbouring columns, and how many columns each has.

    Examples
    --------
    >>> column_runs(["COMT", "COMT", "PDYN"])
    (('COMT', 2), ('PDYN', 1))
    """
    return tuple((name, sum(1 for _ in run)) for name, run in groupby(groups))


def _or_numbers(names: tuple[str, ...] | None, n_columns: int) -> tuple[str, ...]:
    """Names as `fusion.as_view` gives them to an array."""
    return tuple(f"x{j}" for j in range(n_columns)) if names is None else names


def _order(then: Runs, now: Runs, what: str, remedy: str) -> Positions:
    """Where the columns of now stood then; runs of columns move as wholes."""
    if then == now:
        return np.arange(sum(width for _, width in then))
    missing, new = ([run for run in these if run not in set(others)] for these, others in ((then, now), (now, then)))
    if missing or new:
        parts = [f"{word} {_shortened(lost)}" for word, lost in (("missing:", missing), ("new:", new)) if lost]
        raise InputError(f"A replication needs the {what} of the first cohort; {'; '.join(parts)}. So {remedy}.")
    starts = np.cumsum([0, *(width for _, width in then)])
    place = {run: int(start) for run, start in zip(then, starts, strict=False)}
    if len(place) < len(then) or len(set(now)) < len(now):
        raise InputError(
            f"A replication finds the {what} of the first cohort by name, if names are unique, or in the same order; "
            f"here is another order of names that repeat, of {then[0][0]} and others. So {remedy}."
        )
    return np.concatenate([np.arange(place[run], place[run] + run[1]) for run in now])


def _shortened(runs: Runs | list[tuple[str, int]]) -> str:
    more = f" and {len(runs) - SHOWN} more" if len(runs) > SHOWN else ""
    return ", ".join(name if width == 1 else f"{name} ({width} columns)" for name, width in runs[:SHOWN]) + more


def unlike_spread(frozen: FrozenAlignment, spread: Float64[np.ndarray, " n_y"], factor: float = 3.0) -> list[str]:
    """Columns of y that scatter `factor` times more or less than in the first cohort: units may have changed."""
    if frozen.y_spread is None:
        return []
    then: Matrix = np.maximum(frozen.y_spread, np.finfo(float).tiny)
    ratio = np.maximum(spread, np.finfo(float).tiny) / then
    odd = (ratio > factor) | (ratio < 1 / factor)
    return [name for name, is_odd in zip(frozen.y_columns, odd, strict=True) if is_odd]
