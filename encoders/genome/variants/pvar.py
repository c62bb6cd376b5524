"""Records of a PVAR file, plain or zst; the only place where POS of a PVAR becomes 0-based."""

# ruff: noqa: F722

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.variants.genotypes import DELETION, find_end, find_lengths, spell_deletions
from encoders.genome.variants.source import overlapping

_COLUMNS = ("#CHROM", "POS", "REF", "ALT")


@dataclass(frozen=True)
class Records:
    """Records of one contig.

    Parameters
    ----------
    first : int
        Number of the first of them in the file.
    starts, ends : int64 [n_records]
        0-based half-open; END and SVLEN of symbolic alleles included.
    refs, alts : arrow arrays of str [n_records]
        ALT as written, alleles joined by commas.
    infos : arrow array of str [n_records], optional
    """

    first: int
    starts: Int64[np.ndarray, " n_records"]
    ends: Int64[np.ndarray, " n_records"]
    refs: Any
    alts: Any
    infos: Any = None

    @cached_property
    def _furthest(self) -> Int64[np.ndarray, " n_records"]:
        return np.maximum.accumulate(self.ends)

    @cached_property
    def allele_counts(self) -> Int64[np.ndarray, " n_records"]:
        """Alleles of each record, REF included; PGEN counts an absent ALT as one."""
        import pyarrow.compute as pc

        return np.asarray(pc.count_substring(self.alts, ",").to_numpy(zero_copy_only=False), dtype=np.int64) + 2

    def overlapping(self, interval: Interval) -> Int64[np.ndarray, " n_found"]:
        """Numbers of the records that overlap a region, within the contig."""
        return overlapping(self.starts, self.ends, self._furthest, interval)

    def alleles(self, number: int) -> tuple[str, tuple[str, ...]]:
        """REF and ALT of one record, upper case."""
        written = self.alts[number].as_py().upper()
        alts = () if written == "." else tuple(written.split(","))
        if self.infos is not None and DELETION in alts:
            info = self.infos[number].as_py()
            alts = spell_deletions(alts, find_lengths(info), find_end(info, int(self.starts[number])))
        return self.refs[number].as_py().upper(), alts


def read_pvar(path: Path) -> dict[str, Records]:
    """Every record, by contig.

    Raises
    ------
    InputError
        If the table cannot be read, has no records, or is not sorted.
    """
    import pyarrow as pa
    import pyarrow.csv as csv

    header, columns = _read_header(path)
    try:
        table = csv.read_csv(
            str(path) if path.suffix != ".zst" else pa.input_stream(str(path), compression="zstd"),
            read_options=csv.ReadOptions(skip_rows=header, column_names=columns),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                include_columns=[name for name in (*_COLUMNS, "INFO") if name in columns],
                column_types={name: pa.int64() if name == "POS" else pa.string() for name in columns},
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"The record table {path} cannot be read ({error}): copy it again.") from error
    if not len(table):
        raise InputError(f"The record table {path} has no records: give the PGEN of the study.")
    return _split(table.combine_chunks(), path)


def _read_header(path: Path) -> tuple[int, list[str]]:
    """Lines before the records, and the names of the columns."""
    number = 0
    try:
        for number, line in enumerate(_lines(path)):
            if line.startswith("##"):
                continue
            columns = line.rstrip("\n").split("\t")
            if set(_COLUMNS) <= set(columns):
                return number + 1, columns
            break
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The record table {path} cannot be read ({error}): copy it again.") from error
    raise InputError(
        f"A .pvar needs a header line with {', '.join(_COLUMNS)}; line {number + 1} of {path} has none: write it with "
        "plink2 --make-pgen."
    )


def _lines(path: Path) -> Iterator[str]:
    import io

    import pyarrow as pa

    if path.suffix != ".zst":
        with path.open() as file:
            yield from file
        return
    with pa.input_stream(str(path), compression="zstd") as stream, io.TextIOWrapper(stream) as text:
        yield from text


def _split(table: Any, path: Path) -> dict[str, Records]:
    chroms = table["#CHROM"].to_numpy()
    bounds = np.concatenate([[0], np.flatnonzero(chroms[1:] != chroms[:-1]) + 1, [len(chroms)]]).tolist()
    names = [str(chroms[first]) for first in bounds[:-1]]
    starts = table["POS"].to_numpy() - 1
    ends = _ends(table, starts)
    found = {}
    for name, first, last in zip(names, bounds, bounds[1:], strict=False):
        if name in found or (np.diff(starts[first:last]) < 0).any():
            raise InputError(
                f"Records must be sorted by contig and position; contig {name} of {path} is not: run plink2 "
                "--sort-vars."
            )
        columns = [name for name in ("REF", "ALT", "INFO") if name in table.column_names]
        texts = [table[column].chunk(0).slice(first, last - first) for column in columns]
        found[name] = Records(first, starts[first:last], ends[first:last], *texts)
    return found


def _ends(table: Any, starts: Int64[np.ndarray, " n_records"]) -> Int64[np.ndarray, " n_records"]:
    import pyarrow.compute as pc

    ends = starts + pc.utf8_length(table["REF"]).to_numpy()
    if "INFO" not in table.column_names:
        return np.asarray(ends, dtype=np.int64)
    for record in np.flatnonzero(pc.match_substring(table["ALT"], "<").to_numpy()).tolist():
        info, start = table["INFO"][record].as_py(), int(starts[record])
        lengths = [abs(length) for length in find_lengths(info) if length is not None]
        if (reach := max([find_end(info, start) or 0, *lengths])) > 0:
            ends[record] = start + 1 + reach
    return np.asarray(ends, dtype=np.int64)
