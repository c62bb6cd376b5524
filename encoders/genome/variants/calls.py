"""Sample columns of VCF records, read as bytes: alleles and phase of many samples at once."""

# ruff: noqa: F722

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int16, Int64, UInt8

MISSING = -1
_TAB, _COLON, _DOT, _ZERO, _PIPE, _SLASH = b"\t:.0|/"
_WIDTH = len("0|1\t")
_PAIR = re.compile(r"[|/]?(\.|\d+)[|/](\.|\d+)")


@dataclass(frozen=True)
class Calls:
    """Genotypes of consecutive records.

    Parameters
    ----------
    alleles : int16 [n_records, n_subjects, 2]
        -1 is missing.
    phased : bool [n_records, n_subjects]
    not_diploid : tuple of (record, column), optional
        The first call that has another number of alleles than two; a lone dot stands for two missing ones.
    """

    alleles: Int16[np.ndarray, "n_records n_subjects 2"]
    phased: Bool[np.ndarray, "n_records n_subjects"]
    not_diploid: tuple[int, int] | None


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
    not_diploid = None
    even = _read_even(texts, columns, alleles, phased)
    for record in np.flatnonzero(~even).tolist():
        keys, samples = texts[record]
        if "GT" not in (named := keys.split(":")):
            continue
        wrong = _read_uneven(samples, named.index("GT"), columns, (alleles[record], phased[record]))
        if wrong is not None and not_diploid is None:
            not_diploid = record, wrong
    return Calls(alleles, phased, not_diploid)


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
    whole = len(columns) == table.shape[1] and bool((columns == np.arange(len(columns))).all())
    return table if whole else table[:, columns]


def _read_uneven(
    samples: str,
    place: int,
    columns: Int64[np.ndarray, " n_subjects"],
    into: tuple[Int16[np.ndarray, "n_subjects 2"], Bool[np.ndarray, " n_subjects"]],
) -> int | None:
    """Fill one record of any form; the first column that is not diploid, if there is one.

    Genotypes of one digit an allele are read together wherever GT stands first, the others one by one.
    """
    alleles, phased = into
    text = np.frombuffer(f"{samples}\t   ".encode(), dtype=np.uint8)
    ends = np.flatnonzero(text == _TAB)
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
        if pair is None:
            wrong = column if wrong is None else wrong
        else:
            alleles[column], phased[column] = pair[:2], pair[2]
    return wrong


@lru_cache(maxsize=4096)
def _parse(genotype: str) -> tuple[int, int, bool] | None:
    """Two alleles and whether both are phased; from VCF 4.4 on the first may be written with a phase of its own."""
    if genotype == ".":
        return MISSING, MISSING, False
    if (found := _PAIR.fullmatch(genotype)) is None:
        return None
    first, second = (MISSING if allele == "." else int(allele) for allele in found.groups())
    return first, second, "/" not in genotype


def _is_allele(letters: UInt8[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    found: Bool[np.ndarray, ...] = ((letters >= _ZERO) & (letters < _ZERO + 10)) | (letters == _DOT)
    return found


def _is_separator(letters: UInt8[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    found: Bool[np.ndarray, ...] = (letters == _PIPE) | (letters == _SLASH)
    return found


def _number(letters: UInt8[np.ndarray, "..."]) -> Int16[np.ndarray, "..."]:
    return np.where(letters == _DOT, MISSING, letters.astype(np.int16) - _ZERO).astype(np.int16)
