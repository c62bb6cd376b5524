"""What a report must say reaches it, whatever other threads do with the warnings of the process."""

import warnings

import numpy as np
import pytest

from analyses.alignment.recipe import collected_warnings
from fusion import ComBat
from fusion.cautions import caution, collected


def _harmonise_an_unseen_site() -> None:
    values = np.random.default_rng(0).standard_normal((40, 3))
    combat = ComBat(unseen="pooled").fit(values, sites=["a", "b"] * 20)
    combat.transform(values[:6], sites=["a", "b", "c"] * 2)


def _leave_recording_to_nobody() -> None:
    """What two threads do that enter and leave one after the other: the first one's list stays in place."""
    first, second = warnings.catch_warnings(record=True), warnings.catch_warnings(record=True)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)


@pytest.mark.parametrize("collect", [collected, collected_warnings])
def test_threads_that_record_warnings_lose_no_sentence(collect: object) -> None:
    with warnings.catch_warnings():  # nothing of it stays
        with collect() as sentences:  # type: ignore[operator]
            _leave_recording_to_nobody()
            _harmonise_an_unseen_site()
        assert [sentence[:25] for sentence in sentences] == ["ComBat left 2 subjects of"]


def test_without_a_collector_it_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="two of these"):
        caution("two of these")
    with pytest.warns(UserWarning, match="ComBat left 2 subjects"):
        _harmonise_an_unseen_site()


def test_other_warnings_are_collected_after_ours() -> None:
    with collected_warnings() as sentences:
        warnings.warn("theirs", UserWarning, stacklevel=1)
        caution("ours")
        with collected() as inner:
            caution("of the inner")
    assert sentences == ["ours", "theirs"]
    assert inner == ["of the inner"]


def test_a_collector_ends_with_its_block() -> None:
    with pytest.raises(ZeroDivisionError), collected():
        raise ZeroDivisionError
    with pytest.warns(UserWarning, match="said again"):
        caution("said again")
