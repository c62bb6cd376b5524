"""Permutations by index, blocks, and projections whose rows may be exchanged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion import InputError
from fusion.exchangeability import Blocks, check_permutations, make_permutations, restrict
from fusion.projections import HuhJhun, Theil, keep_rows, nuisance_basis

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
