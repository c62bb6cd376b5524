"""On which strand an ortholog was written down, told by the k-mers that it shares with another species' sequence."""

from encoders.genome.sequences import reverse_complement

K = 11


def is_other_strand(sequence: str, reference: str, k: int = K) -> bool:
    """Whether the reverse complement of a sequence shares more k-mers with a reference than the sequence does.

    Parameters
    ----------
    sequence, reference : str
        Upper case.

    Examples
    --------
    >>> from encoders.genome.orthologs.strands import is_other_strand
    >>> is_other_strand("TTGCATTGCA", "TGCAATGCAA", k=5)
    True
    >>> is_other_strand("AAAA", "CCCC")
    False
    """
    known = _kmers(reference, k)
    return len(_kmers(reverse_complement(sequence), k) & known) > len(_kmers(sequence, k) & known)


def _kmers(bases: str, k: int) -> set[str]:
    return {bases[at : at + k] for at in range(len(bases) - k + 1)}
