"""Tests of dependence that a run asks for, beside the alignment, under its confounds and blocks."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from analyses.alignment.recipe import Seeds, align_views
from analyses.config.sections import AlignmentConfig
from analyses.results.schema.alignments import AlignmentLabels
from fusion import Confound, TableView, make_folds

N, P, Q = 131, 5, 3


def _align(**settings: Any) -> Any:
    rng = np.random.default_rng(8)
    age = rng.normal(50, 9, N)
    x, y = rng.standard_normal((N, P)) + age[:, None] / 9, rng.standard_normal((N, Q)) - age[:, None] / 9
    y[:, 1] += 1.5 * (x[:, 0] - age / 9) ** 2
    ids = [f"s{i}" for i in range(N)]
    return align_views(
        TableView(x, ids, [f"g{j // 2}" for j in range(P)]),
        TableView(y, ids, [f"roi{j}" for j in range(Q)]),
        pd.DataFrame({"age": age}, index=ids),
        labels=AlignmentLabels("kmer", "kmer", "thickness", True, "test"),
        confounds=(Confound("age", "continuous"),),
        settings=AlignmentConfig(n_permutations=99, n_components=1, x_dimensions=P, y_dimensions=Q, **settings),
        folds=make_folds(N, 3, random_state=0),
        seeds=Seeds.spawn(0),
    ).summary


def test_what_is_curved_is_found_without_age_and_is_no_part_of_the_headline() -> None:
    plain, beside = _align(), _align(also=("rv", "hsic"))
    assert plain.dependence is None
    assert plain.held_out == beside.held_out
    assert plain.in_sample == beside.in_sample
    rv, hsic = beside.dependence
    assert (rv.name, hsic.name, rv.n_permutations) == ("rv", "hsic", 99)
    assert hsic.p_corrected <= 0.02
    assert hsic.value > hsic.null_q95
    assert rv.p > 0.05  # which age alone would have made 0.01


@pytest.mark.parametrize("also", [("rv", "rv"), ("cka",)])
def test_unknown_tests_and_those_asked_twice_are_refused(also: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="also"):
        AlignmentConfig(also=also)  # type: ignore[arg-type]
