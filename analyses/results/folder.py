"""The results folder of one run, as its readers see it: report, tracking, notebooks and researchers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.errors import InputError
from analyses.results import tables
from analyses.results.consistency import check_consistent
from analyses.results.headlines import Alignment, Headline, make_headline
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import Comparison
from analyses.results.schema.experiments import RESULT_TYPES, ExperimentResult, ProbeResult, result_file
from analyses.results.schema.runs import RunRecord
from analyses.results.serialisation import read_result

if TYPE_CHECKING:
    import pandas as pd

PROBE_OF_ARMS = "comparison/probe.json"
"""What a probe that was at hand found of the arms that were compared."""


@dataclass(frozen=True)
class Results:
    """Everything that one run wrote, typed, in the order in which the run lists it.

    Attributes
    ----------
    path : Path
    run : RunRecord
        Cohort, genome, arms, views and provenance.
    alignments : tuple of Alignment
        Arms x views.
    comparison : Comparison or None
        None before ``genebrain compare``.
    experiment : AttributeResult, AuditResult, DimsResult, PredictResult, ReplicateResult, TuneResult or None
        Of an experiment beyond alignments.
    probe : ProbeResult or None
        Of the arms that were compared, where `compare.probe` was given.
    """

    path: Path
    run: RunRecord
    alignments: tuple[Alignment, ...]
    comparison: Comparison | None
    experiment: ExperimentResult | None = None
    probe: ProbeResult | None = None

    def headlines(self) -> list[Headline]:
        """One per alignment."""
        rows = () if self.comparison is None else self.comparison.rows
        compared = {(row.arm, row.view): row for row in rows}
        return [
            make_headline(alignment, compared.get((alignment.summary.arm, alignment.summary.view)))
            for alignment in self.alignments
        ]

    @property
    def corrected_over_arms(self) -> bool:
        """Whether ``p_corrected`` of every headline accounts for all arms and views."""
        return self.comparison is not None or len(self.alignments) == 1

    @property
    def intervals_hold_together(self) -> bool:
        """Whether the interval of every headline holds for the one that is picked for its size, too."""
        rows = () if self.comparison is None else self.comparison.rows
        return len(self.alignments) == 1 or bool(rows and all(row.interval_of_all for row in rows))

    def table(self) -> pd.DataFrame:
        """One row per arm x view.

        Returns
        -------
        DataFrame [n_alignments, 18]
            ``arm``, ``arm_label``, ``view``, ``role``, ``trained``; ``rho`` (first held-out correlation) with ``low``
            and ``high`` (95 % interval), ``null_q95`` (95 % point of its permutation null), ``p``, ``p_corrected``
            (interval and p as of `Headline`); ``in_sample_r1`` with ``in_sample_null_q95``; ``detectable`` (correlation
            below which a link cannot be told from noise in sample); ``n_subjects``, ``n_effective``, ``x_cca``,
            ``y_cca`` (components that enter CCA).
        """
        return tables.headline_table(self.headlines())

    def gene_loadings(self) -> pd.DataFrame:
        """Loadings of genes on the first component, [n_alignments * n_genes] rows: ``arm``, ``view`` and the fields of
        `analyses.results.schema.GeneLoading`."""
        return tables.labelled_rows(
            (alignment.summary, alignment.summary.gene_loadings) for alignment in self.alignments
        )

    def feature_loadings(self) -> pd.DataFrame:
        """Loadings of brain features, one row per alignment and feature, as `gene_loadings`."""
        return tables.labelled_rows(
            (alignment.summary, alignment.summary.roi_loadings) for alignment in self.alignments
        )

    def held_out_by_fold(self) -> pd.DataFrame:
        """Held-out correlations in long form: ``arm``, ``view``, ``fold`` and ``component`` (from 1), ``rho``."""
        return tables.fold_table([alignment.summary for alignment in self.alignments])

    def ranking(self) -> pd.DataFrame:
        """The arms by view and place: fields of `analyses.results.schema.ComparisonRow`; empty if not compared."""
        ranked = tables.rows([] if self.comparison is None else self.comparison.rows)
        return ranked if ranked.empty else ranked.sort_values(["view", "rank"], ignore_index=True)

    def differences(self) -> pd.DataFrame:
        """Paired differences of arms: fields of `analyses.results.schema.ArmDifference`; empty if not compared."""
        return tables.rows([] if self.comparison is None else self.comparison.differences)

    def arm_properties(self) -> pd.DataFrame:
        """The arms themselves: fields of `analyses.results.schema.ArmProperties`, nested ones joined by a point
        (``cost.seconds``); empty if the arms were not compared as encoders."""
        arms = None if self.comparison is None else self.comparison.arms
        return tables.flat_rows(arms or ())

    def null_draws(self, component: int = 1) -> pd.DataFrame:
        """Held-out correlations of permuted data.

        Parameters
        ----------
        component : int
            From 1.

        Returns
        -------
        DataFrame [n_permutations + 1, n_alignments]
            A column per alignment; draw 0 is the observed value, which p counts.
        """
        return tables.draw_table({one.name: one.null_draws["held_out"][:, component - 1] for one in self.alignments})


def load_several(folders: Sequence[Path], *, what: str) -> dict[str, Results]:
    """Several finished runs by name: that of the run, or of its folder, or the whole path where these are equal.

    Parameters
    ----------
    folders : sequence of Path
    what : str
        What takes them, as the subject of a sentence.

    Raises
    ------
    InputError
        Fewer than two, or one folder twice.
    """
    if len(folders) < 2:
        raise InputError(f"{what} takes at least two results folders; got {len(folders)}: name more.")
    places = [folder.resolve() for folder in folders]
    if len(set(places)) < len(places):
        twice = next(folder for folder in folders if places.count(folder.resolve()) > 1)
        raise InputError(f"{what} takes each run once; {twice} is named twice: name it once.")
    found = [load_results(folder) for folder in folders]
    names = [results.run.name for results in found]
    if len(set(names)) < len(names):  # runs of one configuration lie in folders of their own
        names = [place.name for place in places]
    if len(set(names)) < len(names):
        names = list(map(str, places))
    return dict(zip(names, found, strict=True))


def load_results(folder: str | Path) -> Results:
    """Read what a run wrote: typed results, and tables of them.

    Parameters
    ----------
    folder : str or Path
        The run's ``output``, holding ``run.json`` and ``alignments/``.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        A file that the run lists is missing, or was written in a newer format.

    Examples
    --------
    >>> from analyses.results import load_results
    >>> results = load_results("results/demo")  # doctest: +SKIP
    >>> results.table()[["arm", "view", "rho", "null_q95", "p_corrected"]]  # doctest: +SKIP
    >>> results.alignments[0].summary.held_out.rho_by_fold  # doctest: +SKIP
    >>> results.gene_loadings().query("view == 'linked' and rank <= 3")  # doctest: +SKIP
    """
    path = Path(folder)
    run = read_result(RunRecord, path / "run.json")
    compared, kind = path / "comparison.json", RESULT_TYPES.get(run.experiment)
    experiment, probe = path / result_file(run.experiment), path / PROBE_OF_ARMS
    return Results(
        path=path,
        run=run,
        alignments=tuple(_read_alignment(path, name) for name in run.alignments),
        comparison=read_result(Comparison, compared) if compared.exists() else None,
        experiment=None if kind is None or not experiment.exists() else read_result(kind, experiment),
        probe=read_result(ProbeResult, probe) if run.experiment == "compare" and probe.exists() else None,
    )


def _read_alignment(path: Path, name: str) -> Alignment:
    """One alignment; its names become paths wherever results go, and a folder may come from anybody."""
    folder = path / "alignments" / name
    if folder.name != name or name in {".", ".."} or "\\" in name or not name.isprintable():
        raise InputError(
            f"An alignment is the name of a folder under {path / 'alignments'}; {path / 'run.json'} names {name!r}: "
            "get the results again from whoever made them."
        )
    summary = read_result(AlignmentSummary, folder / "alignment.json")
    if name != f"{summary.arm}__{summary.view}":
        raise InputError(
            f"The folder of an alignment is named for its arm and view; {folder} holds {summary.arm!r} x "
            f"{summary.view!r}: get the results again from whoever made them."
        )
    check_consistent(summary, folder / "alignment.json")
    return Alignment(folder, summary)
