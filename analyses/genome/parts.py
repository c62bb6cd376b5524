"""Parts of a window table, made by several processes and joined: each is there whole or not at all."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.cluster.shards import Shard, deal
from analyses.config.inputs import GenomeConfig
from analyses.genome.windows import Genome, make_table, open_genome, summarise
from encoders.claims import unpack_gzip
from encoders.damage import refused_if_damaged
from encoders.genome.variants.reference_check import compare_reference_alleles, judge_agreement
from encoders.genome.variants.source import Site
from encoders.genome.windows.haplotype_windows import WindowTable
from encoders.genome.windows.merge import merge_window_tables
from encoders.publishing import published_folder

if TYPE_CHECKING:
    from analyses.progress import Advance
    from analyses.results.schema.runs import GenomeSummary
    from encoders.genome.intervals import Gene
    from encoders.genome.variants.reference_check import Agreement

_AGREEMENT = "agreement.json.gz"
#: A shard with fewer REF alleles that agree stops before it builds anything; the gate judges all shards together.
_HOPELESS = 0.5


@dataclass(frozen=True)
class WindowParts:
    """The parts of one window table. Small and picklable: a worker anywhere opens the files itself.

    Parameters
    ----------
    folder : Path
        ``windows/parts/<key>`` of the run; the key says what the windows depend on, so parts of other inputs or of
        other code are never taken for these.
    config : GenomeConfig
    subject_ids : tuple of str
    """

    folder: Path
    config: GenomeConfig
    subject_ids: tuple[str, ...]

    def path(self, shard: Shard) -> Path:
        """Folder of one part."""
        return self.folder / shard.name

    def write(self, shard: Shard, genome: Genome | None = None, *, progress: Advance | None = None) -> bool:
        """Make one part, unless it is there.

        Returns
        -------
        bool
            Whether there was anything to do: False for a part that is there, and for a shard without genes.

        Raises
        ------
        encoders.errors.InputError
            As :func:`analyses.genome.windows.count_windows`.
        """
        if self.path(shard).is_dir():
            return False
        opened = genome or open_genome(self.config)
        genes = self._shares(opened, shard.count)[shard]
        if not genes:
            return False
        part = replace(opened, panel=replace(opened.panel, genes=genes))
        agreement = compare_reference_alleles(part.reference, part.variants, [gene.interval for gene in genes])
        if agreement:
            judge_agreement(agreement, [gene.interval for gene in genes], minimum=_HOPELESS)
        table = make_table(part, self.config, self.subject_ids, progress=progress)
        with published_folder(self.path(shard), replace=False) as scratch:  # who comes second made the same part
            table.save(scratch / "table")
            _write_agreement(scratch / _AGREEMENT, agreement)
        return True

    def merge(self, genome: Genome, count: int) -> tuple[WindowTable, GenomeSummary]:
        """The table and summary of all parts, as :func:`analyses.genome.windows.count_windows` gives them.

        Raises
        ------
        encoders.errors.InputError
            A part is missing, or too few REF alleles agree with the reference over all parts.
        """
        folders = [self.path(shard) for shard, genes in self._shares(genome, count).items() if genes]
        agreement: dict[tuple[str, Site], Agreement] = {}
        for folder in folders:
            agreement |= _read_agreement(folder / _AGREEMENT)
        genes = genome.panel.genes
        gate = judge_agreement(agreement, [gene.interval for gene in genes])
        tables = [WindowTable.load(folder / "table") for folder in folders]
        table = merge_window_tables(tables, [gene.gene_id for gene in genes])
        return table, summarise(table, gate, genome)

    def missing(self, genome: Genome, count: int) -> list[Shard]:
        """Shards whose part is still to be made."""
        shares = self._shares(genome, count)
        return [shard for shard, genes in shares.items() if genes and not self.path(shard).is_dir()]

    def count(self) -> int | None:
        """Into how many shards the work was shared out, by the parts that are there; None where there are none."""
        found: dict[int, int] = defaultdict(int)
        for path in self.folder.glob("part-*-of-*"):
            if name := re.fullmatch(r"part-(\d+)-of-(\d+)", path.name):
                found[int(name[2])] += 1
        return max(found, key=lambda count: (found[count] / count, -count), default=None)

    def remove_others(self) -> None:
        """Remove parts of other inputs or other code, and what killed writers left."""
        old = [path for path in self.folder.parent.iterdir() if path.name != self.folder.name]
        for path in (*old, *self.folder.glob(".part-*")):
            shutil.rmtree(path, ignore_errors=True)  # another process may be removing it

    def _shares(self, genome: Genome, count: int) -> dict[Shard, tuple[Gene, ...]]:
        genes = genome.panel.genes
        dealt = deal([self._bases(gene) for gene in genes], count)
        return {shard: tuple(genes[number] for number in numbers) for shard, numbers in dealt.items()}

    def _bases(self, gene: Gene) -> int:
        """What a gene costs: the bases that are cut into windows."""
        if self.config.unit == "promoter":
            return 1
        return sum(map(len, gene.exons)) if self.config.unit == "exon" else len(gene.interval)


def _write_agreement(path: Path, agreement: dict[tuple[str, Site], Agreement]) -> None:
    rows = [[contig, *site[:3], str(site.path), *agrees] for (contig, site), agrees in agreement.items()]
    path.write_bytes(gzip.compress(json.dumps(rows).encode(), mtime=0))


def _read_agreement(path: Path) -> dict[tuple[str, Site], Agreement]:
    if not path.is_file():
        return {}
    with refused_if_damaged(path, "the agreement of a share of the work with the reference"):
        rows = json.loads(unpack_gzip(path))
        return {(row[0], Site(row[1], row[2], row[3], Path(row[4]))): (row[5], row[6], row[7]) for row in rows}
