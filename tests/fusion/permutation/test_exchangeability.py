"""Permutations by index, blocks, and projections whose rows may be exchanged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion import InputError
from fusion.permutation.exchangeability import Blocks
from fusion.permutation.permutations import check_permutations, make_permutations, restrict
from fusion.permutation.projections import HuhJhun, Theil, keep_rows, nuisance_basis

N, R = 37, 4


@pytest.fixture
def nuisance() -> np.ndarray:
    return nuisance_basis(N, np.random.default_rng(0).standard_normal((N, R)))


def test_identity_comes_first_and_indices_stand_alone() -> None:
    permutations = make_permutations(N, 19, random_state=5)
    assert permutations[0].tolist() == list(range(N))
    assert permutations[7].tolist() == make_permutations(N, 999, random_state=5)[7].tolist()
    assert permutations[7].tolist() != permutations[8].tolist()
    with pytest.raises(IndexError):
        permutations[20]


@given(st.lists(st.integers(0, 4), min_size=12, max_size=30), st.integers(0, 10**6))
def test_within_blocks_rows_never_leave_their_block(labels: list[int], seed: int) -> None:
    blocks = Blocks(np.array(labels))
    permutation = make_permutations(len(labels), 3, blocks=blocks, random_state=seed)[2]
    assert sorted(permutation) == list(range(len(labels)))
    assert (blocks.labels[permutation] == blocks.labels).all()


def test_whole_blocks_keep_their_order_and_size() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5])
    permutations = make_permutations(13, 50, blocks=Blocks(labels, "whole"), random_state=0)
    for index in range(51):
        moved = labels[permutations[index]]
        for block in range(6):
            source = np.unique(moved[labels == block])
            assert len(source) == 1
            assert (labels == source[0]).sum() == (labels == block).sum()
        assert (np.diff(permutations[index])[[0, 2, 4, 6, 7, 9, 10]] == 1).all()
    assert permutations.log_size == pytest.approx(np.log(6 * 2))


def test_folds_are_not_crossed() -> None:
    folds = np.repeat([0, 1, 2], [5, 6, 7])
    permutation = make_permutations(18, 9, within=folds, random_state=1)[4]
    assert (folds[permutation] == folds).all()
    with pytest.raises(InputError, match="must lie in one fold"):
        make_permutations(18, 9, blocks=Blocks(np.arange(18) % 6, "whole"), within=folds)


def test_permutations_are_uniform() -> None:
    permutations = make_permutations(3, 6000, random_state=2)
    counts = np.unique([permutations[i] for i in range(1, 6001)], axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 25


def test_restricting_keeps_classes() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1, 1, 0])
    permutations = make_permutations(8, 20, blocks=Blocks(labels), random_state=0)
    kept = np.array([True, True, True, False, True, True, True, False])
    for index in range(21):
        restricted = restrict(permutations[index], kept, permutations.order)
        assert sorted(restricted) == list(range(6))
        assert (labels[kept][restricted] == labels[kept]).all()


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: make_permutations(5, 9, blocks=Blocks(np.arange(5))), "No two of the 5 rows"),
        (lambda: make_permutations(5, 0), "n_permutations must be at least 1"),
        (lambda: Blocks(np.array(["a", None], dtype=object)), "1 have none"),
        (lambda: Blocks(np.arange(3), "sideways"), "'within' or 'whole'"),
        (lambda: check_permutations([[1, 0, 2]], 3), "identity in row 0"),
        (lambda: check_permutations([[0, 1, 2], [0, 0, 2]], 3), "each of 0..2 once"),
        (lambda: check_permutations([[0, 1]], 3), "shape"),
    ],
    ids=["alone", "none", "missing", "mode", "identity", "repeated", "shape"],
)
def test_bad_input_is_one_sentence(build: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build()


def _basis(projection: HuhJhun | Theil) -> np.ndarray:
    return projection.apply(np.eye(N)).T


def test_huh_jhun_is_semi_orthogonal(nuisance: np.ndarray) -> None:
    q = _basis(HuhJhun(nuisance))
    np.testing.assert_allclose(q.T @ q, np.eye(N - R - 1), atol=1e-12)
    np.testing.assert_allclose(q @ q.T, np.eye(N) - nuisance @ nuisance.T, atol=1e-12)


def test_theil_is_semi_orthogonal_and_nearest_to_its_rows(nuisance: np.ndarray) -> None:
    kept = keep_rows(nuisance)
    theil = Theil(nuisance, kept)
    q = _basis(theil)
    np.testing.assert_allclose(q.T @ q, np.eye(N - R - 1), atol=1e-12)
    np.testing.assert_allclose(q @ q.T, np.eye(N) - nuisance @ nuisance.T, atol=1e-12)
    np.testing.assert_allclose(theil.restore(np.eye(len(kept))), q, atol=1e-12)
    assert np.linalg.eigvalsh(q[kept]).min() > 0  # the symmetric root: each row stands for its own subject


def test_theil_equals_the_matrix_square_root(nuisance: np.ndarray) -> None:
    import scipy.linalg

    kept = keep_rows(nuisance)
    residual_maker = np.eye(N) - nuisance @ nuisance.T
    root = scipy.linalg.inv(scipy.linalg.sqrtm(residual_maker[np.ix_(kept, kept)]))
    np.testing.assert_allclose(_basis(Theil(nuisance, kept)), residual_maker[:, kept] @ root, atol=1e-10)


def test_theil_drops_whole_blocks(nuisance: np.ndarray) -> None:
    labels = np.arange(N) // 2
    kept = keep_rows(nuisance, labels)
    assert set(labels[kept]).isdisjoint(set(np.delete(labels, kept)))
    q = _basis(Theil(nuisance, kept))
    np.testing.assert_allclose(q.T @ q, np.eye(len(kept)), atol=1e-12)
    np.testing.assert_allclose(nuisance.T @ q, 0, atol=1e-12)


def test_theil_refuses_rows_that_cannot_be_spared() -> None:
    site = np.zeros((N, 1))
    site[0] = 1
    with pytest.raises(InputError, match="full rank"):
        Theil(nuisance_basis(N, site), np.arange(N - 2))


def test_collinear_confounds_count_once() -> None:
    z = np.random.default_rng(1).standard_normal((N, 2))
    doubled = np.column_stack([z, z.sum(axis=1), np.ones(N)])
    assert nuisance_basis(N, doubled).shape == (N, 3)


SITES = np.array([1] * 10 + [2] * 7)
FAMILIES = np.array([1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 6, 7, 7, 7, 8, 8])


def test_families_change_places_inside_their_site_and_siblings_inside_their_family() -> None:
    permutations = make_permutations(17, 400, blocks=Blocks(np.column_stack([SITES, FAMILIES])), random_state=0)
    seen = set()
    for index in range(401):
        permutation = permutations[index]
        assert sorted(permutation) == list(range(17))
        assert (SITES[permutation] == SITES).all()
        for family in np.unique(FAMILIES):
            source = FAMILIES[permutation][family == FAMILIES]
            assert len(set(source)) == 1
            assert (source[0] == FAMILIES).sum() == len(source)
        seen.add(tuple(permutation))
    # 3 families of 2 in site 1, 2 of 2 in site 2, and the members of each family of 2 or 3
    assert permutations.log_size == pytest.approx(np.log(6 * 2 * 2**5 * 6**2))
    assert len(seen) > 390


def test_a_negative_label_keeps_what_is_inside_in_its_order() -> None:
    blocks = Blocks(np.column_stack([SITES, -FAMILIES]))
    permutations = make_permutations(17, 50, blocks=blocks, random_state=0)
    assert permutations.log_size == pytest.approx(np.log(6 * 2))
    inside = np.diff(FAMILIES) == 0
    assert all((np.diff(permutations[index])[inside] == 1).all() for index in range(51))
    only_siblings = make_permutations(17, 50, blocks=Blocks(np.column_stack([-SITES, FAMILIES])), random_state=0)
    assert only_siblings.log_size == pytest.approx(np.log(2**5 * 6**2))
    assert all((FAMILIES[only_siblings[index]] == FAMILIES).all() for index in range(51))


def test_nested_permutations_are_uniform_over_every_allowed_one() -> None:
    """Two families of two in one site: 2 x 2 x 2 permutations."""
    blocks = Blocks(np.array([[1, 1], [1, 1], [1, 2], [1, 2]]))
    permutations = make_permutations(4, 8000, blocks=blocks, random_state=3)
    counts = np.unique([permutations[i] for i in range(1, 8001)], axis=0, return_counts=True)[1]
    assert len(counts) == 8
    assert ((counts - 1000) ** 2 / 1000).sum() < 30


def test_blocks_of_another_structure_do_not_change_places() -> None:
    """A household of 2 + 1 matches one of 1 + 2, not one of 3; PALM's three levels."""
    levels = np.array(
        [[1, 1, 1], [1, 1, 1], [1, 1, 2], [1, 2, 3], [1, 2, 4], [1, 2, 4], [1, 3, 5], [1, 3, 5], [1, 3, 5]]
    )
    permutations = make_permutations(9, 200, blocks=Blocks(levels), random_state=1)
    households = levels[:, 1]
    for index in range(201):
        moved = households[permutations[index]]
        assert (moved[households == 3] == 3).all()
        twins = levels[:, 2][permutations[index]][[0, 1]]
        assert twins[0] == twins[1]
    assert any(households[permutations[index]][0] == 2 for index in range(201))


def test_one_level_of_nested_labels_is_within() -> None:
    single = make_permutations(17, 9, blocks=Blocks(SITES[:, np.newaxis]), random_state=0)
    assert single[5].tolist() == make_permutations(17, 9, blocks=Blocks(SITES), random_state=0)[5].tolist()


def test_restricting_keeps_nested_structure() -> None:
    blocks = Blocks(np.column_stack([SITES, FAMILIES]))
    permutations = make_permutations(17, 60, blocks=blocks, random_state=0)
    kept = ~np.isin(FAMILIES, [2, 7])
    assert {frozenset(np.flatnonzero(blocks.units == unit)) for unit in blocks.units} == {
        frozenset(np.flatnonzero(family == FAMILIES)) for family in FAMILIES
    }
    for index in range(61):
        restricted = restrict(permutations[index], kept, permutations.order)
        assert sorted(restricted) == list(range(int(kept.sum())))
        assert (SITES[kept][restricted] == SITES[kept]).all()
        for family in np.unique(FAMILIES[kept]):
            assert len(set(FAMILIES[kept][restricted][FAMILIES[kept] == family])) == 1


def test_nested_families_stay_in_their_fold() -> None:
    blocks = Blocks(np.column_stack([SITES, FAMILIES]))
    folds = np.isin(FAMILIES, [1, 2, 4, 6, 7]).astype(int)
    permutation = make_permutations(17, 9, blocks=blocks, within=folds, random_state=2)[3]
    assert (folds[permutation] == folds).all()
    with pytest.raises(InputError, match="must lie in one fold"):
        make_permutations(17, 9, blocks=blocks, within=np.arange(17) % 2)
