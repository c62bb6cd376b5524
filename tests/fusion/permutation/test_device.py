"""The same kernel on the arrays of a second library gives the same statistics and p-values."""

from typing import Any

import numpy as np
import pytest

from fusion import InputError, permutation_test_cca
from fusion.permutation.device import place
from fusion.permutation.statistics import TrailingVariates

torch = pytest.importorskip("torch")
N, P, Q = 67, 9, 6


@pytest.fixture
def views() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    x, y, z = rng.standard_normal((N, P)), rng.standard_normal((N, Q)), rng.standard_normal((N, 4))
    y[:, 0] += 0.6 * x[:, 0]
    return {"x": x, "y": y, "confounds": z}


@pytest.mark.parametrize("precision", ["float64", "screen"])
@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("statistic", ["wilks", "roy"])
def test_p_values_are_those_of_numpy(
    views: dict[str, np.ndarray], statistic: Any, conditioned: bool, precision: Any
) -> None:
    settings = {"statistic": statistic, "condition_on_tested": conditioned, "n_permutations": 60, "random_state": 3}
    host = permutation_test_cca(**views, **settings)
    there = permutation_test_cca(**views, **settings, precision=precision, array_namespace=torch, device="cpu")
    np.testing.assert_array_equal(host.p_uncorrected, there.p_uncorrected)
    tolerance = {"float64": 1e-10, "screen": 1e-4}[precision]
    np.testing.assert_allclose(host.null_statistics, there.null_statistics, atol=tolerance, rtol=tolerance)


def test_arrays_stay_in_the_other_library() -> None:
    rng = np.random.default_rng(0)
    x, y = (np.linalg.qr(rng.standard_normal((N, k)))[0] for k in (P, Q))
    placed = place(TrailingVariates(x, y, 2), torch, "cpu")
    assert isinstance(placed.first, torch.Tensor)
    assert placed.in_float32().second.dtype == torch.float32
    np.testing.assert_allclose(
        placed.statistics(np.arange(N), "wilks"),
        TrailingVariates(x, y, 2).statistics(np.arange(N), "wilks"),
        atol=1e-12,
    )


@pytest.mark.parametrize("single", [True, False])
def test_perfect_correlation_is_infinite(single: bool) -> None:
    x = np.linalg.qr(np.random.default_rng(0).standard_normal((N, 3)))[0]
    placed = place(TrailingVariates(x, x[:, :2] * [1, 0.5], 2), torch)
    placed = placed.in_float32() if single else placed
    assert placed.statistics(np.arange(N), "wilks")[0] == np.inf


def test_one_process_drives_a_device(views: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match="needs n_jobs=1"):
        permutation_test_cca(**views, array_namespace=torch, n_jobs=2)
