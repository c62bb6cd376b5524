"""What harmonisation leaves: the answer in sentences, metrics and trials for tracking."""

from __future__ import annotations

from collections.abc import Sequence

from analyses.experiments.harmonisation.methods import AS_IT_IS
from analyses.formats import format_interval, format_number, format_p
from analyses.results.schema.experiments import Metrics, Trial
from analyses.results.schema.experiments.harmonisations import (
    HarmonisedAlignment,
    HarmonisedDifference,
    SitePrediction,
    Sites,
)

LEVEL = 0.05

Alignments = Sequence[HarmonisedAlignment]
Differences = Sequence[HarmonisedDifference]
Predictions = Sequence[SitePrediction]


def describe_answer(
    sites: Sites, alignments: Alignments, differences: Differences, predictions: Predictions
) -> tuple[str, ...]:
    """The answer; the first sentence stands alone."""
    return (
        _changes(sites, alignments, differences),
        *_told(sites, predictions),
        *_rules(sites),
        f"Harmonisation is no licence to leave confounds out: they, {sites.column} among them, are removed in every "
        "row, since what was learnt of a site in training subjects leaves sampling error in the others.",
    )


def _changes(sites: Sites, alignments: Alignments, differences: Differences) -> str:
    tested = [one for one in differences if one.role == "test"] or list(differences)
    if not tested:
        reason = next((one.reason for one in alignments if one.reason is not None), "no method could be fitted")
        return f"What bringing the sites of “{sites.column}” together changes is not defined: {reason}."
    clearest = min(tested, key=lambda one: (one.p_corrected, -abs(one.difference)))
    n_changed = sum(one.p_corrected < LEVEL for one in tested)
    head, shown = f"Bringing the {sites.n_sites} sites of “{sites.column}” together", _difference(clearest, alignments)
    if not n_changed:
        most = "" if len(tested) == 1 else f" in {len(tested)} comparisons; the clearest change is"
        return f"{head} changes no held-out correlation measurably{most or ':'} {shown}."
    of_all = f" in {n_changed} of {len(tested)} comparisons, most clearly" if len(tested) > 1 else ":"
    return f"{head} changes the held-out correlation{of_all} {shown}."


def _difference(one: HarmonisedDifference, alignments: Alignments) -> str:
    rho = {row.method: row.rho for row in alignments if (row.arm, row.view) == (one.arm, one.view)}
    return (
        f"{one.arm_label} × {one.view} with {one.method_label} ρ₁ = {_rho(rho[one.method])} against "
        f"{_rho(rho[AS_IT_IS])} as it is (difference {format_number(one.difference, 3)}, "
        f"{format_interval(one.interval)}, p = {format_p(one.p_corrected)})"
    )


def _rho(value: float | None) -> str:
    return "not defined" if value is None else format_number(value)


def _told(sites: Sites, predictions: Predictions) -> tuple[str, ...]:
    """One sentence a view: how well it tells the site under every method."""
    sentences = []
    for view in dict.fromkeys(one.view for one in predictions):
        rows = [one for one in predictions if one.view == view]
        known = [
            f"{format_number(one.before.score)} {'' if one.method == AS_IT_IS else 'with '}{one.method_label}"
            for one in rows
            if one.before is not None
        ]
        if known:
            sentences.append(
                f"From {view}, with confounds left in, {sites.column} is told with balanced accuracy "
                f"{', '.join(known)} (chance {format_number(rows[0].chance)})."
            )
        else:
            sentences.append(f"How well {view} tells {sites.column} is not defined: {rows[0].reason}.")
    return tuple(dict.fromkeys(sentences))


def _rules(sites: Sites) -> tuple[str, ...]:
    if not sites.small:
        return ()
    return (
        f"{len(sites.small)} of {sites.n_sites} sites have fewer than {sites.wanted} subjects and were kept: their "
        "location and scale are shrunk towards what features have in common, and are uncertain.",
    )


def list_metrics(alignments: Alignments, differences: Differences, predictions: Predictions) -> Metrics:
    """For every method the largest correlation of a tested view, its p of a change and how well the site is told."""
    found: Metrics = {}
    for method in dict.fromkeys(one.method for one in alignments):
        rho = [one.rho for one in alignments if one.method == method and one.role == "test" and one.rho is not None]
        p = [one.p_corrected for one in differences if one.method == method]
        told = [one.before.score for one in predictions if one.method == method and one.before is not None]
        for name, values, choose in (("rho", rho, max), ("p_change", p, min), ("site", told, max)):
            if values:
                found[f"harmonise/{name}_{method}"] = choose(values)
    return found


def make_trials(alignments: Alignments, differences: Differences, predictions: Predictions) -> tuple[Trial, ...]:
    """Every encoder, view and method as a child run of tracking."""
    changed = {(one.arm, one.view, one.method): one for one in differences}
    told = {(one.view, one.method): one for one in predictions}
    trials = []
    for one in alignments:
        metrics: Metrics = {}
        if one.rho is not None and one.p_corrected is not None:
            metrics |= {"harmonise/rho_1": one.rho, "harmonise/p_corrected": one.p_corrected}
        if (difference := changed.get((one.arm, one.view, one.method))) is not None:
            metrics |= {"harmonise/change": difference.difference, "harmonise/p_change": difference.p_corrected}
        site = told[one.view, one.method]
        if site.before is not None and site.after is not None:
            metrics |= {"harmonise/site_before": site.before.score, "harmonise/site_after": site.after.score}
        params = {"encoder.name": one.arm, "brain.view": one.view, "harmonise.method": one.method}
        trials.append(Trial(name=f"{one.arm} x {one.view}, {one.method_label}", params=dict(params), metrics=metrics))
    return tuple(trials)
