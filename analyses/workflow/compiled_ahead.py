"""What a first run on a machine compiles late: a process beside it compiles that while the run begins.

Python keeps the byte code of a module, and numba its kernels, when they are first used. A fresh installation has
neither, and waits several seconds for them, mostly while one core alone works. Where this process fails, the run
compiles what it lacks by itself.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from joblib import cpu_count

from fusion.workers import end_with

_KERNEL = "compiled._advance-*.nbi"
"""What numba keeps of the selective scan, beside its module."""


@contextmanager
def compiling_ahead() -> Iterator[None]:
    """Within: on a machine of several cores, where nothing is compiled yet, a process compiles what comes late."""
    if is_compiled() or cpu_count() < 2:
        yield
        return
    process = get_context("spawn").Process(target=_compile, args=(os.getpid(),), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def is_compiled() -> bool:
    """Whether numba has compiled the selective scan for this installation, or keeps what it compiles elsewhere."""
    from encoders.dna.networks import scans

    folder = Path(scans.__file__).with_name("__pycache__")
    return "NUMBA_CACHE_DIR" in os.environ or any(folder.glob(_KERNEL)) or not os.access(folder.parent, os.W_OK)


def _compile(parent: int) -> None:
    end_with(parent, by_main_thread=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run that is interrupted ends this process
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the run has the terminal
    os.dup2(1, 2)
    from encoders import load_encoder

    encoder = load_encoder("untrained:caduceus-ps", device="cpu")
    encoder.embed(["ACGT"])
    os.nice(10)  # the rest is for cores that are idle
    from analyses.arms.cost import count_flops

    count_flops(encoder, "ACGT")
    from analyses.report import page  # noqa: F401
    from analyses.tracking.mlflow_store import load_mlflow

    load_mlflow()
