"""From scores of bases to motifs (DNABERT-viz, https://doi.org/10.1093/bioinformatics/btab083).

Runs of high scores in the positive sequences are candidates; those that occur in more positive than negative
sequences are kept, like ones are merged, and windows around their instances give a matrix. The candidates are chosen
in the sequences that the test then counts: the p-values rank motifs, and are a test only on sequences kept apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from encoders.errors import InputError

BASES = "ACGT"
HIGH_RATIO = 10.0
"""A base is high above the mean and above so many times the least score."""

Scores = Float64[np.ndarray, " _n_bases"]
Counts = Float64[np.ndarray, "window 4"]


@dataclass(frozen=True, slots=True)
class Region:
    """Bases ``start`` to ``end`` (0-based, half-open) of the positive sequence ``sequence``."""

    sequence: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MotifSettings:
    """What counts as a motif.

    Attributes
    ----------
    min_length : int
        Shortest run of high scores, in bases.
    max_fdr : float
        Largest p-value after Benjamini and Hochberg.
    window : int
        Bases around the middle of an instance that enter the matrix.
    min_instances : int
        Fewest instances whose window lies within its sequence.
    """

    min_length: int = 5
    max_fdr: float | int = 0.005
    window: int = 24
    min_instances: int = 3

    def __post_init__(self) -> None:
        if min(self.min_length, self.window, self.min_instances) < 1 or not 0 < self.max_fdr <= 1:
            raise InputError(f"Settings of motifs must be positive, and max_fdr at most 1; got {self}.")


@dataclass(frozen=True, slots=True)
class Enrichment:
    """How often a motif occurs (each sequence counts once), and how surprising that is."""

    n_positive: int
    n_negative: int
    p_value: float
    p_fdr: float


@dataclass(frozen=True, slots=True)
class Motif:
    """A motif: its string, its test, and the windows around its instances, merged ones included."""

    bases: str
    enrichment: Enrichment
    instances: tuple[Region, ...]
    windows: tuple[str, ...] = field(repr=False)

    def counts(self) -> Counts:
        """How often A, C, G, T stand at each place of the window; other letters are left out."""
        letters = np.array([list(window) for window in self.windows])
        counts: Counts = (letters[:, :, None] == np.array(list(BASES))).sum(axis=0).astype(float)
        return counts

    def probabilities(self, pseudocount: float = 0.0) -> Counts:
        """Frequencies at each place; `pseudocount` is spread over the four bases."""
        counts = self.counts() + pseudocount / len(BASES)
        probabilities: Counts = counts / counts.sum(axis=1, keepdims=True)
        return probabilities


def find_motifs(
    positive: Sequence[str], negative: Sequence[str], scores: Sequence[Scores], settings: MotifSettings | None = None
) -> list[Motif]:
    """The whole pipeline.

    Parameters
    ----------
    positive, negative : sequence of str
        Sequences in upper case.
    scores : sequence of float array, shape (n_bases,)
        Of the bases of each positive sequence.
    settings : MotifSettings or None
        The defaults if not given.

    Returns
    -------
    list of Motif
        The smallest p-value first.

    Raises
    ------
    InputError
        There is nothing to compare, or a score's length is not that of its sequence.
    """
    settings = settings or MotifSettings()
    _check_sizes(positive, negative, scores)
    candidates: dict[str, list[Region]] = {}
    for index, (bases, values) in enumerate(zip(positive, scores, strict=True)):
        for start, end in high_regions(values, settings.min_length):
            if set(bases[start:end]) <= set(BASES):
                candidates.setdefault(bases[start:end], []).append(Region(index, start, end))
    tests = enrichment_test(positive, negative, list(candidates))
    kept = {bases: regions for bases, regions in candidates.items() if tests[bases].p_fdr < settings.max_fdr}
    motifs = []
    for bases, regions in merge_motifs(kept, settings.min_length).items():
        instances = _windows_of(regions, positive, settings.window)
        if len(instances) >= settings.min_instances:
            windows = tuple(positive[one.sequence][one.start : one.end] for one in instances)
            motifs.append(Motif(bases, tests[bases], tuple(instances), windows))
    return sorted(motifs, key=lambda motif: (motif.enrichment.p_fdr, motif.bases))


def high_regions(scores: Scores, min_length: int) -> list[tuple[int, int]]:
    """Runs, at least `min_length` long, of scores above their mean and above 10 times the least.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.dna.attribution.motifs import high_regions
    >>> high_regions(np.array([0, 5, 6, 7, 0, 0, 5, 0.0]), 3)
    [(1, 4)]
    """
    is_high = (scores > scores.mean()) & (scores > HIGH_RATIO * scores.min())
    edges = np.flatnonzero(np.diff(is_high, prepend=False, append=False))
    return [(start, end) for start, end in edges.reshape(-1, 2).tolist() if end - start >= min_length]


def enrichment_test(positive: Sequence[str], negative: Sequence[str], motifs: Sequence[str]) -> dict[str, Enrichment]:
    """Hypergeometric test that a motif's sequences are positive ones more often than by chance, and its FDR.

    Benjamini and Hochberg's adjustment (https://doi.org/10.1111/j.2517-6161.1995.tb02031.x) over all motifs given.
    """
    from scipy.stats import hypergeom
    from statsmodels.stats.multitest import multipletests

    if not motifs:
        return {}
    n_positive = np.array([sum(motif in bases for bases in positive) for motif in motifs])
    n_negative = np.array([sum(motif in bases for bases in negative) for motif in motifs])
    n_all = len(positive) + len(negative)
    p_values = hypergeom.sf(n_positive - 1, n_all, len(positive), n_positive + n_negative)
    p_fdr = multipletests(p_values, method="fdr_bh")[1]
    columns = zip(n_positive.tolist(), n_negative.tolist(), p_values.tolist(), p_fdr.tolist(), strict=True)
    return {motif: Enrichment(*row) for motif, row in zip(motifs, columns, strict=True)}


def merge_motifs(regions_of: Mapping[str, Iterable[Region]], min_length: int) -> dict[str, list[Region]]:
    """Merge motifs that align without gaps.

    From the shortest on, a motif joins each motif kept before it with which it has the most equal bases, if those
    are at least ``min_length - 1`` and half of the shorter motif; its regions are moved to where the kept motif lies.
    """
    merged: dict[str, list[Region]] = {}
    for motif in sorted(regions_of, key=len):
        aligned = {kept: _best_shift(motif, kept) for kept in merged}
        enough = {
            kept: shift
            for kept, (n_equal, shift) in aligned.items()
            if n_equal >= max(min_length - 1, min(len(motif), len(kept)) / 2)
        }
        best = max((aligned[kept][0] for kept in enough), default=0)
        joined = [kept for kept in enough if aligned[kept][0] == best]
        for kept in joined:
            starts = [(region.sequence, region.start + enough[kept]) for region in regions_of[motif]]
            merged[kept] += [Region(sequence, start, start + len(kept)) for sequence, start in starts]
        if not joined:
            merged[motif] = list(regions_of[motif])
    return merged


def _best_shift(motif: str, kept: str) -> tuple[int, int]:
    """Most equal bases over all shifts, and where `kept` then begins in `motif`; the smallest shift of equal ones."""
    shifts = sorted(range(1 - len(kept), len(motif)), key=lambda shift: (abs(shift), shift))
    n_equal = [
        sum(a == b for a, b in zip(motif[max(shift, 0) :], kept[max(-shift, 0) :], strict=False)) for shift in shifts
    ]
    best = int(np.argmax(n_equal))
    return n_equal[best], shifts[best]


def _windows_of(regions: Iterable[Region], positive: Sequence[str], window: int) -> list[Region]:
    """Windows around the middles of regions; those that leave their sequence are dropped."""
    widened = []
    for region in regions:
        start = region.start - (window - (region.end - region.start)) // 2
        if start >= 0 and start + window <= len(positive[region.sequence]):
            widened.append(Region(region.sequence, start, start + window))
    return widened


def _check_sizes(positive: Sequence[str], negative: Sequence[str], scores: Sequence[Scores]) -> None:
    if not positive or not negative:
        raise InputError(
            f"Motifs need positive and negative sequences; got {len(positive)} positive and {len(negative)} negative."
        )
    lengths, found = [len(bases) for bases in positive], [len(values) for values in scores]
    if lengths != found:
        raise InputError(
            f"Each of the {len(lengths)} positive sequences needs one score per base; "
            f"{len(found)} scores came, of which lengths differ. Compute the scores from these sequences."
        )
