"""The results folder of one run, as its readers see it: report, tracking and notebooks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from analyses.errors import InputError

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Alignment:
    """One arm (encoder) aligned with one brain view."""

    folder: Path
    facts: Facts

    @property
    def name(self) -> str:
        """Folder name, ``<arm>__<view>``."""
        return self.folder.name

    @property
    def title(self) -> str:
        """What a reader sees, e.g. ``untrained dnabert-3 × thickness``."""
        return f"{self.facts['arm_label']} × {self.facts['view']}"

    @cached_property
    def null_draws(self) -> dict[str, np.ndarray]:
        """``in_sample_r1`` [n_permutations + 1] and ``held_out`` [n_permutations + 1, n_components], observed first."""
        with np.load(self.folder / "null_draws.npz", allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}


@dataclass(frozen=True)
class ResultsFolder:
    """Everything that one run wrote, in the order in which the run lists it."""

    path: Path
    run: Facts
    alignments: tuple[Alignment, ...]
    comparison: Facts | None
    experiment: Facts | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One row per arm x view with the p-value that its headline is judged by.

        Returns
        -------
        list of dict
            ``alignment``, ``rho``, ``interval``, ``p``, ``p_corrected`` and, where a comparison exists, its correction
            over all arms and views; without one, ``p_corrected`` covers the components of that alignment alone.
        """
        compared = {(row["arm"], row["view"]): row for row in (self.comparison or {"rows": []})["rows"]}
        return [_row(alignment, compared) for alignment in self.alignments]

    @property
    def corrected_over_arms(self) -> bool:
        """Whether ``p_corrected`` of every row accounts for all arms and views."""
        return self.comparison is not None or len(self.alignments) == 1


def _row(alignment: Alignment, compared: Mapping[tuple[str, str], Facts]) -> dict[str, Any]:
    facts, held_out = alignment.facts, alignment.facts["held_out"]
    other = compared.get((facts["arm"], facts["view"]), {})
    p_max_t = other.get("p_max_t")
    return {
        "alignment": alignment,
        "rho": held_out["rho"][0],
        "interval": held_out["interval"][0],
        "p": held_out["p"][0],
        "p_corrected": held_out["p_fwer"][0] if p_max_t is None else p_max_t,
    }


def result_file(experiment: str) -> str:
    """Where the result of an experiment lies in a results folder."""
    return f"experiments/{experiment}.json"


def read_json(path: Path) -> Any:
    """Read one JSON file of a results folder; a missing one is the user's to mend."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"A results folder holds {path.name}; {path} does not exist: run `genebrain align` with this output first."
        ) from None


def read_results_folder(path: Path) -> ResultsFolder:
    """Read a results folder.

    Parameters
    ----------
    path : Path
        Folder holding ``run.json`` and ``alignments/``.

    Raises
    ------
    InputError
        If one of the files that the run lists is missing.
    """
    run = read_json(path / "run.json")
    folders = [path / "alignments" / name for name in run["alignments"]]
    compared = path / "comparison.json"
    experiment = path / result_file(run["experiment"])
    return ResultsFolder(
        path=path,
        run=run,
        alignments=tuple(Alignment(folder, read_json(folder / "alignment.json")) for folder in folders),
        comparison=read_json(compared) if compared.exists() else None,
        experiment=read_json(experiment) if experiment.exists() else None,
    )
