"""Variant files and genes as a command line names them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from analyses.errors import InputError

VARIANT_SUFFIXES = (".vcf.gz", ".vcf.bgz", ".bcf", ".pgen", ".bgen", ".vcz", ".zarr", ".vcz.zip")


def find_variants(paths: Sequence[Path]) -> list[Path]:
    """Variant files; a folder that is no Zarr stands for all variant files in it, by name.

    Raises
    ------
    InputError
        If a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and not any((path / name).exists() for name in (".zgroup", "zarr.json", "call_genotype")):
            inside = sorted(file for file in path.iterdir() if file.name.endswith(VARIANT_SUFFIXES))
            if not inside:
                raise InputError(f"Variant files are needed; the folder {path} holds none of {VARIANT_SUFFIXES}.")
            found += inside
        else:
            found.append(path)
    return found


def variant_parts(path: Path) -> list[Path]:
    """What belongs to a variant file beside itself: tables of PGEN and BGEN, all that a Zarr folder holds."""
    if path.is_dir():
        return sorted(part for part in path.rglob("*") if part.is_file())
    beside = {".pgen": (".pvar", ".pvar.zst", ".psam"), ".bgen": (".sample",)}.get(path.suffix, ())
    return [part for suffix in beside if (part := path.with_suffix(suffix)).is_file()]


def read_genes(given: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names separated by commas, or files with one a line; None (every gene) for none or for "all"."""
    if not given or list(given) == ["all"]:
        return None
    names: list[str] = []
    for text in given:
        names += _words(Path(text)) if "," not in text and os.path.isfile(text) else text.split(",")
    found = tuple(name.strip() for name in names if name.strip())
    if not found:
        raise InputError(f"Genes are named, or all; got {', '.join(map(repr, given))}: name one, or leave it out.")
    return found


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").split()
    except UnicodeDecodeError as error:
        raise InputError(f"A list of genes is text in UTF-8; {path} is not ({error}). Save it so.") from error
