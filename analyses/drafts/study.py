"""A study as its files tell it, and what they leave open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analyses.config.names import LONGEST
from analyses.drafts.genotypes import GenotypesFound, look_at_genotypes
from analyses.drafts.kinds import Kind, find_files
from analyses.drafts.tables import Table, read_table
from analyses.errors import Problems

MOST_GENES = 200
"""More genes are no question of a study, and are not written down by themselves."""

_GENOME: tuple[Kind, ...] = ("reference", "annotation", "variants")
_SHOWN_IDS, _SHOWN_CODES = 3, 4


@dataclass(frozen=True)
class Study:
    """What the files of a study hold.

    Parameters
    ----------
    files : mapping of kind to paths
    genotypes : GenotypesFound or None
        None where reference, annotation or genotypes are missing.
    tables : tuple of Table
    """

    files: Mapping[Kind, Sequence[Path]]
    genotypes: GenotypesFound | None
    tables: tuple[Table, ...]

    @cached_property
    def samples(self) -> frozenset[str]:
        """Genotyped subjects."""
        return frozenset() if self.genotypes is None else frozenset(self.genotypes.genome.samples)

    @property
    def names_genes(self) -> bool:
        """Whether genes are few enough to be written down."""
        return self.genotypes is not None and len(self.genotypes.genes) <= MOST_GENES

    @cached_property
    def brains(self) -> dict[str, Table]:
        """Tables that hold features of brains, by a name made of the file's."""
        named: dict[str, Table] = {}
        for table in self.tables:
            if table.is_brain:
                name = _name(table.path, len(named))
                named[name if name not in named else f"{name}-{len(named)}"] = table
        return named

    @cached_property
    def covariates(self) -> dict[Table, tuple[str, ...]]:
        """Columns to read of each table that holds covariates; a column that two tables have is the first one's."""
        taken: set[str] = set()
        found = {}
        for table in sorted(self.tables, key=lambda table: table.is_brain):
            wanted = [one.column for one in table.confounds] + [one for one in (table.family, table.kinship) if one]
            if columns := tuple(column for column in wanted if column not in taken):
                found[table] = columns
                taken.update(columns)
        return found

    def n_shared(self, table: Table) -> int:
        """Subjects of a table that are genotyped."""
        return len(self.samples.intersection(table.frame.index))

    def needs(self) -> Iterator[str]:
        """What is missing or has to be decided, a sentence each."""
        for kind in _GENOME:
            if kind not in self.files:
                yield f"A {'file of genotypes' if kind == 'variants' else kind} is needed: add genome.{kind}."
        if not self.brains:
            yield "A brain table is needed: one row a subject, one column a feature; add it under brain."
        if self.genotypes is not None and not self.names_genes:
            yield f"Genes have to be chosen among {len(self.genotypes.genes):,}: set genome.genes."
        if self.genotypes is not None and self.genotypes.n_unphased:
            yield (
                "Unphased genotypes are refused where they stand in a window: phase them, or set genome.unphased "
                "(genebrain config --explain unphased)."
            )
        if self.samples and not any(table.components for table in self.tables):
            yield (
                "Ancestry makes links of its own: no table has its components; `genebrain ancestry` computes them "
                "from genotypes of the whole genome; add them to participants and confounds."
            )
        for table in self.tables:
            yield from self._needs_of(table)

    def _needs_of(self, table: Table) -> Iterator[str]:
        if self.samples and not self.n_shared(table):
            ours, theirs = sorted(self.samples)[:_SHOWN_IDS], list(table.frame.index[:_SHOWN_IDS])
            yield (
                f"Subjects need the same ids everywhere: none of {table.path.name} (such as {', '.join(theirs)}) is "
                f"genotyped (such as {', '.join(ours)})."
            )
        read = {*self.covariates.get(table, ()), *(table.features if table.is_brain else ())}
        if codes := [column for column in table.codes if column in read]:
            columns = ", ".join(codes[:_SHOWN_CODES])
            yield f"Codes for missing values have to be declared or kept: {columns} of {table.path.name}."


def read_study(paths: Sequence[Path]) -> Study:
    """Look at the files of a study; what is wrong with any of them is said at once.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders that hold them.

    Raises
    ------
    InputError
        A file cannot be read, or is nothing known.
    """
    files, problems = find_files(paths), Problems("What was given")
    genotypes, tables = None, []
    if all(kind in files for kind in _GENOME):
        with problems.gathered():
            genotypes = look_at_genotypes(*(files[kind] for kind in _GENOME))
    samples = () if genotypes is None else genotypes.genome.samples
    for path in files.get("table", ()):
        with problems.gathered():
            tables.append(read_table(path, samples))
    problems.tell()
    return Study(files, genotypes, tuple(tables))


def _name(path: Path, number: int) -> str:
    """A name for a view that is a folder everywhere."""
    name = re.sub(r"[\W-]+", "-", path.name.partition(".")[0])[: LONGEST // 2].strip("-_")
    return name if name and name[0].isalnum() else f"brain-{number + 1}"
