"""When a rate of false positives is good enough."""

from scipy.stats import binomtest

ALPHA = 0.05


def assert_valid(rate: float, n_sets: int, limit: float = 0.065, exact: bool = True) -> None:
    """The rate is at most `limit`, and its exact binomial interval reaches down to 5 %."""
    low = binomtest(round(rate * n_sets), n_sets).proportion_ci(method="exact").low
    assert low <= ALPHA or not exact, f"rate {rate:.3f} of {n_sets}"
    assert rate <= limit, f"rate {rate:.3f} of {n_sets}"
