"""Gene sets: a GMT file, one set a line."""

from __future__ import annotations

from pathlib import Path

from analyses.errors import InputError
from encoders.tables.text_files import read_text


def read_gene_sets(path: Path) -> dict[str, tuple[str, ...]]:
    """Sets of a GMT file: name, description, genes, parted by tabs.

    Parameters
    ----------
    path : Path
        Plain or gzip.

    Returns
    -------
    dict of str to tuple of str
        Genes of every set by its name, each once, as they are written.

    Raises
    ------
    InputError, encoders.errors.InputError
        A line that is none, a name that comes twice, no text.
    """
    sets: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(read_text(path)[0].splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = (cell.strip() for cell in line.split("\t"))
        genes = tuple(dict.fromkeys(gene for gene in rest[1:] if gene))
        if not name or not genes:
            raise InputError(
                f"Every line of a GMT file holds a name, a description and genes, parted by tabs; line {number} of "
                f"{path} does not: correct it."
            )
        if not name.isprintable():
            raise InputError(
                f"Names of gene sets must be printable; line {number} of {path} has none such: correct it."
            )
        if name in sets:
            raise InputError(f"Names of gene sets must be unique; '{name}' comes twice in {path}: rename one.")
        sets[name] = genes
    return sets
