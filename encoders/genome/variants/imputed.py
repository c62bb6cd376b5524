"""Records of a VCF without called genotypes: which they are, and the best guess where that is the policy."""

# ruff: noqa: F722

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int64

from encoders.errors import InputError
from encoders.genome.variants.best_guess import (
    CALLED,
    Pairs,
    Sureness,
    are_probabilities,
    from_dosages,
    from_haplotype_dosages,
    from_probabilities,
)
from encoders.genome.variants.genotypes import GenotypeBlock

_KEYS = ("HDS", "GP", "DS")
"""What imputation writes, the most telling first: haplotype dosages, genotype probabilities, dosage of ALT."""


def uncalled(
    block: GenotypeBlock, texts: Sequence[tuple[str, str]], columns: Int64[np.ndarray, " n_subjects"]
) -> dict[int, tuple[str, Bool[np.ndarray, " n_subjects"]]]:
    """Records that no one called, or that no one called in some subjects although their dosage is known.

    Returns
    -------
    dict of int to (str, bool [n_subjects])
        Kind of each such record, and the subjects concerned.
    """
    found = {}
    for record, (keys, samples) in enumerate(texts):
        named = keys.split(":")
        if "GT" not in named:
            kind = "no FORMAT" if keys == "." else f"FORMAT {keys} and no GT"
            found[record] = kind, np.ones(len(columns), dtype=np.bool_)
            continue
        given = [key for key in _KEYS if key in named]
        absent: Bool[np.ndarray, " n_subjects"] = (block.alleles[record] < 0).any(axis=1)
        if given and absent.any():
            cells = samples.split("\t")
            known = [
                bool(hole) and any(_has_value(cells[columns[column]], named.index(key)) for key in given)
                for column, hole in enumerate(absent.tolist())
            ]
            if any(known):
                found[record] = f"GT missing beside {','.join(given)}", np.array(known, dtype=np.bool_)
    return found


def is_guessable(kind: str) -> bool:
    """Whether records of this kind (:func:`uncalled`) hold what a best guess needs."""
    return any(key in kind.replace(":", " ").replace(",", " ").split() for key in _KEYS)


def refuse_uncalled(kinds: Counter[str], n_records: int, first: str, place: str, *, guessable: bool) -> None:
    """Raise InputError with the counts of each kind of record.

    Parameters
    ----------
    kinds : Counter of str
    n_records : int
        All records of the place.
    first : str
        The first of them, as messages name it.
    place : str
    guessable : bool
        Whether the policy "best-guess" would help.
    """
    counts = ", ".join(f"{n} with {kind}" for kind, n in kinds.most_common())
    remedy = ", or choose dosages: best-guess" if guessable else ""
    raise InputError(
        f"Genotypes must be called (GT); {sum(kinds.values())} of {n_records} records in {place} are not: {counts} "
        f"(first {first}). Give called genotypes, leave these records out{remedy}."
    )


def guess(
    block: GenotypeBlock,
    texts: Sequence[tuple[str, str]],
    columns: Int64[np.ndarray, " n_subjects"],
    wanted: dict[int, tuple[str, Bool[np.ndarray, " n_subjects"]]],
) -> Int8[np.ndarray, "n_records n_subjects"]:
    """Write the best guess into the alleles of a block, and say how sure each is.

    Raises
    ------
    InputError
        If a record has nothing to guess from, or its values are no dosages or probabilities.
    """
    sureness = np.full(block.phased.shape, CALLED, dtype=np.int8)
    for record, (_, concerned) in wanted.items():
        keys, samples = texts[record]
        named, cells = keys.split(":"), samples.split("\t")
        usable = [key for key in _KEYS if key in named and (key == "GP" or len(block.alts[record]) == 1)]
        if not usable:
            raise InputError(
                f"A best guess of a record that has not one ALT needs GP; {block.describe(record)} has {keys}: split "
                "the record (bcftools norm -m -) or leave it out."
            )
        open_ = concerned.copy()
        for key in usable:
            rows = np.flatnonzero(open_)
            values = _values((cells[column] for column in columns[rows].tolist()), named.index(key))
            if values is None:  # "." throughout
                continue
            pairs, sure = guess_record(block, record, key, values)
            block.alleles[record, rows] = pairs
            block.phased[record, rows] = key == "HDS"
            sureness[record, rows] = sure
            open_[rows[sure != CALLED]] = False
    return sureness


def guess_record(
    block: GenotypeBlock, record: int, key: str, values: Float64[np.ndarray, "n_rows n_values"]
) -> tuple[Pairs, Sureness]:
    """Best guess of some subjects of one record from one kind of value: HDS, GP or DS.

    Raises
    ------
    InputError
        If there are not as many as the record needs, or they are no dosages or probabilities.
    """
    n_alleles = 1 + len(block.alts[record])
    given = ~np.isnan(values).all(axis=0)
    values = values[:, : int(np.flatnonzero(given)[-1]) + 1] if given.any() else values  # wider for other records
    width = {"HDS": 2 * (n_alleles - 1), "DS": n_alleles - 1, "GP": n_alleles * (n_alleles + 1) // 2}[key]
    most = 2 if key == "DS" else 1
    right = (
        values.shape[1] == width
        and (key == "GP" or n_alleles == 2)
        and not (np.nan_to_num(values) < 0).any()
        and not (values > most + 0.02).any()
    )
    if not right or (key == "GP" and not are_probabilities(values)):
        raise InputError(
            f"A best guess needs {width} values of {key} from 0 to {most}{' that sum to 1' * (key == 'GP')}; "
            f"{block.describe(record)} has others: repair the record or leave it out."
        )
    if key == "GP":
        return from_probabilities(values, n_alleles)
    return from_haplotype_dosages(values) if key == "HDS" else from_dosages(values[:, 0])


def _has_value(cell: str, place: int) -> bool:
    values = cell.split(":")
    return place < len(values) and values[place].strip(".,") != ""


def _values(cells: Iterable[str], place: int) -> Float64[np.ndarray, "n_rows n_values"] | None:
    """Numbers of one key, NaN where a sample has none; None where none has any."""
    rows = [cell.split(":")[place].split(",") if _has_value(cell, place) else [] for cell in cells]
    width = max(map(len, rows), default=0)
    if not width:
        return None
    padded = [[float("nan") if value == "." else float(value) for value in row] for row in rows]
    return np.array([row + [float("nan")] * (width - len(row)) for row in padded], dtype=np.float64)
