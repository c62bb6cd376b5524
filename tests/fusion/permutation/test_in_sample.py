"""The in-sample test against the published implementation, and its own rules."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusion import InputError, TableView, permutation_test_cca, permutation_tests_cca
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.statistics import roy, wilks

CASES = [
    "c01_null_p_eq_q",
    "c03_one_p_eq_q",
    "c04_two_p_lt_q",
    "c06_partial_null_hj",
    "c07_partial_null_theil",
    "c08_partial_two_hj",
    "c10_part_one_hj",
    "c12_bipartial_one_theil",
    "c14_blocks_null",
    "c18_rank_deficient",
]
N, P, Q, R = 61, 7, 5, 3


def _case(folder: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(folder / "cca" / f"{name}.npz") as stored:
        return dict(stored)


def _injected(case: dict[str, np.ndarray]) -> dict[str, Any]:
    bases = {"bases": (case["Qz"], case.get("Qw"))} if "Qz" in case else {}
    return {"permutations": case["Pset"].T, "condition_on_tested": False, **bases}


def _confounds(case: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if "Z" not in case:
        return {}
    if not case["partial"]:
        return {"confounds_x": case["Z"]}
    return {"confounds_x": case["Z"], "confounds_y": case["W"]} if "W" in case else {"confounds": case["Z"]}


@pytest.mark.parametrize("name", CASES)
def test_data_space_parity(reference_data: Path, name: str) -> None:
    case = _case(reference_data, name)
    result = permutation_test_cca(case["Y"], case["X"], **_injected(case))
    np.testing.assert_allclose(result.canonical_correlations, case["r_true"], atol=1e-8)
    np.testing.assert_allclose(result.null_statistics, case["lW_ortho"], atol=1e-8)
    np.testing.assert_array_equal(result.p_uncorrected, case["p_unc_ortho_1000"])
    np.testing.assert_array_equal(result.p_fwer, case["p_fwer_ortho_1000"])


@pytest.mark.parametrize("name", CASES[:-1])
@pytest.mark.parametrize(("statistic", "key"), [("wilks", "lW_permcca"), ("roy", "roy_permcca")])
def test_published_code_parity(reference_data: Path, name: str, statistic: Any, key: str) -> None:
    case = _case(reference_data, name)
    result = permutation_test_cca(case["Y"], case["X"], statistic=statistic, reference="permcca", **_injected(case))
    np.testing.assert_allclose(result.null_statistics, case[key], atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_own_permutations_agree_with_5000_published_ones(reference_data: Path, name: str) -> None:
    case = _case(reference_data, name)
    theil = "sel" in case or "blocks" in case
    result = permutation_test_cca(
        case["Y"],
        case["X"],
        **_confounds(case),
        projection="theil" if theil else "huh-jhun",
        exchangeability_blocks=case.get("blocks"),
        condition_on_tested=False,
        n_permutations=1999,
        random_state=1,
    )
    np.testing.assert_allclose(result.canonical_correlations, case["r_true"], atol=1e-8)
    np.testing.assert_allclose(result.p_fwer, case["p_fwer_ortho_5000"], atol=0.04)


@pytest.fixture
def views() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    z = rng.standard_normal((N, R))
    x = rng.standard_normal((N, P)) + z @ rng.standard_normal((R, P))
    y = rng.standard_normal((N, Q)) + z @ rng.standard_normal((R, Q))
    y[:, 0] += 2 * x[:, 0]
    return {"x": x, "y": y, "confounds": z}


def _product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.qr(x - x.mean(axis=0))[0].T @ np.linalg.qr(y - y.mean(axis=0))[0]


def test_one_cholesky_equals_separate_determinants() -> None:
    product = 0.3 * np.random.default_rng(0).standard_normal((6, 4))
    expected = []
    for k in range(4):
        block = product[: 6 - k, : 4 - k]
        expected.append(-np.linalg.slogdet(np.eye(4 - k) - block.T @ block)[1])
    np.testing.assert_allclose(wilks(product, 4), expected, atol=1e-12)
    np.testing.assert_allclose(wilks(product.T, 3), expected[:3], atol=1e-12)
    np.testing.assert_allclose(wilks(product, 1), expected[:1], atol=1e-12)


def test_perfect_correlation_is_infinite_and_raises_nothing() -> None:
    assert wilks(np.diag([0.5, 1.0]), 2).tolist() == pytest.approx([np.inf, -np.log(0.75)])
    assert wilks(np.eye(1), 1)[0] == np.inf
    assert roy(np.diag([0.5, 1.0]), 2).tolist() == [1.0, 0.5]


def test_statistic_of_the_identity_is_that_of_the_correlations(views: dict[str, np.ndarray]) -> None:
    result = permutation_test_cca(**views, n_permutations=9, random_state=0)
    r = result.canonical_correlations
    np.testing.assert_allclose(result.statistic, -np.cumsum(np.log1p(-(r[::-1] ** 2)))[::-1], atol=1e-10)
    by_roy = permutation_test_cca(**views, statistic="roy", n_permutations=9, random_state=0)
    np.testing.assert_allclose(by_roy.statistic, r, atol=1e-10)
    assert result.n_effective == N - 1 - R
    assert result.ranks == (P, Q)


@pytest.mark.parametrize("statistic", ["wilks", "roy"])
@pytest.mark.parametrize("projection", ["huh-jhun", "theil"])
def test_planted_component_is_found_and_only_it(views: dict[str, np.ndarray], statistic: Any, projection: Any) -> None:
    result = permutation_test_cca(
        **views, statistic=statistic, projection=projection, n_permutations=199, random_state=3
    )
    assert result.p_fwer[0] == 1 / 200
    assert (result.p_fwer[1:] > 0.05).all()
    assert (np.diff(result.p_fwer) >= 0).all()


def test_correlations_are_those_of_residuals(views: dict[str, np.ndarray]) -> None:
    design = np.column_stack([np.ones(N), views["confounds"]])
    x, y = (m - design @ np.linalg.lstsq(design, m)[0] for m in (views["x"], views["y"]))
    expected = np.linalg.svd(_product(x, y))[1]
    for projection in ("huh-jhun", "theil"):
        result = permutation_test_cca(**views, projection=projection, n_permutations=1)
        np.testing.assert_allclose(result.canonical_correlations, expected, atol=1e-10)


def test_data_space_does_not_depend_on_coding_of_the_larger_view(views: dict[str, np.ndarray]) -> None:
    recoded = views | {"x": views["x"] @ np.random.default_rng(1).standard_normal((P, P))}
    first, second = (permutation_test_cca(**v, n_permutations=29, random_state=0) for v in (views, recoded))
    np.testing.assert_allclose(first.null_statistics, second.null_statistics, atol=1e-8)


@pytest.mark.parametrize("projection", ["huh-jhun", "theil"])
def test_bits_do_not_depend_on_workers(views: dict[str, np.ndarray], projection: Any) -> None:
    one, two = (
        permutation_test_cca(**views, projection=projection, n_permutations=149, random_state=4, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert one.null_statistics.tobytes() == two.null_statistics.tobytes()


def test_more_permutations_extend_the_same_sequence(views: dict[str, np.ndarray]) -> None:
    few, many = (permutation_test_cca(**views, n_permutations=n, random_state=4) for n in (20, 80))
    np.testing.assert_array_equal(few.null_statistics, many.null_statistics[:21])


def test_injected_permutations_are_conditioned_too(views: dict[str, np.ndarray]) -> None:
    table = np.stack([np.arange(N - 1 - R), np.random.default_rng(0).permutation(N - 1 - R)])
    result = permutation_test_cca(**views, permutations=table)
    assert result.null_statistics.shape == (2, Q)
    assert np.isfinite(result.null_statistics).all()
    assert result.seed is None


def test_blocks_survive_theil(views: dict[str, np.ndarray]) -> None:
    sites = np.arange(N) % 4
    result = permutation_test_cca(
        **views, projection="theil", exchangeability_blocks=sites, n_permutations=99, random_state=0
    )
    assert result.scheme == "rows within 4 blocks"
    assert result.p_fwer[0] == 0.01


def test_whole_blocks_with_confounds(views: dict[str, np.ndarray]) -> None:
    families = Blocks(np.arange(N) // 2, "whole")
    result = permutation_test_cca(
        **views, projection="theil", exchangeability_blocks=families, n_permutations=99, random_state=0
    )
    assert result.scheme.endswith("whole blocks")
    assert result.p_fwer[0] == 0.01


def test_nested_blocks_with_confounds_find_the_link_and_say_their_scheme(views: dict[str, np.ndarray]) -> None:
    family = np.arange(N) // 2
    nested = np.column_stack([family % 2, family])
    result = permutation_test_cca(
        **views, projection="theil", exchangeability_blocks=nested, n_permutations=99, random_state=0
    )
    assert result.scheme == "nested blocks of 2 levels"
    assert result.p_fwer[0] == 0.01
    assert (result.p_fwer[1:] > 0.05).all()
    with pytest.raises(InputError, match="need projection='theil'"):
        permutation_test_cca(**views, exchangeability_blocks=nested)


def test_few_possible_permutations_are_named() -> None:
    rng = np.random.default_rng(0)
    blocks = Blocks(np.repeat([0, 1, 2, 3], 10), "whole")
    result = permutation_test_cca(
        rng.standard_normal((40, 2)),
        rng.standard_normal((40, 3)),
        projection="theil",
        exchangeability_blocks=blocks,
        condition_on_tested=False,
        n_permutations=99,
    )
    assert any("only 24 distinct permutations" in sentence for sentence in result.warnings)


def test_steps_beyond_the_limit_are_not_tested(views: dict[str, np.ndarray]) -> None:
    result = permutation_test_cca(**views, n_permutations=19, n_steps=2, random_state=0)
    assert result.n_tested == 2
    assert np.isnan(result.p_fwer[2:]).all()
    assert len(result.to_frame()) == Q


@pytest.mark.parametrize("conditioned", [True, False])
def test_early_stop_tests_nothing_after_the_first_large_p(views: dict[str, np.ndarray], conditioned: bool) -> None:
    arguments = {"n_permutations": 99, "random_state": 0, "condition_on_tested": conditioned}
    stopped = permutation_test_cca(**views, stop_at=0.05, **arguments)
    full = permutation_test_cca(**views, **arguments)
    assert stopped.n_tested == 2
    np.testing.assert_array_equal(stopped.p_fwer[:2], full.p_fwer[:2])


def test_views_frames_and_arrays_agree(views: dict[str, np.ndarray]) -> None:
    import pandas as pd

    ids = [f"{i:04d}" for i in range(N)]
    x = TableView(views["x"], ids)
    y = pd.DataFrame(views["y"], index=ids)
    mixed = permutation_test_cca(x, y, views["confounds"], n_permutations=5, random_state=0)
    plain = permutation_test_cca(**views, n_permutations=5, random_state=0)
    np.testing.assert_allclose(mixed.null_statistics, plain.null_statistics, atol=1e-10)


def test_columns_without_information_are_named(views: dict[str, np.ndarray]) -> None:
    x = np.column_stack([views["x"], views["x"][:, 0], np.full(N, 3.3), views["confounds"][:, 1]])
    result = permutation_test_cca(x, views["y"], views["confounds"], n_permutations=9, random_state=0)
    clean = permutation_test_cca(**views, n_permutations=9, random_state=0)
    assert result.ranks == (P, Q)
    np.testing.assert_allclose(result.canonical_correlations, clean.canonical_correlations, atol=1e-8)
    assert any(s.startswith("x: 2 of 10 columns left out") for s in result.warnings)
    assert any("have rank 7" in s for s in result.warnings)


def test_leverage_and_heavy_tails_are_named(views: dict[str, np.ndarray]) -> None:
    x, z = views["x"].copy(), views["confounds"].copy()
    z[4, 0], x[9, 2] = 1e4, 1e4
    warnings = permutation_test_cca(x, views["y"], z, n_permutations=3).warnings
    assert any("leverage" in s and "row 4" in s for s in warnings)
    assert any(s.startswith(f"x: 1 of {P} columns with kurtosis above 20") for s in warnings)


def test_repeated_columns_are_named_and_change_nothing(views: dict[str, np.ndarray]) -> None:
    doubled = views | {"x": np.column_stack([views["x"], views["x"][:, [2, 4]]])}
    result = permutation_test_cca(**doubled, n_permutations=9, random_state=0)
    clean = permutation_test_cca(**views, n_permutations=9, random_state=0)
    np.testing.assert_allclose(result.null_statistics, clean.null_statistics, atol=1e-8)
    assert any("column 7 repeats column 2 (and 1 more columns repeat others)" in s for s in result.warnings)


def _residuals(matrix: np.ndarray, confounds: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(matrix)), confounds])
    return matrix - design @ np.linalg.lstsq(design, matrix)[0]


def test_views_that_are_residuals_already_are_named_where_it_shows(views: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(4)
    wide, confounds = rng.standard_normal((N, 90)), rng.standard_normal((N, 12))
    narrow = rng.standard_normal((N, 3))
    found = permutation_test_cca(_residuals(wide, confounds), narrow, n_permutations=29).warnings
    assert any("span only 48 of 60 dimensions, as after removing 12 confounds" in s for s in found)
    sites = np.arange(N) % 5
    dummies = np.eye(5)[sites][:, 1:]
    settings = {"projection": "theil", "exchangeability_blocks": sites, "n_permutations": 29}
    found = permutation_test_cca(_residuals(views["x"], dummies), views["y"], **settings).warnings
    assert [s.partition(";")[0] for s in found] == [
        "x: every column sums to 0 in every block, as after removing block means"
    ]
    assert permutation_test_cca(views["x"], views["y"], dummies, **settings).warnings == ()
    assert permutation_test_cca(views["x"], views["y"], n_permutations=29).warnings == ()


def test_blocks_that_allow_no_significant_p_are_refused() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((30, 3))
    three = Blocks(np.repeat([0, 1, 2], 10), "whole")
    with pytest.raises(InputError, match=r"30 rows in these blocks allow 6, so that no p can fall below 0\.17"):
        permutation_test_cca(x, y, projection="theil", exchangeability_blocks=three)


NOISE = np.random.default_rng(0).standard_normal((N, 40))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"exchangeability_blocks": np.arange(N) % 3}, "need projection='theil'"),
        ({"x": NOISE, "y": NOISE[:, :25]}, "1 by construction"),
        ({"x": np.ones((N, 2))}, "x must vary between subjects"),
        ({"x": np.where(NOISE > 2, np.nan, NOISE)}, "x must be finite"),
        ({"x": NOISE[:9]}, "y must have the rows of x"),
        ({"confounds": NOISE[:, :2], "confounds_x": NOISE[:, :2]}, "not both"),
        ({"statistic": "pillai"}, "wilks, roy; got 'pillai'"),
        ({"reference": "permcca"}, "condition_on_tested=False"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
        ({"bases": (NOISE, NOISE)}, "orthonormal"),
        ({"permutations": np.zeros((3, N))}, "identity in row 0"),
    ],
    ids=["blocks", "wide", "constant", "nan", "rows", "confounds", "statistic", "reference", "steps", "bases", "perm"],
)
def test_bad_input_is_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        permutation_test_cca(**({"x": NOISE[:, :3], "y": NOISE[:, 3:7]} | arguments))


@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("precision", ["float64", "screen"])
def test_two_statistics_of_one_product_are_those_of_two_tests(conditioned: bool, precision: Any) -> None:
    rng = np.random.default_rng(31)
    x, z = rng.standard_normal((83, 7)), rng.standard_normal((83, 3))
    y = np.column_stack([x[:, 0] + 0.4 * rng.standard_normal(83), rng.standard_normal((83, 5))])
    settings = {"n_permutations": 99, "n_steps": 3, "stop_at": 0.05, "condition_on_tested": conditioned}
    settings |= {"random_state": 5, "precision": precision}
    both = permutation_tests_cca(x, y, z, **settings)
    for name, found in both.items():
        alone = permutation_test_cca(x, y, z, statistic=name, **settings)
        np.testing.assert_array_equal(found.p_fwer, alone.p_fwer)
        tolerance = 0 if precision == "float64" else 1e-5
        np.testing.assert_allclose(found.null_statistics, alone.null_statistics, atol=tolerance)
    assert list(both) == ["wilks", "roy"]
    with pytest.raises(InputError, match="statistic must be one of wilks, roy; got 'pillai'"):
        permutation_tests_cca(x, y, statistics=("wilks", "pillai"))  # type: ignore[arg-type]


def test_heavy_tails_choose_theil_and_say_so() -> None:
    rng = np.random.default_rng(8)
    x, y, z = rng.standard_t(1, (90, 5)), rng.standard_normal((90, 4)), rng.standard_normal((90, 6))
    settings: dict[str, Any] = {"n_permutations": 19, "n_steps": 1, "random_state": 0}
    found = permutation_test_cca(x, y, z, **settings)
    assert found.projection == "theil"
    assert any("Theil's residuals" in sentence for sentence in found.warnings)
    assert not found.is_liberal, "one normal view keeps the level"
    of_normal = permutation_test_cca(np.sign(x), y, z, **settings)
    assert of_normal.projection == "huh-jhun"
    both = permutation_test_cca(x, rng.standard_t(1, y.shape), np.hstack([z, rng.standard_normal((90, 8))]), **settings)
    assert both.is_liberal
    assert any("not to be reported" in sentence for sentence in both.warnings)
    assert not permutation_test_cca(x, rng.standard_t(1, y.shape), **settings).is_liberal, (
        "without confounds rows are exchangeable"
    )
