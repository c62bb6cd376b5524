"""Which kernel OpenBLAS runs: on AMD processors with AVX-512 it takes one of half their speed unless told otherwise.

The choice is made once, when numpy is imported, from the variable ``OPENBLAS_CORETYPE``; nothing here imports numpy.
"""

import os
import sys
from functools import cache

SLOW = frozenset({"haswell", "zen"})
FAST = "SkylakeX"
NEEDED = frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"})
"""Processor flags that the fast kernel's instructions need."""


@cache
def processor_flags() -> frozenset[str]:
    """Flags of the processor as Linux lists them; none elsewhere."""
    if not os.path.exists("/proc/cpuinfo"):
        return frozenset()
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        line = next((line for line in stream if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())


def prefer_fast_kernel(*, insist: bool = False) -> None:
    """Ask OpenBLAS for its AVX-512 kernel, in this process and its children.

    Only if the processor has every instruction of it and numpy is not imported yet. The kernels round differently, so
    the last digits of results may; runs record which one they had.

    Parameters
    ----------
    insist : bool
        Even if the variable is set already.
    """
    if processor_flags() >= NEEDED and "numpy" not in sys.modules:
        os.environ["OPENBLAS_CORETYPE"] = FAST if insist else os.environ.get("OPENBLAS_CORETYPE", FAST)


def kernel_warnings() -> list[str]:
    """One sentence if OpenBLAS runs a kernel of half the processor's speed, naming it and what to do."""
    from threadpoolctl import threadpool_info

    names = {str(pool.get("architecture")) for pool in threadpool_info() if pool.get("internal_api") == "openblas"}
    slow = sorted(name for name in names if name.lower() in SLOW)
    if not slow or not processor_flags() >= NEEDED:
        return []
    return [
        f"OpenBLAS runs its {slow[0]} kernel on a processor with AVX-512; OPENBLAS_CORETYPE={FAST}, set before numpy "
        "is imported, nearly doubles the speed of every permutation."
    ]
