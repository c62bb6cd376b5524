"""Scores beside outcomes: statsmodels' figures, what is planted is found, separation and too few are said."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import pearsonr, spearmanr
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.miscmodels.ordinal_model import OrderedModel

from fusion import Blocks, InputError
from fusion.association import Response, align_folds, associate_scores, combine_scores, fit_effect
from fusion.association.freedman_lane import adjusted_columns, two_sided
from fusion.association.null_models import null_residuals
from fusion.association.separation import is_separated, undecided
from fusion.errors import NotDefinedError
from fusion.permutation.p_values import permutation_p, step_down_max_t
from fusion.permutation.projections import nuisance_basis

N = 131
RNG = np.random.default_rng(5)
FOLDS = np.arange(N) % 4
Z = RNG.standard_normal((N, 3))
SCORE = 0.4 * Z[:, 0] + RNG.standard_normal(N)
LATENT = 0.9 * SCORE + Z[:, 1] + RNG.logistic(size=N)
TIME = np.round(RNG.exponential(np.exp(-0.6 * SCORE + 0.3 * Z[:, 2])), 2) + 0.01
CENSORED = np.round(RNG.exponential(1.5, N), 2) + 0.01
EVERYBODY = np.ones(N, dtype=bool)
RESPONSES = {
    "case": Response("binary", 1.0 * (LATENT > 0.3), EVERYBODY),
    "degree": Response("ordinal", np.digitize(LATENT, (-1.0, 1.0)).astype(float), EVERYBODY),
    "amount": Response("continuous", LATENT, EVERYBODY),
    "years": Response("time", np.minimum(TIME, CENSORED), EVERYBODY, TIME <= CENSORED),
}
ADJUSTED = adjusted_columns(Z, FOLDS)
BASIS = nuisance_basis(N, ADJUSTED)
ALONE = np.arange(N)


def test_a_partial_correlation_is_that_of_residuals_and_its_p_that_of_least_squares() -> None:
    effect = fit_effect(RESPONSES["amount"], SCORE, BASIS, ALONE, n_bootstrap=200)
    left = [sm.OLS(one, sm.add_constant(ADJUSTED)).fit().resid for one in (SCORE, LATENT)]
    assert effect.value == pytest.approx(pearsonr(*left).statistic, abs=1e-12)
    fitted = sm.OLS(LATENT, sm.add_constant(np.column_stack([SCORE, ADJUSTED]))).fit()
    assert effect.p == pytest.approx(fitted.pvalues[1], rel=1e-9)
    assert effect.interval is not None
    assert effect.interval[0] < effect.value < effect.interval[1]


def test_without_covariates_a_correlation_of_ranks_is_spearmans() -> None:
    ranks = [np.argsort(np.argsort(one)).astype(float) for one in (SCORE, LATENT)]
    effect = fit_effect(Response("continuous", ranks[1], EVERYBODY), ranks[0], nuisance_basis(N, None), ALONE)
    assert effect.value == pytest.approx(spearmanr(SCORE, LATENT).statistic, abs=1e-12)


def test_ratios_and_their_intervals_are_those_of_statsmodels() -> None:
    design = np.column_stack([SCORE, ADJUSTED])
    codes, years = RESPONSES["degree"].values.astype(int), RESPONSES["years"]
    assert years.happened is not None
    fits = {
        "case": sm.Logit(RESPONSES["case"].values, sm.add_constant(design, prepend=False)).fit(disp=0),
        "degree": OrderedModel(codes, design, distr="logit").fit(method="bfgs", maxiter=500, disp=0),
        "years": PHReg(years.values, design, status=years.happened.astype(int), ties="efron").fit(disp=0),
    }
    for name, fitted in fits.items():
        effect, close = fit_effect(RESPONSES[name], SCORE, BASIS, ALONE), 1e-3 if name == "degree" else 1e-6
        assert effect.value == pytest.approx(np.exp(fitted.params[0]), rel=close)
        assert effect.interval == pytest.approx(np.exp(np.asarray(fitted.conf_int())[0]), rel=10 * close)
        assert effect.p == pytest.approx(fitted.pvalues[0], rel=1e-2)


def test_families_widen_an_interval_by_huber() -> None:
    twice = np.tile(np.arange(N), 2)
    doubled = Response("binary", RESPONSES["case"].values[twice], np.ones(2 * N, dtype=bool))
    basis, score = nuisance_basis(2 * N, ADJUSTED[twice]), SCORE[twice]
    whole, naive = (fit_effect(doubled, score, basis, clusters) for clusters in (twice, np.arange(2 * N)))
    assert whole.value == pytest.approx(naive.value)
    assert whole.interval is not None
    assert naive.interval is not None
    assert np.log(whole.interval[1] / whole.interval[0]) > 1.25 * np.log(naive.interval[1] / naive.interval[0])


@pytest.mark.parametrize("name", ["case", "degree", "years"])
def test_the_residual_is_the_slope_of_the_likelihood(name: str) -> None:
    """Of statsmodels' likelihood, by a new column at no effect."""
    response, columns, step = RESPONSES[name], BASIS[:, 1:] * np.sqrt(N), 1e-4
    residual = null_residuals(response, BASIS)
    new = SCORE - BASIS @ (BASIS.T @ SCORE)
    design = np.column_stack([new, columns])
    if name == "case":
        model, start = sm.Logit(response.values, sm.add_constant(design, prepend=False)), 0
        null = sm.Logit(response.values, sm.add_constant(columns, prepend=False)).fit(disp=0).params
    elif name == "degree":
        codes = response.values.astype(int)
        model, start = OrderedModel(codes, design, distr="logit"), 0
        null = OrderedModel(codes, columns, distr="logit").fit(method="bfgs", maxiter=500, disp=0).params
    else:
        assert response.happened is not None
        status = response.happened.astype(int)
        model, start = PHReg(response.values, design, status=status, ties="breslow"), 0
        null = PHReg(response.values, columns, status=status, ties="breslow").fit(disp=0).params
    at = np.insert(np.asarray(null), start, 0.0)
    up, down = (model.loglike(at + side * step * np.eye(len(at))[0]) for side in (1, -1))
    assert residual @ new == pytest.approx((up - down) / (2 * step), rel=1e-4)


def test_the_statistic_is_the_partial_correlation_and_permutations_stay_in_blocks() -> None:
    families = np.arange(N) // 2 * 4 + FOLDS[np.arange(N) // 2 * 2]
    folds = FOLDS[np.arange(N) // 2 * 2]
    found = associate_scores(
        SCORE[:, None],
        {"amount": RESPONSES["amount"]},
        Z,
        assignments=folds,
        blocks=Blocks(families, "whole"),
        n_permutations=49,
        random_state=0,
    )
    basis = nuisance_basis(N, adjusted_columns(Z, folds))
    effect = fit_effect(RESPONSES["amount"], SCORE, basis, ALONE)
    assert found.statistics["amount"][0, 0] == pytest.approx(effect.value * np.sqrt(N - basis.shape[1]))
    assert np.std(found.statistics["amount"][1:, 0]) == pytest.approx(1, abs=0.4)


def test_what_is_planted_is_found_in_every_kind_and_nothing_where_nothing_is() -> None:
    noise = np.random.default_rng(8).standard_normal((N, 2))
    found = associate_scores(
        np.column_stack([SCORE, noise]), RESPONSES, Z, assignments=FOLDS, n_permutations=199, random_state=1
    )
    p = step_down_max_t(two_sided(list(found.statistics.values()))).reshape(len(RESPONSES), 3)
    assert (p[:, 0] < 0.05).all()
    assert (p[:, 1:] >= 0.05).all()


def test_subjects_without_an_outcome_stay_in_the_permutation_and_out_of_the_test() -> None:
    known = np.arange(N) % 5 > 0
    gaps = Response("continuous", np.where(known, LATENT, 1e9), known)
    found = associate_scores(SCORE[:, None], {"gaps": gaps}, Z, assignments=FOLDS, n_permutations=99, random_state=2)
    effect = fit_effect(gaps, SCORE, found.bases["gaps"], ALONE)
    free = known.sum() - found.bases["gaps"].shape[1]
    assert found.statistics["gaps"][0, 0] == pytest.approx(effect.value * np.sqrt(free))
    assert permutation_p(np.abs(found.statistics["gaps"]))[0] < 0.05


def test_separation_is_no_ratio_and_its_test_is_still_defined() -> None:
    parted = Response("binary", 1.0 * (SCORE > 0), EVERYBODY)
    with pytest.raises(NotDefinedError, match=r"no subject is on the wrong side \(separation\)"):
        fit_effect(parted, SCORE, BASIS, ALONE)
    found = associate_scores(SCORE[:, None], {"parted": parted}, Z, assignments=FOLDS, n_permutations=99)
    assert permutation_p(np.abs(found.statistics["parted"]))[0] == pytest.approx(0.01)
    by_covariate = Response("binary", 1.0 * (Z[:, 0] > 0), EVERYBODY)
    found = associate_scores(SCORE[:, None], {"z": by_covariate}, Z, assignments=FOLDS, n_permutations=9)
    assert found.reasons["z"] == "the covariates tell it by themselves (separation)"


@pytest.mark.filterwarnings("ignore:Inverting hessian failed")
def test_whoever_covariates_decide_tells_nothing_and_the_rest_is_an_ordinary_model() -> None:
    site = np.arange(N) % 6
    values = np.where(site == 0, 1.0, np.where(site == 1, 0.0, 1.0 * (LATENT > 0)))
    dummies = np.equal.outer(site, np.arange(1, 6)).astype(float)
    left = undecided(values, np.column_stack([dummies, Z]))
    np.testing.assert_array_equal(left, site > 1)
    response = Response("binary", values, EVERYBODY)
    covariates = np.column_stack([dummies, Z])
    folds = np.arange(N) // 6 % 4
    settings = {"assignments": folds, "n_permutations": 99, "random_state": 0}
    found = associate_scores(SCORE[:, None], {"sex": response}, covariates, **settings)
    assert found.tested["sex"].n_known == left.sum()
    assert found.reasons == {}
    free = replace(response, known=left)
    alone = associate_scores(SCORE[:, None], {"sex": free}, covariates, **settings)
    np.testing.assert_allclose(found.statistics["sex"], alone.statistics["sex"])
    effect = fit_effect(found.tested["sex"], SCORE, found.bases["sex"], ALONE)
    # Newton's steps on all subjects: coefficients of decided sites grow without end, the score's settles at the same.
    design = np.column_stack([SCORE, adjusted_columns(covariates, folds), np.ones(N)])
    unbounded = sm.Logit(values, design).fit(disp=0, method="bfgs", maxiter=300, warn_convergence=False)
    assert np.log(effect.value) == pytest.approx(unbounded.params[0], abs=0.02)


def test_separation_of_levels_and_times() -> None:
    column = np.linspace(-1, 1, 12)[:, None]
    everybody, shuffled = np.ones(12, dtype=bool), np.array([3, 0, 2, 1, 7, 5, 4, 6, 11, 8, 9, 10])
    levels = np.repeat([0.0, 1.0, 2.0], 4)
    assert is_separated(Response("ordinal", levels, everybody), column)
    assert is_separated(Response("ordinal", levels, everybody), column[shuffled])
    assert not is_separated(Response("ordinal", levels, everybody), column[::-1][shuffled % 5 + np.arange(12) // 2])
    times = np.arange(12.0)[::-1] + 1
    assert is_separated(Response("time", times, everybody, everybody), column)
    assert not is_separated(Response("time", times[shuffled], everybody, everybody), column)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.where(np.arange(N) < 2, 1.0, 0.0), "one of its two sides has fewer than 10 subjects"),
        (np.zeros(N), "it has one value alone"),
    ],
)
def test_too_few_are_said(values: np.ndarray, reason: str) -> None:
    response = {"rare": Response("binary", values, EVERYBODY)}
    found = associate_scores(SCORE[:, None], response, Z, assignments=FOLDS, n_permutations=9)
    assert found.statistics == {}
    assert found.reasons["rare"] == reason


def test_a_score_that_does_not_vary_tells_nothing() -> None:
    found = associate_scores(np.zeros((N, 1)), RESPONSES, Z, assignments=FOLDS, n_permutations=9)
    assert all((null == 0).all() for null in found.statistics.values())
    with pytest.raises(NotDefinedError, match="the score does not vary"):
        fit_effect(RESPONSES["case"], Z[:, 0], BASIS, ALONE)


def test_folds_have_one_unit_and_sides_are_combined() -> None:
    x, y = (RNG.standard_normal((N, 2)) * (1 + FOLDS)[:, None] + FOLDS[:, None] for _ in range(2))
    genes, brain, product = (combine_scores(side, x, y, FOLDS) for side in ("genes", "brain", "product"))
    for fold in range(4):
        assert genes[fold == FOLDS].std(axis=0) == pytest.approx([1, 1])
    np.testing.assert_allclose(product, align_folds(genes * brain, FOLDS))
    assert not align_folds(np.ones((N, 1)), FOLDS).any()


def test_a_time_needs_its_event() -> None:
    with pytest.raises(InputError, match="needs to know whether the event happened"):
        Response("time", TIME, EVERYBODY)
