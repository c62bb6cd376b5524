"""Folds: groups whole, strata balanced, legal numbers named."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion import InputError
from fusion.cross_validation.folds import SMALLEST_FOLD, Folds, make_folds


@given(st.integers(40, 90), st.integers(2, 6), st.integers(0, 99))
def test_every_subject_is_tested_once(n: int, n_splits: int, seed: int) -> None:
    folds = make_folds(n, n_splits, random_state=seed)
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(n))
    for train, test in folds:
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(n))
    sizes = np.bincount(folds.assignments)
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.integers(0, 12), min_size=60, max_size=90), st.integers(0, 99))
def test_groups_are_never_split(groups: list[int], seed: int) -> None:
    labels = np.array([f"family-{g}" for g in [*range(13), *groups]])
    folds = make_folds(len(labels), 3, groups=labels, random_state=seed)
    for label in np.unique(labels):
        assert len(np.unique(folds.assignments[labels == label])) == 1


def test_strata_are_balanced_also_over_groups() -> None:
    rng = np.random.default_rng(0)
    families = np.repeat(np.arange(100), 2)
    sex = rng.integers(0, 2, 200)
    folds = make_folds(200, 5, groups=families, stratify=sex, random_state=1)
    table = np.array([[np.sum((folds.assignments == f) & (sex == s)) for s in (0, 1)] for f in range(5)])
    assert (np.ptp(table, axis=0) <= 3).all()


def test_same_seed_same_hash() -> None:
    first, again, other = (make_folds(37, 5, random_state=s) for s in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256
    assert first.sha256 == hashlib.sha256(first.assignments.astype("<i4").tobytes()).hexdigest()


def test_legal_number_of_folds_is_named() -> None:
    sites = np.repeat(["Oslo", "Turku", "Delft"], 10)
    with pytest.raises(InputError, match=r"5 folds .* got 3 groups of 30 subjects: legal n_splits: 2\.\.3"):
        make_folds(30, 5, groups=sites)
    with pytest.raises(InputError, match="no number of folds is legal"):
        make_folds(30, 5, groups=np.zeros(30))
    with pytest.raises(InputError, match=r"legal n_splits: 2\.\.5"):
        make_folds(23, 7)
    assert make_folds(30, 3, groups=sites).n_splits == 3


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: make_folds(37, 1), "n_splits must be at least 2"),
        (lambda: make_folds(37, 5, groups=np.zeros(36)), "one label per subject"),
        (lambda: make_folds(37, 5, stratify=np.full(37, np.nan)), "37 have none"),
        (lambda: Folds(np.zeros(20, dtype=int)), "at least 2 folds"),
        (lambda: Folds(np.array([0] * 20 + [1] * (SMALLEST_FOLD - 1))), "at least 4 subjects"),
        (lambda: Folds(np.linspace(0, 1, 20)), "one fold number"),
    ],
    ids=["one", "groups", "nan", "single", "small", "float"],
)
def test_bad_input_is_one_sentence(build: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build()
