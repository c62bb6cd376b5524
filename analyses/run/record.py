"""``run.json``: who, what and from where, in counts; no subject's data."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.alignment.files import PRIVATE
from analyses.cohort.brain_views import describe_preparation
from analyses.cohort.subjects import Cohort
from analyses.config.run_config import RunConfig
from analyses.results.provenance import environment, input_name
from analyses.results.workspace import SCHEMA, Workspace

if TYPE_CHECKING:
    from encoders.dna.protocol import EncoderSpec
    from fusion.cross_validation.folds import Folds


#: Vectors made elsewhere: nothing was counted.
NOT_EMBEDDED = dict.fromkeys(("n_distinct", "n_cached", "n_encoded", "n_forward_passes", "seconds"))


def make_run_record(
    config: RunConfig,
    workspace: Workspace,
    *,
    cohort: Cohort,
    specs: Mapping[str, EncoderSpec],
    truth: dict[str, Any] | None,
    inputs: Mapping[Path, str],
) -> dict[str, Any]:
    """The run's facts for the report, tracking and notebooks.

    Parameters
    ----------
    specs : mapping of arm name to EncoderSpec
    truth : dict or None
        What was planted, by the simulation or by this run.
    inputs : mapping of input file to fingerprint
    """
    facts = environment()
    embed = workspace.read_json("embed.json")
    arms = [
        {"name": n, "label": s.label, "trained": s.trained, "spec": s.to_dict(), "embed": embed.get(n, NOT_EMBEDDED)}
        for n, s in specs.items()
    ]
    views = [
        {
            "name": name,
            "n_features": table.values.shape[1],
            "description": config.brain[name].description,
            "preparation": describe_preparation(name, config),
            "role": config.brain[name].role,
            "dropped_constant": len(table.dropped_constant),
        }
        for name, table in cohort.brain.items()
    ]
    return {
        "schema": SCHEMA,
        "name": config.name,
        "title": config.title or config.name,
        "experiment": config.experiment,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "panel": config.tracking.panel or config.name,
        "pairing": config.pairing.mode,
        "cohort": {
            "overlap": cohort.overlap,
            "n_subjects": len(cohort.subject_ids),
            "exclusions": cohort.exclusions,
        },
        "genome": None if config.genome is None else workspace.read_json("windows/summary.json"),
        "arms": arms,
        "views": views,
        "planted": truth,
        "confounds": [confound.model_dump() for confound in config.confounds],
        "provenance": {
            "git_sha": facts["git_sha"],
            "git_dirty": facts["git_dirty"],
            "versions": facts["versions"],
            "blas": facts["blas"],
            "inputs": [{"path": input_name(path), "fingerprint": value} for path, value in inputs.items()],
            "seeds": {"seed": config.seed, "pairing": config.pairing.seed},
        },
        "alignments": [f"{arm}__{view}" for arm in specs for view in cohort.brain],
        "wall_seconds": workspace.seconds(),
    }


def describe_splits(workspace: Workspace, folds: Folds, subject_ids: Sequence[str]) -> dict[str, Any]:
    """Folds by keyed hash of the subject id: whoever has the key in the private folder can check who was where."""
    key_file = workspace.path(PRIVATE, "id_key.txt")
    if not key_file.exists():
        workspace.write_text(f"{PRIVATE}/id_key.txt", secrets.token_hex(32))
    key = bytes.fromhex(key_file.read_text(encoding="utf-8"))
    hashed = [hashlib.blake2b(subject.encode(), key=key, digest_size=8).hexdigest() for subject in subject_ids]
    return {
        "sha256": folds.sha256,
        "n_splits": folds.n_splits,
        "folds": dict(zip(hashed, folds.assignments.tolist(), strict=True)),
    }
