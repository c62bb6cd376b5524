"""``genebrain tasks``: labelled sets of sequences, made from files or looked over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from analyses.cli.cluster import load
from analyses.errors import InputError
from analyses.progress import say

if TYPE_CHECKING:
    from encoders.training.tasks import TaskCard, TaskName


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tasks)


def tasks(  # noqa: PLR0913 - every argument is an option of the command
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="YAML of an experiment, whose genome: is taken.")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="splice (if not given), promoter, frame, coding, exon or first-exon; repeatable."
        ),
    ] = None,
    reference: Annotated[list[Path] | None, typer.Option(help="FASTA, plain or bgzip; may be repeated.")] = None,
    annotation: Annotated[list[Path] | None, typer.Option(help="GTF or GFF3, plain or gz; may be repeated.")] = None,
    output: Annotated[Path, typer.Option(help="Folder; each task gets one of its own in it.")] = Path("tasks"),
    genes: Annotated[
        list[str] | None, typer.Option(help="Gene ids or names, separated by commas; a file with one a line; or all.")
    ] = None,
    biotype: Annotated[
        str, typer.Option(help="Kind of gene if --genes is not given; 'any' keeps all.")
    ] = "protein_coding",
    transcript: Annotated[
        Literal["canonical", "mane", "union"], typer.Option(help="Whose exons a gene has.")
    ] = "canonical",
    window: Annotated[
        int | None,
        typer.Option(help="Bases of a sequence; 200, promoter 300, frame 90, coding and exon 120 if not given."),
    ] = None,
    most: Annotated[int, typer.Option(help="Sequences of a class, over all splits.")] = 2000,
    by: Annotated[
        Literal["auto", "chromosome", "cluster"],
        typer.Option(help="How splits part: by --dev and --test chromosomes, or by clusters of what is alike."),
    ] = "auto",
    dev: Annotated[str, typer.Option(metavar="CHROMS", help="Chromosomes of dev, separated by commas.")] = "",
    test: Annotated[str, typer.Option(metavar="CHROMS", help="Chromosomes of test; all others train.")] = "",
    identity: Annotated[float, typer.Option(help="From which identity sequences are near-duplicates.")] = 0.9,
    duplicates: Annotated[
        Literal["drop", "keep"],
        typer.Option(help="Near-duplicates across splits: drop of the earlier, or keep."),
    ] = "drop",
    match: Annotated[
        Literal["gc", "dinucleotides", "none"], typer.Option(help="Composition by which classes are matched.")
    ] = "gc",
    sites: Annotated[
        Literal["canonical", "all"], typer.Option(help="Splice sites: with GT and AG alone, or all annotated ones.")
    ] = "canonical",
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    check: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Make nothing: look over a labelled set that is there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make labelled sets from FASTA and annotation: splice sites, promoters, coding frame, exons, first exons.

    genebrain tasks --reference hg38.fa --annotation genes.gtf --task splice --dev 19 --test 20,21

    Each task becomes a folder with train.csv, dev.csv and test.csv (columns sequence and label first, as the GUE
    benchmark has them) and task.yaml, which says where all of it comes from. `probe.sets` of an experiment: probe takes
    such folders, and those of others that hold the three csv files alone.

    \b
    splice      neither, donor, acceptor: 200 bp around the ends of introns; "neither" has the same two bases
                (GT or AG) at its middle, in the same genes, at no annotated exon
    promoter    250 bp before to 50 bp after a transcription start, against places 1 kb or more from any
    frame       0, 1, 2: the place of the first base within its codon
    coding      coding sequence against introns
    exon        exons, translated or not, against introns: for annotations without CDS lines
    first-exon  the first bases of the first exon against those of later exons

    Every class has as many sequences, and as much GC: for each sequence of the smallest class the nearest in GC is
    taken from each other class, within every split, so that composition alone tells nothing. Splits are whole
    chromosomes where --dev and --test name some. Otherwise sequences that are alike (12-mers shared, on either strand)
    or overlap form clusters, and no cluster lies in two splits. Sequences with N are left out; soft-masked bases are
    bases.

    --check FOLDER says sizes, classes, and how many test sequences have a near-duplicate in train.
    """
    from encoders.training.tasks import TaskSettings, make_task, write_task
    from encoders.training.tasks.making import check_task_place

    if check is not None:
        _tell(_look_over(check, identity), as_json=as_json)
        return
    files = _find_files(config, reference, annotation, genes, biotype, transcript)
    settings = TaskSettings(
        window=window,
        most=most,
        by=by,
        dev=_names(dev),
        test=_names(test),
        identity=identity,
        duplicates=duplicates,
        match=match,
        sites=sites,
        seed=seed,
    )
    made: list[dict[str, Any]] = []
    names = _known(task or ["splice"])
    for name in names:
        check_task_place(output / name)
    for name in names:
        one = make_task(name, settings=settings, **files)
        write_task(one, output / name)
        made.append({"folder": str(output / name), "classes": list(one.card.classes), **one.card.provenance})
        if not as_json:
            for line in describe_task(one.card):
                say(f"{name:<11} {line}")
            say(f"{name:<11} {output / name}")
    if as_json:
        typer.echo(json.dumps(made, indent=1))


def _find_files(
    config: Path | None,
    reference: list[Path] | None,
    annotation: list[Path] | None,
    genes: list[str] | None,
    biotype: str,
    transcript: str,
) -> dict[str, Any]:
    """Files and genes as `make_task` takes them, from the configuration or from options."""
    from analyses.genome.variant_paths import read_genes

    if config is not None:
        genome = load(config, None, {}).genome
        if genome is None:
            raise InputError(f"genome: is required for tasks; {config} has none: give --reference and --annotation.")
        return {
            "reference": genome.reference,
            "annotation": genome.annotation,
            "genes": genome.genes,
            "biotype": genome.biotype,
            "transcript": genome.transcript,
        }
    if not reference or not annotation:
        raise InputError("Tasks need a CONFIG, or --reference and --annotation. Give the files.")
    return {
        "reference": reference,
        "annotation": annotation,
        "genes": read_genes(genes),
        "biotype": None if biotype == "any" else biotype,
        "transcript": transcript,
    }


def _known(asked: list[str]) -> list[TaskName]:
    """Tasks that can be made, each once."""
    from encoders.training.tasks.recipes import RECIPES

    if unknown := [name for name in asked if name not in RECIPES]:
        raise InputError(f"--task must be one of {', '.join(RECIPES)}; got {unknown[0]!r}. Correct the name.")
    return [name for name in RECIPES if name in asked]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def describe_task(card: TaskCard) -> list[str]:
    """Sizes, what was left out, and near-duplicates, a line each."""
    told = card.provenance
    sizes = [
        f"{where} {sum(counts.values()):,} ({', '.join(f'{name} {n:,}' for name, n in counts.items())})"
        for where, counts in told["counts"].items()
    ]
    left_out = [f"{n:,} {why}" for why, n in told["left_out"].items() if n]
    gc, before = told["composition"]["gc"], told["composition"]["gc_of_candidates"]
    duplicates = told["duplicates"]
    unusable = f" ({told['genes_left_out']:,} have no usable strand or transcript)" if told["genes_left_out"] else ""
    absent = told.get("genes_not_in_reference", 0)
    unusable += f" ({absent:,} lie on contigs that the reference lacks)" if absent else ""
    return [
        f"{told['genes']:,} genes{unusable}, windows of {told['window']:,} bp",
        "; ".join(sizes),
        "GC " + ", ".join(f"{name} {gc[name]:.3f} (candidates {before[name]:.3f})" for name in gc),
        f"splits by {told['split']['by']}; near-duplicates across splits: {duplicates['pairs_across_splits']:,} pairs, "
        f"{duplicates['sequences_dropped']:,} sequences dropped, {duplicates['pairs_left_across_splits']:,} pairs left",
        f"left out: {'; '.join(left_out) or 'none'}",
    ]


def _look_over(folder: Path, identity: float) -> dict[str, Any]:
    import numpy as np

    from encoders.training.tasks.labelled import read_labelled_set
    from encoders.training.tasks.leakage import find_leakage
    from encoders.training.tasks.recipes import TaskSettings

    TaskSettings(identity=identity).check()
    task = read_labelled_set(folder, overlap="drop")
    counts: dict[str, Any] = {name: {"sequences": len(split)} for name, split in task.splits.items()}
    if task.kind != "regression":
        for name, split in task.splits.items():
            of_class = split.labels.sum(axis=0) if task.kind == "multilabel" else np.bincount(split.labels.astype(int))
            counts[name] |= dict(zip(task.classes, of_class.tolist(), strict=False))
    leakage = find_leakage(task, identity=identity)
    return {
        "folder": str(folder),
        "name": task.name,
        "kind": task.kind,
        "counts": counts,
        "longest": task.longest,
        "near_duplicates": {"identity": identity, "in_train": leakage.n_in_train, "in_dev": leakage.n_in_dev},
        "told": [*task.notes, leakage.sentence()],
    }


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    say(f"{found['name']}: {found['kind']}, sequences of at most {found['longest']:,} bases")
    for name, counts in found["counts"].items():
        say(f"  {name:<6} {', '.join(f'{what} {n:,}' for what, n in counts.items())}")
    for sentence in found["told"]:
        say(f"  {sentence}")
