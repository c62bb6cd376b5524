"""What a confound design is made of: covariates, curves of them, and their products, as one list of terms."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from fusion.errors import InputError

Kind = Literal["continuous", "categorical", "spline", "B-spline", "polynomial"]

INFERRED = "inferred"
"""Kind of a name in a formula: numbers are amounts, anything else a category."""

_SIZES = {  # kind: (fewest columns, most, default)
    "spline": (2, 20, 4),
    "B-spline": (1, 20, 4),
    "polynomial": (2, 6, 2),
}


@dataclass(frozen=True, slots=True)
class Confound:
    """One covariate: its column, and what of it is removed.

    Attributes
    ----------
    column : str
    kind : {"continuous", "categorical", "spline", "B-spline", "polynomial"}
        A straight line through amounts; the means of levels; a curve of amounts: natural cubic spline (as R's ``ns``),
        B-spline (``bs``), or powers.
    df : int, optional
        Columns of a spline beyond the intercept, 4 by default: df - 1 knots inside the range for a natural one, df -
        degree for a B-spline.
    degree : int, optional
        Of a polynomial (2 by default) or of the pieces of a B-spline (3).
    by : str, optional
        A category each of whose levels gets a line, curve or set of means of its own. Give that category as a
        confound too: else all lines meet where the amount is zero.

    Raises
    ------
    InputError
        A kind, size or combination of them that there is not.

    Examples
    --------
    >>> Confound("age", "spline", df=3, by="site").label
    'age (spline, df 3) x site'
    """

    column: str
    kind: Kind | str = "continuous"
    df: int | None = None
    degree: int | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("continuous", "categorical", INFERRED, *_SIZES):
            raise InputError(
                f"Confound {self.column!r} needs kind 'continuous' or 'categorical', or for a curve 'spline', "
                f"'B-spline' or 'polynomial'; got {self.kind!r}."
            )
        for name, wanted in (("df", ("spline", "B-spline")), ("degree", ("B-spline", "polynomial"))):
            if getattr(self, name) is not None and self.kind not in wanted:
                raise InputError(
                    f"Confound {self.column!r} is {self.kind} and has no {name}: leave it out, or say "
                    f"kind: {' or '.join(wanted)}."
                )
        if self.is_curve:
            self._check_size()
        if self.by == self.column:
            raise InputError(f"Confound {self.column!r} cannot have a slope by itself: name a category in by.")

    def _check_size(self) -> None:
        least, most, _ = _SIZES[self.kind]
        if self.kind == "B-spline" and not 1 <= self.curve_degree <= 5:
            raise InputError(f"Confound {self.column!r} needs a degree from 1 to 5; got {self.curve_degree}.")
        least = max(least, self.curve_degree) if self.kind == "B-spline" else least
        name = "degree" if self.kind == "polynomial" else "df"
        if not least <= self.n_curve_columns <= most:
            raise InputError(
                f"Confound {self.column!r} needs a {name} from {least} to {most} for a {self.kind}; got "
                f"{self.n_curve_columns}."
            )

    @property
    def is_curve(self) -> bool:
        """Whether several columns stand for one amount."""
        return self.kind in _SIZES

    @property
    def n_curve_columns(self) -> int:
        """Columns of a curve."""
        given = self.degree if self.kind == "polynomial" else self.df
        return _SIZES[self.kind][2] if given is None else given

    @property
    def curve_degree(self) -> int:
        """Of the pieces of a spline, or of the polynomial."""
        if self.kind == "polynomial":
            return self.n_curve_columns
        return 3 if self.degree is None else self.degree

    @property
    def label(self) -> str:
        """What reports call it, ``age (spline, df 4)``."""
        name = self.column
        if self.is_curve:
            of_pieces = f", degree {self.curve_degree}" if self.kind == "B-spline" and self.curve_degree != 3 else ""
            size = "degree" if self.kind == "polynomial" else "df"
            name += f" ({self.kind}, {size} {self.n_curve_columns}{of_pieces})"
        return name if self.by is None else f"{name} x {self.by}"


@dataclass(frozen=True, slots=True)
class Interaction:
    """A product of covariates; one factor alone is that covariate.

    Attributes
    ----------
    factors : tuple of Confound or str
        By name: the column of another confound of the list, of its kind; of a curve its straight line.
    """

    factors: tuple[Confound | str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that it needs, each once."""
        return tuple(dict.fromkeys(one if isinstance(one, str) else one.column for one in self.factors))

    @property
    def label(self) -> str:
        """What reports call it, ``age x sex``."""
        return " x ".join(one if isinstance(one, str) else one.label for one in self.factors)


@dataclass(frozen=True, slots=True)
class Term:
    """A covariate, or a product of several that differ: what is coded, counted and said as one."""

    factors: tuple[Confound, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that it needs."""
        return tuple(dict.fromkeys(factor.column for factor in self.factors))

    @property
    def label(self) -> str:
        """What reports call it."""
        return " x ".join(factor.label for factor in self.factors)

    @property
    def is_product(self) -> bool:
        """Whether it is made of several covariates."""
        return len(self.factors) > 1

    def spans(self, factors: Sequence[Confound]) -> bool:
        """Whether it is the product of these factors, or of curves of amounts that they take as straight lines."""
        own = {factor.column: factor for factor in self.factors}
        return set(own) == {factor.column for factor in factors} and all(
            own[one.column] == one or (one.kind == "continuous" and own[one.column].kind != "categorical")
            for one in factors
        )

    def holds(self, other: "Term") -> bool:
        """Whether it is a product in which all columns of the other occur, and more."""
        return set(other.columns) < set(self.columns)


TermLike: TypeAlias = Confound | Interaction | Term | str
"""A covariate, a product, or a product as text, ``"age:sex"``."""


def read_terms(given: Iterable[TermLike], kind_of: Callable[[str], str] | None = None) -> tuple[Term, ...]:
    """Return every entry of a list of confounds as a term, each once.

    Parameters
    ----------
    given : iterable of Confound, Interaction or str
    kind_of : callable, optional
        Gives the kind of a column that a formula names without one; without it such factors stay "inferred".

    Raises
    ------
    InputError
        A product that names what is not in the list, or holds a column twice.

    Examples
    --------
    >>> [term.label for term in read_terms([Confound("age"), Confound("sex", "categorical"), "age:sex"])]
    ['age', 'sex', 'age x sex']
    """
    entries = [_product(one) if isinstance(one, str) else one for one in given]
    kinds: dict[str, str] = {}
    for one in entries:
        if isinstance(one, Confound):
            kinds.setdefault(one.column, "continuous" if one.is_curve else one.kind)
    terms = [Term(tuple(_factors(one, kinds))) for one in entries]
    if kind_of is not None:
        terms = [Term(tuple(_with_kind(factor, kind_of) for factor in term.factors)) for term in terms]
    for term in terms:
        if len(term.columns) < len(term.factors):
            raise InputError(f"A product of confounds needs columns that differ; got {term.label!r}.")
    return tuple(dict.fromkeys(terms))


def marginal_warnings(terms: Sequence[Term]) -> list[str]:
    """Warn of products without the covariates that they multiply: such lines all meet where the amount is zero."""
    held = {column for term in terms if not term.is_product for column in term.columns}
    said = []
    for term in terms:
        categories = [one.column for one in term.factors if one.kind == "categorical"]
        amounts = [one.column for one in term.factors if one.kind not in ("categorical", INFERRED)]
        missing = [column for column in categories if amounts and column not in held]
        if term.is_product and not categories:
            missing = [column for column in amounts if column not in held]
        if term.is_product and missing:
            said.append(
                f"Confounds hold {term.label!r} without {' and '.join(map(repr, missing))}, so that its lines all meet "
                f"where {' and '.join(amounts)} is zero: add {' and '.join(missing)} as a confound too."
            )
    return said


def _product(text: str) -> Interaction:
    return Interaction(tuple(part.strip() for part in text.split(":")))


def _factors(one: Confound | Interaction | Term, kinds: dict[str, str]) -> list[Confound]:
    if isinstance(one, Term):
        return list(one.factors)
    if isinstance(one, Confound):
        own = replace(one, by=None)
        return [own] if one.by is None else [own, Confound(one.by, "categorical")]
    if not one.factors or (len(one.factors) == 1 and isinstance(one.factors[0], str)):
        raise InputError(f"A product of confounds names two or more of them, such as age:sex; got {one.label!r}.")
    factors: list[Confound] = []
    for part in one.factors:
        if isinstance(part, str) and part not in kinds:
            raise InputError(
                f"A product of confounds multiplies others of the list; {one.label!r} names {part!r}, which is not "
                f"among them ({', '.join(kinds) or 'none'}): add it with its kind."
            )
        factors += [Confound(part, kinds[part])] if isinstance(part, str) else _factors(part, kinds)
    return factors


def _with_kind(factor: Confound, kind_of: Callable[[str], str]) -> Confound:
    return replace(factor, kind=kind_of(factor.column)) if factor.kind == INFERRED else factor
