"""Fitted tails reach the summary of an alignment with their counted p, and stay out where they are not asked for."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analyses.alignment.summary import describe_held_out, describe_in_sample
from analyses.alignment.tails import describe_tail
from analyses.results.schema.tails import FittedTail
from analyses.results.serialisation import from_json, to_json
from fusion import CrossValidatedCCA, PermutationTestCCA, TailP, cross_validated_cca, permutation_tests_cca


@pytest.fixture(scope="module")
def linked() -> tuple[dict[str, PermutationTestCCA], CrossValidatedCCA]:
    rng = np.random.default_rng(12)
    shared = rng.standard_normal((83, 1))
    x, y = rng.standard_normal((83, 5)) + 0.8 * shared, rng.standard_normal((83, 4)) + 0.8 * shared
    settings = {"n_permutations": 499, "random_state": 0, "stop_at": 0.05}
    held_out = cross_validated_cca(x, y, n_components=2, n_bootstrap=20, **settings)  # type: ignore[arg-type]
    return permutation_tests_cca(x, y, n_steps=2, **settings), held_out  # type: ignore[arg-type]


def test_every_p_that_was_counted_has_its_fit(
    linked: tuple[dict[str, PermutationTestCCA], CrossValidatedCCA],
) -> None:
    in_sample, held_out = describe_in_sample(linked[0], "wilks"), describe_held_out(linked[1], 0.5)
    assert in_sample.tails is not None
    assert in_sample.roy.tails is not None
    assert len(in_sample.tails) == in_sample.n_tested == sum(p is not None for p in in_sample.p_uncorrected)
    assert in_sample.tails[0].method == "gamma"
    assert in_sample.tails[0].p is not None
    assert in_sample.tails[0].p < 1 / 500
    assert held_out.tails is not None
    assert len(held_out.tails) == sum(p is not None for p in held_out.p)
    assert held_out.trace is not None
    assert held_out.trace.tail is not None
    assert held_out.trace.tails_corrected is not None
    for one in (*in_sample.tails, *held_out.tails, held_out.trace.tail, *held_out.trace.tails_corrected):
        assert (one.p is None) == (one.refusal is not None) == (one.method == "")


def test_without_the_key_nothing_is_fitted(linked: tuple[dict[str, PermutationTestCCA], CrossValidatedCCA]) -> None:
    in_sample = describe_in_sample(linked[0], "wilks", tails=False)
    held_out = describe_held_out(linked[1], 0.5, tails=False)
    assert in_sample.tails is in_sample.roy.tails is held_out.tails is None
    assert held_out.trace is not None
    assert held_out.trace.tail is held_out.trace.tails_corrected is None
    assert "tails" not in to_json(held_out)


def test_a_withheld_p_has_no_fit_either(linked: tuple[dict[str, PermutationTestCCA], CrossValidatedCCA]) -> None:
    liberal = {name: replace(test, is_liberal=True) for name, test in linked[0].items()}
    assert describe_in_sample(liberal, "wilks").tails is None


def test_a_refusal_is_written_without_nan() -> None:
    found = describe_tail(TailP(p_counted=0.3, n_permutations=999, n_exceeding=299, refusal="Enough."))
    assert found.p is found.goodness is found.threshold is None
    assert found.interval == (None, None)
    assert not any(isinstance(value, float) and math.isnan(value) for value in to_json(found).values())
    assert from_json(FittedTail, to_json(found), source="memory") == found
