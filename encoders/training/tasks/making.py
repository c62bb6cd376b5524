"""From FASTA and annotation to a labelled set: candidates, what is left out of them, splits, composition, files."""

# ruff: noqa: F722

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int64

from encoders.errors import InputError
from encoders.genome.annotation.panel import read_panel
from encoders.genome.annotation.transcript_choice import TranscriptRule
from encoders.genome.contigs import find_contig
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.publishing import published_folder
from encoders.training.tasks.annotated import read_annotated
from encoders.training.tasks.candidates import Source
from encoders.training.tasks.card import TaskCard, write_card
from encoders.training.tasks.composition import gc_content, match_classes
from encoders.training.tasks.drafts import Drafts
from encoders.training.tasks.labelled import SPLITS
from encoders.training.tasks.recipes import RECIPES, TaskName, TaskSettings
from encoders.training.tasks.similarity import Pairs, find_clusters, overlapping_pairs, similar_pairs
from encoders.training.tasks.splitting import (
    SHARES,
    choose_rule,
    keep_apart,
    split_by_chromosome,
    split_by_cluster,
    straddling,
)


@dataclass(frozen=True, eq=False)
class MadeTask:
    """A labelled set in memory.

    Parameters
    ----------
    card : TaskCard
        With counts and what was left out, in ``provenance``.
    sequences : tuple of str
    labels, split, clusters : int64 [n]
    places : tuple of Interval
    """

    card: TaskCard
    sequences: tuple[str, ...]
    labels: Int64[np.ndarray, " n"]
    split: Int64[np.ndarray, " n"]
    clusters: Int64[np.ndarray, " n"]
    places: tuple[Interval, ...]


def make_task(
    name: TaskName,
    reference: Path | Sequence[Path],
    annotation: Path | Sequence[Path],
    *,
    genes: Sequence[str] | None = None,
    biotype: str | None = "protein_coding",
    transcript: TranscriptRule = "canonical",
    settings: TaskSettings | None = None,
) -> MadeTask:
    """Make the sequences of a task.

    Parameters
    ----------
    name : {"splice", "promoter", "frame", "coding", "first-exon"}
    reference, annotation : Path or sequence of Path
        FASTA and GTF or GFF3 of one build.
    genes, biotype, transcript
        Which genes, and which of their transcripts: see `encoders.genome.annotation.read_panel`.
    settings : TaskSettings, optional

    Raises
    ------
    InputError
        Files, genes or numbers that make no sense, or a class that is left without sequences in a split.
    """
    settings, recipe = settings or TaskSettings(), RECIPES[name]
    settings.check()
    rule = choose_rule(settings.by, settings.dev, settings.test)
    annotations = [annotation] if isinstance(annotation, Path) else list(annotation)
    opened = Reference(reference)
    named = _named(opened, settings)
    panel = read_panel(annotations, genes, transcript=transcript, biotype=biotype)
    annotated = read_annotated(annotations, lambda chrom: find_contig(chrom, opened.contigs))
    source = Source(panel, annotated, opened, settings.window or recipe.window, settings.pool, settings.seed)
    rng = np.random.default_rng(settings.seed)
    if name in ("frame", "coding") and not any(gene.coding for gene in panel.genes):
        raise InputError(
            f"Task {name} needs coding sequence; {panel.sources[0]} has no CDS line of a transcript that was chosen: "
            "give an annotation with CDS lines, and transcript canonical or mane."
        )
    drafts = Drafts(source, recipe, settings, rng)
    pairs = np.concatenate(
        [similar_pairs(drafts.sequences, identity=settings.identity), overlapping_pairs(drafts.places)]
    )
    clusters = find_clusters(len(drafts.sequences), pairs)
    if rule == "chromosome":
        split = split_by_chromosome([one.chrom for one in drafts.places], *named)
        kept = keep_apart(pairs, split) if settings.duplicates == "drop" else np.ones(len(split), dtype=bool)
    else:
        split = split_by_cluster(clusters, drafts.labels, rng)
        kept = np.ones(len(split), dtype=bool)
    chosen = _match(drafts, split, kept, settings, rng)
    _check_splits(name, drafts.labels[chosen], split[chosen], recipe.classes)
    told = {
        "task": name,
        "sources": [_describe_file(path) for path in (*opened.paths, *annotations)],
        "release": panel.release,
        "genes": len(panel.genes),
        "transcript": transcript,
        "window": source.window,
        "split": {"by": rule, "dev": list(settings.dev), "test": list(settings.test)}
        | ({"shares": list(SHARES)} if rule == "cluster" else {}),
        "duplicates": {
            "identity": settings.identity,
            "rule": settings.duplicates,
            "pairs_across_splits": len(straddling(pairs, split)),
            "sequences_dropped": int((~kept).sum()),
            "pairs_left_across_splits": _count_left(pairs, split, chosen),
        },
        "composition": {"match": settings.match, "tolerance": settings.tolerance}
        | _describe_gc(drafts, chosen, recipe.classes),
        "sites": settings.sites if name == "splice" else None,
        "seed": settings.seed,
        "candidates": drafts.counts(recipe.classes),
        "left_out": {
            **drafts.left_out,
            "without a partner or not needed": len(split) - len(chosen) - int((~kept).sum()),
        },
        "counts": _count(drafts.labels[chosen], split[chosen], recipe.classes),
    }
    kind: Literal["binary", "multiclass"] = "binary" if len(recipe.classes) == 2 else "multiclass"
    return MadeTask(
        TaskCard(name, kind, recipe.classes, told),
        tuple(drafts.sequences[row] for row in chosen),
        drafts.labels[chosen],
        split[chosen],
        clusters[chosen],
        tuple(drafts.places[row] for row in chosen),
    )


def _named(reference: Reference, settings: TaskSettings) -> tuple[list[str], list[str]]:
    """Chromosomes of dev and test by their names in the reference."""
    return [reference.resolve(one) for one in settings.dev], [reference.resolve(one) for one in settings.test]


def _match(
    drafts: Drafts,
    split: Int64[np.ndarray, " n"],
    kept: Bool[np.ndarray, " n"],
    settings: TaskSettings,
    rng: np.random.Generator,
) -> Int64[np.ndarray, " n_chosen"]:
    chosen = [np.empty(0, dtype=np.int64)]
    smallest = np.bincount(drafts.labels[kept], minlength=len(drafts.recipe.classes)).argmin()
    for place in range(len(SPLITS)):
        rows = np.flatnonzero((split == place) & kept)
        if len(set(drafts.labels[rows].tolist())) < len(drafts.recipe.classes):
            continue  # told by `_check_splits`
        share = (drafts.labels[rows] == smallest).sum() / max(1, (drafts.labels[kept] == smallest).sum())
        found = match_classes(
            [drafts.sequences[row] for row in rows],
            drafts.labels[rows],
            rng,
            match=settings.match,
            tolerance=settings.tolerance,
            most=max(1, round(settings.most * float(share))),
        )
        chosen.append(rows[found])
    return np.sort(np.concatenate(chosen))


def _check_splits(
    name: str, labels: Int64[np.ndarray, " n"], split: Int64[np.ndarray, " n"], classes: Sequence[str]
) -> None:
    for where, counts in _count(labels, split, classes).items():
        if empty := [one for one, n in counts.items() if n == 0]:
            raise InputError(
                f"Every split of task {name} needs every class; {where} has no {empty[0]} that a partner of like "
                "composition was found for: give more genes, raise the tolerance, or split otherwise."
            )


def _count(
    labels: Int64[np.ndarray, " n"], split: Int64[np.ndarray, " n"], classes: Sequence[str]
) -> dict[str, dict[str, int]]:
    return {
        where: {one: int(((split == place) & (labels == label)).sum()) for label, one in enumerate(classes)}
        for place, where in enumerate(SPLITS)
    }


def _count_left(pairs: Pairs, split: Int64[np.ndarray, " n"], chosen: Int64[np.ndarray, " n_chosen"]) -> int:
    is_there = np.zeros(len(split), dtype=bool)
    is_there[chosen] = True
    return len(straddling(pairs[is_there[pairs].all(axis=1)], split))


def _describe_gc(drafts: Drafts, chosen: Int64[np.ndarray, " n_chosen"], classes: Sequence[str]) -> dict[str, Any]:
    gc = gc_content(drafts.sequences)
    of_class = [gc[chosen[drafts.labels[chosen] == label]] for label in range(len(classes))]
    before = [gc[drafts.labels == label] for label in range(len(classes))]
    return {
        "gc": {one: round(float(found.mean()), 4) for one, found in zip(classes, of_class, strict=True)},
        "gc_of_candidates": {one: round(float(found.mean()), 4) for one, found in zip(classes, before, strict=True)},
    }


def _describe_file(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def write_task(made: MadeTask, folder: Path) -> None:
    """Write ``train.csv``, ``dev.csv``, ``test.csv`` and ``task.yaml``, whole or not at all.

    Raises
    ------
    InputError
        The folder cannot be made.
    """
    with published_folder(folder) as fresh:
        for place, name in enumerate(SPLITS):
            with (fresh / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file, lineterminator="\n")
                rows.writerow(["sequence", "label", "chromosome", "start", "end", "strand", "cluster"])
                for row in np.flatnonzero(made.split == place).tolist():
                    at = made.places[row]
                    cluster = f"c{made.clusters[row]}"
                    told = (at.chrom, at.start, at.end, at.strand, cluster)
                    rows.writerow([made.sequences[row], int(made.labels[row]), *told])
        write_card(fresh, made.card)
