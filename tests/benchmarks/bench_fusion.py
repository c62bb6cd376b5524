"""What the permutation tests of `fusion` cost, against the matrix product of the same run; writes results/fusion.md.

`python -m tests.benchmarks.bench_fusion` runs all sections; name some (speed, small, workers, memory, power) to replace
only those in the note. Seconds are CPU seconds of one thread, the best of rounds in which every contender takes its
turn; permutations, five in a row.
"""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from analyses.cli.blas_kernel import kernel_warnings, prefer_fast_kernel

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
prefer_fast_kernel(insist=True)  # for every contender; a slow one set from outside is measured in nobody

import numpy as np  # noqa: E402 (the kernel is chosen before numpy is imported)
import scipy  # noqa: E402
import sklearn  # noqa: E402
from threadpoolctl import threadpool_info, threadpool_limits  # noqa: E402

from analyses.arms.cost import peak_memory  # noqa: E402
from fusion import permutation_test_cca, rho_c  # noqa: E402
from fusion.permutation.permutations import make_permutations  # noqa: E402
from fusion.permutation.screening import screen_in_float32  # noqa: E402
from fusion.permutation.statistics import PermutedStatistics, TrailingVariates  # noqa: E402
from fusion.power.prediction import predicted_power  # noqa: E402
from tests.benchmarks.small_views import small  # noqa: E402

NOTE = Path(__file__).parent / "results" / "fusion.md"
SHAPES = {(5000, 512, 512): 1.4, (5000, 512, 180): 1.5, (20000, 512, 512): 1.3}
REFIT_LIMITS = {"cca-zoo 4 refit": 20, "scikit-learn CCA, 1 component": 80}
"""Of the 5,000 subjects; at 20,000 not even the product alone is 20 times as fast as cca-zoo."""
N_STEPS = 20
MEBIBYTE = 2**20

Views = tuple[np.ndarray, np.ndarray]


def _views(n: int, p: int, q: int, seed: int = 0, rho: float = 0.0) -> Views:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
    y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
    return x, y


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def _seconds(contenders: dict[str, Callable[[int], object]], rounds: int, calls: int = 1) -> dict[str, float]:
    """Best CPU seconds per call of each, taking turns so that all meet the same machine; a test calls in a row too."""
    best = dict.fromkeys(contenders, np.inf)
    for number in range(rounds + 1):
        for name, run in contenders.items():
            start = time.process_time()
            for call in range(calls):
                run(number * calls + call)
            if number:  # the first round warms caches
                best[name] = min(best[name], (time.process_time() - start) / calls)
    return best


def _kernels(n: int, p: int, q: int) -> dict[str, Callable[[int], object]]:
    x, y = (np.linalg.qr(view - view.mean(axis=0))[0] for view in _views(n, p, q))
    drawn = make_permutations(n, 999, random_state=0)
    few = PermutedStatistics(TrailingVariates(x, y, N_STEPS), drawn, ("wilks",))
    every = PermutedStatistics(TrailingVariates(x, y, min(p, q)), drawn, ("wilks",))
    screened = screen_in_float32(few, len(drawn))
    single = screened.coarse.trailing
    assert isinstance(single, TrailingVariates)
    return {
        "product alone": lambda _: single.first.T @ single.second,
        f"permutation, {N_STEPS} Wilks steps": screened.coarse,
        "permutation, all Wilks steps": PermutedStatistics(every.trailing.in_float32(), drawn, ("wilks",)),
        "permutation, Roy": PermutedStatistics(TrailingVariates(x, y, 1).in_float32(), drawn, ("roy",)),
        "float64: product alone": lambda _: x.T @ y,
        f"float64: permutation, {N_STEPS} Wilks steps": few,
    }


def _refits(n: int, p: int, q: int) -> dict[str, Callable[[int], object]]:
    from cca_zoo.linear import CCA
    from sklearn import cross_decomposition

    x, y = _views(n, p, q)
    order = np.random.default_rng(1).permutation(n)

    def zoo(_: int) -> object:
        views = [x[order], y]
        return CCA(n_components=N_STEPS).fit(views).score(views)

    def nipals(_: int) -> object:
        scores = cross_decomposition.CCA(n_components=1).fit(x[order], y).transform(x[order], y)
        return np.corrcoef(scores[0][:, 0], scores[1][:, 0])

    return {"cca-zoo 4 refit": zoo, "scikit-learn CCA, 1 component": nipals}


def speed() -> Iterator[str]:
    """Permutations against the product, and against refits."""
    yield "float32 unless said; ratios to the product alone in the same precision. Refits permute, fit, and give their"
    yield f"correlations (cca-zoo: {N_STEPS} components), in float64.\n"
    yield "| N x P x Q | what | seconds | ratio | required | |\n|---|---|---|---|---|---|"
    for shape, limit in SHAPES.items():
        label = " x ".join(f"{size:,}" for size in shape)
        found = _seconds(_kernels(*shape), rounds=10, calls=5)
        ours = found[f"permutation, {N_STEPS} Wilks steps"]
        for name, seconds in found.items():
            ratio = seconds / found["float64: product alone" if name.startswith("float64") else "product alone"]
            required = f"<= {limit} | {_verdict(ratio <= limit)}" if seconds == ours else "- | "
            yield f"| {label} | {name} | {seconds:.4f} | {ratio:.2f} | {required} |"
        for name, seconds in _seconds(_refits(*shape), rounds=3).items():
            met = _verdict(seconds / ours >= REFIT_LIMITS[name])
            required = f">= {REFIT_LIMITS[name]}x | {met}" if shape[0] == 5000 else "- | "
            yield f"| {label} | {name} | {seconds:.3f} | {seconds / ours:.0f}x ours | {required} |"


def _rechecks() -> str:
    x, y = (np.linalg.qr(view - view.mean(axis=0))[0] for view in _views(5000, 180, 180))
    drawn = make_permutations(5000, 299, random_state=0)
    screened = screen_in_float32(PermutedStatistics(TrailingVariates(x, y, N_STEPS), drawn, ("wilks",)), 300)
    coarse = np.stack([screened.coarse(index) for index in range(300)])
    near = (np.abs(coarse - screened.observed) <= screened.margin).any(axis=1).mean()
    return (
        f"Computed again in float64 (5,000 x 180 x 180, {N_STEPS} steps, observed in the bulk of the null): {near:.1%}."
    )


def workers() -> Iterator[str]:
    """Two workers against one, wall clock, the best of two turns each, and the same bits."""
    x, y = _views(5000, 512, 512)
    settings = {"condition_on_tested": False, "n_steps": N_STEPS, "precision": "screen", "random_state": 0}
    permutation_test_cca(x[:2000, :9], y[:2000, :9], n_permutations=99, n_jobs=2)  # workers start here
    seconds, results = {1: np.inf, 2: np.inf}, {}
    for n_jobs in (1, 2, 1, 2):
        start = time.perf_counter()
        results[n_jobs] = permutation_test_cca(x, y, n_permutations=1023, n_jobs=n_jobs, **settings)
        seconds[n_jobs] = min(seconds[n_jobs], time.perf_counter() - start)
    same = results[1].null_statistics.tobytes() == results[2].null_statistics.tobytes()
    ratio = seconds[1] / seconds[2]
    yield f"1,023 permutations of 5,000 x 512 x 512, {N_STEPS} steps, whitening included (load of the machine counts):"
    yield f"one worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s: {ratio:.2f}x, required >= 1.6x: "
    yield f"{_verdict(ratio >= 1.6)}."
    yield f"Null distributions are {'bitwise equal' if same else 'NOT EQUAL'}. {_rechecks()}"


def _measure_memory(kind: str) -> None:
    """Print peak over inputs; runs in a process of its own."""
    permutation_test_cca(*_views(50, 3, 3), n_permutations=2)  # what imports load is not the data's
    before = peak_memory()
    x, y = _views(20000, 512, 512)
    confounds = {} if kind == "none" else {"confounds": _views(20000, 10, 1)[0], "projection": kind}
    settings = {"condition_on_tested": False, "n_steps": N_STEPS, "precision": "screen", "random_state": 0}
    permutation_test_cca(x, y, **confounds, n_permutations=20, **settings)
    print((peak_memory() - before) / (x.nbytes + y.nbytes), x.nbytes + y.nbytes)


def memory() -> Iterator[str]:
    """Peak resident memory above that of the imports, inputs included."""
    yield "Peak resident memory above that after the imports, float64 inputs included: 20,000 x 512 x 512, screened.\n"
    yield "| confounds and projection | inputs, MiB | peak / inputs | required | |\n|---|---|---|---|---|"
    for kind in ("none", "huh-jhun", "theil"):
        command = [sys.executable, "-m", "tests.benchmarks.bench_fusion", f"--memory={kind}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        ratio, size = float(answer[0]), int(answer[1])
        yield f"| {kind} | {size / MEBIBYTE:.0f} | {ratio:.2f} | <= 3 | {_verdict(ratio <= 3)} |"


def power() -> Iterator[str]:
    """What the panel predicts, then what the test finds."""
    yield "N = 5,000, one population correlation of .15, p <= .05; predicted by `fusion.power` before any test ran.\n"
    yield "| dimensions | rho_c | statistic | predicted | found | of | required | |\n|---|---|---|---|---|---|---|---|"
    for dimensions, n_sets, n_permutations in ((50, 200, 99), (512, 20, 39)):
        predicted = predicted_power(4999, dimensions, dimensions, 0.15)._asdict()
        p = {name: [] for name in predicted}
        for seed in range(n_sets):
            views = _views(5000, dimensions, dimensions, seed, 0.15)
            for name, values in p.items():
                settings = {"n_permutations": n_permutations, "n_steps": 1, "random_state": seed, "precision": "screen"}
                values.append(permutation_test_cca(*views, statistic=name, **settings).p_fwer[0])
        for name, values in p.items():
            found = float((np.array(values) <= 0.05).mean())
            required = f">= 80% | {_verdict(found >= 0.8)}" if (dimensions, name) == (50, "roy") else "- | "
            cells = (dimensions, f"{rho_c(4999, dimensions, dimensions):.3f}", name, f"{predicted[name]:.0%}")
            yield f"| {' | '.join(map(str, cells))} | {found:.0%} | {n_sets} | {required} |"


SECTIONS = {"speed": speed, "small": small, "workers": workers, "memory": memory, "power": power}


def _context() -> str:
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        model = found.group(1) if found else model
    kernels = sorted(
        {f"{pool['version']} {pool['architecture']}" for pool in threadpool_info() if "architecture" in pool}
    )
    return (
        f"{model}, {os.cpu_count()} cores; numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn "
        f"{sklearn.__version__}, OpenBLAS {', '.join(kernels)}. GPU: not measured."
    )


def _write(name: str, lines: list[str]) -> None:
    parts = re.split(r"(?m)^## ", NOTE.read_text(encoding="utf-8"))[1:] if NOTE.exists() else []
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    sections[name] = "\n".join([*lines, "", f"({_context()})"])
    text = "# What the permutation tests cost\n\nWritten by `make bench-fusion`; every section with its own machine.\n"
    text += "".join(f"\n## {key}\n\n{sections[key]}\n" for key in SECTIONS if key in sections)
    NOTE.parent.mkdir(exist_ok=True)
    temporary = NOTE.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, NOTE)


def main(names: list[str]) -> None:
    """Run the sections named, or all, and replace them in the note."""
    for sentence in kernel_warnings():
        print(f"warning: {sentence}")
    for name in names or list(SECTIONS):
        lines = []
        with threadpool_limits(limits=1):
            for line in SECTIONS[name]():
                print(line, flush=True)
                lines.append(line)
        _write(name, lines)


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("--memory="):
        _measure_memory(sys.argv[1].partition("=")[2])
    else:
        main(sys.argv[1:])
