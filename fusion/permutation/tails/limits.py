"""Where fits of tails are refused; apart, for those who only tell of them."""

ENOUGH_EXCEEDING = 10
"""Permutations that reach the observed value from which the counted p is sure to a third, and no tail is fitted."""

FEWEST_DRAWS = 499
"""Permutations below which no tail is fitted."""

FEWEST_COLUMNS = 6
"""Columns of either side below which no tail of a held-out trace is fitted, by itself or in a family: it is heavier
there than 999 draws can tell (tests/calibration/results_tails.md)."""

WIDEST = 10.0
"""Largest factor by which either end of the 95 % interval may differ from the fitted p."""
