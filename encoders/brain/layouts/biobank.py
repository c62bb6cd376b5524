"""UK Biobank wide tables: field, instance and array out of the column names, titles out of the data dictionary."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from encoders.brain.ids import find_id_name, quote_some
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.wide import UKB_COLUMN, Dialect, read_wide
from encoders.brain.records import Records
from encoders.brain.spreadsheets import Spreadsheet, read_spreadsheet
from encoders.errors import InputError

#: Sex, dates, centres, ages, size, genetic quality and ancestry, and table position of the scanner.
NOT_IMAGING = frozenset(
    {
        "31", "33", "34", "52", "53", "54", "55", "50", "48", "49", "21000", "21001", "21002", "21003", "21022",
        "22000", "22001", "22006", "22009", "22019", "22027", "25756", "25757", "25758", "25759"
    }
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One column of the table."""

    column: str
    field: str
    instance: int
    array: int

    @classmethod
    def parse(cls, column: str) -> "Field | None":
        """Field of a column name such as ``26755-2.0``, ``p26755_i2_a0`` or ``f.26755.2.0``; None of others."""
        match = UKB_COLUMN.fullmatch(column)
        if match is None:
            return None
        field, instance, array = _halves(match.groups())
        return cls(column, field, int(instance), int(array))


def _halves(groups: tuple[str | None, ...]) -> tuple[str, str, str]:
    """The three groups of the spelling that matched."""
    start = next(i for i in range(0, 9, 3) if groups[i] is not None)
    field, instance, array = groups[start : start + 3]
    return str(field), str(instance), array or "0"


def read_biobank(sheet: Spreadsheet, options: ImportOptions, dialect: Dialect) -> Records:
    """Choose fields and the instance of a UK Biobank table and read them as features.

    Raises
    ------
    InputError
        Several instances without a choice, an instance or a field pattern that no column has.
    """
    titles = {} if options.dictionary is None else _read_titles(Path(options.dictionary))
    fields = [field for name in sheet.names if (field := Field.parse(name)) is not None]
    chosen, notes = _choose(sheet, fields, options, titles)
    keys = [*options.key_columns.values(), options.id_column or find_id_name(sheet.names) or ""]
    columns = [name for name in sheet.names if name in keys] + [field.column for field in chosen]
    names = _feature_names(chosen, titles)
    narrowed = replace(sheet, frame=sheet.frame[columns], notes=(*sheet.notes, *notes))
    return read_wide(narrowed, options, dialect, rename=names.__getitem__)


def _choose(
    sheet: Spreadsheet, fields: list[Field], options: ImportOptions, titles: dict[str, str]
) -> tuple[list[Field], list[str]]:
    notes = []
    for pattern in options.fields:
        if not any(_matches(field, pattern, titles) for field in fields):
            raise InputError(f"Each field pattern must match a column; {pattern!r} matches none in {sheet.path}.")
    if options.fields:
        fields = [field for field in fields if any(_matches(field, pattern, titles) for pattern in options.fields)]
    else:
        aside = sorted({field.field for field in fields if field.field in NOT_IMAGING})
        fields = [field for field in fields if field.field not in NOT_IMAGING]
        notes += [f"Fields that are no imaging measures were left out: {', '.join(aside)}."] if aside else []
    instances = Counter(field.instance for field in fields)
    if options.instance is None and len(instances) > 1:
        raise InputError(
            f"One instance is analysed; {sheet.path} has instances {_listed(instances)}: choose one (2 "
            "is the first imaging visit, 3 the repeat)."
        )
    if options.instance is not None and options.instance not in instances:
        raise InputError(f"{sheet.path} has no field of instance {options.instance}; it has {_listed(instances)}.")
    if options.instance is not None:
        notes.append(f"Instance {options.instance}: {instances[options.instance]} of {len(fields)} columns.")
        fields = [field for field in fields if field.instance == options.instance]
    return fields, notes


def _listed(instances: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(instances)))


def _matches(field: Field, pattern: str, titles: dict[str, str]) -> bool:
    return fnmatchcase(field.field, pattern) or fnmatchcase(titles.get(field.field, ""), pattern)


def _feature_names(fields: list[Field], titles: dict[str, str]) -> dict[str, str]:
    """Title where the dictionary has one, with the array index where a field has several."""
    repeated = Counter(titles.get(field.field, field.field) for field in fields)
    names = {}
    for field in fields:
        title = titles.get(field.field)
        if title is None:
            names[field.column] = field.column
        else:
            names[field.column] = title if repeated[title] == 1 else f"{title} [{field.field}.{field.array}]"
    return names


def _read_titles(path: Path) -> dict[str, str]:
    sheet = read_spreadsheet(path)
    by_lower = {name.lower(): name for name in sheet.names}
    if not {"fieldid", "field"} <= set(by_lower):
        raise InputError(
            f"The data dictionary {path} needs columns FieldID and Field; it has {quote_some(sheet.names)}."
        )
    ids, titles = sheet.frame[by_lower["fieldid"]], sheet.frame[by_lower["field"]]
    return {str(i).strip(): str(title).strip() for i, title in zip(ids, titles, strict=True)}
