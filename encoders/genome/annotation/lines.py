"""Lines of a GTF or GFF3 file however it is named: plain or gzip by its bytes, UTF-8 or Latin-1, up to ##FASTA."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

from encoders.claims import bounded_lines
from encoders.damage import how_absent, which_packing
from encoders.errors import InputError
from encoders.genome.intervals import Interval

N_COLUMNS = 9
_GZIP = b"\x1f\x8b"
_BLOCKED = b"BC\x02\x00"
"""Extra field of a gzip member that bgzip wrote."""

_LAST_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_UTF8_MARK = "\xef\xbb\xbf"
_NOT_USED = {
    "UTR", "five_prime_UTR", "three_prime_UTR", "5UTR", "3UTR", "start_codon", "stop_codon", "Selenocysteine", "intron",
    "five_prime_utr", "three_prime_utr", "biological_region", "match", "cDNA_match",
}  # fmt: skip
"""Kinds of line that are no gene's, transcript's or exon's; they are most of a file's lines."""

_MOST_DIGITS = 12
"""Of a coordinate; the longest chromosome known needs 11."""

_WORD = re.compile(r'[^\s;,"=]+')
_MOST_UNREADABLE = 10_000


class Columns(NamedTuple):
    """The columns of a line that are used, as text; ``attributes`` is the ninth, ``phase`` the eighth."""

    number: int
    chrom: str
    kind: str
    first: str
    last: str
    strand: str
    attributes: str
    phase: str = "."

    def interval(self) -> Interval:
        """Place of the line, 0-based half-open; a strand that is open ("?" as well) is ".".

        Raises
        ------
        ValueError
            The columns hold no place.
        """
        for name, text in (("start", self.first), ("end", self.last)):
            if not text.isdecimal() or len(text) > _MOST_DIGITS:
                raise ValueError(f"its {name} is {text[:20]!r}, no whole number")
        if self.strand not in {"+", "-", ".", "?"}:
            raise ValueError(f"its strand is {self.strand[:20]!r}, none of + - . ?")
        if not 1 <= int(self.first) <= int(self.last):
            raise ValueError(f"it goes from {self.first} to {self.last}")
        return Interval(self.chrom, int(self.first) - 1, int(self.last), self.strand.replace("?", "."))


@dataclass
class UnreadableLines:
    """Lines of one file that cannot be read, and whom they concern: the genes that they name.

    A line that names none is held to be of the gene before it, as a line that was cut off is.
    """

    path: Path
    lines: list[tuple[int, str, frozenset[str]]] = field(default_factory=list)

    def add(self, number: int, why: str, text: str, before: str) -> None:
        """Keep a line.

        Raises
        ------
        InputError
            There are so many that the file is no annotation.
        """
        if len(self.lines) == _MOST_UNREADABLE:
            raise InputError(
                f"An annotation is GTF or GFF3; {self.path} has more than {_MOST_UNREADABLE:,} lines that are neither, "
                f"the first of them line {self.lines[0][0]} ({self.lines[0][1]}): give a complete GTF or GFF3 file."
            )
        self.lines.append((number, why, frozenset(_WORD.findall(text)) | {f"before:{word}" for word in words(before)}))

    def concerning(self, names: set[str], known: set[str]) -> tuple[int, str] | None:
        """Number and fault of the first line that concerns one of ``names``.

        Parameters
        ----------
        names : set of str
            Identifiers of one gene and its transcripts.
        known : set of str
            Identifiers of all genes of the file: a line that names one of them concerns no other.
        """
        for number, why, found in self.lines:
            concerned = found if not known.isdisjoint(found) else {word.removeprefix("before:") for word in found}
            if not names.isdisjoint(concerned):
                return number, why
        return None


def words(text: str) -> set[str]:
    """Everything in an attributes column that may be an identifier."""
    return set(_WORD.findall(text))


def read_columns(path: Path, unreadable: UnreadableLines | None = None) -> Iterator[Columns]:
    """Columns of every line, remarks and the sequences after ``##FASTA`` left out.

    Parameters
    ----------
    path : Path
    unreadable : UnreadableLines, optional
        Takes the lines that have no nine columns.

    Raises
    ------
    InputError
        The file is missing, no text, cut or damaged.
    """
    before = ""
    with _readable(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                line = line.removeprefix(_UTF8_MARK)
            columns = line.split("\t", N_COLUMNS - 1)
            if len(columns) == N_COLUMNS and line[0] not in "#>":
                before = columns[8] if line.isascii() else decoded(columns[8])
                if columns[2] not in _NOT_USED:
                    yield Columns(
                        number, columns[0], columns[2], columns[3], columns[4], columns[6], before, columns[7]
                    )
            elif line.startswith((">", "##FASTA")):
                return
            elif not line.startswith("#") and not line.isspace():
                columns = line.split(None, N_COLUMNS - 1) if "\t" not in line else columns
                if len(columns) == N_COLUMNS:  # tabs that became blanks where the text was copied
                    before = decoded(columns[8])
                    yield Columns(
                        number, columns[0], columns[2], columns[3], columns[4], columns[6], before, columns[7]
                    )
                elif unreadable is not None:
                    unreadable.add(
                        number, f"it has {len(columns)} columns instead of {N_COLUMNS}", decoded(line), before
                    )


def read_header(path: Path) -> list[str]:
    """Lines from the first on that are remarks, and the one after them.

    Raises
    ------
    InputError
        As `read_columns`.
    """
    lines: list[str] = []
    with _readable(path) as file:
        for line in file:
            lines.append(decoded(line.removeprefix(_UTF8_MARK)))
            if not lines[-1].startswith("#"):
                break
    return lines


@contextmanager
def _readable(path: Path) -> Iterator[Iterator[str]]:
    """The file's lines, each byte one letter (see `decoded`); what ends their reading is told in a sentence."""
    try:
        with _open(path) as file:
            yield bounded_lines(file, path)
    except EOFError as error:
        raise InputError(f"The annotation {path} is cut short: its gzip has no end. Download it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"The annotation {path} is a damaged gzip ({error}): download it again.") from error
    except OSError as error:
        raise InputError(f"The annotation {path} cannot be read ({error.strerror}): correct the path.") from error


def decoded(text: str) -> str:
    """Text of a line as it was meant: UTF-8 where its bytes are, else Latin-1, in which any bytes are text."""
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def _open(path: Path) -> TextIOWrapper:
    if not path.is_file():
        raise InputError(f"The annotation {path} {how_absent(path)}: correct the path.")
    with path.open("rb") as file:
        head = file.read(18)
        if head.startswith(_GZIP) and _BLOCKED in head:
            file.seek(-min(len(_LAST_BLOCK), path.stat().st_size), 2)
            if file.read() != _LAST_BLOCK:
                raise InputError(f"The annotation {path} is cut short: its bgzip has no end. Download it again.")
    if form := which_packing(head):
        raise InputError(f"An annotation is text, plain or gzip; {path} is {form}: unpack it, or save it as UTF-8.")
    # Latin-1 is the fastest way from bytes to lines; those with other letters than ASCII are decoded again
    return gzip.open(path, "rt", encoding="latin-1") if head.startswith(_GZIP) else path.open(encoding="latin-1")
