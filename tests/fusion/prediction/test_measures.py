"""What is measured of predictions, against hand computations, direct sums over pairs, and scikit-learn."""

import numpy as np
import pytest
from scipy.stats import norm, pearsonr
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from fusion.errors import InputError
from fusion.prediction.corrected_t import corrected_resampled_t
from fusion.prediction.curves import calibration_bins, net_benefit
from fusion.prediction.delong import delong_test
from fusion.prediction.discrimination import discriminate
from fusion.prediction.held_out import HeldOutPrediction
from fusion.prediction.metrics import expected_calibration_error, prediction_metrics
from fusion.prediction.outcome import NotDefinedError, Outcome

RNG = np.random.default_rng(7)


def held(predicted: np.ndarray, fold: np.ndarray, expected: np.ndarray | None = None) -> HeldOutPrediction:
    said = np.full(predicted.shape, 0.5) if expected is None else expected
    return HeldOutPrediction(predicted, said, fold, np.zeros((int(fold.max()) + 1, *predicted.shape)))


def direct_delong(is_case: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Difference and p by every pair of case and control, as DeLong et al. write it."""
    placements = []
    for predicted in (first, second):
        one, other = predicted[is_case][:, None], predicted[~is_case][None, :]
        placements.append((one > other) + 0.5 * (one == other))
    area = [psi.mean() for psi in placements]
    of_cases = np.cov([psi.mean(axis=1) for psi in placements])
    of_controls = np.cov([psi.mean(axis=0) for psi in placements])
    covariance = of_cases / is_case.sum() + of_controls / (~is_case).sum()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    z = (area[0] - area[1]) / np.sqrt(variance)
    return area[0] - area[1], 2 * norm.sf(abs(z))


@pytest.mark.parametrize(("n_cases", "n_controls", "digits"), [(11, 26, 9), (40, 13, 9), (9, 31, 1), (2, 5, 9)])
def test_delong_equals_the_sum_over_pairs_with_ties_and_without(n_cases: int, n_controls: int, digits: int) -> None:
    is_case = RNG.permutation(np.arange(n_cases + n_controls) < n_cases)
    first = (RNG.standard_normal(len(is_case)) + 0.7 * is_case).round(digits)
    second = (0.5 * first + RNG.standard_normal(len(is_case))).round(digits)
    found = delong_test(is_case, first, second)
    difference, p = direct_delong(is_case, first, second)
    assert found.difference == pytest.approx(difference, abs=1e-8)
    assert found.p == pytest.approx(p, abs=1e-8)
    assert found.difference == pytest.approx(roc_auc_score(is_case, first) - roc_auc_score(is_case, second))
    assert found.interval[0] <= found.difference <= found.interval[1]


def test_where_nothing_varies_there_is_no_p() -> None:
    is_case = np.arange(6) < 3
    found = delong_test(is_case, is_case.astype(float), np.zeros(6))
    assert (found.difference, found.standard_error) == (0.5, 0.0)
    assert np.isnan([found.p, *found.interval]).all()
    same = corrected_resampled_t(np.full(5, 0.1), 0.25)
    assert np.isnan([same.p, *same.interval]).all()
    assert corrected_resampled_t(np.zeros(5), 0.25).p == 1


def test_delong_of_equal_predictors_is_one_and_of_one_case_is_refused() -> None:
    is_case, said = np.array([True, False, True, False, False]), np.array([0.9, 0.1, 0.8, 0.3, 0.2])
    assert delong_test(is_case, said, said).p == 1.0
    with pytest.raises(InputError, match="two cases and two controls; got 1 and 4"):
        delong_test(np.arange(5) == 0, said, said)


def test_calibration_error_is_that_of_a_hand_computation() -> None:
    """Bins [0, .5) and [.5, 1]: means .2 and .75 against 1 of 3 and 1 of 2, so (3 x .4/3 + 2 x .25) / 5."""
    probability = np.array([0.1, 0.2, 0.3, 0.5, 1.0])
    happened = np.array([False, True, False, False, True])
    assert expected_calibration_error(happened, probability, 2) == pytest.approx((abs(0.6 - 1) + abs(1.5 - 1)) / 5)


def test_auroc_by_fold_is_that_of_scikit_learn_and_shares_sum_to_it() -> None:
    fold = np.repeat([0, 1, 2], [13, 19, 9])
    y = RNG.integers(0, 2, len(fold))
    said = RNG.random((len(fold), 1)).round(1)
    found = discriminate(Outcome("binary", y.astype(float), ("a", "b")), held(said, fold))
    by_fold = [roc_auc_score(y[fold == k], said[fold == k, 0]) for k in range(3)]
    np.testing.assert_allclose(found.by_fold, by_fold)
    assert found.value == pytest.approx(np.average(by_fold, weights=[13, 19, 9]))
    assert found.shares.sum() == pytest.approx(found.value - 0.5)
    assert found.influence.sum() == pytest.approx(0.0, abs=1e-12)


def test_the_influence_on_an_auroc_has_the_variance_of_delong() -> None:
    cases = np.arange(23) < 9
    said, chance = RNG.random(23) + 0.3 * cases, np.full(23, 0.5)
    alone = np.zeros(23, dtype=int)
    found = discriminate(Outcome("binary", cases.astype(float), ("a", "b")), held(said[:, None], alone))
    low, high = delong_test(cases, said, chance).interval
    assert (found.influence**2).sum() == pytest.approx(((high - low) / 2 / 1.959964) ** 2, rel=1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.8])
def test_the_influence_on_a_correlation_is_what_leaving_each_subject_out_changes(slope: float) -> None:
    y = RNG.standard_normal(14)
    said = slope * y + RNG.standard_normal(14)
    found = discriminate(Outcome("continuous", y), held(said[:, None], np.zeros(14, dtype=int)))
    without = np.array([pearsonr(np.delete(y, k), np.delete(said, k)).statistic for k in range(14)])
    np.testing.assert_allclose(found.influence, np.sqrt(13 / 14) * (without.mean() - without))


def test_a_subject_without_whom_nothing_varies_is_counted() -> None:
    y, said = np.arange(5.0), np.array([1.0, 0, 0, 0, 0])
    found = discriminate(Outcome("continuous", y), held(said[:, None], np.zeros(5, dtype=int)))
    assert np.isfinite(found.influence).all()
    assert found.influence[0] < 0


def test_several_classes_are_averaged_one_against_the_rest() -> None:
    y = RNG.integers(0, 3, 37)
    said = RNG.dirichlet(np.ones(3), 37)
    found = discriminate(Outcome("multiclass", y.astype(float), ("a", "b", "c")), held(said, np.zeros(37, dtype=int)))
    assert found.value == pytest.approx(roc_auc_score(y, said, multi_class="ovr", average="macro"))


def test_a_correlation_is_that_of_scipy_and_a_constant_prediction_has_none() -> None:
    fold = np.repeat([0, 1], [17, 12])
    y, said = RNG.standard_normal(29), RNG.standard_normal((29, 1))
    found = discriminate(Outcome("continuous", y), held(said, fold))
    by_fold = [pearsonr(y[fold == k], said[fold == k, 0]).statistic for k in (0, 1)]
    np.testing.assert_allclose(found.by_fold, by_fold)
    assert discriminate(Outcome("continuous", y), held(np.full((29, 1), 3.0), fold)).value == 0.0


def test_a_fold_of_one_class_does_not_count_and_folds_of_one_class_alone_are_not_defined() -> None:
    fold = np.repeat([0, 1], [6, 5])
    y = np.array([0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1], dtype=float)
    said = RNG.random((11, 1))
    found = discriminate(Outcome("binary", y, ("a", "b")), held(said, fold))
    assert np.isnan(found.by_fold[1])
    assert found.value == pytest.approx(roc_auc_score(y[:6], said[:6, 0]))
    with pytest.raises(NotDefinedError, match="does not vary among the test subjects"):
        discriminate(Outcome("binary", np.ones(11), ("a", "b")), held(said, fold))


def test_metrics_of_classes_and_numbers() -> None:
    y = RNG.integers(0, 2, 41)
    said = RNG.random((41, 1))
    found = prediction_metrics(Outcome("binary", y.astype(float), ("a", "b")), held(said, np.zeros(41, dtype=int)))
    assert found["Brier"] == pytest.approx(((said[:, 0] - y) ** 2).mean())
    assert found["balanced accuracy"] == pytest.approx(balanced_accuracy_score(y, said[:, 0] >= 0.5))
    numbers = prediction_metrics(
        Outcome("continuous", np.array([1.0, 2, 3, 4])),
        held(np.array([[1.0], [2], [3], [2]]), np.zeros(4, dtype=int), np.full((4, 1), 2.5)),
    )
    assert numbers == {"R2": pytest.approx(1 - 4 / 5), "MAE": 0.5}


def test_net_benefit_of_treating_everybody_and_bins_of_at_least_ten() -> None:
    cases = np.arange(50) < 20
    everybody = net_benefit(cases, np.ones(50), np.array([0.2, 0.4]))
    np.testing.assert_allclose(everybody, [0.4 - 0.6 * 0.25, 0.4 - 0.6 * 2 / 3], atol=1e-12)
    bins = calibration_bins(cases.astype(float), np.linspace(0, 1, 50))
    assert [part.n for part in bins] == [10] * 5
    assert [part.observed for part in bins] == [1.0, 1.0, 0.0, 0.0, 0.0]


def test_the_corrected_t_is_narrower_than_no_test_and_wider_than_the_naive_one() -> None:
    differences = RNG.standard_normal(20) + 0.6
    naive, corrected = (corrected_resampled_t(differences, share) for share in (0.0, 0.25))
    assert corrected.p > naive.p
    ratio = np.diff(corrected.interval)[0] / np.diff(naive.interval)[0]
    assert ratio == pytest.approx(np.sqrt((1 / 20 + 0.25) * 20))
    assert corrected_resampled_t(np.zeros(4), 0.25).p == 1.0
    with pytest.raises(InputError, match="at least two folds; got 1"):
        corrected_resampled_t(np.ones(1), 0.25)
