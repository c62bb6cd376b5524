"""Genotypes of one VCF Zarr, bio2zarr layout 0.4 (Czech et al. 2025, doi:10.1093/gigascience/giaf049)."""

# ruff: noqa: F722

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.variants.source import Site, check_samples, overlapping

_NEEDED = ("contig_id", "sample_id", "variant_contig", "variant_position", "variant_allele", "call_genotype")
_ABSENT = -2
_CHUNK = 100_000


class ZarrSource:
    """A VCF Zarr store: a folder (``.vcz``, ``.zarr``) or its zip file.

    Positions stay in memory (16 bytes a record); alleles and genotypes are read by chunk.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If zarr is not installed, an array of the layout is missing, or records are not sorted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrays = _open(path)
        self.samples = check_samples(tuple(map(str, self._arrays["sample_id"][:])), path)
        self._row_of = {name: row for row, name in enumerate(self.samples)}
        self.contigs: tuple[str, ...] = tuple(map(str, self._arrays["contig_id"][:]))
        lengths = self._arrays["contig_length"][:].tolist() if "contig_length" in self._arrays else []
        self.contig_lengths: dict[str, int] = dict(zip(self.contigs, map(int, lengths), strict=False))
        contig = np.asarray(self._arrays["variant_contig"][:])
        self._starts = np.asarray(self._arrays["variant_position"][:], dtype=np.int64) - 1
        if (np.diff(contig) < 0).any() or (np.diff(self._starts)[np.diff(contig) == 0] < 0).any():
            raise InputError(
                f"Records of a VCF Zarr must be sorted by contig and position; {path} is not: sort its VCF."
            )
        numbers = np.arange(len(self.contigs))
        self._bounds = list(
            zip(np.searchsorted(contig, numbers), np.searchsorted(contig, numbers, side="right"), strict=True)
        )

    @cached_property
    def _ends(self) -> Int64[np.ndarray, " n_records"]:
        """One past the last base of each record; ``variant_length`` includes END where the writer stored it."""
        if "variant_length" in self._arrays:
            return self._starts + np.asarray(self._arrays["variant_length"][:], dtype=np.int64)
        alleles = self._arrays["variant_allele"]
        ends = self._starts.copy()
        for first in range(0, len(ends), _CHUNK):
            ends[first : first + _CHUNK] += [len(ref) for ref in alleles[first : first + _CHUNK, 0]]
        return ends

    def _place(self, contig: str) -> slice:
        first, last = self._bounds[self.contigs.index(contig)]
        return slice(int(first), int(last))

    def has_records(self, contig: str) -> bool:
        """Whether the file has any record there."""
        place = self._place(contig)
        return bool(place.start < place.stop)

    def _find(self, contig: str, interval: Interval) -> Int64[np.ndarray, " n_found"]:
        place = self._place(contig)
        ends = self._ends[place]
        first: int = place.start
        return first + overlapping(self._starts[place], ends, np.maximum.accumulate(ends), interval)

    def sites(self, contig: str, interval: Interval) -> Iterator[Site]:
        """Records that overlap a region, without genotypes."""
        numbers = self._find(contig, interval)
        for number, (ref, *alts) in zip(numbers.tolist(), self._alleles(numbers), strict=True):
            yield Site(int(self._starts[number]), ref, ",".join(alts), self.path)

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time."""
        every = np.arange(self._place(contig).start, self._place(contig).stop)
        numbers = every if interval is None else self._find(contig, interval)
        for first in range(0, len(numbers), n_records):
            yield self._block(contig, numbers[first : first + n_records], subjects)

    def _alleles(self, numbers: Int64[np.ndarray, " n_records"]) -> list[tuple[str, ...]]:
        """REF and ALT of records, upper case; the layout pads with empty text."""
        if not len(numbers):
            return []
        rows = self._arrays["variant_allele"][numbers[0] : numbers[-1] + 1][numbers - numbers[0]]
        return [tuple(str(allele).upper() for allele in row if allele not in {"", "."}) for row in rows]

    def _block(self, contig: str, numbers: Int64[np.ndarray, " n_records"], subjects: tuple[str, ...]) -> GenotypeBlock:
        columns = np.array([self._row_of[subject] for subject in subjects], dtype=np.int64)
        span = slice(int(numbers[0]), int(numbers[-1]) + 1) if len(numbers) else slice(0, 0)
        kept = numbers - span.start
        calls = self._select("call_genotype", span, columns)[kept].astype(np.int16)
        if calls.shape[2] < 2:
            calls = np.concatenate([calls, np.full_like(calls, _ABSENT)], axis=2)
        if "call_genotype_phased" in self._arrays:
            phased = self._select("call_genotype_phased", span, columns)[kept].astype(np.bool_)
        else:
            phased = np.zeros(calls.shape[:2], dtype=np.bool_)
        spelled = self._alleles(numbers)
        block = GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=self._starts[numbers],
            refs=tuple(alleles[0] for alleles in spelled),
            alts=tuple(alleles[1:] for alleles in spelled),
            info_ends=self._ends[numbers],
            alleles=_diploid(calls),
            phased=phased,
            path=self.path,
        )
        wrong = np.argwhere((block.alleles[..., 1] == _ABSENT) | (calls[..., 2:] != _ABSENT).any(axis=2))
        if len(wrong):
            record, column = wrong[0].tolist()
            raise InputError(
                f"Every genotype needs two alleles; {block.describe(record)} has another number for "
                f"{subjects[column]}: leave sex chromosomes and copy-number genotypes out."
            )
        return block

    def _select(self, name: str, span: slice, columns: Int64[np.ndarray, " n_subjects"]) -> np.ndarray:
        """Rows of a span for some subjects; neighbouring subjects are read as one piece."""
        array = self._arrays[name]
        first, last = int(columns.min()), int(columns.max()) + 1
        if last - first > 2 * len(columns):
            return np.asarray(array.oindex[span, np.sort(columns)])[:, np.argsort(np.argsort(columns))]
        return np.asarray(array[span, first:last])[:, columns - first]


def _diploid(calls: np.ndarray) -> np.ndarray:
    """The first two alleles; a lone missing allele stands for two."""
    pairs = calls[..., :2].copy()
    lone = (pairs[..., 1] == _ABSENT) & (pairs[..., 0] == -1)
    pairs[lone, 1] = -1
    return pairs


def _open(path: Path) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            f"Reading VCF Zarr ({path}) needs the package zarr, which is not installed: pip install "
            "'gene-brain-fusion[zarr]'."
        ) from error
    if not path.exists():
        raise InputError(f"The variant file {path} does not exist: correct the path.")
    try:
        group = zarr.open_group(zarr.storage.ZipStore(path, mode="r") if path.is_file() else str(path), mode="r")
    except (FileNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be opened as a Zarr group ({error}): give a VCF Zarr store.") from error
    if lacking := [name for name in _NEEDED if name not in group]:
        raise InputError(
            f"A VCF Zarr holds the arrays {', '.join(_NEEDED)}; {path} lacks {', '.join(lacking)}: write it with "
            "bio2zarr (vcf2zarr convert)."
        )
    return group
