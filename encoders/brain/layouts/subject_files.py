"""A folder with one file of numbers per subject, session, run or window."""

from pathlib import Path

import numpy as np

from encoders.brain.ids import clean_ids
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.array_files import load_npy, load_npz, load_torch
from encoders.brain.layouts.arrays import MASK_NAMES, find_array, find_values
from encoders.brain.pooling import pool, stack_vectors, vector_names
from encoders.brain.records import Records
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

SUFFIXES = (".npy", ".npz", ".pt", ".pth")


def read_folder(path: Path, options: ImportOptions) -> Records:
    """One npy, npz or pt file per subject (session, run, window); the id by expression out of the relative path."""
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    if not files:
        raise InputError(f"{path} must hold a {', '.join(SUFFIXES)} file per subject; it holds none: check the path.")
    raw = [str(file.relative_to(path)) if options.id_regex else file.stem for file in files]
    ids = clean_ids(raw, path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    vectors = [_read_subject(file, options) for file in files]
    values = stack_vectors(vectors, [file.name for file in files])
    return Records(
        ids=ids.ids,
        names=vector_names(values.shape[1]),
        values=values,
        source=str(path),
        keys=ids.keys,
        fd=None,
        covariates={},
        notes=(f"{len(files)} files were read.", *ids.notes),
    )


def _read_subject(path: Path, options: ImportOptions) -> np.ndarray:
    """Vector of one file of a folder."""
    if path.suffix == ".npy":
        return pool(load_npy(path, options.allow_pickle), options.pooling, None, path.name)
    arrays = load_torch(path) if path.suffix in (".pt", ".pth") else load_npz(path, options.allow_pickle)
    key = options.values_key or (next(iter(arrays)) if len(arrays) == 1 else find_values(path, arrays, n_axes=1))
    if key is None or key not in arrays:
        raise InputError(f"{path} needs an array of values; it has {quote_some(list(arrays))}: name the array.")
    mask_key = find_array(arrays, MASK_NAMES)
    mask = None if mask_key is None else np.asarray(arrays[mask_key], dtype=bool)
    return pool(arrays[key], options.pooling, mask, path.name)
