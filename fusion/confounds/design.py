"""The confound design: a table of covariates becomes numbers, with everything learned from the training rows."""

# ruff: noqa: F722

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fusion.arrays import Matrix, stores_parameters
from fusion.cautions import caution
from fusion.confounds.basis import independent_columns
from fusion.confounds.columns import column_of, infer_confounds, kind_of, level_order, numbers_of, warn_of_codes
from fusion.confounds.curves import Curve
from fusion.confounds.formula import read_formula
from fusion.confounds.terms import Confound, Term, TermLike, marginal_warnings, read_terms
from fusion.errors import InputError


class ConfoundDesign(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Covariates as a full-rank matrix without intercept; levels, means and ranks are those of the training rows.

    Parameters
    ----------
    columns : sequence of Confound, Interaction or str, or a formula, optional
        A text in the list is a product, ``"age:sex"``; one instead of the list a formula (`read_formula`). Default: all
        columns of the frame, by :func:`infer_confounds`.
    unseen : {"error", "mean"}
        What a level that was not in training becomes: an error that names it, or the mean of the training dummies,
        which is zero after centring, so that such a subject gets no correction for this confound, and of slopes by
        level the mean slope.
    curves : mapping of str to Curve, optional
        Knots and centres by label, learnt elsewhere (:meth:`located`); default: those of the training rows.

    Attributes
    ----------
    terms_ : tuple of Term
        The list, every product written out.
    levels_ : dict of str to list
        Training levels of every categorical confound; the first is the reference and has no column.
    curves_ : dict of str to Curve
        Splines and polynomials, by label.
    dropped_ : dict of str to str
        Columns left out of the design, with the reason: constant, or collinear with those kept.

    Notes
    -----
    Continuous confounds are standardised with training moments; categorical ones are dummy-coded, first level dropped.
    A category in a product keeps its first level unless the rest of the product is a term too, so that the design
    spans what R and formulaic span (Chambers & Hastie 1992, ISBN 978-0-412-83040-2, chapter 2).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [20.0, 35.0, 50.0, 62.0, 70.0, 81.0], "sex": list("FMFMFM")})
    >>> design = ConfoundDesign([Confound("age"), Confound("sex", "categorical"), "age:sex"]).fit(frame)
    >>> design.get_feature_names_out().tolist()
    ['age', 'sex[M]', 'age x sex[M]']
    """

    @stores_parameters
    def __init__(
        self,
        columns: Sequence[TermLike] | str | None = None,
        unseen: Literal["error", "mean"] = "error",
        curves: Mapping[str, Curve] | None = None,
    ) -> None:
        self.columns = columns
        self.unseen = unseen
        self.curves = curves

    def fit(self, frame: pd.DataFrame, y: object = None) -> "ConfoundDesign":
        """Freeze levels, moments, curves and the independent columns.

        Parameters
        ----------
        frame : DataFrame
            Training rows.
        y : ignored

        Raises
        ------
        InputError
            A missing column, missing or infinite values (column and count), text where amounts are declared, a curve
            with more knots than its values carry, a formula or product that cannot be read.

        Warns
        -----
        UserWarning
            A level with a single training subject: its dummy fits that subject exactly. A product without the
            covariates that it multiplies.
        """
        if self.unseen not in ("error", "mean"):
            raise InputError(f"ConfoundDesign needs unseen='error' or 'mean'; got {self.unseen!r}.")
        self.terms_ = self._terms(frame)
        for sentence in marginal_warnings(self.terms_):
            caution(sentence, stacklevel=2)
        self.levels_: dict[str, list[Any]] = {}
        self.shares_: dict[str, list[float]] = {}
        self.moments_: dict[str, tuple[float, float]] = {}
        self.curves_: dict[str, Curve] = {}
        for factor in dict.fromkeys(factor for term in self.terms_ for factor in term.factors):
            self._learn(factor, column_of(frame, factor.column))
        names = [name for term in self.terms_ for name in self._names(term)]
        raw = self._encode(frame)
        self._keep_independent(raw, names)
        return self

    def transform(self, frame: pd.DataFrame) -> Float64[np.ndarray, "n_subjects n_columns"]:
        """Return the design of these rows, float64 of shape (n_subjects, n_columns), columns as at fit.

        Raises
        ------
        InputError
            As at fit; and a level unseen in training under ``unseen="error"``.

        Warns
        -----
        UserWarning
            Amounts beyond the knots of a spline, where it goes on as a straight line.
        """
        check_is_fitted(self)
        self._warn_of_outside(frame)
        return self._encode(frame)[:, self.kept_]

    def located(self, frame: pd.DataFrame) -> "ConfoundDesign":
        """Return the design, not fitted, with the knots and centres of its curves learnt from these rows.

        For a whole cohort before it is split: then all folds remove the same curves. A view that follows such a curve
        is rid of it in every fold as in the whole; with knots of its own a fold would leave a rest, which a permutation
        lacks. Knots depend on covariates alone, on which the tests are conditional anyway.
        """
        terms = self._terms(frame)
        curved = dict.fromkeys(factor for term in terms for factor in term.factors if factor.is_curve)
        if not curved or self.curves is not None:
            return self
        curves = {one.label: Curve.of(one, numbers_of(column_of(frame, one.column))) for one in curved}
        return ConfoundDesign(self.columns, self.unseen, curves)

    def by_term(self, frame: pd.DataFrame) -> dict[Term, Float64[np.ndarray, "n_subjects n_columns"]]:
        """Return the columns of every term at these rows, collinear ones among them."""
        check_is_fitted(self)
        return {term: self._columns_of(term, frame) for term in self.terms_}

    def get_feature_names_out(self, input_features: object = None) -> "np.ndarray[Any, np.dtype[np.object_]]":
        """Return the names of the columns: ``age``, ``site[Oslo]``, ``age (spline 2 of 4)``, ``age x sex[M]``."""
        check_is_fitted(self)
        return np.asarray(self.names_, dtype=object)

    def _terms(self, frame: pd.DataFrame) -> tuple[Term, ...]:
        given = infer_confounds(frame) if self.columns is None else self.columns
        return read_terms(
            read_formula(given) if isinstance(given, str) else given, lambda column: kind_of(column_of(frame, column))
        )

    def _learn(self, factor: Confound, values: pd.Series) -> None:
        if factor.kind != "categorical":
            numbers = numbers_of(values)
            warn_of_codes(factor.column, numbers)
            spread = float(numbers.std())
            # A constant column is dropped below; dividing its rounding by itself would make it look like signal.
            rounding = 1e-10 * float(np.abs(numbers).max(initial=0.0))
            self.moments_[factor.column] = (float(numbers.mean()), spread if spread > rounding else np.inf)
            if factor.is_curve:
                known = (self.curves or {}).get(factor.label)
                self.curves_[factor.label] = Curve.of(factor, numbers) if known is None else known
            return
        counts = values.value_counts(sort=False)
        counts = counts[counts > 0]
        order = list(values.cat.categories) if hasattr(values, "cat") else sorted(counts.index, key=level_order)
        levels = [level for level in order if level in counts.index]
        self.levels_[factor.column] = levels
        self.shares_[factor.column] = [float(counts[level] / len(values)) for level in levels]
        rare = [str(level) for level in levels if counts[level] == 1]
        if rare:
            message = f"Confound {factor.column!r} has one training subject in level {', '.join(map(repr, rare))}: "
            caution(message + "its residual is zero; merge the level or leave the subject out.", stacklevel=3)

    def _names(self, term: Term) -> list[str]:
        names = [""]
        for place, factor in enumerate(term.factors):
            if factor.kind == "categorical":
                levels = self.levels_[factor.column][self._first_level(term, place) :]
                parts = [f"{factor.column}[{level}]" for level in levels]
            elif factor.is_curve:
                word, n_columns = factor.kind, factor.n_curve_columns
                parts = [f"{factor.column} ({word} {j} of {n_columns})" for j in range(1, n_columns + 1)]
            else:
                parts = [factor.column]
            names = [f"{name} x {part}" if name else part for name in names for part in parts]
        return names

    def _first_level(self, term: Term, place: int) -> int:
        """0 if all levels of a factor have columns, 1 if the rest of the term stands for the first in the design."""
        rest = term.factors[:place] + term.factors[place + 1 :]
        return int(not rest or any(other.spans(rest) for other in self.terms_))

    def _encode(self, frame: pd.DataFrame) -> Matrix:
        return np.hstack([np.empty((len(frame), 0)), *(self._columns_of(term, frame) for term in self.terms_)])

    def _columns_of(self, term: Term, frame: pd.DataFrame) -> Matrix:
        product = np.ones((len(frame), 1))
        for place, factor in enumerate(term.factors):
            part = self._part(factor, column_of(frame, factor.column), is_alone=not term.is_product)
            part = part[:, self._first_level(term, place) :] if factor.kind == "categorical" else part
            product = (product[:, :, np.newaxis] * part[:, np.newaxis, :]).reshape(len(frame), -1)
        return product

    def _part(self, factor: Confound, values: pd.Series, *, is_alone: bool) -> Matrix:
        """Columns of one factor; an amount in a product keeps its zero, where slopes without means meet."""
        if factor.kind == "categorical":
            return self._dummies(factor.column, values)
        if factor.is_curve:
            return np.asarray(self.curves_[factor.label](numbers_of(values)))
        mean, spread = self.moments_[factor.column]
        if is_alone:
            return np.asarray((numbers_of(values) - mean) / spread)[:, np.newaxis]
        return numbers_of(values)[:, np.newaxis] / (spread if np.isfinite(spread) else 1.0)

    def _dummies(self, column: str, values: pd.Series) -> Matrix:
        """Indicators of all levels, [n_rows, n_levels]; of a level that training lacked the training means."""
        levels = self.levels_[column]
        code = {level: j for j, level in enumerate(levels)}
        codes = np.array([code.get(value, -1) for value in values], dtype=np.int64)
        dummies: Matrix = (codes[:, None] == np.arange(len(levels))).astype(np.float64)
        unseen = sorted({str(value) for value, j in zip(values, codes, strict=True) if j < 0})
        if unseen and self.unseen == "error":
            raise InputError(
                f"Confound {column!r} has levels that training did not: {', '.join(map(repr, unseen[:5]))} (training: "
                f"{', '.join(repr(str(level)) for level in levels[:5])}): merge levels, stratify or set unseen='mean'."
            )
        if unseen:
            dummies[codes < 0] = self.shares_[column]
        return dummies

    def _warn_of_outside(self, frame: pd.DataFrame) -> None:
        for label, curve in self.curves_.items():
            column = next(one.column for term in self.terms_ for one in term.factors if one.label == label)
            n_outside = curve.count_outside(numbers_of(column_of(frame, column)))
            if n_outside:
                caution(
                    f"Confound {label!r}: {n_outside} subjects lie beyond its outermost knots, where the spline goes "
                    "on as a straight line: leave them out if that is far, or fit again with such subjects.",
                    stacklevel=3,
                )

    def _keep_independent(self, raw: Matrix, names: list[str]) -> None:
        centred = raw - raw.mean(axis=0)
        varying = np.ptp(raw, axis=0) > 0 if len(raw) else np.zeros(len(names), dtype=bool)
        self.kept_ = independent_columns(centred, raw)
        self.names_ = [names[j] for j in self.kept_]
        reasons = {name: "collinear" if varying[j] else "constant" for j, name in enumerate(names)}
        constant = {c: "constant" for c, levels in self.levels_.items() if len(levels) < 2}
        self.dropped_ = {n: reason for n, reason in reasons.items() if n not in self.names_} | constant
