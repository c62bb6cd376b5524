"""The shapes that signatures promise are checked in every test, and stop being checked within one."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from fusion.cca.base import paired_correlations
from tests.shape_checks import FIRST_CALLS

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
