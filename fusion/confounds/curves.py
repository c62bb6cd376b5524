"""Curves of one amount as columns: natural cubic splines, B-splines, polynomials; beyond its knots a line."""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.interpolate
from jaxtyping import Float64

from fusion.arrays import Matrix
from fusion.confounds.terms import Confound
from fusion.errors import InputError


@dataclass(frozen=True, slots=True)
class Curve:
    """The basis of a curve, learnt from some values and applied to any.

    Together with an intercept the columns span all natural cubic splines, splines or polynomials of their knots or
    degree; the first column is the amount itself up to origin and unit. Spline columns vanish at the lower boundary
    knot.

    Attributes
    ----------
    kind : str
        As of `Confound`.
    degree : int
        Of the pieces, or of the polynomial.
    numbers : tuple of float
        Of a spline its knots, ascending, the boundary ones first and last; of a polynomial the mean, the standard
        deviation, and the means of the second and higher powers of the standardised amount.

    Notes
    -----
    Beyond the boundary knots, which are the least and the largest of the values, a spline goes on as a straight line of
    the slope that it has there, a B-spline too: its own cubic pieces would run away. A polynomial goes on as it is.

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), doi:10.1007/978-0-387-84858-7, section 5.2.
    """

    kind: str
    degree: int
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, confound: Confound, values: Float64[np.ndarray, " n_subjects"]) -> "Curve":
        """Learn knots (at quantiles of the values, as R's ``ns`` and ``bs`` do) or moments.

        Raises
        ------
        InputError
            Too few distinct values for so many knots or powers.
        """
        if confound.kind == "polynomial":
            return cls(confound.kind, confound.curve_degree, _moments(values, confound.curve_degree))
        n_columns, degree = confound.n_curve_columns, confound.curve_degree
        n_inside = n_columns - (1 if confound.kind == "spline" else degree)
        knots = np.quantile(values, np.linspace(0, 1, n_inside + 2)) if len(values) else np.zeros(2)
        curve = cls(confound.kind, degree, tuple(map(float, knots)))
        constant = float(np.ptp(values)) <= 1e-10 * float(np.abs(values).max(initial=0.0)) if len(values) else True
        if not constant and (np.diff(knots) <= 0).any():
            raise InputError(
                f"Confound {confound.label!r} needs knots that differ, at {n_inside + 2} quantiles of its values; it "
                f"has {len(np.unique(values))} distinct, or some too often: lower df, or take a polynomial."
            )
        return curve

    @property
    def n_columns(self) -> int:
        """Columns without intercept."""
        if self.kind == "polynomial":
            return self.degree
        return len(self.numbers) - (1 if self.kind == "spline" else 2 - self.degree)

    def __call__(self, values: Float64[np.ndarray, " n_rows"]) -> Float64[np.ndarray, "n_rows n_columns"]:
        """Return the columns at these values; zeros for an amount that was constant when it was learnt."""
        if self.kind == "polynomial":
            return self._powers(values)
        low, high = self.numbers[0], self.numbers[-1]
        if high <= low:
            return np.zeros((len(values), self.n_columns))
        inside = np.clip(values, low, high)
        splines = self._splines()
        bent = splines(inside) + splines.derivative()(inside) * (values - inside)[:, np.newaxis]
        return np.column_stack([(values - low) / (high - low), bent])

    def count_outside(self, values: Float64[np.ndarray, " n_rows"]) -> int:
        """Values beyond the boundary knots; none of a polynomial, which has no knots."""
        if self.kind == "polynomial":
            return 0
        margin = 1e-9 * (self.numbers[-1] - self.numbers[0])
        return int(((values < self.numbers[0] - margin) | (values > self.numbers[-1] + margin)).sum())

    def to_record(self) -> list[Any]:
        """Return everything as JSON values."""
        return [self.kind, self.degree, list(self.numbers)]

    @classmethod
    def from_record(cls, record: Sequence[Any]) -> "Curve":
        """Make the curve from :meth:`to_record`."""
        kind, degree, numbers = record
        return cls(kind, degree, tuple(numbers))

    def _splines(self) -> Any:
        """All but the straight line: splines that are 0 at both boundary knots and make up the rest of the space."""
        knots = np.asarray(self.numbers)
        if self.kind == "spline":
            return scipy.interpolate.CubicSpline(knots, np.eye(len(knots))[:, 1:-1], bc_type="natural")
        padded = np.r_[[knots[0]] * self.degree, knots, [knots[-1]] * self.degree]
        return scipy.interpolate.BSpline(padded, np.eye(self.n_columns + 1)[:, 1:-1], self.degree)

    def _powers(self, values: Matrix) -> Matrix:
        mean, spread, *means = self.numbers
        if spread == 0:
            return np.zeros((len(values), self.degree))
        amounts = (values - mean) / spread
        powers = amounts[:, np.newaxis] ** np.arange(1, self.degree + 1)
        return np.asarray(powers - np.array([0.0, *means]))


def _moments(values: Matrix, degree: int) -> tuple[float, ...]:
    mean, spread = float(values.mean()), float(values.std())
    if spread <= 1e-10 * float(np.abs(values).max(initial=0.0)):
        return (mean, 0.0, *[0.0] * (degree - 1))
    amounts = (values - mean) / spread
    return (mean, spread, *(float((amounts**power).mean()) for power in range(2, degree + 1)))
