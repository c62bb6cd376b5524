"""Commands that share a run out: embedding by shards, and the scripts of a cluster."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from analyses.config.run_config import RunConfig

ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="With CONFIG: do one part of N, e.g. 3/8. Parts run in any order, at the same time, on any machines that "
        "share the output folder; one that was killed is started again and does what is missing.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(embed)


def embed(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the experiment.")],
    shard: ShardOption = None,
    arm: Annotated[
        list[str] | None, typer.Option(help="With --shard: only this arm (a name under encoders:); may be repeated.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes of later stages.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of folds and permutations.")] = None,
    output: Annotated[Path | None, typer.Option(help="Results folder (overrides output:).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Redo finished stages; vectors in the store stay.")] = False,
) -> None:
    """Embed each distinct window once per encoder; resumes from the store.

    Vectors are stored in shards of 512, so a killed run loses no more than that. To use several GPUs or machines:

    genebrain windows CONFIG

    genebrain embed CONFIG --shard 1/4 --arm NAME      (and 2/4, 3/4, 4/4, each on its GPU)

    A shard is one of N equal parts of the windows by their id, so what it does never depends on the others. A second
    run of the same shard does nothing. `genebrain run CONFIG --emit-slurm DIR` writes all this as SLURM jobs.
    """
    from analyses.errors import InputError
    from analyses.workflow.pipeline import run_pipeline

    loaded = load(config, set_, {"workers": workers, "seed": seed, "output": output})
    if shard is None:
        if arm:
            raise InputError("--arm chooses what a shard embeds; --shard was not given. Add --shard 1/1 for one arm.")
        run_pipeline(loaded, until="embed", force=force)
        return
    from analyses.cluster.shards import Shard
    from analyses.workflow.sharded_stages import run_embed

    if force:
        raise InputError("--force redoes the windows stage, which shards share; it was given with --shard. Leave it.")
    part = Shard.parse(shard)
    run_embed(run_pipeline(loaded, until="windows"), shard=part, arms=arm or ())


def run_windows_shard(config: RunConfig, shard: str, *, force: bool) -> None:
    """`genebrain windows CONFIG --shard I/N`."""
    from analyses.cluster.shards import Shard
    from analyses.run.run import Run
    from analyses.workflow.sharded_stages import run_window_shard

    part = Shard.parse(shard)
    run_window_shard(Run(config), part, force=force)


def emit(folder: Path, config: RunConfig, words: list[str], *, force: bool, **resources: Any) -> None:
    """`genebrain run CONFIG --emit-slurm DIR`."""
    from analyses.errors import InputError

    if force:
        raise InputError("--force would redo finished work in every requeued task; it was given with --emit-slurm.")
    from analyses.workflow.slurm import Resources, emit_slurm

    scripts = emit_slurm(folder, config, words, Resources(**resources))
    typer.echo(f"{len(scripts)} scripts in {folder}; submit them with: bash {shlex.quote(str(scripts[0]))}")


def load(config: Path, overrides: list[str] | None, given: dict[str, object]) -> RunConfig:
    """The configuration with its overrides."""
    from analyses.config.file import load_config

    extra = [f"{key}={value}" for key, value in given.items() if value is not None]
    return load_config(config, [*(overrides or []), *extra])


def command_words(config: Path, overrides: list[str] | None, given: dict[str, object]) -> list[str]:
    """The words that repeat a configuration and its overrides on another command line."""
    options = [word for assignment in overrides or [] for word in ("--set", assignment)]
    options += [word for key, value in given.items() if value is not None for word in (f"--{key}", str(value))]
    return [str(config), *options]
