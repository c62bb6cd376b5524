"""The shapes that signatures promise are checked in every test, and stop being checked within one."""

# ruff: noqa: F722

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float64, TypeCheckError

from fusion.cca.base import paired_correlations
from tests.shape_checks import CHECKERS_EACH, FIRST_CALLS, check_first_calls

GOOD = np.eye(3)
ONE_ROW_MORE = np.ones((4, 3))


@pytest.mark.parametrize("time", ["first", "second"])
def test_unequal_shapes_are_refused_in_every_test(time: str) -> None:
    with pytest.raises(TypeCheckError, match="paired_correlations"):
        paired_correlations(GOOD, ONE_ROW_MORE)
    for _ in range(2 * FIRST_CALLS):
        paired_correlations(GOOD, GOOD)
    with pytest.raises(ValueError, match="broadcast"):  # numpy's own word: no longer checked
        paired_correlations(GOOD, ONE_ROW_MORE)


def _outer(matrix: np.ndarray) -> np.ndarray:
    @check_first_calls
    def inner(square: Float64[np.ndarray, "3 3"]) -> np.ndarray:
        return square

    return inner(matrix)


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_function_inside_another_is_checked_until_it_was_made_often_enough(time: str) -> None:
    with pytest.raises(BeartypeCallHintViolation):
        _outer(ONE_ROW_MORE)
    for _ in range(CHECKERS_EACH * FIRST_CALLS):
        _outer(GOOD)
    assert _outer(ONE_ROW_MORE).shape == (4, 3)
