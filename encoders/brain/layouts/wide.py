"""Wide tables: one row a subject (or session, run), one column a feature; FreeSurfer, ENIGMA and UK Biobank names."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from encoders.brain.headers.biobank import find_eid, find_fields
from encoders.brain.headers.choice import EVERYTHING, choose_columns, describe_asked, describe_facts, find_facts
from encoders.brain.headers.cohorts import Cohort, find_cohort
from encoders.brain.ids import clean_ids, find_id_name
from encoders.brain.import_options import ImportOptions, Layout
from encoders.brain.records import Records
from encoders.brain.tables import select_columns
from encoders.errors import InputError
from encoders.tables.quoting import quote_some
from encoders.tables.spreadsheets import Spreadsheet, stack_columns

if TYPE_CHECKING:
    import pandas

#: Whole-brain measures of FreeSurfer and ENIGMA: they scale with head size, so they are no regional features.
GLOBALS = (
    "*MeanThickness*", "*WhiteSurfArea*", "BrainSeg*", "EstimatedTotalIntraCranialVol", "eTIV", "ICV", "MaskVol*",
    "SupraTentorialVol*", "*SurfaceHoles", "CortexVol", "?hCortexVol", "TotalGrayVol", "SubCortGrayVol",
    "CerebralWhiteMatterVol", "?hCerebralWhiteMatterVol", "?hCorticalWhiteMatterVol", "CorticalWhiteMatterVol",
    "LThickness", "RThickness", "MThickness", "LSurfArea", "RSurfArea", "FullSurfArea", "avg_en", "euler*",
)  # fmt: skip
_MOST_SESSIONS = 20
ETIV_NAMES = ("eTIV", "EstimatedTotalIntraCranialVol", "ICV")
_FREESURFER_HEADER = re.compile(r"(?:[lr]h\.\S+\.\S+|Measure:\s*\w+)")
_FREESURFER_COLUMN = re.compile(r"[lr]h_\S+_(?:thickness|thicknessstd|area|volume|meancurv|gauscurv|foldind|curvind)")
_ENIGMA_COLUMN = re.compile(
    r"[LRM]_\S+_(?:thickavg|surfavg|thick|surf|vol)|[LRM](?:LatVent|thal|caud|put|pal|hippo|amyg|accumb)"
)


@dataclass(frozen=True)
class Dialect:
    """How a wide table names things."""

    layout: Layout
    sentence: str
    id_column: str | None
    has_globals: bool
    cohort: Cohort | None = None


def find_dialect(names: Sequence[str]) -> Dialect:
    """Tell from the column names whose table this is."""
    first = names[0] if names else ""
    if _FREESURFER_HEADER.fullmatch(first):
        return Dialect(
            "freesurfer", f"a FreeSurfer table: its first header {first!r} stands over the subjects", first, True
        )
    if sum(_ENIGMA_COLUMN.fullmatch(name) is not None for name in names) >= 2:
        return Dialect("enigma", "an ENIGMA table: regions named as in 'L_bankssts_thickavg'", None, True)
    fields = find_fields(names)
    if fields:
        said = f"a UK Biobank table: {len(fields)} columns named as in {fields[0].column!r}"
        return Dialect("ukb", said, find_eid(names), False)
    if (cohort := find_cohort(names)) is not None:
        said = f"a wide table of {cohort.name}: its subjects are in {cohort.id_column!r}"
        return Dialect("wide", said, cohort.id_column, False, cohort)
    if sum(_FREESURFER_COLUMN.fullmatch(name) is not None for name in names) >= 2:
        return Dialect("wide", "a wide table with FreeSurfer names", None, True)
    return Dialect("wide", f"a wide table: {len(names)} columns, one row a subject", None, False)


def read_wide(
    sheet: Spreadsheet,
    options: ImportOptions,
    dialect: Dialect,
    *,
    rename: Callable[[str], str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Records:
    """Tell ids, keys, covariates and features of a wide table apart.

    Parameters
    ----------
    rename : callable, optional
        From column to feature name.
    facts : mapping of str to str, optional
        Columns that are no features; else `encoders.brain.headers.choice.find_facts` finds them.

    Raises
    ------
    InputError
        No id column, a pattern that matches nothing, a feature that is not numeric.
    """
    id_column = _find_id_column(sheet, options, dialect)
    sheet = _drop_descriptions(sheet, id_column, dialect)
    ids = clean_ids(sheet.frame[id_column], sheet.path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    keys = dict(ids.keys)
    key_columns = options.key_columns
    visit = None if dialect.cohort is None else dialect.cohort.session_column
    if visit is not None and "session" not in key_columns | keys and len(set(ids.ids)) < len(ids.ids):
        key_columns["session"] = visit
    _check_present(sheet, key_columns.values())
    for key, column in key_columns.items():
        if key != "fd":
            keys[key] = tuple(str(value).strip() for value in sheet.frame[column])
    fd_column = key_columns.get("fd")
    taken = {id_column, *key_columns.values()}
    known = find_facts(sheet.names) if facts is None else facts
    selected = _select(sheet, options, taken)
    choice = choose_columns(selected, known, options.include)
    left_out = choice.left_out | (_whole_brain(choice.taken, dialect) if options.include == EVERYTHING else {})
    features = _read_features(sheet, options, choice.taken, left_out)
    names = [rename(name) if rename else name for name in features]
    return Records(
        ids=ids.ids,
        names=tuple(names),
        values=stack_columns(list(features.values()), len(ids.ids)),
        source=str(sheet.path),
        keys=keys,
        fd=None if fd_column is None else _numbers(sheet, fd_column, options).to_numpy(),
        covariates=_etiv(sheet, options) if dialect.has_globals else {},
        notes=(f"Subject ids are in column {id_column!r}.", *sheet.notes, *ids.notes, *describe_asked(choice)),
        telling=_telling_columns(sheet, ids.ids, taken) if len(set(ids.ids)) < len(ids.ids) else (),
        left_out=left_out,
    )


def _drop_descriptions(sheet: Spreadsheet, id_column: str, dialect: Dialect) -> Spreadsheet:
    """Leave out the row of sentences that tables of the NIMH Data Archive have beneath their header."""
    first = str(sheet.frame[id_column].iloc[0]).strip()
    if dialect.cohort is None or dialect.cohort.name != "ABCD" or " " not in first:
        return sheet
    note = "The second row describes the columns; it was left out."
    return replace(sheet, frame=sheet.frame.iloc[1:].reset_index(drop=True), notes=(*sheet.notes, note))


def _telling_columns(sheet: Spreadsheet, ids: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    """Columns of few values by which no two rows of an id are alike: sessions, runs, visits."""
    cells = {name: sheet.frame[name].astype("str") for name in sheet.names if name not in taken}
    few = {name: of for name, of in cells.items() if of.nunique() <= _MOST_SESSIONS}
    return tuple(name for name, of in few.items() if len(set(zip(ids, of, strict=True))) == len(ids))


def _find_id_column(sheet: Spreadsheet, options: ImportOptions, dialect: Dialect) -> str:
    wanted = options.id_column or dialect.id_column or find_id_name(sheet.names)
    if wanted is None:
        raise InputError(
            f"The column of subject ids in {sheet.path} is not known by its name (columns: "
            f"{quote_some(sheet.names)}): name it with the id column option."
        )
    _check_present(sheet, [wanted])
    return wanted


def _check_present(sheet: Spreadsheet, columns: Iterable[str]) -> None:
    absent = [column for column in columns if column not in sheet.names]
    if absent:
        raise InputError(f"{sheet.path} needs a column {absent[0]!r}; its columns are {quote_some(sheet.names)}.")


def _select(sheet: Spreadsheet, options: ImportOptions, taken: set[str]) -> list[str]:
    names = [name for name in sheet.names if name not in taken]
    if not names:
        raise InputError(f"A brain table needs a column besides the ids; {sheet.path} has none: check the separator.")
    return select_columns(sheet.path, names, options.include, options.exclude)


def _read_features(
    sheet: Spreadsheet, options: ImportOptions, chosen: list[str], left_out: dict[str, str]
) -> "dict[str, pandas.Series]":
    """Numbers of the columns that are not left out; columns of text join these where nothing was asked for by name."""
    features = {}
    for name in chosen:
        if name in left_out:
            continue
        values, odd = sheet.numbers(name, options.missing_codes)
        if not odd:
            features[name] = values
        elif options.include == EVERYTHING and values.notna().mean() < 0.5:
            left_out[name] = "text"
        else:
            raise InputError(
                f"Features must be numeric; {name!r} in {sheet.path} holds {quote_some(odd)}: declare these as missing "
                "values, or exclude the column."
            )
    if not features:
        left = f"; left out: {describe_facts(left_out)}" if left_out else ""
        raise InputError(f"{sheet.path} must have at least one numeric feature column; none is left{left}.")
    return features


def _whole_brain(names: list[str], dialect: Dialect) -> dict[str, str]:
    """Measures that scale with head size, where the table is known to hold them."""
    whole = [n for n in names if any(fnmatchcase(n, pattern) for pattern in GLOBALS)] if dialect.has_globals else []
    return dict.fromkeys(whole, "a whole-brain measure")


def _numbers(sheet: Spreadsheet, column: str, options: ImportOptions) -> "pandas.Series":
    values, odd = sheet.numbers(column, options.missing_codes)
    if odd:
        raise InputError(f"Column {column!r} of {sheet.path} must hold numbers; got {quote_some(odd)}.")
    return values


def _etiv(sheet: Spreadsheet, options: ImportOptions) -> dict[str, np.ndarray]:
    """Head size, kept beside the features as a covariate."""
    name = next((name for name in ETIV_NAMES if name in sheet.names), None)
    return {} if name is None else {"eTIV": _numbers(sheet, name, options).to_numpy()}
