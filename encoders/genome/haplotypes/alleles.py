"""Which allele each haplotype takes at each record, under the policies for unphased and missing genotypes."""

# ruff: noqa: F722

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int32

from encoders.errors import InputError
from encoders.genome.variants.genotypes import GenotypeBlock

UnphasedPolicy = Literal["phased", "as-written", "iupac", "iupac-unphased", "alternate"]
MissingPolicy = Literal["reference", "N", "refuse"]

REFERENCE, MISSING = 0, -1
HOMOZYGOUS_REFERENCE = _FIRST_PAIR = -2
_PAIR_BASE = 1 << 15


def ploidy_of(unphased: UnphasedPolicy) -> int:
    """Sequences per subject: one where both alleles are written into one sequence."""
    return 1 if unphased in {"iupac", "alternate"} else 2


def check_policies(unphased: str, missing: str) -> None:
    """Refuse policies that do not exist.

    Raises
    ------
    InputError
    """
    for name, value, known in (
        ("unphased", unphased, get_args(UnphasedPolicy)),
        ("missing", missing, get_args(MissingPolicy)),
    ):
        if value not in known:
            raise InputError(
                f"The policy for {name} genotypes must be one of {', '.join(known)}; got {value!r}: choose one."
            )


def unpack_pair(code: int) -> tuple[int, int]:
    """The two alleles of a code below ``MISSING``, the smaller first."""
    return divmod(_FIRST_PAIR - code, _PAIR_BASE)


def choose_alleles(
    block: GenotypeBlock, *, unphased: UnphasedPolicy, missing: MissingPolicy
) -> Int32[np.ndarray, "n_records n_haplotypes"]:
    """Allele codes of every haplotype, subjects in the order of the block.

    Parameters
    ----------
    block : GenotypeBlock
    unphased : {"phased", "as-written", "iupac", "iupac-unphased", "alternate"}
        Refuse unphased heterozygotes; take the alleles in the order written; write both alleles of every genotype, or
        of the unphased ones, as IUPAC codes; take the first ALT wherever a subject carries one. Under "iupac" a
        homozygous reference genotype claims its bases, as in ``bcftools consensus -I``. "alternate" depends on no
        order: of two ALT the first of the record, and the known one of a half-missing genotype, where ``bcftools
        consensus -H A`` takes the last written and none.
    missing : {"reference", "N", "refuse"}

    Returns
    -------
    int32 [n_records, n_subjects * ploidy]
        0 for the reference, k for the k-th ALT, -1 for a missing allele that becomes N, below that a pair of alleles
        to be merged (:func:`unpack_pair`).

    Raises
    ------
    InputError
        If a genotype is refused: the message names the record and the subject.
    """
    absent: Bool[np.ndarray, "n_records n_subjects 2"] = block.alleles < 0
    if missing == "refuse":
        _refuse(block, absent[..., 0] | absent[..., 1], "a missing genotype", "choose missing: reference or N")
    written = np.where(absent, MISSING if missing == "N" else REFERENCE, block.alleles).astype(np.int32)
    if unphased == "phased":
        heterozygous: Bool[np.ndarray, "n_records n_subjects"] = written[..., 0] != written[..., 1]
        _refuse(
            block, heterozygous & ~block.phased, "an unphased heterozygote", "phase it or choose an unphased policy"
        )
    if unphased in {"phased", "as-written"}:
        return written.reshape(len(written), -1)
    if unphased == "alternate":
        return np.where(absent.all(axis=2), written[..., 0], _first_alternate(block))
    pairs = np.where(absent.all(axis=2), written[..., 0], _pairs(block))
    if unphased == "iupac":
        return pairs
    pairs[pairs == HOMOZYGOUS_REFERENCE] = REFERENCE
    return np.where(block.phased[..., None], written, pairs[..., None]).reshape(len(written), -1)


def _refuse(block: GenotypeBlock, refused: Bool[np.ndarray, "n_records n_subjects"], what: str, remedy: str) -> None:
    if refused.any():
        record, column = np.argwhere(refused)[0].tolist()
        raise InputError(
            f"Every genotype must have two known, phased alleles under these policies; {block.describe(record)} is "
            f"{what} in {block.subjects[column]}: {remedy}."
        )


def _first_alternate(block: GenotypeBlock) -> Int32[np.ndarray, "n_records n_subjects"]:
    carried = block.alleles.astype(np.int32)
    for record, alts in enumerate(block.alts):
        if "*" in alts:
            carried[record][carried[record] == alts.index("*") + 1] = REFERENCE
    none = np.iinfo(np.int32).max
    first = np.where(carried > 0, carried, none).min(axis=2)
    return np.where(first == none, REFERENCE, first).astype(np.int32)


def _pairs(block: GenotypeBlock) -> Int32[np.ndarray, "n_records n_subjects"]:
    """Codes of unordered allele pairs; the known allele stands for both in a half-missing genotype."""
    low, high = block.alleles.min(axis=2).astype(np.int32), block.alleles.max(axis=2).astype(np.int32)
    low = np.where(low < 0, high, low)
    carried = np.array([bool(alts) for alts in block.alts], dtype=bool)[:, None] | (high > 0)
    return np.where(carried & (high >= 0), _FIRST_PAIR - (low * _PAIR_BASE + high), REFERENCE).astype(np.int32)
