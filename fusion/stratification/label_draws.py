"""Labels of strata drawn anew given confounds: whoever is like a case in age and site gets a case's label as often.

Labels that change places freely break what ties them to confounds, and a coupling that follows a confound (a noisier
site with more cases in it) would pass for one that follows the label. Here two subjects change labels with the odds
that their confounds give, so that the labels that are drawn lie on confounds as the observed ones do.
"""

# ruff: noqa: F722

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from fusion.arrays import Positions
from fusion.errors import NotDefinedError
from fusion.permutation.exchangeability import Blocks, exchange_classes
from fusion.permutation.projections import nuisance_basis

N_STEPS = 60
"""Exchanges in which everybody may take part once, from the observed labels to the hub and from there to each draw."""
LEAST_CHANGED = 0.1
"""Share of the labels that would change without confounds below which confounds tell the strata."""


@dataclass(frozen=True, eq=False)
class LabelDraws:
    """Labels of every subject in every draw.

    Attributes
    ----------
    labels : int array, shape [n_permutations + 1, n_subjects]
        The observed ones first; every draw has as many of each label, in every class of exchange.
    changed : float
        Share of labels that differ from the observed ones, of the share that would if confounds told nothing.
    """

    labels: Int64[np.ndarray, "n_draws n_subjects"]
    changed: float


Move = tuple[Positions, Positions]
"""Rows of units that may change labels with one another, [n_pairs, unit_size] each."""


def draw_labels(
    labels: Int64[np.ndarray, " n_subjects"],
    confounds: Float64[np.ndarray, "n_subjects R"] | None = None,
    *,
    assignments: Int64[np.ndarray, " n_subjects"],
    blocks: Blocks | None = None,
    n_permutations: int = 999,
    random_state: int | None = None,
) -> LabelDraws:
    """Draw labels from what they could have been, given confounds, their numbers and who may change places with whom.

    A chain of exchanges leads from the observed labels to a hub, and the same exchanges backwards from the hub to each
    draw, so that observed and drawn labels are exchangeable however few steps there are.

    Parameters
    ----------
    labels : int array, shape [n_subjects]
        Codes 0, 1, ... of strata.
    confounds : float64 array, shape [n_subjects, R], optional
        What the odds of a label follow, by multinomial logistic regression.
    assignments : int array, shape [n_subjects]
        Folds, inside which labels change places.
    blocks : Blocks, optional
        Families exchange their labels as wholes.
    n_permutations : int
    random_state : int, optional

    Raises
    ------
    NotDefinedError
        Hardly a label can change.

    References
    ----------
    Berrett, Wang, Barber & Samworth (2020), doi:10.1111/rssb.12340; Besag & Clifford (1989),
    doi:10.1093/biomet/76.4.633.

    Examples
    --------
    >>> from fusion.stratification.label_draws import draw_labels
    >>> import numpy as np
    >>> found = draw_labels(np.arange(40) % 2, assignments=np.arange(40) // 10, n_permutations=9, random_state=0)
    >>> found.labels.shape, set(found.labels.sum(axis=1).tolist())
    ((10, 40), {20})
    """
    classes, _ = exchange_classes(len(labels), blocks, assignments)
    free = _share_that_changes(labels, classes)
    if free == 0:
        raise NotDefinedError("no two subjects of different strata may change places: strata and blocks are the same")
    rng = np.random.default_rng(np.random.SeedSequence(random_state))
    moves = [move for _ in range(N_STEPS) for units in classes if len(units) > 1 for move in _pairs(units, rng)]
    log_odds = _log_odds(labels, confounds)
    hub = _exchange(labels[np.newaxis].copy(), moves, log_odds, rng)
    drawn = _exchange(np.repeat(hub, n_permutations, axis=0), moves[::-1], log_odds, rng)
    changed = float((drawn != labels).mean()) / free
    if changed < LEAST_CHANGED:
        raise NotDefinedError(
            f"confounds tell the strata apart ({100 * min(changed, 1):.0f} % of the labels that could be exchanged are "
            "like enough to be)"
        )
    return LabelDraws(np.concatenate([labels[np.newaxis], drawn]), min(changed, 1.0))


def _pairs(units: Positions, rng: np.random.Generator) -> list[Move]:
    """A random half of the units of a class against the other half."""
    shuffled = units[rng.permutation(len(units))]
    half = len(units) // 2
    return [(shuffled[:half], shuffled[half : 2 * half])]


def _exchange(
    state: Int64[np.ndarray, "n_draws n_subjects"],
    moves: Sequence[Move],
    log_odds: Float64[np.ndarray, "n_subjects n_strata"],
    rng: np.random.Generator,
) -> Int64[np.ndarray, "n_draws n_subjects"]:
    """Barker's rule: a pair changes labels with the probability that its labels are the exchanged ones."""
    for left, right in moves:
        mine, theirs = state[:, left], state[:, right]
        gain = (log_odds[left, theirs] + log_odds[right, mine] - log_odds[left, mine] - log_odds[right, theirs]).sum(
            axis=2
        )
        swapped = (rng.random(gain.shape) < 1 / (1 + np.exp(-np.clip(gain, -500, 500))))[:, :, np.newaxis]
        state[:, left], state[:, right] = np.where(swapped, theirs, mine), np.where(swapped, mine, theirs)
    return state


def _share_that_changes(labels: Int64[np.ndarray, " n_subjects"], classes: Sequence[Positions]) -> float:
    """Share of labels that differ from the observed ones where units change places freely."""
    differing = 0.0
    for units in classes:
        for place in range(units.shape[1]):
            shares = np.bincount(labels[units[:, place]]) / len(units)
            differing += len(units) * (1 - float((shares**2).sum()))
    return min(differing / len(labels), 1.0)


def _log_odds(
    labels: Int64[np.ndarray, " n_subjects"], confounds: Float64[np.ndarray, "n_subjects R"] | None
) -> Float64[np.ndarray, "n_subjects n_strata"]:
    n_strata = int(labels.max()) + 1
    if confounds is None:
        return np.zeros((len(labels), n_strata))
    from sklearn.linear_model import LogisticRegression

    columns = nuisance_basis(len(labels), confounds)[:, 1:] * np.sqrt(len(labels))
    if not columns.shape[1]:
        return np.zeros((len(labels), n_strata))
    model = LogisticRegression(max_iter=1000).fit(columns, labels)
    return np.asarray(model.predict_log_proba(columns))
