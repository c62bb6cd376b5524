"""Vectors on disk, found by what they are the vectors of.

``<root>/<fingerprint>/`` holds ``spec.json`` and shards. A shard is two files, ``<digest>.npy`` (float32 vectors) and
``<digest>.ids`` (their ids, one a line), and the digest is that of both contents: the name is the checksum. The ids
file is published last, by rename, so a shard is there whole or not at all, whenever a writer is killed. Writers take
turns under a lock and leave out what another has written, so no id is stored twice.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from encoders.damage import refused_if_damaged
from encoders.disks import refused_if_unwritable
from encoders.dna.protocol import FORMAT_VERSION, EncoderSpec, Vectors
from encoders.errors import InputError
from encoders.leftovers import UNFINISHED
from encoders.publishing import write_whole


class EmbeddingStore:
    """Vectors of one encoder setting, by sequence id.

    Parameters
    ----------
    root : Path
        Folder of all stores; made at the first write.
    spec : EncoderSpec
        Setting whose vectors these are; another fingerprint is another store.
    """

    def __init__(self, root: Path, spec: EncoderSpec) -> None:
        self.spec = spec
        self.folder = Path(root) / spec.fingerprint
        self._places: dict[str, tuple[str, int]] = {}
        self._known_shards: set[str] = set()
        self._is_checked = False
        self._open_shards: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        self._refresh()
        return len(self._places)

    def has(self, ids: Sequence[str]) -> list[bool]:
        """For each id, whether its vector is stored."""
        self._refresh()
        return [sequence_id in self._places for sequence_id in ids]

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Ids without a vector, each once, in the order given."""
        unknown = [sequence_id for sequence_id in dict.fromkeys(ids) if sequence_id not in self._places]
        if unknown:
            self._refresh()
        return [sequence_id for sequence_id in unknown if sequence_id not in self._places]

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> int:
        """Store vectors; those whose id is stored already are left out.

        Parameters
        ----------
        ids : sequence of str
            One per row, no id twice.
        vectors : float32 array, shape (n_ids, hidden_dim)
            Finite values.

        Returns
        -------
        int
            Number of vectors added.

        Raises
        ------
        InputError
            Shape, type or values are not as said, or the folder cannot be written.
        DiskError
            The disk is full; what was stored before stays.
        """
        self._check_rows(ids, vectors)
        self._make_folder()
        with refused_if_unwritable(self.folder), FileLock(self.folder / "write.lock"):
            if not (self.folder / "spec.json").exists():
                described = self.spec.to_dict() | {"format_version": FORMAT_VERSION}
                write_whole(self.folder / "spec.json", json.dumps(described, indent=1), durable=True)
            absent = set(self.missing(ids))
            rows = [row for row, sequence_id in enumerate(ids) if sequence_id in absent]
            if rows:
                self._sweep()
                self._publish([ids[row] for row in rows], vectors[rows])
        return len(rows)

    def read(self, ids: Sequence[str]) -> Vectors:
        """Vectors of these ids, in their order; the shards touched are verified once and memory-mapped.

        Raises
        ------
        InputError
            An id has no vector, or a shard does not match its checksum (the shard is named).
        """
        absent = self.missing(ids)
        if absent:
            raise InputError(
                f"{len(absent)} of {len(ids)} ids have no stored vector of {self.spec.label} "
                f"(first: {absent[0]}); run the embed stage first."
            )
        rows_of_shard: dict[str, list[int]] = {}
        for row, sequence_id in enumerate(ids):
            rows_of_shard.setdefault(self._places[sequence_id][0], []).append(row)
        vectors = np.empty((len(ids), self.spec.hidden_dim), dtype=np.float32)
        for digest, rows in rows_of_shard.items():
            vectors[rows] = self._open(digest)[[self._places[ids[row]][1] for row in rows]]
        return vectors

    def _check_rows(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        expected = (len(ids), self.spec.hidden_dim)
        if vectors.dtype != np.float32 or vectors.shape != expected:
            raise InputError(
                f"The store of {self.spec.label} needs float32 vectors of shape {expected}; "
                f"got {vectors.dtype} of shape {vectors.shape}."
            )
        if len(set(ids)) != len(ids):
            raise InputError(f"Ids must not repeat within one write; {len(ids) - len(set(ids))} of {len(ids)} do.")
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            raise InputError(
                f"Vectors must be finite; {self.spec.label} gave NaN or infinity for {int((~finite).sum())} "
                f"sequences (first: {ids[int(np.argmin(finite))]}). Check its weights."
            )

    def _make_folder(self) -> None:
        try:
            with refused_if_unwritable(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise InputError(f"The store needs a writable folder; {self.folder} cannot be made ({error}).") from error
        if not os.access(self.folder, os.W_OK):
            raise InputError(f"The store needs a writable folder; {self.folder} may not be written by this user.")

    def _refresh(self) -> None:
        """Take in shards that were published since the last look."""
        if not self.folder.is_dir():
            return
        self._check_format()
        for path in sorted(self.folder.glob("*.ids")):
            if path.stem not in self._known_shards:
                # Bytes that are no ids are the digest's to refuse, when one of the shard's vectors is wanted.
                for row, sequence_id in enumerate(path.read_text("utf-8", errors="replace").splitlines()):
                    self._places[sequence_id] = (path.stem, row)
                self._known_shards.add(path.stem)

    def _check_format(self) -> None:
        """Another format has another fingerprint, so another folder: only one that was renamed holds it here."""
        described = self.folder / "spec.json"
        if self._is_checked or not described.exists():
            return
        with refused_if_damaged(described, "the description of a store"):
            came = json.loads(described.read_text("utf-8"))["format_version"]
        if came != FORMAT_VERSION:
            raise InputError(
                f"The store {self.folder} must have format {FORMAT_VERSION} to be read by this version; it has format "
                f"{came}: use the version that wrote it, or another store."
            )
        self._is_checked = True

    def _sweep(self) -> None:
        """Remove what killed writers left; safe because writers hold the lock."""
        for path in self.folder.iterdir():
            if path.suffix == UNFINISHED or (path.suffix == ".npy" and path.stem not in self._known_shards):
                path.unlink()

    def _publish(self, ids: list[str], vectors: Vectors) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(vectors), allow_pickle=False)
        id_lines = "".join(f"{sequence_id}\n" for sequence_id in ids).encode()
        digest = _digest(id_lines, buffer.getbuffer())
        write_whole(self.folder / f"{digest}.npy", buffer.getbuffer(), durable=True)
        write_whole(self.folder / f"{digest}.ids", id_lines, durable=True)

    def _open(self, digest: str) -> np.ndarray:
        if digest not in self._open_shards:
            path = self.folder / f"{digest}.npy"
            if not path.exists() or _digest(path.with_suffix(".ids").read_bytes(), path.read_bytes()) != digest:
                raise InputError(
                    f"Shard {path} is damaged: its contents do not match the checksum in its name. "
                    "Delete its .npy and .ids file; the next run of the embed stage makes it again."
                )
            self._open_shards[digest] = np.load(path, mmap_mode="r", allow_pickle=False)
        return self._open_shards[digest]


def _digest(id_lines: bytes, array_file: bytes | memoryview) -> str:
    digest = hashlib.sha256(len(id_lines).to_bytes(8, "little"))
    digest.update(id_lines)
    digest.update(array_file)
    return digest.hexdigest()
