"""Genotypes of one indexed VCF or BCF file; the only place where POS of a VCF becomes 0-based."""

# ruff: noqa: F722

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pysam
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.calls import read_calls
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.variants.indexes import indexed_path
from encoders.genome.variants.source import Site, check_order, check_samples

_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_OPEN_READERS = 4
_SAMPLES_COLUMN = 9


class VcfSource:
    """An indexed VCF.gz or BCF file, read by the htslib of pysam alone.

    pysam gives alleles sample by sample, which is slow; the text of a record is made at once, and its sample columns
    are read as an array of bytes.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file is missing, truncated, not block-compressed, unsorted, has no index or names a sample twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_blocks(path)
        with _open(path) as file:
            self.samples = check_samples(tuple(file.header.samples), path)
        self._opened = str(indexed_path(path))
        self._sites: Any = pysam.VariantFile(self._opened, drop_samples=True)
        self.contigs: tuple[str, ...] = tuple(map(str, self._sites.header.contigs))
        declared = ((str(name), contig.length) for name, contig in self._sites.header.contigs.items())
        self.contig_lengths = {name: int(length) for name, length in declared if length}
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
            yield Site(record.start, record.ref.upper(), ",".join(record.alts or ()), self.path)

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time."""
        reader, columns = self._reader(subjects)
        records = self._fetch(reader, contig, interval)
        last = -1
        while len((block := self._block(contig, islice(records, n_records), subjects, columns)).positions):
            yield check_order(block, last)
            last = int(block.positions[-1])

    def _fetch(self, reader: Any, contig: str, interval: Interval | None) -> Iterator[Any]:
        place = (contig,) if interval is None else (contig, interval.start, interval.end)
        try:
            yield from reader.fetch(*place)
        except (OSError, ValueError) as error:
            with suppress(OSError):  # htslib says again at closing what it said at reading
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
            reader = pysam.VariantFile(self._opened)
            if len(subjects) < len(self.samples) and not any(_is_list(name) for name in subjects):
                reader.subset_samples(list(subjects))
            column_of = {name: column for column, name in enumerate(reader.header.samples)}
            self._readers[subjects] = (reader, np.array([column_of[name] for name in subjects], dtype=np.int64))
        return self._readers[subjects]

    def _block(
        self,
        contig: str,
        found: Iterable[Any],
        subjects: tuple[str, ...],
        columns: Int64[np.ndarray, " n_subjects"],
    ) -> GenotypeBlock:
        starts, refs, alts, ends, texts = [], [], [], [], []
        for record in found:
            starts.append(record.start)
            refs.append(record.ref.upper())
            alts.append(tuple(alt.upper() for alt in record.alts or ()))
            ends.append(record.stop)
            texts.append(_text(record))
        calls = read_calls(texts, columns)
        block = GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=np.array(starts, dtype=np.int64),
            refs=tuple(refs),
            alts=tuple(alts),
            info_ends=np.array(ends, dtype=np.int64),
            alleles=calls.alleles,
            phased=calls.phased,
            path=self.path,
        )
        if calls.not_diploid is not None:
            record, column = calls.not_diploid
            raise InputError(
                f"Every genotype needs two alleles; {block.describe(record)} has another number for "
                f"{subjects[column]}: leave sex chromosomes and copy-number genotypes out."
            )
        return block


def _is_list(name: str) -> bool:
    """Whether htslib would read this name as several, or as what is to be left out."""
    return "," in name or name.startswith("^")


def _text(record: Any) -> tuple[str, str]:
    """FORMAT and all sample columns of a record as the VCF has them."""
    try:
        line = str(record)
    except UnicodeDecodeError:  # INFO in another encoding is legal before VCF 4.3, and not needed here
        record.info.clear()
        line = str(record)
    fields = line.rstrip("\n").split("\t", _SAMPLES_COLUMN)
    return fields[-2], fields[-1]


def _check_blocks(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"The variant file {path} does not exist: correct the path.")
    with path.open("rb") as file:
        head = file.read(14)
        file.seek(max(0, path.stat().st_size - len(_BGZF_END)))
        tail = file.read()
    if head[12:14] != b"BC":
        raise InputError(
            f"Variants must be bgzip-compressed VCF or BCF, PGEN or VCF Zarr; {path} is none of them: run bgzip "
            f"{path.name} and tabix -p vcf on it."
        )
    if tail != _BGZF_END:
        raise InputError(f"The variant file {path} is truncated (its end-of-file block is missing): copy it again.")


def _open(path: Path) -> Any:
    try:
        return pysam.VariantFile(str(path))
    except (ValueError, OSError) as error:
        raise InputError(f"The variant file {path} cannot be read as VCF or BCF ({error}): repair it.") from error
