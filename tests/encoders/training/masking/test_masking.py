"""Masks as distributions against the rule, and what they hide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from encoders.dna.tokenizers import single_base
from encoders.dna.tokenizers.kmer import MASK, SPECIAL_TOKENS, KmerTokenizer
from encoders.errors import InputError
from encoders.training.masking.corruption import IGNORED, MaskingRule, mask_tokens
from encoders.training.masking.lengths import LengthRule
from encoders.training.masking.spans import draw_spans, label_runs

FIRST = len(SPECIAL_TOKENS)
SURELY = 1e-6
"""A correct rule fails a test at this level once in a million seeds; the seeds are fixed."""


def rule_of(k: int, unit: str = "run") -> MaskingRule:
    return MaskingRule(span=k, mask_id=MASK, first_id=FIRST, end_id=FIRST + 4**k, unit=unit)  # type: ignore[arg-type]


def bases(n: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), n))


@pytest.mark.parametrize(("span", "share"), [(1, 0.15), (3, 0.15), (6, 0.15), (6, 0.2)])
def test_every_place_is_masked_with_the_share_named_also_at_the_ends(span: int, share: float) -> None:
    rng = np.random.default_rng(1)
    drawn = np.stack([draw_spans(11, span, share, rng) for _ in range(4000)])
    p = [stats.binomtest(int(n), len(drawn), share).pvalue for n in drawn.sum(axis=0)]
    assert min(p) > SURELY


def test_spans_are_of_k_tokens_and_those_that_touch_are_few() -> None:
    chosen = draw_spans(200_000, 6, 0.15, np.random.default_rng(2))
    lengths = np.bincount(label_runs(chosen)[chosen])[1:-1]  # the first and the last may be cut
    assert lengths.min() == 6
    # no other span begins within the six places that would make one run of both: (1 - p)^6 = 1 - share
    assert stats.binomtest(int((lengths == 6).sum()), len(lengths), 0.85).pvalue > SURELY


@pytest.mark.parametrize("distance", [6, 9])
def test_places_further_apart_than_a_span_are_independent(distance: int) -> None:
    rows = np.stack([draw_spans(20, 6, 0.15, np.random.default_rng(seed)) for seed in range(6000)])
    one, other = rows[:, 2], rows[:, 2 + distance]
    assert stats.fisher_exact(np.histogram2d(one, other, bins=2)[0]).pvalue > SURELY
    assert stats.fisher_exact(np.histogram2d(one, rows[:, 3], bins=2)[0]).pvalue < SURELY  # neighbours are not


@pytest.mark.parametrize("unit", ["run", "token"])
def test_of_the_chosen_80_percent_are_masked_10_random_10_stay(unit: str) -> None:
    ids, rng = KmerTokenizer(4).encode(bases(400)), np.random.default_rng(3)
    fates = np.zeros(3)
    spelt_out = n_runs = 0
    for _ in range(250):
        read, labels = mask_tokens(ids, rule_of(4, unit), 0.15, rng)
        runs = label_runs(labels != IGNORED)
        for number in range(runs.max() + 1):
            run = runs == number
            kinds = np.where(read[run] == MASK, 0, np.where(read[run] == ids[run], 2, 1))
            fates += np.bincount(kinds, minlength=3) / run.sum()
            spelt_out += len(set(kinds.tolist())) > 1
            n_runs += 1
    assert stats.chisquare(fates, np.array([0.8, 0.1, 0.1]) * n_runs).pvalue > (SURELY if unit == "run" else 1e-3)
    # a random token is the true one once in 256, so a random run is of two kinds about once in 60
    assert spelt_out / n_runs < 0.01 if unit == "run" else spelt_out / n_runs > 0.4


@given(k=st.integers(3, 6), n=st.integers(12, 60), seed=st.integers(0, 10**6), share=st.sampled_from([0.15, 0.2, 0.5]))
def test_a_masked_base_is_in_no_visible_token(k: int, n: int, seed: int, share: float) -> None:
    sequence, tokenizer = bases(n, seed), KmerTokenizer(k)
    ids = tokenizer.encode(sequence)
    read, labels = mask_tokens(ids, rule_of(k), share, np.random.default_rng(seed))
    runs = label_runs(labels != IGNORED)
    for number in range(runs.max() + 1):
        places = np.flatnonzero(runs == number)
        if (read[places] != MASK).any():
            continue
        first, last = places[0] - 1, places[-1] - 1  # [CLS] is before the first k-mer
        before = 0 if first == 0 else first + k - 1
        after = n - 1 if last == n - k else last
        hidden = range(before, after + 1)
        assert len(hidden) > 0
        changed = list(sequence)
        for base in hidden:
            changed[base] = {"A": "C", "C": "G", "G": "T", "T": "A"}[changed[base]]
        other = tokenizer.encode("".join(changed))
        assert np.array_equal(np.delete(read, places), np.delete(np.where(labels == IGNORED, other, read), places))


def test_only_what_was_chosen_is_told_and_special_or_unknown_tokens_never_are() -> None:
    ids = KmerTokenizer(3).encode(bases(40) + "N" + bases(40, 1))
    read, labels = mask_tokens(ids, rule_of(3), 0.9, np.random.default_rng(4))
    told = labels != IGNORED
    assert told.sum() > 30
    assert np.array_equal(labels[told], ids[told])
    assert np.array_equal(read[~told], ids[~told])
    assert not told[ids < FIRST].any()


def test_single_bases_are_masked_one_by_one_and_n_never() -> None:
    rule = MaskingRule(span=1, mask_id=single_base.MASK, first_id=7, end_id=11)
    ids = single_base.encode_bases(bases(3000) + "N" * 50)
    read, labels = mask_tokens(ids, rule, 0.15, np.random.default_rng(5))
    told = labels != IGNORED
    assert not told[-50:].any()
    assert set(read[told].tolist()) == {single_base.MASK, 7, 8, 9, 10}


def test_half_of_the_lengths_are_whole_and_the_others_uniform() -> None:
    rule, rng = LengthRule(shortest=5, longest=510), np.random.default_rng(6)
    drawn = np.array([rule.draw(rng) for _ in range(8000)])
    assert drawn.min() >= 5
    assert stats.binomtest(int((drawn == 510).sum()), len(drawn), 0.5 + 0.5 / 506).pvalue > SURELY
    shorter = drawn[drawn < 510]
    assert stats.kstest((shorter + np.random.default_rng(7).random(len(shorter)) - 5) / 505, "uniform").pvalue > SURELY
    with pytest.raises(InputError, match="0 < shortest <= longest; got 9 and 8"):
        LengthRule(9, 8)
