"""Which layout a file or folder has, and its rows."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from encoders.brain.canonical_table import VECTOR_COLUMN, stored_names
from encoders.brain.headers.choice import choose_columns, describe_asked, describe_facts, find_facts
from encoders.brain.ids import place_index
from encoders.brain.import_options import ImportOptions, Layout
from encoders.brain.layouts.arrays import read_h5, read_npy, read_npz
from encoders.brain.layouts.biobank import read_biobank
from encoders.brain.layouts.freesurfer import read_stats_folder
from encoders.brain.layouts.subject_files import SUFFIXES, read_folder
from encoders.brain.layouts.vectors import read_chunks, read_vectors
from encoders.brain.layouts.wide import Dialect, find_dialect, read_wide
from encoders.brain.records import Records
from encoders.brain.tables import select_columns
from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.tables.spreadsheets import Spreadsheet, read_spreadsheet

_TABLES = ("wide", "freesurfer", "enigma", "ukb")


@dataclass(frozen=True)
class Detection:
    """A layout, and the sentence that says by what it was recognised."""

    layout: Layout
    sentence: str


@dataclass(frozen=True)
class Source:
    """A file or folder whose layout is known.

    Attributes
    ----------
    path : Path
    options : ImportOptions
    detection : Detection
    parsed : Spreadsheet or None
        The table, where recognising it took its header: it is not parsed again.
    """

    path: Path
    options: ImportOptions
    detection: Detection
    parsed: Spreadsheet | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is a table of one column a feature."""
        return self.detection.layout in _TABLES

    def sheet(self) -> Spreadsheet:
        """The table before ids and features are told apart."""
        return self.parsed or _parse(self.path, self.options)

    def records(self) -> Records:
        """Rows as the source has them: sessions, runs and windows are not yet joined.

        Raises
        ------
        InputError
            Whatever the layout's reader refuses.
        """
        readers = {
            "npy": read_npy,
            "npz": read_npz,
            "h5": read_h5,
            "folder": read_folder,
            "stats": read_stats_folder,
            "parquet-vector": read_vectors,
            "chunks": read_chunks,
        }
        layout = self.detection.layout
        if layout not in readers:
            return self._read_table(layout)
        return _select_features(readers[layout](self.path, self.options), self.path, self.options)

    def _read_table(self, layout: Layout) -> Records:
        sheet = self.sheet()
        found = find_dialect(sheet.names)
        dialect = found if found.layout == layout else Dialect(layout, "", None, has_globals=layout in _TABLES[1:3])
        if layout == "ukb":
            return read_biobank(sheet, self.options, dialect)
        return read_wide(sheet, self.options, dialect)


def open_source(path: Path, options: ImportOptions | None = None) -> Source:
    """Recognise a layout by name, then by what is inside.

    Raises
    ------
    InputError
        Nothing there, or nothing known.
    """
    options = options or ImportOptions()
    if not path.exists():
        raise InputError(f"A brain source is required at {path}; there is no such file or folder: check the path.")
    known = _detect_without_parsing(path, options)
    if known is not None:
        return Source(path, options, known)
    sheet = _parse(path, options)
    dialect = find_dialect(sheet.names)
    return Source(path, options, Detection(dialect.layout, f"{path.name} is {dialect.sentence}."), sheet)


def detect_layout(path: Path, options: ImportOptions | None = None) -> Detection:
    """Layout of a file or folder. See `open_source`."""
    return open_source(path, options).detection


def read_source(path: Path, options: ImportOptions | None = None) -> tuple[Records, Detection]:
    """Rows of one file or folder in any layout, and by what it was recognised. See `Source.records`."""
    source = open_source(path, options)
    return source.records(), source.detection


def _select_features(records: Records, path: Path, options: ImportOptions) -> Records:
    """Features of arrays that are asked for, without facts by name; a table imported before has told them apart."""
    names = list(records.names)
    facts = {} if stored_names(path) is not None else find_facts(names)
    choice = choose_columns(select_columns(path, names, options.include, options.exclude), facts, options.include)
    if choice.taken == names:
        return replace(records, notes=(*records.notes, *describe_asked(choice)))
    if not choice.taken:
        raise InputError(f"{path} must have at least one feature; left out are {describe_facts(choice.left_out)}.")
    kept = [names.index(name) for name in choice.taken]
    return replace(
        records,
        names=tuple(choice.taken),
        values=records.values[:, kept],
        notes=(*records.notes, *describe_asked(choice)),
        left_out=choice.left_out,
    )


def _parse(path: Path, options: ImportOptions) -> Spreadsheet:
    return place_index(read_spreadsheet(path, separator=options.separator, decimal=options.decimal), options.id_column)


def _detect_without_parsing(path: Path, options: ImportOptions) -> Detection | None:
    """Layout that was asked for, or that name, folder or schema tell; None of a table whose header decides."""
    if options.layout is not None:
        return Detection(options.layout, f"{path.name} is read as {options.layout}, as asked.")
    if path.is_dir():
        return _detect_folder(path)
    suffix = path.suffix.lower()
    by_suffix: dict[str, tuple[Layout, str]] = {
        ".npy": ("npy", "a matrix with subject ids in a file beside it"),
        ".npz": ("npz", "an archive of named arrays"),
        ".h5": ("h5", "an HDF5 file"),
        ".hdf5": ("h5", "an HDF5 file"),
    }
    if suffix in by_suffix:
        layout, what = by_suffix[suffix]
        return Detection(layout, f"{path.name} is {what}.")
    if suffix == ".parquet" and _has_vectors(path):
        return Detection("parquet-vector", f"{path.name} is a parquet table with a column of vectors.")
    return None


def _detect_folder(path: Path) -> Detection:
    if any(path.glob("*/stats/*.stats")):
        return Detection("stats", f"{path.name} holds FreeSurfer subject folders with stats files.")
    if any(re.search(r"embeddings_\d+_layer_\w+\.npy$", str(file)) for file in path.glob("*/embeddings_*.npy")):
        return Detection("chunks", f"{path.name} holds folders of embedding chunks with iids.npy.")
    if any(file.suffix in SUFFIXES for file in path.rglob("*")):
        return Detection("folder", f"{path.name} holds a file of numbers per subject.")
    raise InputError(
        f"{path} must hold FreeSurfer subjects, embedding chunks or {', '.join(SUFFIXES)} files; it holds none "
        "of these."
    )


def _has_vectors(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with refused_if_damaged(path, "a parquet file"):
        schema = pq.read_schema(path)
    if VECTOR_COLUMN not in schema.names:
        return False
    kind = schema.field(VECTOR_COLUMN).type
    return bool(pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind))
