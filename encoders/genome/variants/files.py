"""Genotypes of a cohort from any number of files: VCF, BCF, PGEN, BGEN or VCF Zarr."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, product
from pathlib import Path
from typing import NamedTuple

from encoders.errors import InputError
from encoders.genome.contigs import check_autosome, find_contig, list_contigs
from encoders.genome.intervals import Interval
from encoders.genome.variants.best_guess import DosagePolicy, check_dosage_policy
from encoders.genome.variants.genotypes import GenotypeBlock, join_chunks
from encoders.genome.variants.merging import Feed, keep_each_subject_once, merge_feeds
from encoders.genome.variants.source import Site, VariantSource

__all__ = ["GenotypeBlock", "Site", "VariantFiles"]

_EVERY_RECORD = 1 << 30
_WHOLE = (1 << 31) - 1


class _Part(NamedTuple):
    """A file with its name for a contig and its subjects among those asked for."""

    source: VariantSource
    contig: str
    subjects: tuple[str, ...]


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
        self._groups_of: dict[str, tuple[tuple[str, ...], list[list[_Part]]]] = {}
        self.samples = tuple(dict.fromkeys(name for source in self._sources for name in source.samples))

    @property
    def contigs(self) -> tuple[str, ...]:
        """Contigs on which any file has records."""
        declared = ((source, name) for source in self._sources for name in source.contigs)
        return tuple(dict.fromkeys(name for source, name in declared if source.has_records(name)))

    @property
    def subjects_apart(self) -> bool:
        """Whether every file gives some subjects for the price of some."""
        return all(source.subjects_apart for source in self._sources)

    def length(self, chrom: str) -> int | None:
        """Bases of a contig as a file declares them; None where no file does."""
        declared = [
            source.contig_lengths.get(name)
            for source in self._sources
            if (name := find_contig(chrom, source.contigs)) is not None
        ]
        return next((length for length in declared if length), None)

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
        """Records that overlap a region, one block for all files of the same subjects that have any.

        A subject in no block has no record there: it carries the reference.

        Raises
        ------
        InputError
            If the contig is in no file, is not an autosome, or a subject's file lacks it; if files disagree on a
            subject; if a genotype has not two alleles.
        """
        streams = self.stream(interval, subjects, n_records=_EVERY_RECORD)
        return [join_chunks(list(chunks)) for _, chunks in streams]

    def stream(
        self, interval: Interval, subjects: Sequence[str], *, n_records: int
    ) -> list[tuple[tuple[str, ...], Iterator[GenotypeBlock]]]:
        """As :meth:`fetch`, with at most ``n_records`` of a file in memory.

        Returns
        -------
        list of (subjects, iterator of GenotypeBlock)
            One for the files of the same subjects that have records (:func:`merge_feeds`); where files share some
            subjects and not all their records are compared, which takes all of them.
        """
        groups = self._groups(interval.chrom, tuple(subjects), str(interval))
        feeds = [list(filter(None, (_open_region(part, interval, n_records) for part in group))) for group in groups]
        streams = [(group[0].subjects, merge_feeds(found)) for group, found in zip(groups, feeds, strict=True) if found]
        if not streams or sum(len(group[0].subjects) for group in groups) == len(subjects):
            return streams
        if len(streams) < len(groups):
            self._refuse_gaps(groups, feeds, interval)
        blocks = keep_each_subject_once([join_chunks(list(chunks)) for _, chunks in streams], interval)
        return [(block.subjects, iter([block])) for block in blocks]

    def _refuse_gaps(
        self, groups: Sequence[Sequence[_Part]], feeds: Sequence[Sequence[Feed]], interval: Interval
    ) -> None:
        """A file without records here says nothing of its subjects if some of them have records in another one."""
        found = list(zip(groups, feeds, strict=True))
        for (silent, *_), (other, *_) in product((g for g, f in found if not f), (g for g, f in found if f)):
            shared, lacking = set(silent.subjects) & set(other.subjects), set(silent.subjects) - set(other.subjects)
            if shared and lacking:
                raise InputError(
                    f"Files with some subjects in common must hold the same records of them; {min(shared)} has "
                    f"records in {interval} in {other.source.path} and {min(lacking)}, who is with them in "
                    f"{silent.source.path}, has none: make one file of them (bcftools merge) or "
                    "leave out who is not in both."
                )

    def chunks(self, chrom: str, subjects: Sequence[str], *, n_records: int) -> Iterator[GenotypeBlock]:
        """Every record of a contig in order of position, at most ``n_records`` of a file at a time.

        Raises
        ------
        InputError
            As :meth:`fetch`; also if the subjects of the contig are spread over several files, whose records need not
            be the same.
        """
        groups = self._groups(chrom, tuple(subjects), f"contig {chrom}")
        if not groups:
            return  # no file has any of these subjects
        group, *others = groups
        if others or len(group[0].subjects) < len(subjects):
            part = min((part for parts in (group, *others) for part in parts), key=lambda part: len(part.subjects))
            raise InputError(
                f"Each file must hold all subjects of its records here; {part.source.path} has {len(part.subjects)} of "
                f"{len(subjects)} on {chrom}: merge the files of different subjects (bcftools merge)."
            )
        yield from merge_feeds([_open_contig(part, n_records, alone=len(group) == 1) for part in group])

    def _groups(self, chrom: str, subjects: tuple[str, ...], item: str) -> list[list[_Part]]:
        """Files of a chromosome, together where they hold the same subjects; the same for all regions in a row."""
        known = self._groups_of.get(chrom)
        if known is not None and known[0] == subjects:
            return known[1]
        check_autosome(chrom, item, self.length(chrom))
        holding = self._sources_with(chrom)
        found = [
            _Part(source, name, tuple(filter(self._members[source.path].__contains__, subjects)))
            for source, name in holding
        ]
        if lacking := set(subjects).difference(*(part.subjects for part in found)):
            raise InputError(
                f"Every subject needs genotypes for {item}; {len(lacking)} of {len(subjects)} (first "
                f"{min(lacking)}) are in none of {', '.join(str(source.path) for source, _ in holding)}: leave the "
                "subjects or the gene out."
            )
        groups: dict[tuple[str, ...], list[_Part]] = defaultdict(list)
        for part in found:
            groups[part.subjects].append(part)
        groups.pop((), None)
        for group in groups.values():
            _check_builds(group)
        self._groups_of[chrom] = (subjects, list(groups.values()))
        return self._groups_of[chrom][1]

    def _sources_with(self, chrom: str) -> list[tuple[VariantSource, str]]:
        found = [(source, find_contig(chrom, source.contigs)) for source in self._sources]
        holding = [(source, name) for source, name in found if name and source.has_records(name)]
        if not holding:
            raise InputError(
                f"Contig {chrom} has no records in the variant files, whose contigs are {list_contigs(self.contigs)}: "
                "give the file of that chromosome."
            )
        return holding


def _check_builds(group: Sequence[_Part]) -> None:
    """Refuse to join files whose headers state different lengths of a contig."""
    stated = {length: part for part in group if (length := part.source.contig_lengths.get(part.contig))}
    if len(stated) > 1:
        (first, one), (second, other) = list(stated.items())[:2]
        raise InputError(
            f"Files that are joined must be of one build; {one.contig} has {first:,} bases in {one.source.path} and "
            f"{second:,} in {other.source.path}: leave one out, or correct its header (bcftools reheader --fai)."
        )


def _open_region(part: _Part, interval: Interval, n_records: int) -> Feed | None:
    """Records of a file in a region; the first chunk is read to know whether there are any."""
    chunks = part.source.chunks(part.contig, interval, part.subjects, n_records)
    if (first := next(chunks, None)) is None:
        return None
    return Feed(part.source.path, int(first.positions[0]), chain([first], chunks))


def _open_contig(part: _Part, n_records: int, *, alone: bool) -> Feed:
    """Records of a file on a contig; where it is one of several, the first site is looked up and nothing more read."""
    chunks = part.source.chunks(part.contig, None, part.subjects, n_records)
    whole = Interval(part.contig, 0, _WHOLE)
    first = 0 if alone else next(part.source.sites(part.contig, whole)).position
    return Feed(part.source.path, first, chunks)


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
