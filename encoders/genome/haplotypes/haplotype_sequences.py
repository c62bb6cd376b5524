"""Haplotype sequences: alleles first, each distinct pattern of alleles resolved once."""

from collections import Counter
from collections.abc import Sequence

from encoders.errors import InputError
from encoders.genome.haplotypes.alleles import MissingPolicy, UnphasedPolicy, check_policies, ploidy_of
from encoders.genome.haplotypes.consensus import Edit
from encoders.genome.haplotypes.patterns import find_patterns, records_at_once
from encoders.genome.haplotypes.phase_sets import follow_phase_sets
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles


def apply_edits(sequence: str, edits: Sequence[Edit]) -> str:
    """The reference of a region with edits written into it.

    Examples
    --------
    >>> from encoders.genome.haplotypes.consensus import Edit
    >>> from encoders.genome.haplotypes.haplotype_sequences import apply_edits
    >>> apply_edits("ACGT", [Edit(1, 2, "T"), Edit(3, 3, "AA")])
    'ATGAAT'
    """
    pieces, done = [], 0
    for edit in edits:
        pieces += [sequence[done : edit.start], edit.text]
        done = edit.end
    return "".join([*pieces, sequence[done:]])


def haplotype_sequences(
    reference: Reference,
    variants: VariantFiles,
    interval: Interval,
    subjects: Sequence[str],
    *,
    unphased: UnphasedPolicy = "phased",
    missing: MissingPolicy = "reference",
) -> dict[str, tuple[str, ...]]:
    """Sequences of many subjects in one region, forward strand; equal haplotypes share one string.

    Parameters
    ----------
    reference : Reference
    variants : VariantFiles
    interval : Interval
    subjects : sequence of str
    unphased : {"phased", "as-written", "iupac", "iupac-unphased", "alternate"}
    missing : {"reference", "N", "refuse"}

    Returns
    -------
    dict of str to tuple of str
        Per subject two sequences, or one under "iupac" and "alternate"; as ``bcftools consensus`` 1.24 gives them but
        for ``*``, which changes nothing.

    Raises
    ------
    InputError
        If a subject, contig, genotype or allele cannot be used; the message names it.
    """
    return _spell(reference, variants, interval, subjects, unphased=unphased, missing=missing)


def _spell(
    reference: Reference,
    variants: VariantFiles,
    interval: Interval,
    subjects: Sequence[str],
    *,
    unphased: UnphasedPolicy,
    missing: MissingPolicy,
    only_copy: int | None = None,
) -> dict[str, tuple[str, ...]]:
    check_policies(unphased, missing)
    variants.check_samples(subjects)
    ploidy = ploidy_of(unphased)
    sequence = reference.fetch(interval)
    found = {subject: [sequence] * ploidy for subject in subjects}
    for members, chunks in variants.stream(interval, subjects, n_records=records_at_once(len(subjects))):
        followed = follow_phase_sets(chunks, [(interval.start, interval.end)], unphased=unphased, events=Counter())
        for pattern in find_patterns(
            sequence, interval.start, followed, unphased=unphased, missing=missing, only_copy=only_copy
        ):
            made = apply_edits(sequence, pattern.edits)
            for haplotype in pattern.haplotypes.tolist():
                column, copy = divmod(haplotype, ploidy)
                found[members[column]][copy] = made
    return {subject: tuple(copies) for subject, copies in found.items()}


def haplotype_sequence(
    reference: Reference,
    variants: VariantFiles,
    interval: Interval,
    subject: str,
    *,
    haplotype: int = 1,
    unphased: UnphasedPolicy = "phased",
    missing: MissingPolicy = "reference",
) -> str:
    """Sequence of one haplotype of one subject in one region, forward strand.

    Parameters
    ----------
    haplotype : int
        1 or 2; only 1 under the policies "iupac" and "alternate". The other one is not looked at, so that an allele
        which cannot be spelled stops only the haplotype that carries it.

    See Also
    --------
    haplotype_sequences : the same for many subjects, with the other parameters.
    """
    check_policies(unphased, missing)
    if not 1 <= haplotype <= ploidy_of(unphased):
        raise InputError(
            f"Under the policy {unphased} haplotypes are numbered 1 to {ploidy_of(unphased)}; got {haplotype}: "
            "choose one of them."
        )
    copy = haplotype - 1
    sequences = _spell(reference, variants, interval, [subject], unphased=unphased, missing=missing, only_copy=copy)
    return sequences[subject][copy]
