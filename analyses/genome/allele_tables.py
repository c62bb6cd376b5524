"""Carried alleles of a run, and tables of others joined to them by place and alleles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analyses.errors import InputError
from encoders.damage import refused_if_damaged
from encoders.genome.windows.callable_regions import CallableRegions
from encoders.genome.windows.carried_alleles import AlleleReader, CarriedAllele

if TYPE_CHECKING:
    import pandas as pd

    from analyses.config.inputs import GenomeConfig
    from analyses.genome.windows import Genome

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
    """A table by the key of its alleles; lines that begin with ## are remarks, of several rows of one allele the first
    is taken.

    Raises
    ------
    InputError
        It is no table with the columns chrom, pos, ref and alt.
    """
    import pandas as pd

    with refused_if_damaged(path, "a tab-separated table of variants"):
        lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("##") and line.strip()]
    rows = [line.split("\t") for line in lines]
    names = [name.strip().lstrip("#") for name in rows[0]] if rows else []
    lower = [name.lower() for name in names]
    if missing := [name for name in KEY if name not in lower]:
        raise InputError(
            f"variants.annotations must have the columns {', '.join(KEY)}; {path} lacks {', '.join(missing)} (it has "
            f"{', '.join(names[:8]) or 'none'}): write them as VCF does, separated by tabs."
        )
    if uneven := next((number for number, row in enumerate(rows, start=1) if len(row) != len(names)), None):
        raise InputError(
            f"Each row of variants.annotations must have {len(names)} cells; row {uneven} of {path} has "
            f"{len(rows[uneven - 1])}: correct it."
        )
    places = [lower.index(name) for name in KEY]
    keys = [make_key(*(row[place] for place in places)) for row in rows[1:]]
    columns = [place for place in range(len(names)) if place not in places]
    table = pd.DataFrame([[row[place] for place in columns] for row in rows[1:]], index=keys, dtype=str)
    table.columns = pd.Index([names[place] for place in columns])
    return table[~table.index.duplicated()]
