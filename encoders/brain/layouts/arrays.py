"""Arrays that brain models export: npy with ids, npz, h5."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from encoders.brain.ids import ID_NAMES, CleanIds, clean_ids, find_id_name
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.array_files import load_h5, load_npy, load_npz
from encoders.brain.pooling import as_floats, pool, stack_vectors, vector_names
from encoders.brain.records import Records
from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.tables.quoting import quote_some
from encoders.tables.spreadsheets import read_spreadsheet

Arrays = Mapping[str, np.ndarray]
#: What matrices, masks and feature names are called in archives.
VALUE_NAMES = (
    "vector", "vectors", "embedding", "embeddings", "x", "features", "values", "data", "latent", "latents",
    "last_hidden_state", "cls", "arr_0",
)  # fmt: skip
MASK_NAMES = ("attention_mask", "mask", "token_mask")
FEATURE_NAMES = ("feature_names", "names", "columns", "rois", "roi_names", "labels")
KEY_NAMES = ("session", "run", "window", "fd")
_ID_FILES = (
    "{stem}_ids",
    "{stem}.ids",
    "{stem}_eids",
    "{stem}_iids",
    "{stem}_subjects",
    "ids",
    "eids",
    "iids",
    "subjects",
)


def read_npy(path: Path, options: ImportOptions) -> Records:
    """Matrix [n_rows, ...] in a npy file, ids beside it."""
    matrix = load_npy(path, options.allow_pickle)
    ids_path = Path(options.ids_file) if options.ids_file else _find_ids_file(path)
    arrays = {"ids": _read_ids(ids_path, options), "values": matrix}
    return _from_archive(path, arrays, options, notes=(f"Subject ids are in {ids_path.name}.",))


def read_npz(path: Path, options: ImportOptions) -> Records:
    """Named arrays with ids among them, or one array per subject under its id."""
    arrays = load_npz(path, options.allow_pickle)
    if options.ids_key is None and find_array(arrays, ID_NAMES) is None and len(arrays) > 1:
        note = f"Each of the {len(arrays)} arrays is a subject under its id."
        return _from_items(path, arrays, options, notes=(note,))
    return _from_archive(path, arrays, options)


def read_h5(path: Path, options: ImportOptions) -> Records:
    """Datasets at the root of an HDF5 file: ``X`` and ``eid``, or as named."""
    return _from_archive(path, load_h5(path), options)


def _find_ids_file(path: Path) -> Path:
    for pattern in _ID_FILES:
        for suffix in (".txt", ".csv", ".tsv", ".npy"):
            candidate = path.with_name(pattern.format(stem=path.stem) + suffix)
            if candidate.is_file() and candidate != path:
                return candidate
    raise InputError(
        f"The rows of {path} need subject ids; there is no {path.stem}_ids.txt, .csv or .npy: name the file."
    )


def _read_ids(path: Path, options: ImportOptions) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"Subject ids are required at {path}; there is no such file: check the path.")
    if path.suffix == ".npy":
        return load_npy(path, options.allow_pickle).ravel()
    if path.suffix == ".txt":
        with refused_if_damaged(path, "a list of ids in UTF-8"):
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        lines = [line for line in lines if line]
        return np.array(lines[1:] if lines and lines[0].lower() in ID_NAMES else lines, dtype=object)
    sheet = read_spreadsheet(path)
    column = options.id_column or find_id_name(sheet.names) or (sheet.names[0] if len(sheet.names) == 1 else None)
    if column is None or column not in sheet.names:
        raise InputError(f"{path} needs a column of subject ids; it has {quote_some(sheet.names)}: name the column.")
    return sheet.frame[column].to_numpy(dtype=object)


def _from_archive(path: Path, arrays: Arrays, options: ImportOptions, notes: tuple[str, ...] = ()) -> Records:
    """Rows of a matrix among named arrays."""
    ids_key = options.ids_key or options.id_column or find_array(arrays, ID_NAMES)
    values_key = options.values_key or find_values(path, arrays, n_axes=2) or _only_matrix(arrays, but=ids_key)
    for role, key in (("subject ids", ids_key), ("values", values_key)):
        if key is None or key not in arrays:
            raise InputError(
                f"{path} needs an array of {role}; its arrays are {quote_some(list(arrays))}: name the array."
            )
    if ids_key == values_key:
        raise InputError(
            f"{path} needs ids and values in two arrays; {ids_key!r} is named for both: name the other one."
        )
    matrix = np.atleast_1d(arrays[str(values_key)])
    if not matrix.size:
        raise InputError(
            f"{path} needs at least one value; its array {values_key!r} of shape {matrix.shape} holds none: name "
            "another."
        )
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix  # one number a row
    ids = clean_ids(arrays[str(ids_key)].ravel(), path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    _check_lengths(path, {"ids": len(ids.ids), str(values_key): len(matrix)})
    mask = _mask(path, arrays, matrix)
    if matrix.ndim == 2:
        values = as_floats(matrix)
    else:
        masks = [None] * len(matrix) if mask is None else list(mask)
        rows = zip(matrix, masks, ids.ids, strict=True)
        values = stack_vectors([pool(row, options.pooling, of, subject) for row, of, subject in rows], ids.ids)
    keys, fd = _keys(path, arrays, options, ids)
    names_key = _names_array(arrays, values.shape[1])
    names = _names(path, arrays, values.shape[1])
    read = {ids_key, values_key, names_key, *(options.key_columns.get(key, key) for key in KEY_NAMES)}
    if matrix.ndim > 2:  # tokens, of which a mask says which count
        read.add(find_array(arrays, MASK_NAMES))
    if others := [name for name in arrays if name not in read]:
        notes = (*notes, f"Values are in {values_key!r}, subject ids in {ids_key!r}; not read: {quote_some(others)}.")
    return Records(ids.ids, names, values, str(path), keys, fd, covariates={}, notes=(*notes, *ids.notes))


def _from_items(path: Path, arrays: Arrays, options: ImportOptions, notes: tuple[str, ...]) -> Records:
    ids = clean_ids(arrays, path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    vectors = [pool(array, options.pooling, None, name) for name, array in arrays.items()]
    values = stack_vectors(vectors, list(arrays))
    names = vector_names(values.shape[1])
    return Records(ids.ids, names, values, str(path), ids.keys, None, covariates={}, notes=(*notes, *ids.notes))


def find_array(arrays: Iterable[str], known: Sequence[str]) -> str | None:
    """The first known name among the arrays, whatever its case."""
    by_lower = {name.lower(): name for name in arrays}
    return next((by_lower[name] for name in known if name in by_lower), None)


def find_values(path: Path, arrays: Arrays, *, n_axes: int) -> str | None:
    """The array that is called what values are called, whatever its case; of two none is the one that is meant.

    Parameters
    ----------
    n_axes : int
        Axes that values have at least.

    Raises
    ------
    InputError
        Two such arrays of numbers.
    """
    known = [name for name in arrays if name.lower() in VALUE_NAMES]
    found = [name for name in known if arrays[name].ndim >= n_axes and arrays[name].dtype.kind in "fiub"]
    if len(found) > 1:
        raise InputError(
            f"{path} needs one array of values; {quote_some(found)} could be it: name the array, or keep one."
        )
    return found[0] if found else find_array(arrays, VALUE_NAMES)


def _only_matrix(arrays: Arrays, *, but: str | None) -> str | None:
    others = {name: array for name, array in arrays.items() if name != but and name.lower() not in MASK_NAMES}
    matrices = [name for name, array in others.items() if array.ndim >= 2]
    return matrices[0] if len(matrices) == 1 else None


def _check_lengths(path: Path, lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise InputError(f"Every array of {path} needs one entry per row; got {said}: save them together.")


def _mask(path: Path, arrays: Arrays, matrix: np.ndarray) -> np.ndarray | None:
    name = find_array(arrays, MASK_NAMES)
    if name is None:
        return None
    _check_lengths(path, {"values": len(matrix), name: arrays[name].shape[0] if arrays[name].ndim else 0})
    return np.asarray(arrays[name], dtype=bool)


def _keys(
    path: Path, arrays: Arrays, options: ImportOptions, ids: CleanIds
) -> tuple[dict[str, tuple[str, ...]], np.ndarray | None]:
    """Session, run, window and displacement of each row, from arrays of these names or as named."""
    keys, fd = dict(ids.keys), None
    for key in KEY_NAMES:
        name = options.key_columns.get(key, key)
        if name not in arrays:
            if key in options.key_columns:
                raise InputError(f"{path} has no array {name!r}; its arrays are {quote_some(list(arrays))}.")
            continue
        _check_lengths(path, {"ids": len(ids.ids), name: arrays[name].shape[0] if arrays[name].ndim else 0})
        if key == "fd":
            fd = as_floats(arrays[name]).ravel()
        else:
            keys[key] = _texts(path, arrays, name)
    return keys, fd


def _texts(path: Path, arrays: Arrays, name: str) -> tuple[str, ...]:
    with refused_if_damaged(path, f"a file whose array {name!r} is text in UTF-8"):
        return tuple(value.decode() if isinstance(value, bytes) else str(value) for value in arrays[name].ravel())


def _names_array(arrays: Arrays, n: int) -> str | None:
    name = find_array(arrays, FEATURE_NAMES)
    return name if name is not None and arrays[name].size == n else None


def _names(path: Path, arrays: Arrays, n: int) -> tuple[str, ...]:
    name = _names_array(arrays, n)
    return vector_names(n) if name is None else _texts(path, arrays, name)
