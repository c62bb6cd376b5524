"""``run.json``: who, what and from where, in counts; no subject's data."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.cohort.brain_views import describe_preparation
from analyses.cohort.design import describe_confounds
from analyses.cohort.features import columns_left_out, name_features
from analyses.cohort.flow import count_flow
from analyses.cohort.subjects import Cohort
from analyses.config.file import resolved_yaml
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from analyses.privacy.counts import show_count
from analyses.privacy.hashes import keyed_hash
from analyses.privacy.identities import Identities
from analyses.results.journal import EMBEDDING
from analyses.results.provenance import environment, input_name
from analyses.results.schema.planted_links import PlantedLink
from analyses.results.schema.runs import (
    BlasLibrary,
    CohortCounts,
    EmbedCounts,
    Exclusion,
    GenomeSummary,
    InputFile,
    Provenance,
    RunArm,
    RunRecord,
    RunSeeds,
    RunView,
    TableOverlap,
)
from analyses.results.serialisation import from_json, to_json
from analyses.results.subject_ids import ID_KEY, PRIVATE, SUBJECTS, SUBJECTS_FORMAT, read_key
from analyses.results.workspace import SCHEMA, Workspace

if TYPE_CHECKING:
    from analyses.run.run import Run
    from encoders.brain.tables import BrainTable
    from encoders.dna.protocol import EncoderSpec
    from fusion.cross_validation.folds import Folds

RUN, ENVIRONMENT = "run.json", "env.json"
_OF_ONE_RUN = ("n_cached", "n_encoded", "n_forward_passes", "runtime", "seconds")
"""Counts of embedding that say what one run did, where the others say what the windows are."""


def write_run_record(run: Run) -> None:
    """Write ``run.json`` and what stands beside it: the resolved configuration, the environment, the folds.

    A run that finds all of it done leaves the record of the run that did it, and of the environment that it had.
    """
    workspace = run.workspace
    write_subjects(workspace, run.cohort)
    workspace.write_text("config/resolved.yaml", resolved_yaml(run.config))
    workspace.write_json("splits.json", describe_splits(workspace, run.folds, run.cohort.subject_ids))
    record = make_run_record(
        run.config,
        workspace,
        cohort=run.cohort,
        specs=run.specs,
        truth=run.truth,
        inputs=run.keys.inputs,
    )
    if not _repeats(record, workspace):
        workspace.write_json(ENVIRONMENT, environment())
        workspace.write_result(RUN, record)


def _repeats(record: RunRecord, workspace: Workspace) -> bool:
    """Whether a record differs from the one that is there only in when nothing was done."""
    if not (workspace.folder / RUN).is_file() or any(arm.embed.n_encoded for arm in record.arms):
        return False
    try:
        workspace.read_json(ENVIRONMENT)
        earlier = workspace.read_result(RunRecord, RUN)
    except InputError:
        return False  # of another version, or damaged: it is written anew
    done = {arm.name: {name: getattr(arm.embed, name) for name in _OF_ONE_RUN} for arm in earlier.arms}
    arms = (replace(arm, embed=replace(arm.embed, **done.get(arm.name, {}))) for arm in record.arms)
    made = replace(earlier.provenance, inputs=record.provenance.inputs, seeds=record.provenance.seeds)
    repeated = replace(record, arms=tuple(arms), provenance=made, created=earlier.created)
    return to_json(repeated) == to_json(earlier)


def make_run_record(
    config: RunConfig,
    workspace: Workspace,
    *,
    cohort: Cohort,
    specs: Mapping[str, EncoderSpec],
    truth: dict[str, Any] | None,
    inputs: Mapping[Path, str],
) -> RunRecord:
    """The run as report, tracking and notebooks see it.

    Parameters
    ----------
    specs : mapping of arm name to EncoderSpec
    truth : dict or None
        What was planted, by the simulation or by this run.
    inputs : mapping of input file to fingerprint
    """
    return RunRecord(
        schema=SCHEMA,
        name=config.name,
        title=config.title or config.name,
        experiment=config.experiment,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        panel=config.tracking.panel or config.name,
        pairing=config.pairing.mode,
        cohort=_count_subjects(cohort, config.privacy.smallest_count),
        genome=None if config.genome is None else _describe_genome(workspace, config.privacy.smallest_count),
        arms=_describe_arms(specs, workspace),
        views=tuple(_describe_view(name, table, config) for name, table in cohort.brain.items()),
        planted=None if truth is None else from_json(PlantedLink, truth, source=config.truth or "plant"),
        confounds=describe_confounds(config, cohort.covariates),
        provenance=_describe_provenance(inputs, RunSeeds(config.seed, config.pairing.seed)),
        alignments=tuple(f"{arm}__{view}" for arm in specs for view in cohort.brain),
        wall_seconds=workspace.seconds(),
    )


def _count_subjects(cohort: Cohort, smallest: int) -> CohortCounts:
    """The flow of the cohort without small counts, and remarks without ids."""
    flow, subjects = count_flow(cohort, smallest), Identities(cohort.known_ids)
    return CohortCounts(
        overlap=tuple(TableOverlap(**table) for table in flow.overlap),
        n_subjects=flow.n_subjects,
        exclusions=tuple(Exclusion(**one) for one in flow.exclusions),
        remarks=tuple(map(subjects.mask, flow.remarks)),
    )


def _describe_genome(workspace: Workspace, smallest: int) -> GenomeSummary:
    """What the windows stage found; an event that few haplotypes have may be that of few subjects."""
    found = workspace.read_result(GenomeSummary, "windows/summary.json")
    events = {event: n if isinstance(n, str) else show_count(n, smallest) for event, n in found.events.items()}
    return replace(found, events=events)


def write_subjects(workspace: Workspace, cohort: Cohort) -> None:
    """What names or counts subjects as they are, in the private folder: their ids, and the exact flow of the cohort."""
    flow = count_flow(cohort)
    others = sorted(cohort.known_ids.difference(cohort.subject_ids))
    content = {"format": SUBJECTS_FORMAT, "analysed": list(cohort.subject_ids), "others": others}
    workspace.write_json(f"{PRIVATE}/{SUBJECTS}", content)
    counts = {"overlap": flow.overlap, "exclusions": flow.exclusions, "remarks": flow.remarks}
    workspace.write_json(f"{PRIVATE}/cohort.json", {"n_subjects": flow.n_subjects, **counts})


def _describe_arms(specs: Mapping[str, EncoderSpec], workspace: Workspace) -> tuple[RunArm, ...]:
    """What each arm's vectors are; an arm whose vectors were made elsewhere has no counts."""
    embed = workspace.read_json(EMBEDDING)
    return tuple(
        RunArm(
            name=name,
            label=spec.label,
            trained=spec.trained,
            spec=spec,
            embed=EmbedCounts(**embed.get(name, {})),
        )
        for name, spec in specs.items()
    )


def _describe_view(name: str, table: BrainTable, config: RunConfig) -> RunView:
    return RunView(
        name=name,
        n_features=table.values.shape[1],
        description=config.brain[name].description,
        preparation=describe_preparation(name, config, table.values.shape[1]),
        role=config.brain[name].role,
        dropped_constant=len(table.dropped_constant),
        features=name_features(table.feature_names),
        left_out=columns_left_out(table),
    )


def _describe_provenance(inputs: Mapping[Path, str], seeds: RunSeeds) -> Provenance:
    found = environment()
    return Provenance(
        git_sha=found["git_sha"],
        git_dirty=found["git_dirty"],
        versions=found["versions"],
        blas=tuple(BlasLibrary(**library) for library in found["blas"]),
        inputs=tuple(InputFile(input_name(path), fingerprint) for path, fingerprint in inputs.items()),
        seeds=seeds,
    )


def describe_splits(workspace: Workspace, folds: Folds, subject_ids: Sequence[str]) -> dict[str, Any]:
    """Folds by keyed hash of the subject id: whoever has the key in the private folder can check who was where."""
    key_file = workspace.path(PRIVATE, ID_KEY)
    if not key_file.exists():
        workspace.write_text(f"{PRIVATE}/{ID_KEY}", secrets.token_hex(32))
    key = read_key(key_file)
    hashed = [keyed_hash(subject, key) for subject in subject_ids]
    return {
        "sha256": folds.sha256,
        "n_splits": folds.n_splits,
        "folds": dict(zip(hashed, folds.assignments.tolist(), strict=True)),
    }
