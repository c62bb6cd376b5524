"""Cells of a column ``label`` to numbers: classes by number or name, several at once, or values."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from encoders.errors import InputError
from encoders.training.tasks.card import TaskKind

NO_CLASS = "none"
"""What a cell of a multi-label set holds where no class applies."""

BETWEEN = ";"
_MISSING = frozenset({"", "na", "n/a", "nan", "<na>", "null", "?"})
_WHOLE = re.compile(r"\d{1,6}(\.0*)?")

LARGEST_VALUE = 1e30
"""Of a regression: networks tell values in single precision, and their squares are added up."""

Labels = Int64[np.ndarray, " n"] | Int64[np.ndarray, "n n_classes"] | Float64[np.ndarray, " n"]


def check_labelled(cells: Sequence[str], file: object) -> None:
    """Raise InputError if a cell holds no label."""
    missing = [number for number, cell in enumerate(cells, start=1) if cell.strip().lower() in _MISSING]
    if missing:
        raise InputError(
            f"Every sequence needs a label; {len(missing)} of {len(cells)} in {file} have none, the first is sequence "
            f"{missing[0]}: label them, or leave them out."
        )


def find_kind(cells: Sequence[str]) -> tuple[TaskKind, tuple[str, ...]]:
    """Kind and classes of labels that come without a card.

    Whole numbers are classes, counted from 0; words are classes in alphabetical order; cells with ``;`` hold several
    classes; other numbers are values. Numbers beside words, and whole numbers of which some are negative, may be meant
    as either.

    Parameters
    ----------
    cells : sequence of str
        Of all splits.

    Raises
    ------
    InputError
        They may be meant as either.

    Examples
    --------
    >>> from encoders.training.tasks.labels import find_kind
    >>> find_kind(["0", "2", "1", "1"])
    ('multiclass', ('0', '1', '2'))
    >>> find_kind(["donor", "donor;acceptor", "none"])
    ('multilabel', ('acceptor', 'donor'))
    >>> find_kind(["0.25", "1e3"])
    ('regression', ())
    """
    distinct = {cell.strip() for cell in cells}
    if any(BETWEEN in cell for cell in distinct):
        names = {name for cell in distinct for name in _several(cell)}
        return "multilabel", _classes(names)
    numbers = sorted(filter(_reads_as_number, distinct))
    if numbers and len(numbers) < len(distinct):
        words = sorted(distinct - set(numbers))
        raise InputError(
            f"Labels without a card are all words or all numbers; got {numbers[0]!r} beside {words[0]!r}: correct "
            "them, or write task.yaml with format: 1, name, kind and classes."
        )
    if numbers and not all(map(_WHOLE.fullmatch, distinct)):
        if all(float(one).is_integer() for one in numbers):
            raise InputError(
                f"Numbers of classes count from 0; got {', '.join(numbers[:4])}: number them from 0, or if these are "
                "values, write task.yaml with format: 1, name and kind: regression."
            )
        return "regression", ()
    classes = _classes(distinct)
    return ("binary" if len(classes) == 2 else "multiclass"), classes


def _classes(names: set[str]) -> tuple[str, ...]:
    if all(map(_WHOLE.fullmatch, names)):
        return tuple(str(number) for number in range(max(int(float(name)) for name in names) + 1))
    return tuple(sorted(names))


def parse_labels(cells: Sequence[str], kind: TaskKind, classes: Sequence[str], file: object) -> Labels:
    """Labels as numbers.

    Parameters
    ----------
    cells : sequence of str
    kind : str
    classes : sequence of str
        A cell holds a class's name, or its number from 0 where no name is a number.
    file : object
        Named in messages.

    Returns
    -------
    int64 [n], int64 [n, n_classes] or float64 [n]
        Numbers of classes; 0 and 1 for each of several classes; values.

    Raises
    ------
    InputError
        A cell holds something else.
    """
    if kind == "regression":
        return np.array([_value(number, cell, file) for number, cell in enumerate(cells, start=1)], dtype=np.float64)
    named = any(map(_WHOLE.fullmatch, classes))
    places = {} if named else {str(place): place for place in range(len(classes))}
    places |= {name: place for place, name in enumerate(classes)}
    if kind == "multilabel":
        labels = np.zeros((len(cells), len(classes)), dtype=np.int64)
        for row, cell in enumerate(cells):
            for name in _several(cell):
                labels[row, _place(name, places, row, classes, file)] = 1
        return labels
    found = [_place(cell.strip(), places, row, classes, file) for row, cell in enumerate(cells)]
    return np.array(found, dtype=np.int64)


def _several(cell: str) -> Iterator[str]:
    for name in cell.split(BETWEEN):
        if name.strip() and name.strip().lower() != NO_CLASS:
            yield name.strip()


def _place(name: str, places: dict[str, int], row: int, classes: Sequence[str], file: object) -> int:
    whole = str(int(float(name))) if _WHOLE.fullmatch(name) and name not in places else name
    if whole not in places:
        shown = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
        raise InputError(
            f"A label must be one of the {len(classes)} classes ({shown}), or its number from 0 where no name is a "
            f"number; sequence {row + 1} of {file} has {name!r}: correct it."
        )
    return places[whole]


def _reads_as_number(cell: str) -> bool:
    """Whether a cell is a number, also one that is too large."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _value(number: int, cell: str, file: object) -> float:
    if not _reads_as_number(cell) or not abs(float(cell)) <= LARGEST_VALUE:
        raise InputError(
            f"The label of a regression is a number of at most {LARGEST_VALUE:g} in size; sequence {number} of {file} "
            f"has {cell!r}: correct it."
        )
    return float(cell)
