"""dask, loky and one process give the same bits; a worker that dies takes nothing with it."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dask.distributed import LocalCluster

from analyses import engine as engine_module
from analyses.config_file import load_config
from analyses.engine import Engine, EngineConfig
from analyses.errors import InputError
from analyses.pipeline import Pipeline
from analyses.sharded_stages import chosen_arms, window_parts
from analyses.shards import Shard
from analyses.simulate import DemoCohort
from analyses.window_parts import WindowParts
from encoders.dna.embed import read_embeddings
from tests.analyses.commands import CONFIG

ARM = "kmer-5"
SETTINGS = (
    "experiment=align",
    "encoders=[encoders/kmer-spectrum.yaml]",
    "tracking.enabled=false",
    "alignment.n_permutations=99",
    "folds.n_splits=3",
)


def _open(cohort: DemoCohort, output: Path, *settings: str) -> Pipeline:
    given = [f"output={output}", *SETTINGS, *settings]
    return Pipeline(load_config(CONFIG, given, variables={"DEMO_COHORT": str(cohort.folder)}))


@pytest.fixture(scope="module")
def alone(cohort: DemoCohort, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The alignments of one process."""
    run = _open(cohort, tmp_path_factory.mktemp("alone") / "run", "engine.backend=sequential")
    run.run(until="align")
    return run


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes with one thread each."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0
    ) as started:
        yield started


def _check_same(one: Pipeline, other: Pipeline) -> None:
    folders = one.workspace.folder, other.workspace.folder
    names = [
        *(f"alignments/{ARM}__{view}/{file}" for view in ("linked", "control") for file in ("alignment.json",)),
        *(f"alignments/{ARM}__{view}/null_draws.npz" for view in ("linked", "control")),
        "windows/table/table.npz",
        "windows/table/table.json",
        "windows/summary.json",
    ]
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    sequences = one.window_table.sequences
    vectors = [read_embeddings(sequences, chosen_arms(run, [ARM])[0].store) for run in (one, other)]
    assert len(sequences) > 100
    assert np.array_equal(*vectors)


def test_loky_gives_the_bits_of_one_process(alone: Pipeline, cohort: DemoCohort, tmp_path: Path) -> None:
    run = _open(cohort, tmp_path / "run", "engine.workers=2")
    run.run(until="align")
    _check_same(alone, run)


def test_a_dask_cluster_gives_the_bits_of_one_process(alone: Pipeline, cohort: DemoCohort, tmp_path: Path) -> None:
    """Started by the run itself, on the loopback address."""
    run = _open(cohort, tmp_path / "run", "engine.backend=dask", "engine.workers=2")
    run.run(until="align")
    _check_same(alone, run)


def test_a_dask_cluster_at_an_address_shares_embedding_too(
    *, alone: Pipeline, cohort: DemoCohort, tmp_path: Path, cluster: LocalCluster
) -> None:
    settings = ("engine.backend=dask", f"engine.address={cluster.scheduler_address}", "engine.workers=2")
    run = _open(cohort, tmp_path / "run", *settings)
    run.run(until="align")
    _check_same(alone, run)
    report = run.workspace.read_json("embed.json")[ARM]
    assert report["n_encoded"] == report["n_distinct"]
    assert len(list(chosen_arms(run, [ARM])[0].store.folder.glob("*.ids"))) == 2  # one from each worker
    assert len(cluster.workers) == 2  # a cluster that was there before stays


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


def test_the_shard_of_a_killed_dask_worker_is_redone(alone: Pipeline, cohort: DemoCohort, tmp_path: Path) -> None:
    run = _open(cohort, tmp_path / "run", "engine.backend=dask", "engine.workers=2")
    parts, flag = window_parts(run), tmp_path / "killed"
    written = list(run.engine.map(_write_or_die, [(parts, Shard(index, 3), flag) for index in range(3)]))
    run.engine.close()
    assert flag.exists()
    assert written == [True] * 3
    run.run(until="windows")
    for name in ("table/table.npz", "table/table.json", "summary.json"):
        read = [(folder / "windows" / name).read_bytes() for folder in (run.workspace.folder, alone.workspace.folder)]
        assert read[0] == read[1]


def test_the_shard_of_a_killed_loky_worker_is_redone_by_the_next_run(
    alone: Pipeline, cohort: DemoCohort, tmp_path: Path
) -> None:
    run = _open(cohort, tmp_path / "run", "engine.workers=2")
    parts, flag = window_parts(run), tmp_path / "killed"
    with pytest.raises(InputError, match="What was finished is kept"):
        list(run.engine.map(_write_or_die, [(parts, Shard(index, 3), flag) for index in range(3)]))
    assert parts.missing(run.genome, 3)
    run.run(until="windows")
    name = "windows/table/table.npz"
    assert (run.workspace.folder / name).read_bytes() == (alone.workspace.folder / name).read_bytes()


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
