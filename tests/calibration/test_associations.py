"""Held-out scores beside outcomes that have none of them, and coupling that is the same in all strata."""

import numpy as np
import pytest
from scipy.stats import norm, pearsonr

from fusion import cross_validated_cca, make_folds
from fusion.association import Response, align_folds, associate_scores, combine_scores
from fusion.association.freedman_lane import two_sided
from fusion.confounds.coding import Confounds
from fusion.cross_validation.fold_embedding import embed_folds
from fusion.permutation.p_values import permutation_p, step_down_max_t
from fusion.stratification import compare_separate_models, compare_strata, draw_labels
from fusion.views.view import as_view
from tests.calibration.rates import Rates, assert_valid

pytestmark = pytest.mark.calibration

N, P, Q, R, N_SETS = 120, 5, 4, 3, 200
N_CASES = 36
QUICK = {"n_components": 2, "n_permutations": 1, "n_bootstrap": 2, "x_dimensions": P, "y_dimensions": Q}


def _cohort(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linked views and confounds that act on both."""
    z = rng.standard_normal((N, R))
    x = rng.standard_normal((N, P)) + z @ rng.standard_normal((R, P))
    y = rng.standard_normal((N, Q)) + z @ rng.standard_normal((R, Q))
    y[:, 0] += 0.6 * x[:, 0]
    return x, y, z


def _associated(kind: str, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    x, y, z = _cohort(rng)
    folds = make_folds(N, 4, random_state=seed)
    held_out = cross_validated_cca(x, y, z, folds=folds, random_state=seed, **QUICK)
    assert held_out.x_scores is not None
    assert held_out.y_scores is not None
    sides = [
        combine_scores(side, held_out.x_scores, held_out.y_scores, folds.assignments)
        for side in ("genes", "brain", "average")
    ]
    noise = rng.standard_t(2, N) if kind == "t(2)" else rng.standard_normal(N)
    latent = z @ np.ones(R) + noise
    known = np.ones(N, dtype=bool)
    case = Response("binary", 1.0 * (latent > 0.5), known)
    responses = {"amount": Response("continuous", latent, known), "case": case}
    found = associate_scores(
        np.hstack(sides), responses, z, assignments=folds.assignments, n_permutations=199, random_state=seed
    )
    draws = two_sided(list(found.statistics.values()))
    return {
        "any, corrected": float(step_down_max_t(draws).min()),
        "brain score, amount": float(permutation_p(draws)[2]),
        "naive: any, uncorrected": float(permutation_p(draws).min()),
        "naive: confounds left in": pearsonr(_in_sample(x, y), latent).pvalue,
    }


def _in_sample(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """First score of y by weights of the whole cohort, confounds and all."""
    left, right = (np.linalg.qr(side - side.mean(axis=0))[0] for side in (x, y))
    return np.asarray(right @ np.linalg.svd(left.T @ right)[2][0])


@pytest.mark.parametrize("kind", ["normal", "t(2)"])
def test_association_of_a_null_outcome(kind: str, rates: Rates) -> None:
    found = rates(lambda seed: _associated(kind, seed), N_SETS)
    for name in ("any, corrected", "brain score, amount"):
        assert_valid(found[name])


def _site_sets(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Views, confounds and labels that know nothing of coupling, given the confounds.

    Either one site has more of the cases, is noisier, and may alone be coupled; or one stratum holds fewer subjects.
    """
    x, y, z = _cohort(rng)
    if kind == "few cases":
        return x, y, z, rng.permutation(np.repeat([0, 1], [N - N_CASES, N_CASES]))
    site = rng.integers(0, 2, N)
    y += (1 + site)[:, None] * rng.standard_normal((N, Q)) * np.where(site, 1.0, 0.2)[:, None]
    if kind == "one site is coupled":
        y[:, 0] += np.where(site, 4.0, -0.6) * x[:, 0]
    labels = (rng.random(N) < np.where(site == 1, 0.75, 0.25)).astype(np.int64)
    return x, y + 0.7 * labels[:, None], np.column_stack([z, site]), labels


def _stratified(kind: str, seed: int) -> dict[str, float]:
    x, y, confounds, labels = _site_sets(np.random.default_rng(seed), kind)
    folds = make_folds(N, 3, stratify=labels, random_state=seed)
    held_out = cross_validated_cca(x, y, confounds, folds=folds, random_state=seed, **QUICK)
    assert held_out.x_scores is not None
    assert held_out.y_scores is not None
    sides = [align_folds(side, folds.assignments)[:, 0] for side in (held_out.x_scores, held_out.y_scores)]
    settings = {"assignments": folds.assignments, "n_permutations": 99, "random_state": seed}
    given, free = (draw_labels(labels, one, **settings) for one in (confounds, None))
    of = {"assignments": folds.assignments, "clusters": np.arange(N), "n_bootstrap": 2}
    embedded = embed_folds((as_view(x), as_view(y)), Confounds.of(confounds), folds, n_components=P)
    own = compare_separate_models(
        embedded, given, np.arange(N), clusters=np.arange(N), dimensions=(P, Q), min_ratio=5, n_bootstrap=2
    ).comparison
    return {
        "one model": _p(compare_strata(*sides, given, **of).distances),
        "own models": _p(own.distances),
        "naive: labels change freely": _p(compare_strata(*sides, free, **of).distances),
        "naive: own models, normal law": float(2 * norm.sf(abs(own.null[0, 0]))),
        "naive: own models in sample": _in_sample_difference(x, y, confounds, labels),
    }


def _in_sample_difference(x: np.ndarray, y: np.ndarray, confounds: np.ndarray, labels: np.ndarray) -> float:
    """First canonical correlations of the strata's residuals, compared by Fisher's z."""
    z = []
    for code in (0, 1):
        rows = labels == code
        design = np.column_stack([np.ones(rows.sum()), confounds[rows]])
        basis = np.linalg.qr(design)[0]
        a, b = (np.linalg.qr(side[rows] - basis @ (basis.T @ side[rows]))[0] for side in (x, y))
        z.append(np.arctanh(np.linalg.svd(a.T @ b, compute_uv=False)[0]))
    error = sum(1 / (np.sum(labels == code) - 3) for code in (0, 1)) ** 0.5
    return float(2 * norm.sf(abs(z[0] - z[1]) / error))


def _p(distances: np.ndarray) -> float:
    return float(permutation_p(distances)[0])


@pytest.mark.parametrize("kind", ["a noisier site", "one site is coupled", "few cases"])
def test_strata_null(kind: str, rates: Rates) -> None:
    found = rates(lambda seed: _stratified(kind, seed), N_SETS)
    for name in ("one model", "own models"):
        assert_valid(found[name])
