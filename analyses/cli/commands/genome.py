"""Commands of the genome side: distinct windows, relatives and ancestry, from files alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from analyses.cli.cluster import ShardOption, load, run_windows_shard
from analyses.progress import say

if TYPE_CHECKING:
    from analyses.config.run_config import RunConfig

Variants = Annotated[
    list[Path] | None,
    typer.Option(help="VCF.gz, BCF, PGEN, BGEN or VCF Zarr, or a folder of them; may be repeated."),
]
Subjects = Annotated[
    Path | None, typer.Option(help="One subject id a line, or FID and IID; every sample if not given.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Output = Annotated[Path | None, typer.Option(help="Results folder.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(windows)
    app.command()(kinship)
    app.command()(ancestry)


def windows(  # noqa: PLR0913 - every argument is an option of the command
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="YAML file of the experiment; or give files by options.")
    ] = None,
    reference: Annotated[
        list[Path] | None, typer.Option(help="FASTA, plain or bgzip; without it windows are counted by alleles.")
    ] = None,
    annotation: Annotated[list[Path] | None, typer.Option(help="GTF or GFF3, plain or gz; may be repeated.")] = None,
    variants: Variants = None,
    subjects: Subjects = None,
    genes: Annotated[
        list[str] | None, typer.Option(help="Gene ids or names, separated by commas; a file with one a line; or all.")
    ] = None,
    biotype: Annotated[
        str, typer.Option(help="Kind of gene if --genes is not given; 'any' keeps all.")
    ] = "protein_coding",
    unit: Annotated[Literal["exon", "gene", "promoter"], typer.Option(help="What is cut into windows.")] = "exon",
    window: Annotated[
        int, typer.Option(min=1, help="Reference bases per window; larger than an exon: each exon whole.")
    ] = 510,
    flank: Annotated[int, typer.Option(min=1, help="Promoter: bases on each side of the transcription start.")] = 1000,
    transcript: Annotated[
        Literal["canonical", "mane", "union"], typer.Option(help="Whose exons a gene has.")
    ] = "canonical",
    unphased: Annotated[
        Literal["phased", "as-written", "iupac", "iupac-unphased", "alternate"],
        typer.Option(help="Unphased genotypes: refuse (phased), take the order written, or write codes or ALT."),
    ] = "phased",
    missing: Annotated[Literal["reference", "N", "refuse"], typer.Option(help="Missing genotypes.")] = "reference",
    dosages: Annotated[
        Literal["refuse", "best-guess"], typer.Option(help="Genotypes that nobody called, of which dosages are known.")
    ] = "refuse",
    unstranded: Annotated[Literal["refuse", "forward"], typer.Option(help="Genes without a strand.")] = "refuse",
    callable_: Annotated[
        Path | None, typer.Option("--callable", help="BED of where genotypes were called (targets of an exome).")
    ] = None,
    outside_callable: Annotated[
        Literal["reference", "N"], typer.Option(help="Bases outside --callable: as the reference, or unknown.")
    ] = "reference",
    contig_aliases: Annotated[bool, typer.Option("--contig-aliases", help="Let chr20 and 20 be one contig.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count; write nothing.")] = False,
    as_json: AsJson = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="With CONFIG: override a value.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="With CONFIG: processes of later stages.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="With CONFIG: seed of folds and permutations.")] = None,
    output: Output = None,
    force: Annotated[bool, typer.Option("--force", help="With CONFIG: redo the stage even if finished.")] = False,
    shard: ShardOption = None,
) -> None:
    """Genotypes to distinct sequences: check REF, build haplotypes, cut windows, count repeats.

    Either of an experiment, `genebrain windows CONFIG`, or of files alone:

    genebrain windows --reference hg38.fa --annotation genes.gtf --variants chr22.vcf.gz --dry-run --json

    Leave --reference out to count in allele space; leave --dry-run out to write the window table into --output.

    Many processes share the genes of an experiment: `genebrain windows CONFIG --shard 1/8` to 8/8 write a part each,
    whole or not at all, and `genebrain windows CONFIG` joins them into the very table that one process makes.
    """
    from analyses.errors import InputError

    if config is not None:
        loaded = load(config, set_, {"workers": workers, "seed": seed, "output": output})
        _run_stage(loaded, shard, force=force)
        return
    if shard is not None:
        raise InputError("--shard shares out an experiment; no CONFIG was given. Give the YAML file of the experiment.")
    if not annotation or not variants:
        raise InputError("Windows need a CONFIG, or --annotation and --variants. Give the files.")
    if not dry_run and output is None:
        raise InputError("A window table is written into --output; it was not given. Give a folder, or add --dry-run.")
    from analyses.config.inputs import GenomeConfig
    from analyses.genome.variant_paths import read_genes
    from analyses.genome.window_counts import count_files, describe, write_windows

    genome = GenomeConfig(
        reference=tuple(reference or ()),
        annotation=tuple(annotation),
        variants=tuple(variants),
        genes=read_genes(genes),
        biotype=None if biotype == "any" else biotype,
        unit=unit,
        window=window,
        promoter_flank=flank,
        transcript=transcript,
        unphased=unphased,
        missing=missing,
        dosages=dosages,
        unstranded=unstranded,
        callable_regions=callable_,
        outside_callable=outside_callable,
        contig_aliases=contig_aliases,
    )
    if dry_run or output is None:
        summary = count_files(genome, subjects=subjects)
    else:
        summary = write_windows(genome, output, subjects=subjects)
    say(describe(summary, as_json=as_json))


def kinship(
    variants: Variants,
    output: Annotated[Path, typer.Option(help="Folder for kinship.tsv, families.tsv and kinship.json.")],
    subjects: Subjects = None,
    cutoff: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Kinship from which two are family; 0.0442 is third degree.")
    ] = 0.0442,
    min_maf: Annotated[float, typer.Option(min=0.0, max=0.5, help="Smallest minor allele frequency.")] = 0.01,
    max_missing: Annotated[float, typer.Option(min=0.0, max=1.0, help="Largest share of missing genotypes.")] = 0.05,
    dosages: Annotated[
        Literal["refuse", "best-guess"], typer.Option(help="Genotypes that nobody called, of which dosages are known.")
    ] = "refuse",
    as_json: AsJson = False,
) -> None:
    """Find relatives by KING-robust kinship and join them into families.

    families.tsv (subject_id, family, n_in_family, call_rate) can be given as a participants table: name its column in
    cohort.family_column to keep one of each family, or as exchangeability blocks. Use genome-wide variants: a few
    genes do not show kinship.
    """
    from analyses.genome.relatedness import describe, write_kinship

    summary = write_kinship(
        list(variants or ()),
        output,
        subjects=subjects,
        cutoff=cutoff,
        min_maf=min_maf,
        max_missing=max_missing,
        dosages=dosages,
    )
    say(describe(summary, as_json=as_json))


def ancestry(
    variants: Variants,
    output: Annotated[Path, typer.Option(help="Folder for ancestry.tsv and ancestry.json.")],
    subjects: Subjects = None,
    fit_on: Annotated[
        Path | None,
        typer.Option(help="Ids that define the components (unrelated, or training); the others are projected."),
    ] = None,
    components: Annotated[int, typer.Option(min=1, help="Principal components.")] = 10,
    min_maf: Annotated[float, typer.Option(min=0.0, max=0.5, help="Smallest minor allele frequency.")] = 0.05,
    max_missing: Annotated[float, typer.Option(min=0.0, max=1.0, help="Largest share of missing genotypes.")] = 0.05,
    max_r2: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Neighbours in stronger linkage are thinned; 1 keeps all.")
    ] = 0.2,
    dosages: Annotated[
        Literal["refuse", "best-guess"], typer.Option(help="Genotypes that nobody called, of which dosages are known.")
    ] = "refuse",
    as_json: AsJson = False,
) -> None:
    """Compute ancestry components from the genotypes, as a table of confounds PC1, PC2, ...

    Components of all subjects together see genotypes of subjects that a fold holds out, never their brains. With
    --fit-on only the named subjects define the axes and the rest are projected, a little towards the centre.
    """
    from analyses.genome.relatedness import describe, write_ancestry

    summary = write_ancestry(
        list(variants or ()),
        output,
        subjects=subjects,
        fit_on=fit_on,
        n_components=components,
        min_maf=min_maf,
        max_missing=max_missing,
        max_r2=max_r2,
        dosages=dosages,
    )
    say(describe(summary, as_json=as_json))


def _run_stage(config: RunConfig, shard: str | None, *, force: bool) -> None:
    if shard is not None:
        run_windows_shard(config, shard, force=force)
        return
    from analyses.workflow.pipeline import run_pipeline

    run_pipeline(config, until="windows", force=force)
