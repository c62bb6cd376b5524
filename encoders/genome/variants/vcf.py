"""Genotypes of one indexed VCF or BCF file; the only place where POS of a VCF becomes 0-based."""

# ruff: noqa: F722

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pysam
from jaxtyping import Int64

from encoders.claims import SMALL
from encoders.damage import how_absent, refused_if_damaged
from encoders.errors import InputError
from encoders.genome.blocks import read_ends
from encoders.genome.intervals import Interval
from encoders.genome.variants.best_guess import DosagePolicy
from encoders.genome.variants.calls import ShortRecordError, read_calls
from encoders.genome.variants.genotypes import DELETION, GenotypeBlock, find_end, find_lengths, spell_deletions
from encoders.genome.variants.imputed import guess, is_guessable, refuse_uncalled, uncalled
from encoders.genome.variants.indexes import indexed_path, open_without_index
from encoders.genome.variants.source import Site, check_order, check_samples

_BCF_BEFORE_TEXT = 9
"""Bytes: the magic word, and how long the text is."""
_NAMES = re.compile(rb"^##contig=<(?:.*,)?ID=([^,>]*)|^#CHROM\t(.*)")
_OPEN_READERS = 4
_INFO_COLUMN, _SAMPLES_COLUMN = 7, 9
_COUNTED_AT_ONCE = 1000
_Sites = list[tuple[int, str, tuple[str, ...], int]]


class VcfSource:
    """An indexed VCF.gz or BCF file, read by the htslib of pysam alone.

    pysam gives alleles sample by sample, which is slow; the text of a record is made at once, and its sample columns
    are read as an array of bytes.

    Parameters
    ----------
    path : Path
    dosages : {"refuse", "best-guess"}
        What becomes of records without called genotypes.

    Raises
    ------
    InputError
        If the file is missing, truncated, not block-compressed, unsorted, has no index or names a sample twice.
    """

    subjects_apart = False

    def __init__(self, path: Path, dosages: DosagePolicy = "refuse") -> None:
        self.path = path
        self._dosages = dosages
        _check_blocks(path)
        _check_names(path)
        with refused_if_damaged(path, "a VCF or BCF file with names in UTF-8"), _open(path) as file:
            self.samples = check_samples(tuple(file.header.samples), path)
        self._opened = str(indexed_path(path))
        with refused_if_damaged(path, "a VCF or BCF file whose index is whole"):
            self._sites: Any = pysam.VariantFile(self._opened, drop_samples=True)
        with refused_if_damaged(path, "a VCF or BCF file with names in UTF-8"):
            declared = {str(name): contig.length for name, contig in self._sites.header.contigs.items()}
        self.contigs: tuple[str, ...] = tuple(declared)
        self.contig_lengths = {name: int(length) for name, length in declared.items() if length}
        self._readers: dict[tuple[str, ...], tuple[Any, Int64[np.ndarray, " n_subjects"]]] = {}
        self._known: dict[str, bool] = {}

    def has_records(self, contig: str) -> bool:
        """Whether the file has any record there."""
        if contig not in self._known:
            self._known[contig] = next(self._fetch(self._sites, contig, None), None) is not None
        return self._known[contig]

    def sites(self, contig: str, interval: Interval) -> Iterator[Site]:
        """Records that overlap a region, without genotypes."""
        for record in self._fetch(self._sites, contig, interval):
            with self._refused_if_damaged(contig, interval):
                ref, alts = record.ref.upper(), ",".join(record.alts or ())
            yield Site(record.start, ref, alts, self.path)

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time.

        Raises
        ------
        InputError
            If records are not sorted, or have genotypes that are not called, under the policy "refuse", or not diploid.
        """
        reader, columns = self._reader(subjects)
        records = self._fetch(reader, contig, interval)
        last = -1
        while texts := (read := self._read(islice(records, n_records), contig, interval))[1]:
            block = self._block(contig, read, subjects, columns)
            if found := uncalled(block, texts, columns):
                if self._dosages == "refuse" or not all(is_guessable(kind) for kind, _ in found.values()):
                    self._refuse_uncalled(contig, interval, subjects)
                block = replace(block, guessed=guess(block, texts, columns, found))
            yield check_order(block, last)
            last = int(block.positions[-1])

    def _refuse_uncalled(self, contig: str, interval: Interval | None, subjects: tuple[str, ...]) -> None:
        """Count all such records of the place and stop."""
        reader, columns = self._reader(subjects)
        records = self._fetch(reader, contig, interval)
        kinds: Counter[str] = Counter()
        n_records, first = 0, ""
        while (read := self._read(islice(records, _COUNTED_AT_ONCE), contig, interval))[1]:
            block = self._block(contig, read, subjects, columns)
            found = uncalled(block, read[1], columns)
            kinds.update(kind for kind, _ in found.values())
            first = first or next(map(block.describe, found), "")
            n_records += len(read[1])
        guessable = self._dosages == "refuse" and all(map(is_guessable, kinds))
        refuse_uncalled(kinds, n_records, first, str(interval or contig), guessable=guessable)

    def _read(
        self, records: Iterable[Any], contig: str, interval: Interval | None
    ) -> tuple[_Sites, list[tuple[str, str]]]:
        with self._refused_if_damaged(contig, interval):
            return _read(records)

    def _fetch(self, reader: Any, contig: str, interval: Interval | None) -> Iterator[Any]:
        place = () if interval is None else (interval.start, interval.end)
        with self._refused_if_damaged(contig, interval, reader):
            yield from reader.fetch(contig, *place)

    @contextmanager
    def _refused_if_damaged(self, contig: str, interval: Interval | None, reader: Any = None) -> Iterator[None]:
        place = (contig,) if interval is None else (contig, interval.start, interval.end)
        try:
            yield
        except InputError:
            raise
        except (OSError, ValueError) as error:
            with suppress(OSError):  # htslib says again at closing what it said at reading
                if reader is not None:
                    reader.close()
            raise InputError(
                f"The variant file {self.path} is damaged at {':'.join(map(str, place))} ({error}): a block or a line "
                "of it cannot be read, or its index is of another file. Copy it again and index it anew; bcftools "
                "view names a line that breaks the format."
            ) from error

    def _reader(self, subjects: tuple[str, ...]) -> tuple[Any, Int64[np.ndarray, " n_subjects"]]:
        """An open reader limited to these subjects, and where each stands in it; opening parses header and index."""
        if subjects not in self._readers:
            if len(self._readers) == _OPEN_READERS:
                self._readers.pop(next(iter(self._readers)))
            with refused_if_damaged(self.path, "a VCF or BCF file whose index is whole"):
                reader = pysam.VariantFile(self._opened)
            if len(subjects) < len(self.samples) and not any(_is_list(name) for name in subjects):
                reader.subset_samples(list(subjects))
            column_of = {name: column for column, name in enumerate(reader.header.samples)}
            self._readers[subjects] = (reader, np.array([column_of[name] for name in subjects], dtype=np.int64))
        return self._readers[subjects]

    def _block(
        self,
        contig: str,
        read: tuple[_Sites, list[tuple[str, str]]],
        subjects: tuple[str, ...],
        columns: Int64[np.ndarray, " n_subjects"],
    ) -> GenotypeBlock:
        starts, refs, alts, ends = zip(*read[0], strict=True)
        try:
            calls = read_calls(read[1], columns)
        except ShortRecordError as error:
            place = f"{contig}:{starts[0] + 1}-{starts[-1] + 1}"
            raise InputError(f"{self.path} is damaged at {place}: {error}; copy it again and index it anew.") from None
        block = GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=np.array(starts, dtype=np.int64),
            refs=refs,
            alts=alts,
            info_ends=np.array(ends, dtype=np.int64),
            alleles=calls.alleles,
            phased=calls.phased,
            path=self.path,
            phase_sets=calls.phase_sets,
        )
        if calls.refused is not None:
            record, column, what = calls.refused
            raise InputError(
                f"Every genotype needs two alleles; {block.describe(record)} has {what} for {subjects[column]}: leave "
                "sex chromosomes, copy-number genotypes and partly phased ones out."
            )
        return block


def _is_list(name: str) -> bool:
    """Whether htslib would read this name as several, or as what is to be left out."""
    return "," in name or name.startswith("^")


def _read(found: Iterable[Any]) -> tuple[_Sites, list[tuple[str, str]]]:
    """Start, REF, ALT and end of records, and the text of their genotypes."""
    sites, texts = [], []
    for record in found:
        alts = tuple(alt.upper() for alt in record.alts or ())
        stop, (info, *text) = record.stop, _text(record)
        if DELETION in alts:  # END is read from the text: htslib says the longer of it and SVLEN
            alts = spell_deletions(alts, find_lengths(info), find_end(info, record.start))
        sites.append((record.start, record.ref.upper(), alts, stop))
        texts.append((text[0], text[1]))
    return sites, texts


def _text(record: Any) -> tuple[str, str, str]:
    """INFO, FORMAT and all sample columns of a record as the VCF has them."""
    try:
        line = str(record)
    except UnicodeDecodeError:  # INFO in another encoding is legal before VCF 4.3
        lengths = record.info.get("SVLEN")
        record.info.clear()
        if lengths is not None:
            record.info["SVLEN"] = lengths
        line = str(record)
    fields = line.rstrip("\n").split("\t", _SAMPLES_COLUMN)
    return fields[_INFO_COLUMN], fields[-2], fields[-1]


def _check_blocks(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"The variant file {path} {how_absent(path)}: correct the path.")
    _, is_blocked, is_whole = read_ends(path)
    if not is_blocked:
        raise InputError(
            f"Variants must be bgzip-compressed VCF or BCF, PGEN, BGEN or VCF Zarr; {path} is none of them: run bgzip "
            f"{path.name} and tabix -p vcf on it."
        )
    if not is_whole:
        raise InputError(f"The variant file {path} is truncated (its end-of-file block is missing): copy it again.")


def _check_names(path: Path) -> None:
    """Contigs and samples of the header are named in UTF-8. Where they are not, pysam says so too, and leaves an error
    behind besides that Python 3.13 prints."""
    with refused_if_damaged(path, "a VCF or BCF file with names in UTF-8"), gzip.open(path) as file:
        if file.peek(3).startswith(b"BCF"):
            file.read(_BCF_BEFORE_TEXT)
        for line in takewhile(lambda line: line.startswith(b"#"), iter(partial(file.readline, SMALL), b"")):
            for named in _NAMES.findall(line):
                b"".join(named).decode("utf-8")


def _open(path: Path) -> Any:
    """The file without its index, which has not been looked at yet."""
    try:
        return open_without_index(path)
    except (ValueError, OSError) as error:
        raise InputError(f"The variant file {path} cannot be read as VCF or BCF ({error}): repair it.") from error
