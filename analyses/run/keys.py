"""Fingerprints of a run's inputs, and the keys that say when a stage is up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analyses.alignment.files import weights_file
from analyses.arms.grid import make_arms
from analyses.config.run_config import RunConfig
from analyses.errors import InputError, Problems
from analyses.genome.windows import genome_files
from analyses.results.provenance import code_version, digest, file_fingerprint, library_versions
from analyses.results.schema.experiments import result_file

#: Sections that every alignment depends on; the brain view and the arm come on top.
_OF_ALIGNMENTS = {"seed", "confounds", "cohort", "pairing", "plant", "alignment", "folds", "privacy"}


@dataclass(frozen=True)
class StageKeys:
    """What each stage depends on, as one text: equal keys mean equal results.

    Parameters
    ----------
    config : RunConfig
    input_files : tuple of Path
        Every file that the run reads (see `input_files`).
    subject_ids : callable
        Gives the subjects analysed, in order; called when a key is asked for.
    encoders : callable
        Gives the fingerprint of every arm's encoder by the arm's name; called when an alignment's key is asked for, so
        that the windows stage loads no weights.
    """

    config: RunConfig
    input_files: tuple[Path, ...]
    subject_ids: Callable[[], tuple[str, ...]]
    encoders: Callable[[], Mapping[str, str]]

    @cached_property
    def inputs(self) -> dict[Path, str]:
        """Fingerprint of every input file."""
        return {path: file_fingerprint(path) for path in self.input_files}

    @cached_property
    def windows(self) -> str:
        """What the windows depend on."""
        genome = self.config.genome
        if genome is None:
            return digest(code_version(), self.subject_ids())
        files = self._fingerprints(genome_files(genome).values())
        return digest(code_version(), genome.model_dump(mode="json"), files, self.subject_ids())

    def alignment(self, arm: str, view: str) -> str:
        """What one alignment depends on."""
        sections = self.config.model_dump(mode="json", include=_OF_ALIGNMENTS)
        described, files = self.tables(view)
        encoders = self.encoders()
        peers = sorted(encoders.values())  # they decide the dimensions of all
        return digest(self.windows, encoders[arm], peers, described, files, sections)

    def tables(self, view: str) -> tuple[dict[str, Any], list[str]]:
        """How a brain view is read, and fingerprints of its table, those of participants and of kinship."""
        brain = self.config.brain[view]
        tables = (*(table.path for table in self.config.participants), *kinship_files(self.config).values())
        return brain.model_dump(mode="json", exclude={"atlas"}), self._fingerprints((brain.path, *tables))

    @property
    def experiment(self) -> str:
        """Follows everything that the alignments follow, and the experiment's own section."""
        name = self.config.experiment
        told = self.config.model_dump(mode="json")
        section = [told["attribute"], told["predict"]] if name == "attribute" else told.get(name)
        pairs = [(arm, view) for arm in self.encoders() for view in self.config.brain]
        read = {**first_study_files(self.config), **own_files(self.config)}
        first = self._fingerprints(read.values())
        return digest(name, section, *([first] if first else []), [self.alignment(arm, view) for arm, view in pairs])

    def comparison(self, alignments: Iterable[str]) -> str:
        """What the comparison of alignments depends on.

        Parameters
        ----------
        alignments : iterable of str
            Fingerprints of their files: an alignment that was made anew may differ where its key does not.
        """
        return digest(self.experiment, library_versions(), list(alignments))

    def _fingerprints(self, paths: Iterable[Path]) -> list[str]:
        return [self.inputs[path] for path in paths]


DEMO_COHORT = ("results", "demo", "cohort")
"""Folder that `genebrain demo` fills where no other is asked for."""


def input_files(config: RunConfig) -> tuple[Path, ...]:
    """Every input file of a run, once.

    Raises
    ------
    InputError
        Files are missing: all of them are said, before anything is read or written.
    """
    _check_first_study(config)
    wanted, problems = named_inputs(config), Problems(f"The configuration {config.name}")
    for key, path in wanted.items():
        if not path.is_file():
            problems.add(f"{key} must name an existing file; {path} does not exist. {_remedy(path)}")
    problems.tell()
    return tuple(dict.fromkeys(wanted.values()))


def _remedy(missing: Path) -> str:
    """Configurations of the experiments run on the demo's cohort where no other is named: that folder is simulated."""
    if DEMO_COHORT in {parent.parts[-len(DEMO_COHORT) :] for parent in missing.parents}:
        return "`genebrain demo` writes the demo's cohort; or name another."
    return "Correct the path."


def kinship_files(config: RunConfig) -> dict[str, Path]:
    """Files that say who is related to whom, by their key."""
    tables = {f"cohort.kinship_table.{i}": path for i, path in enumerate(config.cohort.kinship_table)}
    return tables if config.cohort.pedigree is None else tables | {"cohort.pedigree": config.cohort.pedigree}


def first_study_files(config: RunConfig) -> dict[str, Path]:
    """Of a replication, what it reads of the first cohort's results, by key: the weights of every arm and view."""
    if config.experiment != "replicate" or config.replicate is None:
        return {}
    folder = config.replicate.results
    return {
        f"replicate.results: {arm.name} x {view}": weights_file(folder, arm.name, view)
        for arm in make_arms(config)
        for view in config.brain
    }


def _check_first_study(config: RunConfig) -> None:
    """Say what the first cohort's folder holds where it lacks an arm and view of this configuration."""
    if not (wanted := first_study_files(config)) or config.replicate is None:
        return
    folder = config.replicate.results
    if not (folder / "run.json").is_file():
        raise InputError(
            f"replicate.results must name the results folder of a finished run; {folder} has no run.json. Correct it."
        )
    for named, path in wanted.items():
        if not path.is_file():
            kept = sorted(one.stem.replace("__", " x ") for one in path.parent.glob("*.npz"))
            have = f"has those of {', '.join(kept)}" if kept else "has none (align it again with this version)"
            raise InputError(
                f"{named} needs the weights that were fitted in the first cohort under these names of arm and brain "
                f"view; {folder} {have}. Name arms and views here as there."
            )


def named_inputs(config: RunConfig) -> dict[str, Path]:
    """Input files of a run by the key that names them, whether they exist or not."""
    return {
        **({} if config.genome is None else genome_files(config.genome)),
        **{f"participants.{i}.path": table.path for i, table in enumerate(config.participants)},
        **{f"brain.{name}.path": view.path for name, view in config.brain.items()},
        **kinship_files(config),
        **({} if config.truth is None else {"truth": config.truth}),
        **first_study_files(config),
        **own_files(config),
    }


def own_files(config: RunConfig) -> dict[str, Path]:
    """Files that the experiment itself is given, by key."""
    given: dict[str, dict[str, Path | None]] = {
        "attribute": {"attribute.gene_sets": config.attribute.gene_sets},
        "compare": {"compare.probe": probe_file(config)},
        "probe": _labelled_files(config),
        "species": {f"species.genomes.{i}.path": one.path for i, one in enumerate(config.species.genomes)},
        "tokens": {"tokens.bpe": config.tokens.bpe, "tokens.motifs": config.tokens.motifs},
        "variants": {"variants.annotations": config.variants.annotations},
    }
    return {key: path for key, path in given.get(config.experiment, {}).items() if path is not None}


def probe_file(config: RunConfig) -> Path | None:
    """What a comparison reads of the results of a probe."""
    folder = config.compare.probe
    return None if folder is None else folder / result_file("probe")


def _labelled_files(config: RunConfig) -> dict[str, Path | None]:
    """Tables of labelled sets, and their cards where they have one."""
    files: dict[str, Path | None] = {}
    for i, folder in enumerate(config.probe.sets):
        files |= {f"probe.sets.{i}: {name}": folder / f"{name}.csv" for name in ("train", "dev", "test")}
        card = folder / "task.yaml"
        files |= {f"probe.sets.{i}: task": card if card.is_file() else None}
    return files
