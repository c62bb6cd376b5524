"""One gene view against one brain view: reduce, align, test in sample and held out, and say what could be found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from analyses.alignment.dimensions import describe_dimensions, dimensions_of_cca
from analyses.alignment.first_component import interpret
from analyses.alignment.scores import Scores
from analyses.alignment.summary import (
    describe_dependence,
    describe_detectability,
    describe_held_out,
    describe_in_sample,
)
from analyses.cohort.cautions import said_of_a_run
from analyses.config.sections import AlignmentConfig
from analyses.progress import Advance
from analyses.results.schema.alignments import (
    AlignmentLabels,
    AlignmentSummary,
    ConfoundTaken,
    RelativesWhitened,
    SampleSize,
)
from analyses.results.workspace import SCHEMA
from fusion import (
    Blocks,
    ConfoundDesign,
    FrozenAlignment,
    ViewPCA,
    cross_validated_cca,
    dependence_test,
    permutation_tests_cca,
    whiten_relatives,
)
from fusion.cautions import collected
from fusion.confounds.shares import confound_shares
from fusion.parallel import tiled
from fusion.power.detectability import flags, null_r1
from fusion.relatives.kinship_model import with_intercept
from fusion.workers import is_of_no_concern

if TYPE_CHECKING:
    import pandas as pd

    from analyses.cohort.relationship import Relationship
    from fusion.arrays import ViewLike
    from fusion.confounds.terms import Term, TermLike
    from fusion.cross_validation.folds import Folds
    from fusion.cross_validation.result import CrossValidatedCCA
    from fusion.views.view import View

#: No component is tested after the first whose corrected p exceeds this.
LEVEL = 0.05


@dataclass(frozen=True)
class Seeds:
    """Children of the run's seed: every arm and view gets the same folds and the same permutations."""

    folds: int
    in_sample: int
    held_out: int
    detectability: int

    @classmethod
    def spawn(cls, seed: int) -> Seeds:
        """Four independent seeds from one."""
        return cls(*(int(value) for value in np.random.SeedSequence(seed).generate_state(4)))


@dataclass(frozen=True)
class AlignmentOutcome:
    """What one arm x view gives: a summary fit for publication, null draws, held-out scores and the fitted weights
    (both private)."""

    summary: AlignmentSummary
    in_sample_null_r1: np.ndarray
    held_out: CrossValidatedCCA
    frozen: FrozenAlignment

    def headline(self) -> str:
        """Held-out rho_1 beside its null, in one line."""
        held_out = self.summary.held_out
        return (
            f"held-out rho_1 {held_out.rho[0]:.3f} (95 % point of its null {held_out.first_null_q95:.3f}), "
            f"p {held_out.first_p:.3f}{self._trace()}"
        )

    def _trace(self) -> str:
        trace = self.summary.held_out.trace
        if trace is None:
            return ""
        return f"; trace {trace.value:.3f} (95 % point {trace.null_q95:.3f}), p {trace.p:.3f}"


def align_views(  # noqa: PLR0913 (one call says the whole recipe)
    gene_view: View,
    brain_view: View,
    covariates: pd.DataFrame,
    *,
    labels: AlignmentLabels,
    confounds: Sequence[TermLike],
    settings: AlignmentConfig,
    folds: Folds,
    seeds: Seeds,
    relationship: Relationship | None = None,
    origin: Mapping[str, str] | None = None,
    x_available: int | None = None,
    n_jobs: int = 1,
    progress: Advance | None = None,
) -> AlignmentOutcome:
    """The recipe: residualise on confounds, PCA, CCA, permutation in sample and held out.

    Parameters
    ----------
    gene_view, brain_view : View [n_subjects, n_columns]
        Rows in the same order.
    labels : AlignmentLabels
        Which arm and which view they are.
    folds : Folds
        With the relations of the subjects: who is exchanged, drawn and held out together.
    covariates : DataFrame [n_subjects, n_columns]
        Row i belongs to row i of the views.
    confounds : sequence of Confound, Interaction or str
        What is removed, by columns of the covariates.
    relationship : Relationship, optional
        Whose rows are made uncorrelated before anything else.
    origin : mapping of str to str, optional
        What the columns of the views are made by: it goes with the fitted weights, so that these are applied to no
        other ones.
    x_available : int, optional
        Components of the narrowest arm that this one is compared with: ``auto`` takes no more of any.

    Raises
    ------
    fusion.errors.InputError
        Too few subjects, a constant view, or confounds that cannot be used.
    """
    with collected_warnings() as sentences, tiled():  # threads of BLAS wait for one another where other work runs
        alignment = _align(
            gene_view,
            brain_view,
            covariates,
            labels=labels,
            confounds=confounds,
            settings=settings,
            folds=folds,
            seeds=seeds,
            relationship=relationship,
            origin=origin,
            x_available=x_available,
            n_jobs=n_jobs,
            progress=progress,
        )
    said = tuple(dict.fromkeys([*alignment.summary.warnings, *sentences]))
    return replace(alignment, summary=replace(alignment.summary, warnings=said))


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Sentences meant for the user, for the report instead of the terminal; other warnings pass."""
    with collected() as sentences, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield sentences
    for warning in caught:
        if is_of_no_concern(str(warning.message)):
            continue
        if warning.category is UserWarning:
            sentences.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _align(  # noqa: PLR0913 (as above)
    gene_view: View,
    brain_view: View,
    covariates: pd.DataFrame,
    *,
    labels: AlignmentLabels,
    confounds: Sequence[TermLike],
    settings: AlignmentConfig,
    folds: Folds,
    seeds: Seeds,
    relationship: Relationship | None,
    origin: Mapping[str, str] | None,
    x_available: int | None,
    n_jobs: int,
    progress: Advance | None,
) -> AlignmentOutcome:
    import pandas as pd

    design = ConfoundDesign(confounds, unseen=settings.unseen_level)
    nuisance = design.fit(covariates).transform(covariates)
    named = pd.DataFrame(nuisance, columns=design.get_feature_names_out())
    given, relatives = (gene_view, brain_view), None
    removed: pd.DataFrame | tuple[pd.DataFrame, ConfoundDesign] = (covariates, design)
    if relationship is not None:
        gene_view, brain_view, named, relatives = whiten_views(given, named, relationship)
        nuisance, removed = named.to_numpy(), named
    blocks = folds.relations.blocks
    x_pca, y_pca = (
        ViewPCA(settings.pca_components, confounds=nuisance, scale=scale).fit(view)
        for view, scale in ((gene_view, settings.scale_x), (brain_view, settings.scale_y))
    )
    n_effective = len(covariates) - nuisance.shape[1] - 1
    borne = min(x_pca.n_components_, x_available or x_pca.n_components_)
    p, q = dimensions_of_cca(n_effective, (borne, x_pca.n_components_), y_pca.n_components_, settings)
    x_scores, y_scores = Scores(x_pca, gene_view, p), Scores(y_pca, brain_view, q)
    n_components = min(settings.n_components, p, q)

    in_sample = permutation_tests_cca(
        x_scores,
        y_scores,
        named.reset_index(drop=True) if named.shape[1] else None,
        n_permutations=settings.n_permutations,
        projection=_projection(settings, blocks),
        exchangeability_blocks=blocks,
        n_steps=n_components,
        stop_at=LEVEL,
        precision="screen",
        random_state=seeds.in_sample,
        n_jobs=n_jobs,
    )
    held_out = cross_validated_cca(
        gene_view,
        brain_view,
        removed if named.shape[1] else None,
        folds=folds,
        n_components=n_components,
        x_dimensions=p,
        y_dimensions=q,
        pca_components=settings.pca_components,
        scale=(settings.scale_x, settings.scale_y),
        n_permutations=settings.n_permutations,
        stop_at=LEVEL,
        random_state=seeds.held_out,
        n_jobs=n_jobs,
        progress=progress,
    )
    x, y = np.asarray(x_scores), np.asarray(y_scores)
    dependence = None
    if settings.also:
        dependence = dependence_test(
            x,
            y,
            nuisance if named.shape[1] else None,
            statistics=settings.also,
            n_permutations=settings.n_permutations,
            exchangeability_blocks=blocks,
            random_state=seeds.in_sample,
            n_jobs=n_jobs,
        )
    null = null_r1(n_effective, p, q, random_state=seeds.detectability)
    r1 = float(in_sample["wilks"].canonical_correlations[0])
    first = interpret(
        (gene_view, brain_view),
        (x, y),
        confounds=nuisance,
        correlations=(r1, float(held_out.rho[0])),
        clusters=folds.relations.drawn_together(),
        seed=seeds.detectability,
        n_jobs=n_jobs,
    )
    summary = AlignmentSummary(
        schema=SCHEMA,
        arm=labels.arm,
        arm_label=labels.arm_label,
        view=labels.view,
        trained=labels.trained,
        role=labels.role,
        n=SampleSize(
            subjects=len(covariates),
            genes=len(set(gene_view.column_groups)),
            features=brain_view.shape[1],
            confounds=nuisance.shape[1],
            n_effective=n_effective,
        ),
        dimensions=describe_dimensions(x_pca, y_pca, (p, q), n_effective, settings),
        in_sample=describe_in_sample(in_sample, settings.statistic, tails=settings.tails),
        held_out=describe_held_out(held_out, r1, tails=settings.tails),
        detectability=describe_detectability(n_effective, held_out, null),
        gene_loadings=first.gene_loadings,
        roi_loadings=first.feature_loadings,
        interpretation=first.interpretation,
        dependence=None if dependence is None else describe_dependence(dependence),
        confounds=_describe_taken(design.by_term(covariates), given, settings) or None,
        relatives=relatives,
        flags=tuple(flags(n_effective, p, q, r1=r1, held_out=float(held_out.rho[0]), null=null)),
        warnings=tuple(dict.fromkeys(map(said_of_a_run, [*in_sample["wilks"].warnings, *held_out.warnings]))),
    )
    frozen = FrozenAlignment.of_embeddings((gene_view, brain_view), (x_pca, y_pca), (x, y), origin=origin)
    return AlignmentOutcome(summary, in_sample["roy"].null_statistics[:, 0], held_out, frozen)


def whiten_views(
    views: tuple[ViewLike, ViewLike], confounds: pd.DataFrame, relationship: Relationship
) -> tuple[View, View, pd.DataFrame, RelativesWhitened]:
    """Views and confounds with relatives made uncorrelated, the confounds as either view's rows were combined.

    Parameters
    ----------
    views : pair of View [n_subjects, n_columns]
        Genes and brain.
    confounds : DataFrame [n_subjects, n_confounds]
        Numbers without intercept.
    relationship : Relationship
    """
    import pandas as pd

    found = whiten_relatives(*views, confounds.to_numpy(), relationship=relationship.matrix)
    independent = with_intercept(found.confounds, len(confounds))[:, 1:]
    said = RelativesWhitened(relationship.source, relationship.n_related, *found.heritability)
    names = [f"whitened confound {number}" for number in range(1, independent.shape[1] + 1)]
    return found.x, found.y, pd.DataFrame(independent, list(found.x.subject_ids), names), said


def _describe_taken(
    columns: Mapping[Term, np.ndarray], views: tuple[View, View], settings: AlignmentConfig
) -> tuple[ConfoundTaken, ...]:
    """What every confound explains of genes and of brain, before anything is removed."""
    genes, brain = views
    of_genes = confound_shares(genes, columns, scale=settings.scale_x)
    of_brain = confound_shares(brain, columns, scale=settings.scale_y)
    taken = [ConfoundTaken(side="genes", **asdict(share)) for share in of_genes]
    return (*taken, *(ConfoundTaken(side="brain", **asdict(share)) for share in of_brain))


def _projection(settings: AlignmentConfig, blocks: Blocks | None) -> Literal["auto", "huh-jhun", "theil"]:
    """As asked; by itself Theil's where there are blocks, which rotated rows do not know."""
    return "theil" if settings.projection == "auto" and blocks is not None else settings.projection
