"""Losses per base that mean the same for all: against chains worked out by hand, and models that know the answer."""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from encoders.errors import InputError
from encoders.genome.reference import Reference
from encoders.training.pretraining.genome import Stretches, split_genome
from encoders.training.pretraining.learner import Learner
from encoders.training.pretraining.markov import base_codes, fit_chains
from encoders.training.pretraining.validation import Validation

Make = Callable[..., Learner]
FAMILIES = ("dnabert-3", "dnabert2", "caduceus-ph", "caduceus-ps")


@pytest.fixture(scope="module")
def parts(small_genome: Path) -> tuple[Stretches, Stretches]:
    return split_genome(Reference(small_genome), [], ["two:3,001-6,000"], 50)


def test_what_is_held_out_is_never_read_and_n_neither(parts: tuple[Stretches, Stretches], small_genome: Path) -> None:
    train, held = parts
    found = [(one.chrom, one.start, one.end) for one in train.intervals]
    assert found == [("one", 0, 30_000), ("two", 0, 2000), ("two", 2100, 3000)]
    assert [(one.chrom, one.start, one.end) for one in held.intervals] == [("two", 3000, 6000)]
    rng = np.random.default_rng(0)
    drawn = {train.draw(40, rng) for _ in range(200)}
    assert set("".join(drawn)) == set("ACGT")
    text = "".join(small_genome.read_text().split()).upper()
    assert all(one in text for one in drawn)
    for given, out, said in (
        (["three"], ["two"], "Contig three"),
        (["two:1-50"], ["two"], "genome.train_on"),
        ([], ["two:2,001-2,100"], "genome.hold_out"),
        ([], ["two:1-7000"], "past the end"),
    ):
        with pytest.raises(InputError, match=said):
            split_genome(Reference(small_genome), given, out, 50)


def test_a_chain_gives_what_enumeration_gives() -> None:
    text = "".join(np.random.default_rng(3).choice(list("ACGT"), 400, p=[0.4, 0.1, 0.2, 0.3]))
    for chain in fit_chains([text], (0, 1, 2)):
        k = chain.order
        for n_hidden in (1, 3):
            sequence = base_codes(text[: 2 * k + n_hidden])
            before, hidden, after = sequence[:k], sequence[k : k + n_hidden], sequence[k + n_hidden :]

            def log_p(middle: tuple[int, ...], chain=chain, k=k, before=before, after=after) -> float:  # type: ignore[no-untyped-def]
                whole = [*before.tolist(), *middle, *after.tolist()]
                return float(
                    sum(
                        chain.log_p[int("".join(map(str, whole[i - k : i])) or "0", 4), whole[i]]
                        for i in range(k, len(whole))
                    )
                )

            total = np.logaddexp.reduce([log_p(one) for one in product(range(4), repeat=n_hidden)])
            (found,) = chain.log_conditional([before], [hidden], [after])
            assert found == pytest.approx(log_p(tuple(hidden.tolist())) - total, abs=1e-12)


def test_pieces_and_strands_are_counted_once_each() -> None:
    text = "".join(np.random.default_rng(4).choice(list("ACGT"), 300))
    whole = fit_chains([text], (1, 2))
    cut = fit_chains([text[:100], text[98:]], (1, 2))
    for one, other in zip(whole, cut, strict=True):
        assert np.array_equal(one.log_p, other.log_p)
    first = whole[0].log_p
    assert np.exp(first).sum(axis=1) == pytest.approx(np.ones(4))
    counts = {a + b: 0.5 for a, b in product("ACGT", repeat=2)}
    for strand in (text, text[::-1].translate(str.maketrans("ACGT", "TGCA"))):
        for start in range(len(strand) - 1):
            counts[strand[start : start + 2]] += strand[start : start + 2] in counts
    row = np.array([counts[f"C{b}"] for b in "ACGT"])
    # the word across the cut of order 2 is the last base of a text, which order 1 misses once on each strand
    assert np.exp(first[1]) == pytest.approx(row / row.sum(), abs=0.02)


class _Knows(nn.Module):
    """Gives the true token a probability, and shares the rest evenly."""

    def __init__(self, learner: Learner, p: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self._rule, self._p = learner.rule, p

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        told = labels[labels != -100]
        n = self._rule.end_id
        p = torch.full((len(told), n), (1 - self._p) / (n - 1), dtype=torch.float64)
        p[torch.arange(len(told)), told] = self._p
        return {"logits": p.log()}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_known_probability_of_tokens_is_a_known_one_of_bases(
    name: str, make_tiny: Make, parts: tuple[Stretches, Stretches]
) -> None:
    learner = make_tiny(name)
    validation = Validation(learner, parts[1], n_windows=5, length=90, flank=4, seed=1)
    assert len(validation.places) > 20
    p, n = 0.4, learner.rule.end_id
    found = validation.judge(_Knows(learner, p))  # type: ignore[arg-type]
    assert found.nats_per_token == pytest.approx(-np.log(p))
    if learner.tokens_of is None:
        other = (1 - p) / (n - 1)
        assert found.nats_per_base == pytest.approx(-np.log(p / (p + 3 * other)))
    else:
        assert found.nats_per_base == pytest.approx(-np.log(p) * len(validation.places) / validation.n_bases)


@pytest.mark.parametrize("name", FAMILIES)
def test_hidden_bases_are_hidden_from_the_network(
    name: str, make_tiny: Make, parts: tuple[Stretches, Stretches]
) -> None:
    learner = make_tiny(name)
    validation = Validation(learner, parts[1], n_windows=3, length=60, flank=3, seed=2)
    for place in validation.places:
        sequence = validation.sequences[place.window]
        spans = learner.base_spans(learner.encode(sequence))
        visible = np.delete(spans, slice(place.first, place.end), axis=0)
        visible = visible[visible[:, 1] > visible[:, 0]]
        assert not ((visible[:, 0] < place.stop) & (visible[:, 1] > place.start)).any()
        assert place.start >= 3
        assert place.stop <= len(sequence) - 3


def test_chains_find_what_is_there_and_an_untrained_model_knows_nothing(
    make_tiny: Make, parts: tuple[Stretches, Stretches]
) -> None:
    learner = make_tiny("caduceus-ph")
    validation = Validation(learner, parts[1], n_windows=60, length=200, flank=3, seed=3)
    by_window = [validation.judge_chain(chain) for chain in fit_chains(parts[0].texts(3), (0, 1, 3))]
    zero, one, three = (nats.sum() / validation.n_bases for nats in by_window)
    assert one < zero - 0.2
    assert three < one - 0.05  # of both strands at once a longer word tells on which one is
    assert zero < np.log(4)
    untrained = validation.judge(learner.model)
    assert abs(untrained.nats_per_base - np.log(4)) < 0.05
    assert untrained.by_window.sum() / validation.n_bases == pytest.approx(untrained.nats_per_base)
    worse, interval = validation.difference(untrained.by_window, by_window[2])
    assert worse == pytest.approx(untrained.nats_per_base - three)
    assert interval is not None
    assert 0 < interval[0] < worse < interval[1]


def test_intervals_of_a_difference_hold_where_sequences_differ(
    make_tiny: Make, parts: tuple[Stretches, Stretches]
) -> None:
    """Bases of one sequence are told alike: what is drawn are sequences. 95 % of 400, against all bases as if alone."""
    validation = Validation(make_tiny("caduceus-ph"), parts[1], n_windows=25, length=200, flank=3, seed=3)
    n_bases = np.bincount([place.window for place in validation.places])
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(400):
        gained = n_bases * 0.1 * rng.standard_normal(25) + 0.1 * np.sqrt(n_bases) * rng.standard_normal(25)
        _, interval = validation.difference(gained, np.zeros(25))
        assert interval is not None
        missed += not interval[0] <= 0 <= interval[1]
    assert 6 <= missed <= 36  # 20 expected
    few = Validation(make_tiny("caduceus-ph"), parts[1], n_windows=4, length=200, flank=3, seed=3)
    assert few.difference(np.ones(4), np.zeros(4))[1] is None


def test_contigs_whose_names_hold_colons_are_contigs(tmp_path: Path) -> None:
    name, bases = "HLA-A*01:01:01:01", "ACGTTGCA" * 20
    (tmp_path / "r.fa").write_text(f">20\n{bases}\n>{name}\n{bases}\n")
    train, held = split_genome(Reference(tmp_path / "r.fa"), [], [f"{name}:1-50"], 20)
    assert [(one.chrom, one.start, one.end) for one in held.intervals] == [(name, 0, 50)]
    assert {one.chrom for one in train.intervals} == {"20", name}
    assert split_genome(Reference(tmp_path / "r.fa"), ["20"], [name], 20)[1].n_bases == len(bases)


@pytest.mark.parametrize("place", ["two:0-10", "two:10-5", "two:,-,", "two:1-99999999999999999999"])
def test_places_without_sense_are_refused_as_they_were_written(small_genome: Path, place: str) -> None:
    with pytest.raises(InputError, match=re.escape(repr(place))):
        split_genome(Reference(small_genome), [], [place], 20)
