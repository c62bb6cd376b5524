"""A Wilkinson formula as terms: formulaic reads its grammar, nothing in it is ever evaluated."""

import ast
import re
from collections.abc import Iterator

from fusion.confounds.terms import INFERRED, Confound, Interaction
from fusion.errors import InputError

LONGEST, MOST_TERMS = 1_000, 10_000

_KINDS = {"C": "categorical", "ns": "spline", "bs": "B-spline", "poly": "polynomial"}
_SETTINGS = {"C": (), "ns": ("df",), "bs": ("df", "degree"), "poly": ("degree",)}
_ALLOWED = "names of columns (`in backticks` where they are no words), C(), ns(), bs(), poly(), and + - : * / **"


def read_formula(text: str) -> tuple[Interaction, ...]:
    """Return the terms of a formula without outcome, such as ``"bs(age, df=4) + sex + age:C(site)"``.

    A name is a column: an amount if it holds numbers, else a category. ``C(x)`` is a category, ``ns(x, df=4)`` a
    natural cubic spline, ``bs(x, df=4, degree=3)`` a B-spline, ``poly(x, 2)`` powers. ``a:b`` is a product, ``a*b``
    that and its factors, ``a/b`` is ``a + a:b``. The intercept is always there. Factors are coded as R and formulaic
    code them: in ``age:C(site)`` without ``age`` every site has a slope of its own, without ``C(site)`` no mean of its
    own.

    Parameters
    ----------
    text : str
        At most 1,000 characters.

    Raises
    ------
    InputError
        Anything else: other functions, indexing, arithmetic, an outcome, a formula without its intercept, or one that
        does not hold together. Nothing in a formula is run or looked up.

    References
    ----------
    Wilkinson & Rogers (1973), doi:10.2307/2346786.

    Examples
    --------
    >>> [term.label for term in read_formula("ns(age, df=3)*C(sex)")]
    ['age (spline, df 3)', 'sex', 'age (spline, df 3) x sex']
    """
    _check_size(text)
    bare = re.sub(r"`[^`]*`", "_ ", text)
    if bracket := re.search(r"[\[\]{}]", bare):  # formulaic groups by them, patsy indexes
        raise _refused(bracket[0], text)
    if re.search(r"(?:\)\s*|\w\s+)0(?![\w.])", bare):  # formulaic reads any 0 as "- 1"
        raise InputError(
            f"A formula of confounds holds {_ALLOWED}; {text!r} does not hold together (an operator is missing before "
            "0)."
        )
    if re.search(r"(?:\*\*|\^)\s*(?:\d+|\(\s*\d+\s*\))\s*(?:\*\*|\^)", bare):  # formulaic takes the first alone
        raise InputError(
            f"A formula of confounds has one power behind a bracket; {text!r} has a power of a power: write the "
            "terms that are meant."
        )
    terms = _parsed(text)
    if not any(factors == ["1"] for factors in terms):
        raise InputError(f"A formula of confounds keeps its intercept; {text!r} takes it away: leave out 0 and - 1.")
    made = [Interaction(tuple(_factor(one, text) for one in factors)) for factors in terms if factors != ["1"]]
    if not made:
        raise InputError(f"A formula of confounds names one or more columns; got {text!r}: leave it out for none.")
    return tuple(made)


def _parsed(text: str) -> list[list[str]]:
    """Factors of every term as formulaic writes them."""
    from formulaic.errors import FormulaicError
    from formulaic.parser import DefaultFormulaParser

    try:
        # Quoted Python, its subscripts and the like are kept as text; `_factor` refuses all but the closed list.
        found = DefaultFormulaParser().get_terms(text)
        return [[str(factor.expr) for factor in term.factors] for term in found]
    except (FormulaicError, SyntaxError, AttributeError, ValueError, TypeError, RecursionError, MemoryError) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        said = f" ({lines[0].rstrip('.')})" if lines and isinstance(error, FormulaicError) else ""
        raise InputError(f"A formula of confounds holds {_ALLOWED}; {text!r} does not hold together{said}.") from None


def _check_size(text: str) -> None:
    """Refuse what would multiply into more terms than anybody means."""
    if len(text) > LONGEST:
        raise InputError(f"A formula of confounds has at most {LONGEST:,} characters; got {len(text):,}: shorten it.")
    n_terms = 0
    for addend in _addends(text):
        n_names = max(len(re.findall(r"`[^`]*`|[^\W\d]\w*", addend)), 1)
        n_products = len(re.findall(r"\*\*|[*:/^]|%in%", addend))
        powers = sum(int(exponent) - 1 for exponent in re.findall(r"(?:\*\*|\^)\s*(\d{1,9})", addend))
        n_terms += n_names ** min(n_products + max(powers, 0) + 1, 64)
    if n_terms > MOST_TERMS:
        raise InputError(
            f"A formula of confounds may multiply out to {MOST_TERMS:,} terms; {text[:60]!r} makes more: write the "
            "products that are meant."
        )


def _addends(text: str) -> Iterator[str]:
    """Parts between plus and minus signs outside brackets and backticks."""
    depth, quoted, first = 0, False, 0
    for place, sign in enumerate(text):
        quoted ^= sign == "`"
        depth += (sign in "([{") - (sign in ")]}") if not quoted else 0
        if depth == 0 and not quoted and sign in "+-":
            yield text[first:place]
            first = place + 1
    yield text[first:]


def _factor(written: str, text: str) -> Confound:
    """One factor; `written` is the name of a column, or a call as text."""
    if not re.search(r"[()\[\]{}]", written) or f"`{written}`" in text:
        if not re.fullmatch(r"[^\W\d]\w*", written) and f"`{written}`" not in text:
            raise _refused(written, text)
        return Confound(written, INFERRED)
    quoted: list[str] = []

    def hide(match: re.Match[str]) -> str:
        quoted.append(match[1])
        return f"quoted_name_{len(quoted) - 1}_"

    try:
        call = ast.parse(re.sub(r"`([^`]*)`", hide, written), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused(written, text) from None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _KINDS and call.args):
        raise _refused(written, text)
    function, (of, *sizes) = call.func.id, call.args
    settings = _SETTINGS[function]
    named = [*zip(settings[:1] if function == "poly" else settings, sizes, strict=False)]
    named += [(keyword.arg or "", keyword.value) for keyword in call.keywords]
    values = {one: size.value for one, size in named if isinstance(size, ast.Constant) and type(size.value) is int}
    is_known = len(values) == len(sizes) + len(call.keywords) and set(values) <= set(settings)
    if not isinstance(of, ast.Name) or not is_known:
        raise _refused(written, text)
    place = re.fullmatch(r"quoted_name_(\d+)_", of.id)
    column = quoted[int(place[1])] if place and int(place[1]) < len(quoted) else of.id
    return Confound(column, _KINDS[function], df=values.get("df"), degree=values.get("degree"))


def _refused(written: str, text: str) -> InputError:
    hint = ""
    if re.match(r"(cr|cs|cc)\(", written):
        hint = " (a natural cubic spline is ns(x, df=4))"
    return InputError(
        f"A formula of confounds holds {_ALLOWED}; got {written!r} in {text!r}{hint}: nothing else is read, and "
        "nothing is run; make such a column in the table."
    )
