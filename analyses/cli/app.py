"""The command line: one verb per stage, all from the same configuration file."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from analyses.cli.cluster import command_words, emit, load
from analyses.cli.cluster import register as register_shard_commands
from analyses.cli.commands.brain import register as register_brain_commands
from analyses.cli.commands.configuration import register as register_config_command
from analyses.cli.commands.encoders import register as register_encoder_commands
from analyses.cli.commands.genome import register as register_genome_commands
from analyses.cli.commands.init import register as register_init_command
from analyses.cli.commands.meta import register as register_meta_command
from analyses.cli.commands.privacy import register as register_privacy_command
from analyses.cli.commands.report import register as register_report_command
from analyses.cli.commands.results import register as register_results_command
from analyses.cli.commands.tasks import register as register_tasks_command
from analyses.cli.commands.training import register as register_training_commands
from analyses.cli.help import GroupedCommands
from analyses.errors import InputError
from analyses.progress import say

app = typer.Typer(
    name="genebrain",
    cls=GroupedCommands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Do gene-sequence embeddings and brain embeddings share signal, and which DNA encoder shows it best?\n\n"
    "Start with `genebrain demo`; then let `genebrain init` write a YAML for your own files, and `genebrain run` it.",
)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the experiment.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a configuration value, e.g. alignment.n_permutations=1999."
    ),
]
Workers = Annotated[int | None, typer.Option(help="Processes for folds and permutations; results do not depend on it.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of folds and permutations.")]
Output = Annotated[Path | None, typer.Option(help="Results folder (overrides output:).")]
Force = Annotated[bool, typer.Option("--force", help="Redo stages even if finished with the same inputs.")]


def _version() -> str:
    from importlib.metadata import version

    return version("gene-brain-fusion")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"genebrain {_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _load(config: Path, overrides: list[str] | None, workers: int | None, seed: int | None, output: Path | None) -> Any:
    return load(config, overrides, {"workers": workers, "seed": seed, "output": output})


def _run(stage: str, config: Any, *, force: bool) -> None:
    say(f"genebrain {_version()}: {config.name}, results in {config.output}")  # the libraries take a while to come
    from analyses.workflow.pipeline import run_pipeline

    run_pipeline(config, until=stage, force=force)


@app.command()
def run(  # noqa: PLR0913 - every argument is an option of the command
    config: ConfigPath,
    set_: Overrides = None,
    workers: Workers = None,
    seed: Seed = None,
    output: Output = None,
    force: Force = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say subjects, dimensions, distinct windows, seconds and memory; do nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer of --dry-run as JSON.")] = False,
    emit_slurm: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the run as SLURM scripts into DIR, with submit.sh; run nothing."),
    ] = None,
    shards: Annotated[int, typer.Option(min=1, help="SLURM: tasks that share genes, and windows of each arm.")] = 8,
    partition: Annotated[str | None, typer.Option(help="SLURM: partition of all jobs.")] = None,
    time: Annotated[str | None, typer.Option(help="SLURM: limit of a job, e.g. 4:00:00.")] = None,
    mem: Annotated[str | None, typer.Option(help="SLURM: memory of a job, e.g. 16G.")] = None,
    gres: Annotated[str | None, typer.Option(help="SLURM: of embedding jobs, e.g. gpu:1.")] = None,
    gpu_partition: Annotated[str | None, typer.Option(help="SLURM: partition of embedding jobs.")] = None,
) -> None:
    """Run the whole way: windows, embed, align, compare, report, MLflow. Finished stages are reused.

    On a cluster: genebrain run CONFIG --emit-slurm jobs --shards 16 --gres gpu:1, then bash jobs/submit.sh. Genes and
    windows are shared out over array tasks; a task may be killed and requeued at any time. Processes of one machine,
    or workers of a dask cluster, share the permutations: see engine: in the configuration.
    """
    loaded = _load(config, set_, workers, seed, output)
    if emit_slurm is not None:
        words = command_words(config, set_, {"workers": workers, "seed": seed, "output": output})
        asked = {"shards": shards, "partition": partition, "time": time, "mem": mem}
        emit(emit_slurm, loaded, words, force=force, **asked, gres=gres, gpu_partition=gpu_partition)
        return
    if dry_run:
        from analyses.workflow.plan import describe, make_plan

        say(describe(make_plan(loaded), as_json=as_json))
        return
    _run("log", loaded, force=force)


def _add_stage(name: str, text: str) -> None:
    def command(
        config: ConfigPath,
        set_: Overrides = None,
        workers: Workers = None,
        seed: Seed = None,
        output: Output = None,
        force: Force = False,
    ) -> None:
        _run(name, _load(config, set_, workers, seed, output), force=force)

    command.__doc__ = text
    app.command(name)(command)


register_shard_commands(app)
_add_stage("align", "Residualise, reduce, align and test every encoder against every brain view.")
_add_stage("compare", "Compare the encoders on the same genes, cohort, folds and permutations.")
register_report_command(app)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder of the cohort and the results.")] = Path("results/demo"),
    subjects: Annotated[int, typer.Option(min=100, help="Subjects to simulate.")] = 640,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation, the folds and the permutations.")] = 20261,
    workers: Annotated[int, typer.Option(min=1, help="Processes for folds and permutations.")] = 2,
    force: Force = False,
) -> None:
    """Simulate a cohort in the real file formats and run the whole pipeline on it, offline."""
    say(f"genebrain {_version()}: demo, results in {output}")  # the libraries take a while to come
    from analyses.workflow.compiled_ahead import compiling_ahead

    with compiling_ahead():
        from analyses.workflow.demo import run_demo

        run_demo(output, n_subjects=subjects, seed=seed, workers=workers, force=force)


@app.command()
def haplotypes(
    reference: Annotated[list[Path], typer.Option(help="FASTA, plain or bgzip; may be repeated.")],
    variants: Annotated[list[Path], typer.Option(help="VCF.gz, BCF, PGEN, BGEN or VCF Zarr; may be repeated.")],
    region: Annotated[str, typer.Option(help="CHROM:START-END, 1-based, both ends included.")],
    subject: Annotated[str, typer.Option(help="VCF sample.")],
    haplotype: Annotated[int | None, typer.Option(min=1, max=2, help="1 or 2; both if not given.")] = None,
    unphased: Annotated[
        Literal["phased", "as-written", "iupac", "iupac-unphased", "alternate"],
        typer.Option(help="Unphased genotypes: refuse (phased), take the order written, or write codes or ALT."),
    ] = "phased",
    missing: Annotated[Literal["reference", "N", "refuse"], typer.Option(help="Missing genotypes.")] = "reference",
    dosages: Annotated[
        Literal["refuse", "best-guess"], typer.Option(help="Genotypes that nobody called, of which dosages are known.")
    ] = "refuse",
    contig_aliases: Annotated[bool, typer.Option("--contig-aliases", help="Let chr20 and 20 be one contig.")] = False,
) -> None:
    """Print a subject's haplotype sequences of a region as FASTA: what is really embedded."""
    from analyses.genome.haplotypes import haplotype_fasta

    typer.echo(
        haplotype_fasta(
            reference,
            variants,
            region,
            subject,
            haplotype=haplotype,
            unphased=unphased,
            missing=missing,
            dosages=dosages,
            contig_aliases=contig_aliases,
        ),
        nl=False,
    )


@app.command()
def power(
    n: Annotated[int, typer.Option("--n", min=4, help="Subjects.")],
    x: Annotated[int, typer.Option("--x", min=1, help="Genetic dimensions that enter CCA.")],
    y: Annotated[int, typer.Option("--y", min=1, help="Brain dimensions that enter CCA.")],
    confounds: Annotated[int, typer.Option(min=0, help="Columns of the confound design.")] = 0,
    rho: Annotated[float | None, typer.Option(help="Correlation to be found; half the threshold if not given.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the held-out tests.")] = 5,
    alignments: Annotated[int, typer.Option(min=1, help="Encoders x views that are corrected together.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what noise gives at this size and what could be detected, before any data exist."""
    from analyses.alignment.power import describe, make_forecast

    forecast = make_forecast(n, x, y, confounds=confounds, rho=rho, folds=folds, alignments=alignments)
    typer.echo(describe(forecast, as_json=as_json))


@app.command()
def encoders() -> None:
    """List the DNA encoders: hidden size, strand policies, licence of the weights, and whether a source is needed."""
    from encoders import available_encoders
    from encoders.dna.catalog import describe_encoders

    typer.echo(describe_encoders(available_encoders()))


@app.command()
def ui(
    tracking: Annotated[
        str | None, typer.Argument(metavar="URI", help="Tracking URI or mlflow.db file; the demo's if not given.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on the loopback address.")] = 5000,
) -> None:
    """Open the experiments in the MLflow UI and print the link to their summary view."""
    from analyses.tracking.mlflow_client import serve_ui

    serve_ui(tracking or "results/mlflow.db", port=port)


@app.command()
def log(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results folder of a run with its report.")],
    tracking: Annotated[
        str | None, typer.Option(metavar="URI", help="mlflow.db file or server; that of the run if not given.")
    ] = None,
) -> None:
    """Log finished results into MLflow: after a server was away, or into another store. Nothing is logged twice."""
    from analyses.workflow.track import log_folder

    log_folder(results, tracking)


@app.command()
def doctor() -> None:
    """Check this installation: versions, BLAS kernel and threads, GPU, and a known canonical correlation."""
    from analyses.cli.doctor import examine

    typer.echo(examine())


register_init_command(app)
register_config_command(app)
register_brain_commands(app)
register_encoder_commands(app)
register_training_commands(app)
register_genome_commands(app)
register_tasks_command(app)
register_privacy_command(app)
register_results_command(app)
register_meta_command(app)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """What this program warns of is a sentence for the user; where in the code it stands is not."""
    from fusion.workers import is_of_no_concern

    if is_of_no_concern(message):
        return
    kind = "" if issubclass(category, UserWarning) else f" ({category.__name__})"
    _tell_once(f"genebrain: warning{kind}: {InputError(message)}")


@cache
def _tell_once(sentence: str) -> None:
    """Every stage that meets the same thing would say so again."""
    typer.echo(sentence, err=True)


def main() -> None:
    """Entry point: bad input is one sentence and exit code 2, a service that is away 3, a fault of the program 70."""
    from analyses.cli.blas_kernel import prefer_fast_kernel
    from analyses.cli.faults import EXIT_CODE, tell_fault, tell_no_memory
    from analyses.cli.signals import ending_in_words
    from encoders.errors import InputError as EncodersError
    from fusion.errors import InputError as FusionError

    prefer_fast_kernel()
    _tell_once.cache_clear()
    warnings.showwarning = _show_warning
    # Read once, when OpenMP starts: threads that spin while they wait take the cores from the workers beside them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with ending_in_words():
            app()
    except (InputError, EncodersError, FusionError) as error:
        typer.echo(f"genebrain: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 2))
    except KeyboardInterrupt:  # before any command began
        typer.echo("genebrain: ended by SIGINT before it began.", err=True)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - whatever nobody expected is told, and kept for whoever mends it
        if tell_no_memory(error):
            sys.exit(2)
        tell_fault(error)
        sys.exit(EXIT_CODE)
