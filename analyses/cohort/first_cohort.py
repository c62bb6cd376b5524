"""Of a replication: who of the new cohort took part in the first one, and so cannot replicate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from analyses.results.subject_ids import shared_ids

FEWEST_OTHERS = 20
"""New subjects below whom a cohort is taken for the first one, of which relatives that were not analysed are left."""

IN_FIRST_COHORT = "also in the first cohort, which they cannot replicate"


@dataclass(frozen=True)
class FirstCohort:
    """``shared`` are ids of the first cohort's subjects among the new ones; ``remarks`` say what could not be told."""

    shared: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def first_cohort(config: RunConfig, ids: Sequence[str]) -> FirstCohort:
    """Who of some subjects was analysed in the first cohort; nobody where this run replicates none.

    Raises
    ------
    InputError
        Nearly everybody was: a replication in the same people is none.
    """
    settings = config.replicate
    if config.experiment != "replicate" or settings is None:
        return FirstCohort()
    shared = shared_ids(settings.results, ids)
    if shared is None:
        return FirstCohort(
            remarks=(
                f"whether people are in both cohorts was not checked: {settings.results.name} keeps neither its ids "
                "nor the key of their hashes where they can be read",
            )
        )
    if shared and settings.same_ids == "other-people":
        return FirstCohort(remarks=("ids that are in both cohorts were said to be of other people",))
    if shared and len(ids) - len(shared) < FEWEST_OTHERS:
        raise InputError(
            f"A replication needs people who were not in the first cohort; {len(shared):,} of {len(ids):,} subjects "
            f"are in {settings.results.name} too, and a replication in the same people is none. Take another cohort; "
            "if ids are equal by chance, set replicate.same_ids to other-people."
        )
    return FirstCohort(shared)
