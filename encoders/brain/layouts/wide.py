"""Wide tables: one row a subject (or session, run), one column a feature; FreeSurfer, ENIGMA and UK Biobank names."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from encoders.brain.ids import clean_ids, find_id_name, quote_some
from encoders.brain.import_options import ImportOptions, Layout
from encoders.brain.records import Records
from encoders.brain.spreadsheets import Spreadsheet, parse_numbers, stack_columns
from encoders.brain.tables import select_columns
from encoders.errors import InputError

if TYPE_CHECKING:
    import pandas

#: Columns that tables carry beside their features (compared without case): left out unless ``include`` names them.
COVARIATES = frozenset(
    {
        "age", "sex", "gender", "site", "site_id", "scanner", "batch", "dx", "dx_group", "diagnosis", "group",
        "handedness", "education", "race", "ethnicity", "iq", "fiq", "viq", "piq", "bmi", "height", "weight",
        "age_at_scan", "age_at_mprage", "visit", "session", "ses", "run", "window", "wave", "timepoint", "family",
        "fid", "dob", "qc", "fd", "mean_fd", "func_mean_fd", "eye_status_at_scan", "sub_in_smp", "x", "subject",
        "subject_id", "participant_id", "sub_id", "eid", "iid", "embedding_dim", "source_model", "layer"
    }
)  # fmt: skip
#: Whole-brain measures of FreeSurfer and ENIGMA: they scale with head size, so they are no regional features.
GLOBALS = (
    "*MeanThickness*", "*WhiteSurfArea*", "BrainSeg*", "EstimatedTotalIntraCranialVol", "eTIV", "ICV", "MaskVol*",
    "SupraTentorialVol*", "*SurfaceHoles", "CortexVol", "?hCortexVol", "TotalGrayVol", "SubCortGrayVol",
    "CerebralWhiteMatterVol", "?hCerebralWhiteMatterVol", "?hCorticalWhiteMatterVol", "CorticalWhiteMatterVol",
    "LThickness", "RThickness", "MThickness", "LSurfArea", "RSurfArea", "FullSurfArea", "avg_en", "euler*",
)  # fmt: skip
_MOST_SESSIONS = 20
ETIV_NAMES = ("eTIV", "EstimatedTotalIntraCranialVol", "ICV")
UKB_COLUMN = re.compile(r"(\d+)-(\d+)\.(\d+)|p(\d+)_i(\d+)(?:_a(\d+))?|f\.(\d+)\.(\d+)\.(\d+)")
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


def find_dialect(names: Sequence[str]) -> Dialect:
    """Tell from the column names whose table this is."""
    first = names[0] if names else ""
    if _FREESURFER_HEADER.fullmatch(first):
        return Dialect(
            "freesurfer", f"a FreeSurfer table: its first header {first!r} stands over the subjects", first, True
        )
    if sum(_ENIGMA_COLUMN.fullmatch(name) is not None for name in names) >= 2:
        return Dialect("enigma", "an ENIGMA table: regions named as in 'L_bankssts_thickavg'", None, True)
    fields = [name for name in names if UKB_COLUMN.fullmatch(name)]
    if fields:
        return Dialect("ukb", f"a UK Biobank table: {len(fields)} columns named as in {fields[0]!r}", None, False)
    if sum(_FREESURFER_COLUMN.fullmatch(name) is not None for name in names) >= 2:
        return Dialect("wide", "a wide table with FreeSurfer names", None, True)
    return Dialect("wide", f"a wide table: {len(names)} columns, one row a subject", None, False)


def read_wide(
    sheet: Spreadsheet, options: ImportOptions, dialect: Dialect, *, rename: Callable[[str], str] | None = None
) -> Records:
    """Tell ids, keys, covariates and features of a wide table apart.

    Parameters
    ----------
    rename : callable, optional
        From column to feature name.

    Raises
    ------
    InputError
        No id column, a pattern that matches nothing, a feature that is not numeric.
    """
    id_column = _find_id_column(sheet, options, dialect)
    ids = clean_ids(sheet.frame[id_column], sheet.path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    keys = dict(ids.keys)
    _check_present(sheet, options.key_columns.values())
    for key, column in options.key_columns.items():
        if key != "fd":
            keys[key] = tuple(str(value).strip() for value in sheet.frame[column])
    fd_column = options.key_columns.get("fd")
    taken = {id_column, *options.key_columns.values()}
    features, notes = _read_features(sheet, options, dialect, [name for name in sheet.names if name not in taken])
    names = [rename(name) if rename else name for name in features]
    return Records(
        ids=ids.ids,
        names=tuple(names),
        values=stack_columns(list(features.values()), len(ids.ids)),
        source=str(sheet.path),
        keys=keys,
        fd=None if fd_column is None else _numbers(sheet, fd_column, options).to_numpy(),
        covariates=_etiv(sheet, options) if dialect.has_globals else {},
        notes=(f"Subject ids are in column {id_column!r}.", *sheet.notes, *ids.notes, *notes),
        telling=_telling_columns(sheet, ids.ids, taken) if len(set(ids.ids)) < len(ids.ids) else (),
    )


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


def _read_features(
    sheet: Spreadsheet, options: ImportOptions, dialect: Dialect, names: list[str]
) -> tuple["dict[str, pandas.Series]", list[str]]:
    """Numeric columns that are selected; columns of text are left out only where nothing was asked for by name."""
    if not names:
        raise InputError(f"A brain table needs a column besides the ids; {sheet.path} has none: check the separator.")
    selected = select_columns(sheet.path, names, options.include, options.exclude)
    by_default = options.include == ("*",)
    kept, notes = _leave_out(selected, dialect) if by_default else (selected, [])
    features, text = {}, []
    for name in kept:
        values, odd = parse_numbers(sheet.frame[name], sheet.decimal, options.missing_codes)
        if not odd:
            features[name] = values
        elif by_default and values.notna().mean() < 0.5:
            text.append(name)
        else:
            raise InputError(
                f"Features must be numeric; {name!r} in {sheet.path} holds {quote_some(odd)}: declare these as missing "
                "values, or exclude the column."
            )
    notes += [f"{len(text)} columns of text were left out: {quote_some(text)}."] if text else []
    if not features:
        left = " ".join(["none is left.", *notes])
        raise InputError(f"{sheet.path} must have at least one numeric feature column; {left}")
    return features, notes


def _leave_out(names: list[str], dialect: Dialect) -> tuple[list[str], list[str]]:
    covariates = [name for name in names if name.lower() in COVARIATES]
    rest = [name for name in names if name not in covariates]
    whole = [n for n in rest if any(fnmatchcase(n, pattern) for pattern in GLOBALS)] if dialect.has_globals else []
    notes = [f"Covariates were left out: {', '.join(covariates)}."] if covariates else []
    notes += [f"{len(whole)} whole-brain measures are no features: {quote_some(whole)}."] if whole else []
    return [name for name in rest if name not in whole], notes


def _numbers(sheet: Spreadsheet, column: str, options: ImportOptions) -> "pandas.Series":
    values, odd = parse_numbers(sheet.frame[column], sheet.decimal, options.missing_codes)
    if odd:
        raise InputError(f"Column {column!r} of {sheet.path} must hold numbers; got {quote_some(odd)}.")
    return values


def _etiv(sheet: Spreadsheet, options: ImportOptions) -> dict[str, np.ndarray]:
    """Head size, kept beside the features as a covariate."""
    name = next((name for name in ETIV_NAMES if name in sheet.names), None)
    return {} if name is None else {"eTIV": _numbers(sheet, name, options).to_numpy()}
