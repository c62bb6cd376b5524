"""Contrastive alignment: the loss by its definition, models that do not know of one another, what is found and not."""

from typing import Any

import numpy as np
import pytest
import torch

from analyses.alignment.contrastive import ContrastiveMethod
from analyses.alignment.towers import info_nce
from fusion import make_folds
from fusion.methods import LinearMethod, cross_validated_methods
from fusion.methods.method import LearningRows

N, P, Q = 170, 2, 3
Array = np.ndarray[Any, Any]
METHODS = {"linear": LinearMethod(), "contrastive": ContrastiveMethod(hidden=24, width=8)}


def _views(kind: str, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, P)), rng.standard_normal((N, Q))
    links = {"line": x[:, 0], "square": (x[:, 0] ** 2 - 1) / np.sqrt(2), "none": np.zeros(N)}
    y[:, 0] += 2.0 * links[kind]
    return x, y


def _test(kind: str, **settings: Any) -> dict[str, Any]:
    folds = make_folds(N, 3, random_state=0)
    chosen: dict[str, Any] = {"n_permutations": 19, "random_state": 1, "n_bootstrap": 99} | settings
    found = cross_validated_methods(*_views(kind), methods=METHODS, folds=folds, dimensions=(P, Q), **chosen)
    return dict(found.methods)


def test_the_loss_is_cross_entropy_both_ways() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.nn.functional.normalize(torch.randn(2, 7, 3, generator=generator), dim=-1) for _ in range(2))
    scale = torch.tensor([2.0, 9.0])[:, None, None]
    expected = []
    for one, other, times in zip(x, y, scale, strict=True):
        logits, partner = times * one @ other.T, torch.arange(7)
        both = [torch.nn.functional.cross_entropy(side, partner) for side in (logits, logits.T)]
        expected.append(sum(both) / 2)
    np.testing.assert_allclose(info_nce(x, y, scale.log()), expected, rtol=1e-5)


def test_a_square_is_found_that_linear_cca_does_not_see() -> None:
    found = _test("square")
    assert found["contrastive"].p == (0.05, 0.05)
    assert found["contrastive"].rho[0] > found["linear"].rho[0] + 0.3
    assert found["linear"].p[0] > 0.05


def test_on_a_line_linear_cca_is_no_worse_and_nothing_is_found_in_nothing() -> None:
    line, none = _test("line"), _test("none")
    assert line["linear"].rho[0] > line["contrastive"].rho[0] - 0.03
    assert line["contrastive"].p[0] == 0.05
    assert min(none["contrastive"].p) > 0.05


def test_a_model_is_the_same_whoever_is_trained_beside_it_and_the_same_again() -> None:
    x, y = _views("square")
    train = np.arange(0, N - 40)
    rows = LearningRows(train, [(train[:100], train[100:])], seed=4)
    others = np.random.default_rng(9).standard_normal((3, N, P))
    method = METHODS["contrastive"]
    alone, beside, again = (method(np.stack(list(views)), y, rows) for views in ([x], [x, *others], [x, *others]))
    np.testing.assert_array_equal(beside[0], again[0])
    for one, other in zip(alone, beside, strict=True):
        assert abs(np.corrcoef(one[0, :, 0], other[0, :, 0])[0, 1]) > 0.99


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_finds_the_same() -> None:
    x, y = _views("square")
    train = np.arange(0, N - 40)
    rows = LearningRows(train, [(train[:100], train[100:])], seed=4)
    here, there = (ContrastiveMethod(device=device)(x[np.newaxis], y, rows) for device in ("cpu", "cuda"))
    assert abs(np.corrcoef(here[0][0, :, 0], there[0][0, :, 0])[0, 1]) > 0.95
