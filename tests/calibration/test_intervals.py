"""Coverage of the intervals: held-out correlations given the folds' projections, and population loadings.

``python -m tests.calibration.test_intervals`` writes results_heldout.md beside this file.
"""

import platform
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy
from joblib import Parallel, delayed

from fusion import TableView, cross_validated_cca, make_folds
from fusion.interpretation.bootstrap import bootstrap_refits
from fusion.interpretation.loading_table import loading_table
from fusion.views.view import as_view
from tests.calibration.rates import Counted, Record, above, at_least, at_most, sets

pytestmark = pytest.mark.calibration

RESULTS = Path(__file__).with_name("results_heldout.md")
LOW, HIGH = 0.90, 0.98


class HeldOut(NamedTuple):
    """A population with one link, analysed with all dimensions."""

    n: int
    width: int
    rho: float
    family: int = 1  # subjects per family, who share half of their variance
    heavy: bool = False  # t(5) instead of normal


class Loadings(NamedTuple):
    """A population whose columns mix latent coordinates of uneven variance, genes of `per_gene` columns."""

    n: int
    width: int
    rho: float
    per_gene: int = 5


HELD_OUT = {
    "null": HeldOut(300, 8, 0.0),
    "small": HeldOut(150, 6, 0.5),
    "many dimensions": HeldOut(400, 20, 0.4),
    "strong": HeldOut(200, 6, 0.9),
    "families": HeldOut(300, 6, 0.5, family=3),
    "t(5)": HeldOut(300, 6, 0.5, heavy=True),
}
LOADINGS = {
    "weak": Loadings(1000, 25, 0.3),
    "moderate": Loadings(400, 20, 0.5),
    "strong": Loadings(400, 10, 0.7),
}


def _draw(rng: np.random.Generator, case: HeldOut) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    families = np.arange(case.n) // case.family
    parts = []
    for _ in range(3):
        own = rng.standard_normal((case.n, case.width))
        if case.family > 1:
            own = np.sqrt(0.5) * (own + rng.standard_normal((case.n, case.width))[families])
        parts.append(own / np.sqrt(rng.chisquare(5, (case.n, 1)) / 3) if case.heavy else own)
    x, y = parts[0], parts[1]
    y[:, 0] = case.rho * x[:, 0] + np.sqrt(1 - case.rho**2) * y[:, 0]
    return x, y, families


def held_out_covered(case: HeldOut, seed: int) -> float:
    """Whether the interval holds the population correlation of its projections, over folds; NaN where none is given."""
    x, y, families = _draw(np.random.default_rng(seed), case)
    groups = families if case.family > 1 else None
    folds = make_folds(case.n, 5, groups=groups, random_state=seed)
    settings: dict[str, Any] = {"n_permutations": 1, "n_bootstrap": 1000, "n_components": 1, "random_state": seed}
    result = cross_validated_cca(
        x, y, folds=folds, groups=groups, x_dimensions=case.width, y_dimensions=case.width, **settings
    )
    true = []
    for _, test in folds:
        a, b = (_weights(view[test], scores[test, 0]) for view, scores in ((x, result.x_scores), (y, result.y_scores)))
        true.append(case.rho * a[0] * b[0] / np.linalg.norm(a) / np.linalg.norm(b))
    target = np.average(true, weights=result.n_test)
    low, high = result.interval[0]
    return float("nan") if np.isnan(low) else float(low <= target <= high)


def _weights(view: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """A score is affine in the columns: its weights, exactly."""
    solution: np.ndarray = np.linalg.lstsq(np.column_stack([np.ones(len(view)), view]), scores)[0]
    return solution[1:]


def loadings_covered(case: Loadings, seed: int) -> tuple[float, float]:
    """Share of columns, and of genes, whose interval holds the population loading."""
    rng, mix = np.random.default_rng(seed), np.random.default_rng(99)
    x, y = rng.standard_normal((case.n, case.width)), rng.standard_normal((case.n, case.width))
    for k, r in enumerate((case.rho, case.rho / 2)):
        y[:, k] = r * x[:, k] + np.sqrt(1 - r**2) * y[:, k]
    left, right = (np.linalg.qr(mix.standard_normal((case.width, case.width)))[0] for _ in range(2))
    axes = left * np.arange(1, case.width + 1) ** -0.25 @ right
    x = x @ axes.T
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    true = axes[:, 0] / np.linalg.norm(axes, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that components are tied
        refits = bootstrap_refits(x, y, n_draws=200, seed=seed)
    scores = refits.x_scores[:, 0], refits.y_scores[:, 0]
    settings: dict[str, Any] = {"draws": refits.x_draws, "counts": refits.counts}
    names = as_view(x).column_groups
    columns = loading_table(x, *scores, grouped=False, **settings)[0].set_index("feature").loc[list(names)]
    sign = np.sign(columns["loading"].to_numpy() @ true)
    genes = [f"g{j // case.per_gene:02d}" for j in range(case.width)]
    view = TableView(x, [f"s{i}" for i in range(case.n)], genes)
    by_gene = loading_table(view, *scores, grouped=True, **settings)[0].set_index("gene_id").sort_index()
    true_by_gene = np.sqrt((true**2).reshape(-1, case.per_gene).mean(axis=1))
    return _share(columns, sign * true), _share(by_gene, true_by_gene)


def _share(table: Any, true: np.ndarray) -> float:
    """NaN where components are tied, so that no interval is given."""
    if table["lo"].isna().any():
        return float("nan")
    return float(((table["lo"].to_numpy() <= true) & (true <= table["hi"].to_numpy())).mean())


def _on_all_cores(covered: Callable[[Any, int], Any], case: HeldOut | Loadings, n_sets: int) -> list[Any]:
    found: list[Any] = Parallel(n_jobs=-1)(delayed(covered)(case, seed) for seed in range(n_sets))
    return found


def held_out_coverage(name: str, n_sets: int = 300) -> tuple[Counted, Counted]:
    """In how many data sets of one scenario the interval covers, of those in which one is given, and these."""
    covered = np.array(_on_all_cores(held_out_covered, HELD_OUT[name], sets(n_sets)))
    n, n_given, is_share = len(covered), int(np.isfinite(covered).sum()), len(covered) < n_sets
    return Counted(int(np.nansum(covered)), n_given, is_share), Counted(n_given, n, is_share)


def loadings_coverage(name: str, n_sets: int = 60) -> tuple[float, float]:
    """Coverage of the loadings' intervals, by column and by gene, in one scenario.

    Columns of a data set depend on one another, so what is covered is no count: all data sets are drawn in any case.
    """
    columns, genes = np.nanmean(_on_all_cores(loadings_covered, LOADINGS[name], n_sets), axis=0)
    return float(columns), float(genes)


def _recorded(name: str, n_sets: int = 300) -> tuple[Counted, Counted]:
    """What results_heldout.md holds of a scenario, as `held_out_coverage` tells it."""
    row = re.search(rf"^\| {re.escape(name)} \|.* ([\d.]+)% \| ([\d.]+)% \|$", RESULTS.read_text("utf-8"), re.MULTILINE)
    assert row is not None, f"{RESULTS.name} has no row {name}: run python -m tests.calibration.test_intervals"
    covered, given = (float(one) / 100 for one in row.groups())
    n_given = round(given * n_sets)
    return Counted(round(covered * n_given), n_given), Counted(n_given, n_sets)


@pytest.mark.parametrize("name", HELD_OUT)
def test_held_out_intervals_cover(name: str, record: Record) -> None:
    coverage, given = held_out_coverage(name)
    for what, counted, recorded in zip(("covered", "given"), (coverage, given), _recorded(name), strict=True):
        record(what, counted, recorded)
    assert at_least(coverage, LOW)
    assert at_most(coverage, HIGH)
    assert above(given, 0.7 if HELD_OUT[name].heavy else 0.9)


@pytest.mark.parametrize("name", LOADINGS)
def test_loading_intervals_cover(name: str) -> None:
    for coverage in loadings_coverage(name):
        assert LOW <= coverage <= HIGH


def main() -> None:
    """Measure and write the note."""
    lines = [
        "# Coverage of nominal 95 % intervals",
        "",
        f"numpy {np.__version__}, scipy {scipy.__version__}, Python {platform.python_version()}; written by "
        "`python -m tests.calibration.test_intervals`.",
        "",
        "## Held-out correlations",
        "",
        "Target: the fold-averaged population correlation of the folds' own projections. 300 data sets each, 5 folds. "
        "No interval is given where few subjects carry the scores; coverage is of those that are.",
        "",
        "| scenario | N | dimensions | rho | covered | interval given |",
        "|---|---|---|---|---|---|",
    ]
    for name, case in HELD_OUT.items():
        coverage, given = held_out_coverage(name)
        size = f"{case.n} | {case.width} x {case.width}"
        lines.append(f"| {name} | {size} | {case.rho} | {coverage.rate:.1%} | {given.rate:.1%} |")
    lines += [
        "",
        "## Structure loadings of the first component",
        "",
        "Target: population loadings. 60 data sets each, 200 bootstrap refits.",
        "",
        "| scenario | N | dimensions | rho | columns | genes (root mean square) |",
        "|---|---|---|---|---|---|",
    ]
    for name, of in LOADINGS.items():
        columns, genes = loadings_coverage(name)
        lines.append(f"| {name} | {of.n} | {of.width} x {of.width} | {of.rho} | {columns:.1%} | {genes:.1%} |")
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
