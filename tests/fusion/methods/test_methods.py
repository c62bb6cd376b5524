"""Methods in the same folds and permutations: linear CCA is itself, what is planted is found, nothing is not."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from fusion import Blocks, InputError, cross_validated_cca, make_folds, paired_difference
from fusion.comparison.max_t import westfall_young
from fusion.methods import (
    HeldOutMethods,
    KernelMethod,
    LinearMethod,
    canonical_scores,
    cross_validated_methods,
    learning_curve,
)
from fusion.methods.retrieval import curve_sizes, partner_ranks, recall

N, P, Q = 118, 3, 4
Array = np.ndarray[Any, Any]
METHODS = {"linear": LinearMethod(), "kernel": KernelMethod(n_landmarks=40)}


def _views(kind: str, seed: int = 1) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    x, y, age = rng.standard_normal((N, P)), rng.standard_normal((N, Q)), rng.standard_normal((N, 2))
    links = {"line": x[:, 0], "square": (x[:, 0] ** 2 - 1) / np.sqrt(2), "none": np.zeros(N)}
    y[:, 0] += 1.5 * links[kind]
    return x + age[:, :1], y - age[:, :1], age


def _test(kind: str, **settings: Any) -> HeldOutMethods:
    x, y, age = _views(kind)
    chosen: dict[str, Any] = {"n_permutations": 39, "random_state": 3, "folds": make_folds(N, 3, random_state=0)}
    return cross_validated_methods(x, y, age, methods=METHODS, dimensions=(P, Q), **chosen | settings)


@pytest.fixture(scope="module")
def square() -> HeldOutMethods:
    return _test("square")


@pytest.mark.parametrize("with_confounds", [True, False])
def test_linear_is_the_cross_validated_cca_to_the_last_permutation(with_confounds: bool) -> None:
    x, y, age = _views("line")
    families = np.arange(N) // 2
    folds = make_folds(N, 3, groups=families, random_state=0)
    folds = type(folds)(folds.assignments, folds.relations.updated(x, blocks=Blocks(families, "whole")))
    shared: dict[str, Any] = {"folds": folds, "n_permutations": 9, "random_state": 5, "n_bootstrap": 99}
    confounds = age if with_confounds else None
    ours = cross_validated_methods(
        x, y, confounds, methods={"linear": LinearMethod()}, dimensions=(2, Q), **shared
    ).methods["linear"]
    known = cross_validated_cca(x, y, confounds, x_dimensions=2, y_dimensions=Q, n_components=1, **shared)
    np.testing.assert_allclose(ours.null, known.null[:, 0], atol=1e-9)
    np.testing.assert_allclose(ours.rho_by_fold, known.rho_by_fold[:, 0], atol=1e-9)
    np.testing.assert_allclose(ours.interval, known.interval, atol=1e-9)
    np.testing.assert_allclose(ours.widening, known.widening, atol=1e-9)


def test_a_square_is_found_by_kernels_alone(square: HeldOutMethods) -> None:
    linear, kernel = square.methods["linear"], square.methods["kernel"]
    assert kernel.rho[0] > 0.5
    assert abs(linear.rho[0]) < 0.3
    family = {f"{name} {kind}": null for name, one in square.methods.items() for kind, null in _nulls(one).items()}
    p = westfall_young({name: (float(null[0]), null) for name, null in family.items()}, is_mixed=True)
    assert p["kernel rho"] == 1 / 40
    assert p["linear rho"] > 0.05
    assert paired_difference(kernel, linear, n_bootstrap=99).p < 0.05


def _nulls(method: Any) -> dict[str, Array]:
    return {"rho": method.null, "retrieval": method.retrieval_null}


def test_a_line_is_found_by_both_and_nothing_by_none() -> None:
    line, none = _test("line"), _test("none")
    assert all(one.p[0] == 1 / 40 for one in line.methods.values())
    assert paired_difference(line.methods["kernel"], line.methods["linear"], n_bootstrap=99).difference < 0.1
    assert all(min(one.p) > 0.05 for one in none.methods.values())


def test_the_same_bits_for_any_number_of_workers(square: HeldOutMethods) -> None:
    with parallel_config("threading"):  # to start processes takes longer than the work
        again = _test("square", n_jobs=2)  # two portions a fold
    assert pickle.loads(pickle.dumps(METHODS)).keys() == METHODS.keys()
    for name, one in square.methods.items():
        np.testing.assert_array_equal(one.null, again.methods[name].null)
        np.testing.assert_array_equal(one.recall_null, again.methods[name].recall_null)


def test_retrieval_by_hand_and_its_chance(square: HeldOutMethods) -> None:
    x = np.array([[[1.0, 0], [0, 1], [-1, -1]]])  # centred; the first and second partner are swapped
    y = x[:, [1, 0, 2]]
    ranks = partner_ranks(x, y)
    assert ranks.tolist() == [[[1, 1, 0]], [[1, 1, 0]]]
    np.testing.assert_allclose(recall(ranks, np.array([1, 2])), [[[1 / 3, 1]], [[1 / 3, 1]]])
    assert partner_ranks(np.zeros((1, 5, 2)), np.zeros((1, 5, 2))).tolist() == [[[2.0] * 5]] * 2
    assert curve_sizes(40, 7).tolist()[0] == 1
    assert 7 in curve_sizes(40, 7)
    for one in square.methods.values():
        np.testing.assert_allclose(one.recall_null[1:].mean(axis=0), one.chance, atol=0.03)
        assert (np.diff(one.recall) >= 0).all()


def test_canonical_scores_survive_columns_that_do_not_vary() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 30, 3)), rng.standard_normal((2, 30, 2))
    x[:, :, 1] = 4.0
    found = canonical_scores(x, y, np.arange(20), 0.1)
    assert all(np.isfinite(side).all() for side in found)
    assert np.isfinite(canonical_scores(np.zeros_like(x), y, np.arange(20), 0.1)[0]).all()


def test_a_curve_rises_with_the_subjects_and_says_where_there_are_too_few() -> None:
    x, y, age = _views("line")
    folds = make_folds(N, 3, groups=np.arange(N) // 2, random_state=0)
    curve = learning_curve(
        x, y, age, methods=METHODS, folds=folds, dimensions=(P, Q), shares=(0.8, 0.3, 0.05), n_draws=2
    )
    assert [point.share for point in curve] == [0.05, 0.3, 0.8]
    assert curve[0].rho == {}
    assert curve[0].reason is not None
    assert curve[1].n_train < curve[2].n_train < 80
    assert curve[1].rho["linear"].mean() < curve[2].rho["linear"].mean()
    assert curve[2].rho["kernel"].shape == (2,)
    whole = learning_curve(x, y, age, methods=METHODS, folds=folds, dimensions=(P, Q), shares=(1.0,))
    assert whole[0].rho["linear"].shape == (1,)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"methods": {}}, "needs at least one; none was given"),
        ({"recall_at": 39}, "from 1 to below the 39 subjects of the smallest test fold; got 39"),
        ({"dimensions": (0, 2)}, "x_dimensions must be 'auto' or a positive number of components; got 0"),
        ({"inner_splits": 40}, "inner folds need more subjects: the training rows are 78"),
    ],
)
def test_what_cannot_be_tested_is_said(settings: dict[str, Any], sentence: str) -> None:
    x, y, _ = _views("line")
    chosen: dict[str, Any] = {"methods": METHODS, "dimensions": (P, Q), "folds": make_folds(N, 3, random_state=0)}
    with pytest.raises(InputError, match=sentence):
        cross_validated_methods(x, y, **chosen | settings)


def test_penalties_and_shares_are_checked() -> None:
    x, y, _ = _views("line")
    with pytest.raises(InputError, match=r"needs penalties in \(0, 1\], at least one; got \[0.0\]"):
        KernelMethod(penalties=(0.0,))
    with pytest.raises(InputError, match=r"shares of the training subjects must lie in \(0, 1\]"):
        learning_curve(x, y, methods=METHODS, folds=make_folds(N, 3, random_state=0), dimensions=(P, Q), shares=(1.5,))


@pytest.mark.parametrize("function", [cross_validated_methods, learning_curve])
def test_tables_of_other_subjects_are_refused(function: Any) -> None:
    x, y, age = (pd.DataFrame(table, index=[f"s{i}" for i in range(N)]) for table in _views("line"))
    settings = {"methods": METHODS, "folds": make_folds(N, 3, random_state=0), "dimensions": (P, Q)}
    with pytest.raises(InputError, match="y must list the subjects of x in the same order"):
        function(x, y.iloc[::-1], **settings)
    with pytest.raises(InputError, match="confounds must list the subjects of x in the same order"):
        function(x, y, age.iloc[::-1], **settings)
