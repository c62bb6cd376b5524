"""What keys of a run must hold together: each refusal names the key, what came, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyses.config.encoder import PRECOMPUTED
from analyses.config.experiments import ExperimentName
from analyses.config.names import check_distinct

if TYPE_CHECKING:
    from analyses.config.run_config import RunConfig

OF_SEQUENCES: tuple[ExperimentName, ...] = ("tokens", "variants")
"""Experiments that ask about sequences, which a run on vectors made elsewhere does not have."""

WHITENED: tuple[ExperimentName, ...] = ("align", "compare")
"""Experiments that take rows of relatives made uncorrelated."""


def check_together(run: RunConfig) -> None:
    """Raise ValueError where keys contradict one another, or one needs another that is not there."""
    _check_inputs(run)
    _check_columns(run)
    _check_sites(run)
    _check_relatives(run)


def _check_inputs(run: RunConfig) -> None:
    if not run.encoders:
        raise ValueError("encoders: at least one arm is required")
    sequenced = [arm.name for arm in run.encoders if arm.encoder != PRECOMPUTED]
    if run.genome is None and sequenced:
        raise ValueError(f"genome: is required, since encoder '{sequenced[0]}' reads sequences")
    if run.genome is None and run.experiment in OF_SEQUENCES:
        raise ValueError(f"genome: is required, since experiment: {run.experiment} reads sequences")
    if run.genome is None and run.plant:
        raise ValueError("plant: needs genome:, since a link is planted from haplotypes")
    if not run.brain:
        raise ValueError("brain: at least one view is required")
    check_distinct("encoders:", (arm.name for arm in run.encoders))
    check_distinct("brain:", run.brain)
    if run.experiment == "replicate" and run.replicate is None:
        raise ValueError("replicate: is required: the results folder of the cohort whose weights are tested")
    if run.plant and run.plant.view not in run.brain:
        raise ValueError(f"plant.view: '{run.plant.view}' is not among brain: {', '.join(run.brain)}")
    planted = run.plant and run.brain[run.plant.view].connectivity
    if planted and planted.kind == "tangent":
        raise ValueError("plant.view: a link is planted into features, which tangent space learns in each fold")
    if run.experiment == "predict" and run.predict.outcome is None:
        raise ValueError("predict.outcome: must name the column of the participants that is predicted")


def _check_relatives(run: RunConfig) -> None:
    if run.keeps_families and run.alignment.exchangeable_within:
        raise ValueError(
            "alignment.exchangeable_within and cohort.relatives: keep-all exclude one another: whole families are "
            "exchanged, which may lie in different blocks"
        )
    if run.whitens_relatives:
        _check_whitening(run)


def _check_columns(run: RunConfig) -> None:
    if run.experiment == "associate" and not run.associate.outcomes:
        raise ValueError("associate.outcomes: must name columns of the participants that scores are held against")
    if run.experiment == "stratify" and run.stratify.column is None:
        raise ValueError("stratify.column: must name the column of the participants whose levels are the strata")


def _check_sites(run: RunConfig) -> None:
    for name, view in run.brain.items():
        if view.harmonize is not None:
            _check_harmonize(run, f"brain.{name}.harmonize", view.harmonize.site, view.harmonize.keep)
    if run.experiment == "harmonise":
        if run.harmonise.site is None:
            raise ValueError("harmonise.site: must name the column of sites that are brought together")
        _check_harmonize(run, "harmonise", run.harmonise.site, run.harmonise.keep)
    if run.experiment == "species" and len(run.species.genomes) < 2:
        raise ValueError(f"species.genomes: needs two species or more; got {len(run.species.genomes)}")


def _check_harmonize(run: RunConfig, key: str, site: str, keep: tuple[str, ...] | None) -> None:
    confounds = run.confound_columns
    if site not in confounds:
        raise ValueError(
            f"{key}: '{site}' must be among confounds too: the permutation test has to know what was removed"
        )
    for column in keep or ():
        if column not in confounds or column == site:
            raise ValueError(f"{key}.keep: '{column}' must be a confound other than the site")


def _check_whitening(run: RunConfig) -> None:
    if not run.cohort.knows_families and run.genome is None:
        raise ValueError(
            "cohort.relatives: whiten needs to know who is related to whom: give cohort.kinship_table or "
            "cohort.pedigree, or genome.variants of the whole genome"
        )
    if run.alignment.exchangeable_within:
        raise ValueError(
            "alignment.exchangeable_within and cohort.relatives: whiten exclude one another: a whitened row is "
            "made of relatives, who may lie in different blocks; set relatives to keep-one"
        )
    if run.folds.group:
        raise ValueError(
            "folds.group and cohort.relatives: whiten exclude one another: folds keep whole families, which may "
            "lie in different groups; leave folds.group out"
        )
    if run.pairing.mode == "random":
        raise ValueError(
            "cohort.relatives: whiten and pairing.mode: random exclude one another: brains of others are not "
            "related as these genes are; set relatives to keep-one"
        )
    if run.experiment not in WHITENED:
        raise ValueError(
            f"cohort.relatives: whiten is for experiments {' and '.join(WHITENED)}; experiment is "
            f"{run.experiment}: set relatives to keep-one or keep-all"
        )
    for name, view in run.brain.items():
        tangent = view.connectivity is not None and view.connectivity.kind == "tangent"
        if view.keeps_gaps or view.harmonize or view.normal_scores or tangent:
            raise ValueError(
                f"cohort.relatives: whiten takes brain views as they are; brain.{name} is learnt in every fold "
                "(missing values, harmonize, normal_scores or tangent space): set relatives to keep-one or keep-all"
            )
