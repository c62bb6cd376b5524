"""What an alignment says of its first component where two links are alike."""

import numpy as np
import pytest

from analyses.alignment.first_component import interpret
from analyses.alignment.recipe import collected_warnings
from analyses.results.serialisation import plain
from fusion import TableView

N, P, Q = 211, 8, 5


@pytest.mark.parametrize(("second", "tied"), [(0.68, True), (0.2, False)])
def test_tied_components_reach_the_results(second: float, tied: bool) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((N, P)), rng.standard_normal((N, Q))
    for k, rho in enumerate((0.7, second)):
        y[:, k] = rho * x[:, k] + np.sqrt(1 - rho**2) * y[:, k]
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    ids = [f"s{i}" for i in range(N)]
    views = TableView(x, ids, [f"g{j // 3}" for j in range(P)]), TableView(y, ids, [f"roi{j}" for j in range(Q)])
    settings = {"confounds": np.empty((N, 0)), "clusters": np.arange(N), "seed": 0, "n_jobs": 1}
    with collected_warnings() as said:
        found = interpret(views, (x, y), correlations=(0.7, 0.6), **settings)  # type: ignore[arg-type]
    assert any("too near one another" in sentence for sentence in said) == tied
    assert (found.interpretation.tied is not None) == tied
    assert found.interpretation.n_bootstrap == 200
    for row in (*found.gene_loadings, *found.feature_loadings):
        assert (row.lo is None) == tied
        assert ("communality" in plain(row)) == tied
    if found.interpretation.tied is not None:
        shares = {row.feature: row.communality or 0.0 for row in found.feature_loadings}
        assert {"roi0", "roi1"} == set(sorted(shares, key=lambda name: -shares[name])[:2])
        assert 0 < found.interpretation.tied.genes.upper < 60
