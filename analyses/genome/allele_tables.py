"""Carried alleles of a run, and tables of others joined to them by place and alleles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.errors import InputError
from encoders.genome.windows.callable_regions import CallableRegions
from encoders.genome.windows.carried_alleles import AlleleReader, CarriedAllele
from encoders.tables.text_files import read_text

if TYPE_CHECKING:
    import pandas as pd

    from analyses.config.inputs import GenomeConfig
    from analyses.genome.windows import Genome

_POSITION = re.compile("[1-9][0-9]{0,9}")
KEY = ("chrom", "pos", "ref", "alt")


def read_alleles(genome: Genome, config: GenomeConfig, subjects: tuple[str, ...]) -> list[CarriedAllele]:
    """Every allele that a subject of the cohort carries in a window, gene by gene."""
    masked = config.callable_regions is not None and config.outside_callable == "N"
    reader = AlleleReader(
        genome.reference,
        genome.panel,
        genome.variants,
        subjects,
        config.unit,
        config.window,
        config.promoter_flank,
        CallableRegions(config.callable_regions) if masked and config.callable_regions is not None else None,
    )
    return list(reader.read())


def name_allele(allele: CarriedAllele) -> str:
    """``chrom-pos-ref-alt``, 1-based, without the "chr" that some files write.

    Examples
    --------
    >>> import numpy as np
    >>> name_allele(CarriedAllele(0, 1, "chr20", 99, "A", "AT", np.zeros(3, np.int8), ()))
    '20-100-A-AT'
    """
    return make_key(allele.chrom, allele.position + 1, allele.ref, allele.alt)


def make_key(chrom: str, pos: int | str, ref: str, alt: str) -> str:
    """As `name_allele`."""
    return f"{chrom.removeprefix('chr')}-{pos}-{ref.upper()}-{alt.upper()}"


def read_annotations(path: Path) -> pd.DataFrame:
    """A table by the key of its alleles, plain or gzip; lines that begin with ## are remarks, of several rows of one
    allele the first is taken.

    Raises
    ------
    InputError
        It is no table with the columns chrom, pos, ref and alt.
    """
    import pandas as pd

    lines = enumerate(read_text(path)[0].split("\n"), start=1)
    table = [(number, line.split("\t")) for number, line in lines if not line.startswith("##") and line.strip()]
    names = [name.strip().lstrip("#") for name in table[0][1]] if table else []
    lower = [name.lower() for name in names]
    if twice := next((name for name in names if lower.count(name.lower()) > 1), None):
        raise InputError(
            f"Columns of variants.annotations must have a name each; {path} has '{twice}' twice: rename one."
        )
    if missing := [name for name in KEY if name not in lower]:
        raise InputError(
            f"variants.annotations must have the columns {', '.join(KEY)}; {path} lacks {', '.join(missing)} (it has "
            f"{', '.join(names[:8]) or 'none'}): write them as VCF does, separated by tabs."
        )
    places = [lower.index(name) for name in KEY]
    for number, row in table[1:]:
        if len(row) != len(names):
            raise InputError(
                f"Each row of variants.annotations must have {len(names)} cells; line {number} of {path} has "
                f"{len(row)}: correct it."
            )
        if not _POSITION.fullmatch(row[places[1]].strip()):
            raise InputError(
                f"Positions of variants.annotations must be whole numbers from 1; line {number} of {path} has "
                f"{row[places[1]][:40]!r}: correct it."
            )
    rows = [row for _, row in table[1:]]
    keys = [make_key(*(row[place].strip() for place in places)) for row in rows]
    columns = [place for place in range(len(names)) if place not in places]
    cells = {names[place]: [row[place] for row in rows] for place in columns}
    joined = pd.DataFrame(cells, index=pd.Index(keys, dtype=object), dtype=str)
    return joined[~joined.index.duplicated()]
