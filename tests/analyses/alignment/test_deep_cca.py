"""Deep CCA: its loss is that of CCA, it finds what is curved and nothing in nothing, models do not know one another."""

from typing import Any

import numpy as np
import pytest
import torch

from analyses.alignment.deep_cca import DeepCCAMethod
from analyses.alignment.towers import total_correlation
from fusion import CanonicalCorrelation, make_folds
from fusion.methods import LinearMethod, cross_validated_methods
from fusion.methods.method import LearningRows

N, P, Q = 170, 2, 3
METHOD = DeepCCAMethod(hidden=24, width=2)


def _views(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((N, P)), rng.standard_normal((N, Q))
    y[:, 0] += 2.0 * {"square": (x[:, 0] ** 2 - 1) / np.sqrt(2), "none": np.zeros(N)}[kind]
    return x, y


def test_the_loss_is_the_sum_of_canonical_correlations() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 60, 3)), rng.standard_normal((2, 60, 3))
    y[1, :, 0] += x[1, :, 1]
    expected = [
        CanonicalCorrelation(3).fit(one, other).canonical_correlations_.sum() for one, other in zip(x, y, strict=True)
    ]
    found = total_correlation(torch.from_numpy(x), torch.from_numpy(y), 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["square", "none"])
def test_a_square_is_found_and_nothing_in_nothing(kind: str) -> None:
    folds = make_folds(N, 3, random_state=0)
    settings: dict[str, Any] = {"n_permutations": 19, "random_state": 1, "n_bootstrap": 99, "dimensions": (P, Q)}
    methods = {"linear": LinearMethod(), "deep": METHOD}
    found = cross_validated_methods(*_views(kind), methods=methods, folds=folds, **settings).methods
    if kind == "square":
        assert found["deep"].p[0] == 0.05
        assert found["deep"].rho[0] > found["linear"].rho[0] + 0.3
    else:
        assert found["deep"].p[0] > 0.05


def test_a_model_is_the_same_whoever_is_trained_beside_it() -> None:
    x, y = _views("square")
    train = np.arange(0, N - 40)
    rows = LearningRows(train, [(train[:100], train[100:])], seed=4)
    others = np.random.default_rng(9).standard_normal((3, N, P))
    alone, beside = (METHOD(np.stack(list(views)), y, rows) for views in ([x], [x, *others]))
    for one, other in zip(alone, beside, strict=True):
        assert abs(np.corrcoef(one[0, :, 0], other[0, :, 0])[0, 1]) > 0.99
