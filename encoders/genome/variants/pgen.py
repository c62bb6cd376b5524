"""Genotypes of one PGEN file set (plink2; the form in which UK Biobank gives phased genotypes)."""

# ruff: noqa: F722

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int16, Int64

from encoders.damage import how_absent
from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.best_guess import CALLED, DosagePolicy, from_dosages
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.variants.pvar import Records, read_pvar
from encoders.genome.variants.source import Site, check_samples, read_lines

_MISSING = -9
_DOSAGE_ONLY_MODES = {3, 4}
_HEADER = b"\x6c\x1b"

_GUARD, _BEYOND = 0x5A, 128
"""Byte, and values, behind each array that pgenlib fills: it follows a damaged record to subjects beyond the last."""


class PgenSource:
    """A ``.pgen`` with its ``.pvar`` (or ``.pvar.zst``) and ``.psam``.

    Hard calls with their phase are read; PGEN keeps no order for unphased heterozygotes, so "as-written" finds the
    smaller allele first, and a homozygote counts as phased.

    Parameters
    ----------
    path : Path
        Any of the three files.
    dosages : {"refuse", "best-guess"}
        What becomes of genotypes without a hard call whose dosage is known.

    Raises
    ------
    InputError
        If a file is missing, they do not belong together, or the genotypes are dosages without hard calls.
    """

    subjects_apart = False

    def __init__(self, path: Path, dosages: DosagePolicy = "refuse") -> None:
        self._dosages = dosages
        stem = Path(str(path).removesuffix(".zst")).with_suffix("")
        self.path = stem.parent / f"{stem.name}.pgen"
        pvars = [stem.parent / f"{stem.name}{suffix}" for suffix in (".pvar", ".pvar.zst")]
        psam = stem.parent / f"{stem.name}.psam"
        _check_header(self.path)
        if not psam.is_file() or not any(pvar.is_file() for pvar in pvars):
            raise InputError(
                f"A PGEN is read with {psam.name} and {pvars[0].name} (or .pvar.zst) beside it; {self.path.parent} "
                "lacks one of them: copy all three files."
            )
        self.samples = check_samples(_read_psam(psam), psam)
        self._row_of = {name: row for row, name in enumerate(self.samples)}
        self._contigs: dict[str, Records] = read_pvar(next(pvar for pvar in pvars if pvar.is_file()))
        self.contigs: tuple[str, ...] = tuple(self._contigs)
        self.contig_lengths: dict[str, int] = {}
        self._reader = self._open()
        self._subset: tuple[str, ...] = self.samples
        self._back: Int64[np.ndarray, " n_subjects"] | None = None

    def _open(self) -> Any:
        import pgenlib

        counts = np.concatenate([records.allele_counts for records in self._contigs.values()])
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uintp)
        try:
            return pgenlib.PgenReader(str(self.path).encode(), len(self.samples), len(counts), None, offsets)
        except RuntimeError as error:
            raise InputError(
                f"The PGEN {self.path} must agree with its .psam ({len(self.samples)} samples) and .pvar "
                f"({len(counts)} records); it does not ({_say(error)}): copy all three files again."
            ) from error
        except MemoryError:  # a damaged header claims records of gigabytes
            raise InputError(
                f"Records of the PGEN {self.path} must fit into memory; its header claims more: copy it again."
            ) from None

    def has_records(self, contig: str) -> bool:
        """Whether the file has any record there."""
        return contig in self._contigs

    def sites(self, contig: str, interval: Interval) -> Iterator[Site]:
        """Records that overlap a region, without genotypes."""
        records = self._contigs[contig]
        for number in records.overlapping(interval).tolist():
            ref, alts = records.alleles(number)
            yield Site(int(records.starts[number]), ref, ",".join(alts), self.path)

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time."""
        every = np.arange(len(self._contigs[contig].starts))
        numbers = every if interval is None else self._contigs[contig].overlapping(interval)
        for first in range(0, len(numbers), n_records):
            yield self._block(contig, numbers[first : first + n_records], subjects)

    def _block(self, contig: str, numbers: Int64[np.ndarray, " n_records"], subjects: tuple[str, ...]) -> GenotypeBlock:
        records = self._contigs[contig]
        self._choose(subjects)
        shape = (len(numbers), len(subjects))
        room = _room(2 * len(numbers) * len(subjects), np.int32), _room(len(numbers) * len(subjects), np.bool_)
        alleles, phased = room[0][:-_BEYOND].reshape(shape[0], 2 * shape[1]), room[1][:-_BEYOND].reshape(shape)
        if len(numbers):
            listed = (numbers + records.first).astype(np.uint32)
            with self._refused_if_damaged(*room):
                self._reader.read_alleles_and_phasepresent_list(listed, alleles, phased)
        pairs: Int16[np.ndarray, "n_records n_subjects 2"] = self._as_asked(
            alleles.astype(np.int16).reshape(*phased.shape, 2), axis=1
        )
        pairs[pairs == _MISSING] = -1
        spelled = [records.alleles(number) for number in numbers.tolist()]
        block = GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=records.starts[numbers],
            refs=tuple(ref for ref, _ in spelled),
            alts=tuple(alts for _, alts in spelled),
            info_ends=records.ends[numbers],
            alleles=pairs,
            phased=self._as_asked(phased, axis=1),
            path=self.path,
        )
        return self._settle_dosages(block, numbers + records.first)

    @contextmanager
    def _refused_if_damaged(self, *rooms: np.ndarray) -> Iterator[None]:
        """Around what pgenlib reads of genotypes into `_room`: it raises RuntimeError and nothing else."""
        try:
            yield
        except RuntimeError as error:
            raise InputError(f"The PGEN {self.path} is damaged ({_say(error)}): copy it again.") from error
        if any((room[-_BEYOND:].view(np.uint8) != _GUARD).any() for room in rooms):
            raise InputError(
                f"The PGEN {self.path} is damaged (a record names subjects beyond the {len(self.samples)} there are): "
                "copy it again."
            )

    def _choose(self, subjects: tuple[str, ...]) -> None:
        """Have these read, as they stand in the file, and remember how they stand in what was asked for."""
        if subjects == self._subset:
            return
        rows = np.array([self._row_of[subject] for subject in subjects], dtype=np.uint32)
        order = np.argsort(rows)
        self._reader.change_sample_subset(rows[order])
        self._subset = subjects
        self._back = None if (np.diff(order) == 1).all() else np.argsort(order)

    def _as_asked(self, read: np.ndarray, *, axis: int) -> np.ndarray:
        """What was read of the subjects in the order of the file, in the order in which they were asked for."""
        return read if self._back is None else np.take(read, self._back, axis=axis)

    def _settle_dosages(self, block: GenotypeBlock, numbers: Int64[np.ndarray, " n_records"]) -> GenotypeBlock:
        """A missing hard call with a known dosage is an imputed genotype that nobody called: refused, or guessed."""
        absent: Bool[np.ndarray, "n_records n_subjects"] = np.any(block.alleles < 0, axis=2)
        room = _room(len(block.subjects), np.float32)
        guessed = np.full(absent.shape, CALLED, dtype=np.int8)
        n_refused, first = 0, ""
        for record in np.flatnonzero(absent.any(axis=1)).tolist():
            with self._refused_if_damaged(room):
                self._reader.read_dosages(int(numbers[record]), room[:-_BEYOND])
            dosages = self._as_asked(room[:-_BEYOND], axis=0)
            uncalled = absent[record] & (dosages >= 0)
            if not uncalled.any():
                continue
            if self._dosages == "refuse":
                n_refused += 1
                first = first or f"{block.describe(record)} for {block.subjects[int(uncalled.argmax())]}"
                continue
            if len(block.alts[record]) != 1:
                raise InputError(
                    f"A best guess from a dosage needs one ALT; {block.describe(record)} has "
                    f"{len(block.alts[record])}: split the record or leave it out."
                )
            pairs, sureness = from_dosages(dosages[uncalled].astype(np.float64))
            block.alleles[record, uncalled], guessed[record, uncalled] = pairs, sureness
        if n_refused:
            raise InputError(
                f"Genotypes must be called; {n_refused} of {len(numbers)} records of {block.path} read at once have a "
                f"dosage without a hard call (first {first}): give hard calls (plink2 --hard-call-threshold), leave "
                "imputed records out, or choose dosages: best-guess."
            )
        return replace(block, guessed=guessed) if guessed.any() else block


def _room(n_values: int, dtype: type[np.generic]) -> np.ndarray:
    """Values to be filled, [n_values + _BEYOND], and the guard behind them."""
    room = np.empty(n_values + _BEYOND, dtype=dtype)
    room[-_BEYOND:].view(np.uint8)[:] = _GUARD
    return room


def _check_header(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"The variant file {path} {how_absent(path)}: correct the path.")
    with path.open("rb") as file:
        head = file.read(3)
    if head[:2] != _HEADER or len(head) < 3:
        raise InputError(f"The variant file {path} is no PGEN (its first bytes are not those of one): copy it again.")
    if head[2] in _DOSAGE_ONLY_MODES:
        raise InputError(
            f"Haplotypes need called alleles; the PGEN {path} holds dosages only: give the hard calls, phased, of the "
            "same data."
        )


def _read_psam(path: Path) -> tuple[str, ...]:
    """Individual identifiers (IID); without a header line the columns are FID, IID as in a .fam file."""
    column, names = 1, []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        titles = [field.lstrip("#") for field in fields]
        if line.startswith("#") and "IID" in titles:
            column = titles.index("IID")
        elif fields and not line.startswith("#"):
            if len(fields) <= column:
                raise InputError(
                    f"Every line of a .psam needs the IID in column {column + 1}; line {number} of {path} has "
                    f"{len(fields)} columns: write it anew with plink2."
                )
            names.append(fields[column])
    return tuple(names)


def _say(error: RuntimeError) -> str:
    text = error.args[0] if error.args else ""
    return (text.decode(errors="replace") if isinstance(text, bytes) else str(text)).strip().rstrip(".")
