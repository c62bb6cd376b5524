"""The program for a GPU runs where there is none, or says that there is none."""

import pytest
import torch

from tests.benchmarks import bench_gpu


def test_permutations_of_another_library_are_numpys() -> None:
    *rates, same = bench_gpu.permutations("cpu", bench_gpu.SMALL)
    assert [what.split(", ")[-1] for what, _, _ in rates] == ["numpy", "cpu"]
    assert same == ("permutation test, p-values", "the same", "the same")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_no_gpu_is_one_sentence() -> None:
    with pytest.raises(SystemExit, match="needs a GPU that torch reaches"):
        bench_gpu.main("cuda", bench_gpu.SMALL)
