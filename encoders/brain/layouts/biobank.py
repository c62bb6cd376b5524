"""UK Biobank wide tables: field, instance and array out of the column names, titles out of the data dictionary."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from encoders.brain.headers.biobank import Field, find_fields
from encoders.brain.headers.choice import choose_columns, describe_asked
from encoders.brain.ids import find_id_name
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.wide import Dialect, read_wide
from encoders.brain.records import Records
from encoders.brain.tables import select_columns
from encoders.errors import InputError
from encoders.tables.quoting import quote_some
from encoders.tables.spreadsheets import Spreadsheet, read_spreadsheet


def read_biobank(sheet: Spreadsheet, options: ImportOptions, dialect: Dialect) -> Records:
    """Choose fields and the instance of a UK Biobank table and read them as features.

    Raises
    ------
    InputError
        Several instances without a choice, an instance or a field pattern that no column has.
    """
    titles = {} if options.dictionary is None else _read_titles(Path(options.dictionary))
    fields = find_fields(sheet.names)
    chosen, left_out, notes = _choose(sheet, fields, options, titles)
    keys = [*options.key_columns.values(), options.id_column or dialect.id_column or find_id_name(sheet.names) or ""]
    columns = [name for name in sheet.names if name in keys] + [field.column for field in chosen]
    fields_too = {*columns, *(field.column for field in fields)}
    left_out |= {name: "no field of UK Biobank" for name in sheet.names if name not in fields_too}
    names = _feature_names(chosen, titles)
    narrowed = replace(sheet, frame=sheet.frame[columns], notes=(*sheet.notes, *notes))
    records = read_wide(narrowed, options, dialect, rename=names.__getitem__, facts={})
    return replace(records, left_out=left_out | dict(records.left_out))


def _choose(
    sheet: Spreadsheet, fields: list[Field], options: ImportOptions, titles: dict[str, str]
) -> tuple[list[Field], dict[str, str], list[str]]:
    """Fields to be read, columns that are none and why, and a note on the instance."""
    for pattern in options.fields:
        if not any(_matches(field, pattern, titles) for field in fields):
            raise InputError(f"Each field pattern must match a column; {pattern!r} matches none in {sheet.path}.")
    notes = []
    if options.fields:
        chosen = [field for field in fields if any(_matches(field, pattern, titles) for pattern in options.fields)]
        left_out = {field.column: "not asked for" for field in fields if field not in chosen}
    else:
        facts = {field.column: "no measure of a brain image" for field in fields if not field.is_imaging}
        columns = [field.column for field in fields]
        choice = choose_columns(select_columns(sheet.path, columns, options.include, ()), facts, options.include)
        chosen, left_out = [field for field in fields if field.column in choice.taken], choice.left_out
        notes = describe_asked(choice)
    instances = Counter(field.instance for field in chosen if field.instance is not None)
    if options.instance is None and len(instances) > 1:
        raise InputError(
            f"One instance is analysed; {sheet.path} has instances {_listed(instances)}: choose one (2 "
            "is the first imaging visit, 3 the repeat)."
        )
    if options.instance is None:
        return chosen, left_out, notes
    if options.instance not in instances:
        raise InputError(f"{sheet.path} has no field of instance {options.instance}; it has {_listed(instances)}.")
    left_out |= {f.column: f"instance {f.instance}" for f in chosen if f.instance not in (options.instance, None)}
    kept = [field for field in chosen if field.column not in left_out]
    return kept, left_out, [*notes, f"Instance {options.instance}: {len(kept)} of {len(chosen)} columns."]


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
