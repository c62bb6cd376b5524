"""What each file of a user's is, by its name and, where that leaves it open, by its first letters."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from analyses.errors import InputError
from analyses.genome.variant_paths import VARIANT_SUFFIXES

Kind = Literal[
    "reference", "annotation", "variants", "pedigree", "kinship table", "callable regions", "table", "arrays", "beside"
]

_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "variants": VARIANT_SUFFIXES,
    "reference": (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz", ".fa.bgz", ".fasta.bgz"),
    "annotation": (".gtf", ".gff", ".gff3", ".gtf.gz", ".gff.gz", ".gff3.gz"),
    "pedigree": (".fam", ".ped"),
    "kinship table": (".kin0", ".kin"),
    "callable regions": (".bed", ".bed.gz"),
    "arrays": (".npy", ".npz"),
    "table": (".tsv", ".csv", ".parquet"),
    # Indexes and tables that belong to another file, and what programs write of their runs.
    "beside": (
        ".fai", ".gzi", ".tbi", ".csi", ".bgi", ".pvar", ".pvar.zst", ".psam", ".sample", ".bim", ".log", ".md",
        ".json", ".yaml", ".yml",
    ),
}  # fmt: skip
_FIRST_LETTERS = 4096


def kind_of(path: Path) -> Kind | None:
    """What a file is; None where neither its name nor its first letters tell.

    Examples
    --------
    >>> kind_of(Path("GRCh38.fa.gz")), kind_of(Path("chr1.vcf.gz")), kind_of(Path("chr1.vcf.gz.tbi"))
    ('reference', 'variants', 'beside')
    """
    name = path.name.lower()
    for kind, suffixes in _SUFFIXES.items():
        if name.endswith(suffixes):
            return kind
    return _by_letters(path) if path.is_file() else None


def _by_letters(path: Path) -> Kind | None:
    first = _first_letters(path)
    if first.startswith(b"##fileformat=VCF"):
        return "variants"
    if first.startswith(b">"):
        return "reference"
    lines = [line for line in first.splitlines()[:-1] if line.strip() and not line.startswith(b"#")]
    if lines and all(len(line.split(b"\t")) == 9 and line.split(b"\t")[3].isdigit() for line in lines):
        return "annotation"
    return "table" if len(lines) > 1 and b"\0" not in first else None


def _first_letters(path: Path) -> bytes:
    with path.open("rb") as file:
        first = file.read(_FIRST_LETTERS)
    if not first.startswith(b"\x1f\x8b"):
        return first
    try:
        with gzip.open(path) as packed:
            return packed.read(_FIRST_LETTERS)
    except (OSError, EOFError, zlib.error):
        return b""


def find_files(given: Sequence[Path]) -> dict[Kind, list[Path]]:
    """Files by what they are; a folder stands for the files in it.

    Raises
    ------
    InputError
        Nothing is there, or a file that was named is nothing known.
    """
    found: dict[Kind, list[Path]] = {}
    for path, is_named in _listed(given):
        kind = kind_of(path)
        if kind is None and is_named:
            raise InputError(
                f"A reference, an annotation, genotypes or a table is required; {path} is none that is known by its "
                "name or its first letters: give its file the usual suffix, or write the configuration by hand."
            )
        if kind is not None and kind != "beside" and path not in found.get(kind, ()):
            found.setdefault(kind, []).append(path)
    if not found:
        raise InputError(f"Files of a study are required; there are none in {', '.join(map(str, given)) or 'nothing'}.")
    return found


def _listed(given: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    for path in given:
        if not path.exists():
            raise InputError(f"An existing file or folder is required; {path} does not exist. Correct the path.")
        if path.is_dir() and kind_of(path) != "variants":
            yield from ((inside, False) for inside in sorted(path.iterdir()) if inside.is_file())
        else:
            yield path, True
