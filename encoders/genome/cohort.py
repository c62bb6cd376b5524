"""Who is in the study: participants with string ids, relatives, and haplotype counts per gene."""

# ruff: noqa: F722

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int8

from encoders.errors import InputError
from encoders.genome.sequences import sequence_id
from encoders.genome.window_table import WindowTable

if TYPE_CHECKING:
    import pandas

_NUMBER_TEXT = re.compile(r"[+-]?\d+\.\d*([eE][+-]?\d+)?|[+-]?\d+[eE][+-]?\d+")
_SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}


def read_participants(path: Path, *, id_column: str = "subject_id") -> pandas.DataFrame:
    """Read a participants table whose ids stay strings end to end.

    Parameters
    ----------
    path : Path
        .tsv, .txt (tab), .csv, each also .gz, or .parquet.
    id_column : str
        Column (or parquet index) of subject ids; "007" stays "007".

    Returns
    -------
    DataFrame indexed by subject id

    Raises
    ------
    InputError
        If the file or column is missing, an id is empty, repeated or reads like a decimal number ("1001.0").
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"the participants table {path} does not exist: correct the path")
    frame = _read_frame(path, id_column)
    if id_column not in frame.columns:
        near = get_close_matches(id_column, map(str, frame.columns), n=1)
        raise InputError(
            f"the participants table needs the id column {id_column!r}; {path} has {', '.join(map(str, frame.columns))}"
            f"{f' (did you mean {near[0]!r}?)' if near else ''}: name the id column"
        )
    ids = frame[id_column]
    if ids.dtype.kind == "f":
        raise InputError(
            f"subject ids must be strings; {id_column!r} of {path} holds decimal numbers: store it as text"
        )
    if ids.isna().any():
        raise InputError(
            f"every row needs a subject id; {ids.isna().sum()} of {len(ids)} in {path} have none: add them"
        )
    frame = frame.drop(columns=id_column).set_index(ids.astype(str).rename(id_column))
    _check_ids(frame.index, path)
    return frame


def select_unrelated(frame: pandas.DataFrame, family_column: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep the first subject of each family, in the order of the table.

    Returns
    -------
    kept, dropped : tuple of str

    Raises
    ------
    InputError
        If the column is missing or a family is not given: it is not for us to say that such a subject has none.
    """
    if family_column not in frame.columns:
        raise InputError(
            f"relatives are found by the column {family_column!r}; the participants have "
            f"{', '.join(map(str, frame.columns))}: name the family column"
        )
    families = frame[family_column]
    if families.isna().any():
        raise InputError(
            f"every subject needs a family to drop relatives; {family_column!r} is empty for {families.isna().sum()} "
            f"of {len(families)}, first {families.index[families.isna()][0]}: give who has no relatives an own family"
        )
    repeated = families.duplicated(keep="first").to_numpy()
    return tuple(frame.index[~repeated]), tuple(frame.index[repeated])


def haplotype_dosage(
    table: WindowTable, gene_id: str
) -> tuple[Int8[np.ndarray, "n_subjects n_gene_haplotypes"], tuple[str, ...]]:
    """How many copies of each distinct haplotype of a gene every subject carries.

    Parameters
    ----------
    table : WindowTable
    gene_id : str
        Two haplotypes are equal where they agree in all windows of the gene.

    Returns
    -------
    dosage : int8 [n_subjects, n_gene_haplotypes]
        0, 1 or 2 (or 1 where the table holds one sequence per subject); the most common haplotype first.
    labels : tuple of str [n_gene_haplotypes]
        Identity of each haplotype, made of its windows' sequence ids.

    Raises
    ------
    InputError
        If the gene is not in the table.
    """
    if gene_id not in table.gene_ids:
        near = ", ".join(get_close_matches(gene_id, table.gene_ids, n=3)) or "none"
        raise InputError(f"gene {gene_id} is not in the window table (near names: {near}): correct the name")
    windows = np.flatnonzero(table.gene_index == table.gene_ids.index(gene_id)).tolist()
    carried = np.stack([table.haplotypes(window) for window in windows], axis=1)
    distinct, which, counts = np.unique(carried, axis=0, return_inverse=True, return_counts=True)
    dosage = np.zeros((table.n_subjects, len(distinct)), dtype=np.int8)
    np.add.at(dosage, (np.repeat(np.arange(table.n_subjects), table.ploidy), which.ravel()), 1)
    order = np.argsort(-counts, kind="stable")
    labels = tuple(sequence_id("".join(table.sequence_ids[index] for index in distinct[row])) for row in order)
    return dosage[:, order], labels


def _read_frame(path: Path, id_column: str) -> pandas.DataFrame:
    import pandas as pd

    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        frame = pd.read_parquet(path)
        return frame.reset_index() if id_column in frame.index.names else frame
    if suffix not in _SEPARATORS:
        raise InputError(f"a participants table is .tsv, .txt, .csv or .parquet; got {path.name}: convert it")
    try:
        frame = pd.read_csv(path, sep=_SEPARATORS[suffix], index_col=False, dtype={id_column: str})
        if id_column in frame.columns:  # an id may read "NA"
            frame = frame.assign(
                **pd.read_csv(path, sep=_SEPARATORS[suffix], usecols=[id_column], dtype=str, na_filter=False)
            )
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError(f"the participants table {path} cannot be read as {suffix} ({error}): repair it") from error
    return frame


def _check_ids(ids: pandas.Index[str], path: Path) -> None:
    problems = (
        ("empty", [name for name in ids if not name.strip()]),
        ("repeated", ids[ids.duplicated()].tolist()),
        ("written as a decimal number", [name for name in ids if _NUMBER_TEXT.fullmatch(name)]),
    )
    for problem, names in problems:
        if names:
            raise InputError(
                f"subject ids must be unique strings; {names[0]!r} of {path} is {problem} ({len(names)} such of "
                f"{len(ids)}): repair the id column"
            )
