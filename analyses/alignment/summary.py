"""What one alignment found, as its parts are saved for report, tracking and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analyses.alignment.tails import describe_pair, describe_tail, describe_tested
from analyses.privacy.counts import show_count, show_sentence
from analyses.privacy.identities import Identities
from analyses.results.schema.alignments import (
    AlignmentSummary,
    Dependence,
    Detectability,
    HeldOut,
    HeldOutTrace,
    InSample,
    InSamplePower,
    NoiseCorrelation,
    RelativesWhitened,
    RequiredSubjects,
    RoyTest,
)
from analyses.results.schema.tails import FittedTail
from analyses.results.serialisation import optional_interval, tuples
from fusion.power.detectability import NullR1, approximate_null_r1, required_n, rho_c, wachter_edge
from fusion.power.held_out import critical_value, detectable_held_out_rho
from fusion.power.prediction import detectable_rho, predicted_power

if TYPE_CHECKING:
    from fusion.cross_validation.result import CrossValidatedCCA
    from fusion.dependence.permutation_test import DependenceTest
    from fusion.permutation.result import PermutationTestCCA


def shown_summary(summary: AlignmentSummary, known_ids: Iterable[str], smallest: int) -> AlignmentSummary:
    """The summary without small counts and without ids: what the methods said on the way is written by many.

    Parameters
    ----------
    known_ids : iterable of str
        Of every subject of the run.
    smallest : int
        Counts of subjects below it are said to be so.
    """
    n_unseen = summary.held_out.n_unseen_levels
    shown = show_count(n_unseen, smallest) if isinstance(n_unseen, int) else n_unseen
    subjects = Identities(known_ids)
    return replace(
        summary,
        held_out=replace(summary.held_out, n_unseen_levels=shown),
        relatives=None if summary.relatives is None else _shown_relatives(summary.relatives, smallest),
        warnings=tuple(subjects.mask(show_sentence(one, smallest)) for one in summary.warnings),
    )


def _shown_relatives(relatives: RelativesWhitened, smallest: int) -> RelativesWhitened:
    n_related = relatives.n_related
    return replace(relatives, n_related=show_count(n_related, smallest) if isinstance(n_related, int) else n_related)


def describe_in_sample(tests: Mapping[str, PermutationTestCCA], statistic: str, *, tails: bool = True) -> InSample:
    """Correlations with their p by the chosen statistic, and r1 beside its permutation null (Roy's).

    Parameters
    ----------
    tails : bool
        Whether tails are fitted beside p.
    """
    headline, roy = tests[statistic], tests["roy"]
    null_r1 = roy.null_statistics[1:, 0]
    return InSample(
        canonical_correlations=tuples(headline.canonical_correlations),
        statistic=statistic,
        p_uncorrected=_reported(headline, "p_uncorrected"),
        p_fwer=_reported(headline, "p_fwer"),
        null_mean_r1=float(null_r1.mean()),
        null_q95_r1=float(np.quantile(null_r1, 0.95)),
        n_permutations=headline.n_permutations,
        projection=headline.projection,
        scheme=headline.scheme,
        n_tested=headline.n_tested,
        roy=RoyTest(_reported(roy, "p_fwer"), _tails(roy, tails)),
        is_withheld=headline.is_liberal,
        tails=_tails(headline, tails),
    )


def _reported(test: PermutationTestCCA, name: str) -> tuple[float | None, ...]:
    """p of every component; None where it was not tested, or where tails and confounds make it too small."""
    p = test.to_dict()[name]
    return tuple(None if test.is_liberal else value for value in p)


def _tails(test: PermutationTestCCA, asked: bool) -> tuple[FittedTail, ...] | None:
    return describe_tested(test.tails) if asked and not test.is_liberal else None


def describe_held_out(held_out: CrossValidatedCCA, r1: float, *, tails: bool = True) -> HeldOut:
    """Held-out correlations beside their null; ``r1`` is the first in-sample correlation, `tails` as in sample."""
    described = held_out.to_dict()  # None for what was not tested
    null = held_out.trace_null[1:]
    return HeldOut(
        rho=tuples(held_out.rho),
        p=tuples(described["p"]),
        p_fwer=tuples(described["p_fwer"]),
        interval=tuple(map(optional_interval, held_out.interval)),
        rho_by_fold=tuples(held_out.rho_by_fold),
        null_mean=tuples(described["null_mean"]),
        null_q95=tuples(described["null_q95"]),
        trace=HeldOutTrace(
            value=held_out.trace,
            null_mean=float(null.mean()),
            null_q95=float(np.quantile(null, 0.95)),
            p=held_out.trace_p,
            p_corrected=held_out.p_link,
            tail=describe_tail(held_out.trace_tail) if tails else None,
            tails_corrected=describe_pair(held_out.link_tails) if tails else None,
        ),
        n_splits=len(held_out.n_test),
        n_unseen_levels=int(held_out.n_unseen.sum()),
        n_permutations=len(held_out.null) - 1,
        folds_sha256=held_out.folds_sha256,
        ratio_to_in_sample=float(held_out.rho[0] / r1),
        tails=describe_tested(held_out.tails) if tails else None,
    )


def describe_dependence(found: DependenceTest) -> tuple[Dependence, ...]:
    """Statistics beside their nulls, in the order that they were asked for."""
    q95 = np.quantile(found.null[1:], 0.95, axis=0)
    columns = zip(found.names, found.values, q95, found.p, found.p_corrected, strict=True)
    return tuple(
        Dependence(
            name=cast(Any, name),
            value=float(value),
            null_q95=float(limit),
            p=float(p),
            p_corrected=float(corrected),
            n_permutations=len(found.null) - 1,
        )
        for name, value, limit, p, corrected in columns
    )


def link_nulls(held_out: CrossValidatedCCA) -> np.ndarray:
    """First correlation and trace under every permutation, [n_permutations, 2]."""
    return np.column_stack([held_out.null[1:, 0], held_out.trace_null[1:]])


def describe_detectability(n_effective: int, held_out: CrossValidatedCCA, null: NullR1) -> Detectability:
    """What noise gives, what could be told from it and how likely, and how many subjects would halve that threshold."""
    p, q = held_out.dimensions
    threshold = rho_c(n_effective, p, q)
    with_power = detectable_rho(n_effective, p, q)
    expected = predicted_power(n_effective, p, q, min(threshold, 0.999))
    return Detectability(
        rho_c=threshold,
        null_r1_mean=null.mean,
        null_r1_q95=null.q95,
        null_r1_closed_form=NoiseCorrelation(*approximate_null_r1(n_effective, p, q)),
        wachter_edge=wachter_edge(n_effective, p, q),
        power_at_rho_c=InSamplePower(expected.roy, expected.wilks),
        rho_at_80_percent_power=with_power,
        held_out_rho_at_80_percent_power=detectable_held_out_rho(
            n_effective, p, q, n_folds=held_out.n_splits, critical=critical_value(link_nulls(held_out))
        ),
        required_n=RequiredSubjects(threshold / 2, required_n(threshold / 2, p, q)),
    )
