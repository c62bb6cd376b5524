"""``experiment: harmonise``: a brain view as it is, after ComBat, after ComBat that keeps confounds, after CovBat.

All on the same subjects, folds, permutations and dimensions, with the same confounds removed, the site among them;
every method is fitted in every training fold and applied to its test fold. Two questions: does it change the held-out
correlation, and how well does the view still tell the site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyses.alignment.comparison import correct_by_role, families
from analyses.alignment.recipe import collected_warnings
from analyses.cohort.design import make_design
from analyses.experiments.harmonisation.methods import (
    AS_IT_IS,
    LABELS,
    check_sites,
    describe_sites,
    prepare,
    site_labels,
)
from analyses.experiments.harmonisation.record import describe_answer, list_metrics, make_trials
from analyses.experiments.leakage import Covariate, make_shuffles, predict_covariate
from analyses.privacy.counts import show_sentence
from analyses.privacy.identities import Identities
from analyses.progress import progress_bar
from analyses.results.schema.alignments import AlignmentSummary, Role
from analyses.results.schema.experiments import HarmoniseResult
from analyses.results.schema.experiments.audits import CorrectedPrediction, Prediction
from analyses.results.schema.experiments.harmonisations import HarmonisedAlignment, HarmonisedDifference, SitePrediction
from analyses.results.serialisation import optional_interval
from fusion import InputError, PairedDifference, cross_validated_cca, paired_differences
from fusion.comparison.paired_differences import paired_family

if TYPE_CHECKING:
    from analyses.run.run import Run
    from fusion import CrossValidatedCCA

Key = tuple[str, str, str]
"""Arm, view and method."""


def check(run: Run) -> None:
    """Hold the sites against the rule for small ones and against the folds, before anything is embedded."""
    check_sites(run)


def run(run: Run) -> HarmoniseResult:
    """Every arm, view and method."""
    check_sites(run)
    methods = (AS_IT_IS, *run.config.harmonise.methods)
    with collected_warnings() as sentences:
        found = _align(run, methods)
        told = list(_tell_sites(run, methods))
    sites, alignments = describe_sites(run), _describe(run, found)
    differences, predictions = _compare(run, found), _corrected(told)
    return HarmoniseResult(
        sites=sites,
        alignments=alignments,
        differences=differences,
        predictions=predictions,
        warnings=tuple(_shown(run, one) for one in dict.fromkeys(sentences)),
        answer=describe_answer(sites, alignments, differences, predictions),
        metrics=list_metrics(alignments, differences, predictions),
        trials=make_trials(alignments, differences, predictions),
    )


def _align(run: Run, methods: tuple[str, ...]) -> dict[Key, CrossValidatedCCA | str]:
    """Held-out alignments; where a method cannot be fitted, why."""
    keys = [(arm, view, method) for arm in run.arms for view in run.config.brain for method in methods]
    found: dict[Key, CrossValidatedCCA | str] = {}
    with progress_bar("harmonise") as advance:
        for done, key in enumerate(keys, start=1):
            try:
                found[key] = _align_one(run, *key)
            except InputError as error:
                found[key] = _shown(run, str(error).rstrip("."))
            advance(done, len(keys))
    return found


def _shown(run: Run, sentence: str) -> str:
    """A sentence that names no subject and counts no few of them."""
    return Identities(run.cohort.known_ids).mask(show_sentence(sentence, run.config.privacy.smallest_count))


def _align_one(run: Run, arm: str, view: str, method: str) -> CrossValidatedCCA:
    settings, config = run.config.alignment, run.config
    summary = run.workspace.read_result(AlignmentSummary, f"alignments/{arm}__{view}/alignment.json")
    return cross_validated_cca(
        run.arms[arm].gene_view(),
        run.brain_view(view, prepare(run, view, method)),
        (run.cohort.covariates, make_design(config)),
        folds=run.folds,
        n_components=1,
        x_dimensions=summary.dimensions.x_cca,
        y_dimensions=summary.dimensions.y_cca,
        pca_components=settings.pca_components,
        scale=(settings.scale_x, settings.scale_y),
        n_permutations=settings.n_permutations,
        random_state=run.seeds.held_out,
        n_jobs=run.engine.n_jobs,
    )


def _by_view(run: Run, found: Mapping[Key, CrossValidatedCCA | str]) -> dict[str, dict[str, CrossValidatedCCA]]:
    """What could be aligned, by view and ``arm|method``."""
    return {
        view: {
            f"{arm}|{method}": one
            for (arm, of, method), one in found.items()
            if of == view and not isinstance(one, str)
        }
        for view in run.config.brain
    }


def _roles(run: Run) -> dict[str, Role]:
    return {view: settings.role for view, settings in run.config.brain.items()}


def _describe(run: Run, found: Mapping[Key, CrossValidatedCCA | str]) -> tuple[HarmonisedAlignment, ...]:
    corrected, _ = correct_by_role(_by_view(run, found), _roles(run))
    return tuple(_describe_one(run, key, one, corrected) for key, one in found.items())


def _describe_one(
    run: Run, key: Key, found: CrossValidatedCCA | str, corrected: Mapping[str, float]
) -> HarmonisedAlignment:
    arm, view, method = key
    named = HarmonisedAlignment(
        arm=arm,
        arm_label=run.specs[arm].label,
        view=view,
        role=run.config.brain[view].role,
        method=method,
        method_label=LABELS[method],
    )
    if isinstance(found, str):
        return replace(named, reason=found)
    return replace(
        named,
        rho=float(found.rho[0]),
        interval=optional_interval(found.interval[0]),
        p=float(found.p[0]),
        p_corrected=corrected[f"{arm}|{method}__{view}"],
        null_q95=float(np.quantile(found.null[1:, 0], 0.95)),
    )


def _compare(run: Run, found: Mapping[Key, CrossValidatedCCA | str]) -> tuple[HarmonisedDifference, ...]:
    """Every method less the view as it is; corrected over all of one role."""
    rows = list[HarmonisedDifference]()
    for family in families(_by_view(run, found), _roles(run)).values():
        pairs = [(name, base) for name in family if (base := _as_it_is(name)) != name and base in family]
        corrected = paired_family(family, pairs=pairs, random_state=run.seeds.held_out)
        differences = paired_differences(family, pairs=pairs, random_state=run.seeds.held_out)
        rows += [_difference(run, pair, found, corrected[pair]) for pair, found in differences.items()]
    return tuple(rows)


def _as_it_is(name: str) -> str:
    """The name, ``arm|method__view``, of the same arm and view without harmonisation."""
    arm, _, rest = name.partition("|")
    return f"{arm}|{AS_IT_IS}__{rest.partition('__')[2]}"


def _difference(run: Run, pair: tuple[str, str], found: PairedDifference, p_corrected: float) -> HarmonisedDifference:
    arm, _, rest = pair[0].partition("|")
    method, _, view = rest.partition("__")
    return HarmonisedDifference(
        arm=arm,
        arm_label=run.specs[arm].label,
        view=view,
        role=run.config.brain[view].role,
        method=method,
        method_label=LABELS[method],
        difference=found.difference,
        interval=optional_interval(found.interval),
        p=found.p,
        p_corrected=p_corrected,
    )


def _tell_sites(run: Run, methods: tuple[str, ...]) -> Iterator[tuple[SitePrediction, tuple[Prediction, ...]]]:
    """How well each view tells the site, before and after confounds are removed; nothing where that is not defined."""
    import pandas as pd

    settings = run.config.harmonise
    site = Covariate.of(pd.Series(site_labels(run), name=settings.site), "categorical")
    shuffles = make_shuffles(run.relations, settings.n_shuffles, run.seeds.held_out)
    unseen = describe_sites(run).n_unseen_folds
    for view in run.config.brain:
        for method in methods:
            named = SitePrediction(view=view, method=method, method_label=LABELS[method], chance=site.chance)
            if unseen:
                yield replace(named, reason=f"{unseen} folds test a site that their training subjects lack"), ()
                continue
            try:
                yield named, _tell_site(run, view, method, site, shuffles)
            except InputError as error:
                yield replace(named, reason=_shown(run, str(error).rstrip("."))), ()


def _tell_site(
    run: Run, view: str, method: str, site: Covariate, shuffles: np.ndarray
) -> tuple[Prediction, Prediction]:
    prepared = run.brain_view(view, prepare(run, view, method))
    before, after = (
        predict_covariate(
            prepared,
            site,
            run.folds,
            nuisance=nuisance,
            n_components=run.config.harmonise.n_components,
            scale=run.config.alignment.scale_y,
            shuffles=shuffles,
        )
        for nuisance in (None, run.encode_confounds)
    )
    return before, after


def _corrected(told: list[tuple[SitePrediction, tuple[Prediction, ...]]]) -> tuple[SitePrediction, ...]:
    """False discovery rate over all views and methods, before and after alike (Benjamini & Hochberg 1995)."""
    from statsmodels.stats.multitest import multipletests

    p = [one.p for _, both in told for one in both]
    q = iter(multipletests(p, method="fdr_bh")[1].tolist() if p else [])
    rows = list[SitePrediction]()
    for named, both in told:
        corrected = [CorrectedPrediction(**asdict(one), q=next(q)) for one in both]
        rows.append(replace(named, before=corrected[0], after=corrected[1]) if corrected else named)
    return tuple(rows)


def draw(result: HarmoniseResult, folder: Path) -> dict[str, Path]:
    """Correlations by method, and how well each view tells the site."""
    from analyses.figures.harmonisation import draw_correlations, draw_sites

    return draw_correlations(result.alignments, folder) | draw_sites(result.predictions, folder)
