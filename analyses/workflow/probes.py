"""Stages of a run on made-up genes of the run's own size, so that a dry run knows what they take here.

The brain tables, covariates, folds and settings are those of the run, and the code is what will run: only the genes are
noise, in the shape that embeddings of so many distinct windows have. Of results nothing is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from analyses.workflow.durations import LONG, REPEATS, Duration, measure, measure_warm, shared_out

if TYPE_CHECKING:
    from analyses.run.run import Run
    from fusion.views.table_view import TableView

MOST_COLUMNS = 4096
"""Columns of made-up genes at most: what is wider is kept factored, and costs little more."""
_NARROW = 256
"""Columns of the genes by which permutations are timed."""
_FEW, _MANY = 99, 299
"""Permutations of the short and of the long probe; below a hundred another path is taken than by a run."""
_LINKED = 2
"""Components of the link that the longest estimate supposes; each further one would take as long as these."""


class Probe:
    """Times alignments of a run whose genes are not embedded yet.

    Parameters
    ----------
    run : Run
        A dry one.
    rank : int
        Dimensions that the genes may span: distinct windows.
    n_columns : iterable of int
        Of the arms that will be aligned: alignments are timed with the widest and with narrow genes, and what lies
        between is read from these.
    """

    def __init__(self, run: Run, rank: int, n_columns: Iterable[int]) -> None:
        self.run, self.rank = run, rank
        self.n_workers = run.config.workers
        self.n_columns = sorted({min(n, MOST_COLUMNS) for n in n_columns})
        self._first: float | None = None

    def genes(self, n_columns: int, view: str | None = None) -> TableView:
        """Noise as wide as an arm, [n_subjects, n_columns]; if a brain view is named, linked with it in `_LINKED`
        components."""
        from fusion.views.table_view import TableView

        subject_ids, rng = self.run.cohort.subject_ids, np.random.default_rng(0)
        width = min(n_columns, MOST_COLUMNS)
        rank = max(2, min(self.rank, width))
        values = rng.standard_normal((len(subject_ids), rank)) @ rng.standard_normal((rank, width)) / rank**0.5
        if view is not None:
            brain = np.nan_to_num(self.run.brain_values(view))
            brain = (brain - brain.mean(axis=0)) / (brain.std(axis=0) + 1e-9)
            left, _, _ = np.linalg.svd(brain, full_matrices=False)
            linked = left[:, :_LINKED]
            values += 9 * len(brain) ** 0.5 * linked @ rng.standard_normal((linked.shape[1], width))
        names = [f"G{column * 10 // width}" for column in range(width)]
        return TableView(values.astype(np.float32), subject_ids, names)

    def alignment(self, n_columns: int) -> Duration:
        """One arm against one view, for which the widest stands.

        At least what genes without any link take, at most what genes take that are linked in `_LINKED` components:
        components are tested until one is not beyond chance.
        """
        fixed = self._fixed_at(min(n_columns, MOST_COLUMNS))
        beyond = self.run.config.alignment.n_permutations - self._few
        return (fixed + shared_out(self._each.times(beyond), self.n_workers) if beyond else fixed).widened()

    @property
    def _few(self) -> int:
        """Permutations of the short probe."""
        return min(_FEW, self.run.config.alignment.n_permutations)

    def _fixed_at(self, width: int) -> Duration:
        """What few permutations take: as long as with narrow genes, and more the nearer to the widest they are."""
        widest = self.n_columns[-1]
        if width <= _NARROW or widest <= _NARROW:
            return self._shortest
        share = min(1.0, (width - _NARROW) / (widest - _NARROW))
        return self._shortest.times(1 - share) + self._longest.times(share)

    @cached_property
    def _longest(self) -> Duration:
        """An alignment of the widest genes and few permutations."""
        self._warm()
        widest = self.n_columns[-1]
        return measure_warm(partial(self._align, self.genes(widest), self._few), repeats=self._repeats)

    @property
    def _repeats(self) -> int:
        """Once where one alignment takes long: a dry run must not take as long as the run."""
        self._warm()
        return 1 if self._first is not None and self._first > LONG else REPEATS

    def _warm(self) -> None:
        """An alignment that pays for all that comes first."""
        if self._first is None:
            begun = time.perf_counter()
            self._align(self.genes(_NARROW, self._widest), self._few)
            self._first = time.perf_counter() - begun

    @property
    def once(self) -> Duration:
        """What the first alignment of every process takes beyond the others: libraries are loaded, loops compiled, and
        studies of this size drawn, of which the power of all of them is read."""
        self._warm()
        assert self._first is not None
        beyond = max(self._first - self._shortest.low, 0.0)
        return Duration(beyond, beyond).widened()

    @cached_property
    def _shortest(self) -> Duration:
        """An alignment of narrow genes and few permutations."""
        self._warm()
        return measure_warm(partial(self._align, self.genes(_NARROW), self._few), repeats=self._repeats)

    @cached_property
    def _each(self) -> Duration:
        """Seconds of one more permutation, for which the width of the genes is no matter."""
        few, ends = self._shortest, []
        for genes, repeats in ((self.genes(_NARROW), self._repeats), (self.genes(_NARROW, self._widest), 1)):
            many = measure_warm(partial(self._align, genes, _MANY), repeats=repeats)
            ends.append(max(many.low - few.low, 0.0) / (_MANY - _FEW))  # without what a machine did besides
        return Duration(min(ends), max(ends))

    @property
    def _widest(self) -> str:
        return max(self.run.brain, key=lambda view: self.run.brain[view].values.shape[1])

    def reduction(self, n_columns: int) -> Duration:
        """Confounds removed from one arm's genes and their components found, once."""
        from analyses.cohort.design import make_nuisance
        from fusion import ViewPCA

        run, genes = self.run, self.genes(n_columns)
        settings, nuisance = run.config.alignment, make_nuisance(run.config, run.cohort.covariates)
        pca = ViewPCA(settings.pca_components, confounds=nuisance, scale=settings.scale_x)
        return measure(lambda: pca.fit(genes).transform(genes)).widened()

    def _align(self, genes: TableView, n_permutations: int) -> None:
        from analyses.alignment.recipe import align_views
        from analyses.results.schema.alignments import AlignmentLabels

        run = self.run
        align_views(
            genes,
            run.brain_view(self._widest),
            run.cohort.covariates,
            labels=AlignmentLabels("probe", "probe", self._widest, False, "test"),
            confounds=run.config.confound_terms,
            settings=run.config.alignment.model_copy(update={"n_permutations": n_permutations}),
            folds=run.folds,
            seeds=run.seeds,
            relationship=run.relationship,
        )


def probe_figure() -> tuple[Duration, Duration]:
    """One figure of a report, drawn and saved as they are: the first, which loads the library, and any other."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import pandas as pd

    from analyses.figures.alignment import loadings_figure
    from analyses.figures.canvas import save_figure

    names, values = [f"G{number}" for number in range(20)], np.linspace(-1, 1, 20)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "probe.svg"

        def draw() -> None:
            figure = loadings_figure(names, list(values), kind="genes", title="probe")
            save_figure(figure, path, pd.DataFrame({"name": names, "loading": values}))

        return measure_warm(draw, repeats=1), measure_warm(draw)
