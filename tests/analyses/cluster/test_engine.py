"""dask, loky and one process give the same bits; a worker that dies takes nothing with it."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import dask
import numpy as np
import pytest
from dask.distributed import LocalCluster, get_worker
from distributed.comm import CommClosedError
from pydantic import ValidationError

from analyses.cluster import engine as engine_module
from analyses.cluster.dask_backend import TRIES
from analyses.cluster.engine import Engine
from analyses.cluster.shards import Shard
from analyses.config.sections import EngineConfig
from analyses.errors import InputError
from analyses.genome.parts import WindowParts
from analyses.run.run import Run
from analyses.simulation.cohort import DemoCohort
from analyses.workflow.pipeline import run_stages
from analyses.workflow.sharded_stages import chosen_arms, window_parts
from fusion import cross_validated_cca, permutation_test_cca
from tests.analyses.shared_out import ARM, RESULT_FILES, WINDOW_FILES, check_same_files, open_run, stored_vectors
from tests.conftest import PATIENCE
from tests.torture.clusters import TcpCluster, tcp_cluster


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine takes long to answer."""
    monkeypatch.setattr(engine_module, "_SECONDS_TO_CONNECT", PATIENCE)


@pytest.fixture(scope="module")
def cohort(small_cohort: DemoCohort) -> DemoCohort:
    return small_cohort


@pytest.fixture(scope="module")
def alone(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The alignments of one process."""
    run = open_run(cohort, tmp_path_factory.mktemp("alone") / "run", "engine.backend=sequential")
    run_stages(run, until="align")
    return run


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes with one thread each."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0
    ) as started:
        yield started


def _check_same(one: Run, other: Run) -> None:
    check_same_files((*RESULT_FILES, *WINDOW_FILES), one.workspace.folder, other.workspace.folder)
    assert stored_vectors(one) == stored_vectors(other)
    assert len(stored_vectors(one)) > 100


def test_loky_gives_the_bits_of_one_process(alone: Run, cohort: DemoCohort, tmp_path: Path) -> None:
    run = open_run(cohort, tmp_path / "run", "engine.workers=2")
    run_stages(run, until="align")
    _check_same(alone, run)


def test_a_dask_cluster_gives_the_bits_of_one_process(alone: Run, cohort: DemoCohort, tmp_path: Path) -> None:
    """Started by the run itself, on the loopback address."""
    run = open_run(cohort, tmp_path / "run", "engine.backend=dask", "engine.workers=2")
    run_stages(run, until="align")
    _check_same(alone, run)


def test_a_dask_cluster_at_an_address_shares_embedding_too(
    *, alone: Run, cohort: DemoCohort, tmp_path: Path, cluster: LocalCluster
) -> None:
    settings = ("engine.backend=dask", f"engine.address={cluster.scheduler_address}", "engine.workers=2")
    run = open_run(cohort, tmp_path / "run", *settings)
    run_stages(run, until="align")
    _check_same(alone, run)
    report = run.workspace.read_json("embed.json")[ARM]
    assert report["n_encoded"] == report["n_distinct"]
    assert len(list(chosen_arms(run, [ARM])[0].store.folder.glob("*.ids"))) == 2  # one from each worker
    assert len(cluster.workers) == 2  # a cluster that was there before stays


def _where(_: int) -> str:
    return str(get_worker().address)


def test_sequences_go_to_workers_that_have_what_they_need(tmp_path: Path) -> None:
    """One of three workers says that it has two GPUs; to a cluster without any nothing is given that would wait."""
    with tcp_cluster(tmp_path, n_workers=2) as cluster:
        wanted = EngineConfig(backend="dask", address=cluster.address, resources={"GPU": 1})
        with closing(Engine(wanted)) as engine:
            with pytest.raises(
                InputError, match=r"workers with GPU=1; none of the 2 of the cluster .*--resources \"GPU=1\""
            ):
                _ = engine.n_embedding_jobs
            assert engine.n_jobs == 2
            cluster.add_worker("GPU=2")
            assert (engine.n_jobs, engine.n_embedding_jobs) == (3, 1)
            having = {where for where, one in engine._client.run(engine_module._resources_of).items() if one}
            assert set(engine.map(_where, range(12), embeds=True)) == having
            assert len(having) == 1
            assert len(set(engine.map(_where, range(12)))) > 1


def test_resources_are_those_of_a_cluster() -> None:
    with pytest.raises(ValidationError, match=r"Set engine\.address"):
        EngineConfig(backend="dask", resources={"GPU": 1})
    with pytest.raises(ValidationError, match="greater than 0"):
        EngineConfig(backend="dask", address="tcp://lab:8786", resources={"GPU": 0})


def _write_or_die(task: tuple[WindowParts, Shard, Path]) -> bool:
    """One part; the first worker to come is killed in the middle of its shard."""
    parts, shard, flag = task

    def die_once(done: int, total: int) -> None:
        try:
            flag.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    return parts.write(shard, progress=die_once)


def test_the_shard_of_a_killed_dask_worker_is_redone(alone: Run, cohort: DemoCohort, tmp_path: Path) -> None:
    run = open_run(cohort, tmp_path / "run", "engine.backend=dask", "engine.workers=2")
    parts, flag = window_parts(run), tmp_path / "killed"
    written = list(run.engine.map(_write_or_die, [(parts, Shard(index, 3), flag) for index in range(3)]))
    run.engine.close()
    assert flag.exists()
    assert written == [True] * 3
    run_stages(run, until="windows")
    check_same_files(WINDOW_FILES, run.workspace.folder, alone.workspace.folder)


def test_the_shard_of_a_killed_loky_worker_is_redone_by_the_next_run(
    alone: Run, cohort: DemoCohort, tmp_path: Path
) -> None:
    run = open_run(cohort, tmp_path / "run", "engine.workers=2")
    parts, flag = window_parts(run), tmp_path / "killed"
    with pytest.raises(InputError, match="What was finished is kept"):
        list(run.engine.map(_write_or_die, [(parts, Shard(index, 3), flag) for index in range(3)]))
    assert parts.missing(run.genome, 3)
    run_stages(run, until="windows")
    check_same_files(WINDOW_FILES, run.workspace.folder, alone.workspace.folder)


def _die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_work_that_kills_every_worker_ends_in_a_sentence() -> None:
    """dask gives it up after four, here after two; without that answer the run would wait for ever."""
    few = dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with few, closing(Engine(EngineConfig(backend="dask", workers=2))) as engine:  # noqa: SIM117
        with pytest.raises(InputError, match="Workers must live until their work is done"):
            list(engine.map(_die, [1, 2, 3]))


def _wait(flag: Path) -> None:
    flag.touch()
    time.sleep(600)


@pytest.mark.parametrize("at_work", [True, False])
def test_a_scheduler_that_goes_away_is_said(at_work: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the middle of work, which would else be waited for, and between two pieces of it."""
    flag, gone = tmp_path / "at work", r"The scheduler of engine\.address must live"
    with tcp_cluster(tmp_path, n_workers=1) as cluster, closing(_engine_at(cluster.address)) as engine:
        assert engine.n_jobs == 1
        assert f"dask at {cluster.address}, workers now: 1; http://" in capsys.readouterr().out
        engine._client._timeout = 1  # seconds in which it looks for its scheduler
        if not at_work:
            cluster.kill_scheduler()
        killer = threading.Thread(target=_kill_when, args=(flag, cluster), daemon=True)
        killer.start()
        with pytest.raises(InputError, match=gone):
            list(engine.map(_wait, [flag]))
        flag.touch()
        killer.join()


@pytest.mark.parametrize(
    "error", [CommClosedError("reset by peer"), TimeoutError("no answer"), asyncio.CancelledError()]
)
def test_a_scheduler_that_goes_away_while_arguments_are_sent_is_said(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scatter(*_: object, **__: object) -> object:
        raise error

    with tcp_cluster(tmp_path, n_workers=1) as cluster, closing(_engine_at(cluster.address)) as engine:
        assert engine.n_jobs == 1
        monkeypatch.setattr(engine._client, "scatter", scatter)
        with pytest.raises(InputError, match=r"The scheduler of engine\.address must live"):
            list(engine.map(np.sum, [np.arange(1000), np.arange(2000)]))
    assert "Traceback" not in caplog.text


def test_a_scheduler_that_does_not_say_its_workers_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object, **__: object) -> object:
        raise OSError("Timed out trying to connect") from CommClosedError("refused")

    with tcp_cluster(tmp_path, n_workers=1) as cluster, closing(_engine_at(cluster.address)) as engine:
        assert engine.n_jobs == 1
        monkeypatch.setattr(engine._client, "ncores", ask)
        with pytest.raises(InputError, match=r"The scheduler of engine\.address must live"):
            list(engine.map(np.sum, [np.arange(10), np.arange(20)]))


def _sum_slowly(array: np.ndarray) -> int:
    time.sleep(1)  # until it is heard that nobody wants it any more
    return int(array.sum())


@pytest.mark.parametrize("n_forgotten", [3, 100])
def test_a_task_that_dask_forgets_is_handed_over_again(
    n_forgotten: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it forgets what needs an argument that lay with a worker that was killed; not for ever."""
    with tcp_cluster(tmp_path, n_workers=1) as cluster, closing(_engine_at(cluster.address)) as engine:
        assert engine.n_jobs == 1
        submit, forgotten = engine._client.submit, []

        def submit_or_forget(*given: object, **named: object) -> object:
            future = submit(*given, **named)
            if len(forgotten) < n_forgotten:
                forgotten.append(asyncio.ensure_future(engine._client.cancel(future, asynchronous=True)))
            return future

        monkeypatch.setattr(engine._client, "submit", submit_or_forget)
        arrays = [np.arange(1000), np.arange(2000)]
        if n_forgotten == 3:
            assert list(engine.map(_sum_slowly, arrays)) == [array.sum() for array in arrays]
        else:
            with pytest.raises(InputError, match=r"The scheduler of engine\.address must live"):
                list(engine.map(_sum_slowly, arrays))
            assert len(forgotten) <= TRIES * len(arrays)


def _engine_at(address: str) -> Engine:
    return Engine(EngineConfig(backend="dask", address=address))


def _kill_when(flag: Path, cluster: TcpCluster) -> None:
    while not flag.exists():
        time.sleep(0.05)
    cluster.kill_scheduler()


def test_all_that_waits_waits_at_the_scheduler_so_that_a_cluster_may_grow(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    flag, n_tasks = tmp_path / "go", 40
    with closing(Engine(EngineConfig(backend="dask", address=cluster.scheduler_address))) as engine:
        waiting = threading.Thread(target=_go_when, args=(flag, cluster, n_tasks), daemon=True)
        waiting.start()
        assert list(engine.map(_until, [flag] * n_tasks)) == [True] * n_tasks
        waiting.join()


def _go_when(flag: Path, cluster: LocalCluster, n_tasks: int) -> None:
    while len(cluster.scheduler.tasks) < n_tasks:
        time.sleep(0.02)
    flag.touch()


def _until(flag: Path) -> bool:
    while not flag.exists():
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_arrays_too_large_to_be_copied_give_the_same_bits(
    backend: Literal["loky", "dask"], cluster: LocalCluster
) -> None:
    """Beyond 1 MB workers get arrays memory-mapped or scattered, and read-only."""
    rng = np.random.default_rng(5)
    x, y, z = rng.standard_normal((1200, 130)), rng.standard_normal((1200, 21)), rng.standard_normal((1200, 3))

    def null(n_jobs: int) -> tuple[bytes, bytes]:
        given: dict[str, Any] = {"n_permutations": 70, "random_state": 2, "n_jobs": n_jobs}
        in_sample = permutation_test_cca(x, y, z, n_steps=1, **given)
        held_out = cross_validated_cca(x, y, z, n_splits=3, x_dimensions=20, y_dimensions=11, **given)
        return in_sample.null_statistics.tobytes(), held_out.null.tobytes()

    assert x.nbytes > 2**20
    expected = null(1)
    address = cluster.scheduler_address if backend == "dask" else None
    with closing(Engine(EngineConfig(backend=backend, workers=2, address=address))) as engine, engine.active():
        assert null(engine.n_jobs) == expected


def test_workers_are_no_more_than_the_cores_of_the_slurm_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert Engine(EngineConfig(workers=8)).n_jobs == 3
    assert Engine(EngineConfig(), 2).n_jobs == 2
    assert Engine(EngineConfig(backend="sequential"), 8).n_jobs == 1
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    assert Engine(EngineConfig(), 8).n_jobs == 8


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_SECONDS_TO_CONNECT", 0.5)
    engine = Engine(EngineConfig(backend="dask", address="tcp://127.0.0.1:9"))
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9 does not answer"):
        _ = engine.n_jobs


def test_dask_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(InputError, match=r"gene-brain-fusion\[cluster\]"):
        _ = Engine(EngineConfig(backend="dask")).n_jobs


def test_workers_with_several_threads_are_refused() -> None:
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as threads:
        engine = Engine(EngineConfig(backend="dask", address=threads.scheduler_address))
        with pytest.raises(InputError, match="need one thread each"):
            _ = engine.n_jobs
        engine.close()
