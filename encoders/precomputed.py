"""Embeddings that exist already, one folder or file per gene, read in blocks of columns without holding them.

Layouts of ``<root>``, one per gene:

- ``<gene>/embeddings_{k}_layer_last.npy`` with ``iids.npy``: chunks of subjects in the order of ``k``, which counts
  from 0 or 1, all of one layer;
- ``<gene>.npz`` with a matrix (``embeddings``, ``vectors`` or ``X``) and ids (``iids``, ``eid``, ``ids`` or
  ``subject_ids``);
- ``<gene>.parquet`` with ``eid`` (or ``iid``, ``subject_id``) and a list column ``vector``.

A gene has one of these forms, and a file one matrix and one list of ids under these names.

The readers here have ``shape``, ``dtype`` and ``read_columns(slice)``: what a table view of the other package streams.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.numpy_files import npz_names, open_npy, open_npz
from encoders.parquet_pages import check_pages

Overlap = Literal["common", "refuse"]
Array = np.ndarray

_CHUNK = re.compile(r"embeddings_(?P<number>\d+)_layer_(?P<layer>[\w-]+)\.npy")
_MATRICES = ("embeddings", "vectors", "X")
_IDS = ("iids", "eid", "ids", "subject_ids", "iid", "subject_id")


@runtime_checkable
class GeneEmbeddings(Protocol):
    """Vectors of one gene, one row per subject."""

    @property
    def subject_ids(self) -> tuple[str, ...]:
        """Unique, in the order of rows."""

    @property
    def hidden_dim(self) -> int:
        """Length of a vector."""

    def read_columns(self, columns: slice) -> Array:
        """Return the block of these columns, float [n_subjects, width]."""


@dataclass(frozen=True)
class ChunkedEmbeddings:
    """Chunks of subjects in npy files, one under the other; mapped, so that a block of columns is all that is read."""

    subject_ids: tuple[str, ...]
    hidden_dim: int
    paths: tuple[Path, ...]

    def read_columns(self, columns: slice) -> Array:
        """Return the block of these columns, [n_subjects, width]."""
        return np.concatenate([np.array(_map(path)[:, columns]) for path in self.paths])


@dataclass(frozen=True)
class LoadedEmbeddings:
    """One gene in memory, where the file's form gives no part of it: npz is compressed, parquet grouped by rows."""

    subject_ids: tuple[str, ...]
    hidden_dim: int
    path: Path

    def read_columns(self, columns: slice) -> Array:
        """Return the block of these columns, [n_subjects, width]; the gene is decoded anew for each block."""
        return _read_file(self.path)[1][:, columns]


@dataclass(frozen=True)
class PrecomputedPanel:
    """Genes side by side for the subjects that all of them have.

    Attributes
    ----------
    subject_ids, gene_ids : tuple of str
    genes : tuple of GeneEmbeddings
    rows : tuple of int array, one per gene
        Where the subjects lie in it.
    dropped : dict of str to int
        Per gene, its subjects that other genes lack.
    unread : tuple of str
        Entries of the folder that are no gene in a known form; hidden ones are nobody's.
    """

    subject_ids: tuple[str, ...]
    gene_ids: tuple[str, ...]
    genes: tuple[GeneEmbeddings, ...]
    rows: tuple[Array, ...]
    dropped: dict[str, int]
    unread: tuple[str, ...] = ()

    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, sum of hidden dimensions)``."""
        return len(self.subject_ids), sum(gene.hidden_dim for gene in self.genes)

    @property
    def column_groups(self) -> tuple[str, ...]:
        """The gene of every column."""
        return tuple(name for name, gene in zip(self.gene_ids, self.genes, strict=True) for _ in range(gene.hidden_dim))

    def select(self, subject_ids: Sequence[str]) -> "PrecomputedPanel":
        """Return the panel of these subjects, in this order.

        Raises
        ------
        InputError
            A subject without embeddings.
        """
        position = {subject: row for row, subject in enumerate(self.subject_ids)}
        missing = [subject for subject in subject_ids if subject not in position]
        if missing:
            raise InputError(
                f"Precomputed embeddings are required of every subject; {len(missing)} of {len(subject_ids)} have "
                f"none, such as {missing[0]!r}: embed them, leave them out, or check how the ids are written."
            )
        chosen = np.array([position[subject] for subject in subject_ids], dtype=np.int64)
        return replace(self, subject_ids=tuple(subject_ids), rows=tuple(rows[chosen] for rows in self.rows))

    def read_columns(self, columns: slice) -> Array:
        """Return the block of these columns over genes, float32 [n_subjects, width]."""
        first, last, _ = columns.indices(self.shape[1])
        block, start = np.empty((len(self.subject_ids), last - first), self.dtype), 0
        for gene, rows in zip(self.genes, self.rows, strict=True):
            a, b = max(first, start), min(last, start + gene.hidden_dim)
            if a < b:
                block[:, a - first : b - first] = gene.read_columns(slice(a - start, b - start))[rows]
            start += gene.hidden_dim
        return block


def open_precomputed(
    root: str | Path, *, gene_ids: Sequence[str] | None = None, overlap: Overlap = "common"
) -> PrecomputedPanel:
    """Find the genes of a folder and the subjects they share.

    Parameters
    ----------
    root : str or Path
        Folder in one of the layouts above.
    gene_ids : sequence of str, optional
        Genes wanted, in this order. Default all, sorted by name.
    overlap : {"common", "refuse"}
        What happens where genes list different subjects: the common ones stay, in the order of the first gene, and
        the account is kept; or the run stops.

    Raises
    ------
    InputError
        No gene, a gene that is not there or there in two forms, several layers in one gene or over genes, chunks
        without ids or of unequal width, a chunk that is missing or twice, two matrices or lists of ids in one file,
        lengths that disagree, ids that are floats, absent or repeated, subjects that differ under ``refuse``, none in
        common.
    """
    if overlap not in get_args(Overlap):
        raise InputError(f"overlap must be one of {', '.join(get_args(Overlap))}; got {overlap!r}: choose one.")
    root = Path(root)
    found, unread = _find_genes(root)
    names = sorted(found) if gene_ids is None else list(gene_ids)
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(
            f"{root} must hold embeddings of every gene wanted; {len(missing)} of {len(names)} are missing, such as "
            f"{missing[0]}: compute them or leave them out of the panel."
        )
    genes = tuple(_open_gene(_only_form(name, found[name])) for name in names)
    _check_layers(root, [found[name][0] for name in names])
    shared = _shared_subjects(root, names, genes, overlap)
    rows, dropped = [], {}
    for name, gene in zip(names, genes, strict=True):
        position = {subject: row for row, subject in enumerate(gene.subject_ids)}
        rows.append(np.array([position[subject] for subject in shared]))
        if len(position) > len(shared):
            dropped[name] = len(position) - len(shared)
    return PrecomputedPanel(shared, tuple(names), genes, tuple(rows), dropped, unread)


def _find_genes(root: Path) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """Every gene, in whatever forms it is there; and the names of what is none."""
    if not root.is_dir():
        raise InputError(f"Precomputed embeddings are required in the folder {root}; there is none: check the path.")
    found: dict[str, list[Path]] = {}
    unread = []
    for path in sorted(root.iterdir()):
        if path.name.startswith("._"):
            continue  # what macOS writes beside a copied file, under the name of that
        if path.suffix in (".npz", ".parquet"):
            found.setdefault(path.stem, []).append(path)
        elif path.is_dir() and _chunk_names(path):
            found.setdefault(path.name, []).append(path)
        elif not path.name.startswith("."):  # hidden ones are of the file system or an editor
            unread.append(path.name)
    if not found:
        raise InputError(
            f"{root} must hold <gene>/embeddings_<k>_layer_last.npy, <gene>.npz or <gene>.parquet; it holds none of "
            "these: point to the folder that has one entry per gene."
        )
    return found, tuple(unread)


def _only_form(name: str, forms: Sequence[Path]) -> Path:
    if len(forms) > 1:
        raise InputError(
            f"Precomputed embeddings of a gene are required in one form; {name} is there as "
            f"{' and '.join(path.name for path in forms)} in {forms[0].parent}: keep the one that is meant."
        )
    return forms[0]


def _chunk_names(folder: Path) -> list[re.Match[str]]:
    return [match for path in folder.iterdir() if (match := _CHUNK.fullmatch(path.name))]


def _check_layers(root: Path, paths: Sequence[Path]) -> None:
    """Vectors of unlike layers lie in unlike spaces; files without a layer in their name say nothing of it."""
    layers = {_chunk_names(path)[0]["layer"]: path.name for path in paths if path.is_dir()}
    if len(layers) > 1:
        (one, first), (other, second), *_ = layers.items()
        raise InputError(
            f"Genes of a panel must be of one layer; in {root} {first} is of layer {one}, {second} of layer {other}: "
            "export all of them from one layer."
        )


def _chunks(folder: Path) -> tuple[Path, ...]:
    """Chunks in the order of their numbers, of which none is missing or twice; all of one layer."""
    names = sorted(_chunk_names(folder), key=lambda name: int(name["number"]))
    layers = sorted({name["layer"] for name in names})
    if len(layers) > 1:
        raise InputError(
            f"Chunks of a gene must be of one layer; {folder} has layers {', '.join(layers)}: keep those of one, move "
            "the others out."
        )
    numbers = [int(name["number"]) for name in names]
    due = range(min(numbers[0], 1), len(numbers) + 1)
    odd = next((pair for pair in zip(due, numbers, strict=False) if pair[0] != pair[1]), None)
    if odd is not None:
        raise InputError(
            f"Chunks of a gene must be numbered from 0 or 1 without a gap, each once; in {folder} number {odd[0]} is "
            f"due where {odd[1]} stands: add the missing chunks, or remove those that are there twice."
        )
    return tuple(folder / name[0] for name in names)


def _open_gene(path: Path) -> GeneEmbeddings:
    if path.is_file():
        ids, values = _read_file(path)
        return LoadedEmbeddings(_texts(path, ids, len(values)), values.shape[1], path)
    if not (path / "iids.npy").is_file():
        raise InputError(f"{path} needs iids.npy, the subject of every row of its chunks; it is missing: add it.")
    chunks = _chunks(path)
    shapes = [_map(chunk).shape for chunk in chunks]
    odd = next((i for i, shape in enumerate(shapes) if len(shape) != 2 or shape[1:] != shapes[0][1:]), None)
    if odd is not None:
        width = shapes[0][-1] if shapes[0] else "dimensions"
        raise InputError(
            f"{chunks[odd]} must be subjects x {width} like the first chunk; got shape {shapes[odd]}: embed the gene "
            "again with one encoder and pooling."
        )
    ids = _load_ids(path / "iids.npy")
    return ChunkedEmbeddings(_texts(path, ids, sum(shape[0] for shape in shapes)), shapes[0][1], chunks)


def _load_ids(path: Path) -> Array:
    with refused_if_damaged(path, "an npy file of subject ids"), _ids_without_objects(path):
        return open_npy(path)


@contextmanager
def _ids_without_objects(path: Path, what: str = "ids") -> Iterator[None]:
    """Numpy's refusal of Python objects, in our words; other errors pass."""
    try:
        yield
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise InputError(
            f"{path} must hold {what} as text or integers; it holds Python objects, which can run code while being "
            "read: save it again with numpy.array(ids, dtype=str)."
        ) from error


def _map(path: Path) -> Array:
    """Chunk on disk: a header that claims more than the file holds is refused before anything is read."""
    with refused_if_damaged(path, "an npy file of numbers"):
        chunk = open_npy(path, mapped=True)
        if chunk.dtype.kind not in "fiu":
            raise InputError(f"{path} must hold numbers, subjects x dimensions; it does not: write it again.")
    return np.asarray(chunk)


def _read_file(path: Path) -> tuple[Array, Array]:
    read = _read_parquet if path.suffix == ".parquet" else _read_npz
    with refused_if_damaged(path, f"{'a parquet' if path.suffix == '.parquet' else 'an npz'} file of embeddings"):
        ids, values = read(path)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise InputError(
            f"{path} must hold numbers, subjects x dimensions; got {values.dtype} of shape {values.shape}: write it "
            "again with one vector per subject."
        )
    return ids, values


def _read_npz(path: Path) -> tuple[Array, Array]:
    names = npz_names(path)
    matrix, ids = _one_of(path, _MATRICES, names), _one_of(path, _IDS, names)
    with _ids_without_objects(path, f"the array {ids!r}"):
        found = open_npz(path, [ids])[ids]
    return found, open_npz(path, [matrix])[matrix]


def _read_parquet(path: Path) -> tuple[Array, Array]:
    import pyarrow.parquet as pq

    check_pages(path)
    names = pq.read_schema(path).names
    table = pq.read_table(path, columns=[_one_of(path, _IDS, names), _one_of(path, ("vector",), names)])
    table.validate(full=True)
    vectors = table.column(1).combine_chunks()
    values = np.asarray(vectors.flatten(), dtype=np.float32)
    lengths = {0 if vector is None else len(vector) for vector in vectors}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(f"{path} needs vectors of one length; it has lengths {sorted(lengths)}: write it again.")
    return np.asarray(table.column(0).to_pylist()), values.reshape(len(vectors), -1)


def _one_of(path: Path, wanted: Iterable[str], present: Sequence[str]) -> str:
    found = [name for name in wanted if name in present]
    if not found:
        raise InputError(f"{path} needs one of {', '.join(wanted)}; it has {', '.join(present)}: rename it.")
    if len(found) > 1:
        raise InputError(
            f"{path} needs one of {', '.join(wanted)}; it has {' and '.join(found)}: keep the one that is meant under "
            "such a name."
        )
    return found[0]


def _texts(path: Path, ids: Array, n: int) -> tuple[str, ...]:
    if ids.dtype.kind == "f":
        raise InputError(f"{path} holds floats as subject ids, such as {ids.ravel()[:1].tolist()}: save them as text.")
    if ids.dtype.kind not in "iuSUOT":
        raise InputError(f"{path} must hold subject ids as text or integers; got {ids.dtype}: save them as text.")
    absent = sum(one is None for one in ids.ravel().tolist())
    if absent:
        raise InputError(f"{path} needs an id for every row; {absent} of {ids.size} are missing: fill them in.")
    texts = tuple(i.decode(errors="backslashreplace") if isinstance(i, bytes) else str(i) for i in ids.ravel().tolist())
    if len(texts) != n:
        raise InputError(f"{path} needs one id per row; it has {len(texts)} ids for {n} rows: save both together.")
    if len(set(texts)) < n:
        twice = next(text for text in texts if texts.count(text) > 1)
        raise InputError(f"{path} lists subject {twice!r} {texts.count(twice)} times: keep one row of each.")
    return texts


def _shared_subjects(
    root: Path, names: Sequence[str], genes: Sequence[GeneEmbeddings], overlap: Overlap
) -> tuple[str, ...]:
    first = genes[0].subject_ids
    common = set(first).intersection(*(gene.subject_ids for gene in genes))
    for name, gene in zip(names, genes, strict=True):
        if overlap == "refuse" and (len(gene.subject_ids) != len(common) or len(first) != len(common)):
            raise InputError(
                f"{root} must list the same subjects for every gene; {name} has {len(gene.subject_ids)}, {names[0]} "
                f"{len(first)} and {len(common)} are in all: choose overlap common or embed the missing ones."
            )
    if not common:
        raise InputError(f"{root} must have subjects in common between its {len(names)} genes; there are none.")
    return tuple(subject for subject in first if subject in common)
