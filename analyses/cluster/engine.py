"""Where parallel work runs: joblib with its processes on this machine (loky), with dask, or in this process alone.

Results do not depend on it: work is cut into the same portions everywhere, and every worker has one BLAS thread.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import cached_property
from importlib import import_module
from typing import Any, TypeVar

from analyses.config.sections import EngineConfig
from analyses.errors import InputError
from analyses.progress import say

Item = TypeVar("Item")
Result = TypeVar("Result")

_SECONDS_TO_CONNECT = 30


class Engine:
    """Carries the parallel work of one run; nothing is started before it is needed.

    Parameters
    ----------
    config : EngineConfig
    workers : int
        Where the configuration names none. Never more than the cores of the SLURM task.
    """

    def __init__(self, config: EngineConfig, workers: int = 1) -> None:
        self.config = config
        self._workers = allowed_workers(config.workers or workers)
        self._open = ExitStack()

    @property
    def n_jobs(self) -> int:
        """Workers there are."""
        if self.config.backend == "dask":
            client = self._client
            with _losses_said("dask"):
                return sum(client.ncores().values())
        return 1 if self.config.backend == "sequential" else self._workers

    @property
    def shares_windows(self) -> bool:
        """Whether the windows stage is shared out: asked for, since every worker opens the genome files itself."""
        return self.config.workers is not None and self.config.backend != "sequential"

    @property
    def shares_embedding(self) -> bool:
        """Whether embedding is shared out: only over machines, since one process uses all cores of its own."""
        return self.config.address is not None

    @property
    def n_embedding_jobs(self) -> int:
        """Workers that may embed.

        Raises
        ------
        InputError
            No worker has what `EngineConfig.resources` asks for: its work would wait for ever.
        """
        wanted = self.config.resources
        if not wanted:
            return self.n_jobs
        client = self._client
        with _losses_said("dask"):
            of_each = client.run(_resources_of).values()
        count = sum(all(one.get(name, 0) >= amount for name, amount in wanted.items()) for one in of_each)
        if count < 1:
            asked = ",".join(f"{name}={amount:g}" for name, amount in wanted.items())
            raise InputError(
                f"engine.resources asks for workers with {asked}; none of the {len(of_each)} of the cluster has that: "
                f'start some with `dask worker ADDRESS --nthreads 1 --resources "{asked}"`, or leave engine.resources '
                "out."
            )
        return count

    @contextmanager
    def active(self, *, embeds: bool = False) -> Iterator[None]:
        """Context in which joblib runs here.

        Parameters
        ----------
        embeds : bool
            Only workers with what `EngineConfig.resources` asks for are given work.

        Raises
        ------
        InputError
            Workers were killed and did not come back, or the scheduler went away: what was finished is kept.
        """
        with self._backend(self.config.resources if embeds else {}), _losses_said(self.config.backend):
            yield

    def _backend(self, resources: Mapping[str, float]) -> AbstractContextManager[Any]:
        import joblib

        if self.config.backend == "loky":  # joblib's own default, which callers may still turn into threads
            return nullcontext()
        backend: Any = self.config.backend
        if backend == "dask":
            client = self._client  # says that dask is missing, before what needs it is imported
            from analyses.cluster.dask_backend import DaskBackend

            backend = DaskBackend(client=client, **({"resources": dict(resources)} if resources else {}))
        chosen: AbstractContextManager[Any] = joblib.parallel_config(backend)
        return chosen

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, embeds: bool = False
    ) -> Iterator[Result]:
        """``function`` of every item, in order, as they are ready.

        Parameters
        ----------
        function : callable
            Picklable.
        items : iterable
        embeds : bool
            As of :meth:`active`.

        Raises
        ------
        InputError
            As :meth:`active`.
        """
        from joblib import delayed

        from fusion.workers import workers

        with self.active(embeds=embeds):
            shared_out = workers(self.n_jobs, return_as="generator", batch_size=1)
            yield from shared_out(delayed(function)(item) for item in items)

    def close(self) -> None:
        """End what was started here; a cluster that was there before stays."""
        self._open.close()
        self.__dict__.pop("_client", None)

    @cached_property
    def _client(self) -> Any:
        try:
            distributed: Any = import_module("dask.distributed")
        except ImportError:
            raise InputError(
                "engine.backend: dask needs dask.distributed, which is not installed. Install it with "
                "pip install 'gene-brain-fusion[cluster]', or set engine.backend to loky."
            ) from None
        address = self.config.address or self._local_cluster(distributed)
        try:
            client = self._open.enter_context(
                distributed.Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False, name="genebrain")
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"engine.address must be that of a dask scheduler that runs; {address} does not answer ({error}). "
                "Start one with `dask scheduler`, or leave engine.address out."
            ) from None
        with suppress(TimeoutError):  # of a cluster that begins its workers when it is asked; none is refused below
            client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
        check_cluster(client)
        for name in ("distributed", "distributed.client"):  # what goes wrong is said in a sentence of ours
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self.config.address is not None:
            say(f"engine   dask at {address}, workers now: {len(client.nthreads())}; {client.dashboard_link}")
        return client

    def _local_cluster(self, distributed: Any) -> Any:
        """Processes of one thread on the loopback address, without a web page."""
        return self._open.enter_context(
            distributed.LocalCluster(
                n_workers=self._workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                memory_limit=0,  # stages bound their own memory; a worker paused at a guess would stop the run
                local_directory=tempfile.gettempdir(),
                silence_logs=logging.ERROR,
            )
        )


@contextmanager
def _losses_said(backend: str) -> Iterator[None]:
    """dask gives a killed worker's work to the next, and gives up when three were killed by it; loky does at once."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    killed: tuple[type[Exception], ...] = (TerminatedWorkerError,)
    gone: tuple[type[BaseException], ...] = ()
    if backend == "dask":
        client, comm = import_module("distributed.client"), import_module("distributed.comm")
        killed += (import_module("dask.distributed").KilledWorker,)
        closed = getattr(client, "ClosedClientError", comm.CommClosedError)  # older versions have none of its own
        gone = (CancelledError, closed)
    try:
        yield
    except killed:
        raise InputError(
            "Workers must live until their work is done; one was killed, mostly for want of memory. What was finished "
            "is kept: run the same command again, with fewer workers."
        ) from None
    except OSError as error:
        if backend == "dask" and _is_of_connection(error):
            raise _scheduler_lost(error) from None
        raise
    except gone as error:
        raise _scheduler_lost(error) from None


def _scheduler_lost(error: BaseException) -> InputError:
    return InputError(
        f"The scheduler of engine.address must live until the work is done; it went away ({error}). What was "
        "finished is kept: start it again, with workers, and run the same command again."
    )


def _is_of_connection(error: BaseException | None) -> bool:
    """Whether dask lost its scheduler: it says so itself, or gives that as the reason of an OSError without number."""
    lost = (import_module("distributed.comm").CommClosedError, ConnectionError, TimeoutError)
    while error is not None and not isinstance(error, lost):
        error = error.__cause__
    return error is not None


def _resources_of(dask_worker: Any) -> dict[str, float]:
    """What a worker was started with; dask gives it this argument by its name."""
    return dict(dask_worker.state.total_resources)


def check_cluster(client: Any) -> None:
    """Refuse a cluster without workers, or whose workers have several threads.

    Raises
    ------
    InputError
        The number of BLAS threads is one for a whole process: threads that work beside each other would change it for
        one another, and with it the last bits.
    """
    threads = client.nthreads()
    if not threads:
        raise InputError("The dask cluster needs workers; it has none. Start some with `dask worker ADDRESS`.")
    for address, number in threads.items():
        if number != 1:
            raise InputError(
                f"Workers of the dask cluster need one thread each; {address} has {number}. Start them with "
                "`dask worker ADDRESS --nworkers N --nthreads 1`."
            )


def allowed_workers(wanted: int) -> int:
    """As many as wanted, and no more than the SLURM task has cores."""
    return max(1, min(wanted, int(os.environ.get("SLURM_CPUS_PER_TASK", wanted))))
