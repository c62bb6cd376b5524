"""What labels of sessions say: numbers, dates in one of their forms, times since a baseline."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import pairwise

Place = float | datetime | tuple[float, ...]
Reading = Callable[[str], Place | None]
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_DAYS = {
    **dict.fromkeys(("d", "day", "days"), 1.0),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7.0),
    **dict.fromkeys(("m", "mo", "mos", "mon", "mth", "month", "months"), 30.4375),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 365.25),
}
_STARTS = {**dict.fromkeys(("baseline", "bl"), 0.0), **dict.fromkeys(("screening", "sc"), -1.0)}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEARS = range(1900, 2100)


def read_labels(labels: Sequence[str]) -> dict[str, list[Place]]:
    """Places of labels under every reading that fits all of them.

    Parameters
    ----------
    labels : sequence of str, length n_labels
        Distinct.

    Returns
    -------
    dict of str to list, length n_labels
        What the labels were read as, and places that can be compared with one another.

    Examples
    --------
    >>> from encoders.brain.session_labels import read_labels
    >>> read_labels(["ses-2", "ses-10"])
    {'as numbers': [2.0, 10.0]}
    """
    plain = [label.strip() for label in labels]
    cores = _cores(plain)
    dates: dict[str, Reading] = {
        "as dates": _iso,
        "as dates with time zones": _zoned,
        "as months": _month,
        "as dates, day first": _dated(("d", "m", "y")),
        "as dates, month first": _dated(("m", "d", "y")),
        "as dates, year first": _dated(("y", "m", "d")),
    }
    found = {} if cores is None else _fitting(cores, dates)
    found = found or _fitting(plain, dates | {"as dates": _named_month, "as dates with time zones": _zoned})
    if not found and cores is not None:
        found = _fitting(cores, {"as numbers": _number, "number by number": _numbers})
        if "as numbers" in found and not any("." in core for core in cores):
            found.pop("number by number", None)
    if not found and cores is not None and len({re.sub(r"\d+", "#", label.casefold()) for label in plain}) == 1:
        found = _fitting(plain, {"as numbers": _all_numbers})
    return found or _fitting(plain, {"as times since the baseline": _since_baseline})


def _fitting(labels: Sequence[str], readings: Mapping[str, Reading]) -> dict[str, list[Place]]:
    fitting = {}
    for said, reading in readings.items():
        places = [reading(label) for label in labels]
        known = [place for place in places if place is not None]
        if len(known) == len(labels):
            fitting[said] = known
    return fitting


def _cores(labels: Sequence[str]) -> list[str] | None:
    """Labels without the text that all have before their first digit and after their last: ``ses-`` of ``ses-02A``."""
    parts = [re.fullmatch(r"(\D*?)([+-]?\d(?:.*\d)?)(\D*)", label) for label in labels]
    matched = [part for part in parts if part is not None]
    if len(matched) < len(labels) or len({(part[1].casefold(), part[3].casefold()) for part in matched}) > 1:
        return None
    signed = all(part[1] == "" for part in matched)  # else the sign is a dash: "ses-2"
    return [part[2] if signed else part[2].lstrip("+-") for part in matched]


def _number(core: str) -> float | None:
    return float(core) if re.fullmatch(_NUMBER, core) else None


def _numbers(core: str) -> tuple[float, ...] | None:
    """``1.10`` as chapter ten of part one."""
    return tuple(map(float, core.split("."))) if re.fullmatch(r"\d+(?:\.\d+)+", core) else None


def _all_numbers(label: str) -> tuple[float, ...] | None:
    """All numbers of a label in their order; none where a year comes after another number."""
    numbers = [int(number) for number in re.findall(r"\d+", label)]
    return None if any(number in _YEARS for number in numbers[1:]) else tuple(map(float, numbers))


def _month(core: str) -> datetime | None:
    """``2019-03`` and ``03/2019``."""
    if (match := re.fullmatch(r"(\d{4})[-/.](\d{1,2})", core)) is not None:
        return _day(int(match[1]), int(match[2]), 1)
    match = re.fullmatch(r"(\d{1,2})[-/.](\d{4})", core)
    return None if match is None else _day(int(match[2]), int(match[1]), 1)


def _iso(core: str) -> datetime | None:
    read = _parse_iso(core)
    return None if read is None or read.tzinfo is not None else read


def _zoned(core: str) -> datetime | None:
    read = _parse_iso(core)
    return None if read is None or read.tzinfo is None else read.astimezone(UTC)


def _parse_iso(core: str) -> datetime | None:
    """ISO 8601; slashes and dots between year, month and day too."""
    if not re.match(r"\d{4}[-/.]?\d{2}[-/.]?\d{2}(?!\d)", core) or int(core[:4]) not in _YEARS:
        return None
    day, rest = core[:10], core[10:]
    if not core[4].isdigit():
        day = re.sub(r"[/.]", "-", day)
    try:
        return datetime.fromisoformat(day + rest)
    except ValueError:
        return None


def _dated(parts: tuple[str, str, str]) -> Reading:
    """A reading of dates whose day, month and year stand in this order; years of two digits are those around 2000."""

    def read(core: str) -> datetime | None:
        match = re.fullmatch(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})", core) or re.fullmatch(
            r"(\d{2})()(\d{2})(\d{4})", core
        )
        if match is None:
            return None
        found = dict(zip(parts, (match[1], match[3], match[4]), strict=True))
        if len(found["y"]) not in (2, 4) or max(len(found["d"]), len(found["m"])) > 2:
            return None
        if match[2] == "." and parts == ("m", "d", "y"):
            return None  # dots are written between day, month and year alone
        year = int(found["y"])
        if len(found["y"]) == 2:
            year += 1900 if year > 68 else 2000
        return _day(year, int(found["m"]), int(found["d"]))

    return read


def _named_month(label: str) -> datetime | None:
    """``12-Mar-2019``, ``March 12, 2019``, ``Mar2019``."""
    words = [word.lower() for word in re.findall(r"\d+|[A-Za-z]+", label)]
    months = [word for word in words if word[:3] in _MONTHS and word.isalpha()]
    numbers = [word for word in words if word.isdigit()]
    years = [int(number) for number in numbers if len(number) == 4]
    days = [int(number) for number in numbers if len(number) <= 2]
    if len(words) != len(months) + len(numbers) or (len(months), len(years)) != (1, 1) or len(days) > 1:
        return None
    return _day(years[0], _MONTHS.index(months[0][:3]) + 1, (days or [1])[0])


def _day(year: int, month: int, day: int) -> datetime | None:
    if year not in _YEARS:
        return None
    try:
        return datetime.combine(date(year, month, day), time())
    except ValueError:
        return None


def _since_baseline(label: str) -> float | None:
    """Days since the baseline: ``bl``, ``m06``, ``2_year_follow_up_y_arm_1``, ``week 4``."""
    words = [word.lower() for word in re.findall(_NUMBER[5:] + r"|[A-Z]?[a-z]+|[A-Z]+", label)]
    start = next((_STARTS[word] for word in words if word in _STARTS), None)
    if start is not None:
        return start
    before = [(float(a), _DAYS[b]) for a, b in pairwise(words) if a[0].isdigit() and b in _DAYS]
    after = [(float(b), _DAYS[a]) for a, b in pairwise(words) if b[0].isdigit() and a in _DAYS]
    pairs = before or after
    return None if not pairs or (before and after) else sum(number * days for number, days in pairs)
