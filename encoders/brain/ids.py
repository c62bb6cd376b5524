"""Subject ids of brain sources: text from the first byte, cleaned only as asked, every odd one named."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from encoders.errors import InputError
from encoders.tables.quoting import FLOAT_ID, INDEX_COLUMN, quote_some
from encoders.tables.spreadsheets import Spreadsheet

#: What ids are called, the surest first (compared without case).
ID_NAMES = (
    "subject_id", "eid", "participant_id", "sub_id", "subjid", "subjectid", "subject", "subject_ids", "subjects",
    "ids", "id", "eids", "iid", "iids", "participant", "src_subject_id", "subjectkey", "n_eid", "ptid",
    "subject_number", "record_id", "bids_id", INDEX_COLUMN,
)  # fmt: skip
BLANK = frozenset({"", "na", "n/a", "nan", "none", "null", "#n/a", "<na>"})
_INVISIBLE = "\ufeff\u200b\u200e\u200f"


@dataclass(frozen=True)
class CleanIds:
    """Ids after cleaning.

    Attributes
    ----------
    ids : tuple of str
        One per row; may repeat.
    keys : mapping of str to tuple of str
        ``session``, ``run`` and ``window``, where the regular expression has groups of that name.
    notes : tuple of str
        What was changed, and in how many ids.
    """

    ids: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def clean_ids(
    raw: Iterable[object], source: object, *, regex: str | None = None, strip_prefixes: Sequence[str] = ()
) -> CleanIds:
    """Make text of raw ids, trim them, search them and strip prefixes.

    Parameters
    ----------
    raw : iterable
        Text, bytes or whole numbers.
    source
        File that they come from, for messages.
    regex, strip_prefixes
        See `encoders.brain.import_options.ImportOptions`.

    Raises
    ------
    InputError
        An id that is blank, a floating-point number, not UTF-8, or not matched by the expression; the first ones are
        named.
    """
    as_text = [_text(value, source) for value in raw]
    ids = [unicodedata.normalize("NFC", value.strip().strip(_INVISIBLE).strip()) for value in as_text]
    notes = _changed(as_text, ids, "were trimmed of white space or normalised")
    _check_ids(ids, source)
    keys: dict[str, tuple[str, ...]] = {}
    if regex is not None:
        ids, keys = _search(ids, regex, source)
    stripped = [_strip(value, strip_prefixes) for value in ids]
    notes += _changed(ids, stripped, f"lost a prefix ({', '.join(strip_prefixes)})")
    if strip_prefixes:
        _check_ids(stripped, source)
    return CleanIds(tuple(stripped), keys, (*notes, *_alike(stripped)))


def find_id_name(names: Sequence[str]) -> str | None:
    """The name that most surely holds subject ids, or None."""
    by_lower = {re.sub(r"[\s\-.]+", "_", name.strip().lower()): name for name in reversed(names)}
    return next((by_lower[known] for known in ID_NAMES if known in by_lower), None)


def place_index(sheet: Spreadsheet, id_column: str | None) -> Spreadsheet:
    """The sheet with the index that has no name among its columns, where that holds the ids.

    Parameters
    ----------
    sheet : Spreadsheet
    id_column : str, optional
        As asked for.

    Raises
    ------
    InputError
        Ids may be in the index or in a column, and it was not said which; or the index holds whole numbers, which may
        count rows.
    """
    if sheet.index is None or (id_column is not None and id_column != INDEX_COLUMN):
        return sheet
    shown, known = quote_some(list(sheet.index)), find_id_name(sheet.names)
    is_text = not sheet.path.name.endswith(".parquet")
    if id_column is None and known is not None and is_text:
        return replace(sheet, index=None)  # row names of R beside a column of ids
    if id_column is None and known is not None:
        raise InputError(
            f"Subject ids must be in one column; {sheet.path} has {quote_some(list(sheet.frame[known]))} in {known!r} "
            f"and {shown} in an index without a name: name {known} or {INDEX_COLUMN} with the id column option."
        )
    if id_column is None and not all(
        isinstance(value, str) and not (is_text and value.isdigit()) for value in sheet.index
    ):
        raise InputError(
            f"The column of subject ids in {sheet.path} is not known by its name, and the index without a name holds "
            f"{shown}, which may count rows: name a column, or {INDEX_COLUMN}, with the id column option."
        )
    frame = sheet.frame.copy()
    frame.insert(0, INDEX_COLUMN, sheet.index)
    return replace(sheet, frame=frame, index=None)


def _text(value: object, source: object) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(
                f"Subject ids must be text in UTF-8; {source} has {bytes(value)!r}: write them again in UTF-8, or get "
                "the file again if it is damaged."
            ) from None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        raise InputError(
            f"Subject ids must be text or whole numbers, not floating-point numbers; got {value} in {source}: store "
            "the original ids as text."
        )
    return str(value)


def _check_ids(ids: Sequence[str], source: object) -> None:
    blank = [f"row {row + 1}" for row, value in enumerate(ids) if value.lower() in BLANK]
    if blank:
        raise InputError(
            f"Subject ids must be present in every row; {source} has none in {quote_some(blank)}: fill in the ids or "
            "drop those rows."
        )
    floats = [value for value in ids if FLOAT_ID.fullmatch(value.replace(",", "."))]
    if floats:
        raise InputError(
            f"Subject ids must be text, not floating-point numbers; got {quote_some(floats)} in {source}: restore the "
            "original ids (a spreadsheet or a join with gaps made numbers of them)."
        )


def _search(ids: list[str], regex: str, source: object) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise InputError(f"The id expression must be a regular expression; {regex!r} is not: {error}.") from None
    found = [pattern.search(value) for value in ids]
    unmatched = [value for value, match in zip(ids, found, strict=True) if match is None]
    if unmatched:
        raise InputError(
            f"The id expression {regex!r} must match every id; in {source} it does not match {quote_some(unmatched)}: "
            "correct the expression."
        )
    matches = [match for match in found if match is not None]
    group: str | int = "id" if "id" in pattern.groupindex else min(pattern.groups, 1)
    keys = {
        key: tuple(match[key] or "" for match in matches)
        for key in ("session", "run", "window")
        if key in pattern.groupindex
    }
    return [match[group] or "" for match in matches], keys


def _alike(ids: Sequence[str]) -> list[str]:
    """A warning where two ids differ by case or leading zeros alone; they are kept apart."""
    distinct = set(ids)
    n = len(distinct) - len({value.casefold().lstrip("0") for value in distinct})
    return [f"{n} ids differ from another only by case or leading zeros: check that they are others."] if n else []


def _strip(value: str, prefixes: Sequence[str]) -> str:
    for prefix in prefixes:
        value = value.removeprefix(prefix)
    return value


def _changed(before: Sequence[str], after: Sequence[str], what: str) -> list[str]:
    n = sum(old != new for old, new in zip(before, after, strict=True))
    return [f"{n} of {len(after)} ids {what}."] if n else []
