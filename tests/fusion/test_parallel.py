"""Work is cut in fixed portions: no backend and no number of workers changes a bit."""

from collections.abc import Iterator

import joblib
import numpy as np
import pytest
from dask.distributed import Client, LocalCluster
from threadpoolctl import threadpool_info, threadpool_limits

from fusion import parallel, permutation_test_cca
from fusion.parallel import PORTION, array_bytes, map_permutations
from fusion.permutation.permutations import make_permutations
from fusion.permutation.statistics import PermutedStatistics, TrailingVariates

N, P, Q = 61, 7, 5


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        yield client


def _run(precision: str, n_jobs: int) -> tuple[bytes, bytes]:
    rng = np.random.default_rng(8)
    x, y, z = rng.standard_normal((N, P)), rng.standard_normal((N, Q)), rng.standard_normal((N, 3))
    result = permutation_test_cca(x, y, z, n_permutations=149, random_state=4, n_jobs=n_jobs, precision=precision)
    return result.null_statistics.tobytes(), result.p_fwer.tobytes()


@pytest.mark.parametrize("precision", ["float64", "screen"])
def test_dask_loky_and_one_process_agree_to_the_bit(cluster: Client, precision: str) -> None:
    alone = _run(precision, 1)
    assert _run(precision, 2) == alone
    with joblib.parallel_config(backend="dask"):
        assert _run(precision, 2) == alone
        assert _run(precision, -1) == alone


@pytest.mark.parametrize("precision", ["float64", "screen"])
def test_threads_that_share_large_arrays_agree_with_one_process(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = _run(precision, 1)
    monkeypatch.setattr(parallel, "SHARED_BYTES", 0)
    assert _run(precision, 3) == alone


def test_an_array_that_is_there_twice_counts_once() -> None:
    x, y, drawn = np.zeros((50, 3)), np.zeros((50, 2)), make_permutations(50, 9, random_state=0)
    once = array_bytes(PermutedStatistics(TrailingVariates(x, y, 1), drawn, ("wilks",)))
    assert once >= x.nbytes + y.nbytes
    assert array_bytes([TrailingVariates(x, x, 1), (x, y)]) == x.nbytes + y.nbytes


class _Counted(PermutedStatistics):
    """Counts how often it is pickled."""

    n_pickled = 0

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        type(self).n_pickled += 1
        return type(self), (self.trailing, self.permutations, self.names)


def test_views_travel_once_per_worker_not_once_per_task() -> None:
    rng = np.random.default_rng(0)
    x, y = (np.linalg.qr(rng.standard_normal((500, k)))[0] for k in (20, 20))
    counted = _Counted(TrailingVariates(x, y, 1), make_permutations(500, 20 * PORTION, random_state=0), ("wilks",))
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address=":0") as local,
        Client(local),
        joblib.parallel_config(backend="dask"),
    ):
        null = map_permutations(counted, 20 * PORTION + 1, n_jobs=-1)
    assert len(null) == 20 * PORTION + 1
    assert 1 <= _Counted.n_pickled <= 3


def _blas_threads(index: int) -> np.ndarray:
    return np.array([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"])


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("shared_bytes", [0, parallel.SHARED_BYTES])
def test_blas_has_one_thread_in_every_worker(n_jobs: int, shared_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SHARED_BYTES", shared_bytes)
    with threadpool_limits(limits=2, user_api="blas"):
        assert (_blas_threads(0) == 2).all()
        assert (map_permutations(_blas_threads, 2 * PORTION, n_jobs=n_jobs) == 1).all()
        assert (_blas_threads(0) == 2).all()


def test_progress_counts_every_permutation() -> None:
    calls: list[tuple[int, int]] = []
    map_permutations(lambda index: np.array([index]), 70, progress=lambda *counts: calls.append(counts))
    assert calls[-1] == (70, 70)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
