"""Sample columns of VCF records, read as bytes: alleles and phase of many samples at once."""

# ruff: noqa: F722

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from jaxtyping import Bool, Int16, Int64, UInt8

from encoders.genome.variants.genotypes import ONE_PHASE_SET

MISSING = -1
_TAB, _COLON, _DOT, _ZERO, _PIPE, _SLASH = b"\t:.0|/"
_ANOTHER_NUMBER = "another number"
_WIDTH = len("0|1\t")
_PHASE_KEYS = ("PSL", "PS")
_MOST_DIGITS = 4  # of the number of an allele; int16 holds no more
_PAIR = re.compile(r"[|/]?(\.|\d+)[|/](\.|\d+)")


class ShortRecordError(ValueError):
    """A record holds fewer samples than its header names."""


@dataclass(frozen=True)
class Calls:
    """Genotypes of consecutive records.

    Parameters
    ----------
    alleles : int16 [n_records, n_subjects, 2]
        -1 is missing.
    phased : bool [n_records, n_subjects]
    refused : tuple of (record, column, str), optional
        The first call that is no pair of alleles, and what it is; a lone dot stands for two missing ones.
    phase_sets : int64 [n_records, n_subjects], optional
        Number that FORMAT PS (or the list PSL) gives a phased heterozygote; None where no record has either.
    """

    alleles: Int16[np.ndarray, "n_records n_subjects 2"]
    phased: Bool[np.ndarray, "n_records n_subjects"]
    refused: tuple[int, int, str] | None
    phase_sets: Int64[np.ndarray, "n_records n_subjects"] | None


def read_calls(texts: Sequence[tuple[str, str]], columns: Int64[np.ndarray, " n_subjects"]) -> Calls:
    """Genotypes of some samples.

    Parameters
    ----------
    texts : sequence of (str, str)
        FORMAT and the sample columns of each record, joined by tabs.
    columns : int64 [n_subjects]
        Which samples, in which order.
    """
    alleles = np.full((len(texts), len(columns), 2), MISSING, dtype=np.int16)
    phased = np.zeros((len(texts), len(columns)), dtype=np.bool_)
    refused = None
    even = _read_even(texts, columns, alleles, phased)
    for record in np.flatnonzero(~even).tolist():
        keys, samples = texts[record]
        if "GT" not in (named := keys.split(":")):
            continue
        wrong = _read_uneven(samples, named.index("GT"), columns, (alleles[record], phased[record]))
        if wrong is not None and refused is None:
            refused = (record, *wrong)
    return Calls(alleles, phased, refused, _phase_sets(texts, columns, phased & (alleles[..., 0] != alleles[..., 1])))


def _phase_sets(
    texts: Sequence[tuple[str, str]],
    columns: Int64[np.ndarray, " n_subjects"],
    wanted: Bool[np.ndarray, "n_records n_subjects"],
) -> Int64[np.ndarray, "n_records n_subjects"] | None:
    """Phase sets of the genotypes that have a phase to speak of."""
    found = None
    for record, (keys, samples) in enumerate(texts):
        key = next((key for key in _PHASE_KEYS if key in keys.split(":")), None)
        if key is None:
            continue
        if found is None:
            found = np.full(wanted.shape, ONE_PHASE_SET, dtype=np.int64)
        place, cells = keys.split(":").index(key), samples.split("\t")
        for column in np.flatnonzero(wanted[record]).tolist():
            values = cells[columns[column]].split(":")
            found[record, column] = _set_number(values[place] if place < len(values) else ".")
    return found


def _set_number(text: str) -> int:
    """A number for the name of a phase set; those of PSL are texts, one for each allele."""
    if not text.strip(".,"):
        return ONE_PHASE_SET
    if text.isdecimal():
        return int(text)
    return -2 - int.from_bytes(blake2b(text.encode(), digest_size=7).digest())


def _read_even(
    texts: Sequence[tuple[str, str]],
    columns: Int64[np.ndarray, " n_subjects"],
    alleles: Int16[np.ndarray, "n_records n_subjects 2"],
    phased: Bool[np.ndarray, "n_records n_subjects"],
) -> Bool[np.ndarray, " n_records"]:
    """Fill the records whose samples are all written as ``0|1`` and nothing else; which ones these are."""
    even = np.zeros(len(texts), dtype=np.bool_)
    if not texts:
        return even
    width = (texts[0][1].count("\t") + 1) * _WIDTH
    chosen = np.array([n for n, (keys, samples) in enumerate(texts) if keys == "GT" and len(samples) + 1 == width])
    if not len(chosen):
        return even
    joined = "\t".join([texts[record][1] for record in chosen.tolist()] + [""]).encode()
    if len(joined) != len(chosen) * width:
        return even
    table = np.frombuffer(joined, dtype=np.uint8).reshape(len(chosen), -1, _WIDTH)
    regular = (table[:, :, 3] == _TAB).all(axis=1)
    first, between, second = (_take(table[:, :, place], columns) for place in range(3))
    regular &= (_is_allele(first) & _is_allele(second) & _is_separator(between)).all(axis=1)
    rows = chosen[regular]
    alleles[rows, :, 0], alleles[rows, :, 1] = _number(first[regular]), _number(second[regular])
    phased[rows] = between[regular] == _PIPE
    even[rows] = True
    return even


def _take(
    table: UInt8[np.ndarray, "n_records n_samples"], columns: Int64[np.ndarray, " n_subjects"]
) -> UInt8[np.ndarray, "n_records n_subjects"]:
    _check_samples(columns, table.shape[1])
    whole = len(columns) == table.shape[1] and bool((columns == np.arange(len(columns))).all())
    return table if whole else table[:, columns]


def _check_samples(columns: Int64[np.ndarray, " n_subjects"], n_samples: int) -> None:
    if len(columns) and columns.max() >= n_samples:
        raise ShortRecordError(f"a record has {n_samples} samples, fewer than the header")


def _read_uneven(
    samples: str,
    place: int,
    columns: Int64[np.ndarray, " n_subjects"],
    into: tuple[Int16[np.ndarray, "n_subjects 2"], Bool[np.ndarray, " n_subjects"]],
) -> tuple[int, str] | None:
    """Fill one record of any form; the first column that is no pair of alleles, if there is one, and what it is.

    Genotypes of one digit an allele are read together wherever GT stands first, the others one by one.
    """
    alleles, phased = into
    text = np.frombuffer(f"{samples}\t   ".encode(), dtype=np.uint8)
    ends = np.flatnonzero(text == _TAB)
    _check_samples(columns, len(ends))
    starts = np.concatenate([[0], ends[:-1] + 1])[columns]
    first, between, second, after = (text[starts + offset] for offset in range(_WIDTH))
    regular = _is_allele(first) & _is_separator(between) & _is_allele(second) & ((after == _TAB) | (after == _COLON))
    regular &= place == 0
    alleles[regular, 0], alleles[regular, 1] = _number(first[regular]), _number(second[regular])
    phased[regular] = between[regular] == _PIPE
    wrong = None
    fields = samples.split("\t") if not regular.all() else []
    for column in np.flatnonzero(~regular).tolist():
        parts = fields[columns[column]].split(":")
        pair = _parse(parts[place] if place < len(parts) else ".")
        if isinstance(pair, str):
            wrong = wrong or (column, pair)
        else:
            alleles[column], phased[column] = pair[:2], pair[2]
    return wrong


@lru_cache(maxsize=4096)
def _parse(genotype: str) -> tuple[int, int, bool] | str:
    """Two alleles and whether they are phased, or what is wrong with them.

    From VCF 4.4 on the first allele may be written with a phase of its own, which must be that of the second.
    """
    if genotype == ".":
        return MISSING, MISSING, False
    if (found := _PAIR.fullmatch(genotype)) is None:
        return _ANOTHER_NUMBER
    if any(len(allele) > _MOST_DIGITS for allele in found.groups()):
        return "an allele that no record has"
    first, second = (MISSING if allele == "." else int(allele) for allele in found.groups())
    if first != second and "|" in genotype and "/" in genotype:
        return f"one phased and one unphased ({genotype})"
    return first, second, "/" not in genotype


def _is_allele(letters: UInt8[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    found: Bool[np.ndarray, ...] = ((letters >= _ZERO) & (letters < _ZERO + 10)) | (letters == _DOT)
    return found


def _is_separator(letters: UInt8[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    found: Bool[np.ndarray, ...] = (letters == _PIPE) | (letters == _SLASH)
    return found


def _number(letters: UInt8[np.ndarray, "..."]) -> Int16[np.ndarray, "..."]:
    return np.where(letters == _DOT, MISSING, letters.astype(np.int16) - _ZERO).astype(np.int16)
