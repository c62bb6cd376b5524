"""Genotypes of one indexed VCF or BCF file; the only place where POS of a VCF becomes 0-based."""

# ruff: noqa: F722

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
import pysam
from jaxtyping import Int16, Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.variants.indexes import indexed_path
from encoders.genome.variants.source import Site, check_order, check_samples

_ABSENT = -2
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_OPEN_READERS = 4
_CONTIG_END = 1 << 40


class VcfSource:
    """An indexed VCF.gz or BCF file.

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
        self._whole: dict[str, list[tuple[int, int]]] = {}

    def has_records(self, contig: str) -> bool:
        """Whether the file has any record there."""
        if contig not in self._known:
            self._known[contig] = next(self._fetch(contig), None) is not None
        return self._known[contig]

    def sites(self, contig: str, interval: Interval) -> Iterator[Site]:
        """Records that overlap a region, without genotypes."""
        for record in self._fetch(contig, interval.start, interval.end):
            yield Site(record.start, record.ref.upper(), ",".join(record.alts or ()), self.path)
        self._whole.setdefault(contig, []).append((interval.start, interval.end))

    def _check_whole(self, contig: str, interval: Interval | None) -> None:
        """Walk over the region once with the reader that notices damage: the other ends there without a word."""
        start, end = (0, _CONTIG_END) if interval is None else (interval.start, interval.end)
        known = self._whole.setdefault(contig, [])
        if not any(first <= start and end <= last for first, last in known):
            for _ in self._fetch(*((contig,) if interval is None else (contig, start, end))):
                pass
            known.append((start, end))

    def _fetch(self, *place: Any) -> Iterator[Any]:
        try:
            yield from self._sites.fetch(*place)
        except (OSError, ValueError) as error:
            with suppress(OSError):  # htslib says again at closing what it said at reading
                self._sites.close()
            raise InputError(
                f"The variant file {self.path} is damaged at {':'.join(map(str, place))} ({error}), or its index is "
                "of another file: copy it again and index it anew."
            ) from error

    def chunks(
        self, contig: str, interval: Interval | None, subjects: tuple[str, ...], n_records: int
    ) -> Iterator[GenotypeBlock]:
        """Records that overlap a region, or all of a contig, in file order, at most ``n_records`` at a time."""
        self._check_whole(contig, interval)
        reader, _ = self._reader(subjects)
        records = reader(contig if interval is None else f"{contig}:{interval.start + 1}-{interval.end}")
        last = -1
        while len((block := self._block(contig, islice(records, n_records), subjects)).positions):
            yield check_order(block, last)
            last = int(block.positions[-1])

    def _reader(self, subjects: tuple[str, ...]) -> tuple[Any, Int64[np.ndarray, " n_subjects"]]:
        """An open reader limited to these subjects, and where each stands in it; opening parses header and index."""
        if subjects not in self._readers:
            if len(self._readers) == _OPEN_READERS:
                self._readers.pop(next(iter(self._readers)))
            reader = cyvcf2.VCF(self._opened, samples=list(subjects))
            column_of = {name: column for column, name in enumerate(reader.samples)}
            self._readers[subjects] = (reader, np.array([column_of[name] for name in subjects], dtype=np.int64))
        return self._readers[subjects]

    def _block(self, contig: str, found: Iterable[Any], subjects: tuple[str, ...]) -> GenotypeBlock:
        reader, columns = self._reader(subjects)
        records, genotypes = [], []
        for record in found:
            records.append((record.start, record.REF.upper(), tuple(alt.upper() for alt in record.ALT), record.end))
            genotypes.append(_genotypes(record, reader.samples, self.path)[columns])
        stacked = np.array(genotypes, dtype=np.int16).reshape(len(records), len(subjects), 3)
        starts, refs, alts, ends = zip(*records, strict=True) if records else ((), (), (), ())
        return GenotypeBlock(
            subjects=subjects,
            chrom=contig,
            positions=np.array(starts, dtype=np.int64),
            refs=refs,
            alts=alts,
            info_ends=np.array(ends, dtype=np.int64),
            alleles=stacked[..., :2],
            phased=stacked[..., 2] != 0,
            path=self.path,
        )


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


def _genotypes(record: Any, samples: Sequence[str], path: Path) -> Int16[np.ndarray, "n_samples 3"]:
    """Two alleles and the phase of every sample; a lone dot is missing, any other haploid call is refused."""
    if "GT" not in record.FORMAT:
        return np.tile(np.array([-1, -1, 0], dtype=np.int16), (len(samples), 1))
    genotypes: Int16[np.ndarray, "n_samples n_columns"] = record.genotype.array(_ABSENT)
    if genotypes.shape[1] == 2:
        genotypes = np.insert(genotypes, 1, _ABSENT, axis=1)
    second = genotypes[:, 1]
    second[(second == _ABSENT) & (genotypes[:, 0] == -1)] = -1
    wrong = (second == _ABSENT) | (genotypes[:, 2:-1] != _ABSENT).any(axis=1)
    if wrong.any():
        subject = samples[int(wrong.argmax())]
        raise InputError(
            f"Every genotype needs two alleles; {record.CHROM}:{record.POS} of {path} has another number for "
            f"{subject}: leave sex chromosomes and copy-number genotypes out."
        )
    return genotypes[:, [0, 1, -1]]
