"""Held-out correlations of two runs, one minus the other, where the same subjects in the same folds make it valid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.privacy.counts import show_count
from analyses.results.folder import Results
from analyses.results.headlines import Alignment
from analyses.results.serialisation import OptionalInterval, optional_interval
from analyses.results.subject_ids import PRIVATE, SUBJECTS, count_shared, read_subjects

if TYPE_CHECKING:
    from fusion.cross_validation.result import CrossValidatedCCA

_SMALLEST = 5
"""Counts of subjects below this are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDifference:
    """One alignment of one run minus one of another, in the same brain view.

    Attributes
    ----------
    view : str
    first_run, first, second_run, second : str
        Names of the runs and labels of the arms.
    difference : float
        Held-out rho_1 of the first minus that of the second.
    interval : tuple of float
        95 %; None, None where an arm has no valid one.
    p, p_corrected : float
        Two-sided; corrected over all differences that stand together (Holm 1979).
    dimensions : str
        Of both, where they differ: an arm that takes more is not the better one for that.
    """

    view: str
    first_run: str
    first: str
    second_run: str
    second: str
    difference: float
    interval: OptionalInterval
    p: float
    p_corrected: float
    dimensions: str


@dataclass(frozen=True, slots=True)
class Incomparable:
    """Two runs whose alignments cannot be subtracted, and why."""

    first_run: str
    second_run: str
    reason: str


def find_differences(
    runs: Sequence[tuple[str, Results]], *, seed: int = 0
) -> tuple[list[RunDifference], list[Incomparable]]:
    """Differences between every two runs, and which runs have none.

    Arms that both runs have by name are subtracted; of runs without a common arm every two.

    Parameters
    ----------
    runs : sequence of (name, Results)
        The earlier one is the first of a difference.
    seed : int
        Of the paired bootstrap and the paired permutations.

    Raises
    ------
    analyses.errors.InputError, fusion.errors.InputError
        Private files are damaged.
    """
    found: list[RunDifference] = []
    without: list[Incomparable] = []
    for (one, first), (other, second) in combinations(runs, 2):
        reason = _why_not(first.path, second.path)
        if reason is None:
            pairs = list(_pairs(first, second))
            paired = [pair for pair in pairs if _are_paired(*pair)]
            found += [_subtract((one, a), (other, b), seed) for a, b in paired]
            if not pairs:
                reason = "they have no brain view in common, by its name"
            elif len(paired) < len(pairs):
                n = len(pairs) - len(paired)
                reason = f"{n} of {len(pairs)} pairs of alignments were made in other folds, or scores are not kept"
        if reason is not None:
            without.append(Incomparable(one, other, reason))
    return _corrected(found), without


def _why_not(first: Path, second: Path) -> str | None:
    """What keeps rows of two runs from being those of the same subjects; None where nothing does."""
    lists = [folder / PRIVATE / SUBJECTS for folder in (first, second)]
    if not all(path.is_file() for path in lists):
        return "the private folder of one is not here, without which nothing tells that their subjects are the same"
    one, other = (read_subjects(path)["analysed"] for path in lists)
    if one == other:
        return None
    if sorted(one) == sorted(other):
        return "their subjects stand in another order"
    shared = count_shared(first, second)
    n = "nobody knows how many" if shared is None else show_count(shared, _SMALLEST)
    return f"their subjects are not the same ({len(one):,} and {len(other):,}, of whom {n} are in both)"


def _pairs(first: Results, second: Results) -> Iterator[tuple[Alignment, Alignment]]:
    arms = [{one.summary.arm for one in results.alignments} for results in (first, second)]
    common = arms[0] & arms[1]
    for a, b in product(first.alignments, second.alignments):
        is_asked = a.summary.arm == b.summary.arm if common else True
        if is_asked and a.summary.view == b.summary.view:
            yield a, b


def _are_paired(a: Alignment, b: Alignment) -> bool:
    """Whether a row of held-out scores is the same subject's in the same fold, and both are there."""
    has_folds = a.summary.held_out.folds_sha256 == b.summary.held_out.folds_sha256
    return has_folds and all(_scores_file(one).is_file() for one in (a, b))


def _subtract(first: tuple[str, Alignment], second: tuple[str, Alignment], seed: int) -> RunDifference:
    from fusion import paired_difference

    (one, a), (other, b) = first, second
    tested = paired_difference(_scores(a), _scores(b), random_state=seed)
    sizes = [f"{it.summary.dimensions.x_cca} x {it.summary.dimensions.y_cca}" for it in (a, b)]
    return RunDifference(
        view=a.summary.view,
        first_run=one,
        first=a.summary.arm_label,
        second_run=other,
        second=b.summary.arm_label,
        difference=tested.difference,
        interval=optional_interval(tested.interval),
        p=tested.p,
        p_corrected=tested.p,
        dimensions="" if sizes[0] == sizes[1] else f"{sizes[0]} and {sizes[1]} dimensions",
    )


def _scores(alignment: Alignment) -> CrossValidatedCCA:
    from fusion.cross_validation.result import CrossValidatedCCA

    found: CrossValidatedCCA = CrossValidatedCCA.load(_scores_file(alignment))
    return found


def _scores_file(alignment: Alignment) -> Path:
    return alignment.folder.parents[1] / PRIVATE / f"{alignment.name}.npz"


def _corrected(rows: Sequence[RunDifference]) -> list[RunDifference]:
    """Holm's correction: it asks nothing of how the differences depend on one another, as runs share subjects."""
    from statsmodels.stats.multitest import multipletests

    if not rows:
        return []
    p = multipletests([row.p for row in rows], method="holm")[1]
    return [replace(row, p_corrected=float(value)) for row, value in zip(rows, p, strict=True)]
