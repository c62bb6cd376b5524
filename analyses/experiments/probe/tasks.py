"""The labelled sets of a run: made from its genome, or given as folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analyses.errors import InputError
from analyses.progress import say
from analyses.results.provenance import digest
from analyses.results.schema.experiments.probes import ProbedTask
from encoders.training.tasks import LabelledSet, TaskSettings, make_task, read_labelled_set, write_task
from encoders.training.tasks.leakage import Leakage, find_leakage

if TYPE_CHECKING:
    from analyses.run.run import Run
    from encoders.dna.protocol import EncoderSpec
    from fusion.probing import ProbeTask

FOLDER = "probe"
"""Where made sets lie in the results folder."""


@dataclass(frozen=True)
class Task:
    """A labelled set of a run.

    Attributes
    ----------
    name : str
    labelled : LabelledSet
    made : bool
    """

    name: str
    labelled: LabelledSet
    made: bool

    @property
    def sequences(self) -> list[str]:
        """Of train, dev and test, one after another."""
        return [sequence for split in self.labelled.splits.values() for sequence in split.sequences]

    @property
    def n_bases(self) -> int | None:
        """Of every sequence, where all are of one length."""
        lengths = set(map(len, self.sequences))
        return lengths.pop() if len(lengths) == 1 else None

    @cached_property
    def leakage(self) -> Leakage:
        """Near-duplicates of test in other splits."""
        return find_leakage(self.labelled)

    def probe_task(self) -> ProbeTask:
        """Labels, splits and clusters as `fusion.probing` takes them."""
        from fusion.arrays import label_codes
        from fusion.probing import ProbeTask

        splits = list(self.labelled.splits.values())
        labels = np.concatenate([np.asarray(one.labels, dtype=np.float64) for one in splits])
        clusters = [f"{cluster}" for one in splits for cluster in one.clusters]
        return ProbeTask(
            self.labelled.kind,
            labels.reshape(len(labels), -1),
            np.repeat(np.arange(3), [len(one) for one in splits]),
            label_codes(clusters),
            self.labelled.classes,
        )

    def describe(self) -> ProbedTask:
        """The set in figures."""
        labelled = self.labelled
        return ProbedTask(
            name=self.name,
            kind=labelled.kind,
            classes=labelled.classes,
            made=self.made,
            n_train=len(labelled.train),
            n_dev=len(labelled.dev),
            n_test=len(labelled.test),
            n_clusters=len(set(labelled.test.clusters)),
            longest=labelled.longest,
            near_duplicates=self.leakage.n_in_train,
            notes=labelled.notes,
        )


def read_tasks(run: Run) -> list[Task]:
    """Sets that are made, which are made once, and those that are given.

    Raises
    ------
    InputError
        What making and reading refuse.
    """
    made = [Task(name, read_labelled_set(_make(run, name)), made=True) for name in run.config.probe.make]
    return [*made, *read_given_tasks(run)]


def read_given_tasks(run: Run) -> list[Task]:
    """Sets that are given as folders; nothing is made for them.

    Raises
    ------
    InputError
        What reading refuses.
    """
    settings = run.config.probe
    return [Task(path.name, read_labelled_set(path, overlap=settings.overlap), made=False) for path in settings.sets]


def _make(run: Run, name: str) -> str:
    """Folder of a made set."""
    settings, genome, workspace = run.config.probe, run.genome_config, run.workspace
    wanted = TaskSettings(
        window=settings.window,
        most=settings.most,
        dev=settings.dev,
        test=settings.test,
        match=settings.match,
        sites=settings.sites,
        seed=run.config.seed,
    )
    stage = f"probe task {name}"
    files = [run.keys.inputs[path] for path in (*genome.reference, *genome.annotation)]
    chosen = (genome.genes, genome.biotype, genome.transcript)
    key = digest(files, [str(one) for one in chosen], repr(wanted))
    folder = workspace.path(FOLDER, name)
    if not workspace.is_finished(stage, key):
        with workspace.stage(stage, key) as written:
            task = make_task(
                name,  # type: ignore[arg-type]  # the configuration knows these names alone
                genome.reference,
                genome.annotation,
                genes=genome.genes,
                biotype=genome.biotype,
                transcript=genome.transcript,
                settings=wanted,
            )
            write_task(task, folder)
            written += sorted(folder.iterdir())
        counts = task.card.provenance["counts"]
        say(f"probe    {name}: {', '.join(f'{where} {sum(of.values()):,}' for where, of in counts.items())} sequences")
    return str(folder)


def check_lengths(tasks: Sequence[Task], specs: Sequence[EncoderSpec]) -> None:
    """Raise InputError where an encoder does not read the sequences of a task whole."""
    for task in tasks:
        check_length(task.name, [len(sequence) for sequence in task.sequences], specs)


def check_length(task: str, lengths: Sequence[int], specs: Sequence[EncoderSpec]) -> None:
    """Raise InputError where an encoder does not read sequences of all these lengths whole."""
    for spec in specs:
        if spec.max_bp is not None and max(lengths) > spec.max_bp:
            raise InputError(
                f"A probe reads sequences whole; {spec.label} reads at most {spec.max_bp} bp, and task {task} "
                f"has one of {max(lengths)}: shorten them, or leave this arm or task out."
            )
        if min(lengths) < spec.min_bp:
            raise InputError(
                f"{spec.label} reads sequences of {spec.min_bp} bp or more; task {task} has one of "
                f"{min(lengths)}: lengthen it, or leave this arm or task out."
            )
