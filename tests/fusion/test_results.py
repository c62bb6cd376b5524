"""Results: p-values that count the identity, and files that come back as they were."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from fusion import CrossValidatedCCA, InputError, cross_validated_cca, permutation_test_cca
from fusion.comparison.paired_differences import PairedDifference
from fusion.permutation.p_values import monte_carlo_interval, permutation_p
from fusion.permutation.result import PermutationTestCCA

N = 61


@pytest.fixture(scope="module")
def in_sample() -> PermutationTestCCA:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((N, 4)), rng.standard_normal((N, 3))
    return permutation_test_cca(x, y, n_permutations=39, n_steps=2, random_state=1)


@pytest.fixture(scope="module")
def held_out() -> CrossValidatedCCA:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((N, 4)), rng.standard_normal((N, 3))
    return cross_validated_cca(x, y, n_permutations=39, n_bootstrap=50, random_state=1)


def test_p_counts_the_identity() -> None:
    assert permutation_p(np.array([[9.0], [1.0], [2.0], [3.0]])).tolist() == [0.25]
    assert permutation_p(np.array([[1.0, np.nan], [1.0, np.nan]]))[0] == 1.0
    assert np.isnan(permutation_p(np.array([[1.0, np.nan], [1.0, np.nan]]))[1])
    assert permutation_p(np.array([[np.inf], [np.inf], [1.0]]))[0] == pytest.approx(2 / 3)
    assert permutation_p(np.array([[-1.0], [-1.0], [-2.0]]))[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("exceeding", [0, 3, 50, 99])
def test_monte_carlo_interval_is_the_exact_binomial_one(exceeding: int) -> None:
    expected = binomtest(exceeding, 99).proportion_ci(method="exact")
    interval = monte_carlo_interval(np.array([(exceeding + 1) / 100]), 99)[0]
    np.testing.assert_allclose(interval, [expected.low, expected.high], atol=1e-12)


def test_in_sample_round_trip(in_sample: PermutationTestCCA, tmp_path: Path) -> None:
    loaded = PermutationTestCCA.load(in_sample.save(tmp_path / "test.npz"))
    assert loaded.null_statistics.tobytes() == in_sample.null_statistics.tobytes()
    assert loaded.to_dict() == in_sample.to_dict()
    assert loaded.ranks == (4, 3)
    assert list(tmp_path.iterdir()) == [tmp_path / "test.npz"]


def test_untested_steps_are_null_in_json(in_sample: PermutationTestCCA) -> None:
    record = json.loads(json.dumps(in_sample.to_dict(), allow_nan=False))
    assert record["p_fwer"][2] is None
    assert record["n_tested"] == 2
    assert record["n_permutations"] == 39
    assert "null_statistics" not in record
    assert in_sample.to_frame()["p_fwer"].isna().tolist() == [False, False, True]


def test_subjects_are_not_written_unless_asked(held_out: CrossValidatedCCA, tmp_path: Path) -> None:
    loaded = CrossValidatedCCA.load(held_out.save(tmp_path / "aggregate"))
    assert loaded.x_scores is None
    assert loaded.y_scores is None
    assert loaded.rho.tobytes() == held_out.rho.tobytes()
    assert not {"x_scores", "y_scores", "assignments"} & set(held_out.to_dict())
    json.dumps(held_out.to_dict(), allow_nan=False)
    with pytest.raises(InputError, match="known by hash only"):
        _ = loaded.folds
    whole = CrossValidatedCCA.load(held_out.save(tmp_path / "whole", subject_level=True))
    assert whole.folds.sha256 == held_out.folds_sha256
    assert whole.x_scores is not None
    assert whole.x_scores.tobytes() == held_out.x_scores.tobytes()


def test_frame_of_held_out(held_out: CrossValidatedCCA) -> None:
    frame = held_out.to_frame()
    assert frame["component"].tolist() == [1, 2]
    assert frame["p_fwer"].is_monotonic_increasing


def test_another_kind_of_file_is_refused(held_out: CrossValidatedCCA, tmp_path: Path) -> None:
    path = held_out.save(tmp_path / "result")
    with pytest.raises(InputError, match="must hold a saved PermutationTestCCA"):
        PermutationTestCCA.load(path)
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    with pytest.raises(InputError, match="must hold a saved CrossValidatedCCA"):
        CrossValidatedCCA.load(tmp_path / "other.npz")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    broken = PairedDifference(float("nan"), np.zeros(2), 0.5, 9)
    with pytest.raises(ValueError, match="JSON"):
        broken.save(tmp_path / "broken")
    assert list(tmp_path.iterdir()) == []
