"""What a permutation assumes: each fault is said with its remedy where both views have it, and nowhere else."""

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, norm, rankdata

from fusion import Blocks, Confound, ConfoundDesign, cross_validated_cca, make_folds, permutation_test_cca
from fusion.permutation.assumptions.copies import TILE, AlikeRows, alike_rows, leading_components
from fusion.permutation.assumptions.sentences import assumption_warnings
from fusion.permutation.assumptions.sides import named_columns
from fusion.permutation.relations import Relations

N = 183
SITE = np.arange(N) * 7 % 5
SCATTER, CURVED, TWICE = (
    "scatter more at some values of",
    "still depend on",
    "as alike as the same subject measured twice",
)


def _draw(seed: int = 0, q: int = 9) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"age": rng.uniform(20, 80, N), "sex": rng.choice(["F", "M"], N), "site": np.char.add("s", SITE.astype(str))}
    )
    return rng.standard_normal((N, 6)), rng.standard_normal((N, q)), table


def _design(table: pd.DataFrame, **kinds: str) -> ConfoundDesign:
    chosen = {"age": "continuous", "sex": "categorical", "site": "categorical"} | kinds
    return ConfoundDesign([Confound(column, chosen[column]) for column in table])


def _said(x: np.ndarray, y: np.ndarray, table: pd.DataFrame, **settings: Any) -> tuple[str, ...]:
    """What the held-out test says of assumptions."""
    quick = {"n_permutations": 19, "n_bootstrap": 20, "n_components": 1, "random_state": 0}
    sizes = {"x_dimensions": 6, "y_dimensions": 9}
    design = settings.pop("design", None) or _design(table)
    found = cross_validated_cca(x, y, (table, design), **quick, **sizes, **settings)
    return tuple(said for said in found.warnings if any(part in said for part in (SCATTER, CURVED, TWICE)))


def test_clean_data_are_not_suspected() -> None:
    assert _said(*_draw()) == ()


def test_sites_that_scatter_are_named_unless_subjects_stay_in_them() -> None:
    x, y, table = _draw(1)
    scale = np.array([0.4, 0.7, 1.0, 1.5, 2.4])[SITE, np.newaxis]
    (said,) = _said(x * scale, y * scale, table)
    assert "Both views scatter more at some values of site than at others" in said
    assert "alignment.exchangeable_within" in said
    assert _said(x * scale, y * scale, table, exchangeability_blocks=SITE) == ()
    assert _said(x, y * scale, table) == ()  # one view's scatter makes no link
    known_as_strata = _said(x * scale, y * scale, table[["age"]], stratify=SITE)
    assert "at some values of strata than" in known_as_strata[0]


@pytest.mark.parametrize("size", [2, 3, 4])
def test_levels_of_few_subjects_do_not_scatter(size: int) -> None:
    """The residuals of two are one number and its negative, whose squares are equal by construction."""
    for seed in range(5):
        x, y, table = _draw(seed)
        table["family"] = np.char.add("f", (np.arange(N) // size).astype(str))
        names = ["age", "family"]
        design = ConfoundDesign([Confound("age", "continuous"), Confound("family", "categorical")]).fit(table[names])
        coded = design.transform(table[names])
        columns = {"age": coded[:, :1], "family": coded[:, 1:]}
        assert assumption_warnings(x, y, columns, Relations.of(N)) == []
    equal = np.where(np.arange(N) % 2, 1.0, -1.0)[:, np.newaxis]
    assert assumption_warnings(equal, equal, {}, Relations.of(N, stratify=SITE)) == []


def test_nested_blocks_keep_subjects_in_their_sites() -> None:
    x, y, _ = _draw(1)
    scale = np.array([0.4, 0.7, 1.0, 1.5, 2.4])[SITE, np.newaxis]
    nested = Relations.of(N, stratify=SITE, blocks=Blocks(np.column_stack([SITE + 1, np.arange(N) // 2 + 1])))
    assert assumption_warnings(x * scale, y * scale, {}, nested) == []
    assert len(assumption_warnings(x * scale, y * scale, {}, Relations.of(N, stratify=SITE))) == 1


@pytest.mark.parametrize(
    ("term", "name", "remedy"),
    [
        (lambda table: ((table["age"] - 50) / 17) ** 2, "age²", Confound("age", "spline", df=4)),
        (lambda table: (table["age"] - 50) / 17 * np.where(table["sex"] == "F", 1, -1), "age × sex", "age:sex"),
    ],
)
def test_what_confounds_have_beyond_a_line_is_named(term: Any, name: str, remedy: Any) -> None:
    rng = np.random.default_rng(3)
    x, y, table = _draw(2)
    values = np.asarray(term(table))[:, np.newaxis]
    curved = x + values * rng.standard_normal(6), y + values * rng.standard_normal(9)
    (said,) = _said(*curved, table)
    assert f"Both views still depend on {name} once confounds" in said
    written = remedy if isinstance(remedy, str) else "{column: age, kind: spline, df: 4}"
    assert f"add {written} to the confounds" in said
    assert _said(*curved, table, design=ConfoundDesign([*_design(table).columns, remedy])) == ()
    added = table.assign(term=values)
    design = ConfoundDesign([*_design(table).columns, Confound("term")])
    assert _said(*curved, added, design=design) == ()
    assert _said(curved[0], y, table) == ()


def test_a_numbered_site_is_named_by_its_name_and_by_what_it_does() -> None:
    rng = np.random.default_rng(4)
    x, y, table = _draw(3)
    x, y = (view + rng.standard_normal((5, view.shape[1]))[SITE] for view in (x, y))
    numbered = table.assign(site=SITE)
    with pytest.warns(UserWarning, match="Confound 'site' is numbered and taken as an amount"):
        (said,) = _said(x, y, numbered, design=_design(table, site="continuous"))
    assert "the levels of site" in said
    assert "add {column: site, kind: categorical} to the confounds" in said
    assert _said(x, y, numbered) == ()


@pytest.mark.parametrize("column", ["Scanner", "imaging_centre", "p54_i2", "54-2.0", "siteID", "batch2"])
def test_columns_that_hold_no_amounts_are_known_by_name(column: str) -> None:
    with pytest.warns(UserWarning, match="declare it categorical"):
        ConfoundDesign([Confound(column)]).fit(pd.DataFrame({column: SITE}))


@pytest.mark.parametrize(
    ("column", "values"),
    [("website", SITE), ("site", SITE % 2), ("site_distance", SITE + 0.5), ("p540_i0", SITE), ("concentration", SITE)],
)
def test_amounts_are_not_taken_for_sites(column: str, values: np.ndarray, recwarn: pytest.WarningsRecorder) -> None:
    ConfoundDesign([Confound(column)]).fit(pd.DataFrame({column: values}))
    assert not recwarn.list


def test_subjects_twice_are_named_unless_they_are_one_family() -> None:
    x, y, table = _draw(5, q=31)
    rng = np.random.default_rng(6)
    rows = np.r_[np.arange(170), np.arange(13)]
    x, y, table = x[rows], y[rows] + 0.4 * rng.standard_normal(y.shape), table.iloc[rows].reset_index(drop=True)
    (said,) = _said(x, y, table)
    assert said.startswith("13 pairs of rows (first 0 and 170) are as alike")
    person = Blocks(rows, "whole")
    assert _said(x, y, table, exchangeability_blocks=person) == ()
    kept = np.arange(170)
    assert _said(x[kept], y[kept], table.iloc[kept]) == ()


def test_equal_genes_with_brains_of_their_own_are_no_copies_and_equal_brains_are() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((N, 40)), rng.standard_normal((N, 40))
    nothing = np.full((N, 1), N**-0.5)
    x[1::2] = x[:-1:2]
    genes, brain = leading_components(x, nothing), leading_components(y, nothing)
    assert alike_rows(genes, brain) == AlikeRows(0, None)
    y[7] = y[4] + 0.2 * rng.standard_normal(40)
    assert alike_rows(genes, leading_components(y, nothing)) == AlikeRows(1, (4, 7))
    assert alike_rows(None, leading_components(y, nothing)) == AlikeRows(1, (4, 7))


def test_copies_are_found_where_the_brain_has_two_columns() -> None:
    rng = np.random.default_rng(12)
    x, y, nothing = rng.standard_normal((N, 40)), rng.standard_normal((N, 2)), np.full((N, 1), N**-0.5)
    x[7], y[7] = x[4], y[4]
    assert alike_rows(leading_components(x, nothing), leading_components(y, nothing)) == AlikeRows(1, (4, 7))


def _alike_by_all_pairs(x: np.ndarray, y: np.ndarray) -> set[tuple[int, int]]:
    """What `alike_rows` says that it finds, from whole matrices of cosines."""
    n = len(y)

    def cosines(view: np.ndarray, k: int) -> np.ndarray:
        rows = norm.ppf((rankdata(view, axis=0) - 0.5) / n)[:, :k]
        return np.asarray(rows @ rows.T / np.outer(*[np.linalg.norm(rows, axis=1)] * 2))

    def limit(k: int, chance: float) -> float:
        return 2 * float(beta((k - 1) / 2, (k - 1) / 2).isf(chance)) - 1

    def above(view: np.ndarray) -> np.ndarray:
        widths = {min(k, view.shape[1]) for k in (16, 64)}
        chance = 1e-3 / (n * (n - 1) / 2) / len(widths)
        return np.triu(np.any([cosines(view, k) > limit(k, chance) for k in widths], axis=0), 1)

    in_y, in_x = above(y), above(x)
    in_both = in_x & (cosines(y, 64) > limit(min(64, y.shape[1]), 1e-3 / max(in_x.sum(), 1)))
    return set(zip(*map(np.ndarray.tolist, np.nonzero(in_y | in_both)), strict=True))


def test_pairs_of_many_tiles_are_those_of_whole_matrices_of_cosines() -> None:
    rng = np.random.default_rng(9)
    n = 2 * TILE + 77
    x, y = rng.standard_normal((n, 43)), rng.standard_normal((n, 70))
    copies = rng.choice(n, (40, 2), replace=False)
    noise = np.linspace(0.05, 1.6, len(copies))[:, np.newaxis]  # from all found to none
    x[copies[:, 1]] = x[copies[:, 0]] + 0.1 * rng.standard_normal((len(copies), 43))
    y[copies[:, 1]] = y[copies[:, 0]] + noise * rng.standard_normal((len(copies), 70))
    nothing = np.full((n, 1), n**-0.5)
    of_x, of_y = leading_components(x, nothing), leading_components(y, nothing)
    expected = _alike_by_all_pairs(of_x, of_y)
    assert 10 < len(expected) < 40
    assert alike_rows(of_x, of_y) == AlikeRows(len(expected), min(expected))
    known = {tuple(sorted(pair)) for pair in copies[:20].tolist()}
    families = np.arange(n)
    families[copies[:20, 1]] = copies[:20, 0]
    left = expected - known
    assert alike_rows(of_x, of_y, families) == AlikeRows(len(left), min(left))


def test_rows_of_few_genes_that_are_equal_in_a_tenth_of_all_pairs_are_counted_not_held() -> None:
    rng = np.random.default_rng(10)
    n = 6000
    kinds, brain = rng.standard_normal((10, 9)), rng.standard_normal((n, 23))
    genes = kinds[rng.integers(0, 10, n)]
    brain[4321] = brain[17] + 0.05 * rng.standard_normal(23)
    genes[4321] = genes[17]
    tracemalloc.start()
    found = alike_rows(genes, brain)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == AlikeRows(1, (17, 4321))
    assert peak < 2**25  # the pairs by themselves, 1.8 million, would take eight times as much


def test_wide_views_are_reduced_as_narrow_ones_are() -> None:
    rng = np.random.default_rng(8)
    wide, confound = rng.standard_normal((41, 97)), rng.standard_normal((41, 2))
    nuisance = np.linalg.qr(np.column_stack([np.ones(41), confound]))[0]
    by_rows = leading_components(wide, nuisance)
    residual = wide - nuisance @ (nuisance.T @ wide)
    axes, _, _ = np.linalg.svd(residual, full_matrices=False)
    assert by_rows.shape == (41, 38)
    assert np.abs(np.einsum("ij,ij->j", by_rows, axes[:, :38])) == pytest.approx(np.ones(38), abs=1e-6)
    by_columns = leading_components(wide[:, :29], nuisance)
    assert by_columns.shape == (41, 29)
    assert np.abs(nuisance.T @ by_columns).max() < 1e-8


def test_the_in_sample_test_says_the_same() -> None:
    x, y, table = _draw(1)
    scale = np.array([0.4, 0.7, 1.0, 1.5, 2.4])[SITE, np.newaxis]
    design = _design(table).fit(table)
    coded = pd.DataFrame(design.transform(table), columns=design.get_feature_names_out())
    said = permutation_test_cca(x * scale, y * scale, coded, n_permutations=19, random_state=0).warnings
    assert any("at some values of site than" in sentence for sentence in said)
    by_number = permutation_test_cca(x * scale, y * scale, coded.to_numpy(), n_permutations=19, random_state=0).warnings
    assert any(SCATTER in sentence for sentence in by_number)


def test_columns_without_names_are_called_by_their_place() -> None:
    assert list(named_columns(np.zeros((3, 2)))) == ["confound 0", "confound 1"]
    assert named_columns(None) == {}


@pytest.mark.filterwarnings("error")
def test_a_fold_in_which_a_column_is_constant_counts_as_nothing_and_is_said() -> None:
    rng = np.random.default_rng(9)
    x, rare = rng.standard_normal((N, 4)), np.zeros((N, 1))
    rare[:5] = 1.0
    quick = {"n_permutations": 99, "n_bootstrap": 200, "n_components": 1, "random_state": 0}
    sizes = {"x_dimensions": 2, "y_dimensions": 1}
    folds = make_folds(N, 6, random_state=0)
    found = cross_validated_cca(x, rare, folds=folds, **quick, **sizes)
    empty = [k for k, (_, test) in enumerate(folds) if np.ptp(rare[test]) == 0]
    assert empty
    assert (found.rho_by_fold[empty] == 0).all()
    assert np.isnan(found.interval).all()  # five subjects carry the scores
    assert any(f"In {len(empty)} of 6 folds a component's scores do not vary" in said for said in found.warnings)
    balanced = cross_validated_cca(x, rare, n_splits=5, stratify=rare[:, 0], **quick, **sizes)
    assert not any("do not vary" in said for said in balanced.warnings)
