"""The slow kernel of OpenBLAS is named, and the fast one asked for only where it can run."""

import os
import subprocess
import sys

import pytest

from analyses.cli import blas_kernel

ASK = """
from analyses.cli.blas_kernel import prefer_fast_kernel, kernel_warnings
prefer_fast_kernel()
import os, numpy
print(os.environ.get("OPENBLAS_CORETYPE"), *kernel_warnings(), sep="|")
"""


def _ask(**environment: str) -> list[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    answer = subprocess.run(
        [sys.executable, "-c", ASK], env=inherited | environment, capture_output=True, text=True, check=True
    )
    return answer.stdout.strip().split("|")


@pytest.fixture
def needs_avx512() -> None:
    if not blas_kernel.processor_flags() >= blas_kernel.NEEDED:
        pytest.skip("this processor has no AVX-512: there is no faster kernel to ask for")


@pytest.mark.usefixtures("needs_avx512")
def test_fast_kernel_is_asked_for_before_numpy_is_imported() -> None:
    assert _ask() == ["SkylakeX"]


@pytest.mark.usefixtures("needs_avx512")
def test_a_slow_kernel_that_the_user_chose_is_kept_and_named() -> None:
    kernel, sentence = _ask(OPENBLAS_CORETYPE="Haswell")
    assert kernel == "Haswell"
    assert "Haswell kernel" in sentence
    assert "OPENBLAS_CORETYPE=SkylakeX" in sentence


def test_nothing_is_asked_of_a_processor_without_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(blas_kernel, "processor_flags", lambda: frozenset({"avx2", "avx512f"}))
    monkeypatch.delitem(sys.modules, "numpy")
    blas_kernel.prefer_fast_kernel()
    assert "OPENBLAS_CORETYPE" not in os.environ
    assert blas_kernel.kernel_warnings() == []


def test_nothing_is_asked_once_numpy_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    assert np.__name__ in sys.modules
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    blas_kernel.prefer_fast_kernel()
    assert "OPENBLAS_CORETYPE" not in os.environ
