"""The ``confounds`` of a run: columns, curves of them, products, slopes by level, or a formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from analyses.config.section import Section

if TYPE_CHECKING:
    from fusion.confounds.terms import TermLike


def _absent() -> Any:
    """A key that is left out of the resolved configuration where it is not given."""
    return Field(default=None, exclude_if=lambda value: value is None)


class ConfoundConfig(Section):
    """What is removed from both views: one column, a product of columns (``age:sex`` for short), or a formula."""

    column: str | None = _absent()
    """Column of the participants tables."""
    kind: Literal["continuous", "categorical", "spline", "B-spline", "polynomial"] | None = _absent()
    """An amount (continuous), a curve of it (a natural cubic spline, a B-spline, powers), or levels of which each has
    its own mean (categorical): sites with numbers for names are categorical."""
    df: int | None = _absent()
    """Columns of a spline, 4 if not given; its knots lie at quantiles of the cohort."""
    degree: int | None = _absent()
    """Of a polynomial, 2 if not given; of the pieces of a B-spline, 3."""
    by: str | None = _absent()
    """Category each level of which gets a slope or curve of its own; give it as a confound too."""
    interaction: tuple[str, ...] | None = _absent()
    """Product of two or more columns that are confounds: [age, sex], or age:sex in place of the whole entry."""
    formula: str | None = _absent()
    """Formula of names of columns, C(), ns(), bs(), poly(), + - : * / **, such as bs(age, df=4) + age:C(site)."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if ":" not in value:
            raise ValueError(f"a column needs its kind: write {{column: {value}, kind: continuous}} or another kind")
        return {"interaction": [part.strip() for part in value.split(":")]}

    @model_validator(mode="after")
    def _one_of_three(self) -> ConfoundConfig:
        given = [name for name in ("column", "interaction", "formula") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"one of column, interaction and formula is required; got {' and '.join(given) or 'none'}")
        of_column = [name for name in ("kind", "df", "degree", "by") if getattr(self, name) is not None]
        if given != ["column"] and of_column:
            raise ValueError(f"{of_column[0]} belongs to a column; with {given[0]} leave it out")
        if given == ["column"] and self.kind is None and self.by is None:
            raise ValueError("kind is required: continuous, categorical, spline, B-spline or polynomial")
        self.terms()
        return self

    def terms(self) -> tuple[TermLike, ...]:
        """What of it `fusion.ConfoundDesign` takes."""
        from fusion.confounds.formula import read_formula
        from fusion.confounds.terms import Confound, Interaction

        if self.formula is not None:
            return read_formula(self.formula)
        if self.interaction is not None:
            return (Interaction(self.interaction),)
        assert self.column is not None
        return (Confound(self.column, self.kind or "continuous", self.df, self.degree, self.by),)


def one_or_many(value: object) -> object:
    """The confounds as a list: a formula alone, or one entry, is a list of it."""
    if isinstance(value, str):
        return ({"formula": value},)
    return (value,) if isinstance(value, dict) else value


def without_columns(confounds: Sequence[ConfoundConfig], columns: Sequence[str]) -> tuple[ConfoundConfig, ...]:
    """The confounds but these columns and products with them.

    Raises
    ------
    ValueError
        A column is part of an entry that holds another confound as well: a formula, or slopes by level.
    """
    left = set(columns)
    for one in confounds:
        for held in left & _held(one):
            raise ValueError(
                f"confounds_without takes out whole entries; '{held}' is part of "
                f"{one.formula or f'slopes of {one.column}'}: write confounds anew without it"
            )
    return tuple(one for one in confounds if one.column not in left and left.isdisjoint(one.interaction or ()))


def _held(confound: ConfoundConfig) -> set[str]:
    """Columns beside which the entry removes another confound."""
    from fusion.confounds.terms import read_terms

    if confound.formula is not None:
        return {factor.column for term in read_terms(confound.terms()) for factor in term.factors}
    return set() if confound.by is None else {confound.by}
