"""Weights of one cohort in another: the statistic is a partial correlation, the test one-sided, nothing else fitted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusion import (
    Blocks,
    Confound,
    ConfoundDesign,
    FrozenAlignment,
    InputError,
    LateFusion,
    ReplicatedCCA,
    ViewPCA,
    as_view,
    replicate_cca,
)
from fusion.replication.new_cohort import replicable_rho, replication_power

GENES, REGIONS = [f"g{i}" for i in range(6)], [f"r{i}" for i in range(5)]
Cohort = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def cohort(n: int, seed: int, *, link: float = 0.8, prefix: str = "s") -> Cohort:
    """Genes, brain, confounds; confounds act in each cohort in a way of its own."""
    rng = np.random.default_rng(seed)
    index = [f"{prefix}{seed}-{i}" for i in range(n)]
    z = pd.DataFrame({"age": rng.standard_normal(n), "site": rng.choice(["A", "B", "C"], n)}, index)
    shared, coded = rng.standard_normal((n, 1)), pd.get_dummies(z, dtype=float).to_numpy()
    sides = []
    for names in (GENES, REGIONS):
        values = link * shared + rng.standard_normal((n, len(names))) + coded @ rng.standard_normal((4, len(names)))
        sides.append(pd.DataFrame(values, index, names))
    return sides[0], sides[1], z


def design() -> ConfoundDesign:
    return ConfoundDesign([Confound("age"), Confound("site", "categorical")])


@pytest.fixture(scope="module")
def first() -> FrozenAlignment:
    x, y, z = cohort(211, 1)
    views = as_view(x), as_view(y)
    coded = design().fit(z).transform(z)
    fitted = tuple(ViewPCA(9, confounds=coded).fit(view) for view in views)
    embedded = tuple(pca.transform(view) for pca, view in zip(fitted, views, strict=True))
    return FrozenAlignment.of_embeddings(views, (fitted[0], fitted[1]), (embedded[0], embedded[1]))


def test_frozen_weights_are_those_of_the_fit(first: FrozenAlignment) -> None:
    """Scores of the first cohort itself correlate as its canonical correlations say, and have unit variance."""
    x, y, z = cohort(211, 1)
    again = replicate_cca(first, x, y, (z, design()), n_permutations=19, random_state=0)
    np.testing.assert_allclose(again.rho, first.correlations, atol=1e-10)
    assert again.x_scores is not None
    n_confounds = 3
    np.testing.assert_allclose(again.x_scores.std(axis=0, ddof=1), 1.0, atol=1e-8)
    assert (first.n_subjects, first.n_effective) == (211, 211 - 1 - n_confounds)


def test_late_fusion_gives_the_same_weights(first: FrozenAlignment) -> None:
    x, y, z = cohort(211, 1)
    fusion = LateFusion(5, x_dimensions=6, y_dimensions=5, pca_components=9).fit(x, y, (z, design()))
    frozen = FrozenAlignment.of_late_fusion(fusion, n_subjects=211)
    signs = np.sign((frozen.x_weights * first.x_weights).sum(axis=0))
    np.testing.assert_allclose(frozen.x_weights * signs, first.x_weights, atol=1e-8)
    np.testing.assert_allclose(frozen.correlations, first.correlations, atol=1e-10)
    assert frozen.y_columns == first.y_columns


def test_the_statistic_is_the_partial_correlation_and_the_null_keeps_its_length(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    found = replicate_cca(first, x, y, (z, design()), n_permutations=99, random_state=3)
    basis = np.column_stack([np.ones(97), pd.get_dummies(z, dtype=float).to_numpy()[:, :3]])
    scores = [
        side.to_numpy() @ w - basis @ np.linalg.lstsq(basis, side.to_numpy() @ w, rcond=None)[0]
        for side, w in ((x, first.x_weights), (y, first.y_weights))
    ]
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(scores[0].T, scores[1].T, strict=True)]
    np.testing.assert_allclose(found.rho, expected, atol=1e-10)
    assert found.trace == pytest.approx(float(found.rho @ first.correlations))
    assert found.p[0] == 0.01
    assert (found.n_subjects, found.n_effective) == (97, 93)
    assert np.abs(found.null[1:]).max() < 0.6


def test_a_link_in_the_other_direction_is_none(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    assert replicate_cca(first, x, -y, (z, design()), n_permutations=99, random_state=3).p[0] == 1.0


def test_coefficients_of_confounds_are_the_new_cohorts(first: FrozenAlignment) -> None:
    """Whatever confounds add to either side there, and however their levels are called, changes nothing."""
    x, y, z = cohort(97, 2)
    added = 40 * z["age"].to_numpy()[:, None] + 7 * (z["site"] == "B").to_numpy()[:, None]
    renamed = z.assign(site=z["site"].map({"A": "north", "B": "south", "C": "west"}))
    one, other = (
        replicate_cca(first, x + shift, y - shift, (table, design()), n_permutations=39, random_state=3)
        for shift, table in ((0.0, z), (added, renamed))
    )
    np.testing.assert_allclose(one.null, other.null, atol=1e-9)


def test_columns_are_found_by_name(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    orders = (GENES, REGIONS), (GENES[::-1], ["r3", "r0", "r4", "r1", "r2"])
    one, other = (
        replicate_cca(first, x[genes], y[regions], (z, design()), n_permutations=19, random_state=3)
        for genes, regions in orders
    )
    np.testing.assert_allclose(one.null, other.null, atol=1e-12)


def test_differences_of_columns_are_named(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    with pytest.raises(InputError, match=r"the brain features of the first cohort; missing: r4; new: r9\. "):
        replicate_cca(first, x, y.rename(columns={"r4": "r9"}), (z, design()))
    with pytest.raises(InputError, match=r"the genes of the first cohort; missing: g0, g3\. "):
        replicate_cca(first, x.drop(columns=["g0", "g3"]), y, (z, design()))
    with pytest.raises(InputError, match=r"new: x0, x1, x2, x3, x4 and 1 more"):
        replicate_cca(first, x.to_numpy(), y, (z, design()))


def test_groups_of_columns_move_as_wholes() -> None:
    rng = np.random.default_rng(0)
    frozen = FrozenAlignment(
        rng.standard_normal((5, 2)),
        rng.standard_normal((3, 2)),
        correlations=np.array([0.5, 0.2]),
        y_spread=None,
        x_columns=(("COMT", 2), ("PDYN", 3)),
        y_columns=("u", "v", "w"),
        n_subjects=50,
        n_effective=49,
    )
    moved = frozen.aligned_to(x=["PDYN"] * 3 + ["COMT"] * 2)
    np.testing.assert_array_equal(moved.x_weights, frozen.x_weights[[2, 3, 4, 0, 1]])
    with pytest.raises(InputError, match=r"missing: COMT \(2 columns\); new: COMT \(4 columns\)"):
        frozen.aligned_to(x=["PDYN"] * 3 + ["COMT"] * 4)


def test_what_columns_are_made_by_has_to_agree(first: FrozenAlignment) -> None:
    frozen = replace(first, origin=(("the encoder", "kmer 12"), ("the windows of COMT", "3")))
    frozen.check_origin({"the encoder": "kmer 12", "the windows of COMT": "3"})
    with pytest.raises(InputError, match=r"the encoder differs \(it was kmer 12, it is kmer 13\); so do the windows"):
        frozen.check_origin({"the encoder": "kmer 13"})


def test_groups_that_may_not_be_exchanged_and_few_of_them_are_said(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    settings = {"n_permutations": 19, "random_state": 3}
    found = replicate_cca(first, x, y, (z, design()), groups=np.arange(97) // 4, **settings)
    assert any("do not restrict the permutation" in line for line in found.warnings)
    few = replicate_cca(first, x, y, (z, design()), groups=np.arange(97) % 3, **settings)
    assert any("The cohort holds fewer than 5 groups" in line for line in few.warnings)


def test_other_units_are_said(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    scaled = y.assign(r2=10 * y["r2"])
    found = replicate_cca(first, x, scaled, (z, design()), n_permutations=19, random_state=3)
    assert any("1 brain features scatter more than three times" in line and ": r2." in line for line in found.warnings)
    assert not replicate_cca(first, x, y, (z, design()), n_permutations=19, random_state=3).warnings


def test_families_change_places_and_are_drawn_as_wholes(first: FrozenAlignment) -> None:
    x, y, _ = cohort(90, 4)
    twice = [pd.concat([side, side.set_axis([f"twin {i}" for i in side.index])]) for side in (x, y)]
    family = pd.Series(np.tile(np.arange(90), 2), twice[0].index)
    settings = {"n_permutations": 199, "random_state": 1}
    alone = replicate_cca(first, *twice, **settings)
    whole = replicate_cca(first, *twice, exchangeability_blocks=Blocks(family, "whole"), **settings)
    single = replicate_cca(first, x, y, **settings)
    np.testing.assert_allclose(whole.rho, single.rho)  # doubled rows say nothing new
    widths = [float(np.diff(found.interval[1])[0]) for found in (alone, whole, single)]
    assert widths[1] == pytest.approx(widths[2], rel=0.15)
    assert widths[0] < 0.85 * widths[1]
    assert whole.null[1:].std(axis=0)[1] == pytest.approx(single.null[1:].std(axis=0)[1], rel=0.25)


def test_too_few_and_constant_are_refused(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    with pytest.raises(InputError, match=r"at least 10 subjects .* got 12 subjects and 3 confounds"):
        replicate_cca(first, x[:12], y[:12], (z[:12], design()))
    with pytest.raises(InputError, match="Scores of the first component must vary"):
        replicate_cca(first, x * 0 + 3, y, (z, design()))


def test_a_later_component_that_does_not_vary_is_no_obstacle(first: FrozenAlignment) -> None:
    x, y, z = cohort(97, 2)
    weights = first.x_weights.copy()
    weights[:, 1] = 0.0
    weights[0, 1] = 1.0
    model = replace(first, x_weights=weights)
    found = replicate_cca(model, x.assign(g0=2.5), y, (z, design()), n_permutations=19, random_state=3)
    assert (found.rho[1], found.p[1]) == (0.0, 1.0)
    assert any("component 2 do not vary" in line for line in found.warnings)


def test_results_come_back_without_subjects(first: FrozenAlignment, tmp_path: Path) -> None:
    x, y, z = cohort(97, 2)
    found = replicate_cca(first, x, y, (z, design()), n_components=2, n_permutations=19, random_state=3)
    again = ReplicatedCCA.load(found.save(tmp_path / "found"))
    np.testing.assert_array_equal(again.null, found.null)
    assert again.null.shape == (20, 2)
    assert again.x_scores is None
    assert again.p_link == found.p_link
    frozen = FrozenAlignment.load(first.save(tmp_path / "first"))
    np.testing.assert_array_equal(frozen.x_weights, first.x_weights)
    assert frozen.x_columns == first.x_columns
    assert list(found.to_frame().columns) == ["component", "rho", "low", "high", "p", "p_fwer"]
    assert found.to_dict()["p_fwer"] == np.maximum.accumulate(found.p).tolist()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("x_weights", lambda w: w[:-1]),
        ("x_weights", lambda w: w.astype("V8")),
        ("x_weights", lambda w: w.astype(str)),
        ("y_weights", lambda w: w[:, :-1]),
        ("y_weights", lambda w: np.where(np.arange(w.size).reshape(w.shape) == 3, np.nan, w)),
        ("y_weights", lambda w: w * 1e300),
        ("correlations", lambda r: r[:, np.newaxis]),
        ("y_spread", lambda s: s[1:]),
    ],
)
def test_weights_that_do_not_belong_together_are_refused(
    first: FrozenAlignment, tmp_path: Path, name: str, damage: Callable[[np.ndarray], np.ndarray]
) -> None:
    path = first.save(tmp_path / "first")
    with np.load(path) as stored:
        arrays = {one: stored[one] for one in stored.files}
    np.savez(path, **arrays | {name: damage(arrays[name])})
    with pytest.raises(InputError, match="all that a saved FrozenAlignment is made of"):
        FrozenAlignment.load(path)


def test_power_of_one_correlation_is_that_of_simulated_cohorts() -> None:
    rng, n, rho = np.random.default_rng(0), 80, 0.25
    a, b = rng.standard_normal((2, 4000, n))
    b = rho * a + np.sqrt(1 - rho**2) * b
    r = [np.corrcoef(*pair)[0, 1] for pair in zip(a, b, strict=True)]
    critical = np.tanh(1.6449 / np.sqrt(n - 3))
    assert replication_power(rho, n - 1) == pytest.approx(np.mean(np.array(r) > critical), abs=0.02)
    assert replication_power(replicable_rho(n - 1), n - 1) == pytest.approx(0.8, abs=0.005)
