"""Numbers as a reader sees them in figures, sentences and tables."""

import math


def format_p(p: float | None) -> str:
    """A p-value in as many digits as permutations can give it, ``–`` where nothing was tested."""
    if p is None or math.isnan(p):
        return "–"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}" if p >= 0.001 else f"{p:.2g}"


def format_number(value: float | None, digits: int = 2) -> str:
    """A number with a typographic minus, whole numbers in groups of three, ``–`` where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")  # + 0.0: no minus zero
