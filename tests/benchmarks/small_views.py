"""What a permutation of small and middle-sized views costs, against what nobody can avoid: the core.

The core gathers the permuted rows, multiplies, and takes the singular values of the product. In sample three components
are tested, each with those before it as nuisance, so three products are inherent; held out there are five folds, the
first component with the trace, and two more components that are fitted again given those before them.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.linalg

from fusion import cross_validated_cca, permutation_test_cca
from fusion.permutation.permutations import make_permutations
from fusion.permutation.screening import N_MEASURED

SHAPES = {(620, 30, 30): (400, 3), (500, 60, 60): (300, 3), (2000, 100, 100): (80, 3), (20000, 512, 512): (24, 1)}
"""Views, permutations a turn, and turns."""

LIMIT = 1.6
REFIT_LIMIT = 8


def _views(n: int, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, p)), rng.standard_normal((n, q))


def _refit(x: np.ndarray, y: np.ndarray) -> object:
    from cca_zoo.linear import CCA

    return CCA(n_components=3).fit([x, y]).score([x, y])


def _seconds(run: Callable[[int], Any], count: int) -> float:
    """CPU seconds that `count` more permutations cost, each: what is done once a test is not a permutation's.

    The first ones are computed in both precisions, to measure what float32 moves.
    """
    seconds = []
    for n_permutations in (N_MEASURED, N_MEASURED + count):
        start = time.process_time()
        run(n_permutations)
        seconds.append(time.process_time() - start)
    return (seconds[1] - seconds[0]) / count


def _contenders(n: int, p: int, q: int) -> dict[str, Callable[[int], Any]]:
    x, y = _views(n, p, q)
    first, second = (np.linalg.qr(view - view.mean(axis=0))[0] for view in (x, y))
    drawn = make_permutations(n, 500, random_state=0)
    orders = [drawn[index] for index in range(500)]
    in_sample: dict[str, Any] = {"n_steps": 3, "random_state": 0}
    held_out: dict[str, Any] = {"n_bootstrap": 2, "random_state": 0, "x_dimensions": p, "y_dimensions": q}
    return {
        "core": lambda count: [scipy.linalg.svdvals(first[order].T @ second) for order in orders[:count]],
        "in sample, float64": lambda count: permutation_test_cca(x, y, n_permutations=count, **in_sample),
        "in sample, screened": lambda count: permutation_test_cca(
            x, y, n_permutations=count, precision="screen", **in_sample
        ),
        "held out, first component": lambda count: cross_validated_cca(
            x, y, n_permutations=count, n_components=1, **held_out
        ),
        "held out, 3 components": lambda count: cross_validated_cca(
            x, y, n_permutations=count, n_components=3, **held_out
        ),
        "cca-zoo refit": lambda count: [_refit(x[order], y) for order in orders[:count]],
    }


def small() -> Iterator[str]:
    """Permutations of small views against their core and against refits."""
    yield "Milliseconds of one thread for one more permutation, the best of turns; what a test does once is left out."
    yield "Held out, a core is that of five folds.\n"
    yield "| N x P x Q | what | ms | x core | required | |\n|---|---|---|---|---|---|"
    for shape, (count, rounds) in SHAPES.items():
        label = " x ".join(f"{size:,}" for size in shape)
        contenders = _contenders(*shape)
        best = dict.fromkeys(contenders, np.inf)
        contenders["cca-zoo refit"](1)  # imports
        for _ in range(rounds):
            for name, run in contenders.items():
                n_runs = min(count, 19) if name == "cca-zoo refit" else count
                best[name] = min(best[name], _seconds(run, n_runs))
        for name, seconds in best.items():
            ratio = seconds / best["core"] / (5 if name.startswith("held out") else 1)
            met = "met" if ratio <= LIMIT else "MISSED"
            required = f"<= {LIMIT} | {met}" if name.startswith(("in sample", "held out")) else "- | "
            yield f"| {label} | {name} | {1e3 * seconds:.2f} | {ratio:.2f} | {required} |"
        faster = best["cca-zoo refit"] / best["in sample, screened"]
        required = f">= {REFIT_LIMIT} | {'met' if faster >= REFIT_LIMIT else 'MISSED'}" if shape[0] < 2000 else "- | "
        yield f"| {label} | refit / in sample, screened | - | {faster:.1f} | {required} |"
