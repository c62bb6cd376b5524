"""Genes and brain together against either alone: how often one seems to add something to the other, and does not."""

from collections.abc import Callable

import numpy as np
import pytest

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
)
from tests.calibration.rates import assert_valid

pytestmark = pytest.mark.calibration

N, N_SETS = 90, 200
Rates = Callable[[Callable[[int], dict[str, float]], int], dict[str, float]]


def _p_values(seed: int, kind: str, effect: float) -> dict[str, float]:
    """Fusion less genes and less brain; genes carry the effect, the brain nothing."""
    rng = np.random.default_rng(seed)
    genes, brain = rng.standard_normal((N, 7)), rng.standard_normal((N, 9))
    latent = effect * genes[:, 0] + rng.standard_normal(N)
    outcome = Outcome("continuous", latent) if kind == "number" else Outcome("binary", 1.0 * (latent > 0), ("a", "b"))
    folds = make_folds(N, 4, random_state=seed)
    splits = make_splits(folds, outcome, np.ones(N, dtype=bool), inner_splits=2, random_state=seed)
    told = {}
    for name, blocks in {"genes": (genes,), "brain": (brain,), "fusion": (genes, brain)}.items():
        prediction = predict_splits(
            splits,
            outcome,
            lambda split, blocks=blocks: concatenated(
                blocks,
                split.train,
                outcome.take(split.train),
                split.inner,
                lambda x, part, inner: fit_linear(x, part, inner, (0.01, 1.0)),
            ),
        )
        told[name] = (discriminate(outcome, prediction), prediction)
    family = {name: contrast(outcome, told["fusion"], told[name]) for name in ("genes", "brain")}
    p = {name: p for name, (p, _) in paired_permutation(family, np.arange(N), n_permutations=399).items()}
    better = family["genes"].difference > 0
    return {"fusion - genes": p["genes"], "fusion better than genes": p["genes"] if better else 1.0} | (
        {} if effect else {"fusion - brain": p["brain"]}
    )


@pytest.mark.parametrize("kind", ["class", "number"])
def test_prediction_of_a_null_outcome(rates: Rates, kind: str) -> None:
    for rate in rates(lambda seed: _p_values(seed, kind, 0.0), N_SETS).values():
        assert_valid(rate, N_SETS)


def test_prediction_noise_added_to_genes_that_predict(rates: Rates) -> None:
    """Noise makes the fusion worse, which may be found; it must not be found better."""
    found = rates(lambda seed: _p_values(seed, "number", 0.5), N_SETS)
    assert_valid(found["fusion better than genes"], N_SETS, limit=0.035)
