"""Embeddings stored as vectors: a parquet column of lists, and the chunks that the gene side uses too."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from encoders.brain.canonical_table import VECTOR_COLUMN, stored_names
from encoders.brain.ids import clean_ids, find_id_name, place_index
from encoders.brain.import_options import ImportOptions
from encoders.brain.pooling import as_floats, stack_vectors, vector_names
from encoders.brain.records import Records
from encoders.errors import InputError
from encoders.tables.quoting import quote_some
from encoders.tables.spreadsheets import read_parquet

if TYPE_CHECKING:
    import pandas


def read_vectors(path: Path, options: ImportOptions) -> Records:
    """Parquet with a list column ``vector`` (eid, embedding_dim, source_model, layer, vector).

    Raises
    ------
    InputError
        No ids, vectors of unequal length, several models or layers without a choice.
    """
    frame = place_index(read_parquet(path), options.id_column).frame
    if VECTOR_COLUMN not in frame.columns:
        raise InputError(
            f"{path} must call each column by one name; {VECTOR_COLUMN!r} has another name in what pandas wrote of it "
            f"({quote_some([str(name) for name in frame.columns])}): write it again."
        )
    notes: list[str] = []
    for column, wanted in (("source_model", options.source_model), ("layer", options.layer)):
        frame = _choose(path, frame, column, wanted, notes)
    columns = [str(name) for name in frame.columns]
    id_column = options.id_column or find_id_name(columns)
    if id_column is None or id_column not in columns:
        raise InputError(f"{path} needs a column of subject ids; it has {quote_some(columns)}: name the column.")
    ids = clean_ids(frame[id_column], path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    vectors = [as_floats(v).ravel() if v is not None else np.empty(0) for v in frame[VECTOR_COLUMN]]
    values = stack_vectors(vectors, ids.ids)
    keys = dict(ids.keys)
    for key, column in options.key_columns.items():
        if column not in columns:
            raise InputError(f"{path} has no column {column!r}; its columns are {quote_some(columns)}.")
        if key != "fd":
            keys[key] = tuple(str(value) for value in frame[column])
    fd = options.key_columns.get("fd")
    return Records(
        ids=ids.ids,
        names=tuple(stored_names(path) or vector_names(values.shape[1])),
        values=values,
        source=str(path),
        keys=keys,
        fd=None if fd is None else as_floats(frame[fd].to_numpy()),
        covariates={"eTIV": as_floats(frame["eTIV"].to_numpy())} if "eTIV" in columns else {},
        notes=(f"Subject ids are in column {id_column!r}.", *notes, *ids.notes),
    )


def _choose(
    path: Path, frame: "pandas.DataFrame", column: str, wanted: str | None, notes: list[str]
) -> "pandas.DataFrame":
    if column not in frame.columns:
        return frame
    present = frame[column].astype("str")
    values = list(dict.fromkeys(present))
    if wanted is None and len(values) > 1:
        raise InputError(f"One {column} is analysed; {path} has {quote_some(values)}: choose one.")
    if wanted is not None and wanted not in values:
        raise InputError(f"{path} has no {column} {wanted!r}; it has {quote_some(values)}.")
    notes.append(f"{column}: {wanted or values[0]}.")
    return frame[present == (wanted or values[0])].reset_index(drop=True)


def read_chunks(path: Path, options: ImportOptions) -> Records:
    """``<root>/<part>/embeddings_{k}_layer_last.npy`` with ``iids.npy``: parts side by side, for common subjects."""
    from encoders.precomputed import open_precomputed

    panel = open_precomputed(path)
    ids = clean_ids(panel.subject_ids, path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    widths = [part.hidden_dim for part in panel.genes]
    names = [f"{part}_v{i}" for part, width in zip(panel.gene_ids, widths, strict=True) for i in range(width)]
    dropped = [f"{n} subjects of {part} lack another part." for part, n in panel.dropped.items()]
    return Records(
        ids=ids.ids,
        names=tuple(names),
        values=panel.read_columns(slice(None)),
        source=str(path),
        keys=ids.keys,
        fd=None,
        covariates={},
        notes=(f"{len(widths)} parts: {quote_some(panel.gene_ids)}.", *dropped, *ids.notes),
    )
