"""Genotypes of one VCF Zarr, bio2zarr layout 0.4 (Czech et al. 2025, doi:10.1093/gigascience/giaf049)."""

# ruff: noqa: F722

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from encoders.claims import MOST_GAIN, SMALL, check_zip
from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.best_guess import CALLED, DosagePolicy
from encoders.genome.variants.genotypes import DELETION, ONE_PHASE_SET, GenotypeBlock, spell_deletions
from encoders.genome.variants.imputed import guess_record
from encoders.genome.variants.source import Site, check_samples, overlapping
from encoders.genome.variants.zarr_chunks import check_chunks, lost_chunk, open_store

_NEEDED = ("contig_id", "sample_id", "variant_contig", "variant_position", "variant_allele", "call_genotype")
_OPTIONAL = ("variant_length", "call_genotype_phased", "call_PS", "call_HDS", "call_GP", "call_DS", "variant_SVLEN")
_PER_FILE = ("contig_id", "sample_id")
_ABSENT = -2
_NO_NUMBER = (-1, -2)
"""Missing, and no allele, in arrays of whole numbers."""
Columns = Int64[np.ndarray, " n_subjects"]
_CHUNK = 100_000


class ZarrSource:
    """A VCF Zarr store: a folder (``.vcz``, ``.zarr``) or its zip file.

    Positions stay in memory (16 bytes a record); alleles and genotypes are read by chunk.

    Parameters
    ----------
    path : Path
    dosages : {"refuse", "best-guess"}
        What becomes of missing calls beside which ``call_HDS``, ``call_GP`` or ``call_DS`` says what they are.

    Raises
    ------
    InputError
        If zarr is not installed, an array of the layout is missing, records are not sorted, or a chunk is not stored
        whose fill would be taken for calls.
    """

    subjects_apart = True

    def __init__(self, path: Path, dosages: DosagePolicy = "refuse") -> None:
        self._dosages = dosages
        self.path = path
        self._arrays = _Arrays(path, _open(path))
        self.samples = check_samples(tuple(map(str, self._arrays.whole("sample_id"))), path)
        self._row_of = {name: row for row, name in enumerate(self.samples)}
        self.contigs: tuple[str, ...] = tuple(map(str, self._arrays.whole("contig_id")))
        lengths = self._arrays.whole("contig_length", "iu").tolist() if "contig_length" in self._arrays else []
        self.contig_lengths: dict[str, int] = dict(zip(self.contigs, map(int, lengths), strict=False))
        contig = self._arrays.whole("variant_contig", "iu").astype(np.int64)
        self._starts = self._arrays.whole("variant_position", "iu").astype(np.int64) - 1
        self._arrays.check_shapes(len(self._starts), len(self.samples))
        if contig.size and not 0 <= contig.min() <= contig.max() < len(self.contigs):
            raise InputError(f"Records of a VCF Zarr must be on its contigs; {path} has others: write it anew.")
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
            return self._starts + self._arrays.whole("variant_length", "iu").astype(np.int64)
        ends = self._starts.copy()
        for first in range(0, len(ends), _CHUNK):
            refs = self._arrays.read("variant_allele", (slice(first, first + _CHUNK), 0))
            ends[first : first + _CHUNK] += [len(str(ref)) for ref in refs]
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
        rows = self._arrays.read("variant_allele", slice(numbers[0], numbers[-1] + 1))[numbers - numbers[0]]
        spelled = [tuple(str(allele).upper() for allele in row if allele not in {"", "."}) for row in rows]
        if not all(spelled):
            raise InputError(f"Every record of a VCF Zarr needs a REF; {self.path} has one without: write it anew.")
        if "variant_SVLEN" in self._arrays:
            for k in (k for k, alleles in enumerate(spelled) if DELETION in alleles):
                lengths = np.atleast_1d(self._arrays.read("variant_SVLEN", int(numbers[k]))).astype(np.int64).tolist()
                known = [None if length in _NO_NUMBER else length for length in lengths]
                ref, *alts = spelled[k]
                span = int(self._ends[numbers[k]] - self._starts[numbers[k]])
                spelled[k] = (ref, *spell_deletions(tuple(alts), known, span - 1 if span > len(ref) else None))
        return spelled

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
            phase_sets=self._phase_sets(span, columns, kept),
        )
        wrong = np.argwhere((block.alleles[..., 1] == _ABSENT) | (calls[..., 2:] != _ABSENT).any(axis=2))
        if len(wrong):
            record, column = wrong[0].tolist()
            raise InputError(
                f"Every genotype needs two alleles; {block.describe(record)} has another number for "
                f"{subjects[column]}: leave sex chromosomes and copy-number genotypes out."
            )
        return self._settle_dosages(block, span, kept, columns)

    def _phase_sets(self, span: slice, columns: Columns, kept: Int64[np.ndarray, " n_records"]) -> np.ndarray | None:
        """FORMAT PS; the layout has -1 where it is missing and -2 where there is none."""
        if "call_PS" not in self._arrays:
            return None
        found = self._select("call_PS", span, columns)[kept].astype(np.int64).reshape(len(kept), len(columns))
        known: Int64[np.ndarray, "n_records n_subjects"] = np.maximum(found, ONE_PHASE_SET)
        return known

    def _settle_dosages(
        self, block: GenotypeBlock, span: slice, kept: Int64[np.ndarray, " n_records"], columns: Columns
    ) -> GenotypeBlock:
        """A missing call with a known dosage is an imputed genotype that nobody called: refused, or guessed."""
        key = next((key for key in ("HDS", "GP", "DS") if f"call_{key}" in self._arrays), None)
        absent = (block.alleles < 0).any(axis=2)
        if key is None or not absent.any():
            return block
        values = self._select(f"call_{key}", span, columns)[kept].astype(np.float64)
        values = values.reshape(*absent.shape, -1)
        uncalled = absent & ~np.isnan(values[..., 0])
        if not uncalled.any():
            return block
        if self._dosages == "refuse":
            record, column = np.argwhere(uncalled)[0].tolist()
            raise InputError(
                f"Genotypes must be called; {int(uncalled.any(axis=1).sum())} of {len(kept)} records of {self.path} "
                f"read at once have {key} and no call (first {block.describe(record)} for {block.subjects[column]}): "
                "give called genotypes, leave these records out, or choose dosages: best-guess."
            )
        guessed = np.full(absent.shape, CALLED, dtype=np.int8)
        for record in np.flatnonzero(uncalled.any(axis=1)).tolist():
            rows = uncalled[record]
            pairs, guessed[record, rows] = guess_record(block, record, key, values[record, rows])
            block.alleles[record, rows] = pairs
            block.phased[record, rows] = key == "HDS"
        return replace(block, guessed=guessed)

    def _select(self, name: str, span: slice, columns: Int64[np.ndarray, " n_subjects"]) -> np.ndarray:
        """Rows of a span for some subjects; neighbouring subjects are read as one piece."""
        first, last = int(columns.min()), int(columns.max()) + 1
        if last - first > 2 * len(columns):
            return self._arrays.read(name, (span, np.sort(columns)))[:, np.argsort(np.argsort(columns))]
        return self._arrays.read(name, (span, slice(first, last)))[:, columns - first]


class _Arrays:
    """Arrays of one store; whatever zarr and its codecs raise of one that is damaged becomes one sentence."""

    def __init__(self, path: Path, group: Any) -> None:
        self._path, self._group = path, group
        self._opened: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        with refused_if_damaged(self._path, "a VCF Zarr"):
            return name in self._group

    def _open(self, name: str) -> Any:
        if name not in self._opened:
            with refused_if_damaged(self._path, f"a VCF Zarr with an array {name}"):
                self._opened[name] = self._group[name]
                if not isinstance(self._opened[name].shape, tuple):
                    raise ValueError(f"{name} is no array")
                check_chunks(self._opened[name])
        return self._opened[name]

    def read(self, name: str, place: Any) -> np.ndarray:
        """A part of an array: slices, numbers, or arrays of numbers."""
        array = self._open(name)
        with refused_if_damaged(self._path, f"a VCF Zarr whose array {name} is whole"):
            found = np.asarray(array.oindex[place])
        self._check_stored(array)
        return found

    def whole(self, name: str, kinds: str = "iufUOT") -> np.ndarray:
        """A vector, of these kinds of number or text, if it holds what its shape claims."""
        array = self._open(name)
        with refused_if_damaged(self._path, f"a VCF Zarr whose array {name} is whole"):
            claimed = array.nbytes
            if len(array.shape) != 1 or (claimed > SMALL and claimed > MOST_GAIN * max(array.nbytes_stored(), 1)):
                raise ValueError(f"its shape {array.shape} is not what it holds")
            found = np.asarray(array[:])
            if found.dtype.kind not in kinds:
                raise ValueError(f"it is of {found.dtype}")
        self._check_stored(array)
        return found

    def _check_stored(self, array: Any) -> None:
        chunk = lost_chunk(array)
        if chunk is not None:
            raise InputError(
                f"Every chunk of a VCF Zarr must be stored; {self._path} lacks {chunk}, which would be read as "
                f"{str(array.fill_value) or 'nothing'}: copy the store again, or, where its writer left out chunks of "
                "that value alone, write it with them (zarr's write_empty_chunks)."
            )

    def check_shapes(self, n_records: int, n_samples: int) -> None:
        """Raise InputError unless arrays of records and of calls have one row a record and one column a sample."""
        for name in (*_NEEDED, *_OPTIONAL):
            if name in _PER_FILE or name not in self:
                continue
            shape = self._open(name).shape
            wanted = (n_records, n_samples) if name.startswith("call_") else (n_records,)
            needs_more = name in {"call_genotype", "variant_allele"}
            if shape[: len(wanted)] != wanted or len(shape) < len(wanted) + needs_more or 0 in shape[len(wanted) :]:
                raise InputError(
                    f"Arrays of a VCF Zarr must have {n_records} records and {n_samples} samples; {name} of "
                    f"{self._path} has shape {shape}: write it anew."
                )


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
    with refused_if_damaged(path, "a VCF Zarr store"):
        if path.is_file():
            check_zip(path)
        group = zarr.open_group(open_store(path), mode="r")
        lacking = [name for name in _NEEDED if name not in group]
    if lacking:
        raise InputError(
            f"A VCF Zarr holds the arrays {', '.join(_NEEDED)}; {path} lacks {', '.join(lacking)}: write it with "
            "bio2zarr (vcf2zarr convert)."
        )
    return group
