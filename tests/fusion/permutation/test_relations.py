"""Who belongs together: what is joined, what is drawn, and that no later step can forget it."""

from dataclasses import replace

import numpy as np
import pytest

from fusion import Blocks, InputError, cross_validated_cca, make_folds, paired_difference, rank_arms
from fusion.permutation.relations import Relations

N = 90
FAMILIES = np.arange(N) // 3


def test_blocks_that_move_as_wholes_are_clusters_and_those_within_are_not() -> None:
    assert Relations.of(N, blocks=Blocks(FAMILIES, "whole")).clusters.tolist() == FAMILIES.tolist()
    assert Relations.of(N, blocks=Blocks(FAMILIES)).clusters.tolist() == list(range(N))


def test_groups_and_families_are_joined_so_that_neither_is_parted() -> None:
    sites = np.array([0, 0, 1, 1, 2, 2, 3])
    families = np.array([0, 1, 1, 2, 3, 3, 4])  # family 1 lies in two sites
    joined = Relations.of(7, groups=sites, blocks=Blocks(families, "whole")).clusters
    assert len(set(joined[:4])) == 1
    assert len(set(joined)) == 3


def test_taking_rows_keeps_who_belongs_together() -> None:
    rows = np.array([8, 2, 1, 7])
    taken = Relations.of(N, groups=FAMILIES, stratify=np.arange(N) % 2).take(rows)
    assert taken.clusters.tolist() == [1, 0, 0, 1]
    assert taken.strata is not None
    assert taken.strata.tolist() == [0, 0, 1, 1]


def test_a_few_sites_are_not_drawn_as_wholes() -> None:
    sites = np.arange(N) % 6
    folds = sites % 3
    assert Relations.of(N, groups=sites).drawn_together(folds).tolist() == list(range(N))
    assert Relations.of(N, groups=FAMILIES).drawn_together(FAMILIES % 3).tolist() == FAMILIES.tolist()


def test_folds_bring_families_to_intervals_and_comparisons() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((N // 3, 4))[FAMILIES] + 0.3 * rng.standard_normal((N, 4)) for _ in "xy")
    y[:, 0] += x[:, 0]
    settings = {"n_permutations": 9, "n_bootstrap": 400, "random_state": 0, "x_dimensions": 3, "y_dimensions": 3}
    folds = make_folds(N, 3, groups=FAMILIES, random_state=0)
    told = cross_validated_cca(x, y, folds=folds, groups=FAMILIES, **settings)
    brought = cross_validated_cca(x, y, folds=folds, **settings)
    by_blocks = cross_validated_cca(x, y, exchangeability_blocks=Blocks(FAMILIES, "whole"), n_splits=3, **settings)
    np.testing.assert_array_equal(brought.interval, told.interval)
    assert by_blocks.clusters is not None
    assert by_blocks.clusters.tolist() == FAMILIES.tolist()
    other = cross_validated_cca(2 * x + rng.standard_normal(x.shape), y, folds=folds, **settings)
    found = paired_difference(told, other, n_bootstrap=200)
    assert found.p == paired_difference(told, other, groups=FAMILIES, n_bootstrap=200).p
    alone = [replace(arm, clusters=np.arange(N)) for arm in (told, other)]
    assert np.ptp(found.interval) > np.ptp(paired_difference(*alone, n_bootstrap=200).interval)
    with pytest.raises(InputError, match="aligned with other ones"):
        rank_arms({"a": told, "b": alone[1]})
    with pytest.raises(InputError, match="without who belongs together"):
        rank_arms({"a": told, "b": replace(other, clusters=None)})
