"""Genotypes of a cohort from any number of files: VCF, BCF, PGEN, BGEN or VCF Zarr."""

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

from encoders.errors import InputError
from encoders.genome.contigs import check_autosome, find_contig, list_contigs
from encoders.genome.intervals import Interval
from encoders.genome.variants.best_guess import DosagePolicy, check_dosage_policy
from encoders.genome.variants.genotypes import GenotypeBlock, drop_repeats, join_chunks
from encoders.genome.variants.source import Site, VariantSource

__all__ = ["GenotypeBlock", "Site", "VariantFiles"]

_EVERY_RECORD = 1 << 30
_Part = tuple[VariantSource, str, tuple[str, ...]]


class VariantFiles:
    """Variant files of one cohort: per chromosome, per gene, or with different subjects.

    Parameters
    ----------
    paths : Path or sequence of Path
        Indexed VCF.gz or BCF; ``.pgen`` with its ``.pvar`` (or ``.pvar.zst``) and ``.psam`` beside it;
        ``.bgen``, perhaps with its ``.sample``; folder or zip file in the VCF Zarr layout (``.vcz``, ``.zarr``).
    dosages : {"refuse", "best-guess"}
        What becomes of genotypes that nobody called, of which only dosages or probabilities are known.

    Raises
    ------
    InputError
        If a file is missing, damaged, of another format, or has no index.
    """

    def __init__(self, paths: Path | Sequence[Path], *, dosages: DosagePolicy = "refuse") -> None:
        check_dosage_policy(dosages)
        self.dosages: DosagePolicy = dosages
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        self.paths = tuple(Path(path) for path in listed)
        self._sources = [_open(path, dosages) for path in self.paths]
        self._members = {source.path: frozenset(source.samples) for source in self._sources}
        self._parts_of: dict[str, tuple[tuple[str, ...], list[_Part]]] = {}
        self.samples = tuple(dict.fromkeys(name for source in self._sources for name in source.samples))

    @property
    def contigs(self) -> tuple[str, ...]:
        """Contigs on which any file has records."""
        declared = ((source, name) for source in self._sources for name in source.contigs)
        return tuple(dict.fromkeys(name for source, name in declared if source.has_records(name)))

    def samples_on(self, chroms: Sequence[str]) -> tuple[str, ...]:
        """Samples with genotypes on every one of these contigs, in file order."""
        groups = [self._sources_with(chrom) for chrom in dict.fromkeys(chroms)]
        present = [{name for source, _ in group for name in source.samples} for group in groups]
        return tuple(name for name in self.samples if all(name in names for names in present))

    def check_samples(self, subjects: Sequence[str]) -> None:
        """Raise InputError unless every subject is a sample of a file; near names are offered."""
        known = set(self.samples)
        if absent := [subject for subject in subjects if subject not in known]:
            near = ", ".join(get_close_matches(absent[0], self.samples, n=3)) or "none"
            raise InputError(
                f"Every subject must be a sample of the variant files; {len(absent)} of {len(subjects)} (first "
                f"{absent[0]}; near names: {near}) are not: correct the list of subjects."
            )

    def sites(self, interval: Interval) -> Iterator[Site]:
        """Every record that overlaps a region, file by file, without genotypes."""
        for source, contig in self._sources_with(interval.chrom):
            yield from source.sites(contig, interval)

    def fetch(self, interval: Interval, subjects: Sequence[str]) -> list[GenotypeBlock]:
        """Records that overlap a region, one block per file that has any.

        A subject in no block has no record there: it carries the reference.

        Raises
        ------
        InputError
            If the contig is in no file, is not an autosome, or a subject's file lacks it; if a subject is in two
            files that disagree; if a genotype has not two alleles.
        """
        streams = self._open_streams(interval, tuple(subjects), _EVERY_RECORD)
        return drop_repeats([join_chunks(list(chunks)) for _, chunks in streams], interval)

    def stream(
        self, interval: Interval, subjects: Sequence[str], *, n_records: int
    ) -> list[tuple[tuple[str, ...], Iterator[GenotypeBlock]]]:
        """As :meth:`fetch`, with at most ``n_records`` of a file in memory.

        Returns
        -------
        list of (subjects, iterator of GenotypeBlock)
            One per file that has records; where files share subjects their records are compared, which takes all of
            them.
        """
        streams = self._open_streams(interval, tuple(subjects), n_records)
        present = [subject for members, _ in streams for subject in members]
        if len(set(present)) == len(present):
            return streams
        blocks = drop_repeats([join_chunks(list(chunks)) for _, chunks in streams], interval)
        return [(block.subjects, iter([block])) for block in blocks]

    def _open_streams(
        self, interval: Interval, subjects: tuple[str, ...], n_records: int
    ) -> list[tuple[tuple[str, ...], Iterator[GenotypeBlock]]]:
        """Files with records in the region; the first chunk of each is read to know it."""
        check_autosome(interval.chrom, str(interval))
        streams: list[tuple[tuple[str, ...], Iterator[GenotypeBlock]]] = []
        for source, contig, members in self._parts(interval.chrom, subjects, str(interval)):
            chunks = source.chunks(contig, interval, members, n_records)
            if (first := next(chunks, None)) is not None:
                streams.append((members, chain([first], chunks)))
        return streams

    def chunks(self, chrom: str, subjects: Sequence[str], *, n_records: int) -> Iterator[GenotypeBlock]:
        """Every record of a contig, file by file and in file order, at most ``n_records`` at a time.

        Raises
        ------
        InputError
            As :meth:`fetch`; also if the subjects of the contig are spread over several files, whose records need not
            be the same.
        """
        check_autosome(chrom, f"contig {chrom}")
        for source, contig, present in self._parts(chrom, tuple(subjects), f"contig {chrom}"):
            if len(present) < len(subjects):
                raise InputError(
                    f"Each file must hold all subjects of its records here; {source.path} has {len(present)} of "
                    f"{len(subjects)} on {chrom}: merge the files of different subjects (bcftools merge)."
                )
            yield from source.chunks(contig, None, present, n_records)

    def _parts(self, chrom: str, subjects: tuple[str, ...], item: str) -> list[_Part]:
        """Files of a chromosome with their name for it and their subjects; the same for all regions in a row."""
        known = self._parts_of.get(chrom)
        if known is not None and known[0] == subjects:
            return known[1]
        holding = self._sources_with(chrom)
        found = [
            (source, name, tuple(filter(self._members[source.path].__contains__, subjects))) for source, name in holding
        ]
        if lacking := set(subjects).difference(*(present for _, _, present in found)):
            raise InputError(
                f"Every subject needs genotypes for {item}; {len(lacking)} of {len(subjects)} (first "
                f"{min(lacking)}) are in none of {', '.join(str(source.path) for source, _ in holding)}: leave the "
                "subjects or the gene out."
            )
        parts = [part for part in found if part[2]]
        self._parts_of[chrom] = (subjects, parts)
        return parts

    def _sources_with(self, chrom: str) -> list[tuple[VariantSource, str]]:
        found = [(source, find_contig(chrom, source.contigs)) for source in self._sources]
        holding = [(source, name) for source, name in found if name and source.has_records(name)]
        if not holding:
            raise InputError(
                f"Contig {chrom} has no records in the variant files, whose contigs are {list_contigs(self.contigs)}: "
                "give the file of that chromosome."
            )
        return holding


def _open(path: Path, dosages: DosagePolicy) -> VariantSource:
    if path.suffix == ".bgen":
        from encoders.genome.variants.bgen import BgenSource

        return BgenSource(path, dosages)
    if path.suffix in {".pgen", ".pvar", ".psam"} or path.name.endswith(".pvar.zst"):
        from encoders.genome.variants.pgen import PgenSource

        return PgenSource(path, dosages)
    if path.is_dir() or path.suffix in {".vcz", ".zarr"} or path.name.endswith((".vcz.zip", ".zarr.zip")):
        from encoders.genome.variants.vcf_zarr import ZarrSource

        return ZarrSource(path, dosages)
    from encoders.genome.variants.vcf import VcfSource

    return VcfSource(path, dosages)
