"""Which haplotype carries which sequence in which window: every distinct sequence once, subjects as indices."""

# ruff: noqa: F722

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from jaxtyping import Float64, Int32, Int64

from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.genome.sequences import sequence_id
from encoders.genome.windows.stored_parts import check_parts
from encoders.numpy_files import open_npz
from encoders.publishing import published_folder

if TYPE_CHECKING:
    import pandas

FORMAT = 1
_ARRAYS = (
    "gene_index", "exon", "window", "start", "end", "weight", "reference_index", "indptr", "haplotype_index",
    "sequence_index",
)  # fmt: skip
_LISTS = ("subject_ids", "gene_ids", "chrom", "strand")


@dataclass(frozen=True)
class WindowTable:
    """Windows of a panel in every haplotype of a cohort, kept sparse: only what differs from the reference is stored.

    Parameters
    ----------
    subject_ids, gene_ids : tuple of str
        Rows of the cohort and genes of the panel.
    gene_index : int32 [n_windows]
        Into ``gene_ids``.
    exon : int32 [n_windows]
        Rank of the exon from the 5' end, from 1; 0 where the unit is not the exon.
    window : int32 [n_windows]
        Rank of the window inside its exon, gene or promoter from the 5' end, from 1.
    chrom, strand : tuple of str [n_windows]
        Contig as the annotation names it, and the strand of the gene.
    start, end : int64 [n_windows]
        Reference coordinates, 0-based half-open.
    weight : float64 [n_windows]
        Reference bases of the window / reference bases of all windows of its gene.
    sequences : tuple of str
        Distinct over the panel, in transcript orientation; "" where a haplotype lost the whole window.
    sequence_ids : tuple of str
        Identity of each sequence (BLAKE2b-128).
    reference_index : int32 [n_windows]
        The reference's sequence of each window, into ``sequences``.
    indptr : int64 [n_windows + 1]
        Row pointers of the non-reference entries (compressed sparse rows).
    haplotype_index : int64 [n_entries]
        ``ploidy * subject + haplotype``, haplotypes counted from 0, ascending inside a window.
    sequence_index : int32 [n_entries]
        The sequence this haplotype carries, into ``sequences``.
    ploidy : int
        Sequences per subject: 2, or 1 under the policies "iupac" and "alternate".
    events : dict
        What the consensus rules skipped, trimmed or masked, counted.
    settings : dict
        Unit, window length, policies, transcript rule, annotation release.
    """

    subject_ids: tuple[str, ...]
    gene_ids: tuple[str, ...]
    gene_index: Int32[np.ndarray, " n_windows"]
    exon: Int32[np.ndarray, " n_windows"]
    window: Int32[np.ndarray, " n_windows"]
    chrom: tuple[str, ...]
    start: Int64[np.ndarray, " n_windows"]
    end: Int64[np.ndarray, " n_windows"]
    strand: tuple[str, ...]
    weight: Float64[np.ndarray, " n_windows"]
    sequences: tuple[str, ...]
    sequence_ids: tuple[str, ...]
    reference_index: Int32[np.ndarray, " n_windows"]
    indptr: Int64[np.ndarray, " n_windows_plus_1"]
    haplotype_index: Int64[np.ndarray, " n_entries"]
    sequence_index: Int32[np.ndarray, " n_entries"]
    ploidy: int
    events: dict[str, int]
    settings: dict[str, str]

    @property
    def n_subjects(self) -> int:
        return len(self.subject_ids)

    @property
    def n_windows(self) -> int:
        return len(self.gene_index)

    @property
    def n_sequences_total(self) -> int:
        """Sequences a table without sharing would hold."""
        return self.n_windows * self.n_subjects * self.ploidy

    @property
    def n_distinct(self) -> int:
        """Sequences that some haplotype carries; the reference's own is not one where everybody differs from it."""
        shared = np.diff(self.indptr) < self.n_subjects * self.ploidy
        return len(np.union1d(self.sequence_index, self.reference_index[shared]))

    def n_distinct_by_gene(self) -> dict[str, int]:
        """As :attr:`n_distinct`, for every gene by itself; a sequence that two genes share counts for both."""
        shared = np.diff(self.indptr) < self.n_subjects * self.ploidy
        gene_of_entry = np.repeat(self.gene_index, np.diff(self.indptr))
        genes = np.concatenate([gene_of_entry, self.gene_index[shared]]).astype(np.int64)
        carried = np.concatenate([self.sequence_index, self.reference_index[shared]])
        pairs = np.unique(genes * len(self.sequences) + carried)
        counts = np.bincount(pairs // len(self.sequences), minlength=len(self.gene_ids))
        return dict(zip(self.gene_ids, counts.tolist(), strict=True))

    @property
    def gain(self) -> float:
        """Sequences in all / distinct sequences."""
        return self.n_sequences_total / self.n_distinct

    def haplotypes(self, window: SupportsIndex) -> Int32[np.ndarray, " n_haplotypes"]:
        """Sequence index of every haplotype in one window, reference entries included."""
        row = np.full(self.n_subjects * self.ploidy, self.reference_index[window], dtype=np.int32)
        entries = slice(self.indptr[window], self.indptr[index(window) + 1])
        row[self.haplotype_index[entries]] = self.sequence_index[entries]
        return row

    def to_frame(self) -> pandas.DataFrame:
        """One row per window and haplotype: subject_id, haplotype (from 1), gene_id, exon, window, sequence_id."""
        import pandas as pd

        def categories(codes: np.ndarray, names: tuple[str, ...]) -> pandas.Categorical[str]:
            return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=str))

        per_window = self.n_subjects * self.ploidy
        carried = np.stack([self.haplotypes(w) for w in range(self.n_windows)])
        return pd.DataFrame(
            {
                "subject_id": categories(
                    np.tile(np.repeat(np.arange(self.n_subjects), self.ploidy), self.n_windows), self.subject_ids
                ),
                "haplotype": np.tile(np.arange(per_window) % self.ploidy + 1, self.n_windows).astype(np.int8),
                "gene_id": categories(np.repeat(self.gene_index, per_window), self.gene_ids),
                "exon": np.repeat(self.exon, per_window),
                "window": np.repeat(self.window, per_window),
                "sequence_id": categories(carried.ravel(), self.sequence_ids),
            }
        )

    def save(self, folder: Path) -> None:
        """Write ``table.npz`` and ``table.json``; the folder appears whole or not at all, an older one is replaced.

        It names subjects and their haplotypes, so only its owner may read it.
        """
        with published_folder(Path(folder), private=True) as made:
            letters = np.frombuffer("".join(self.sequences).encode("ascii"), dtype=np.uint8)
            lengths = np.array([len(sequence) for sequence in self.sequences], dtype=np.int64)
            arrays = {name: getattr(self, name) for name in _ARRAYS}
            np.savez_compressed(made / "table.npz", letters=letters, lengths=lengths, **arrays)
            text: dict[str, Any] = {name: list(getattr(self, name)) for name in _LISTS}
            text |= {"format": FORMAT, "ploidy": self.ploidy, "events": self.events, "settings": self.settings}
            (made / "table.json").write_text(json.dumps(text))

    @classmethod
    def load(cls, folder: Path) -> WindowTable:
        """Read what :meth:`save` wrote.

        Raises
        ------
        InputError
            If the folder holds no window table or one of another format.
        """
        folder = Path(folder)
        if not (folder / "table.json").is_file():
            raise InputError(f"A window table is a folder with table.json and table.npz; {folder} has none: make it.")
        with refused_if_damaged(folder, "a window table, which it is not any more"):
            text = json.loads((folder / "table.json").read_bytes())
            stored = open_npz(folder / "table.npz")
        came = text.pop("format", None) if isinstance(text, dict) else None
        if came != FORMAT:
            raise InputError(
                f"The window table in {folder} must have format {FORMAT} to be read by this version; it has format "
                f"{came}: make it anew, or use the version that wrote it."
            )
        check_parts(folder, text, stored)
        sequences = tuple(_cut(stored["letters"].tobytes().decode("ascii"), stored["lengths"]))
        arrays = {name: stored[name] for name in _ARRAYS}
        fields: dict[str, Any] = text | arrays | {name: tuple(text[name]) for name in _LISTS}
        return cls(sequences=sequences, sequence_ids=tuple(map(sequence_id, sequences)), **fields)


def _cut(letters: str, lengths: Int64[np.ndarray, " n"]) -> Iterator[str]:
    ends = np.cumsum(lengths)
    for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
        yield letters[start:end]
