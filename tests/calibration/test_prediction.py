"""Genes and brain together against either alone: how often one seems to add something to the other, and does not."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fusion import make_folds
from fusion.prediction import (
    Outcome,
    concatenated,
    contrast,
    discriminate,
    fit_linear,
    make_splits,
    paired_permutation,
    predict_splits,
    stacked,
)
from fusion.prediction.discrimination import CHANCE
from fusion.prediction.outcome import InnerFolds, Model
from tests.calibration.rates import Rates, assert_valid, reaches

pytestmark = pytest.mark.calibration

N, N_SETS, N_FRESH = 90, 200, 3000


ARMS: dict[str, tuple[tuple[int, ...], Callable[..., np.ndarray]]] = {
    "genes": ((0,), concatenated),
    "brain": ((1,), concatenated),
    "fusion": ((0, 1), concatenated),
    "stacked": ((0, 1), stacked),
}
"""Blocks of every arm, and how they are put together."""


def _learner(x: np.ndarray, part: Outcome, inner: InnerFolds) -> Model:
    return fit_linear(x, part, inner, (0.01, 1.0))


def _draw(seed: int, kind: str, effect: float, n: int) -> tuple[tuple[np.ndarray, np.ndarray], Outcome]:
    """Genes of 7 columns, one of which carries the effect, and a brain of 9 that carries nothing."""
    rng = np.random.default_rng(seed)
    genes, brain = rng.standard_normal((n, 7)), rng.standard_normal((n, 9))
    latent = effect * genes[:, 0] + rng.standard_normal(n)
    outcome = Outcome("continuous", latent) if kind == "number" else Outcome("binary", 1.0 * (latent > 0), ("a", "b"))
    return (genes, brain), outcome


def _p_values(seed: int, kind: str, effect: float) -> dict[str, float]:
    """Fusion, concatenated and stacked, less genes and less brain; genes carry the effect, the brain nothing."""
    blocks, outcome = _draw(seed, kind, effect, N)
    folds = make_folds(N, 4, random_state=seed)
    splits = make_splits(folds, outcome, np.ones(N, dtype=bool), inner_splits=3, random_state=seed)
    told = {}
    for name, (read, together) in ARMS.items():
        prediction = predict_splits(
            splits,
            outcome,
            lambda split, read=read, together=together: together(
                [blocks[k] for k in read], split.train, outcome.take(split.train), split.inner, _learner
            ),
        )
        told[name] = (discriminate(outcome, prediction), prediction)
    pairs = {f"{one} - {other}": (one, other) for one in ("fusion", "stacked") for other in ("genes", "brain")}
    family = {name: contrast(outcome, told[one], told[other]) for name, (one, other) in pairs.items()}
    p = {name: p for name, (p, _) in paired_permutation(family, np.arange(N), n_permutations=399).items()}
    better = {
        f"{one} better than genes": p[f"{one} - genes"] if family[f"{one} - genes"].difference > 0 else 1.0
        for one in ("fusion", "stacked")
    }
    return better if effect else better | p


def _misses(seed: int, kind: str, effect: float) -> dict[str, float]:
    """Whether intervals hold what the folds' own models reach in the population, of which 3,000 more are drawn."""
    blocks, everybody = _draw(seed, kind, effect, N + N_FRESH)
    outcome, fresh = everybody.take(np.arange(N)), everybody.take(np.arange(N, N + N_FRESH))
    folds = make_folds(N, 4, random_state=seed)
    splits = make_splits(folds, outcome, np.ones(N, dtype=bool), inner_splits=3, random_state=seed)
    shares = np.bincount(folds.assignments) / N
    told, truth = {}, dict.fromkeys(ARMS, 0.0)
    for name, (read, together) in ARMS.items():
        said = [
            together([blocks[k] for k in read], split.train, outcome.take(split.train), split.inner, _learner)
            for split in splits
        ]
        for share, one in zip(shares, said, strict=True):
            truth[name] += share * _reached(fresh, one[N:, 0])
        answers = iter(said)
        prediction = predict_splits(splits, outcome, lambda split, answers=answers: next(answers)[:N])
        told[name] = (discriminate(outcome, prediction), prediction)
    alone = np.arange(N)
    found = {name: (contrast(outcome, told[name]), truth[name] - CHANCE[outcome.kind]) for name in ARMS}
    found |= {
        f"{one} - genes": (contrast(outcome, told[one], told["genes"]), truth[one] - truth["genes"])
        for one in ("fusion", "stacked")
    }
    held = {name: one.interval(alone) for name, (one, _) in found.items()}
    return {name: float(held[name][0] <= found[name][1] <= held[name][1]) for name in found}


def _reached(fresh: Outcome, said: np.ndarray) -> float:
    if np.ptp(said) == 0:
        return CHANCE[fresh.kind]
    return float(
        np.corrcoef(fresh.values, said)[0, 1] if fresh.kind == "continuous" else roc_auc_score(fresh.values, said)
    )


@pytest.mark.parametrize("kind", ["class", "number"])
def test_prediction_of_a_null_outcome(rates: Rates, kind: str) -> None:
    for rate in rates(lambda seed: _p_values(seed, kind, 0.0), N_SETS).values():
        assert_valid(rate)


def test_prediction_noise_added_to_genes_that_predict(rates: Rates) -> None:
    """Noise makes the fusion worse, which may be found; it must not be found better."""
    for rate in rates(lambda seed: _p_values(seed, "number", 0.5), N_SETS).values():
        assert_valid(rate, limit=0.035)


@pytest.mark.parametrize(("kind", "effect"), [("class", 0.0), ("class", 1.0), ("number", 0.6)])
def test_prediction_interval_misses(rates: Rates, kind: str, effect: float) -> None:
    n_sets = 150 if kind == "class" else 500  # logistic regressions are slow
    for rate in rates(lambda seed: _misses(seed, kind, effect), n_sets).values():
        assert reaches(rate, 0.06)
