"""From FASTA and annotation to a labelled set: candidates, what is left out of them, splits, composition, files."""

# ruff: noqa: F722

import csv
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel, read_panel
from encoders.genome.annotation.transcript_choice import TranscriptRule
from encoders.genome.contigs import find_contig
from encoders.genome.intervals import Interval
from encoders.genome.reference import Reference
from encoders.publishing import check_place, published_folder
from encoders.training.tasks.annotated import read_annotated
from encoders.training.tasks.candidates import Source
from encoders.training.tasks.card import CARD_NAME, TaskCard, write_card
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
    name : {"splice", "promoter", "frame", "coding", "exon", "first-exon"}
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
    opened = Reference(reference)
    named = _named(opened, settings)
    annotations = [annotation] if isinstance(annotation, Path) else list(annotation)
    panel = read_panel(annotations, genes, transcript=transcript, biotype=biotype)
    _check_coding(name, panel)
    _count_absent(panel, opened)
    annotated = read_annotated(annotations, lambda chrom: find_contig(chrom, opened.contigs))
    source = Source(panel, annotated, opened, settings.window or recipe.window, settings.pool, settings.seed)
    rng = np.random.default_rng(settings.seed)
    drafts = Drafts(source, recipe, settings, rng)
    parted = _part(drafts, settings, named if rule == "chromosome" else None, rng)
    chosen = _match(drafts, parted, settings, rng)
    _check_splits(name, drafts.labels[chosen], parted.split[chosen], recipe.classes)
    files = [_describe_file(path) for path in (*opened.paths, *annotations)]
    told = _describe(name, source, drafts, parted, chosen, settings)
    kind: Literal["binary", "multiclass"] = "binary" if len(recipe.classes) == 2 else "multiclass"
    return MadeTask(
        TaskCard(name, kind, recipe.classes, {"task": name, "sources": files, **told}),
        tuple(drafts.sequences[row] for row in chosen),
        drafts.labels[chosen],
        parted.split[chosen],
        parted.clusters[chosen],
        tuple(drafts.places[row] for row in chosen),
    )


class _Parted(NamedTuple):
    """Drafts in splits: which are alike or overlap, what follows of it, and what is kept for no split's sake."""

    pairs: Pairs
    clusters: Int64[np.ndarray, " n"]
    split: Int64[np.ndarray, " n"]
    kept: Bool[np.ndarray, " n"]


def _part(
    drafts: Drafts, settings: TaskSettings, named: tuple[list[str], list[str]] | None, rng: np.random.Generator
) -> _Parted:
    """By chromosomes of dev and test where they are named, else by clusters."""
    alike = similar_pairs(drafts.sequences, identity=settings.identity)
    pairs = np.concatenate([alike, overlapping_pairs(drafts.places)])
    clusters = find_clusters(len(drafts.sequences), pairs)
    every = np.ones(len(clusters), dtype=bool)
    if named is None:
        return _Parted(pairs, clusters, split_by_cluster(clusters, drafts.labels, rng), every)
    split = split_by_chromosome([one.chrom for one in drafts.places], *named)
    return _Parted(pairs, clusters, split, keep_apart(pairs, split) if settings.duplicates == "drop" else every)


def _describe(
    name: TaskName,
    source: Source,
    drafts: Drafts,
    parted: _Parted,
    chosen: Int64[np.ndarray, " n_chosen"],
    settings: TaskSettings,
) -> dict[str, Any]:
    """How the set was made, and what became of how many."""
    classes, panel = drafts.recipe.classes, source.panel
    by_cluster = choose_rule(settings.by, settings.dev, settings.test) == "cluster"
    split = {"by": "cluster", "shares": list(SHARES)} if by_cluster else {"by": "chromosome"}
    n_kept = int(parted.kept.sum())
    return {
        "release": panel.release,
        "genes": len(panel.genes),
        "genes_left_out": len(panel.skipped),
        "genes_not_in_reference": _count_absent(panel, source.reference),
        "transcript": panel.transcript_rule,
        "window": source.window,
        "split": split | ({} if by_cluster else {"dev": list(settings.dev), "test": list(settings.test)}),
        "duplicates": {
            "identity": settings.identity,
            "rule": settings.duplicates,
            "pairs_across_splits": len(straddling(parted.pairs, parted.split)),
            "sequences_dropped": len(parted.kept) - n_kept,
            "pairs_left_across_splits": _count_left(parted, chosen),
        },
        "composition": {"match": settings.match, "tolerance": settings.tolerance} | _describe_gc(drafts, chosen),
        **({"sites": settings.sites} if name == "splice" else {}),
        "seed": settings.seed,
        "candidates": drafts.counts(classes),
        "left_out": {**drafts.left_out, "without a partner or not needed": n_kept - len(chosen)},
        "counts": _count(drafts.labels[chosen], parted.split[chosen], classes),
    }


_OTHERWISE = {"coding": ", or make task exon, which needs exons alone"}


def _check_coding(name: TaskName, panel: Panel) -> None:
    if name in ("frame", "coding") and not any(gene.coding for gene in panel.genes):
        raise InputError(
            f"Task {name} needs coding sequence; {panel.sources[0]} has no CDS line of a transcript that was chosen: "
            f"give an annotation with CDS lines, and transcript canonical or mane{_OTHERWISE.get(name, '')}."
        )


def _count_absent(panel: Panel, reference: Reference) -> int:
    """Genes on contigs that the reference lacks; not all may be."""
    absent = [gene for gene in panel.genes if find_contig(gene.interval.chrom, reference.contigs) is None]
    if absent and len(absent) == len(panel.genes):
        raise InputError(
            f"Annotation and reference must be of one genome; no gene lies on a contig of {reference.paths[0]} "
            f"({', '.join(list(reference.contigs)[:5])}), gene {absent[0].gene_id} on {absent[0].interval.chrom}: give "
            "the FASTA that the annotation was made for."
        )
    return len(absent)


def _named(reference: Reference, settings: TaskSettings) -> tuple[list[str], list[str]]:
    """Chromosomes of dev and test by their names in the reference."""
    return [reference.resolve(one) for one in settings.dev], [reference.resolve(one) for one in settings.test]


def _match(
    drafts: Drafts, parted: _Parted, settings: TaskSettings, rng: np.random.Generator
) -> Int64[np.ndarray, " n_chosen"]:
    """Rows that have partners of like composition in every other class of their split."""
    split, kept = parted.split, parted.kept
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
                "composition was found for: give more genes, match otherwise or not at all, or split otherwise."
            )


def _count(
    labels: Int64[np.ndarray, " n"], split: Int64[np.ndarray, " n"], classes: Sequence[str]
) -> dict[str, dict[str, int]]:
    return {
        where: {one: int(((split == place) & (labels == label)).sum()) for label, one in enumerate(classes)}
        for place, where in enumerate(SPLITS)
    }


def _count_left(parted: _Parted, chosen: Int64[np.ndarray, " n_chosen"]) -> int:
    is_there = np.zeros(len(parted.split), dtype=bool)
    is_there[chosen] = True
    return len(straddling(parted.pairs[is_there[parted.pairs].all(axis=1)], parted.split))


def _describe_gc(drafts: Drafts, chosen: Int64[np.ndarray, " n_chosen"]) -> dict[str, Any]:
    """Mean share of G and C by class, of what is in the set and of all candidates."""
    gc, labels = gc_content(drafts.sequences), drafts.labels
    is_there = np.zeros(len(labels), dtype=bool)
    is_there[chosen] = True
    told: dict[str, Any] = {"gc": {}, "gc_of_candidates": {}}
    for label, name in enumerate(drafts.recipe.classes):
        told["gc"][name] = round(float(gc[is_there & (labels == label)].mean()), 4)
        told["gc_of_candidates"][name] = round(float(gc[labels == label].mean()), 4)
    return told


def _describe_file(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def check_task_place(folder: Path) -> None:
    """Raise InputError where a labelled set would take the place of anything but one that was made here."""
    if not os.path.lexists(folder):
        return
    check_place(folder, is_file=False)
    there = {path.name for path in folder.iterdir()}
    if there and (CARD_NAME not in there or there - {CARD_NAME, *(f"{name}.csv" for name in SPLITS)}):
        raise InputError(
            f"A labelled set is written into a folder of its own and replaces an earlier one alone; {folder} holds "
            "something else: name another output."
        )


def write_task(made: MadeTask, folder: Path) -> None:
    """Write ``train.csv``, ``dev.csv``, ``test.csv`` and ``task.yaml``, whole or not at all; an earlier set goes.

    Raises
    ------
    InputError
        The folder cannot be made, or holds something else.
    """
    check_task_place(folder)
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
