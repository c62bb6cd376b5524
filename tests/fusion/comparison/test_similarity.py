"""CKA and principal angles against formulas that share nothing with the code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from fusion import CanonicalCorrelation, InputError, linear_cka, principal_angles

N = 37


def _pair(seed: int, p: int = 11, q: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, p)) + 3.0
    return x, 0.6 * x[:, :q] + rng.standard_normal((N, q))


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_cka_equals_its_definition_by_kernels(seed: int) -> None:
    x, y = _pair(seed)
    centring = np.eye(N) - 1 / N
    k, m = (centring @ v @ v.T @ centring for v in (x, y))
    expected = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-10)


def test_cka_does_not_see_rotation_scale_or_shift() -> None:
    x, y = _pair(3)
    rotated = 7.5 * x @ ortho_group.rvs(x.shape[1], random_state=1) + 100
    assert linear_cka(x, rotated) == pytest.approx(1.0, abs=1e-12)
    assert linear_cka(rotated, y) == pytest.approx(linear_cka(x, y), rel=1e-10)


def test_cosines_of_the_angles_are_the_canonical_correlations() -> None:
    x, y = _pair(5)
    expected = CanonicalCorrelation().fit(x, y).canonical_correlations_
    assert np.cos(np.radians(principal_angles(x, y))) == pytest.approx(expected, abs=1e-10)


def test_angles_of_known_planes() -> None:
    rows = np.linalg.qr(np.random.default_rng(0).standard_normal((N, 6)) - 0)[0]
    rows -= rows.mean(axis=0)
    rows = np.linalg.qr(rows)[0]
    tilt = np.radians(25.0)
    other = np.column_stack([rows[:, 0], np.cos(tilt) * rows[:, 1] + np.sin(tilt) * rows[:, 2], rows[:, 3]])
    assert principal_angles(rows[:, :2], other[:, :2]) == pytest.approx([0.0, 25.0], abs=1e-6)
    assert principal_angles(rows[:, :1], other[:, 2:]) == pytest.approx([90.0])


def test_a_duplicated_column_adds_no_angle() -> None:
    x, y = _pair(7)
    assert len(principal_angles(np.column_stack([x, x[:, 0]]), y)) == 5


def test_a_constant_representation_is_refused() -> None:
    x, _ = _pair(9)
    with pytest.raises(InputError, match="every column of y is constant"):
        linear_cka(x, np.ones((N, 3)))
