"""What experiments beyond alignments take: parts of each are done once or a few times, and counted up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.design import make_design
from analyses.workflow.durations import NOTHING, Duration, measure, measure_warm, per_unit, shared_out, total
from analyses.workflow.probes import MOST_COLUMNS

if TYPE_CHECKING:
    from analyses.experiments.leakage import Covariate
    from analyses.workflow.probes import Probe


@dataclass(frozen=True)
class PlannedArm:
    """An arm of a plan: its columns, and what embedding all windows anew would take."""

    n_columns: int
    embedding: Duration


def probe_audit(probe: Probe, arms: Sequence[PlannedArm]) -> Duration:
    """Covariates predicted from every view, before and after, and random pairings."""
    from analyses.experiments.audit import list_covariates
    from analyses.experiments.leakage import make_shuffles
    from fusion import cross_validated_cca
    from fusion.arrays import dense

    run, settings = probe.run, probe.run.config.audit
    covariates = list_covariates(run)

    def predict(view: Any, scale: bool) -> Duration:
        widths = {covariate.columns.shape[1]: covariate for covariate in covariates}
        one = {size: widths[size] for size in (min(widths), max(widths))}
        shuffles = {
            size: make_shuffles(run.relations.take(of.known), settings.n_shuffles, 0) for size, of in one.items()
        }
        measured = [
            measure(partial(_predict, probe, view, one[size], scale, shuffles[size]), repeats=1) for size in one
        ]
        each = Duration(min(one.low for one in measured), max(one.high for one in measured))
        return each.times(2 * len(covariates))

    def pair(genes: Any, view: str) -> Duration:
        brain = dense(run.brain_view(view))
        once = measure(
            lambda: cross_validated_cca(
                genes,
                brain,
                _confounds(probe),
                folds=run.folds,
                n_components=1,
                pca_components=settings.n_components,
                scale=(run.config.alignment.scale_x, run.config.alignment.scale_y),
                n_permutations=settings.n_shuffles,
                n_bootstrap=2,
            )
        )
        return shared_out(once.times(settings.n_pairings), probe.n_workers)

    of_brain = total(predict(run.brain_view(view), run.config.alignment.scale_y) for view in run.brain)
    of_genes = NOTHING
    for n_columns in {arm.n_columns for arm in arms}:
        genes, n_arms = probe.genes(n_columns), sum(arm.n_columns == n_columns for arm in arms)
        paired = total(pair(genes, view) for view in run.tested_views)
        of_genes += (predict(genes, run.config.alignment.scale_x) + paired).times(n_arms)
    return (of_brain + of_genes).widened()


def probe_dims(probe: Probe, arms: Sequence[PlannedArm]) -> Duration:
    """One nested choice of dimensions for every arm and view."""
    from fusion.model_selection.nested_dimensions import nested_dimensions

    run, settings = probe.run, probe.run.config.dims
    n_permutations = run.config.alignment.n_permutations

    def search(n_columns: int, view: str) -> Duration:
        genes, brain = probe.genes(n_columns), run.brain_view(view)

        def choose(n: int) -> None:
            nested_dimensions(
                genes,
                brain,
                _confounds(probe),
                grid=settings.grid,
                folds=run.folds,
                inner_splits=settings.inner_splits,
                scale=(run.config.alignment.scale_x, run.config.alignment.scale_y),
                n_permutations=n,
            )

        few, many = measure(lambda: choose(9)), measure_warm(lambda: choose(59))
        return few + shared_out(per_unit(few, many, 50).times(max(n_permutations - 9, 0)), probe.n_workers)

    keys = [(min(arm.n_columns, MOST_COLUMNS), view) for arm in arms for view in run.brain]
    found = {key: search(*key) for key in dict.fromkeys(keys)}
    return total(found[key] for key in keys).widened()


def probe_tune(probe: Probe, arms: Sequence[PlannedArm]) -> Duration:
    """Trials in inner folds, windows embedded for other poolings and layers, and the one test."""
    from fusion.cross_validation.folds import folds_of
    from fusion.model_selection.settings import Setting, embed_inner, evaluate_setting, inner_correlation

    run, settings = probe.run, probe.run.config.tune
    aside = run.folds.assignments < settings.test_folds
    rows = np.flatnonzero(~aside), np.flatnonzero(aside)
    inner = folds_of(run.relations.take(rows[0]), settings.inner_splits, 0)
    scale = run.config.alignment.scale_x, run.config.alignment.scale_y
    n_kinds = len(settings.poolings) * len(settings.layers)
    least, most = (Setting(n, settings.penalty[0]) for n in settings.n_components)

    def search(arm: PlannedArm, view: str) -> Duration:
        views = probe.genes(arm.n_columns), run.brain_view(view)

        def embed() -> Any:
            return embed_inner(
                views, _confounds(probe), rows[0], inner, n_components=settings.n_components[1], scale=scale
            )

        def test(n: int) -> None:
            split: Any = (views, _confounds(probe), rows, most)
            evaluate_setting(*split, scale=scale, relations=run.relations, n_permutations=n)

        embedded = embed()
        small, large = (measure(partial(inner_correlation, embedded, one)) for one in (least, most))
        trials = Duration(min(small.low, large.low), max(small.high, large.high)).times(settings.n_trials)
        few, many = measure(lambda: test(9)), measure_warm(lambda: test(109))
        tested = few + per_unit(few, many, 100).times(max(run.config.alignment.n_permutations - 9, 0))
        prepared = measure_warm(embed).times(n_kinds) + Duration(0.0, arm.embedding.high * (n_kinds - 1))
        return prepared + shared_out(trials, probe.n_workers) + tested

    return total(search(arm, view) for arm in arms for view in run.tested_views).widened()


def _predict(probe: Probe, view: Any, covariate: Covariate, scale: bool, shuffles: np.ndarray) -> None:
    from analyses.experiments.leakage import predict_covariate

    run = probe.run
    predict_covariate(
        view,
        covariate,
        run.folds,
        nuisance=run.encode_confounds,
        n_components=run.config.audit.n_components,
        scale=scale,
        shuffles=shuffles,
    )


def _confounds(probe: Probe) -> Any:
    config = probe.run.config
    return (probe.run.cohort.covariates, make_design(config)) if config.confounds else None


#: Experiments whose own part is known; of the others a plan says that it is not.
PROBES: Mapping[str, Callable[[Probe, Sequence[PlannedArm]], Duration]] = MappingProxyType(
    {"audit": probe_audit, "dims": probe_dims, "tune": probe_tune}
)
